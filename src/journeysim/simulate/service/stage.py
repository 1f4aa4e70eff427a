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
from journeysim.simulate.service.heap import MOST_CUSTOMERS, MOST_RESOURCES, MOST_SLOTS, Heap, clear, new_heap
from journeysim.simulate.service.kernel import (
    DONE,
    RUNAWAY,
    SHORT_OF_EVENTS,
    SHORT_OF_RECORDS,
    Customers,
    Planner,
    Plans,
    Points,
    close_books,
    new_customers,
    new_planner,
    new_plans,
    points_of,
    reset_customers,
    schedule_shifts,
    serve,
)
from journeysim.simulate.service.people import Doors, People, arrivals, enter, fill_doors, gather, new_doors, week_of
from journeysim.simulate.service.steps import Clocks, Trace, fill_clocks, new_clocks, new_trace
from journeysim.simulate.service.ways import Answers, Entering, Ways, alone
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import BLOCK
from journeysim.simulate.walk.kernel import MOST_MOVES
from journeysim.simulate.walk.lanes import Carried, Lanes, new_carried, new_lanes
from journeysim.simulate.walk.layout import Layout, Parameters, check_chain, layout_of, parameters_of, too_many_moves
from journeysim.simulate.walk.truth import Truth, fill_truth, new_truth

_SPARE: Final = 10.0
#: Room to begin with: customers on the way at once, events, and records of each customer a trace is about.
_SLOTS: Final = 4 * BLOCK
_EVENTS: Final = 4_096
_RECORDS: Final = 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arriving:
    """Customers per day (D,), and for each draw the share of a week's customers who have come by each moment."""

    per_day: Floats
    week: tuple[Floats, ...]

    def take(self, chosen: Ints) -> Arriving:
        """Return who comes in the chosen draws only."""
        return Arriving(self.per_day[chosen], tuple(self.week[row] for row in chosen))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything a run needs but the draw; by `ways`, `answers` and `entering` customers of several worlds share it."""

    chain: Chain
    settings: Settings
    seed: int
    span: Span
    layout: Layout
    parameters: Parameters
    blueprint: Blueprint
    arriving: Arriving
    ways: Ways
    answers: Answers
    entering: Entering


def stage_of(
    chain: Chain, blueprint: Blueprint, arriving: Arriving, settings: Settings, span: Span, *, seed: int,
    living: tuple[Ways, Answers, Entering] | None = None,
) -> Stage:  # fmt: skip
    """Return a world with its staff, ready to run.

    Parameters
    ----------
    chain : Chain
        The world in which everybody lives, or the phases of a crowd side by side.
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
    living : tuple
        Who lives in which phase when; left out, everybody lives in one world.
    """
    check_chain(chain)
    layout, parameters = layout_of(chain, settings, seed), parameters_of(chain)
    living = living or alone(chain)
    return Stage(chain, settings, seed, span, layout, parameters, blueprint, arriving, *living)


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
    there: Floats  # (S,) staff in each span that resources are open
    ways: Ways
    draw: np.uint64
    window: float
    end: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """What one thread works in, for runs of up to so many customers, of them on the way at once, events and records."""

    people: People
    customers: Customers
    plans: Plans
    planner: Planner
    desks: Desks
    lines: Lines
    heap: Heap
    trace: Trace
    truth: Truth
    doors: Doors
    carried: Carried
    clocks: Clocks
    lanes: Lanes
    points: Points
    status: Ints


def new_room(stage: Stage, customers: int) -> Room:
    """Return room for one thread, for so many customers; the rest grows as runs need it."""
    return Room(
        people=People(
            np.zeros(customers), np.zeros(customers, dtype=np.uint32),
            *(np.zeros(customers, dtype=np.int32) for _ in range(3)),
        ),
        customers=new_customers(_SLOTS, stage.layout.place_key.size),
        plans=new_plans(_SLOTS),
        planner=new_planner(stage.layout),
        desks=new_desks(stage.blueprint, stage.layout.personas),
        lines=new_lines(stage.blueprint, _SLOTS),
        heap=new_heap(_EVENTS),
        trace=new_trace(_EVENTS),
        truth=new_truth(stage.layout),
        doors=new_doors(stage.layout, stage.entering.comes.shape[1]),
        carried=new_carried(1),
        clocks=new_clocks(stage.blueprint),
        lanes=new_lanes(stage.layout.own.entries),
        points=points_of(stage.blueprint, stage.ways),
        status=np.zeros(3, dtype=np.int64),
    )  # fmt: skip


def first_room(stage: Stage) -> Room:
    """Return room for nearly every draw's customers; a run that needs more makes more.

    Raises JourneysimError when these are more customers or resources than one run can tell apart.
    """
    customers = expected_customers(stage)
    if customers > MOST_CUSTOMERS or len(stage.blueprint.key) > MOST_RESOURCES:
        raise JourneysimError(
            f"{customers} customers and {len(stage.blueprint.key)} resources in one run; at most {MOST_CUSTOMERS} and "
            f"{MOST_RESOURCES} can be told apart: shorten the horizon, or state fewer arrivals and staff in proportion"
        )
    measured = _at_most(stage, stage.span.window - stage.span.start)
    return replace(new_room(stage, customers), trace=new_trace(max(_EVENTS, _RECORDS * measured)))


def expected_customers(stage: Stage) -> int:
    """Return room enough for the customers of nearly every draw."""
    return _at_most(stage, stage.span.end + stage.span.warm_up)


def _at_most(stage: Stage, days: float) -> int:
    """Return how many come in so many days of nearly every draw: the mean and ten standard deviations more."""
    mean = float(np.max(stage.arriving.per_day)) * days
    return int(mean + _SPARE * np.sqrt(mean) + 100)


def people_of(stage: Stage, row: int, number: int, room: Room) -> tuple[int, Room]:
    """Fill the customers of a draw into the room and return how many they are; the room grows where it has to."""
    layout, draw = stage.layout, np.uint64(number)
    fill_truth(layout, stage.parameters, row, room.truth)
    fill_doors(layout, stage.entering, row, room.doors)
    count = arrivals(
        float(stage.arriving.per_day[row]), stage.arriving.week[row], -stage.span.warm_up, stage.span.end,
        layout.seed_low, layout.seed_high, draw, room.people.time, room.people.number, room.planner.words,
        room.lanes.gathered,
    )  # fmt: skip
    if count < 0:
        return people_of(stage, row, number, new_room(stage, 2 * len(room.people.time)))
    if stage.answers.realism.size or stage.entering.comes[row].min() < 1.0:
        count = gather(count, layout, stage.ways, stage.answers, stage.entering, row, draw, room.people)
    else:
        room.people.group[:count] = 0
    enter(count, layout, stage.ways, room.doors, draw, room.people, room.planner.words)
    return count, room


def measured_of(count: int, stage: Stage, room: Room) -> tuple[int, int]:
    """Return the first measured customer of the first `count`, and the first after these who is not."""
    first, last = np.searchsorted(room.people.time[:count], [stage.span.start, stage.span.window])
    return int(first), int(last)


def world_of(stage: Stage, row: int, number: int, room: Room) -> World:
    """Return the draw's world; the room's truth is taken to be its own, its clocks are made so."""
    fill_clocks(stage.blueprint, row, room.clocks)
    return World(
        stage.layout, stage.parameters, row, room.truth, stage.blueprint, room.clocks,
        stage.blueprint.there(row), stage.ways, np.uint64(number), float(stage.span.window), float(stage.span.end),
    )  # fmt: skip


def run_draw(stage: Stage, row: int, number: int, room: Room, *, measured: bool = False) -> tuple[int, Room]:
    """Run one draw by the compiled engine; return its number of customers, and the room with all that happened.

    The room's people, trace and desks are the draw's; it comes back larger where it was too small. The trace is about
    everybody, or about the measured customers only. Raises JourneysimError when a customer never gets anywhere.
    """
    count, room = people_of(stage, row, number, room)
    about = measured_of(count, stage, room) if measured else (0, count)
    while not _served(count, about, stage, world_of(stage, row, number, room), row, room):
        if room.status[0] == RUNAWAY:
            raise _runaway(stage, number, room)
        room = _larger(stage, room, about[1] - about[0])
    return count, room


def _served(count: int, about: tuple[int, int], stage: Stage, world: World, row: int, room: Room) -> bool:
    """Run the engine in a clean room; return whether it came to its end."""
    span, levels = stage.span, stage.blueprint.levels
    reset_desks(room.desks, room.lines, stage.blueprint, row)
    reset_customers(room.customers)
    clear(room.heap)
    room.trace.size[0], room.status[0] = 0, DONE
    room.trace.about[:] = about
    schedule_shifts(world.end, room.points.spans, room.desks, room.heap, room.status)
    serve(
        count, world.layout, world.parameters, row, world.draw, world.truth, room.carried, levels, world.window,
        world.end, room.points, world.clocks, room.people, room.customers, room.plans, room.planner, room.desks,
        room.lines, room.heap, room.trace, room.lanes, room.status,
    )  # fmt: skip
    close_books(span.window, span.end, levels, room.customers, room.desks, room.lines)
    return bool(room.status[0] == DONE)


def _larger(stage: Stage, room: Room, customers: int) -> Room:
    """Return the room with twice as much space for what it was short of: events, records, or customers on the way."""
    if room.status[0] == SHORT_OF_EVENTS:
        return replace(room, heap=new_heap(2 * len(room.heap.key)))
    if room.status[0] == SHORT_OF_RECORDS:
        return replace(room, trace=new_trace(max(2 * len(room.trace.place), _RECORDS * customers)))
    slots = 2 * len(room.customers.free)
    if slots > MOST_SLOTS:
        raise JourneysimError(
            f"more than {MOST_SLOTS} customers are on the way at once; state fewer arrivals, or shorter dwells"
        )
    return replace(
        room,
        customers=new_customers(slots, stage.layout.place_key.size),
        plans=new_plans(slots),
        lines=new_lines(stage.blueprint, slots),
    )


def _runaway(stage: Stage, number: int, room: Room) -> JourneysimError:
    who, place = int(room.status[1]), int(room.status[2])
    return too_many_moves(stage.chain, int(room.people.number[who]), number, place, MOST_MOVES)
