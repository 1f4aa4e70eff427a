"""A hand-made Decision over a small loan journey, for tests of the report: realistic numbers, no engine needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from journeysim.calibrate import prior_draws
from journeysim.compare.comparison import Calendar, Comparison, Contrast, Flips, Flow, Level, Story, spread_of
from journeysim.compare.friction import friction_of
from journeysim.decide.decision import (
    Bundle,
    BundleCase,
    Contribution,
    Curve,
    Decision,
    Evidence,
    Experiment,
    Fit,
    Frontier,
    MeanMonths,
    ModelChoice,
    MoneyCase,
    Portfolio,
    Step,
    Surface,
    Target,
    Task,
    Trial,
    Trust,
    Verdict,
)
from journeysim.decide.frontier.dominance import frontier
from journeysim.model.arms import Arm, World, build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, RemoveTouchpoint, Terms
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Reward, Touchpoint, split_link
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.remark import remark
from journeysim.model.scenario import Investment, Money, Proposal, Scenario, SuccessRule
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import Agreement, ArmOutcomes, Engine, Outcomes
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally, mix_personas

HORIZON = 365.25
MONTHS = 24
TAU = 24.0


def _share(value: float) -> Fixed:
    return Fixed(value)


def _days(value: float) -> Dwell:
    return Dwell(Family.EXPONENTIAL, Fixed(value))


def _link(target: str, share: float | None, days: float = 1.0) -> Link:
    return Link(target, None if share is None else _share(share), _days(days))


def small_journey() -> JourneyMap:
    points = (
        Touchpoint(
            "application form",
            (_link("credit check", 0.70, 0.2), _link("branch advice", 0.12, 2.0), _link("walked away", None)),
            stage="apply", seen=240, basis="workshop", cost=Reward(Fixed(0.4)), effort=Fixed(2.0), feeling=Fixed(0.2),
            channel="web", owner="digital sales", goal="Find out whether the bank lends at all",
            action="Fills in amount, income and household on the website", thought="Am I wasting my time?",
            pain_points=("Asks for the same figures twice", "No save button"),
        ),
        Touchpoint(
            "branch advice",
            (_link("credit check", 0.75, 1.0), _link("walked away", None)),
            stage="apply", seen=80, basis="interviews", cost=Reward(Fixed(22.0)), effort=Fixed(4.0),
            feeling=Fixed(0.45),
            channel="branch", action="Sits down with an adviser", thought="At last somebody explains it",
            magic_moment=True,
        ),
        Touchpoint(
            "credit check",
            (_link("offer call", 0.68, 3.0), _link("declined", None, 0.5)),
            stage="decide", seen=240, basis="measured", cost=Reward(Fixed(3.2)), effort=Fixed(1.0),
            feeling=Fixed(-0.15),
            channel="back office", backstage=True, action="Waits without news", thought="Why do they not answer?",
            pain_points=("Three days of silence",),
        ),
        Touchpoint(
            "offer call",
            (_link("papers", 0.60, 4.0), _link("application form", 0.08, 2.0), _link("walked away", None)),
            stage="decide", seen=120, basis="measured", cost=Reward(Fixed(9.0)), effort=Fixed(3.0), feeling=Fixed(0.3),
            channel="phone", owner="loan desk", action="Is called about amount and rate",
            thought="Is this a good rate?", moment_of_truth=True,
            pain_points=("The call comes a week after the offer",), root_causes=("Calls are planned by week",),
        ),
        Touchpoint(
            "papers",
            (_link("contract", 0.62, 5.0), _link("papers", 0.15, 3.0), _link("walked away", None)),
            stage="close", seen=60, basis="workshop", cost=Reward(Fixed(11.0)), effort=Fixed(6.0), feeling=Fixed(-0.6),
            channel="mail", action="Copies payslips and passport and posts them",
            thought="Why did they not say so at once?", pain_points=("Asked for the same papers twice", "Six contacts"),
        ),
        Touchpoint(
            "contract",
            (_link("signed", 0.91, 1.0), _link("walked away", None)),
            stage="close", seen=60, basis="measured", cost=Reward(Fixed(4.0)), effort=Fixed(2.0), feeling=Fixed(0.55),
            channel="app", action="Signs and gets the money", thought="That was it, I hope",
        ),
    )  # fmt: skip
    outcomes = (
        Outcome("signed", conversion=True, value=Reward(Range(620.0, 980.0, Scale.POSITIVE), 300.0)),
        Outcome("declined"),
        Outcome("walked away", silent=True),
    )
    return JourneyMap(
        "Consumer loan", points, outcomes,
        entry=(("application form", Fixed(0.83)), ("branch advice", Fixed(0.17))),
        personas=(Persona("small loans", Fixed(0.55)), Persona("large loans", Fixed(0.45))),
        stages=("apply", "decide", "close"), seen_entry=200.0, arrivals_per_day=Fixed(85.0), currency="EUR",
    )  # fmt: skip


def small_scenario() -> Scenario:
    video = Proposal(
        "video ID",
        (
            AddTouchpoint(
                Touchpoint("video ID check", (), stage="close", channel="video", cost=Reward(Fixed(1.2)),
                           effort=Fixed(1.0), feeling=Fixed(0.4), action="Shows the passport to the camera",
                           thought="That took four minutes"),
                (("offer call", "papers"),), Fixed(0.7), _days(0.005), Terms(basis="expert"),
            ),
            AdjustShare("papers", "contract", "odds x", Range(1.05, 1.45, Scale.POSITIVE), "walked away",
                        Terms(basis="test", start=30.0, ramp=90.0)),
        ),
        invest=Investment(Fixed(180_000.0), Fixed(6_000 * 12 / 365.25)), effort=3.0,
    )  # fmt: skip
    forms = Proposal(
        "fewer forms",
        (
            RemoveTouchpoint("branch advice", "bypass", terms=Terms(basis="guess")),
            AdjustShare("application form", "credit check", "odds x", Range(0.92, 1.22, Scale.POSITIVE), None,
                        Terms(basis="guess")),
        ),
        invest=Investment(Fixed(35_000.0), Fixed(1_500 * 12 / 365.25)), effort=1.0,
    )  # fmt: skip
    return Scenario(
        "video-id", small_journey(), (video, forms), horizon=HORIZON,
        question="Would a video ID check bring more signed loans?", money=Money(0.08, 0.08, currency="EUR"),
        succeed_if=(SuccessRule("P(net benefit > 0) >= 80%", "p_net_benefit", 0.8),), seed=20261121, draws=400,
        path="scenarios/loan/scenario.yaml", journey_path="scenarios/loan/journey.yaml",
    )  # fmt: skip


def _tally(world: World) -> Tally:
    """Return a tally by the fundamental matrix; times are one exponential for all."""
    journey, data = world.journey, world.draws
    points, outcomes, links = journey.touchpoint_names, journey.outcome_names, data.links
    order = [data.places.index(name) for name in (*points, *outcomes)]
    share, entry = data.values("share")[:, :, 0], data.values("entry")[..., order]
    draws, personas, _ = share.shape
    n, s = len(points), len(order)
    index = {name: k for k, name in enumerate((*points, *outcomes))}
    ends = [tuple(index[name] for name in split_link(label)) for label in links]
    matrix = np.zeros((draws, personas, n, s))
    for k, (source, target) in enumerate(ends):
        matrix[..., source, target] += share[..., k]
    inner = np.eye(n) - np.swapaxes(matrix[..., :n], -1, -2)
    at_points = np.linalg.solve(inner, entry[..., :n, None])[..., 0]
    at_outcomes = entry[..., n:] + np.einsum("dgn,dgnm->dgm", at_points, matrix[..., n:])
    visits = np.concatenate([at_points, at_outcomes], axis=-1)
    moves = np.stack([visits[..., source] * share[..., k] for k, (source, _) in enumerate(ends)], axis=-1)
    per_place = {name: data.values(name)[:, :, 0][..., order] for name in ("visit_value", "visit_cost", "effort")}
    value_at, cost_at = visits * per_place["visit_value"], visits * per_place["visit_cost"]
    converts = np.array([outcome.conversion for outcome in journey.outcomes])
    converted = at_outcomes[..., converts].sum(axis=-1)
    marks = np.linspace(0.0, HORIZON, 121)
    months = np.linspace(0.0, 12.0, 13) * HORIZON / 12
    per_month = np.diff(1 - np.exp(-months / TAU))
    zero = np.zeros((draws, personas))
    value, cost = value_at.sum(axis=-1), cost_at.sum(axis=-1)
    return Tally(
        converted=converted, churned=zero, lost=at_outcomes[..., ~converts].sum(axis=-1), active=zero,
        ends=at_outcomes, visits=visits, moves=moves, effort=(visits * per_place["effort"]).sum(axis=-1),
        value=value, cost=cost, value_pv=value * 0.97, cost_pv=cost * 0.985, value_at=value_at, cost_at=cost_at,
        marks=marks, converted_by=converted[..., None] * (1 - np.exp(-marks / TAU)),
        active_at=np.broadcast_to(np.exp(-marks / TAU), (draws, personas, len(marks))),
        value_month=value[..., None] * per_month, cost_month=cost[..., None] * per_month,
        converted_month=converted[..., None] * per_month, links=links, touchpoints=points, outcomes=outcomes,
        personas=journey.persona_names,
    )  # fmt: skip


def _lives() -> Lives:
    none = np.zeros((1, 1))
    whole = np.zeros((1, 1), dtype=np.int32)
    short = np.zeros((1, 1), dtype=np.int16)
    index = np.zeros(1, dtype=np.int64)
    return Lives(index, index, short, short, none, none, whole, whole, none, none, none, none, none, ("signed",))


def _metrics(tally: Tally) -> dict[str, tuple[str, np.ndarray]]:
    return {
        "conversion": ("share", tally.converted), "churn": ("share", tally.churned), "loss": ("share", tally.lost),
        "active": ("share", tally.active), "revenue": ("money", tally.value), "cost": ("money", tally.cost),
        "margin": ("money", tally.value - tally.cost), "clv": ("money", tally.value_pv - tally.cost_pv),
        "effort": ("count", tally.effort),
        "time_to_convert_median": ("days", np.where(tally.converted > 0, np.nan, 0.0)),
    }  # fmt: skip


_DOWN = {"churn", "loss", "active", "cost", "effort", "time_to_convert_median"}


def _levels(arm: ArmOutcomes) -> list[Level]:
    by, whole = arm.cohort(), mix_personas(arm.cohort(), arm.persona_shares())
    found = []
    for persona, tally, at in [("all", whole, 0), *((name, by, k) for k, name in enumerate(by.personas))]:
        for metric, (unit, values) in _metrics(tally).items():
            v = values[:, at]
            found.append(
                Level(metric, unit, arm.arm.name, persona, "cohort", spread_of(v), float(np.std(v)), 0.4, 1e-4, v)
            )
    return found


def _contrasts(today: ArmOutcomes, arm: ArmOutcomes) -> list[Contrast]:
    found = []
    for realism in arm.arm.realism:
        base, new = today.cohort(), arm.cohort(realism)
        pairs = [("all", mix_personas(base, today.persona_shares()), mix_personas(new, arm.persona_shares(realism)), 0)]
        pairs += [(name, base, new, k) for k, name in enumerate(base.personas)]
        for persona, old, changed, at in pairs:
            for metric, (unit, values) in _metrics(changed).items():
                d = values[:, at] - _metrics(old)[metric][1][:, at]
                better = None if np.isnan(d).any() else float(np.mean(d < 0 if metric in _DOWN else d > 0))
                found.append(
                    Contrast(
                        metric,
                        unit,
                        arm.arm.name,
                        "today",
                        persona,
                        "cohort",
                        realism,
                        spread_of(d),
                        better,
                        1e-4,
                        d,
                        None if better is None else float(np.mean(d > 0 if metric in _DOWN else d < 0)),
                    )
                )
    return found


def _case(proposal: Proposal, realism: float, gain: np.ndarray) -> MoneyCase:
    month = np.arange(MONTHS + 1)
    factor = 1.08 ** (-month / 12)
    ramp = np.clip((month - 1) / 3, 0.0, 1.0)
    customers = 85.0 * 30.4
    flow = gain[:, None] * customers * ramp * factor
    flow -= proposal.invest.running_per_day.mean * 30.4 * factor * (month > 0)
    flow[:, 0] = -proposal.invest.upfront.mean
    cumulative = np.cumsum(flow, axis=1)
    net = cumulative[:, -1]
    stays = np.flip(np.minimum.accumulate(np.flip(cumulative, axis=1), axis=1), axis=1) >= 0
    payback = np.where(stays.any(axis=1), stays.argmax(axis=1).astype(float), np.nan)
    invested = proposal.invest.upfront.mean + proposal.invest.running_per_day.mean * 30.4 * MONTHS
    zeros = np.zeros(MONTHS)
    spent = zeros + proposal.invest.running_per_day.mean * 30.4
    months = MeanMonths(flow[:, 1:].mean(axis=0) + spent, zeros, proposal.invest.upfront.mean, spent, zeros)
    return MoneyCase(
        proposal.name, realism, spread_of(net), spread_of(net / invested), spread_of(0.1 + 0 * net), spread_of(payback),
        float(np.mean(net > 0)), float(np.mean(np.isfinite(payback))), float(np.mean(np.maximum(-net, 0.0))),
        tuple((x, float(np.mean(-net > x))) for x in (0.0, 0.1 * invested, invested)),
        tuple(float(np.mean(payback <= k)) for k in month), months, invested, net, cumulative,
    )  # fmt: skip


def _verdict(proposal: Proposal, contrasts: list[Contrast]) -> Verdict:
    gains = {
        item.realism: item.values
        for item in contrasts
        if item.arm == proposal.name and item.metric == "clv" and item.persona == "all"
    }
    cases = tuple(_case(proposal, realism, gains[realism]) for realism in proposal.realism)
    slope = cases[-1].net.mean() - cases[0].net.mean()
    even = 1.0 - cases[-1].net.mean() / (slope / 0.75) if slope > 0 else None
    even = None if even is None or not 0 <= even <= 1 else float(even)
    return Verdict(proposal.name, cases, even, spread_of(np.clip(1 - cases[-1].net / slope, 0, 2)), proposal.effort)


def _evidence(arms: tuple[Arm, ...], verdicts: tuple[Verdict, ...]) -> tuple[Evidence, ...]:
    found = []
    for arm, verdict in zip(arms[1:], verdicts, strict=True):
        net = verdict.full.net
        items = [*arm.assumptions, *arms[0].assumptions]
        weight = np.array([np.corrcoef(item.values, net)[0, 1] ** 2 for item in items])
        for item, part in zip(items, weight / max(1.0, weight.sum()), strict=True):
            low, high = (float(net.mean() + sign * part * net.std()) for sign in (-1, 1))
            worth = float(part * 0.15 * net.std())
            found.append(Evidence(arm.name, item.name, item.basis, float(part), worth, worth / 9, None, low, high))
    return tuple(sorted(found, key=lambda item: (item.proposal, -item.variance_share)))


def _curves(arms: tuple[Arm, ...]) -> tuple[Curve, ...]:
    sizes = np.linspace(0.9, 1.4, 21)
    nets, even = 400_000 * (sizes - 1.1), np.where(sizes > 1.1, 0.11 / (sizes - 0.99), np.nan)
    own = [(arm.name, arm.assumptions[0].name) for arm in arms[1:] if arm.assumptions]
    return tuple(Curve(*names, sizes, nets, even, 1.1, 0.62) for names in own)


def _tests(arms: tuple[Arm, ...]) -> tuple[Experiment, ...]:
    trials = tuple(Trial(n, 40.0 * n**0.8, n / 900, 500.0, 35.0 * n**0.8 - 3 * n) for n in (100, 1_000, 4_100, 20_000))
    own = [(arm.name, item.name) for arm in arms[1:] for item in arm.assumptions]
    return tuple(
        Experiment(*names, "survey" if k else "ab_test", 52_000.0, trials, None if k else trials[2])
        for k, names in enumerate(own)
    )


def _surfaces(arms: tuple[Arm, ...]) -> tuple[Surface, ...]:
    grid = np.linspace(1.05, 1.6, 5)
    nets = 90_000.0 * (grid[:, None] + grid[None, :] - 2.5)
    own = [(arm.name, [item.name for item in arm.assumptions]) for arm in arms[1:] if arm.assumptions]
    return tuple(Surface(name, names[0], names[-1], grid, grid, nets, 0 * nets + 9e3, 0.7) for name, names in own)


def _portfolio(scenario: Scenario, verdicts: tuple[Verdict, ...]) -> Portfolio:
    nets = {(verdict.proposal,): verdict.full.net for verdict in verdicts}
    names = tuple(proposal.name for proposal in scenario.proposals)
    nets[names] = np.sum(list(nets.values()), axis=0)
    bundles = tuple(
        Bundle(
            own,
            spread_of(net),
            float(np.mean(net > 0)),
            90_000.0,
            3.0,
            len(own) == 1,
            True,
            0.4,
            12_000.0,
            net,
            tuple(BundleCase((r,) * len(own), spread_of(r * net), float(np.mean(net > 0))) for r in (0.25, 1.0)),
        )
        for own, net in nets.items()
    )
    steps = tuple(Step(name, spread_of(nets[name,]), float(nets[name,].mean()), 0.7) for name in names)
    return Portfolio(bundles, names, steps, ((names[:1], "nothing to act on"),), 200_000.0, None)


def _contributions(scenario: Scenario, verdicts: tuple[Verdict, ...]) -> tuple[Contribution, ...]:
    found = []
    for proposal, verdict in zip(scenario.proposals, verdicts, strict=True):
        part = spread_of(verdict.full.net / max(1, len(proposal.changes)))
        found += [Contribution(proposal.name, change.title, part, part, part, 0.4) for change in proposal.changes]
    return tuple(found)


def _frontiers(scenario: Scenario) -> tuple[Frontier, ...]:
    names = ("today", *(item.name for item in scenario.proposals))
    costs, effects = [40_000.0 * k for k in range(len(names))], [90.0 * k**0.8 for k in range(len(names))]
    prices, chances = np.linspace(0, 1_000, 5), np.full((5, len(names)), 1 / len(names))
    return (Frontier("conversions", frontier(names, costs, effects), names, prices, chances, (names[0],) * 5),)


def _tasks(scenario: Scenario) -> tuple[Task, ...]:
    return tuple(
        Task(item.name, item.effort, "quick_win", 0.7) for item in scenario.proposals if item.effort is not None
    )


def _stories(scenario: Scenario) -> tuple[Story, ...]:
    name = scenario.proposals[0].name
    p = scenario.journey.touchpoint_names
    old = ((p[0], 0.0), (p[2], 0.2), (p[3], 2.9), (p[4], 8.0), ("walked away", 21.4))
    new = ((p[0], 0.0), (p[2], 0.2), (p[3], 2.9), ("video ID check", 8.0), (p[4], 8.0), (p[5], 13.6), ("signed", 14.2))
    same = ((p[1], 0.0), (p[2], 1.1), (p[3], 4.0), (p[4], 9.0), (p[5], 15.0), ("signed", 15.5))
    lost = ((p[0], 0.0), (p[2], 0.3), (p[3], 3.3), (p[4], 6.0), (p[4], 9.5), ("walked away", 12.0))
    return (
        Story(name, "small loans", "saved", 3, 17, old, new),
        Story(name, "large loans", "lost", 3, 44, same, lost),
        Story(name, "large loans", "unchanged", 3, 51, same, same),
    )


def _flips(scenario: Scenario) -> tuple[Flips, ...]:
    found = []
    for k, proposal in enumerate(scenario.proposals):
        for g, persona in enumerate(("all", *scenario.journey.persona_names)):
            saved, lost, changed = 0.031 - 0.012 * k - 0.004 * g, 0.004 + 0.006 * k * g, 0.011
            found.append(Flips(proposal.name, persona, saved, lost, changed, 1 - saved - lost - changed))
    return tuple(found)


def _calendars(outcomes: Outcomes) -> tuple[Calendar, ...]:
    found = []
    for arm in outcomes.arms:
        tally = mix_personas(arm.cohort(), arm.persona_shares())
        arrivals = np.full(len(tally.value), 2587.0)
        grow = np.minimum(np.arange(1, MONTHS + 1) / 2, 1.0)
        value, cost, converted = (
            (part[:, 0] * arrivals)[:, None] * grow for part in (tally.value, tally.cost, tally.converted)
        )
        found.append(Calendar(arm.arm.name, 1.0, value, cost, converted, arrivals, assumed_arrivals=False))
    return tuple(found)


def _agreement(arms: tuple[Arm, ...]) -> tuple[Agreement, ...]:
    pairs = (("conversion", 0.231, 0.2304, -0.42), ("revenue", 173.2, 173.6, 0.31))
    return tuple(Agreement(arm.name, *pair) for arm in arms for pair in pairs)


def _fit() -> Fit:
    return Fit(
        "posterior",
        (("R-hat", 1.004, "<= 1.01", True), ("ESS bulk", 812.0, ">= 400", True),
         ("path length", 0.031, ">= 0.05", False)),
        0.18,
        ("31,509 events of 7,852 customers", "path length: observed journeys are longer than predicted"),
        (("customers", "7,852"), ("open spells", "1,204")),
        (ModelChoice("dwell of offer call -> signed", "lognormal", "gamma", 12.4, 3.1, 0.62),),
    )  # fmt: skip


def renamed(scenario: Scenario, proposals: Mapping[str, str]) -> Scenario:
    """Return the scenario with proposals under other names."""
    new = tuple(replace(item, name=proposals.get(item.name, item.name)) for item in scenario.proposals)
    return replace(scenario, proposals=new)


def build_decision(scenario: Scenario | None = None, *, seed: int = 7, draws: int = 400, grade: str = "B") -> Decision:
    """Return a Decision for the scenario (the small one by default); the same numbers for the same seed."""
    scenario = small_scenario() if scenario is None else scenario
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=draws, seed=seed), seed=seed)
    settings = Settings(HORIZON, 0.08, 0.08)
    found = tuple(
        ArmOutcomes(arm, tuple(_tally(world) for world in arm.worlds), tuple(_lives() for _ in arm.worlds))
        for arm in arms
    )
    outcomes = Outcomes(
        found, settings, seed, Engine("exact", "no queue, no feeling that acts, no memory on the map", 0.25, 0.0004),
        _agreement(arms),
        ("offer call counts as always staffed",),
    )  # fmt: skip
    contrasts = [item for arm in found[1:] for item in _contrasts(found[0], arm)]
    flows = tuple(Flow(arm.arm.name, mix_personas(arm.cohort(), arm.persona_shares())) for arm in found)
    levels = tuple(item for arm in found for item in _levels(arm))
    comparison = Comparison(
        outcomes,
        levels,
        tuple(contrasts),
        _flips(scenario),
        _stories(scenario),
        _calendars(outcomes),
        flows,
        friction=friction_of(scenario.journey, flows[0].tally),
    )
    verdicts = tuple(_verdict(proposal, contrasts) for proposal in scenario.proposals)
    ranked = max(verdicts, key=lambda verdict: verdict.full.npv.mean or -np.inf)
    targets = tuple(
        Target(rule, verdict.proposal, verdict.full.p_net_benefit, verdict.full.p_net_benefit >= rule.threshold)
        for rule in scenario.succeed_if
        for verdict in verdicts
    )
    reasons = (remark("mostly_prior", prior_share=0.6), remark("guesses", proposal="video ID", guessed_share=0.7))
    return Decision(
        comparison, verdicts, _evidence(arms, verdicts), Trust(grade, reasons), targets, _fit(), 95_000.0,
        ranked.proposal if (ranked.full.npv.mean or 0.0) > 0 else None, "EUR", MONTHS,
        curves=_curves(arms), surfaces=_surfaces(arms), tests=_tests(arms),
        portfolio=_portfolio(scenario, verdicts), tasks=_tasks(scenario),
        frontiers=_frontiers(scenario), contributions=_contributions(scenario, verdicts),
    )  # fmt: skip
