"""Stages run by an executor: the same bits from each, however draws are cut, and nothing done twice."""

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.files import read_scenario
from journeysim.files.block_store import BlockStore
from journeysim.model.arms import build_arms
from journeysim.model.bundles import build_bundles
from journeysim.simulate.executors import Here, Kept
from journeysim.simulate.executors.processes import process_pool
from journeysim.simulate.run import simulate
from journeysim.simulate.service import by_blocks
from journeysim.simulate.service.together import crowds_together
from journeysim.simulate.settings import Settings

#: A first day, so that dates are among what a block is named by.
SETTINGS = Settings(10.0, 0.06, 0.06, first_day="2026-03-02")
DRAWS = 5


@pytest.fixture(scope="module")
def scenario():
    """Two proposals that share a queue; one begins later, so its calendar is lived through."""
    read = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    form, adviser = read.proposals
    change = adviser.changes[0]
    later = dataclasses.replace(change, terms=dataclasses.replace(change.terms, start=8.0))
    return dataclasses.replace(read, proposals=(form, dataclasses.replace(adviser, changes=(later,))))


@pytest.fixture(scope="module")
def arms(scenario):
    return build_arms(scenario, prior_draws(scenario.journey, draws=DRAWS, seed=1), seed=1)


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut a few draws into several blocks: of two draws."""
    monkeypatch.setattr(by_blocks, "LIVES", 1)
    monkeypatch.setattr(by_blocks, "FEWEST_DRAWS", 2)


def run(scenario, arms, executor):
    outcomes = simulate(arms, settings=SETTINGS, seed=1, customers=300, executor=executor)
    bundles = build_bundles(scenario.proposals, [arm.arm for arm in outcomes.proposals], seed=1)
    return [*outcomes.arms, *crowds_together(bundles, outcomes, executor)]


def arrays_in(value, at="run"):
    """Yield every array in a value, by where it is."""
    if isinstance(value, np.ndarray):
        yield at, value
    elif dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            if item.name != "arm":
                yield from arrays_in(getattr(value, item.name), f"{at}.{item.name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from arrays_in(item, f"{at}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from arrays_in(item, f"{at}[{number}]")


def assert_same(found, wanted):
    one, other = dict(arrays_in(found)), dict(arrays_in(wanted))
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.fixture(scope="module")
def whole(scenario, arms):
    """The run in one block, one after the other."""
    found = run(scenario, arms, Here(1))
    assert len(dict(arrays_in(found))) > 100
    assert any(".turning" in name and values.any() for name, values in arrays_in(found))
    return found


@pytest.mark.usefixtures("small_blocks")
def test_every_executor_gives_the_bits_of_one_block(scenario, arms, whole):
    assert_same(run(scenario, arms, Here(3)), whole)
    with process_pool(2) as processes:
        assert_same(run(scenario, arms, processes), whole)


@dataclasses.dataclass
class Breaking:
    """Is gone after so many blocks."""

    left: int
    done: int = 0

    def run(self, work, jobs):
        for number, job in reversed(list(enumerate(jobs))):
            if self.done == self.left:
                raise KeyboardInterrupt
            self.done += 1
            yield number, work(job)


@pytest.mark.usefixtures("small_blocks")
def test_what_was_finished_is_not_done_again(scenario, arms, whole, tmp_path):
    every, store, broken, rest = Breaking(-1), BlockStore(tmp_path / "blocks"), Breaking(7), Breaking(-1)
    run(scenario, arms, Kept(every, BlockStore(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        run(scenario, arms, Kept(broken, store))
    assert len(store) == 7
    assert_same(run(scenario, arms, Kept(rest, store)), whole)
    assert rest.done == every.done - 7
