"""Values per visit: a chance of zero times a log-normal or gamma, by persona, and how far customers differ for good.

For a place, over personas g (see `hurdle`, `dwells` and `gamma_gamma` for the three parts):

    P(zero) ~ beta, pooled          positive value ~ log-normal or gamma, pooled, the family by leave one out
    mean per visit = (1 - P(zero)) E[positive]

The family gives the mean of a positive value where there are few of them; with more, the values themselves do
(`rewards.moments`). The prior of the positive part is the map's stated value with the touchpoint's weight, divided by the
share of visits that bring something, as the stated value is per visit. A map that states no value leaves it to the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.beliefs import reward_at
from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.choice import FamilyChoice, choose_family
from journeysim.calibrate.dwells.fit import fit_dwell
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.gates import ESS_LIMIT, Gate
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.rewards.gamma_gamma import Payers, Spend, fit_spend
from journeysim.calibrate.rewards.hurdle import zero_chance
from journeysim.calibrate.rewards.moments import family_moments, value_moments
from journeysim.model.addresses import uniforms
from journeysim.model.dwell import Family
from journeysim.model.journey import CONFIDENCE, JourneyMap, Outcome, Touchpoint
from journeysim.model.observations import Observations
from journeysim.model.observed.values import Values
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

FAMILIES: Final = (Family.LOGNORMAL, Family.GAMMA)
#: Fewest positive values at a place; below, the map's value is kept.
LEAST_VALUES: Final = 5
SPEND_PARAMETERS: Final = ("p", "q", "gamma")
_WORKING_DRAWS: Final = 4000
#: Values that the fitted family counts for against the values themselves, at least.
_FAMILY_WEIGHT: Final = 50.0
#: Where the map states no value: sd of the log mean, and the weight of the spread, in customers.
_OPEN_SD, _OPEN_SEEN = 3.0, 1.0
#: From here on a note says that the family alone would miss the mean.
_BENT: Final = 0.02
#: Personas differ more in what they pay than in how long they take: their logs by up to 1.8.
_FAR: Final = 3.0
_Place = Touchpoint | Outcome


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The posterior of one place: chance of zero, scale and shape, moments of a positive value, all (draw, persona)."""

    place: str
    zero: Floats
    a: Floats
    b: Floats
    positive: tuple[Floats, Floats]
    choice: FamilyChoice
    effective: float
    worth: float
    seen: float

    @property
    def moments(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the value of a visit, zeros included, shape (draw, persona)."""
        mean, square = self.positive
        whole = (1 - self.zero) * mean
        return whole, np.sqrt(np.maximum((1 - self.zero) * square - whole**2, 0.0))

    @property
    def bent(self) -> float:
        """By how much the family alone would miss the mean of a positive value, as a part of it."""
        alone = family_moments(self.choice.family, self.a, self.b)[0]
        return float(alone.mean() / self.positive[0].mean() - 1.0)


def learn_values(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return the value of a visit wherever the log has values; off without them.

    Writes `visit_value` and `visit_value_sd` (zeros included), and for engines that draw single values `value_zero`,
    `value_family`, `value_a`, `value_b`, and `spend` where customers come back. A place with fewer than five positive
    values, and one whose stated value differs by tenure, keeps the map's value.
    """
    values = observed.values
    if values is None:
        return NOTHING_LEARNED
    draws = data.sizes["draw"]
    everywhere: list[_Place] = [*journey.touchpoints, *journey.outcomes]
    places = [(s, place) for s, place in enumerate(everywhere) if values.told[:, s].any()]
    kept = {place.name: why for s, place in places if (why := _kept(values, s, place))}
    learned = [(s, place) for s, place in places if place.name not in kept]
    fits = {s: _fit(journey, values, s, place, seed=seed, draws=draws) for s, place in learned}
    spends = dict(_spends(journey, values, fits, seed=seed, draws=draws))
    sizes = [fit.effective for fit in fits.values()]
    gates = [Gate("effective draws of a value", min(sizes), ESS_LIMIT, "at least")] if sizes else []
    return Layer(
        _variables(journey, data, fits, spends),
        (*gates, *(gate for spend in spends.values() for gate in spend.gates)),
        (*_notes(journey, values, kept, fits), *_spend_notes(journey, spends)),
        tuple(_choice(fit) for fit in fits.values()),
        {"value": frozenset(fit.place for fit in fits.values() if fit.worth > fit.seen)},
    )


def _kept(values: Values, s: int, place: _Place) -> str:
    """Return why a place keeps the map's value; empty when it does not."""
    if isinstance(place, Touchpoint) and any(period.row.value is not None for period in place.by_tenure):
        return "its value differs by tenure, which is not counted"
    if values.sums[:, s, 0].sum() * values.worth[:, s].min() < LEAST_VALUES:
        return f"fewer than {LEAST_VALUES} positive values"
    return ""


def _fit(journey: JourneyMap, values: Values, s: int, place: _Place, *, seed: int, draws: int) -> _Fit:
    told, zeros = values.told[:, s] - values.refunds[:, s], values.zeros[:, s]
    worth = values.worth[:, s]
    data = [(_bins(values, g, s, float(worth[g])), NO_BINS) for g in range(len(told))]
    belief = _belief(journey, values, s, place, 1.0 - float(zeros.sum() / told.sum()))
    choice = choose_family(belief, data, FAMILIES)
    name = f"value of {place.name}"
    fit = fit_dwell(choice.family, belief, data, seed=seed, draws=max(draws, _WORKING_DRAWS), name=name)
    rows = np.argsort(uniforms(seed, len(fit.a), "order of draws", name))[:draws]
    zero = zero_chance(zeros * worth, told * worth, journey.persona_names, seed=seed, draws=draws, name=place.name)
    seen = place.seen if isinstance(place, Touchpoint) else CONFIDENCE["guess"]
    a, b = fit.a[rows], fit.b[rows]
    names = [f"{place.name}, {persona}" for persona in journey.persona_names]
    family, done = family_moments(choice.family, a, b), [bins for bins, _ in data]
    positive = value_moments(family, done, weight=max(seen, _FAMILY_WEIGHT), seed=seed, names=names)
    return _Fit(place.name, zero, a, b, positive, choice, fit.effective, float(told @ worth), seen)


def _bins(values: Values, g: int, s: int, worth: float) -> Bins:
    rows = (values.amounts.persona == g) & (values.amounts.place == s)
    return Bins(values.amounts.low[rows], values.amounts.high[rows], values.amounts.count[rows] * worth)


def _belief(journey: JourneyMap, values: Values, s: int, place: _Place, paying: float) -> DwellBelief:
    """Return what the map says about a positive value, in the terms that dwells are fitted in."""
    rewards = [reward_at(place, "value", persona, np.inf).belief for persona in journey.persona_names]
    means = np.array([reward.mean.mean for reward in rewards])
    base = place.value
    n, _, log, log2 = values.sums[:, s].sum(axis=0)
    own_mean, own_sd = log / n, max(float(np.sqrt(max(log2 / n - (log / n) ** 2, 0.0))), 0.05)
    seen = place.seen if isinstance(place, Touchpoint) else CONFIDENCE["guess"]
    if not base.mean.mean > 0 or np.any(means <= 0):
        none = (0.0,) * len(means)
        return DwellBelief(Family.LOGNORMAL, own_mean, own_sd, _OPEN_SD, _OPEN_SEEN, journey.persona_names, none, _FAR)
    sd = float(np.sqrt(np.log1p((base.spread / base.mean.mean) ** 2))) if base.spread > 0 else own_sd
    level = float(np.log(base.mean.mean / paying)) - sd**2 / 2
    stated = np.log(np.maximum(base.mean.ppf((np.arange(200) + 0.5) / 200), 1e-9 * base.mean.mean))
    width = sd / np.sqrt(seen) if base.mean.certain else float(np.std(stated))
    apart = tuple(float(x) for x in np.log(means / base.mean.mean))
    weight = max(seen, 1.0) if base.spread > 0 else _OPEN_SEEN
    return DwellBelief(Family.LOGNORMAL, level, sd, max(width, 1e-3), weight, journey.persona_names, apart, _FAR)


def _spends(
    journey: JourneyMap, values: Values, fits: dict[int, _Fit], *, seed: int, draws: int
) -> Iterator[tuple[tuple[int, int], Spend]]:
    """Yield the gamma-gamma posterior by (persona, place) wherever enough customers came back."""
    table = values.repeats
    for s, fit in fits.items():
        for g, persona in enumerate(journey.persona_names):
            rows = (table.persona == g) & (table.place == s)
            columns = (table.visits, table.mean, table.mean_log, table.variance, table.customers)
            spend = fit_spend(
                Payers(*(column[rows] for column in columns)), seed=seed, draws=draws, name=f'"{fit.place}" ({persona})'
            )
            if spend is not None:
                yield (g, s), spend


def _variables(
    journey: JourneyMap, data: xr.Dataset, fits: dict[int, _Fit], spends: dict[tuple[int, int], Spend]
) -> dict[str, tuple[object, ...]]:
    if not fits:
        return {}
    draws, per_place = data.sizes["draw"], ("draw", "persona", "place")
    shape = draws, len(journey.personas), len(journey.place_names)
    value, sd = data["visit_value"].values.copy(), data["visit_value_sd"].values.copy()
    zero, a, b = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    family = np.full(shape[2], np.nan)
    for s, fit in fits.items():
        mean, spread = fit.moments
        value[..., s], sd[..., s] = mean[:, :, None], spread[:, :, None]
        zero[..., s], a[..., s], b[..., s], family[s] = fit.zero, fit.a, fit.b, fit.choice.family
    dims = data["visit_value"].dims
    found: dict[str, tuple[object, ...]] = {
        "visit_value": (dims, value), "visit_value_sd": (dims, sd), "value_zero": (per_place, zero),
        "value_family": (("place",), family), "value_a": (per_place, a), "value_b": (per_place, b),
    }  # fmt: skip
    if spends:
        spend = np.full((*shape, len(SPEND_PARAMETERS)), np.nan)
        for (g, s), fitted in spends.items():
            spend[:, g, s] = fitted.parameters
        found["spend"] = ((*per_place, "spend_parameter"), spend)
    return found


def _choice(fit: _Fit) -> Choice:
    names = [family.name.lower() for family in (fit.choice.family, fit.choice.runner_up) if family is not None]
    return Choice(f'values at "{fit.place}"', names[0], names[-1], fit.choice.margin, fit.choice.margin_error)


def _notes(journey: JourneyMap, values: Values, kept: dict[str, str], fits: dict[int, _Fit]) -> Iterator[str]:
    for s, fit in fits.items():
        told, visits = values.told[:, s].sum(), values.visits[:, s].sum()
        zeros = values.zeros[:, s].sum()
        yield (f'values at "{fit.place}": {told:.0f} of {visits:.0f} visits have one, {zeros:.0f} of them zero'
               + ("" if told == visits else "; a blank says nothing and is not a zero"))  # fmt: skip
        if abs(fit.bent) > _BENT:
            yield (f'values at "{fit.place}": the {fit.choice.family.name.lower()} alone would miss the mean by {fit.bent:+.1%}; '
                   "the mean is that of the values")  # fmt: skip
    for s, name in enumerate(journey.place_names):
        if values.refunds[:, s].any():
            part = values.refunded[:, s].sum() / max(values.sums[:, s, 1].sum(), 1e-300)
            yield (f'{values.refunds[:, s].sum():.0f} visits at "{name}" add up to less than zero (refunds of {part:.1%} '
                   "of what came in); they are left out, so the value per visit is before refunds")  # fmt: skip
    yield from (f'values at "{name}" stay as the map has them: {why}' for name, why in kept.items())
    yield from (f"{item.rows} rows: {item.reason}" for item in values.set_aside)


def _spend_notes(journey: JourneyMap, spends: dict[tuple[int, int], Spend]) -> Iterator[str]:
    for (g, s), spend in spends.items():
        low, high = np.quantile(spend.expected, [0.05, 0.95])
        yield (f'a new customer of "{journey.persona_names[g]}" who pays at "{journey.place_names[s]}" is expected to '
               f"pay {np.median(spend.expected):.4g} a time (90 %: {low:.4g} to {high:.4g}); customers' own averages "
               f"differ by {np.median(spend.differ):.0%}; how often and how much they pay correlate at "
               f"{spend.correlation:+.2f}, which the model takes as 0")  # fmt: skip
