"""`succeed if`: every rule held against every proposal at full effect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journeysim.compare.comparison import Comparison, Contrast
from journeysim.decide.decision import Target, Verdict
from journeysim.model.metric_units import METRIC_UNITS
from journeysim.model.quantity import Floats
from journeysim.model.scenario import SuccessRule


def about_money(rule: SuccessRule) -> bool:
    """Return whether a rule's result is a figure about money: nothing that is shown at trust grade E."""
    return rule.measure == "p_net_benefit" or METRIC_UNITS.get(rule.metric) == "money"


def target_of(rule: SuccessRule, verdict: Verdict, comparison: Comparison) -> Target:
    """Return a rule with what a proposal gives and whether that is enough; ValueError for an unknown metric."""
    match rule.measure:
        case "p_net_benefit":
            result = verdict.full.p_net_benefit
        case "no_harm":
            result = min(_chances_of_no_harm(rule, verdict, comparison))
        case "difference":
            mean = _contrast(rule, verdict, comparison, "all").spread.mean
            result = float("nan") if mean is None else mean
    return Target(rule, verdict.proposal, result, rule.met(result))


def _chances_of_no_harm(rule: SuccessRule, verdict: Verdict, comparison: Comparison) -> Iterator[float]:
    """Yield for each persona P(the metric is worse by no more than is allowed); 0 where it is not defined."""
    for persona in comparison.outcomes.today.arm.worlds[0].draws.personas:
        yield chance_of_no_harm(rule, _contrast(rule, verdict, comparison, persona).values)


def chance_of_no_harm(rule: SuccessRule, differences: Floats) -> float:
    """Return P(a metric is worse than today by no more than a rule allows), from its differences by draw (D,)."""
    known = np.isfinite(differences)
    # A whole millionth of a unit on the limit is not beyond it.
    harmless = rule.good * differences[known] >= -rule.allowed - 1e-12
    return float(harmless.mean()) if known.any() else 0.0


def _contrast(rule: SuccessRule, verdict: Verdict, comparison: Comparison, persona: str) -> Contrast:
    """Return the metric's difference from today for a persona, cohort view, at full effect."""
    at = (verdict.proposal, persona, "cohort", verdict.full.realism)
    own = [item for item in comparison.contrasts if (item.arm, item.persona, item.view, item.realism) == at]
    for contrast in own:
        if contrast.metric == rule.metric:
            return contrast
    known = ", ".join(item.metric for item in own)
    raise ValueError(f'"{rule.text}" names no metric of "{verdict.proposal}": {rule.metric!r}; known are {known}')
