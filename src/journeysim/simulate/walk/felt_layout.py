"""Satisfaction as the compiled walk takes it: plain named tuples, arrays of zeros where the layer is off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain
from journeysim.simulate.layers import Moods


class FeltPlan(NamedTuple):
    """What holds for every draw. C cells, s places."""

    on: bool  # some touchpoint gives a feeling, or some persona comes with a mood
    acts: bool  # … and some link is sensitive to satisfaction
    at: Bools  # (s,) touchpoints that give a feeling …
    today: Bools  # (s,) … and that do today, as far as anything rests on what would be felt today
    spread: Floats  # (s,) standard deviation between customers and visits
    weight: Floats  # (s,)
    satisfied: float  # a feeling above this is answered with 4 or 5 of 5
    promoter: float  # satisfaction above this is answered with 9 or 10 of 10
    detractor: float  # … and at or below this with 0 to 6


class FeltNumbers(NamedTuple):
    """What a draw says; the world's own and today's side by side (axis 1)."""

    mean: Floats  # (D, 2, C, s)
    mood: Floats  # (D, 2, G)
    sensitivity: Floats  # (D, 2, P * L)


def felt_plan(chain: Chain, *, couples: bool) -> FeltPlan:
    """Return the layer's structure in compiled form; `couples` says whether some own row is held against today's."""
    moods, places = chain.layers.moods, len(chain.touchpoints) + len(chain.outcomes)
    if moods is None:
        nowhere = np.zeros(places, dtype=np.bool_)
        none = np.zeros(places)
        return FeltPlan(
            on=False, acts=False, at=nowhere, today=nowhere, spread=none, weight=none,
            satisfied=0.0, promoter=0.0, detractor=0.0,
        )  # fmt: skip
    return FeltPlan(
        on=True,
        acts=any(phase.moods.acts for phase in chain.layers.phases if phase.moods is not None),
        at=moods.at.copy(),
        today=moods.today_at & couples,
        spread=_plain(moods.spread),
        weight=_plain(moods.weight),
        satisfied=moods.csat[-2],
        promoter=moods.nps[8],
        detractor=moods.nps[6],
    )


def felt_numbers(chain: Chain) -> FeltNumbers:
    """Return the layer's numbers in compiled form."""
    moods = chain.layers.moods
    if moods is None:
        return FeltNumbers(np.zeros((1, 2, 1, 1)), np.zeros((1, 2, 1)), np.zeros((1, 2, 1)))
    periods = chain.share.shape[2]
    acting = [item for item in (chain.layers.at(p).moods for p in range(periods)) if item is not None]
    cells = (chain.draws, chain.share.shape[1] * chain.share.shape[2], -1)
    sides = [np.stack([item.sensitivity, item.today_sensitivity], axis=1) for item in acting]
    return FeltNumbers(
        mean=np.stack([moods.feeling.reshape(cells), moods.today_feeling.reshape(cells)], axis=1),
        mood=np.stack([moods.mood, moods.today_mood], axis=1),
        sensitivity=np.concatenate(sides, axis=2),
    )


def check_felt(chain: Chain) -> None:
    """Raise ValueError when a number of the layer cannot be used."""
    moods = chain.layers.moods
    if moods is None:
        return
    for name in ("feeling", "today_feeling", "mood", "today_mood", "sensitivity", "today_sensitivity", "spread"):
        if not np.all(np.isfinite(getattr(moods, name))):
            raise ValueError(f"the {name} of satisfaction has a value that is not a finite number")
    if not (np.all(moods.spread >= 0) and np.all((moods.weight >= 0) & (moods.weight <= 1))):
        raise ValueError("spreads of feelings must be at least 0, weights of feelings lie in [0, 1]")


def feelings_differ(moods: Moods) -> bool:
    """Return whether a customer on the same way may be in another mood than today."""
    same_places = np.array_equal(moods.at, moods.today_at)
    pairs = ((moods.feeling, moods.today_feeling), (moods.mood, moods.today_mood))
    return not (same_places and all(np.array_equal(here, today) for here, today in pairs))


def _plain(values: ArrayLike) -> Floats:
    return np.require(np.asarray(values, dtype=np.float64), requirements=["C", "W"])
