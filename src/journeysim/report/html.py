"""report.html: one self-contained file. What it says is decided here, how it looks in templates/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final, final

from journeysim.decide.decision import Decision
from journeysim.model.scenario import Scenario
from journeysim.report.answer import Said, said_of
from journeysim.report.flow_picture import Flow, Move, picture
from journeysim.report.journey_picture import Lanes, proposal_lanes, today_lanes
from journeysim.report.narrative import check_page
from journeysim.report.numbers import written
from journeysim.report.plots import figures_of
from journeysim.report.remarks import remark_text
from journeysim.report.results import Json, results
from journeysim.report.scoreboard import Score, scoreboard
from journeysim.report.sentences import spoken
from journeysim.report.tables import Table, money_shown, tables_of
from journeysim.report.tables.effects import of_one_place
from journeysim.report.tables.table import as_float
from journeysim.report.views import View, view
from journeysim.report.words import Language, language
from journeysim.simulate.outcomes import Engine, Outcomes
from journeysim.simulate.precision import Precision

SMALLEST_SHARE: Final = 0.005
#: What four decimals of a per cent can show.
SMALLEST_ERROR: Final = 1e-6
_DROPPED: Final = {"evidence": (), "decision": ("effort",), "lives": ("step",)}


@final
@dataclass(frozen=True, slots=True)
class Page:
    """The report: its HTML, the tables and figures it shows, by name, and its language."""

    html: str
    tables: Mapping[str, Table]
    figures: Mapping[str, str]
    language: Language


@final
@dataclass(frozen=True, slots=True)
class Map:
    """One arm's journey map: its lanes and its flow picture."""

    lanes: Lanes
    flow: str


@final
@dataclass(frozen=True, slots=True)
class Life:
    """One example life: the same customer in both worlds, steps as (place, day as text, only in this world)."""

    proposal: str
    persona: str
    kind: str
    today: tuple[tuple[str, str, bool], ...]
    changed: tuple[tuple[str, str, bool], ...]


@final
@dataclass(frozen=True, slots=True)
class _Shown:
    """Everything the template reads."""

    decision: Decision
    scenario: Scenario
    say: Language
    money: bool
    figures: Mapping[str, str]
    views: Mapping[str, View]
    maps: tuple[Map, ...]
    lives: tuple[Life, ...]
    scores: tuple[Score, ...]
    said: Said
    reasons: tuple[str, ...]
    command: str
    method: tuple[tuple[str, str], ...]
    prior_share: str
    summary: Mapping[str, Json]


def page_of(decision: Decision, scenario: Scenario, *, manifest: Mapping[str, object], lang: str = "en") -> Page:
    """Return the report as a page, every number in its sentences checked against the table it comes from.

    Raises
    ------
    BadInput
        When the language is unknown.
    UnboundNumber
        When a sentence on the finished page says a number that its table cell does not hold.
    """
    say = language(lang, decision.currency)
    tables = tables_of(decision, scenario)
    names = [arm.arm.name for arm in decision.comparison.outcomes.arms]
    figures = dict(figures_of(tables, names[0], names[1:], say))
    maps = _maps(decision, scenario, tables, say)
    shown = _Shown(
        decision, scenario, say, money_shown(decision), figures, _views(tables, say), maps,
        _lives(decision, say), scoreboard(tables, names[1:], say), said_of(decision, tables, say),
        tuple(remark_text(reason, say) for reason in decision.trust.reasons),
        str(manifest.get("command", "")), _method(decision, scenario, manifest, say),
        written(decision.fit.prior_share, "chance", say), _summary(decision, scenario),
    )  # fmt: skip
    html = _rendered(shown)
    check_page(html, tables, say)
    flows = {f"flow_{k}": item.flow for k, item in enumerate(maps) if item.flow}
    return Page(html, tables, {**figures, **{name: _standalone(svg) for name, svg in flows.items()}}, say)


def _rendered(shown: _Shown) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("journeysim.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    own = partial(spoken, language=shown.say)
    return environment.get_template("report.html").render(r=shown, say=shown.say, d=shown.decision, spoken=own)


def _standalone(svg: str) -> str:
    """Return a flow picture with its own style, for the file on its own."""
    style = resources.files("journeysim.report").joinpath("templates/flow.css").read_text(encoding="utf-8")
    at = svg.index(">") + 1
    return f"{svg[:at]}<style>{style}</style>{svg[at:]}"


def _method(
    decision: Decision, scenario: Scenario, manifest: Mapping[str, object], say: Language
) -> tuple[tuple[str, str], ...]:
    """Return what it takes to make these numbers again, as (name, text)."""
    outcomes, money = decision.comparison.outcomes, scenario.money
    versions = manifest.get("versions")
    named = sorted(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, Mapping) else []
    rates = " / ".join(written(rate, "share", say) for rate in (money.discount_value, money.discount_cost))
    rows = (
        ("engine", outcomes.engine.name), ("why", spoken(outcomes.engine.why, say)), ("precision", _precision(outcomes, say)),
        ("horizon", say["days"].format(n=written(scenario.horizon, "count", say))),
        ("money", say["months"].format(n=written(decision.horizon_months, "count", say))), ("discount", rates),
        ("draws", written(float(outcomes.today.arm.worlds[0].draws.count), "count", say)), ("seed", str(outcomes.seed)),
        ("files", ", ".join(Path(path).name for path in (scenario.path, scenario.journey_path) if path)),
        ("versions", ", ".join(named)),
    )  # fmt: skip
    return tuple((say[f"method.{name}"], text) for name, text in rows if text)


def _precision(outcomes: Outcomes, say: Language) -> str:
    """Return how finely the exact engine cut time, and what that left; of customers that were walked, how many."""
    return _grid(outcomes.engine, say) if outcomes.engine.name == "exact" else _customers(outcomes.precision, say)


def _customers(found: Precision | None, say: Language) -> str:
    if found is None:
        return ""
    why = ("found" if found.enough else "bound") if found.found else "given"
    customers, asked = written(float(found.customers), "count", say), written(found.asked, "share", say)
    said = say[f"method.precision.{why}"].format(customers=customers)
    if found.worst is None:
        return said
    said = f"{said} {say['method.precision.noise'].format(part=written(found.worst.part, 'share', say), asked=asked)}"
    if found.slope == 0.0:
        return said
    return f"{said} {say['method.precision.control'].format(gain=written(found.gain, 'number', say))}"


def _grid(engine: Engine, say: Language) -> str:
    if engine.error == 0:
        return say["method.precision.cohort"]
    step = written(engine.step_days, "number", say)
    sums, timing = (written(100 * max(part, SMALLEST_ERROR), "number", say) for part in (engine.error, engine.timing))
    said = say["method.precision.grid"].format(step=step, sums=sums, timing=timing)
    if engine.luck == 0:
        return said
    luck = written(100 * max(engine.luck, SMALLEST_ERROR), "number", say)
    return f"{said} {say['method.precision.luck'].format(luck=luck)}"


def _summary(decision: Decision, scenario: Scenario) -> Mapping[str, Json]:
    """Return the machine-readable head of the page; the full contract is results.json."""
    whole = results(decision, scenario)
    return {name: whole[name] for name in ("schema", "scenario", "seed", "trust", "arms", "decision")}


def _views(tables: Mapping[str, Table], say: Language) -> Mapping[str, View]:
    """Return the tables to show; long ones are cut to what the page is about, the CSV keeps the rest."""
    found = {name: view(item, say, drop=_DROPPED.get(name, ())) for name, item in tables.items() if item.rows}
    if "evidence" in found:
        found["ledger"] = found["evidence"]
        found["evidence"] = view(_largest(tables["evidence"]), say)
    levels = tables["levels"]
    kept = [row for row in levels.where(persona="all", view="cohort").rows if not of_one_place(str(row.cells[0]))]
    found["levels"] = view(Table("levels", levels.columns, tuple(kept)), say, drop=("persona",))
    return found


def _largest(item: Table) -> Table:
    """Return the assumptions that the figure shows: those that explain something."""
    return Table(item.name, item.columns, tuple(row for row in item.rows if as_float(row.cells[4]) >= SMALLEST_SHARE))


def _maps(decision: Decision, scenario: Scenario, tables: Mapping[str, Table], say: Language) -> tuple[Map, ...]:
    arms = [item.arm for item in decision.comparison.outcomes.arms]
    changes = {proposal.name: proposal.changes for proposal in scenario.proposals}
    lanes = [today_lanes(arms[0], say)]
    lanes += [proposal_lanes(arms[0], arm, changes.get(arm.name, ()), k, say) for k, arm in enumerate(arms[1:], 1)]
    return tuple(Map(item, _flow(decision, item, tables["moves"], k, say)) for k, item in enumerate(lanes))


def _flow(decision: Decision, lanes: Lanes, moves: Table, number: int, say: Language) -> str:
    tally = next((flow.tally for flow in decision.comparison.flows if flow.arm == lanes.arm), None)
    if tally is None:
        return ""
    found = tuple(
        Move(str(row.cells[1]), str(row.cells[2]), float(row.cells[3] or 0.0), float(row.cells[4] or 0.0))
        for row in moves.where(arm=lanes.arm).rows
    )
    visits = dict(
        zip((*tally.touchpoints, *tally.outcomes), (100 * tally.visits.mean(axis=0)[0]).tolist(), strict=True)
    )
    into = {name: sum(move.now for move in found if move.target == name) for name in visits}
    entries = {name: count - into[name] for name, count in visits.items()}
    cards = tuple((card.point.name, card.state) for card in lanes.cards)
    journey = decision.comparison.outcomes.today.arm.worlds[0].journey
    ends = tuple(
        (outcome.name, outcome.conversion) for outcome in journey.outcomes if visits.get(outcome.name, 0.0) > 0
    )
    flow = Flow(lanes.arm, cards, ends, found, visits, entries, changes=not lanes.is_today)
    return picture(flow, f"fig-flow-{number}", say)


def _lives(decision: Decision, say: Language) -> tuple[Life, ...]:
    return tuple(
        Life(
            story.arm, say.word("word", story.persona), say.word("word", story.kind),
            _steps(story.today, story.proposal, say), _steps(story.proposal, story.today, say),
        )
        for story in decision.comparison.stories
    )  # fmt: skip


def _steps(
    steps: Sequence[tuple[str, float]], others: Sequence[tuple[str, float]], say: Language
) -> tuple[tuple[str, str, bool], ...]:
    known = {place for place, _ in others}
    return tuple(
        (place, say["day"].format(n=f"{day:,.1f}".replace(".", say.decimal)), place not in known)
        for place, day in steps
    )
