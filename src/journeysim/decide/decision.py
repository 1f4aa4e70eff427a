"""Decision: what a comparison is worth, with the evidence it rests on. A frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from journeysim.compare.comparison import Comparison, Spread
from journeysim.model.quantity import Floats
from journeysim.model.remark import Remark
from journeysim.model.scenario import SuccessRule

Grade = Literal["A", "B", "C", "D", "E"]
TaskKind = Literal["quick_win", "major_project", "fill_in", "thankless"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class MeanMonths:
    """What a proposal adds and what it costs to have by calendar month, expected and undiscounted, (K,) each.

    `value` and `cost` are differences from today; `running` falls at the middle of a month, `single` at its start.
    """

    value: Floats
    cost: Floats
    upfront: float
    running: Floats
    single: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class MoneyCase:
    """One proposal at one realism: discounted over the money horizon, in the scenario's currency.

    `net` is the net present value per draw (D,); `cumulative` the discounted running sum by calendar month (D, K + 1),
    starting with the upfront investment; payback is the first month the running sum stays non-negative (NaN: never),
    `paid_back_by` P(paid back by month) for months 0 … K, `loss_risk` pairs (x, P(loss > x)); `invested` is the
    expected present value of the whole investment.
    """

    proposal: str
    realism: float
    npv: Spread
    roi: Spread
    internal_rate: Spread
    payback_months: Spread
    p_net_benefit: float
    p_pays_back: float
    expected_loss: float
    loss_risk: tuple[tuple[float, float], ...]
    paid_back_by: tuple[float, ...]
    months: MeanMonths
    invested: float
    net: Floats
    cumulative: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """One proposal over its realism grid; `break_even_realism` is None when no realism in [0, 1] breaks even.

    `gains` are those before investment per draw at realisms from 0 to 1, with straight lines between them: one from nothing,
    unless queues make an effect other than `proportional` to realism.
    """

    proposal: str
    cases: tuple[MoneyCase, ...]
    break_even_realism: float | None
    p_break_even: Spread
    effort: float | None
    gains: tuple[tuple[float, Floats], ...] = ()
    proportional: bool = True

    @property
    def full(self) -> MoneyCase:
        """Return the case at the highest realism of the grid."""
        return self.cases[-1]


@final
@dataclass(frozen=True, slots=True)
class Evidence:
    """One assumption: what it rests on, its share of the decision's variance, and what knowing it would be worth.

    `prior_share` is the part of it that comes from the map's beliefs (None for a proposal's own numbers); `net_low` and
    `net_high` are the expected net benefit with this assumption at its 5 % and 95 % point and all others as they are.
    """

    proposal: str
    assumption: str
    basis: str
    variance_share: float
    evppi: float
    evppi_error: float = 0.0
    prior_share: float | None = None
    net_low: float | None = None
    net_high: float | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How a proposal's expected net benefit depends on one of its own numbers, (k,) each.

    `even` is the realism that breaks even at each size (NaN: none); `threshold` the size at which the net benefit is 0
    (None where it is not so exactly once), `p_beyond` the chance that the number lies where it pays.
    """

    proposal: str
    assumption: str
    sizes: Floats
    nets: Floats
    even: Floats
    threshold: float | None
    p_beyond: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A proposal's expected net benefit over two numbers that it rests on, regressed on the draws.

    `nets` and their standard errors `errors` are (k, k) over `firsts` and `seconds` (k,); `explained` is the part of the
    net's variance that the two explain together.
    """

    proposal: str
    first: str
    second: str
    firsts: Floats
    seconds: Floats
    nets: Floats
    errors: Floats
    explained: float


@final
@dataclass(frozen=True, slots=True)
class Trial:
    """A study of one assumption at one size: what it would be worth, what it takes, and what is left.

    `customers` is per arm for an A/B test. `net_gain` is what it is worth less what it costs to run and to wait for.
    """

    customers: int
    evsi: float
    months: float
    cost: float
    net_gain: float


@final
@dataclass(frozen=True, slots=True)
class Experiment:
    """What testing one assumption could bring, over sizes; `best` is the size that leaves most, None where none does."""

    proposal: str
    assumption: str
    study: Literal["ab_test", "ab_timing", "survey", "pilot"]
    evppi: float
    trials: tuple[Trial, ...]
    best: Trial | None


@final
@dataclass(frozen=True, slots=True)
class BundleCase:
    """A bundle at one realism of each member, lowest case first: what it is worth."""

    realism: tuple[float, ...]
    npv: Spread
    p_net_benefit: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Several proposals carried out together, simulated jointly; `net` per draw (D,), at the highest realism.

    `cases` are over the members' realism grids; `cost` is what it costs in all, in present value, and `gained` pairs
    of a goal that is not money and what it adds to it (D,).

    `harmless` says whether it meets every rule of `succeed if` that no persona be worse off; None where the run cannot
    tell. `p_best` is the chance that no other bundle that may be chosen (nor today) is better, `regret` what choosing
    this one is expected to cost against the best of them in every draw.
    """

    members: tuple[str, ...]
    npv: Spread
    p_net_benefit: float
    invested: float
    effort: float | None
    affordable: bool
    harmless: bool | None
    p_best: float
    regret: float
    net: Floats
    cases: tuple[BundleCase, ...] = ()
    cost: Floats | None = None
    gained: tuple[tuple[str, Floats], ...] = ()

    @property
    def choosable(self) -> bool:
        """Whether it is within the limits and known to harm no persona more than a rule allows."""
        return self.affordable and self.harmless is True


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One step of a roll-out: what the proposal adds to those before it, the sum so far, P(no other would add more)."""

    proposal: str
    adds: Spread
    total: float
    p_first: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """All bundles, highest expected net within the limits first; the best, its order of roll-out, and what clashes."""

    bundles: tuple[Bundle, ...] = ()
    best: tuple[str, ...] = ()
    order: tuple[Step, ...] = ()
    clashes: tuple[tuple[tuple[str, ...], str], ...] = ()
    budget: float | None = None
    effort: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Task:
    """What kind of task a proposal is by impact and effort, and the chance that it is of that kind."""

    proposal: str
    effort: float
    kind: TaskKind
    p_kind: float


@final
@dataclass(frozen=True, slots=True)
class Contribution:
    """What one change adds to its proposal's gain before investment.

    `alone`: the change without the others; `last`: added to all others; `shared`: its Shapley value, the mean over the
    orders in which changes may be added, so that these add up to the whole gain. `break_even_part` is the part of this
    change's effect that pays for the proposal with all others as they are (None where none in [0, 1] does).
    """

    proposal: str
    change: str
    alone: Spread
    last: Spread
    shared: Spread
    break_even_part: float | None


@final
@dataclass(frozen=True, slots=True)
class Option:
    """One option of a cost-effectiveness frontier; steps are taken from the option before it on the frontier.

    `status` is on, dominated or extendedly dominated; `step` is cost per unit of effect, None for the first and off it.
    """

    name: str
    cost: float
    effect: float
    status: str
    step_cost: float | None
    step_effect: float | None
    step: float | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """A goal that is not money: its options, and what is best when one unit of it is worth a price.

    `chances` (W, A) is the acceptability of each of `names` at each of `prices` (W,), options that are hardly ever best
    summed up as the last one; `best` names the option with the highest expectation there. `left_out` is how many bundles
    are beyond the limits or harm a persona, and so are no options.
    """

    goal: str
    options: tuple[Option, ...]
    names: tuple[str, ...]
    prices: Floats
    chances: Floats
    best: tuple[str, ...]
    left_out: int = 0


@final
@dataclass(frozen=True, slots=True)
class Trust:
    """How far to trust the figures, A (best) to E, with every reason."""

    grade: Grade
    reasons: tuple[Remark, ...]


@final
@dataclass(frozen=True, slots=True)
class Target:
    """One `succeed if` rule held against one proposal."""

    rule: SuccessRule
    proposal: str
    result: float
    met: bool


@final
@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model chosen by how well it predicts: what for, which, ahead of which, by how much log density, its error.

    `chance` is its posterior probability where the others are in the draws too (dwell families), None elsewhere.
    """

    subject: str
    chosen: str
    runner_up: str
    margin: float
    margin_error: float | None
    chance: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Fit:
    """What the decision layer needs to know about how today's draws came about.

    `source` is stated, prior or posterior; gates are (name, value, limit, passed); `prior_parts` says of each number in
    the ledger which part still comes from the map; `backtest` are the gates of a backtest and whether each was passed
    (None: there was none).
    """

    source: str
    gates: tuple[tuple[str, float, str, bool], ...] = ()
    prior_share: float | None = None
    notes: tuple[str, ...] = ()
    summary: tuple[tuple[str, str], ...] = ()
    choices: tuple[ModelChoice, ...] = ()
    prior_parts: tuple[tuple[str, float], ...] = ()
    backtest: tuple[tuple[str, bool], ...] | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What `decide` returns; `best` is the proposal with the highest expected net benefit, None where today is best."""

    comparison: Comparison
    verdicts: tuple[Verdict, ...]
    evidence: tuple[Evidence, ...]
    trust: Trust
    targets: tuple[Target, ...]
    fit: Fit
    evpi: float
    best: str | None
    currency: str
    horizon_months: int
    curves: tuple[Curve, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    tests: tuple[Experiment, ...] = ()
    portfolio: Portfolio = Portfolio()
    tasks: tuple[Task, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    frontiers: tuple[Frontier, ...] = ()
