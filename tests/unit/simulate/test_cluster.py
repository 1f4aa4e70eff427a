"""A Dask cluster of two workers: the same bits as here, also when a worker is lost on the way, and what is refused."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.simulate.executors import Here, in_order, opened, tables
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
    here = walk_tallies(rich, RUN, seed=8, customers=300, executor=Here())  # first: it compiles for both workers
    with opened(address) as executor:
        there = walk_tallies(rich, RUN, seed=8, customers=300, executor=executor)
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


def uses_up(job):
    """Return who did the job and what its table holds; leave nothing of the table."""
    time.sleep(0.05)
    total = job["table"].sum()
    job["table"][:] = 0.0
    return {"pid": np.array(os.getpid()), "total": total + job["number"]}


@pytest.fixture
def table():
    """Return 800 kB that every job of a test shares."""
    return np.random.default_rng(5).random(100_000)


def test_what_jobs_share_is_sent_once_and_the_same_for_each(address, table, monkeypatch):
    jobs, sent = [{"number": number, "table": table.copy()} for number in range(12)], []
    with opened(address) as executor:
        submit = executor.client.submit
        monkeypatch.setattr(executor.client, "submit", lambda *args, **how: sent.append(args) or submit(*args, **how))
        found = in_order(executor, uses_up, jobs)
    assert [item["total"] for item in found] == [table.sum() + number for number in range(12)]
    assert sum(len(piece) for args in sent for piece in args if isinstance(piece, bytes)) < table.nbytes + 12 * 1_000


def test_a_table_whose_worker_is_lost_is_there_for_the_jobs_left(address, table):
    jobs, found = [{"number": number, "table": table} for number in range(40)], {}
    with opened(address) as executor:
        for number, result in executor.run(uses_up, jobs):
            found[number] = result
            if len(found) == 1:  # whoever was first had the table before the other one
                os.kill(int(result["pid"]), signal.SIGKILL)
    assert [found[number]["total"] for number in range(40)] == [table.sum() + number for number in range(40)]


def test_tables_used_longest_ago_are_let_go(address, monkeypatch):
    monkeypatch.setattr(tables, "MOST", 1_700_000)
    first, second, third = (np.full(100_000, value) for value in (1.0, 2.0, 3.0))
    with opened(address) as executor:
        kept = tables.Tables(executor.client)
        (one,), (two,), (again,) = (kept.pack(item)[1] for item in (first, second, first))
        assert (one.key, len(kept.known)) == (again.key, 2)
        (three,) = kept.pack(third)[1]
        assert [task.key for task, _ in kept.known.values()] == [again.key, three.key]
        assert two.key not in {again.key, three.key}


def test_a_worker_with_other_code_is_refused(address, monkeypatch):
    monkeypatch.setattr(module, "versions", lambda: {"python": "2.7"})
    with opened(address) as executor, pytest.raises(BadInput, match=r"X004.*python 3\.\S+ instead of 2\.7"):
        in_order(executor, where, [1])


def test_no_cluster_is_a_problem_with_its_address(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    with pytest.raises(BadInput, match=r"X003.*tcp://127\.0\.0\.1:9"), opened("tcp://127.0.0.1:9"):
        pass
