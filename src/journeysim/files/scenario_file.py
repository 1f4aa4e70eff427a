"""Scenario files: from a path to a Scenario, with every problem of it and of its journey file at its place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from journeysim.errors import BadInput, Problem, raise_if_errors
from journeysim.files.changes_file import change_of
from journeysim.files.events import ROLES, unknown_role
from journeysim.files.journey_file import journey_with_problems
from journeysim.files.log_shape_file import shape_of
from journeysim.files.numbers import CurrencyBook, UnreadableError
from journeysim.files.phrases import success_rule
from journeysim.files.places import beside, inside, scenario_name
from journeysim.files.reading import Loaded, Source, in_order, open_source, validated
from journeysim.files.scenario_shape import LimitsFile, MoneyFile, ProposalFile, ScenarioFile
from journeysim.files.shapes import Reading
from journeysim.files.yaml_positions import Steps, load
from journeysim.model.checks.proposals import check_changes, check_contradictions, check_some_change
from journeysim.model.journey import ZERO, JourneyMap
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Quantity
from journeysim.model.scenario import Investment, Limits, Money, Proposal, Scenario, SuccessRule
from journeysim.model.units import DAYS_PER_YEAR

UNREAD: Final = JourneyMap("", (), (), ())
DEFAULT_HORIZON: Final = DAYS_PER_YEAR
DEFAULT_DRAWS: Final = 500


def read_scenario(path: str | Path) -> Scenario:
    """Return the scenario a file describes, its journey included.

    Raises
    ------
    BadInput
        With every problem of the scenario file and of its journey file, each at its line and column.
    """
    return read_scenario_with_warnings(path)[0]


def read_scenario_with_warnings(path: str | Path) -> tuple[Scenario, tuple[Problem, ...]]:
    """Return the scenario and the warnings of both files; raises as `read_scenario` does."""
    scenario, problems = scenario_with_problems(Path(path), load(Path(path), str(path)))
    warnings = raise_if_errors(problems)
    if scenario is None:
        raise BadInput(problems)
    return scenario, warnings


def scenario_with_problems(path: Path, loaded: Loaded) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """Return the scenario as far as it can be read, and every problem of it and of its journey file."""
    source, problems = open_source(loaded)
    if source is None:
        return None, problems
    shown = source.document.file
    tree = source.document.tree
    written = tree.get("journey") if isinstance(tree, dict) else None
    journey, journey_path, known, others = _journey(source, written, path, shown)
    reading = Reading(CurrencyBook(journey.currency if journey is not None else None))
    file = validated(source, ScenarioFile, reading)
    scenario = Scenario(
        name=scenario_name(path),
        journey=journey or UNREAD,
        proposals=tuple(_proposal(source, name, item) for name, item in file.proposals.items()),
        horizon=_horizon(source, file),
        first_day=file.first_day,
        question=file.question,
        money=_money(source, file.money, reading.currency.code or "EUR"),
        limits=_limits(file.limits),
        two_way=file.two_way,
        succeed_if=_rules(source, file, reading.currency),
        seed=file.seed,
        draws=file.draws or DEFAULT_DRAWS,
        customers=file.customers,
        calibration=_data(source, file.calibration, "calibration", path),
        events=_data(source, file.events, "events", path),
        backtest=_data(source, file.backtest, "backtest", path),
        log=_log(source, file),
        path=shown,
        journey_path=journey_path,
    )
    _check(source, scenario, known=known)
    if file.calibration is not None and file.events is not None:
        message = '"calibration" and "events" are two sources for the same numbers; keep one'
        source.note("J052", message, ("events",))
    return (scenario if journey is not None else None), in_order([*source.problems, *others])


def _horizon(source: Source, file: ScenarioFile) -> float:
    if file.horizon == 0:
        source.note("J070", "a horizon of no time shows nothing; write for example 12 months", ("horizon",))
    return file.horizon or DEFAULT_HORIZON


def _journey(
    source: Source, written: object, path: Path, shown: str
) -> tuple[JourneyMap | None, str, bool, tuple[Problem, ...]]:
    """Return the journey the scenario names, its path, whether its structure is complete, and its problems."""
    if not isinstance(written, str):
        if written is None:
            source.note("J013", 'which journey? write "journey: journey.yaml"', ("journey",))
        return None, "", False, ()
    try:
        found = inside(written, path, "the journey file")
    except UnreadableError as error:
        source.note(error.code, error.message, ("journey",))
        return None, "", False, ()
    journey, problems, known = journey_with_problems(load(found, beside(written, shown)))
    return journey, str(found), known, problems


def _data(source: Source, written: str | None, setting: str, path: Path) -> str | None:
    """Return the absolute path of the data a scenario names."""
    if written is None:
        return None
    try:
        found = inside(written, path, setting)
    except UnreadableError as error:
        source.note(error.code, error.message, (setting,))
        return None
    if setting == "calibration" and not found.is_dir():
        source.note(
            "J051", f'calibration "{written}" is a file; name its folder, or write "events: {written}"', (setting,)
        )
    return str(found)


def _log(source: Source, file: ScenarioFile) -> LogSettings:
    for role in file.columns:
        if role not in ROLES:
            source.note("E005", unknown_role(role), ("columns", role))
    columns = tuple(file.columns.items())
    return LogSettings(
        columns,
        file.zone,
        file.time_format,
        file.epoch,
        file.decimal,
        file.reactivation,
        shape_of(file.shape),
        file.cut_off or "",
    )


def _proposal(source: Source, name: str, file: ProposalFile) -> Proposal:
    at: Steps = ("proposals", name)
    changes = []
    for index, item in enumerate(file.changes):
        change = change_of(source, item, (*at, "changes", index))
        if change is None:
            source.spoiled.add((*at, "changes", index))
        else:
            changes.append((index, change))
    invest = file.invest
    investment = Investment(
        upfront=(invest and invest.upfront) or ZERO,
        running_per_day=(invest and invest.running) or ZERO,
        by_month=_by_month(source, invest.by_month if invest else {}, (*at, "invest", "by month")),
    )
    return Proposal(name, tuple(change for _, change in changes), file.realism, investment, file.effort, file.about)


def _by_month(source: Source, sums: dict[str, Quantity], path: Steps) -> tuple[tuple[int, Quantity], ...]:
    found = []
    for month, size in sums.items():
        if month.isdigit() and int(month) >= 1:
            found.append((int(month), size))
        else:
            source.note("J020", f'"{month}" is not a month; count months from 1: {{3: EUR 10k}}', (*path, month))
    return tuple(sorted(found, key=lambda item: item[0]))


def _money(source: Source, file: MoneyFile | None, currency: str) -> Money:
    if file is None:
        return Money(currency=currency)
    rates, testing, default = file.discount_rate, file.testing, Money(currency=currency)
    if file.value_horizon == 0:
        source.note(
            "J070", "money counted over no time is nothing; write for example 24 months", ("money", "value horizon")
        )
    return Money(
        discount_value=rates.value if rates else 0.0,
        discount_cost=rates.cost if rates else 0.0,
        value_horizon=file.value_horizon or default.value_horizon,
        currency=currency,
        test_setup=testing.setup.mean if testing and testing.setup else 0.0,
        test_per_customer=testing.per_customer.mean if testing and testing.per_customer else 0.0,
    )


def _limits(file: LimitsFile | None) -> Limits:
    if file is None:
        return Limits()
    return Limits(file.budget.mean if file.budget else None, file.effort)


def _rules(source: Source, file: ScenarioFile, book: CurrencyBook) -> tuple[SuccessRule, ...]:
    rules = []
    tree = source.document.tree
    several = isinstance(tree, dict) and isinstance(tree.get("succeed if"), list)
    for index, text in enumerate(file.succeed_if):
        try:
            rules.append(success_rule(text, book))
        except UnreadableError as error:
            source.note(error.code, error.message, ("succeed if", index) if several else ("succeed if",))
    return tuple(rules)


def _check(source: Source, scenario: Scenario, *, known: bool) -> None:
    """Note what the rules about proposals find; targets are looked up only in a map that is known whole."""
    for proposal in scenario.proposals:
        where = _paths_of_changes(source, proposal)
        if not where:
            source.add(check_some_change(proposal))
        found = check_contradictions(proposal, partial(_line, source, where))
        if known:
            found += check_changes(proposal, scenario.journey)
        source.add(_moved(problem, where) for problem in found)


def _line(source: Source, where: list[Steps], index: int) -> str:
    return f"line {source.line_of(where[index])}"


def _paths_of_changes(source: Source, proposal: Proposal) -> list[Steps]:
    """Return the path of each change that could be read, in order."""
    at: Steps = ("proposals", proposal.name, "changes")
    tree = source.document.tree
    for step in at:
        tree = tree.get(str(step)) if isinstance(tree, dict) else None
    paths: list[Steps] = [(*at, index) for index in range(len(tree) if isinstance(tree, list) else 0)]
    return [path for path in paths if path not in source.spoiled]


def _moved(problem: Problem, where: list[Steps]) -> Problem:
    """Return a problem with the index of its change in the file instead of among the readable ones."""
    index = problem.path[3]
    assert isinstance(index, int)  # noqa: S101 - paths of changes are (proposals, name, changes, index, …)
    return replace(problem, path=(*where[index], *problem.path[4:]))
