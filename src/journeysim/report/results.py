"""results.json: the contract for machines. Strict JSON, sorted, null with a reason where there is no number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from journeysim.compare.comparison import Contrast, Level, Spread
from journeysim.decide.decision import Decision, MoneyCase, Trial, Verdict
from journeysim.decide.targets import about_money
from journeysim.model.scenario import Scenario
from journeysim.report.remarks import remark_text
from journeysim.report.tables import money_shown
from journeysim.report.tables.effects import MONEY_METRICS, place_in_order, unit_of
from journeysim.report.words import language
from journeysim.simulate.outcomes import Engine
from journeysim.simulate.precision import Reached

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
SCHEMA: Final = "journeysim/results/1"
WITHHELD: Final = "trust grade E: money figures are withheld"
NEVER: Final = "no realism between 0 and 1 breaks even"
_QUANTILES: Final = ("mean", "q05", "q25", "q50", "q75", "q95")


def results(decision: Decision, scenario: Scenario) -> dict[str, Json]:
    """Return the content of results.json (schema journeysim/results/1), in an order that depends on the names alone."""
    comparison, outcomes = decision.comparison, decision.comparison.outcomes
    money = money_shown(decision)
    levels = sorted(
        comparison.levels, key=lambda x: (place_in_order(x.metric), x.arm, x.persona != "all", x.persona, x.view)
    )
    contrasts = sorted(
        comparison.contrasts,
        key=lambda x: (place_in_order(x.metric), x.arm, x.persona != "all", x.persona, x.view, x.realism),
    )
    return {
        "schema": SCHEMA,
        "scenario": scenario.name,
        "question": scenario.question,
        "currency": decision.currency,
        "horizon_days": scenario.horizon,
        "money_horizon_months": decision.horizon_months,
        "engine": _engine(outcomes.engine),
        "precision": _precision(decision, money=money),
        "seed": outcomes.seed,
        "trust": {"grade": decision.trust.grade, "reasons": _reasons(decision)},
        "best": decision.best if money else None,
        "arms": [{"name": arm.arm.name, "role": arm.arm.role} for arm in outcomes.arms],
        "metrics": [_level(item, decision.currency, money=money) for item in levels],
        "contrasts": [_contrast(item, decision.currency, money=money) for item in contrasts],
        "decision": [_verdict(item, money=money) for item in decision.verdicts],
        "evpi": _number(decision.evpi, money=money),
        "evidence": _evidence(decision, money=money),
        "thresholds": _thresholds(decision) if money else [],
        "two_numbers": _two_numbers(decision) if money else [],
        "tests": _tests(decision) if money else [],
        "contributions": _contributions(decision) if money else [],
        "portfolio": _portfolio(decision) if money else None,
        "targets": _targets(decision, money=money),
        "flips": [_flips(decision, k) for k in range(len(comparison.flips))],
        "frontiers": _frontiers(decision) if money else [],
        "friction": _friction(decision, money=money),
        "fit": _fit(decision),
        "agreement": _agreement(decision, money=money),
        "warnings": list(dict.fromkeys([*outcomes.warnings, *comparison.warnings])),
    }  # fmt: skip


def _reasons(decision: Decision) -> list[Json]:
    """Return why the trust grade is what it is; machines read English."""
    say = language("en", decision.currency)
    return [remark_text(reason, say) for reason in decision.trust.reasons]


def _engine(engine: Engine) -> dict[str, Json]:
    """Return the engine; of the exact one, its longest step and its largest relative errors."""
    made: dict[str, Json] = {"name": engine.name, "why": engine.why}
    if engine.name != "exact":
        return made
    return made | {
        "step_days": engine.step_days,
        "error": engine.error,
        "timing_error": engine.timing,
        "luck_error": engine.luck,
    }


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _number(value: float | None, *, money: bool) -> Json:
    return _finite(value) if money else None


def _spread(spread: Spread, *, money: bool = True) -> dict[str, Json]:
    """Return mean and quantiles; where one is missing, null and a `reason`."""
    found: dict[str, Json] = {name: _number(getattr(spread, name), money=money) for name in _QUANTILES}
    if any(value is None for value in found.values()):
        found["reason"] = WITHHELD if not money else spread.why or "undefined"
    return found


def _level(item: Level, currency: str, *, money: bool) -> dict[str, Json]:
    shown = money or item.unit != "money"
    sizes: dict[str, float | None] = {
        "sd_not_knowing": item.sd_not_knowing, "sd_luck": item.sd_luck, "mc_error": item.mc_error,
    }  # fmt: skip
    named: dict[str, Json] = {
        "metric": item.metric, "arm": item.arm, "persona": item.persona, "view": item.view,
        "unit": unit_of(item.unit, currency),
    }  # fmt: skip
    return (
        named | _spread(item.spread, money=shown) | {name: _number(value, money=shown) for name, value in sizes.items()}
    )


def _contrast(item: Contrast, currency: str, *, money: bool) -> dict[str, Json]:
    shown = money or item.unit != "money"
    named: dict[str, Json] = {
        "metric": item.metric, "arm": item.arm, "versus": item.versus, "persona": item.persona, "view": item.view,
        "unit": unit_of(item.unit, currency), "realism": item.realism,
    }  # fmt: skip
    chance: dict[str, Json] = {name: _number(getattr(item, name), money=shown) for name in ("p_better", "p_worse")}
    return named | _spread(item.spread, money=shown) | chance | {"mc_error": _number(item.mc_error, money=shown)}


def _case(case: MoneyCase, *, money: bool) -> dict[str, Json]:
    made: dict[str, Json] = {
        "npv": _spread(case.npv, money=money), "roi": _spread(case.roi, money=money),
        "internal_rate": _spread(case.internal_rate, money=money),
        "payback_months": _spread(case.payback_months, money=money),
        "p_net_benefit": _number(case.p_net_benefit, money=money),
        "p_pays_back": _number(case.p_pays_back, money=money),
        "expected_loss": _number(case.expected_loss, money=money),
        "loss_risk": [{"loss_above": x, "p": p} for x, p in case.loss_risk] if money else [],
        "paid_back_by": list(case.paid_back_by) if money else [],
    }  # fmt: skip
    return made


def _verdict(item: Verdict, *, money: bool) -> dict[str, Json]:
    even: dict[str, Json] = {"break_even_realism": _number(item.break_even_realism, money=money)}
    if even["break_even_realism"] is None:
        even["break_even_reason"] = NEVER if money else WITHHELD
    cases: list[Json] = [{"realism": case.realism} | _case(case, money=money) for case in item.cases]
    head: dict[str, Json] = {"proposal": item.proposal, "realism": item.full.realism}
    tail: dict[str, Json] = {
        "p_break_even": _spread(item.p_break_even, money=money),
        "effort": item.effort,
        "cases": cases,
    }
    reason: dict[str, Json] = {} if money else {"reason": WITHHELD}
    return head | _case(item.full, money=money) | even | tail | reason


def _evidence(decision: Decision, *, money: bool) -> list[Json]:
    found = sorted(decision.evidence, key=lambda x: (x.proposal, -x.variance_share, x.assumption))
    return [
        {
            "proposal": x.proposal, "assumption": x.assumption, "basis": x.basis,
            "variance_share": _finite(x.variance_share), "prior_share": _finite(x.prior_share),
            "evppi": _number(x.evppi, money=money), "evppi_error": _number(x.evppi_error, money=money),
            "net_at_q05": _number(x.net_low, money=money), "net_at_q95": _number(x.net_high, money=money),
        }
        for x in found
    ]  # fmt: skip


def _two_numbers(decision: Decision) -> list[Json]:
    return [
        {
            "proposal": x.proposal, "first": x.first, "second": x.second, "first_sizes": x.firsts.tolist(),
            "second_sizes": x.seconds.tolist(), "net": x.nets.tolist(), "net_error": x.errors.tolist(),
            "variance_share": x.explained,
        }
        for x in decision.surfaces
    ]  # fmt: skip


def _thresholds(decision: Decision) -> list[Json]:
    found = sorted(decision.curves, key=lambda x: (x.proposal, x.assumption))
    return [
        {"proposal": x.proposal, "assumption": x.assumption, "threshold": _finite(x.threshold), "p_beyond": x.p_beyond}
        for x in found
    ]


def _tests(decision: Decision) -> list[Json]:
    return [
        {
            "proposal": x.proposal, "assumption": x.assumption, "study": x.study, "evppi": _finite(x.evppi),
            "best": None if x.best is None else _trial(x.best), "sizes": [_trial(at) for at in x.trials],
        }
        for x in decision.tests
    ]  # fmt: skip


def _frontiers(decision: Decision) -> list[Json]:
    return [
        {
            "goal": x.goal,
            "options": [
                {
                    "option": o.name, "cost": o.cost, "effect": o.effect, "status": o.status,
                    "step_cost": _finite(o.step_cost), "step_effect": _finite(o.step_effect),
                    "cost_per_unit": _finite(o.step),
                }
                for o in x.options
            ],
            "acceptability": [
                {"price": float(price), "best": best, "chances": dict(zip(x.names, row.tolist(), strict=True))}
                for price, best, row in zip(x.prices, x.best, x.chances, strict=True)
            ],
        }
        for x in decision.frontiers
    ]  # fmt: skip


def _friction(decision: Decision, *, money: bool) -> dict[str, Json]:
    found = decision.comparison.friction
    losses: list[Json] = [
        {
            "touchpoint": x.touchpoint, "visits": x.visits, "lost": x.lost, "drop_off": _finite(x.rate),
            "at_stake": _spread(x.stake, money=money), "per_point": _spread(x.per_point, money=money),
            "best_comparable": x.example or None, "recoverable": _spread(x.recoverable, money=money),
            "conversion_per_point": _spread(x.leverage), "moment_of_truth": x.moment_of_truth,
        }
        for x in found.losses
    ]  # fmt: skip
    gaps: list[Json] = [
        {
            "source": x.source, "target": x.target, "changes": x.changes, "moves": x.moves, "leave_right_after": x.rate,
            "lost": _spread(x.lost),
        }
        for x in found.gaps
    ]  # fmt: skip
    links: list[Json] = [{"link": x.link, "elasticity": _spread(x.conversion)} for x in found.leverages]
    return {"touchpoints": losses, "gaps": gaps, "links": links}


def _contributions(decision: Decision) -> list[Json]:
    return [
        {
            "proposal": x.proposal, "change": x.change, "shared": _spread(x.shared), "alone": _spread(x.alone),
            "last": _spread(x.last), "break_even_part": _finite(x.break_even_part),
        }
        for x in decision.contributions
    ]  # fmt: skip


def _portfolio(decision: Decision) -> dict[str, Json]:
    found = decision.portfolio
    bundles: list[Json] = [
        {
            "members": list(x.members), "npv": _spread(x.npv), "p_net_benefit": x.p_net_benefit, "invested": x.invested,
            "effort": x.effort, "within_limits": x.affordable, "harmless": x.harmless, "p_best": x.p_best, "regret": x.regret,
            "by_realism": [
                {"realism": list(case.realism), "npv": _spread(case.npv), "p_net_benefit": case.p_net_benefit}
                for case in x.cases
            ],
        }
        for x in found.bundles
    ]  # fmt: skip
    order: list[Json] = [
        {"proposal": x.proposal, "adds": _spread(x.adds), "sum_so_far": x.total, "p_first": x.p_first}
        for x in found.order
    ]
    clashes: list[Json] = [{"members": list(names), "why": why} for names, why in found.clashes]
    tasks: list[Json] = [{"proposal": x.proposal, "task": x.kind, "p_task": x.p_kind} for x in decision.tasks]
    return {
        "bundles": bundles, "best": list(found.best), "roll_out": order, "clashes": clashes, "tasks": tasks,
        "budget": found.budget, "effort_limit": found.effort,
    }  # fmt: skip


def _trial(at: Trial) -> dict[str, Json]:
    return {
        "customers": at.customers, "evsi": _finite(at.evsi), "months": _finite(at.months), "cost": _finite(at.cost),
        "net_gain": _finite(at.net_gain),
    }  # fmt: skip


def _targets(decision: Decision, *, money: bool) -> list[Json]:
    found: list[Json] = []
    for item in decision.targets:
        shown = money or not about_money(item.rule)
        row: dict[str, Json] = {
            "target": item.rule.text, "proposal": item.proposal, "threshold": item.rule.threshold,
            "result": _number(item.result, money=shown), "met": item.met if shown else None,
        }  # fmt: skip
        found.append(row if shown else row | {"reason": WITHHELD})
    return found


def _flips(decision: Decision, number: int) -> dict[str, Json]:
    item = decision.comparison.flips[number]
    made: dict[str, Json] = {"arm": item.arm, "persona": item.persona, "saved": item.saved, "lost": item.lost}
    return made | {"changed": item.changed, "unchanged": item.unchanged}


def _agreement(decision: Decision, *, money: bool) -> list[Json]:
    found: list[Json] = []
    for item in decision.comparison.outcomes.agreement:
        shown = money or item.metric not in MONEY_METRICS
        sizes: dict[str, Json] = {"exact": _number(item.exact, money=shown), "walk": _number(item.walk, money=shown)}
        row: dict[str, Json] = {"arm": item.arm, "metric": item.metric, **sizes, "z": _finite(item.z)}
        found.append(row if shown else row | {"reason": WITHHELD})
    return found


def _precision(decision: Decision, *, money: bool) -> Json:
    """Return how many customers per draw were simulated and how precise that is; null where nobody is sampled."""
    found = decision.comparison.outcomes.precision
    if found is None:
        return None
    about: dict[str, Json] = {"customers": found.customers, "found": found.found, "enough": found.enough}
    about |= {"control": {"slope": found.slope, "gain": _finite(found.gain)} if found.slope else None}
    return about | {"asked": found.asked, "arms": [_reached(item, money=money) for item in found.arms]}


def _reached(item: Reached, *, money: bool) -> dict[str, Json]:
    shown = money or item.metric not in MONEY_METRICS
    sizes = {name: _number(getattr(item, name), money=shown) for name in ("mean", "spread", "noise", "error")}
    row: dict[str, Json] = {"arm": item.arm, "metric": item.metric, **sizes, "noise_share": _finite(item.part)}
    return row if shown else row | {"reason": WITHHELD}


def _fit(decision: Decision) -> dict[str, Json]:
    fit = decision.fit
    gates: list[Json] = [
        {"gate": name, "value": _finite(value), "limit": limit, "passed": bool(passed)}
        for name, value, limit, passed in fit.gates
    ]
    choices: list[Json] = [
        {
            "subject": item.subject, "chosen": item.chosen, "runner_up": item.runner_up,
            "probability": item.chance, "log_density_ahead": _finite(item.margin), "standard_error": _finite(item.margin_error),
        }
        for item in fit.choices
    ]  # fmt: skip
    share = _finite(fit.prior_share)
    made: dict[str, Json] = {"source": fit.source, "gates": gates, "prior_share": share, "choices": choices}
    return made | {"notes": list(fit.notes), "summary": dict(fit.summary)}
