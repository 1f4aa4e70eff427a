"""The service engine on SimPy: the executable specification, and the place for custom behaviour.

Every customer is a process that lives by the walk's rules and asks desks for staff; every desk is a resource with
opening hours. It says what happens; the compiled kernel has to give the same lives. Pass another `Behaviour` to try
rules that the files do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from heapq import heappush
from typing import Any, Final, cast, final

import numpy as np
import simpy

from journeysim.model.quantity import Floats
from journeysim.simulate.service.blueprint import FIRST_COME, LAST_COME, NOBODY, PRIORITY
from journeysim.simulate.service.desks import (
    AREAS,
    BUSY,
    CALLED_BACK,
    CAME,
    COUNTS,
    GAVE_UP_WAITING,
    OVERTIME,
    QUEUED,
    STAFFED,
    TURNED_AWAY,
    WAITED,
    WAITING,
)
from journeysim.simulate.service.heap import ARRIVAL, FREE, PATIENCE, SHIFT
from journeysim.simulate.service.people import People
from journeysim.simulate.service.stage import World
from journeysim.simulate.service.steps import (
    DAY,
    ENTERED,
    GAVE_UP,
    LINK,
    WAIT,
    WHERE,
    WHO,
    Trace,
    begin_life,
    clock_time,
    feel_visit,
    new_trace,
    take_step,
)
from journeysim.simulate.streams import PICK, STAFF, uniform_at
from journeysim.simulate.walk.lanes import Carried, Lanes, new_carried, new_lanes

Moment = simpy.events.Event
Process = Generator[Moment, Any, None]
_AT_ONCE: Final = -1


@final
class Clock(simpy.Environment):
    """SimPy's environment with moments at exact times, in a stated order where they coincide.

    What an event brings about at once comes before the next event of that time; events of one time go by kind (staff
    come free, resources open or close, patience ends, customers arrive), then by position of the customer.
    """

    def at(self, time: float, kind: int, resource: int = NOBODY, who: int = NOBODY) -> Moment:
        """Return an event that happens at a time."""
        event = simpy.Event(self)
        event._ok, event._value = True, None  # noqa: SLF001 - what simpy.Timeout does
        heappush(self._queue, (time, (kind, resource, who), next(self._eid), event))  # type: ignore[misc]
        return event

    def schedule(self, event: Moment, priority: int = 1, delay: float = 0) -> None:
        """Schedule what an event brings about; every other moment goes through `at`."""
        heappush(self._queue, (self.now + delay, (_AT_ONCE, priority, 0), next(self._eid), event))  # type: ignore[misc]


@final
@dataclass(slots=True, eq=False)
class Visit:
    """A customer at a staffed touchpoint: what they bring, and the event of their turn."""

    who: int
    place: int
    persona: int
    since: float  # calendar day
    service: float
    patience: float
    balk: float  # uniform that says whether they balk
    call: float  # … whether they take a call back
    level: int
    turn: Moment
    waited: float = 0.0


@final
@dataclass(slots=True, eq=False)
class Desk:
    """A resource: staff, whether they are there, who is served and who waits, in order of joining."""

    number: int
    world: World
    staff: float = 0.0
    open: bool = False
    busy: int = 0
    picks: int = 0
    queue: list[Visit] = field(default_factory=list)
    area: Floats = field(default_factory=lambda: np.zeros(AREAS))
    since: float = 0.0

    def bring_up_to(self, now: float) -> None:
        """Add what went on since the last change, as far as it lies in the measured days."""
        until = min(now, self.world.window)
        if until > self.since:
            days = until - self.since
            if self.open:
                at_work = min(self.busy, self.staff)
                self.area[[STAFFED, BUSY]] += self.staff * days, at_work * days
                self.area[OVERTIME] += (self.busy - at_work) * days
            else:
                self.area[OVERTIME] += self.busy * days
            self.area[WAITING] += len(self.queue) * days
            self.since = until

    def takes(self) -> bool:
        """Whether somebody could be served now."""
        return self.open and self.busy < self.staff


@final
@dataclass(frozen=True, slots=True)
class Behaviour:
    """What customers and staff decide; the defaults are what the files say.

    `joins` says whether a visit that cannot be served at once queues; `next_of` who of those waiting is served next.
    """

    joins: Callable[[Desk, Visit], bool]
    next_of: Callable[[Desk], Visit]


def joins(desk: Desk, visit: Visit) -> bool:
    """Return whether there is room, and the customer does not balk."""
    blueprint, waiting = desk.world.blueprint, len(desk.queue)
    balks = waiting >= blueprint.balk_from[visit.place] and visit.balk < blueprint.balk_share[visit.place]
    return bool(waiting < blueprint.room[desk.number] and not balks)


def next_of(desk: Desk) -> Visit:
    """Return who is next by the resource's discipline."""
    discipline = desk.world.blueprint.discipline[desk.number]
    if discipline == FIRST_COME:
        return desk.queue[0]
    if discipline == LAST_COME:
        return desk.queue[-1]
    if discipline == PRIORITY:
        return min(desk.queue, key=lambda visit: visit.level)
    layout, key = desk.world.layout, desk.world.blueprint.key[desk.number]
    u = uniform_at(layout.seed_low, layout.seed_high, desk.world.draw, np.uint32(desk.picks), key, np.uint32(0), PICK)[
        0
    ]
    desk.picks += 1
    return desk.queue[int(u * len(desk.queue))]


AS_WRITTEN: Final = Behaviour(joins, next_of)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What a run gives: every arrival, and what the resources did (`visits` and `area` as in `Desks`)."""

    trace: Trace
    visits: Floats
    area: Floats


def serve_by_simpy(count: int, world: World, people: People, behaviour: Behaviour = AS_WRITTEN) -> Served:
    """Return what happens to the first `count` customers and to the resources: what the kernel has to find."""
    run = _Run(count, world, people, behaviour)
    run.go()
    area = np.array([desk.area for desk in run.desks]).reshape(len(run.desks), AREAS)
    return Served(_trace_of(run.records), run.counts, area)


def _trace_of(records: list[tuple[int, int, int, float, float]]) -> Trace:
    trace = new_trace(len(records))
    trace.size[0] = len(records)
    for column, values in zip((WHO, WHERE, LINK), list(zip(*records, strict=True))[:3], strict=False):
        trace.place[:, column] = values
    for column, values in zip((DAY, WAIT), list(zip(*records, strict=True))[3:], strict=False):
        trace.time[:, column] = values
    return trace


def _narrow(number: int) -> int:
    """Return a whole number as wide as the kernel's: for another width the walk's step would be compiled once more."""
    return cast("int", np.int32(number))


@final
class _Run:
    """One run: the clock, the desks, the books."""

    def __init__(self, count: int, world: World, people: People, behaviour: Behaviour) -> None:
        self.count, self.world, self.people, self.behaviour = count, world, people, behaviour
        self.records: list[tuple[int, int, int, float, float]] = []
        self.clock = Clock(initial_time=-np.inf)
        self.desks = [Desk(r, world) for r in range(len(world.blueprint.key))]
        self.counts = np.zeros((len(self.desks), world.layout.personas, COUNTS))
        self.lanes: Lanes = new_lanes(world.layout.own.entries)

    def go(self) -> None:
        """Run to the end, then close the books."""
        for desk in self.desks:
            self.clock.process(self.hours(desk))
        for who in range(self.count):
            self.clock.process(self.life(who))
        self.clock.run(until=self._end())
        for desk in self.desks:
            for visit in desk.queue:
                self.add(desk, visit, WAITED, self.world.end - visit.since)
            desk.bring_up_to(self.world.end)

    def _end(self) -> Moment:
        """Return an event after everything that happens at the end of the run."""
        return self.clock.at(float(np.nextafter(self.world.end, np.inf)), FREE)

    def hours(self, desk: Desk) -> Process:
        """Open and close a desk."""
        blueprint = self.world.blueprint
        for span in range(blueprint.span_from[desk.number], blueprint.span_from[desk.number + 1]):
            for opens in (True, False):
                yield self.clock.at(blueprint.spans[span, int(not opens)], SHIFT, desk.number)
                desk.bring_up_to(self.clock.now)
                desk.open, desk.staff = opens, float(self.world.there[span])
                self.call(desk)

    def life(self, who: int) -> Process:
        """Live one customer's life: the walk's, with waits where staff are asked for."""
        layout, blueprint = self.world.layout, self.world.blueprint
        entered, persona, place = self.people.time[who], int(self.people.persona[who]), int(self.people.place[who])
        day, waited, link = 0.0, 0.0, ENTERED
        cell = self._cell(who, day)
        seen, carried = np.zeros(layout.place_key.size, dtype=np.uint32), new_carried(1)
        world, number = self.world, self.people.number[who]
        begin_life(layout, world.parameters, world.row, world.draw, number, _narrow(persona), carried, self.lanes)
        while True:
            yield self.clock.at(entered + day, ARRIVAL, NOBODY, who)
            self.records.append((who, place, link, day, waited))
            if place >= layout.touchpoints:
                return
            here, number_of_visit, resource = place, seen[place], int(blueprint.resource[place])
            seen[place] += np.uint32(1)
            visit, waited, served = None, 0.0, True
            if resource != NOBODY:
                visit = self.visit(who, here, number_of_visit)
                waited, served = yield from self.turn(self.desks[resource], visit)
            feel_visit(
                layout, world.parameters, world.row, world.draw, number, _narrow(here), _narrow(cell), number_of_visit,
                day, waited * blueprint.waiting_feels[here], carried,
            )  # fmt: skip
            if served:
                self._step(who, here, cell, number_of_visit, day + waited, carried)
                link, day = int(self.lanes.link[0]), float(self.lanes.arrival[0])
                place = int(self.lanes.next_place[0])
            else:
                if layout.own.order2 and not layout.own.passed[here]:
                    carried.before[0] = here
                phase = cell % layout.periods // (len(layout.period_end) * layout.seasons)
                link, day, place = GAVE_UP, day + waited, int(blueprint.gives_up_to[phase, here])
            cell = self._cell(who, day)
            if visit is not None and served:
                free = entered + day if blueprint.holds[here] else self.clock.now + visit.service
                self.hold(self.desks[resource], visit, free)

    def _step(self, who: int, place: int, cell: int, visit: np.uint32, day: float, carried: Carried) -> None:
        """Take the walk's step, into the first lane."""
        world = self.world
        take_step(
            world.layout, world.parameters, world.row, world.draw, world.truth, carried,
            self.people.number[who], _narrow(place), _narrow(cell), visit, day, self.lanes,
        )  # fmt: skip

    def _cell(self, who: int, day: float) -> int:
        """Return which parameters hold for a customer on a day since entry: by persona, phase, season and tenure period."""
        layout, ways, group = self.world.layout, self.world.ways, self.people.group[who]
        turns = int((ways.turn[group] - self.people.time[who] <= day).sum())
        period = int(np.searchsorted(layout.period_end[:-1], day, side="right"))
        phase = int(ways.phase[group, turns])
        season = int(np.floor((layout.entered + self.people.time[who] + day) / layout.season_days)) % layout.seasons
        period += (phase * layout.seasons + season) * len(layout.period_end)
        return int(self.people.persona[who]) * layout.periods + period

    def visit(self, who: int, place: int, number_of_visit: np.uint32) -> Visit:
        """Return what a customer brings to a staffed touchpoint they have just arrived at."""
        world, layout, persona = self.world, self.world.layout, int(self.people.persona[who])
        number, key = self.people.number[who], layout.place_key[place]
        u = uniform_at(layout.seed_low, layout.seed_high, world.draw, number, key, number_of_visit, STAFF)
        era = int((world.blueprint.eras[1:] <= self.clock.now).sum())
        first = era * 2 * layout.touchpoints
        patience = np.inf
        if not world.blueprint.patient[place]:
            patience = clock_time(world.clocks, first + layout.touchpoints + place, u[1])
        return Visit(
            who, place, persona, self.clock.now, clock_time(world.clocks, first + place, u[0]), patience,
            u[2], u[3], int(world.blueprint.level[persona, place]), simpy.Event(self.clock),
        )  # fmt: skip

    def turn(self, desk: Desk, visit: Visit) -> Generator[Moment, Any, tuple[float, bool]]:
        """Wait for one's turn at a desk; return how long, and whether it came."""
        self.add(desk, visit, CAME)
        if desk.takes():
            desk.bring_up_to(self.clock.now)
            desk.busy += 1
            return 0.0, True
        if not self.behaviour.joins(desk, visit):
            self.add(desk, visit, TURNED_AWAY)
            return 0.0, False
        self.add(desk, visit, QUEUED)
        desk.bring_up_to(self.clock.now)
        desk.queue.append(visit)
        over = self.clock.at(self.clock.now + visit.patience, PATIENCE, desk.number, visit.who)
        yield visit.turn | over
        if not visit.turn.triggered:
            if visit.call >= self.world.blueprint.called_back[visit.place]:
                desk.bring_up_to(self.clock.now)
                desk.queue.remove(visit)
                self.add(desk, visit, WAITED, visit.patience)
                self.add(desk, visit, GAVE_UP_WAITING)
                return visit.patience, False
            self.add(desk, visit, CALLED_BACK)
            yield visit.turn
        return visit.waited, True

    def call(self, desk: Desk) -> None:
        """Let staff who are free serve who waits."""
        while desk.takes() and desk.queue:
            visit = self.behaviour.next_of(desk)
            desk.bring_up_to(self.clock.now)
            desk.queue.remove(visit)
            desk.busy += 1
            wait = self.clock.now - visit.since
            self.add(desk, visit, WAITED, wait)
            visit.waited = wait
            visit.turn.succeed()

    def hold(self, desk: Desk, visit: Visit, until: float) -> None:
        """Hold one of the staff until a time, then let them serve the next."""

        def free(_: Moment) -> None:
            desk.bring_up_to(self.clock.now)
            desk.busy -= 1
            self.call(desk)

        moment = self.clock.at(until, FREE, desk.number, visit.who)
        moment.callbacks.append(free)

    def add(self, desk: Desk, visit: Visit, column: int, amount: float = 1.0) -> None:
        """Count towards a desk what concerns a visit that began in the measured days."""
        if 0.0 <= visit.since < self.world.window:
            self.counts[desk.number, visit.persona, column] += amount
