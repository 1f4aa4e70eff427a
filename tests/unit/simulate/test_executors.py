"""Executors: the same bits from each, in any order of completion, and what happens when something is lost."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from chains import random_chain, with_arrays
from journeysim.errors import JourneysimError
from journeysim.model.dwell import Family
from journeysim.simulate.exact import by_blocks as exact_blocks
from journeysim.simulate.exact import exact_tallies, exact_tally
from journeysim.simulate.executors import Here, in_order
from journeysim.simulate.executors.processes import process_pool
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import by_blocks as walk_blocks
from journeysim.simulate.walk import (
    crowd_tally,
    empty_crowd,
    lives_of_draws,
    walk_crowds,
    walk_lives,
    walk_tallies,
    walk_tally,
)
from journeysim.simulate.walk import (
    crowds as walk_in_crowds,
)
from walk_reference import layered_chain, rich_chain

RUN = Settings(horizon=120.0, discount_value=0.09, discount_cost=0.03)


@dataclass(frozen=True)
class Backwards:
    """Finishes the last job first."""

    def run(self, work, jobs):
        for number in reversed(range(len(jobs))):
            yield number, work(jobs[number])


@pytest.fixture(scope="module")
def processes():
    with process_pool(2) as pool:
        yield pool


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut small work into several blocks; a block is then two draws, or 512 lives of one."""
    monkeypatch.setattr(exact_blocks, "DRAWS", 2)
    monkeypatch.setattr(walk_blocks, "LIVES", 512)
    monkeypatch.setattr(walk_in_crowds, "LIVES", 512)


def assert_same(first, second):
    for item in dataclasses.fields(first):
        one, other = getattr(first, item.name), getattr(second, item.name)
        if dataclasses.is_dataclass(one):
            assert_same(one, other)
        elif isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=item.name)
        else:
            assert one == other, item.name


def chains(draws=5):
    return [random_chain(seed, draws=draws, personas=2, touchpoints=5, out_degree=4) for seed in (1, 2)]


def everywhere(processes):
    return (Here(1), Here(3), Backwards(), processes)


@pytest.mark.usefixtures("small_blocks")
def test_exact_tallies_have_the_bits_of_one_chain_alone_on_every_executor(processes):
    alone = [exact_tally(chain, RUN) for chain in chains()]
    for executor in everywhere(processes):
        for (tally, report), (wanted, said) in zip(exact_tallies(chains(), RUN, executor=executor), alone, strict=True):
            assert report == said
            assert_same(tally, wanted)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("customers", [90, 512])
def test_walks_have_the_bits_of_one_chain_alone_on_every_executor(processes, customers):
    rich = [rich_chain(3, draws=5), layered_chain(4)]
    alone = [walk_tally(chain, RUN, seed=8, customers=customers, threads=1) for chain in rich]
    for executor in everywhere(processes):
        found = walk_tallies(rich, RUN, seed=8, customers=customers, executor=executor)
        for (tally, error), (wanted, wanted_error) in zip(found, alone, strict=True):
            assert_same(tally, wanted)
            assert_same(error, wanted_error)


@pytest.mark.usefixtures("small_blocks")
def test_a_block_carries_the_tables_of_its_own_draws_alone():
    shared, draws = rich_chain(3, draws=5), np.arange(5)
    tables = len(shared.dwell_table)
    empirical = (shared.family == Family.EMPIRICAL)[:, None, None, :]
    own = with_arrays(
        shared,
        dwell_b=np.where(empirical, shared.dwell_b + tables * draws[:, None, None, None], shared.dwell_b),
        dwell_table=np.concatenate([shared.dwell_table] * 5),
    )
    assert len(own.take(np.array([2])).dwell_table) <= tables
    wanted = walk_tally(shared, RUN, seed=8, customers=300, threads=1)[0]
    assert_same(walk_tallies([own], RUN, seed=8, customers=300, executor=Here(1))[0][0], wanted)
    assert_same(exact_tallies([own], RUN, executor=Here(1))[0][0], exact_tally(shared, RUN)[0])


@pytest.mark.usefixtures("small_blocks")
def test_customers_of_one_draw_in_several_blocks_are_the_same_customers(processes):
    rich = [rich_chain(3)]
    (wanted, wanted_error), *_ = [walk_tally(chain, RUN, seed=8, customers=1500, threads=1) for chain in rich]
    found = [walk_tallies(rich, RUN, seed=8, customers=1500, executor=item)[0] for item in everywhere(processes)]
    for tally, error in found[1:]:
        assert_same(tally, found[0][0])
        assert_same(error, found[0][1])
    np.testing.assert_allclose(found[0][0].value_pv, wanted.value_pv, rtol=1e-12)
    np.testing.assert_allclose(found[0][0].paths.reached, wanted.paths.reached, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[0][1].value_pv, wanted_error.value_pv, rtol=1e-9)


@pytest.mark.usefixtures("small_blocks")
def test_crowds_walk_on_to_the_bits_of_one_walk_in_rounds_on_every_executor(processes):
    rich = [rich_chain(3, draws=5), layered_chain(4)]
    alone = [walk_tally(chain, RUN, seed=8, customers=1500, threads=1)[0] for chain in rich]
    for executor in everywhere(processes):
        crowds = {k: empty_crowd(chain, RUN, seed=8) for k, chain in enumerate(rich)}
        crowds, first = walk_crowds(crowds, [512], executor=executor)
        crowds, then = walk_crowds(crowds, [512, 476], executor=executor)
        for k, wanted in enumerate(alone):
            assert_same(crowd_tally(crowds[k], threads=1)[0], wanted)
            assert [int(look[k].customers[0].sum()) for look in (*first, *then)] == [512, 1024, 1500]
            np.testing.assert_array_equal(then[-1][k].total, crowds[k].sums.total)


def test_lives_are_those_of_the_whole_chain(processes):
    rich = rich_chain(3)
    wanted = walk_lives(rich, RUN, seed=8, draws=[1], customers=np.arange(40))
    for executor in everywhere(processes):
        (lives,) = lives_of_draws([rich], RUN, seed=8, draws=np.array([1]), customers=40, executor=executor)
        assert_same(lives, wanted)


def test_what_a_job_raises_comes_back_and_the_processes_go_on(processes):
    wrong = with_arrays(rich_chain(3), share=2.0 * rich_chain(3).share)
    for executor in everywhere(processes):
        with pytest.raises(ValueError, match="share"):
            walk_tallies([wrong], RUN, seed=8, customers=10, executor=executor)
    assert in_order(processes, number_of_this, [1, 2, 3]) == [{"number": k} for k in (1, 2, 3)]


def number_of_this(number):
    return {"number": number}


def end(number):
    os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number}


def test_a_process_that_is_ended_from_outside_is_an_error_with_a_cure():
    with process_pool(1) as pool, pytest.raises(JourneysimError, match=r"ended from outside.*processes:N"):
        in_order(pool, end, [1, 2])


PARENT = """
import os, sys, time
from journeysim.simulate.executors.processes import process_pool

def who(number):
    time.sleep(0.2)
    return {"pid": os.getpid()}

if __name__ == "__main__":
    with process_pool(2) as pool:
        print(pool.shelf.folder, *{found["pid"] for _, found in pool.run(who, range(6))}, flush=True)
        time.sleep(60)
"""


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        folder, *words = parent.stdout.readline().split()
        children = [int(word) for word in words]
        assert Path(folder).is_dir()
        parent.kill()
    assert children
    deadline = time.monotonic() + 30
    while any(_alive(pid) for pid in children):
        assert time.monotonic() < deadline, "a process outlived the one that started it"
        time.sleep(0.05)
    assert not Path(folder).exists()


def test_there_are_no_more_processes_than_jobs():
    with process_pool(3) as pool:
        assert in_order(pool, number_of_this, [7]) == [{"number": 7}]
        assert len(pool.pool._processes) == 1


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a zombie nobody has waited for is not alive
        return stat.read().rpartition(")")[2].split()[0] != "Z"
