"""Exact tallies of many chains by an executor: first every chain's grid, then all draws, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, final

import numpy as np

from journeysim.simulate.chain import Chain
from journeysim.simulate.exact.recursion import ExactReport, first_grid, grid_for, tally_by, trial_draws
from journeysim.simulate.executors import Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import PER_DRAW, Tally

#: Draws of a block. A constant of the method, so that blocks do not depend on who computes them.
DRAWS: Final = 64


@final
@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Asks which grid is fine enough for these few draws, from so many steps on."""

    chain: Chain
    settings: Settings
    fewest: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some draws of a chain, and the grid that was found for it."""

    chain: Chain
    settings: Settings
    report: ExactReport


def exact_tallies(
    chains: Sequence[Chain], settings: Settings, *, executor: Executor
) -> list[tuple[Tally, ExactReport]]:
    """Return for each chain what `exact_tally` returns for it, bit for bit."""
    reports = _reports(chains, settings, executor)
    parts = [
        Part(chain.take(rows), settings, report)
        for chain, report in zip(chains, reports, strict=True)
        for rows in draw_blocks(chain.draws, DRAWS)
    ]
    answers = iter(in_order(executor, part_of_tally, parts))
    found = [[next(answers) for _ in draw_blocks(chain.draws, DRAWS)] for chain in chains]
    tallies = [_whole(chain, settings, own) for chain, own in zip(chains, found, strict=True)]
    return list(zip(tallies, reports, strict=True))


def find_grid(trial: Trial) -> Arrays:
    """Return the report of a trial, each of its fields an array."""
    report = grid_for(trial.chain, trial.settings, trial.fewest, threads=1)
    return {name: np.asarray(value) for name, value in asdict(report).items()}


def part_of_tally(part: Part) -> Arrays:
    """Return the fields of a tally of some draws."""
    tally = tally_by(part.report, part.chain, part.settings, threads=1)
    return {name: getattr(tally, name) for name in PER_DRAW}


def _reports(chains: Sequence[Chain], settings: Settings, executor: Executor) -> list[ExactReport]:
    first = [first_grid(chain, settings) for chain in chains]
    trials = [
        Trial(trial_draws(chain), settings, fewest)
        for chain, fewest in zip(chains, first, strict=True)
        if not isinstance(fewest, ExactReport)
    ]
    found = iter(in_order(executor, find_grid, trials))
    return [item if isinstance(item, ExactReport) else _report(next(found)) for item in first]


def _report(found: Arrays) -> ExactReport:
    values: dict[str, Any] = {item.name: found[item.name].item() for item in fields(ExactReport)}
    return ExactReport(**values)


def _whole(chain: Chain, settings: Settings, parts: Sequence[Arrays]) -> Tally:
    """Return a chain's tally from those of its blocks of draws."""
    values: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in PER_DRAW}
    return Tally(
        **values,
        marks=settings.marks,
        links=chain.links,
        touchpoints=chain.touchpoints,
        outcomes=chain.outcomes,
        personas=chain.personas,
    )
