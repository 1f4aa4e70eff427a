"""What customers answer in every arm: the expected rating, and its difference from today.

Exact over the waits of the log (`model.rating`): an arm's customers rate the same touchpoints after waits that are as
much shorter or longer as the arm's dwells. Who comes to a touchpoint at all is taken as in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.compare.comparison import Contrast, Level, spread_of
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.rating import Waits, has_ratings, mean_rating, waits_in, waits_of
from journeysim.simulate.outcomes import ArmOutcomes, Outcomes

RATING: Final = "rating"
_UNIT: Final = "count"


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Rated:
    """The expected rating in every world of an arm, by persona ("all" among them): arrays (draw,)."""

    arm: ArmOutcomes
    by_world: dict[str, list[Floats]]

    @classmethod
    def of(cls, arm: ArmOutcomes, today: Draws, everybody: str) -> _Rated:
        """Return the ratings of an arm whose links from waits to answers are today's."""
        waits = waits_of(today)
        raters = {everybody: waits} | {
            name: waits.only(persona=name) for name in today.personas if name in waits.persona
        }
        return cls(arm, {name: [_expected(today, own, world.draws) for world in arm.arm.worlds]
                         for name, own in raters.items()})  # fmt: skip

    def values(self, persona: str, realism: float) -> Floats:
        """Return the expected rating once the proposal is fully in force, shape (draw,)."""
        weights = self.arm.world_weights([exposure.reach for exposure in self.arm.arm.exposures], realism)
        parts = [weight * rating for weight, rating in zip(weights, self.by_world[persona], strict=True)]
        return np.asarray(np.sum(parts, axis=0))


def _expected(today: Draws, waits: Waits, world: Draws) -> Floats:
    return mean_rating(today, waits_in(waits, today, world))


def rating_levels(outcomes: Outcomes, everybody: str) -> Iterator[Level]:
    """Yield the expected rating of every arm (proposals at full effect), for everybody and each persona that rates."""
    today = outcomes.today.arm.worlds[0].draws
    if not has_ratings(today):
        return
    for arm in outcomes.arms:
        rated = _Rated.of(arm, today, everybody)
        for persona in rated.by_world:
            values = rated.values(persona, 1.0)
            spread = float(values.std(ddof=1)) if len(values) > 1 else None
            yield Level(RATING, _UNIT, arm.arm.name, persona, "cohort", spread_of(values), spread, None, 0.0, values)


def rating_contrasts(outcomes: Outcomes, arm: ArmOutcomes, everybody: str) -> Iterator[Contrast]:
    """Yield how much better than today customers answer, at every realism of the arm."""
    today = outcomes.today.arm.worlds[0].draws
    if not has_ratings(today):
        return
    rated, before = _Rated.of(arm, today, everybody), _Rated.of(outcomes.today, today, everybody)
    for realism in arm.arm.realism:
        for persona in rated.by_world:
            gain = rated.values(persona, realism) - before.values(persona, 1.0)
            values = np.where(np.abs(gain) < 1e-12, 0.0, gain)
            yield Contrast(
                RATING, _UNIT, arm.arm.name, outcomes.today.arm.name, persona, "cohort", realism,
                spread_of(values), float(np.mean(values > 0)), 0.0, values,
            )  # fmt: skip
