"""A world made ready for the service engines: its chain, its staff, the days of the run, and who comes when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.errors import JourneysimError
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.service.blueprint import Blueprint, Span
from journeysim.simulate.service.desks import Desks, Lines, new_desks, new_lines, reset_desks
from journeysim.simulate.service.heap import Heap, new_heap
from journeysim.simulate.service.kernel import (
    DONE,
    PLACE,
    RUNAWAY,
    SHORT_OF_EVENTS,
    Customers,
    Points,
    close_books,
    points_of,
    schedule_shifts,
    serve,
)
from journeysim.simulate.service.people import People, arrivals, enter, week_of
from journeysim.simulate.service.steps import Clocks, Trace, fill_clocks, new_clocks, new_kept, new_trace
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk.kernel import MOST_MOVES
from journeysim.simulate.walk.lanes import Carried, Lanes, new_carried, new_lanes
from journeysim.simulate.walk.layout import Layout, Parameters, check_chain, layout_of, parameters_of, too_many_moves
from journeysim.simulate.walk.truth import Truth, fill_truth, new_truth

_SPARE: Final = 10.0
_SPARE_EVENTS: Final = 1_000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arriving:
    """Customers per day (D,), and for each draw the share of a week's customers who have come by each moment."""

    per_day: Floats
    week: tuple[Floats, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything a run needs but the draw."""

    chain: Chain
    settings: Settings
    seed: int
    span: Span
    layout: Layout
    parameters: Parameters
    blueprint: Blueprint
    arriving: Arriving


def stage_of(
    chain: Chain, blueprint: Blueprint, arriving: Arriving, settings: Settings, span: Span, *, seed: int
) -> Stage:
    """Return a world with its staff, ready to run.

    Parameters
    ----------
    chain : Chain
        The world in which everybody lives.
    blueprint : Blueprint
        The staff.
    arriving : Arriving
        How many come and when.
    settings : Settings
        Horizon and counting rules.
    span : Span
        The days of the run.
    seed : int
        Addresses every uniform.
    """
    check_chain(chain)
    layout, parameters = layout_of(chain, settings, seed), parameters_of(chain)
    return Stage(chain, settings, seed, span, layout, parameters, blueprint, arriving)


def arriving_of(journey: JourneyMap, draws: Draws, span: Span) -> Arriving:
    """Return how many customers come and when: the map's hours, else the draws' weekdays, else evenly."""
    monday = 0.0 if span.first_day is None else float(-span.first_day.weekday() % 7)
    per_day = draws.values("arrivals")
    if "arrivals_weekday" not in draws.data or journey.arrival_hours:
        return Arriving(per_day, (week_of(journey.arrival_hours, None, monday),) * draws.count)
    return Arriving(per_day, tuple(week_of((), factors, monday) for factors in draws.values("arrivals_weekday")))


@final
@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One draw of a stage: what holds for its whole run."""

    layout: Layout
    parameters: Parameters
    row: int
    truth: Truth
    blueprint: Blueprint
    clocks: Clocks
    staff: Floats  # (R,)
    draw: np.uint64
    window: float
    end: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """What one thread works in, for runs of up to so many customers, events and records."""

    people: People
    customers: Customers
    desks: Desks
    lines: Lines
    heap: Heap
    trace: Trace
    truth: Truth
    carried: Carried
    clocks: Clocks
    lanes: Lanes
    points: Points
    status: Ints


def new_room(stage: Stage, customers: int, events: int, records: int) -> Room:
    """Return room for one thread."""
    places = stage.layout.place_key.size
    return Room(
        people=People(
            np.zeros(customers), np.zeros(customers, dtype=np.uint32),
            np.zeros(customers, dtype=np.int32), np.zeros(customers, dtype=np.int32),
        ),
        customers=Customers(
            np.zeros((customers, 3), dtype=np.int32), np.zeros((customers, 6)),
            np.zeros(customers * places, dtype=np.uint32),
            new_kept(customers),
        ),
        desks=new_desks(stage.blueprint, stage.layout.personas),
        lines=new_lines(stage.blueprint, customers),
        heap=new_heap(events),
        trace=new_trace(records),
        truth=new_truth(stage.layout),
        carried=new_carried(1),
        clocks=new_clocks(stage.blueprint),
        lanes=new_lanes(stage.layout.own.entries),
        points=points_of(stage.blueprint),
        status=np.zeros(2, dtype=np.int64),
    )  # fmt: skip


def first_room(stage: Stage) -> Room:
    """Return room enough for nearly every draw; a run that needs more makes more."""
    customers = expected_customers(stage)
    return new_room(stage, customers, customers + _SPARE_EVENTS, 8 * customers)


def expected_customers(stage: Stage) -> int:
    """Return room enough for the customers of nearly every draw: the mean and ten standard deviations more."""
    mean = float(np.max(stage.arriving.per_day)) * (stage.span.end + stage.span.warm_up)
    return int(mean + _SPARE * np.sqrt(mean) + 100)


def people_of(stage: Stage, row: int, number: int, room: Room) -> tuple[int, Room]:
    """Fill the customers of a draw into the room and return how many they are; the room grows where it has to."""
    layout, draw = stage.layout, np.uint64(number)
    fill_truth(layout, stage.parameters, row, room.truth)
    count = arrivals(
        float(stage.arriving.per_day[row]), stage.arriving.week[row], -stage.span.warm_up, stage.span.end,
        layout.seed_low, layout.seed_high, draw, room.people.time, room.people.number,
    )  # fmt: skip
    if count < 0:
        larger = new_room(stage, 2 * len(room.people.time), 2 * len(room.heap.time), len(room.trace.place))
        return people_of(stage, row, number, larger)
    enter(count, layout, room.truth, draw, room.people)
    return count, room


def world_of(stage: Stage, row: int, number: int, room: Room) -> World:
    """Return the draw's world; the room's truth is taken to be its own, its clocks are made so."""
    fill_clocks(stage.blueprint, row, room.clocks)
    return World(
        stage.layout, stage.parameters, row, room.truth, stage.blueprint, room.clocks,
        stage.blueprint.staff[row], np.uint64(number), float(stage.span.window), float(stage.span.end),
    )  # fmt: skip


def run_draw(stage: Stage, row: int, number: int, room: Room) -> tuple[int, Room]:
    """Run one draw by the compiled engine; return its number of customers, and the room with all that happened.

    The room's people, trace and desks are the draw's; it comes back larger where it was too small. Raises
    JourneysimError when a customer never gets anywhere.
    """
    count, room = people_of(stage, row, number, room)
    while not _served(count, stage, world_of(stage, row, number, room), row, room):
        if room.status[0] == RUNAWAY:
            raise _runaway(stage, number, room)
        room = _larger(room)
    return count, room


def _served(count: int, stage: Stage, world: World, row: int, room: Room) -> bool:
    """Run the engine in a clean room; return whether it came to its end."""
    span, levels = stage.span, stage.blueprint.levels
    reset_desks(room.desks, room.lines, stage.blueprint, row)
    room.heap.size[0], room.trace.size[0], room.status[0] = 0, 0, DONE
    schedule_shifts(world.end, room.points.spans, room.desks, room.heap, room.status)
    serve(
        count, world.layout, world.parameters, row, world.draw, world.truth, room.carried, levels, world.window,
        world.end, room.points, world.clocks, room.people, room.customers, room.desks, room.lines, room.heap,
        room.trace, room.lanes, room.status,
    )  # fmt: skip
    close_books(count, levels, span.window, span.end, room.people, room.customers, room.desks, room.lines)
    return bool(room.status[0] == DONE)


def _larger(room: Room) -> Room:
    """Return the room with twice as much space for what it was short of: events, or records."""
    if room.status[0] == SHORT_OF_EVENTS:
        return replace(room, heap=new_heap(2 * len(room.heap.time)))
    return replace(room, trace=new_trace(2 * len(room.trace.place)))


def _runaway(stage: Stage, number: int, room: Room) -> JourneysimError:
    who = int(room.status[1])
    place = int(room.customers.at[who, PLACE])
    return too_many_moves(stage.chain, int(room.people.number[who]), number, place, MOST_MOVES)
