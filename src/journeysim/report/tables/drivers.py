"""What drives the result, and what to test: one-way effects, curves and thresholds, studies over their sizes."""

from __future__ import annotations

from collections.abc import Iterator

from journeysim.decide.decision import Curve, Decision, Evidence
from journeysim.report.numbers import Kind
from journeysim.report.tables.evidence import rank_of
from journeysim.report.tables.table import Row, Table, table

DAYS_PER_WEEK = 7.0
_WEEKS_PER_MONTH = 365.25 / 12 / DAYS_PER_WEEK
#: An assumption that moves the net benefit by less than this part of the largest one's is left to the ledger.
_SMALLEST = 0.01


def one_way(decision: Decision) -> Table:
    """Return the expected net benefit with each assumption at its 5 % and 95 % point, widest first."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("at_its_5" + unit, "money"), ("at_its_95" + unit, "money"),
        ("expected" + unit, "money"),
    ]  # fmt: skip
    means = {verdict.proposal: verdict.full.npv.mean for verdict in decision.verdicts}
    rows = [
        Row((item.proposal, item.assumption, item.net_low, item.net_high, means[item.proposal]))
        for proposal in means
        for item in _widest([row for row in decision.evidence if row.proposal == proposal])
    ]
    return table("one_way", columns, rows)


def _swing(item: Evidence) -> float:
    return 0.0 if item.net_low is None or item.net_high is None else abs(item.net_high - item.net_low)


def _widest(rows: list[Evidence]) -> Iterator[Evidence]:
    least = _SMALLEST * max(map(_swing, rows), default=0.0)
    yield from (item for item in sorted(rows, key=_swing, reverse=True) if _swing(item) > least)


def thresholds(decision: Decision) -> Table:
    """Return the size at which each of a proposal's numbers stops paying, and the chance that it lies where it pays."""
    rows = [Row((item.proposal, item.assumption, item.threshold, item.p_beyond)) for item in _ordered(decision)]
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("threshold", "number"), ("p_beyond", "chance"),
    ]  # fmt: skip
    return table("thresholds", columns, rows)


def effect_curves(decision: Decision) -> Table:
    """Return the expected net benefit over the sizes of each proposal's most decisive number."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("size", "number"), ("expected" + unit, "money"),
    ]  # fmt: skip
    rows = [
        Row((item.proposal, item.assumption, float(size), float(net)))
        for item in _leading(decision)
        for size, net in zip(item.sizes, item.nets, strict=True)
    ]
    return table("effect_curves", columns, rows)


def two_way(decision: Decision) -> Table:
    """Return the realism that breaks even at each size of a proposal's most decisive number; empty where none does."""
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("size", "number"), ("break_even_realism", "chance"),
    ]  # fmt: skip
    rows = [
        Row((item.proposal, item.assumption, float(size), float(even)))
        for item in _leading(decision)
        for size, even in zip(item.sizes, item.even, strict=True)
    ]
    return table("two_way", columns, rows)


def two_numbers(decision: Decision) -> Table:
    """Return each proposal's expected net benefit over two numbers at once, with its standard error."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("first", "assumption"), ("second", "assumption"), ("first_size", "number"),
        ("second_size", "number"), ("net" + unit, "money"), ("net_error" + unit, "money"),
        ("variance_share", "share"),
    ]  # fmt: skip
    rows = [
        Row((
            item.proposal, item.first, item.second, float(size), float(other), float(item.nets[k, m]),
            float(item.errors[k, m]), item.explained,
        ))
        for item in sorted(decision.surfaces, key=lambda x: rank_of(decision, x.proposal))
        for k, size in enumerate(item.firsts)
        for m, other in enumerate(item.seconds)
    ]  # fmt: skip
    return table("two_numbers", columns, rows)


def _ordered(decision: Decision) -> list[Curve]:
    shares = {(row.proposal, row.assumption): row.variance_share for row in decision.evidence}
    at = {name: rank_of(decision, name) for name in {item.proposal for item in decision.curves}}
    return sorted(decision.curves, key=lambda x: (at[x.proposal], -shares.get((x.proposal, x.assumption), 0.0)))


def _leading(decision: Decision) -> Iterator[Curve]:
    """Yield each proposal's most decisive number of its own."""
    seen: set[str] = set()
    for item in _ordered(decision):
        if item.proposal not in seen:
            seen.add(item.proposal)
            yield item


def tests_planned(decision: Decision) -> Table:
    """Return every test that a study could make, at its best size, those that leave most first."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("study", "word"), ("customers", "count"),
        ("weeks", "count"), ("evsi" + unit, "money"), ("test_cost" + unit, "money"), ("net_gain" + unit, "money"),
        ("evppi" + unit, "money"), ("worth_testing", "word"),
    ]  # fmt: skip
    rows = []
    for item in decision.tests:
        at = item.best
        found = () if at is None else (float(at.customers), _WEEKS_PER_MONTH * at.months, at.evsi, at.cost, at.net_gain)
        cells = found or (None, None, None, None, None)
        rows.append(Row((item.proposal, item.assumption, item.study, *cells, item.evppi, at is not None)))
    return table("test_plan", columns, rows)


def tests_by_size(decision: Decision) -> Table:
    """Return what each test would be worth, and what it leaves, over its sizes."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("customers", "count"), ("weeks", "count"),
        ("evsi" + unit, "money"), ("net_gain" + unit, "money"),
    ]  # fmt: skip
    rows = [
        Row((item.proposal, item.assumption, float(at.customers), _WEEKS_PER_MONTH * at.months, at.evsi, at.net_gain))
        for item in decision.tests
        for at in item.trials
    ]
    return table("test_sizes", columns, rows)
