"""The verb `decide`: a comparison and a business case in, a decision out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.compare.calendar import of_those_under_way
from journeysim.compare.comparison import Calendar, Comparison
from journeysim.decide.decision import (
    Contribution,
    Curve,
    Decision,
    Evidence,
    Experiment,
    Fit,
    Portfolio,
    Surface,
    Target,
    Verdict,
)
from journeysim.decide.drivers.changes import Whole, contributions
from journeysim.decide.drivers.groups import Group, of_assumption, of_today
from journeysim.decide.drivers.ledger import curve_of, evidence_of
from journeysim.decide.drivers.surface import check_asked, surfaces_of
from journeysim.decide.frontier.goals import frontiers_of
from journeysim.decide.information.plan import Choices, Stakes, tests_of, worth_first
from journeysim.decide.information.value import evpi, evppi
from journeysim.decide.money.cases import benefit, between, break_even, break_even_draws, money_case, proportional
from journeysim.decide.money.investment import Invested, horizon_months, invested
from journeysim.decide.portfolio.choose import portfolio_of
from journeysim.decide.portfolio.matrix import tasks_of
from journeysim.decide.portfolio.worth import Case, Crowding, Further
from journeysim.decide.targets import target_of
from journeysim.decide.trust import distance, trust_of
from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Limits, Money, Proposal, SuccessRule

NO_LIMITS: Final = Limits()


def decide(
    comparison: Comparison,
    *,
    proposals: Sequence[Proposal],
    money: Money,
    fit: Fit,
    seed: int,
    succeed_if: Sequence[SuccessRule] = (),
    limits: Limits = NO_LIMITS,
    further: Further | Crowding | None = None,
) -> Decision:
    """Return what the proposals are worth and how far that can be trusted.

    Parameters
    ----------
    comparison : Comparison
        With calendars over `horizon_months(money)` months.
    proposals : sequence of Proposal
        In the order of the comparison's arms after today.
    money : Money
        Discount rates, horizon and currency.
    fit : Fit
        How today's draws came about.
    seed : int
        Addresses the investments' draws.
    succeed_if : sequence of SuccessRule
        Each is held against every proposal at full effect.
    limits : Limits
        What the proposals of a bundle together may take.
    further : Further or Crowding, optional
        Simulates more worlds over the same draws, or bundles where customers share staff. Without it there are no bundles,
        so proposals are choices that exclude one another; without `Further` nothing is said about what single changes add.

    Returns
    -------
    Decision
        Benefit is positive. `best` has the highest expected net benefit at full effect among the positive ones.

    Raises
    ------
    ValueError
        When the comparison covers other months or other proposals than the business case, or a rule names an
        unknown metric.
    """
    _check(comparison, proposals, money)
    months, draws = comparison.calendars[0].value.shape[1], len(comparison.calendars[0].value)
    spent = [invested(item, money, draws=draws, months=months, seed=seed) for item in proposals]
    pairs = list(zip(proposals, spent, strict=True))
    verdicts = tuple(_verdict(proposal, comparison, own, money) for proposal, own in pairs)
    nets = np.stack([verdict.full.net for verdict in verdicts], axis=1) if verdicts else np.zeros((draws, 0))
    own = [_own_groups(found.arm, item) for found, item in zip(comparison.outcomes.proposals, spent, strict=True)]
    today = comparison.outcomes.today.arm.worlds[0]
    portfolio, parts = Portfolio(), tuple[Contribution, ...]()
    follow = further.follow if isinstance(further, Further) else None
    if isinstance(further, Further):
        parts = tuple(
            contributions(
                list(_wholes(proposals, spent, comparison, money)), today, further.simulated, money,
                months=months, seed=seed, follow=follow,
            )
        )  # fmt: skip
    if further is not None and len(proposals) > 1:
        arms = [item.arm for item in comparison.outcomes.proposals]
        rules = [rule for rule in succeed_if if rule.measure == "no_harm"]
        under_way = of_those_under_way(comparison.outcomes, months=months)
        length, first_day = comparison.outcomes.settings.horizon, comparison.outcomes.settings.first_day
        rated = any(item.metric == "nps" for item in comparison.contrasts)
        walked = further.walked if isinstance(further, Further) and rated else None
        case = Case(proposals, arms, spent, money, limits, months, rules, under_way, follow, length, walked, first_day)
        portfolio = portfolio_of(case, further.simulated if isinstance(further, Further) else further, seed=seed)
    choices = choices_of(verdicts, portfolio)
    targets = tuple(target_of(rule, verdict, comparison) for rule in succeed_if for verdict in verdicts)
    evidence = tuple(_evidence(comparison, own, nets, choices, fit, seed=seed))
    return Decision(
        comparison=comparison,
        verdicts=verdicts,
        evidence=evidence,
        trust=trust_of(fit, evidence, comparison.outcomes.agreement, _distances(comparison)),
        targets=targets,
        fit=fit,
        evpi=evpi(choices.nets),
        best=best_of(verdicts, targets),
        currency=money.currency,
        horizon_months=months,
        curves=tuple(_curves(verdicts, own)),
        surfaces=tuple(_surfaces(comparison, verdicts, spent, ())),
        tests=tuple(worth_first(list(_tests(comparison, proposals, own, choices, money, seed=seed)))),
        portfolio=portfolio,
        tasks=tuple(tasks_of(verdicts)),
        contributions=parts,
        frontiers=tuple(frontiers_of(comparison, spent, money, portfolio)),
    )


def over_two(
    decision: Decision, names: Sequence[str], *, proposals: Sequence[Proposal], money: Money, seed: int
) -> Decision:
    """Return a decision with the net benefit over the two numbers that are named, by parts of their names.

    Without names it stays over the two that decide most. BadInput where no proposal rests on both.
    """
    if not names:
        return decision
    draws, months = len(decision.comparison.calendars[0].value), decision.horizon_months
    spent = [invested(item, money, draws=draws, months=months, seed=seed) for item in proposals]
    return replace(decision, surfaces=tuple(_surfaces(decision.comparison, decision.verdicts, spent, names)))


def choices_of(verdicts: Sequence[Verdict], portfolio: Portfolio) -> Choices:
    """Return what may be chosen besides today: the bundles that may, or single proposals without bundles."""
    bundles = [item for item in portfolio.bundles if item.choosable]
    members = [item.members for item in bundles] if portfolio.bundles else [(item.proposal,) for item in verdicts]
    nets = [item.net for item in bundles] if portfolio.bundles else [item.full.net for item in verdicts]
    empty = np.zeros((len(verdicts[0].full.net) if verdicts else 1, 0))
    return Choices(tuple(members), np.stack(nets, axis=1) if nets else empty)


def ranked(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts by expected net benefit at full effect, highest first; ties keep their order."""
    return tuple(sorted(verdicts, key=lambda verdict: -float(verdict.full.net.mean())))


def best_of(verdicts: Sequence[Verdict], targets: Sequence[Target] = ()) -> str | None:
    """Return the proposal with the highest expected net benefit, None when that is not above 0: today is better.

    A proposal that harms a persona more than a rule of `succeed if` allows is passed over.
    """
    harmful = {item.proposal for item in targets if item.rule.measure == "no_harm" and not item.met}
    order = [verdict for verdict in ranked(verdicts) if verdict.proposal not in harmful]
    return order[0].proposal if order and order[0].full.net.mean() > 0 else None


def _distances(comparison: Comparison) -> dict[str, float]:
    today, *proposals = comparison.flows
    return {flow.arm: distance(today.tally, flow.tally) for flow in proposals}


def _check(comparison: Comparison, proposals: Sequence[Proposal], money: Money) -> None:
    asked, found = [item.name for item in proposals], [arm.arm.name for arm in comparison.outcomes.proposals]
    if asked != found:
        raise ValueError(f"the business case is about {asked}, the comparison about {found}; give both the same order")
    covered = comparison.calendars[0].value.shape[1]
    if covered != horizon_months(money):
        raise ValueError(
            f"the value horizon is {horizon_months(money)} months, the comparison's calendar covers {covered}; "
            "compare with horizon_months=horizon_months(money)"
        )


def _verdict(proposal: Proposal, comparison: Comparison, spent: Invested, money: Money) -> Verdict:
    today = comparison.calendars[0]
    own = sorted((item for item in comparison.calendars[1:] if item.arm == proposal.name), key=_realism)
    cases = tuple(money_case(calendar, today, spent, money) for calendar in own)
    queued = comparison.outcomes.engine.name == "service"
    nothing = next(
        (money_case(item, today, spent, money) for item in comparison.unanswered if item.arm == proposal.name), None
    )
    gains = between(cases, nothing, spent.total) if queued else proportional(cases[-1], spent.total)
    even, by_draw = break_even(gains, float(spent.total.mean())), break_even_draws(gains, spent.total)
    return Verdict(proposal.name, cases, even, by_draw, proposal.effort, gains, proportional=not queued)


def _realism(calendar: Calendar) -> float:
    return calendar.realism


def _wholes(
    proposals: Sequence[Proposal], spent: Sequence[Invested], comparison: Comparison, money: Money
) -> Iterator[Whole]:
    """Yield each proposal with its gain before investment, as its verdict has it."""
    today = comparison.calendars[0]
    for proposal, own, found in zip(proposals, spent, comparison.outcomes.proposals, strict=True):
        full = max((item for item in comparison.calendars[1:] if item.arm == proposal.name), key=_realism)
        gain = benefit(full, today, money).sum(axis=1)
        sizes = [item.values for item in found.arm.assumptions]
        known = np.column_stack(sizes) if sizes else np.zeros((len(gain), 0))
        yield Whole(proposal, gain, float(own.total.mean()), known, found.underway)


def _own_groups(arm: Arm, spent: Invested) -> list[Group]:
    """Return a proposal's own uncertain numbers."""
    return [of_assumption(item) for item in (*arm.assumptions, *spent.assumptions)]


def _evidence(
    comparison: Comparison, own: Sequence[Sequence[Group]], nets: Floats, choices: Choices, fit: Fit, *, seed: int
) -> Iterator[Evidence]:
    today = of_today(comparison.outcomes.today.arm.worlds[0].draws, dict(fit.prior_parts))
    shared = [evppi(group, choices.nets, seed=seed) for group in today]
    for column, (found, groups) in enumerate(zip(comparison.outcomes.proposals, own, strict=True)):
        worth = [*(evppi(group, choices.nets, seed=seed) for group in groups), *shared]
        yield from evidence_of(found.arm.name, [*groups, *today], nets[:, column], worth)


def _curves(verdicts: Sequence[Verdict], own: Sequence[Sequence[Group]]) -> Iterator[Curve]:
    for verdict, groups in zip(verdicts, own, strict=True):
        full, gains = verdict.full, () if verdict.proportional else verdict.gains
        found = (curve_of(verdict.proposal, group, full.net, full.invested, full.realism, gains) for group in groups)
        yield from (curve for curve in found if curve is not None)


def _surfaces(
    comparison: Comparison, verdicts: Sequence[Verdict], spent: Sequence[Invested], asked: Sequence[str]
) -> Iterator[Surface]:
    today = comparison.outcomes.today.arm.assumptions
    arms = [item.arm for item in comparison.outcomes.proposals]
    numbers = {arm.name: (*arm.assumptions, *own.assumptions, *today) for arm, own in zip(arms, spent, strict=True)}
    check_asked(asked, numbers)
    for verdict in verdicts:
        yield from surfaces_of(verdict.proposal, numbers[verdict.proposal], verdict.full.net, asked)


def _tests(
    comparison: Comparison, proposals: Sequence[Proposal], own: Sequence[Sequence[Group]], choices: Choices,
    money: Money, *, seed: int,
) -> Iterator[Experiment]:  # fmt: skip
    today = comparison.outcomes.today
    base = (today.arm.worlds[0].draws, today.tallies[0])
    for column, (proposal, groups) in enumerate(zip(proposals, own, strict=True)):
        stakes = Stakes(choices, proposal.name, horizon_months(money), money, seed)
        yield from tests_of(proposal, comparison.outcomes.proposals[column].arm, base, groups, stakes)
