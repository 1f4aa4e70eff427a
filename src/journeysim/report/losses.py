"""Where customers leave, and what one who leaves would have been worth had they gone on like those who stayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats
from journeysim.simulate.tally import Tally, places_of


@final
@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Per touchpoint, per entering customer: arrivals, those lost there, and the money at stake.

    `at_stake` is lost x (expected margin of those who go on from here - that of those who leave here), undiscounted
    within the horizon: an upper bound, since a customer who leaves is rarely like one who stays.
    """

    touchpoints: tuple[str, ...]
    visits: Floats  # (n,)
    lost: Floats  # (n,)
    at_stake: Floats  # (n,)


@final
@dataclass(frozen=True, slots=True, eq=False)
class MeanFlow:
    """The average draw's flow per entering customer: arrivals by place (s,), moves (n, s), net value (s,)."""

    places: tuple[str, ...]
    visits: Floats
    moves: Floats
    net: Floats


def mean_flow(tally: Tally) -> MeanFlow:
    """Return the mean over draws of a tally whose persona axis has length 1."""
    places = places_of(tally)
    moves = np.zeros((len(tally.touchpoints), len(places)))
    for label, flow in zip(tally.links, tally.moves.mean(axis=0)[0], strict=True):
        source, target = split_link(label)
        if source in tally.touchpoints and target in places:
            moves[tally.touchpoints.index(source), places.index(target)] += flow
    net = tally.value_at.mean(axis=0)[0] - tally.cost_at.mean(axis=0)[0]
    return MeanFlow(places, tally.visits.mean(axis=0)[0], moves, net)


def losses(journey: JourneyMap, tally: Tally) -> Losses:
    """Return the losses of one arm; customers leave when a move leads to an outcome that is no conversion."""
    flow, points = mean_flow(tally), tally.touchpoints
    n = len(points)
    leaving = np.array([name in journey.outcome_names and not journey.outcome(name).conversion for name in flow.places])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(flow.moves / flow.visits[:n, None])
        per_visit = np.where(flow.visits > 0, flow.net / flow.visits, 0.0)
    onward = np.linalg.solve(np.eye(n) - share[:, :n], per_visit[:n] + share[:, n:] @ per_visit[n:])
    ahead = np.concatenate([onward, per_visit[n:]])
    worth = _mean_over(share, ahead, ~leaving) - _mean_over(share, ahead, leaving)
    lost = flow.moves[:, leaving].sum(axis=1)
    return Losses(points, flow.visits[:n], lost, lost * worth)


def _mean_over(share: Floats, value: Floats, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """Return each row's mean value over the chosen targets, 0 where it leads to none of them."""
    total = share[:, chosen].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(share[:, chosen] @ value[chosen] / total))
