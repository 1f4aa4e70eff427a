"""One world with its staff: tallies over all draws, and lives of single customers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import Ints
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.lives import Lives
from journeysim.simulate.seasons import by_month
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_blocks import book_by_date, book_stage
from journeysim.simulate.service.by_draw import Booked, Desk, new_booked, run_row, ways_out_of
from journeysim.simulate.service.desks import CAME, GAVE_UP_WAITING, TURNED_AWAY, WAITED
from journeysim.simulate.service.stage import Stage
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.walk.crowd import tally_of
from journeysim.simulate.walk.singles import lives_from

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


def run_stage(stage: Stage, *, lives: Ints, customers: int, executor: Executor = HERE) -> Service:
    """Return the tally of all draws of a stage and the lives of the first `customers` measured ones in draws `lives`.

    Fewer where a draw has fewer; `lives` are in ascending order. The result has the same bits for any executor.
    """
    found = book_stage(stage, lives=lives, customers=customers, executor=executor)
    people = np.arange(found.whole.shape[1], dtype=np.int64)
    kept = lives_from(stage.chain, lives, people, found.whole, found.real)
    tally = _by_name(tally_of(stage.chain, stage.settings, found.books, found.sums))
    return Service(_with_resources(tally, stage, found), kept)


def months_of(stage: Stage, months: int, *, since: float, executor: Executor = HERE) -> dict[str, Floats]:
    """Return what the measured customers bring by calendar month from day 0, (D, months) each.

    Those who have ended before day `since` are left out.
    """
    ends = DAYS_PER_MONTH * np.arange(1, months + 2, dtype=np.float64)
    sums = book_by_date(stage, ends, since, executor)
    return {name: item.sum(axis=1)[:, :months].astype(np.float64) for name, item in sums.items()}


def run_some(stage: Stage, draw: int, customers: Ints) -> tuple[Lives, list[tuple[NDArray[np.int32], Floats]]]:
    """Return the lives of chosen customers of one draw, and of each the places and days (since entry) of their arrivals.

    Customers are numbered in order of arrival from day 0 on. Raises ValueError for one who comes after the measured days.
    """
    found = new_booked(stage, 1, int(customers.max(initial=-1)) + 1)
    way_out = ways_out_of(stage.chain, stage.blueprint.gives_up_to)
    desk = run_row(stage, draw, draw, way_out, 0, found, Desk.new(stage))
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


def _by_name(tally: Tally) -> Tally:
    """Return the tally with links of one name in one: customers of several worlds may take them in different times."""
    names = tuple(dict.fromkeys(tally.links))
    if len(names) == len(tally.links):
        return tally
    moves = np.zeros((*tally.moves.shape[:-1], len(names)))
    for k, name in enumerate(tally.links):
        moves[..., names.index(name)] += tally.moves[..., k]
    return replace(tally, links=names, moves=moves)


def _with_resources(tally: Tally, stage: Stage, found: Booked) -> Tally:
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
