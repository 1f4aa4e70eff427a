"""One world with its staff: tallies over all draws, and lives of single customers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.lives import Lives
from journeysim.simulate.seasons import by_month
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.desks import BUSY, CAME, COUNTS, GAVE_UP_WAITING, STAFFED, TURNED_AWAY, WAITED
from journeysim.simulate.service.replay import Order, fill_order, new_order, replay, replay_by_date
from journeysim.simulate.service.stage import Room, Stage, first_room, measured_of, run_draw
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.crowd import in_threads, tally_of
from journeysim.simulate.walk.kernel import Block, new_block
from journeysim.simulate.walk.lanes import Lanes, new_lanes
from journeysim.simulate.walk.singles import lives_from
from journeysim.simulate.walk.sums import Sums, new_books, new_sums

WEEK: Final = 7.0
WEEKS_OF_YEAR: Final = 52.0
#: Measured customers per draw, where the scenario does not say how many.
CUSTOMERS: Final = 2_000


def span_of(draws: Draws, settings: Settings, *, customers: int = CUSTOMERS) -> Span:
    """Return the days of a run: whole weeks, so that every weekday counts alike.

    Where months differ these are whole years, of 52 weeks each.

    The warm-up is as long as the horizon: whoever came before has had their time, so those on the way on day 0 are
    there. Measured are the customers of as many weeks as it takes for `customers` of them, and each is followed for
    the horizon, while others keep coming.
    """
    per_day = float(np.mean(draws.values("arrivals")))
    unit = WEEKS_OF_YEAR if by_month(draws) else 1.0
    weeks = unit * max(1.0, np.ceil(customers / per_day / WEEK / unit))
    warm_up = WEEK * np.ceil(settings.horizon / WEEK)
    window = float(WEEK * weeks)
    first_day = None if settings.first_day is None else date.fromisoformat(settings.first_day)
    return Span(float(warm_up), window, window + settings.horizon, first_day)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """What a stage's run gives: its tally over all draws, and the lives of the first measured customers of some."""

    tally: Tally
    lives: Lives


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Books:
    """Sums over all draws, as the draws are run; every draw writes its own row."""

    books: Books
    sums: Sums
    visits: Floats  # (D, R, G, COUNTS)
    staffed: Floats  # (D, R)
    busy: Floats  # (D, R)
    measured: Ints  # (D,)
    whole: NDArray[np.int32]  # (lives' draws, customers, 4)
    real: Floats  # (lives' draws, customers, 7)


def run_stage(stage: Stage, *, lives: Ints, customers: int) -> Service:
    """Return the tally of all draws of a stage and the lives of the first `customers` measured ones in draws `lives`.

    Fewer where a draw has fewer. The result has the same bits for any number of threads: a draw is never split.
    """
    found = _new_books(stage, len(lives), customers)
    place = {int(draw): k for k, draw in enumerate(lives)}
    way_out = _ways_out(stage.chain, stage.blueprint.gives_up_to)

    def run(rows: tuple[int, int]) -> None:
        desk = _Desk.new(stage)
        for row in range(*rows):
            desk = _run_row(stage, row, way_out, place.get(row), found, desk)

    in_threads(run, stage.chain.draws, os.cpu_count() or 1)
    count = int(found.measured[lives].min(initial=customers))
    people = np.arange(count, dtype=np.int64)
    kept = lives_from(stage.chain, lives, people, found.whole[:, :count], found.real[:, :count])
    tally = _by_name(tally_of(stage.chain, stage.settings, found.books, found.sums))
    return Service(_with_resources(tally, stage, found), kept)


def months_of(stage: Stage, months: int, *, since: float) -> dict[str, Floats]:
    """Return what the measured customers bring by calendar month from day 0, (D, months) each.

    Those who have ended before day `since` are left out.
    """
    ends = DAYS_PER_MONTH * np.arange(1, months + 2, dtype=np.float64)
    cut = replace(stage, layout=stage.layout._replace(month_ends=ends))
    found, way_out = _new_books(cut, 0, 0), _ways_out(stage.chain, stage.blueprint.gives_up_to)

    def run(rows: tuple[int, int]) -> None:
        desk = _Desk.new(stage)
        layout = stage.layout._replace(month_ends=ends.copy())
        for row in range(*rows):
            (first, last), desk = _lived(stage, row, desk)
            replay_by_date(
                first, last, since, ends, layout, stage.parameters, row, np.uint64(row), desk.room.truth, stage.ways, way_out,
                stage.blueprint.waiting_feels, desk.room.people, desk.room.trace, desk.order, desk.block, desk.lanes,
                found.books, found.sums, desk.part, desk.whole, desk.real,
            )  # fmt: skip

    in_threads(run, stage.chain.draws, os.cpu_count() or 1)
    sums = {"value": found.books.value_month, "cost": found.books.cost_month, "converted": found.sums.converted_month}
    return {name: item.sum(axis=1)[:, :months].astype(np.float64) for name, item in sums.items()}


def run_some(stage: Stage, draw: int, customers: Ints) -> tuple[Lives, list[tuple[NDArray[np.int32], Floats]]]:
    """Return the lives of chosen customers of one draw, and of each the places and days (since entry) of their arrivals.

    Customers are numbered in order of arrival from day 0 on. Raises ValueError for one who comes after the measured days.
    """
    found = _new_books(stage, 1, int(customers.max(initial=-1)) + 1)
    desk = _run_row(stage, draw, _ways_out(stage.chain, stage.blueprint.gives_up_to), 0, found, _Desk.new(stage))
    measured = int(found.measured[draw])
    if found.whole.shape[1] > measured:
        raise ValueError(
            f"draw {draw} measures customers 0 to {measured - 1}, those who come within {stage.span.window:.0f} days; "
            f"there is no customer {found.whole.shape[1] - 1}"
        )
    lives = lives_from(stage.chain, np.array([draw]), customers, found.whole[:, customers], found.real[:, customers])
    records = [
        desk.order.record[slice(*desk.order.start[who : who + 2])] for who in customers + desk.room.trace.about[0]
    ]
    return lives, [(desk.room.trace.place[at, WHERE], desk.room.trace.time[at, DAY]) for at in records]


def first_lives(lives: Lives, customers: int) -> Lives:
    """Return the lives of the first customers only."""
    per_customer = {
        name: getattr(lives, name)[:, :customers]
        for name in Lives.__dataclass_fields__
        if name not in {"draws", "customers", "places"}
    }
    return replace(lives, customers=lives.customers[:customers], **per_customer)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    """What one thread works with, beside the engine's room."""

    room: Room
    order: Order
    block: Block
    lanes: Lanes
    part: Floats
    whole: NDArray[np.int32]
    real: Floats

    @classmethod
    def new(cls, stage: Stage) -> _Desk:
        """Return working space for one thread."""
        return cls.around(stage, first_room(stage))

    @classmethod
    def around(cls, stage: Stage, room: Room) -> _Desk:
        """Return working space that fits a room."""
        customers = len(room.people.time)
        return cls(
            room,
            new_order(len(room.trace.place), customers),
            new_block(stage.layout.place_key.size),
            new_lanes(stage.layout.own.entries),
            np.zeros((4, stage.layout.personas, 5)),
            np.zeros((customers, 4), dtype=np.int32),
            np.zeros((customers, 7)),
        )


def _new_books(stage: Stage, lives: int, customers: int) -> _Books:
    draws, resources = stage.chain.draws, len(stage.blueprint.key)
    return _Books(
        new_books(draws, stage.layout),
        new_sums(draws, stage.layout),
        np.zeros((draws, resources, stage.layout.personas, COUNTS)),
        np.zeros((draws, resources)),
        np.zeros((draws, resources)),
        np.zeros(draws, dtype=np.int64),
        np.zeros((lives, customers, 4), dtype=np.int32),
        np.zeros((lives, customers, 7)),
    )


def _run_row(stage: Stage, row: int, way_out: NDArray[np.int32], kept: int | None, found: _Books, desk: _Desk) -> _Desk:
    """Run one draw and book it; return the working space, larger where it was too small."""
    (first, last), desk = _lived(stage, row, desk)
    room = desk.room
    replay(
        first, last, stage.layout, stage.parameters, row, np.uint64(row), room.truth, stage.ways,
        way_out,
        stage.blueprint.waiting_feels, room.people, room.trace,
        desk.order, desk.block, desk.lanes, found.books, found.sums, desk.part, desk.whole, desk.real,
    )  # fmt: skip
    found.visits[row], found.measured[row] = room.desks.visits, last - first
    found.staffed[row], found.busy[row] = room.desks.area[:, STAFFED], room.desks.area[:, BUSY]
    if kept is not None:
        size = min(last - first, found.whole.shape[1])
        found.whole[kept, :size], found.real[kept, :size] = desk.whole[:size], desk.real[:size]
    return desk


def _lived(stage: Stage, row: int, desk: _Desk) -> tuple[tuple[int, int], _Desk]:
    """Run one draw; return which customers are measured, and the working space with their records in order."""
    count, room = run_draw(stage, row, row, desk.room, measured=True)
    if room is not desk.room:
        desk = _Desk.around(stage, room)
    fill_order(count, room.trace, desk.order)
    return measured_of(count, stage, room), desk


def _by_name(tally: Tally) -> Tally:
    """Return the tally with links of one name in one: customers of several worlds may take them in different times."""
    names = tuple(dict.fromkeys(tally.links))
    if len(names) == len(tally.links):
        return tally
    moves = np.zeros((*tally.moves.shape[:-1], len(names)))
    for k, name in enumerate(tally.links):
        moves[..., names.index(name)] += tally.moves[..., k]
    return replace(tally, links=names, moves=moves)


def _ways_out(chain: Chain, gives_up_to: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return by phase the link that leads where the unserved of each touchpoint go (its first one where nobody can)."""
    found = np.tile(chain.row_start[:-1].astype(np.int32), (len(gives_up_to), 1))
    for phase, targets in enumerate(gives_up_to):
        for k, target in enumerate(targets):
            row = np.arange(chain.row_start[k], chain.row_start[k + 1])
            leads = row[chain.target[row] == target]
            if leads.size:
                found[phase, k] = leads[0]
    return found


def _with_resources(tally: Tally, stage: Stage, found: _Books) -> Tally:
    """Return the tally with what resources did, per entering customer."""
    customers = np.maximum(found.sums.customers, 1)[:, :, None]
    visits = found.visits.transpose(3, 0, 2, 1)
    everybody = np.maximum(found.measured, 1)[:, None]
    shape = visits.shape[1:]
    return replace(
        tally,
        resources=stage.blueprint.resources,
        asked=visits[CAME] / customers,
        waited=visits[WAITED] / customers,
        unserved=(visits[GAVE_UP_WAITING] + visits[TURNED_AWAY]) / customers,
        at_work=np.broadcast_to((found.busy / everybody)[:, None, :], shape).copy(),
        on_duty=np.broadcast_to((found.staffed / everybody)[:, None, :], shape).copy(),
    )
