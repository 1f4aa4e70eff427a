"""Rules about sums, effort, feeling and weights: finite, and within what they can mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journeysim.errors import Problem
from journeysim.model.checks.rows import Path, span
from journeysim.model.journey import JourneyMap, Outcome, Reward, Row, Touchpoint, links_of
from journeysim.model.quantity import Quantity
from journeysim.model.satisfaction import Satisfaction


def check_rewards(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return numbers outside what they can mean (J070): sums, spreads, feelings, weights, staff."""
    problems = [problem for point in journey.touchpoints for problem in _touchpoint(point)]
    problems += [problem for outcome in journey.outcomes for problem in _rewards(outcome, ("outcomes", outcome.name))]
    problems += [*_moods(journey), *_satisfaction(journey.satisfaction)]
    for resource in journey.resources:
        if not resource.staff.mean > 0 or not 0 < resource.open_days_per_week <= 7:
            message = f'"{resource.name}" needs staff above 0, and to be open for some time'
            problems.append(Problem("J070", message, path=("resources", resource.name)))
    return tuple(problems)


def _moods(journey: JourneyMap) -> Iterator[Problem]:
    for persona in journey.personas:
        if not -1 <= persona.mood.mean <= 1:
            message = f"a mood lies between -1 and 1, not at {persona.mood.mean:g}"
            yield Problem("J070", message, path=("personas", persona.name, "mood"))
    for point, link in links_of(journey):
        if not _finite(link.sensitivity):
            path = ("touchpoints", point.name, "next", link.target, "sensitivity")
            yield Problem("J070", "sensitivity must be finite", path=path)


def _satisfaction(rule: Satisfaction) -> Iterator[Problem]:
    for name, cuts, count in (("csat", rule.csat, 4), ("nps", rule.nps, 10)):
        if len(cuts) != count or list(cuts) != sorted(set(cuts)) or not all(-1 < cut < 1 for cut in cuts):
            message = (
                f"{name} has {count} cut-points, increasing, between -1 and 1; these are {len(cuts)}: {list(cuts)}"
            )
            yield Problem("J070", message, path=("satisfaction", name))


def _touchpoint(point: Touchpoint) -> Iterator[Problem]:
    at: Path = ("touchpoints", point.name)
    yield from _rewards(point, at)
    if not point.seen > 0:
        yield Problem("J070", f'"{point.name}" must have been seen by more than 0 customers', path=(*at, "seen"))
    rows = [((*at, "personas", persona), row) for persona, row in point.by_persona]
    rows += [((*at, "tenure", index), period.row) for index, period in enumerate(point.by_tenure)]
    for path, row in rows:
        yield from _rewards(row, path)


def _rewards(owner: Touchpoint | Outcome | Row, at: Path) -> Iterator[Problem]:
    for name in ("value", "cost"):
        reward: Reward | None = getattr(owner, name)
        if reward is not None and (not _finite(reward.mean) or not reward.spread >= 0):
            yield Problem("J070", f"{name} must be finite, with a spread that is not negative", path=(*at, name))
    if isinstance(owner, Outcome):
        return
    for name, word in (("value_per_day", "fee"), ("cost_per_day", "upkeep"), ("effort", "effort")):
        size: Quantity | None = getattr(owner, name)
        if size is not None and not _finite(size):
            yield Problem("J070", f"{word} must be finite", path=(*at, word))
    if owner.feeling is not None and not -1 <= owner.feeling.mean <= 1:
        message = f"a feeling lies between -1 (hates it) and 1 (loves it), not at {owner.feeling.mean:g}"
        yield Problem("J070", message, path=(*at, "feeling"))


def _finite(size: Quantity) -> bool:
    return bool(np.isfinite(span(size)).all())
