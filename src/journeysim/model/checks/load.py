"""The rule about staff: what is asked of a resource against what it can give."""

from __future__ import annotations

import numpy as np

from journeysim.errors import Problem
from journeysim.model import dwell as dwells
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Resource, Staffing, Touchpoint
from journeysim.model.quantity import Floats


def expected_visits(journey: JourneyMap) -> dict[str, float]:
    """Return the expected visits per entering customer at each touchpoint, at mean shares.

    Visits are the entry shares times the inverse of I - P (the fundamental matrix; Kemeny and Snell 1960, theorem
    3.2.4), persona by persona. Every touchpoint that is entered must lead to an outcome.
    """
    names = journey.touchpoint_names
    total = np.zeros(len(names))
    for persona in journey.personas:
        moves, entry = _moves(journey, persona.name), _entry(journey, persona.name)
        live = _visited(moves, entry)
        solved = np.linalg.solve(np.eye(int(live.sum())) - moves[np.ix_(live, live)].T, entry[live])
        total[live] += persona.share.mean * solved
    return dict(zip(names, total.tolist(), strict=True))


def _visited(moves: Floats, entry: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which touchpoints anybody comes to; the others may be traps and stay out of the solve."""
    live = entry > 0
    for _ in range(len(entry)):
        live = live | ((live @ moves) > 0)
    return live


def _moves(journey: JourneyMap, persona: str) -> Floats:
    names = journey.touchpoint_names
    moves = np.zeros((len(names), len(names)))
    for source, point in enumerate(journey.touchpoints):
        for target, share in _mean_shares(_row(point, persona)):
            if target in names:
                moves[source, names.index(target)] += share
    return moves


def _row(point: Touchpoint, persona: str) -> tuple[Link, ...]:
    own = next((row.links for name, row in point.by_persona if name == persona), None)
    return point.links if own is None else own


def _mean_shares(row: tuple[Link, ...]) -> list[tuple[str, float]]:
    stated = sum(link.share.mean for link in row if link.share is not None)
    return [(link.target, 1.0 - stated if link.share is None else link.share.mean) for link in row]


def _entry(journey: JourneyMap, persona: str) -> Floats:
    shares = dict(dict(journey.entry_by_persona).get(persona, journey.entry))
    return np.array([shares[name].mean if name in shares else 0.0 for name in journey.touchpoint_names])


def mean_days(dwell: Dwell) -> float:
    """Return the expected time of a dwell at its mean scale and shape (days)."""
    if dwell.family is Family.EMPIRICAL:
        table = np.array(dwell.quantiles)
        return dwell.scale.mean * float(np.trapezoid(table[:, 1], table[:, 0]))
    return float(dwells.mean(dwell.family, dwell.scale.mean, dwell.shape.mean))


def _held(point: Touchpoint, staffing: Staffing) -> float:
    """Return the expected time one visit holds staff (days), at mean shares where that is the dwell."""
    if staffing.time is not None:
        return mean_days(staffing.time)
    shares = dict(_mean_shares(point.links))
    return sum(shares[link.target] * mean_days(link.dwell) for link in point.links)


def check_load(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return a warning for each resource asked for more than it can give by customers of endless patience (J072)."""
    if journey.arrivals_per_day is None or not journey.resources:
        return ()
    visits = expected_visits(journey)
    return tuple(problem for item in journey.resources for problem in _check(journey, item, visits))


def _check(journey: JourneyMap, resource: Resource, visits: dict[str, float]) -> tuple[Problem, ...]:
    served = [
        (point, point.staffed_by)
        for point in journey.touchpoints
        if point.staffed_by is not None and point.staffed_by.resource == resource.name
    ]
    arrivals = journey.arrivals_per_day.mean if journey.arrivals_per_day is not None else 0.0
    asked = sum(arrivals * visits[point.name] * _held(point, staffing) for point, staffing in served)
    given = resource.staff.mean * resource.open_days_per_week / 7
    patient = [point.name for point, staffing in served if staffing.patience is None]
    if asked <= given or not patient:
        return ()
    message = (
        f'"{resource.name}" is asked for {24 * asked:.1f} hours of work a day and can give {24 * given:.1f} '
        f'(load {asked / given:.2f}), and customers of "{patient[0]}" wait without limit: the queue grows without '
        f'bound, so no steady-state figure is shown; add staff, shorten the time or give a "patience"'
    )
    return (Problem("J072", message, severity="warning", path=("resources", resource.name)),)
