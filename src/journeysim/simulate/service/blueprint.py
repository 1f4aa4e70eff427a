"""The staff behind a journey as plain arrays: who serves which touchpoint, when, how long, and what waiting does.

Axes: D draws, G personas, F phases (see `ways`), n touchpoints, R resources, E eras. Staff are there for everybody, so what
changes about them does so by date alone: an era begins on each such day. A *clock* is a time that staff or customers bring
to a visit: clock i < n is the service time of touchpoint i, clock n + i the patience there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, final, get_args

import numpy as np
from numpy.typing import NDArray

from journeysim.model.addresses import uniforms
from journeysim.model.draws import TABLE_SIZE, Draws
from journeysim.model.dwell import INSTANT, Dwell, Family, quantile_table
from journeysim.model.journey import Discipline, JourneyMap, Resource, Staffing, Touchpoint, gives_up_to
from journeysim.model.quantity import Floats, Quantity
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.service.hours import open_spans
from journeysim.simulate.streams import Words, place_key
from journeysim.simulate.walk.quantiles import Z_NODES, gamma_grid

FIRST_COME, LAST_COME, PRIORITY, RANDOM = range(4)
_DISCIPLINES: Final = dict(zip(get_args(Discipline), range(4), strict=True))
NOBODY: Final = -1
_UNSTAFFED: Final = Staffing("", INSTANT)


@final
@dataclass(frozen=True, slots=True)
class Span:
    """The calendar days of a run; day 0 is where measuring starts.

    From `-warm_up` on customers arrive; those who arrive in [start, window) are measured, each for the run's horizon, and
    the resources in [0, window); the run ends at `end`. Day 0 is `first_day`, or some Monday.
    """

    warm_up: float
    window: float
    end: float
    first_day: date | None = None
    start: float = 0.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Blueprint:
    """Resources and what is staffed, ready for an engine."""

    resources: tuple[str, ...]
    resource: NDArray[np.int32]  # (n,) NOBODY where unstaffed
    holds: Bools  # (n,) staff are held as long as the dwell
    patient: Bools  # (n,) waits without limit
    gives_up_to: NDArray[np.int32]  # (F, n) a place
    level: NDArray[np.int32]  # (G, n) which of the resource's queues, 0 served first
    balk_share: Floats  # (n,)
    balk_from: Floats  # (n,) how many waiting it takes
    called_back: Floats  # (n,)
    waiting_feels: Floats  # (n,) by how much a day of waiting lowers the visit's feeling
    family: NDArray[np.int8]  # (2 n,)
    scale: Floats  # (D, E, 2 n)
    shape: Floats  # (D, 2 n)
    table: Floats  # (2 n, K)
    gamma_place: NDArray[np.int32]  # (2 n,) position among the gamma clocks
    gamma_grid: Floats
    staff: Floats  # (D, E, R) whole numbers, or infinite
    discipline: NDArray[np.int8]  # (R,)
    room: Floats  # (R,) how many can wait
    key: Words  # (R,)
    levels: int  # the most queues that a resource has
    span_from: Ints  # (R + 1,) where a resource's spans start
    spans: Floats  # (S, 2) when resources are open; where staff change while they are, one span ends and another begins
    span_era: Ints  # (S,)
    eras: Floats  # (E,) the days from which they hold; the first one always has

    def take(self, chosen: Ints) -> Blueprint:
        """Return the staff of the chosen draws only."""
        return replace(self, scale=self.scale[chosen], shape=self.shape[chosen], staff=self.staff[chosen])

    def there(self, row: int) -> Floats:
        """Return how many of its resource are there in each span, in one draw, (S,)."""
        resource = np.repeat(np.arange(len(self.key)), np.diff(self.span_from))
        return np.asarray(self.staff[row, self.span_era, resource])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Era:
    """Staff from a day on: a mix of what several worlds have, by weight; opening hours are those of the heaviest."""

    start: float
    worlds: tuple[tuple[float, JourneyMap, Draws], ...]


def blueprint_of(
    journeys: Sequence[JourneyMap], draws: Draws, chain: Chain, span: Span, *, seed: int,
    eras: Sequence[Era] = (), leaving: Sequence[Sequence[JourneyMap]] = (),
) -> Blueprint:  # fmt: skip
    """Return the staff of a world, or of several that stand side by side in a chain.

    Parameters
    ----------
    journeys : sequence of JourneyMap
        Today's map and the world's. Staff are there for everybody: a touchpoint or resource counts as the last map
        that has it describes it.
    draws : Draws
        Of the last map; `staff` and `service_factor`, where a change set them, stand over the map's own numbers.
    eras : sequence of Era
        In order; left out, there is one, with the staff of the last map.
    leaving : sequence
        By phase and touchpoint, the map that says where the unserved go; left out, the last one that has it.
    chain : Chain
        Of the world; its touchpoints and personas give the axes.
    span : Span
        The days to lay the opening hours over.
    seed : int
        Addresses the uncertain numbers, which no world changes.
    """
    points = [_last(name, journeys) for name in chain.touchpoints]
    staffing = [point.staffed_by or _UNSTAFFED for point in points]
    resources = resources_of(journeys)
    eras = eras or (Era(-np.inf, ((1.0, journeys[-1], draws),)),)
    leaving = leaving or [[_holding(name, journeys) for name in chain.touchpoints]]
    names = [item.name for item in resources]
    clocks = [*(item.time or INSTANT for item in staffing), *(item.patience or INSTANT for item in staffing)]
    family = np.array([int(clock.family) for clock in clocks], dtype=np.int8)
    gamma = family == int(Family.GAMMA)
    spans, span_era = zip(*(_spans(item, eras, span) for item in resources), strict=True) if names else ((), ())
    level = _levels(staffing, resources, chain.personas)
    return Blueprint(
        resources=tuple(names),
        resource=np.array([names.index(s.resource) if s.resource else NOBODY for s in staffing], dtype=np.int32),
        holds=np.array([item.time is None for item in staffing]),
        patient=np.array([item.patience is None for item in staffing]),
        gives_up_to=np.array([_targets(row, chain) for row in leaving], dtype=np.int32),
        level=level,
        balk_share=np.array([item.balks.share if item.balks else 0.0 for item in staffing]),
        balk_from=np.array([float(item.balks.waiting) if item.balks else np.inf for item in staffing]),
        called_back=np.array([item.called_back for item in staffing], dtype=np.float64),
        waiting_feels=np.array([item.waiting_feels for item in staffing], dtype=np.float64),
        family=family,
        scale=np.stack([_scales(chain.touchpoints, staffing, clocks, era, draws.count, seed) for era in eras], axis=1),
        shape=_values([(c.shape, (*_address(k, chain), "shape")) for k, c in enumerate(clocks)], draws.count, seed),
        table=np.stack([_table(clock) for clock in clocks]),
        gamma_place=(np.cumsum(gamma) - 1).astype(np.int32),
        gamma_grid=gamma_grid() if gamma.any() else np.zeros((2, 1, Z_NODES)),
        staff=np.stack([_staff(resources, era, draws.count, seed) for era in eras], axis=1),
        discipline=np.array([_DISCIPLINES[item.queue] for item in resources], dtype=np.int8),
        room=np.array([item.room for item in resources], dtype=np.float64),
        key=np.array([place_key("resource", name) for name in names], dtype=np.uint32),
        levels=int(level.max(initial=0)) + 1,
        span_from=np.cumsum([0, *(len(item) for item in spans)]).astype(np.int64),
        spans=np.ascontiguousarray(np.concatenate([np.zeros((0, 2)), *spans])),
        span_era=np.concatenate([np.zeros(0, dtype=np.int64), *span_era]),
        eras=np.array([era.start for era in eras], dtype=np.float64),
    )


def _spans(item: Resource, eras: Sequence[Era], span: Span) -> tuple[Floats, Ints]:
    """Return when a resource is open, and in which era; those of one era do not touch."""
    ends = [*(era.start for era in eras[1:]), span.end]
    found, numbers = [np.zeros((0, 2))], [np.zeros(0, dtype=np.int64)]
    for k, (era, end) in enumerate(zip(eras, ends, strict=True)):
        heaviest = max(era.worlds, key=lambda part: part[0])[1]
        own = {resource.name: resource for resource in heaviest.resources}.get(item.name, item)
        since, until = max(era.start, -span.warm_up), min(end, span.end)
        spans = open_spans(own.hours, own.closed, span.first_day, since, until) if since < until else np.zeros((0, 2))
        found.append(spans)
        numbers.append(np.full(len(spans), k))
    return np.concatenate(found), np.concatenate(numbers)


def resources_of(journeys: Sequence[JourneyMap]) -> tuple[Resource, ...]:
    """Return every resource as the last map that has it describes it."""
    return tuple({item.name: item for journey in journeys for item in journey.resources}.values())


def _last(name: str, journeys: Sequence[JourneyMap]) -> Touchpoint:
    return _holding(name, journeys).touchpoint(name)


def _holding(name: str, journeys: Sequence[JourneyMap]) -> JourneyMap:
    """Return the last map that has a touchpoint."""
    return next(item for item in reversed(journeys) if name in item.touchpoint_names)


def _address(clock: int, chain: Chain) -> tuple[str, str]:
    n = len(chain.touchpoints)
    return ("service time" if clock < n else "patience", chain.touchpoints[clock % n])


def _values(quantities: Sequence[tuple[Quantity, tuple[str, ...]]], draws: int, seed: int) -> Floats:
    """Return one value per draw of each quantity at its address, shape (D, quantities)."""
    columns = [np.broadcast_to(item.ppf(uniforms(seed, draws, *address)), draws) for item, address in quantities]
    return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.float64) if columns else np.zeros((draws, 0))


def _scales(
    names: Sequence[str], staffing: Sequence[Staffing], clocks: Sequence[Dwell], era: Era, draws: int, seed: int
) -> Floats:
    """Return the scale of every clock in an era, service times by what a change made of them, shape (D, 2 n)."""
    kinds = ("service time",) * len(names) + ("patience",) * len(names)
    places = list(zip(kinds, (*names, *names), strict=True))
    scale = _values([(c.scale, (*at, "scale")) for c, at in zip(clocks, places, strict=True)], draws, seed)
    for k, item in enumerate(staffing):
        factor = _mixed(era, "service_factor", item.resource, np.ones(draws))
        if factor is not None:
            scale[:, k] *= factor
    return scale


def _mixed(era: Era, name: str, resource: str, stated: Floats) -> Floats | None:
    """Return a number of a resource in an era, (D,), `stated` where no change set it; None where no world's was set."""
    found = [(weight, draws.of_resource(name, resource)) for weight, _, draws in era.worlds]
    if all(values is None for _, values in found):
        return None
    if len(found) == 1:
        return found[0][1]
    return np.asarray(sum(weight * (stated if values is None else values) for weight, values in found))


def _staff(resources: Sequence[Resource], era: Era, draws: int, seed: int) -> Floats:
    """Return how many are there in an era, whole numbers of at least one, shape (D, R)."""
    stated = [(item.staff, ("staff", item.name)) for item in resources]
    staff = _values(stated, draws, seed)
    for k, item in enumerate(resources):
        changed = _mixed(era, "staff", item.name, staff[:, k])
        staff[:, k] = staff[:, k] if changed is None else changed
    return np.maximum(np.round(staff), 1.0)


def _table(clock: Dwell) -> Floats:
    return quantile_table(clock, TABLE_SIZE) if clock.quantiles else np.full(TABLE_SIZE, np.nan)


def _levels(staffing: Sequence[Staffing], resources: Sequence[Resource], personas: Sequence[str]) -> NDArray[np.int32]:
    """Return which of its resource's queues each persona joins at each touchpoint, the largest priority in the first."""
    by_priority = {item.name for item in resources if item.queue == "priority"}
    level = np.zeros((len(personas), len(staffing)), dtype=np.int32)
    for name in by_priority:
        own = [k for k, item in enumerate(staffing) if item.resource == name]
        priority = np.array(
            [
                [dict(staffing[k].priority_by_persona).get(persona, staffing[k].priority) for k in own]
                for persona in personas
            ]
        )
        level[:, own] = np.unique(-priority, return_inverse=True)[1].reshape(priority.shape)
    return level


def _targets(journeys: Sequence[JourneyMap], chain: Chain) -> list[int]:
    """Return the place of those who leave each touchpoint's queue, by the map that says so (itself where nobody can)."""
    places, pairs = chain.touchpoints + chain.outcomes, zip(journeys, chain.touchpoints, strict=True)
    return [places.index(gives_up_to(journey, journey.touchpoint(name)) or name) for journey, name in pairs]
