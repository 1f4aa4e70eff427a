"""The verb `compare`: outcomes in, levels and paired differences out. Knows nothing of what an answer is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.compare.calendar import calendars, unanswered
from journeysim.compare.comparison import Calendar, Comparison, Contrast, Flips, Flow, Level, Story, spread_of
from journeysim.compare.flips import flips_of, stories_of
from journeysim.compare.friction import friction_of
from journeysim.compare.long_run import long_run_levels
from journeysim.compare.luck import (
    SINGLE,
    is_share,
    lives_of,
    luck_of_share,
    money_luck,
    of_persona,
    pooled_sd,
    tie_of,
)  # fmt: skip
from journeysim.compare.metrics import Direction, Metric, Unit, metrics_at, promoter_score
from journeysim.compare.noise import walked_error
from journeysim.compare.rated import rating_contrasts, rating_levels
from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import ArmOutcomes, Outcomes
from journeysim.simulate.tally import Tally, mix_personas, one_persona

EVERYBODY: Final = "all"
_AXIS_OF: Final = {
    "click_through": "links", "waiting_time": "resources", "utilisation": "resources", "abandoned": "resources",
}  # fmt: skip
_ROUNDING: Final = 1e-12


def compare(outcomes: Outcomes, *, horizon_months: int = 24) -> Comparison:
    """Return today against every proposal.

    Parameters
    ----------
    outcomes : Outcomes
        Today's arm first, all arms over the same draws.
    horizon_months : int
        Months of the calendar view (the scenario's value horizon).

    Returns
    -------
    Comparison
        Cohort view: the level of every metric in every arm (proposals at full effect), and each proposal's difference
        from today, draw by draw, at every realism of its grid; for everybody and for each persona; so is the expected
        rating, where the draws say how customers rate. Calendar view:
        revenue, cost, margin and conversions, totals over `horizon_months` and all customers. Long-run view, where the
        exact engine has one: levels when nobody stops the clock. Who ends differently,
        with example lives. `warnings` repeats those of the outcomes and adds arms that equal today.
    """
    months = calendars(outcomes, months=horizon_months)
    error = 0.0 if outcomes.engine.name == "exact" else float("nan")
    lives = {arm.arm.name: _lives(outcomes, arm) for arm in outcomes.arms}
    levels = [level for arm in outcomes.arms for level in _levels(outcomes, arm, lives[arm.arm.name])]
    levels += rating_levels(outcomes, EVERYBODY)
    levels += [level for arm in outcomes.arms for level in long_run_levels(arm, EVERYBODY)]
    contrasts = [item for arm in outcomes.proposals for item in _contrasts(outcomes, arm)]
    contrasts += [item for arm in outcomes.proposals for item in rating_contrasts(outcomes, arm, EVERYBODY)]
    contrasts += _calendar_contrasts(months, error)
    return Comparison(
        outcomes=outcomes,
        levels=(*levels, *_calendar_levels(months, error)),
        contrasts=tuple(contrasts),
        flips=tuple(_flips(outcomes, lives)),
        stories=tuple(_stories(outcomes, lives)),
        calendars=months,
        flows=tuple(Flow(arm.arm.name, _by_persona(arm)[EVERYBODY]) for arm in outcomes.arms),
        warnings=(*outcomes.warnings, *_identical(contrasts)),
        friction=friction_of(outcomes.today.arm.worlds[0].journey, _by_persona(outcomes.today)[EVERYBODY]),
        unanswered=unanswered(outcomes, months=horizon_months),
    )


def difference(here: Floats, there: Floats) -> Floats:
    """Return here - there per draw; what is below a million-millionth of either figure is rounding and counts as 0."""
    gap = here - there
    return np.where(np.abs(gap) <= _ROUNDING * np.maximum(np.abs(here), np.abs(there)), 0.0, gap)


def p_better(differences: Floats, good: Direction) -> float | None:
    """Return P(difference is an improvement) over the draws where it is defined; a difference of 0 is none.

    None where the metric has no good direction, or the difference is undefined in most draws.
    """
    finite = differences[np.isfinite(differences)]
    if good == 0 or len(finite) == 0 or len(finite) * 2 < len(differences):
        return None
    return float(np.mean(good * finite > 0))


def p_worse(differences: Floats, good: Direction) -> float | None:
    """Return P(difference is the opposite of an improvement), defined where `p_better` is."""
    return p_better(-differences, good)


def _lives(outcomes: Outcomes, arm: ArmOutcomes) -> Lives | None:
    return lives_of(arm, seed=outcomes.seed) if arm.lives or arm.crowds else None


def _flips(outcomes: Outcomes, lives: Mapping[str, Lives | None]) -> Iterator[Flips]:
    today = lives[outcomes.today.arm.name]
    for arm in outcomes.proposals:
        own = lives[arm.arm.name]
        if today is not None and own is not None:
            yield from flips_of(arm.arm.name, arm.arm.worlds[0].draws.personas, today, own)


def _stories(outcomes: Outcomes, lives: Mapping[str, Lives | None]) -> Iterator[Story]:
    today = lives[outcomes.today.arm.name]
    for arm in outcomes.proposals:
        own = lives[arm.arm.name]
        if today is not None and own is not None:
            yield from stories_of(outcomes, arm, today, own)


def _by_persona(arm: ArmOutcomes, realism: float = 1.0) -> dict[str, Tally]:
    """Return the arm's cohort tally of everybody and of each persona, every one with a persona axis of length 1."""
    cohort = arm.cohort(realism)
    alone = {name: one_persona(cohort, k) for k, name in enumerate(cohort.personas)}
    return {EVERYBODY: mix_personas(cohort, arm.persona_shares(realism))} | alone


def _as_today(today: ArmOutcomes, arm: ArmOutcomes) -> ArmOutcomes:
    """Return today's customers told apart by the arm's exposures.

    The same figures as today's; but they pass through the same additions in the same order as the arm's, so that equal
    lives differ by exactly 0 and not by rounding. A crowd is one tally from the start, and so is today's.
    """
    if arm.crowds:
        return today
    world = today.arm.worlds[0]
    worlds = tuple(replace(world, exposed=other.exposed) for other in arm.arm.worlds)
    count = len(arm.tallies)
    return ArmOutcomes(replace(arm.arm, worlds=worlds), (today.tallies[0],) * count, today.lives * count)


def _levels(outcomes: Outcomes, arm: ArmOutcomes, lives: Lives | None) -> Iterator[Level]:
    journey = arm.arm.worlds[-1].journey
    single, parts = _Singles(lives, None, arm, outcomes.engine.name == "service"), _parts(arm)
    money = money_luck(arm, EVERYBODY)
    for persona, tally in _by_persona(arm).items():
        for metric in metrics_at(tally, journey):
            values = metric.of(tally)[:, 0]
            luck, tie = single.spread(metric.name, persona)
            error = _mc_error(outcomes, luck, tie, parts[persona])
            if outcomes.engine.name == "exact":
                error = walked_error(tally, metric.name, values, parts[persona])
                luck = luck_of_share(values) if error == 0 and is_share(metric.name) else luck
                luck = money.get((metric.name, persona), luck)
            yield Level(
                metric.name, metric.unit, arm.arm.name, persona, "cohort",
                spread_of(values), _sd_between(values), luck, error, values,
            )  # fmt: skip


def _contrasts(outcomes: Outcomes, arm: ArmOutcomes) -> Iterator[Contrast]:
    mirror = _as_today(outcomes.today, arm)
    for realism in arm.arm.realism:
        here, there = _by_persona(arm, realism), _by_persona(mirror, realism)
        single, parts = _differing(outcomes, arm, realism), _parts(arm, realism)
        for persona, tally in here.items():
            for metric in metrics_at(tally, arm.arm.worlds[-1].journey):
                if not _in_both(metric, tally, there[persona]):
                    continue
                now, then = metric.of(tally)[:, 0], metric.of(there[persona])[:, 0]
                values = difference(now, then)
                error = _mc_error(outcomes, *single.spread(metric.name, persona), parts[persona])
                if outcomes.engine.name == "exact":
                    error = _apart_error(metric.name, (tally, now), (there[persona], then), parts[persona])
                yield Contrast(
                    metric.name, metric.unit, arm.arm.name, outcomes.today.arm.name, persona, "cohort", realism,
                    spread_of(values), p_better(values, metric.good), error, values,
                    p_worse(values, metric.good),
                )  # fmt: skip


def _in_both(metric: Metric, here: Tally, there: Tally) -> bool:
    """Return whether a metric has its touchpoint, link or stage, and NPS some feelings, in both tallies."""
    kind, bracket, place = metric.name.partition("[")
    if not bracket:
        return metric.name != "nps" or all(np.isfinite(promoter_score(tally)).any() for tally in (here, there))
    if kind == "csat":
        return all(tally.paths is not None and place[:-1] in tally.paths.felt for tally in (here, there))
    if kind == "abandonment":
        return all(tally.paths is not None and place[:-1] in tally.paths.stages for tally in (here, there))
    return all(place[:-1] in getattr(tally, _AXIS_OF.get(kind, "touchpoints")) for tally in (here, there))


def _sd_between(values: Floats) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else None


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Singles:
    """The single customers of an arm, or their differences from the same customers in another arm.

    `tied` says that they share staff, so that one's luck is another's too.
    """

    lives: Lives | None = None
    versus: Lives | None = None
    arm: ArmOutcomes | None = None
    tied: bool = False

    def spread(self, metric: str, persona: str) -> tuple[float | None, float]:
        """Return the standard deviation between customers, and by how much waiting for the same staff ties them (`tie_of`).

        None and 1 where the metric has no customer level.
        """
        if self.lives is None or self.arm is None or metric not in SINGLE:
            return None, 1.0
        world = self.arm.arm.worlds[0]
        values = SINGLE[metric](self.lives, world.journey)
        if self.versus is not None:
            values = values - SINGLE[metric](self.versus, world.journey)
        chosen = of_persona(self.lives, world.draws.personas, persona)
        return pooled_sd(values, chosen), tie_of(values, chosen) if self.tied else 1.0


def _differing(outcomes: Outcomes, arm: ArmOutcomes, realism: float) -> _Singles:
    """Return how single customers differ from themselves today, where the engine has a Monte Carlo error at all."""
    if outcomes.engine.name == "exact" or not (arm.lives or arm.crowds):
        return _Singles()
    seed = outcomes.seed
    tied = outcomes.engine.name == "service"
    return _Singles(lives_of(arm, seed=seed, realism=realism), lives_of(outcomes.today, seed=seed), arm, tied)


def _mc_error(outcomes: Outcomes, luck: float | None, tie: float, share: Floats) -> float:
    """Return the Monte Carlo standard error of a mean over draws where customers are sampled, NaN where it is not known.

    `share` (D,) is which part of a draw's customers is of the persona; draws without any count as known.
    """
    customers = outcomes.customers or (len(outcomes.today.lives[0].customers) if outcomes.today.lives else 0)
    if luck is None or not customers:
        return float("nan")
    known = share[share > 0]
    return luck * float(np.sqrt(tie * (1.0 / (customers * known)).sum())) / len(share)


def _apart_error(metric: str, here: tuple[Tally, Floats], there: tuple[Tally, Floats], share: Floats) -> float:
    """Return the error of a difference beside the exact engine, as if arms shared no customers: it is no larger."""
    one, other = (walked_error(tally, metric, values, share) for tally, values in (here, there))
    return float(np.hypot(one, other))


def _parts(arm: ArmOutcomes, realism: float = 1.0) -> dict[str, Floats]:
    """Return which part of each draw's customers is of each persona, (D,)."""
    shares = arm.persona_shares(realism)
    alone = {name: shares[:, k] for k, name in enumerate(arm.arm.worlds[0].draws.personas)}
    return {EVERYBODY: np.ones(len(shares))} | alone


def _sums(calendar: Calendar) -> Iterator[tuple[str, Unit, Direction, Floats]]:
    """Yield name, unit, direction and total over the months (D,) of the calendar metrics."""
    revenue, cost = calendar.value.sum(axis=1), calendar.cost.sum(axis=1)
    yield "revenue", "money", 1, revenue
    yield "cost", "money", -1, cost
    yield "margin", "money", 1, revenue - cost
    yield "conversions", "count", 1, calendar.converted.sum(axis=1)


def _calendar_levels(months: Sequence[Calendar], error: float) -> Iterator[Level]:
    """Yield today's totals and each proposal's at the highest realism of its grid."""
    fullest = {calendar.arm: calendar for calendar in sorted(months, key=lambda item: item.realism)}
    for calendar in fullest.values():
        for name, unit, _, values in _sums(calendar):
            yield Level(
                name, unit, calendar.arm, EVERYBODY, "calendar",
                spread_of(values), _sd_between(values), None, error, values,
            )  # fmt: skip


def _calendar_contrasts(months: Sequence[Calendar], error: float) -> Iterator[Contrast]:
    today = months[0]
    for calendar in months[1:]:
        for (name, unit, good, here), (_, _, _, there) in zip(_sums(calendar), _sums(today), strict=True):
            values = difference(here, there)
            yield Contrast(
                name, unit, calendar.arm, today.arm, EVERYBODY, "calendar", calendar.realism,
                spread_of(values), p_better(values, good), error, values, p_worse(values, good),
            )  # fmt: skip


def _identical(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Yield a sentence for every arm whose defined differences from today are all exactly 0."""
    for arm in dict.fromkeys(contrast.arm for contrast in contrasts):
        own = [contrast.values for contrast in contrasts if contrast.arm == arm]
        if not any(np.nan_to_num(values).any() for values in own):
            yield f'arms are identical: "{arm}" changes nothing, every difference from today is exactly 0'
