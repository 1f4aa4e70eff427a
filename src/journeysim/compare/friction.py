"""Friction: where customers are lost, what that is worth, which touchpoints decide, and what happens at hand-overs.

Everything follows from one arm's flow, draw by draw. With visits v, shares P = moves / visits between places and net
values r per visit, what lies ahead of a place is w = r + P w, in money, and c = P c with c = 1 where somebody converts,
in conversions. A customer who leaves at i instead of going on gives up

    stake per leaver = mean of w over the targets of those who go on - mean of w over those of the leavers,

an upper bound, since a customer who leaves is rarely like one who stays. One point less drop-off brings 0.01 v times
that. A touchpoint is compared with the others of its stage, or else of its channel, that customers do leave:
recoverable is what a drop-off as low as the lowest of them would bring. With p the share of a link and j its target,

    d conversion / d log odds = v p (1 - p) (c_j - mean of c over the row's other targets);

divided by the conversion this is the link's elasticity: per cent of conversion for one per cent of odds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.compare.comparison import Friction, Gap, Leverage, Loss, spread_of
from journeysim.model.journey import JourneyMap, Touchpoint, split_link
from journeysim.model.quantity import Floats
from journeysim.simulate.tally import Tally, places_of

Bools = NDArray[np.bool_]
#: A touchpoint that fewer of the entering customers reach is nobody's example.
SEEN: Final = 0.005
#: Nor is one that hardly anybody can leave: a step on the way, not a place where customers make up their minds.
LEFT: Final = 0.01


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """Per draw: visits (D, s), shares (D, n, s), money and conversions that lie ahead of each place (D, s)."""

    places: tuple[str, ...]
    visits: Floats
    share: Floats
    money: Floats
    conversion: Floats
    leaving: Bools  # (s,) outcomes that are no conversion


def friction_of(journey: JourneyMap, tally: Tally) -> Friction:
    """Return the friction of one arm, given its whole population's tally (persona axis of length 1)."""
    ahead = _ahead(journey, tally)
    points = {point.name: point for point in journey.touchpoints}
    losses = tuple(_losses(ahead, points, tally.touchpoints))
    return Friction(losses, tuple(_gaps(ahead, points, tally)), tuple(_leverages(ahead, tally)))


def _ahead(journey: JourneyMap, tally: Tally) -> _Ahead:
    places, n = places_of(tally), len(tally.touchpoints)
    visits, net = tally.visits[:, 0], (tally.value_at - tally.cost_at)[:, 0]
    moves = np.zeros((len(visits), n, len(places)))
    for k, label in enumerate(tally.links):
        source, target = split_link(label)
        if source in tally.touchpoints and target in places:
            moves[:, tally.touchpoints.index(source), places.index(target)] += tally.moves[:, 0, k]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(moves / visits[:, :n, None])
        per_visit = np.where(visits > 0, net / visits, 0.0)
    goal = np.array([_converts(journey, name) for name in places])
    leaving = np.array([name in journey.outcome_names for name in places]) & ~goal
    # Whoever arrives at a place that is a conversion has converted, wherever they go from there.
    on = np.where(goal[:n, None], 0.0, share)
    conversion = _solved(on, np.where(goal, 1.0, 0.0) + np.zeros(visits.shape))
    return _Ahead(places, visits, share, _solved(share, per_visit), conversion, leaving)


def _converts(journey: JourneyMap, place: str) -> bool:
    if place in journey.outcome_names:
        return journey.outcome(place).conversion
    return place in journey.touchpoint_names and journey.touchpoint(place).conversion


def _solved(share: Floats, own: Floats) -> Floats:
    """Return w = own + share w at touchpoints, own at outcomes; shares (D, n, s), own (D, s)."""
    n = share.shape[1]
    known = own[:, :n] + np.einsum("dns,ds->dn", share[..., n:], own[:, n:])
    inner = np.linalg.solve(np.eye(n) - share[..., :n], known[..., None])[..., 0]
    return np.concatenate([inner, own[:, n:]], axis=1)


def _mean_over(share: Floats, value: Floats, chosen: Bools) -> Floats:
    """Return each row's mean of values (D, s) over the chosen targets, 0 where it leads to none; shares (D, s)."""
    total = share[:, chosen].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num((share[:, chosen] * value[:, chosen]).sum(axis=1) / total))


def _losses(ahead: _Ahead, points: dict[str, Touchpoint], names: tuple[str, ...]) -> Iterator[Loss]:
    rates = {name: ahead.share[:, k, ahead.leaving].sum(axis=1) for k, name in enumerate(names)}
    seen = {name for k, name in enumerate(names) if ahead.visits[:, k].mean() > SEEN}
    for k, name in enumerate(names):
        share, visits = ahead.share[:, k], ahead.visits[:, k]
        going = _mean_over(share, ahead.money, ~ahead.leaving)
        worth = np.where(rates[name] > 0, going - _mean_over(share, ahead.money, ahead.leaving), going)
        example = _example(name, points, rates, seen)
        above = rates[name] - rates[example] if example else np.zeros(len(visits))
        yield Loss(
            name, float(visits.mean()), float((visits * rates[name]).mean()), _rate(visits, rates[name]),
            spread_of(visits * rates[name] * worth), spread_of(visits * 0.01 * worth), example,
            spread_of(visits * np.maximum(above, 0.0) * worth),
            spread_of(visits * 0.01 * _mean_over(share, ahead.conversion, ~ahead.leaving)),
            name in points and points[name].moment_of_truth,
        )  # fmt: skip


def _rate(visits: Floats, rate: Floats) -> float | None:
    return float((visits * rate).mean() / visits.mean()) if visits.mean() > 0 else None


def _example(name: str, points: dict[str, Touchpoint], rates: dict[str, Floats], seen: set[str]) -> str:
    """Return the touchpoint of the same stage, or else channel, that loses the smallest part; "" where none loses less."""
    own = points.get(name)
    if own is None:
        return ""
    for kind in ("stage", "channel"):
        like = [
            other for other in rates
            if other != name and other in seen and other in points and getattr(own, kind) and rates[other].mean() > LEFT
            and getattr(points[other], kind) == getattr(own, kind) and points[other].backstage == own.backstage
        ]  # fmt: skip
        if like:
            best = min(like, key=lambda other: float(rates[other].mean()))
            return best if rates[best].mean() < rates[name].mean() else ""
    return ""


def _gaps(ahead: _Ahead, points: dict[str, Touchpoint], tally: Tally) -> Iterator[Gap]:
    """Yield the links over which customers change channel or owner, with those who leave right after."""
    for k, label in enumerate(tally.links):
        source, target = split_link(label)
        if source not in points or target not in points or target not in tally.touchpoints:
            continue
        changes = [kind for kind in ("channel", "owner") if _differ(points[source], points[target], kind)]
        if changes:
            at = tally.touchpoints.index(target)
            moves, rate = tally.moves[:, 0, k], ahead.share[:, at, ahead.leaving].sum(axis=1)
            yield Gap(
                source, target, " and ".join(changes), float(moves.mean()), float(rate.mean()), spread_of(moves * rate)
            )


def _differ(one: Touchpoint, other: Touchpoint, kind: str) -> bool:
    here, there = getattr(one, kind), getattr(other, kind)
    return bool(here and there and here != there)


def _leverages(ahead: _Ahead, tally: Tally) -> Iterator[Leverage]:
    converted = np.maximum(tally.converted[:, 0], 1e-12)
    for label in tally.links:
        source, target = split_link(label)
        if source not in tally.touchpoints or target not in ahead.places:
            continue
        i, j = tally.touchpoints.index(source), ahead.places.index(target)
        row, p = ahead.share[:, i], ahead.share[:, i, j]
        others = np.arange(len(ahead.places)) != j
        gain = ahead.conversion[:, j] - _mean_over(row, ahead.conversion, others)
        slope = ahead.visits[:, i] * p * (1 - p) * gain
        yield Leverage(label, spread_of(slope / converted))
