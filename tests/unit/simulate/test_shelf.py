"""What jobs share lies on a shelf once; a job that comes back from it is the job, and nothing done to it is shared."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.simulate.executors import shelf as module
from journeysim.simulate.executors.shelf import Shelf, unpacked


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def table(seed):
    return np.random.default_rng(seed).random(20_000)


def test_a_job_comes_back_with_its_bits_and_can_be_written_to(shelf):
    job = {"table": table(1), "few": np.arange(3), "name": "loan"}
    packed = shelf.pack(job)
    assert len(packed.files) == 1
    assert len(packed.content) < 1_000
    for _ in range(2):
        found = unpacked(packed)
        np.testing.assert_array_equal(found["table"], table(1))
        np.testing.assert_array_equal(found["few"], [0, 1, 2])
        assert found["name"] == "loan"
        found["table"][:] = 0.0  # the second time it is whole again


def test_equal_content_lies_there_once_and_other_content_beside_it(shelf, monkeypatch):
    monkeypatch.setattr(module.zlib, "crc32", lambda _: 5)  # sums that agree do not make two tables one
    first, again, other = (shelf.pack(item) for item in (table(1), table(1), table(2)))
    assert first.files == again.files != other.files
    np.testing.assert_array_equal(unpacked(other), table(2))
    assert len(list(shelf.folder.iterdir())) == 2


def test_read_only_and_small_arrays_travel_with_the_job(shelf):
    fixed = table(1)
    fixed.setflags(write=False)
    packed = shelf.pack((fixed, np.arange(9)))
    assert packed.files == ()
    np.testing.assert_array_equal(unpacked(packed)[0], fixed)


def test_what_was_used_longest_ago_goes_but_nothing_that_is_in_use(shelf, monkeypatch):
    monkeypatch.setattr(module, "MOST", 400_000)
    first, second = shelf.pack(table(1)), shelf.pack(table(2))
    shelf.pack(table(1))
    third = shelf.pack(table(3))
    assert {file.name for file in shelf.folder.iterdir()} == {file.split("/")[-1] for file in first.files + third.files}
    shelf.pack(table(4), in_use=[*first.files, *third.files])
    np.testing.assert_array_equal(unpacked(first), table(1))
    np.testing.assert_array_equal(unpacked(shelf.pack(table(2))), table(2))
    assert second.files


def test_a_full_disk_means_that_all_travels(shelf):
    shelf.folder.rmdir()
    packed = shelf.pack(table(1))
    assert packed.files == ()
    np.testing.assert_array_equal(unpacked(packed), table(1))
