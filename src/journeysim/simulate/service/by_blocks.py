"""Stages run by an executor, block by block of draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.executors import Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.service.blueprint import Blueprint, Span
from journeysim.simulate.service.by_draw import Booked, Desk, new_booked, run_row, run_row_by_date, ways_out_of
from journeysim.simulate.service.stage import Arriving, Stage, expected_customers, stage_of
from journeysim.simulate.service.ways import Answers, Entering, Ways
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.sums import Sums

#: Customers of a block, those of the warm-up included, and draws of it at least, which share the room that a block has to
#: make first. Constants of the method, so that blocks do not depend on who runs them.
LIVES: Final = 2**16
FEWEST_DRAWS: Final = 5
_BESIDE: Final = ("visits", "staffed", "busy", "measured")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some draws of a stage; `numbers` are the draws' numbers in the whole, `kept` the rows whose lives are kept."""

    chain: Chain
    settings: Settings
    seed: int
    span: Span
    blueprint: Blueprint
    arriving: Arriving
    living: tuple[Ways, Answers, Entering]
    numbers: Ints
    kept: Ints
    customers: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class DatedPart:
    """Some draws of a stage, booked by calendar months that end on days `ends`, without who has ended before `since`."""

    part: Part
    ends: Floats
    since: float


def book_stage(stage: Stage, *, lives: Ints, customers: int, executor: Executor) -> Booked:
    """Return what all draws of a stage add up to, and the lives of the first customers in draws `lives` (ascending).

    These are `customers`, or as many as the draw with the fewest measures. A draw is never split, and what it adds up to
    depends on no other one: the same bits for any executor, and however draws are cut into blocks.
    """
    return _joined(in_order(executor, book_part, list(_parts(stage, lives, customers))))


def book_by_date(stage: Stage, ends: Floats, since: float, executor: Executor) -> dict[str, Floats]:
    """Return the value, cost and conversions of each draw, persona and calendar month, (D, G, M) each."""
    nobody = np.zeros(0, dtype=np.int64)
    jobs = [DatedPart(part, ends, float(since)) for part in _parts(stage, nobody, 0)]
    found = in_order(executor, date_part, jobs)
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def book_part(part: Part) -> Arrays:
    """Return what a part's draws add up to, row by row, and the lives that are kept."""
    stage = _stage(part)
    found = new_booked(stage, len(part.kept), part.customers)
    way_out = ways_out_of(stage.chain, stage.blueprint.gives_up_to)
    place, desk = {int(row): k for k, row in enumerate(part.kept)}, Desk.new(stage)
    for row, number in enumerate(part.numbers):
        desk = run_row(stage, row, int(number), way_out, place.get(row), found, desk)
    count = int(found.measured[part.kept].min(initial=part.customers))
    arrays: Arrays = {name: getattr(found, name) for name in _BESIDE}
    arrays |= {"whole": found.whole[:, :count], "real": found.real[:, :count]}
    arrays |= {f"books {name}": item for name, item in found.books._asdict().items()}
    return arrays | {f"sums {name}": item for name, item in found.sums._asdict().items()}


def date_part(dated: DatedPart) -> Arrays:
    """Return what a part's draws bring by persona and calendar month."""
    stage = _stage(dated.part)
    cut = replace(stage, layout=stage.layout._replace(month_ends=dated.ends))
    found, way_out, desk = new_booked(cut, 0, 0), ways_out_of(stage.chain, stage.blueprint.gives_up_to), Desk.new(stage)
    for row, number in enumerate(dated.part.numbers):
        desk = run_row_by_date(stage, row, int(number), way_out, dated.ends, dated.since, found, desk)
    return {"value": found.books.value_month, "cost": found.books.cost_month, "converted": found.sums.converted_month}


def _parts(stage: Stage, lives: Ints, customers: int) -> Iterator[Part]:
    for rows in draw_blocks(stage.chain.draws, max(FEWEST_DRAWS, LIVES // expected_customers(stage))):
        yield Part(
            stage.chain.take(rows), stage.settings, stage.seed, stage.span, stage.blueprint.take(rows),
            stage.arriving.take(rows), (stage.ways, stage.answers.take(rows), stage.entering.take(rows)),
            rows, np.flatnonzero(np.isin(rows, lives)), customers,
        )  # fmt: skip


def _stage(part: Part) -> Stage:
    return stage_of(
        part.chain, part.blueprint, part.arriving, part.settings, part.span, seed=part.seed, living=part.living
    )


def _joined(parts: Sequence[dict[str, Any]]) -> Booked:
    """Return the sums of parts one after the other, along the draws."""
    count = min(part["whole"].shape[1] for part in parts)
    lives = {name: np.concatenate([part[name][:, :count] for part in parts]) for name in ("whole", "real")}
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in lives}
    return Booked(
        books=Books._make(whole[f"books {name}"] for name in Books._fields),
        sums=Sums._make(whole[f"sums {name}"] for name in Sums._fields),
        **{name: whole[name] for name in _BESIDE},
        **lives,
    )
