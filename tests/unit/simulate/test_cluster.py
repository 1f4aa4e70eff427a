"""A Dask cluster of two workers: the same bits as here, also when a worker is lost on the way, and what is refused."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.simulate.executors import Here, in_order, opened
from journeysim.simulate.executors import cluster as module
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import by_blocks, walk_tallies
from walk_reference import layered_chain, rich_chain

distributed = pytest.importorskip("distributed", reason='needs Dask: pip install "journeysim[distributed]"')
pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")

RUN = Settings(horizon=120.0, discount_value=0.09, discount_cost=0.03)


@pytest.fixture(scope="module")
def address():
    """Return the address of a cluster of two worker processes."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
    ) as workers:
        yield workers.scheduler_address


def where(number):
    time.sleep(0.05)
    return {"pid": np.array(os.getpid()), "number": np.array(number)}


def test_walks_have_the_same_bits_there(address, monkeypatch):
    monkeypatch.setattr(by_blocks, "LIVES", 512)
    rich = [rich_chain(3, draws=5), layered_chain(4)]
    with opened(address) as executor:
        there = walk_tallies(rich, RUN, seed=8, customers=300, executor=executor)
    here = walk_tallies(rich, RUN, seed=8, customers=300, executor=Here())
    for (tally, error), (wanted, said) in zip(there, here, strict=True):
        np.testing.assert_array_equal(tally.value_month, wanted.value_month)
        np.testing.assert_array_equal(tally.paths.reached, wanted.paths.reached)
        np.testing.assert_array_equal(error.value_pv, said.value_pv)


def test_what_a_lost_worker_was_doing_is_done_by_others(address):
    found = {}
    with opened(address) as executor:
        for number, result in executor.run(where, range(40)):
            found[number] = result
            if len(found) == 5:
                lost = int(result["pid"])
                os.kill(lost, signal.SIGKILL)
    assert [int(found[k]["number"]) for k in range(40)] == list(range(40))
    pids = [int(item["pid"]) for item in found.values()]
    assert 0 < pids.count(lost) < 40
    assert len(set(pids)) >= 2


def test_a_worker_with_other_code_is_refused(address, monkeypatch):
    monkeypatch.setattr(module, "versions", lambda: {"python": "2.7"})
    with opened(address) as executor, pytest.raises(BadInput, match=r"X004.*python 3\.\S+ instead of 2\.7"):
        in_order(executor, where, [1])


def test_no_cluster_is_a_problem_with_its_address(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    with pytest.raises(BadInput, match=r"X003.*tcp://127\.0\.0\.1:9"), opened("tcp://127.0.0.1:9"):
        pass
