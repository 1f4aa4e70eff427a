"""Finished blocks: found again whole or not at all, under names that stand for their content."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest

from chains import with_arrays
from journeysim.files.block_store import ABANDONED_AFTER, BlockStore, blocks_of, content_digest
from journeysim.simulate.executors import Here, Kept, in_order
from journeysim.simulate.settings import Settings
from walk_reference import layered_chain, rich_chain

BLOCK = {"value": np.arange(6.0).reshape(2, 3), "end": np.array([3, -1], dtype=np.int16), "paths felt": np.array(True)}


@pytest.fixture
def store(tmp_path):
    return BlockStore(tmp_path / "blocks")


def test_a_block_comes_back_with_its_names_types_and_bits(store):
    assert store.get("ab") is None
    store.put("ab", BLOCK)
    found = store.get("ab")
    assert list(found) == list(BLOCK)
    for name, values in BLOCK.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    assert (len(store), len(list(store.folder.iterdir()))) == (1, 1)
    store.remove()
    assert not store.folder.exists()


@pytest.mark.parametrize("spoil", [lambda content: content[:-1], lambda content: content[:40] + b"?" + content[41:]])
def test_a_block_that_was_cut_short_or_changed_is_taken_as_not_there(store, spoil):
    store.put("ab", BLOCK)
    (file,) = store.folder.iterdir()
    file.write_bytes(spoil(file.read_bytes()))
    assert store.get("ab") is None


def test_what_was_abandoned_long_ago_is_removed_and_the_rest_stays(tmp_path):
    (tmp_path / ".journeysim").mkdir()
    for name in ("old", "new"):
        blocks_of(tmp_path, name).put("ab", BLOCK)
    long_ago = time.time() - ABANDONED_AFTER - 60
    os.utime(tmp_path / ".journeysim" / "blocks" / "old", (long_ago, long_ago))
    assert (len(blocks_of(tmp_path, "new")), len(blocks_of(tmp_path, "old"))) == (1, 0)


@dataclass(frozen=True)
class Question:
    number: int
    size: float = 1.0


def test_only_what_is_missing_is_done(store):
    done = []

    def work(question):
        done.append(question.number)
        return {"square": np.array(question.number**2 * question.size)}

    first, second = [Question(k) for k in (1, 2)], [Question(k) for k in (3, 2, 1)]
    in_order(Kept(Here(1), store), work, first)
    found = in_order(Kept(Here(1), store), work, second)
    assert [float(item["square"]) for item in found] == [9.0, 4.0, 1.0]
    assert done == [1, 2, 3]
    in_order(Kept(Here(1), store), work, [Question(1, 2.0)])
    assert done == [1, 2, 3, 1], "another question is another block"


def test_digests_tell_apart_whatever_differs():
    chain, settings = rich_chain(3), Settings(90.0)
    share = chain.share.copy()
    share.flat[5] = np.nextafter(share.flat[5], 2.0)
    others = [
        (chain, settings, 1),
        (chain, settings, 2),
        (chain, settings, 1.0),
        (chain, settings, True),
        (chain, replace(settings, first_day="2026-01-05"), 1),
        (chain, replace(settings, within_cycle=(1.0, 2.0)), 1),
        (with_arrays(chain, share=share), settings, 1),
        (chain.take(np.array([1])), settings, 1),
        (layered_chain(3), settings, 1),
        ("ab", "c"), ("a", "bc"), ("abc",), (np.arange(2),), (np.arange(2.0),), (np.arange(2)[None],),
        (date(2026, 1, 5),), ("2026-01-05",), (date(2026, 1, 6),),
    ]  # fmt: skip
    digests = [content_digest(item) for item in others]
    assert len(set(digests)) == len(digests)
    assert content_digest((rich_chain(3), Settings(90.0), 1)) == digests[0]
    with pytest.raises(TypeError, match="set"):
        content_digest({1, 2})
