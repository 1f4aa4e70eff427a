"""What the report says in sentences, section by section, each number bound to its table cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, final

from journeysim.decide.decision import Decision
from journeysim.report.narrative import Cell, Sentence, Tables, sentence, together
from journeysim.report.tables import Table
from journeysim.report.tables.table import as_float
from journeysim.report.words import Language

MOST_TESTS: Final = 3
CLEARLY: Final = 0.05
_NOTHING: Final = 0.0
Say = Callable[..., Sentence]


@final
@dataclass(frozen=True, slots=True)
class Said:
    """Sentences by section; empty where a section has nothing to say."""

    headline: tuple[Sentence, ...]
    answer: tuple[Sentence, ...]
    targets: tuple[tuple[Sentence, bool | None], ...]
    differences: tuple[Sentence, ...]
    losses: tuple[Sentence, ...]
    personas: tuple[Sentence, ...]
    money: tuple[Sentence, ...]
    drivers: tuple[Sentence, ...]
    tests: tuple[Sentence, ...]
    untested: tuple[Sentence, ...]
    tasks: tuple[Sentence, ...]
    bundles: tuple[Sentence, ...]
    goals: tuple[Sentence, ...]
    worth: tuple[Sentence, ...]


def said_of(decision: Decision, tables: Tables, language: Language) -> Said:
    """Return every sentence of the report."""
    say: Say = lambda key, **slots: sentence(key, tables, language, **slots)  # noqa: E731
    lead = decision.best or _closest(decision, tables)
    return Said(
        tuple(_headline(decision, tables, say)),
        (*_answer(lead, tables, say), *_more_together(decision, tables, say)),
        tuple(_targets(tables["targets"], say)),
        (*_each(tables["differences"], "difference.one", say, metric="conversion"), *_waits(tables.get("staff"), say)),
        tuple(_losses(tables, say)),
        tuple(_personas(tables["personas"], say)),
        tuple(_money(tables, say)),
        tuple(_drivers(decision, tables["evidence"], say)),
        tuple(_tests(tables, say)),
        tuple(_not_worth(tables, say)),
        tuple(_tasks(tables, say)),
        tuple(_together(decision, tables, say)),
        tuple(_goals(tables.get("frontier"), say)),
        tuple(_worth(tables, say)),
    )


def _closest(decision: Decision, tables: Tables) -> str | None:
    """Return the proposal of the highest expected net benefit, be it negative; without money figures, the first one."""
    names = [verdict.proposal for verdict in decision.verdicts]
    item = tables.get("decision")
    if item is None or not names:
        return names[0] if names else None
    expected = item.numbers(_column(item, "npv_mean"))
    return str(item.at(max(range(len(expected)), key=expected.__getitem__), "proposal"))


def _column(item: Table, start: str) -> str:
    """Return the column whose name starts so: money columns end in the currency."""
    return next(column.name for column in item.columns if column.name.startswith(start))


def _headline(decision: Decision, tables: Tables, say: Say) -> Iterator[Sentence]:
    item = tables.get("decision")
    if item is None:
        yield from _effect(_closest(decision, tables), tables, partial(say, "answer.no_money"))
        return
    months = Cell("value_of_information", 0, "horizon_months")
    row = None if decision.best is None else item.find(proposal=decision.best)
    if row is None:
        closest = item.find(proposal=_closest(decision, tables))
        if closest is not None:
            yield say("answer.none", months=months, proposal=Cell("decision", closest, "proposal"))
        return
    cell = partial(Cell, "decision", row)
    chance = cell("p_net_benefit", "chance")
    yield say(
        "answer.gain", proposal=cell("proposal"), npv=cell(_column(item, "npv_mean")), months=months, chance=chance
    )


def _answer(proposal: str | None, tables: Tables, say: Say) -> Iterator[Sentence]:
    item = tables.get("decision")
    row = None if item is None else item.find(proposal=proposal)
    if item is None or row is None:
        return
    cell = partial(Cell, "decision", row)
    yield say(
        "answer.range",
        proposal=cell("proposal"),
        low=cell(_column(item, "npv_q05")),
        high=cell(_column(item, "npv_q95")),
    )
    yield from _effect(proposal, tables, partial(say, "answer.effect"))
    yield from _safer(item, row, say)


def _safer(item: Table, best: int, say: Say) -> Iterator[Sentence]:
    """Yield the proposal that is clearly more likely to pay than the one with the highest expectation."""
    chances = item.numbers("p_net_benefit")
    row = max(range(len(chances)), key=lambda k: chances[k])
    if chances[row] >= chances[best] + CLEARLY:
        cell = partial(Cell, "decision", row)
        yield say(
            "answer.safer",
            proposal=cell("proposal"),
            chance=cell("p_net_benefit", "chance"),
            npv=cell(_column(item, "npv_mean")),
        )


def _more_together(decision: Decision, tables: Tables, say: Say) -> Iterator[Sentence]:
    """Yield the proposals that are expected to bring most of all together, where no single one does."""
    item = tables.get("portfolio")
    row = None if item is None else item.find(bundle=" + ".join(decision.portfolio.best))
    if item is not None and row is not None and len(decision.portfolio.best) > 1:
        yield say("answer.together", **_bundle(item, row))


def _effect(proposal: str | None, tables: Tables, say: Say) -> Iterator[Sentence]:
    item = tables["differences"]
    row = item.find(metric="conversion", proposal=proposal)
    if row is not None and item.at(row, "difference_mean") is not None:
        yield _spread_said("differences", row, say)


def _spread_said(name: str, row: int, say: Say, **more: Cell) -> Sentence:
    cell = partial(Cell, name, row)
    return say(
        proposal=cell("proposal"),
        mean=cell("difference_mean"),
        low=cell("difference_q05"),
        high=cell("difference_q95"),
        **more,
    )


def _targets(item: Table, say: Say) -> Iterator[tuple[Sentence, bool | None]]:
    for row in range(len(item.rows)):
        cell = partial(Cell, "targets", row)
        met = item.at(row, "met")
        made = say("target.line", target=cell("target"), proposal=cell("proposal"), result=cell("result"))
        yield made, met if isinstance(met, bool) else None


def _each(item: Table, key: str, say: Say, **wanted: str) -> Iterator[Sentence]:
    for row in _rows(item, **wanted):
        if item.at(row, "difference_mean") is not None and item.at(row, "p_better") is not None:
            yield _spread_said(item.name, row, partial(say, key), chance=Cell(item.name, row, "p_better", "chance"))


def _waits(item: Table | None, say: Say) -> Iterator[Sentence]:
    """Yield how long customers wait for each resource in each proposal and how many leave, against today, the first arm."""
    if item is None:
        return
    for row in range(len(item.rows)):
        now = item.find(resource=item.at(row, "resource"), arm=item.at(0, "arm"))
        if now in {None, row} or item.at(row, "wait_hours_mean") is None:
            continue
        cell, then = partial(Cell, "staff", row), partial(Cell, "staff", now)
        yield say(
            "waits.one", proposal=cell("arm"), resource=cell("resource"), wait=cell("wait_hours_mean"),
            today=then("wait_hours_mean"), left=cell("unserved_mean"), left_today=then("unserved_mean"),
        )  # fmt: skip


def _rows(item: Table, **wanted: str) -> list[int]:
    at = [(item.position(name), value) for name, value in wanted.items()]
    return [k for k, row in enumerate(item.rows) if all(row.cells[place] == value for place, value in at)]


def _personas(item: Table, say: Say) -> Iterator[Sentence]:
    """Yield, per proposal, the persona that gains least: averages hide losers."""
    rows = [
        k
        for k in _rows(item, metric="conversion")
        if item.at(k, "persona") != "all" and item.at(k, "p_better") is not None
    ]
    for proposal in dict.fromkeys(item.at(k, "proposal") for k in rows):
        own = [k for k in rows if item.at(k, "proposal") == proposal]
        if len(own) > 1:
            worst = min(own, key=lambda k: as_float(item.at(k, "difference_mean")))
            cell = partial(Cell, "personas", worst)
            yield _spread_said(
                "personas",
                worst,
                partial(say, "personas.one"),
                persona=cell("persona"),
                chance=cell("p_better", "chance"),
                worse=cell("p_worse", "chance"),
            )


def _losses(tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    item = tables["drop_off"]
    if not item.rows or not item.at(0, "lost_per_100_customers"):
        return
    cell = partial(Cell, "drop_off", 0)
    stake = next(
        (column.name for column in item.columns if column.name.startswith("at_stake_per_100_customers_mean")), None
    )
    if stake is None:
        yield say("losses.no_money", place=cell("touchpoint"), lost=cell("lost_per_100_customers"))
    else:
        yield say("losses.one", place=cell("touchpoint"), lost=cell("lost_per_100_customers"), stake=cell(stake))
        yield from _recoverable(item, say)
    yield from _deciding(item, say)
    if tables["gaps"].rows and as_float(tables["gaps"].at(0, "lost_after_per_100_customers_mean")) > _NOTHING:
        gap = partial(Cell, "gaps", 0)
        lost = gap("lost_after_per_100_customers_mean")
        yield say(
            "losses.gap", source=gap("hand_over_from"), target=gap("hand_over_to"), what=gap("what_changes"), lost=lost
        )


def _recoverable(item: Table, say: Say) -> Iterator[Sentence]:
    """Yield where most could be won back by losing no more than the best comparable touchpoint."""
    mean, low, high = (_column(item, f"recoverable_per_100_customers_{name}") for name in ("mean", "q05", "q95"))
    row = max(range(len(item.rows)), key=lambda k: as_float(item.at(k, mean) or 0.0))
    if as_float(item.at(row, mean)) > _NOTHING:
        cell = partial(Cell, "drop_off", row)
        found = {"place": cell("touchpoint"), "example": cell("best_comparable")}
        yield say("losses.recoverable", **found, worth=cell(mean), low=cell(low), high=cell(high))


def _deciding(item: Table, say: Say) -> Iterator[Sentence]:
    """Yield the touchpoint whose drop-off conversion depends on most: the moment of truth by what it moves."""
    points = [as_float(value) for value in item.numbers("conversion_per_point")]
    row = max(range(len(points)), key=lambda k: points[k] if points[k] == points[k] else 0.0)
    if points[row] > _NOTHING:
        cell = partial(Cell, "drop_off", row)
        yield say("losses.decides", place=cell("touchpoint"), points=cell("conversion_per_point"))


def _money(tables: Tables, say: Say) -> Iterator[Sentence]:
    item = tables.get("decision")
    for row in range(len(item.rows) if item else 0):
        case = _one_case(tables["decision"], partial(Cell, "decision", row), row, say)
        yield together([*case, *_loss(tables["loss_risk"], str(tables["decision"].at(row, "proposal")), say)])


def _loss(item: Table, proposal: str, say: Say) -> Iterator[Sentence]:
    """Yield the largest loss of the table that is not out of the question."""
    chances = item.numbers("p_loss")
    rows = [k for k in _rows(item, proposal=proposal) if chances[k] >= CLEARLY]
    if rows and as_float(item.at(rows[-1], item.columns[1].name)) > _NOTHING:
        cell = partial(Cell, item.name, rows[-1])
        yield say("money.loss", loss=cell(item.columns[1].name), chance=cell("p_loss", "chance"))


def _one_case(item: Table, cell: partial[Cell], row: int, say: Say) -> Iterator[Sentence]:
    name = cell("proposal")
    npv, low, high = (cell(_column(item, f"npv_{part}")) for part in ("mean", "q05", "q95"))
    yield say("money.one", proposal=name, npv=npv, low=low, high=high, chance=cell("p_net_benefit", "chance"))
    if item.at(row, "payback_q50_months") is not None:
        yield say("money.payback", months=cell("payback_q50_months"))
    if item.at(row, "break_even_realism") is None:
        yield say("money.no_break_even")
    else:
        yield say("money.break_even", share=cell("break_even_realism"))


def _drivers(decision: Decision, item: Table, say: Say) -> Iterator[Sentence]:
    for verdict in decision.verdicts:
        row = item.find(proposal=verdict.proposal)
        if row is not None and as_float(item.at(row, "variance_share")) > _NOTHING:
            cell = partial(Cell, "evidence", row)
            found = {"assumption": cell("assumption"), "share": cell("variance_share")}
            if str(item.at(row, "assumption")).startswith(f"{verdict.proposal}: "):
                yield say("drivers.own", **found)
            else:
                yield say("drivers.one", proposal=cell("proposal"), **found)


def _tests(tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    """Yield the tests that leave most; where none does, the assumption that would be most worth knowing."""
    plan = tables.get("test_plan")
    if plan is None:
        return
    rows = [k for k in range(len(plan.rows)) if plan.at(k, "worth_testing")][:MOST_TESTS]
    for row in rows:
        cell = partial(Cell, plan.name, row)
        found = {"assumption": cell("assumption"), "weeks": cell("weeks"), "gain": cell(_column(plan, "net_gain"))}
        yield say(f"test.{plan.at(row, 'study')}", customers=cell("customers"), **found)
    yield from _worth_knowing(tables["evidence"], say, tested=bool(rows))


def _worth_knowing(item: Table, say: Say, *, tested: bool) -> Iterator[Sentence]:
    """Yield what perfect knowledge of the most valuable assumption would be worth; named once if several share it."""
    worth = next(column.name for column in item.columns if column.name.startswith("evppi"))
    row = max(range(len(item.rows)), key=lambda k: as_float(item.at(k, worth)), default=None)
    if row is None or not as_float(item.at(row, worth)) > _NOTHING:
        if not tested:
            yield say("test.none")
        return
    yield say("test.one", assumption=Cell("evidence", row, "assumption"), evppi=Cell("evidence", row, worth))


def _not_worth(tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    """Yield the assumptions that a study could measure and that none is worth making for."""
    plan = tables.get("test_plan")
    if plan is not None:
        rows = [k for k in range(len(plan.rows)) if not plan.at(k, "worth_testing")]
        yield from (say("test.not_worth", assumption=Cell(plan.name, k, "assumption")) for k in rows)


def _tasks(tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    item = tables.get("tasks")
    for row in range(len(item.rows) if item else 0):
        cell = partial(Cell, "tasks", row)
        yield say("task.one", proposal=cell("proposal"), task=cell("task"), chance=cell("p_task", "chance"))


def _together(decision: Decision, tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    """Yield the best bundle, what choosing it may cost, and the order in which to carry it out."""
    item = tables.get("portfolio")
    if item is None or len(item.rows) < 2:
        return
    row = item.find(bundle=" + ".join(decision.portfolio.best))
    if row is None:
        yield say("bundle.none")
        return
    yield say("bundle.best", **_bundle(item, row), chance=Cell(item.name, row, "p_best", "chance"))
    yield say("bundle.regret", regret=Cell(item.name, row, _column(item, "regret")))
    for step in range(len(tables["roll_out"].rows) if len(decision.portfolio.best) > 1 else 0):
        found = partial(Cell, "roll_out", step)
        adds = found(_column(tables["roll_out"], "adds_mean"))
        yield say("bundle.first" if step == 0 else "bundle.then", proposal=found("proposal"), adds=adds)


def _bundle(item: Table, row: int) -> dict[str, Cell]:
    """Return a bundle and its net benefit, for a sentence."""
    npv, low, high = (Cell(item.name, row, _column(item, name)) for name in ("npv_mean", "npv_q05", "npv_q95"))
    return {"bundle": Cell(item.name, row, "bundle"), "npv": npv, "low": low, "high": high}


def _goals(item: Table | None, say: Say) -> Iterator[Sentence]:
    """Yield what each step along a goal's frontier costs per unit."""
    for row in range(len(item.rows) if item else 0):
        step = None if item is None else item.at(row, _column(item, "cost_per_unit"))
        if item is not None and step is not None:
            cell = partial(Cell, item.name, row)
            yield say(
                f"goal.step.{item.at(row, 'goal')}", option=cell("option"), price=cell(_column(item, "cost_per_unit"))
            )


def _worth(tables: Mapping[str, Table], say: Say) -> Iterator[Sentence]:
    item = tables.get("value_of_information")
    if item is not None:
        yield say("test.all", evpi=Cell(item.name, 0, _column(item, "evpi")))
