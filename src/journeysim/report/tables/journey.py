"""The map in numbers: moves over links, drop-off by touchpoint, example lives."""

from __future__ import annotations

from collections.abc import Iterator

from journeysim.compare.comparison import Story
from journeysim.decide.decision import Decision
from journeysim.model.journey import split_link
from journeysim.report.numbers import Kind
from journeysim.report.tables.effects import kind_of, unit_of
from journeysim.report.tables.table import Row, Table, as_float, table


def moves(decision: Decision) -> Table:
    """Return the expected moves over each link per 100 entering customers, and the difference from today."""
    flows = decision.comparison.flows
    by_arm = {
        flow.arm: dict(zip(flow.tally.links, 100.0 * flow.tally.moves.mean(axis=0)[0], strict=True)) for flow in flows
    }
    today = by_arm[flows[0].arm] if flows else {}
    rows = []
    for arm, found in by_arm.items():
        for label in dict.fromkeys((*today, *found)):
            now, was = float(found.get(label, 0.0)), float(today.get(label, 0.0))
            rows.append(Row((arm, *split_link(label), now, now - was)))
    columns: list[tuple[str, Kind]] = [
        ("arm", "word"), ("source", "text"), ("target", "text"), ("moves_per_100_customers", "hundredths"),
        ("difference_per_100_customers", "hundredths difference"),
    ]  # fmt: skip
    return table("moves", columns, rows)


def drop_off(decision: Decision, *, money: bool) -> Table:
    """Return where customers leave today, what is at stake there and what could be won back, most at stake first."""
    rows = []
    for item in decision.comparison.friction.losses:
        point = item.leverage.mean
        cells = (item.touchpoint, 100 * item.visits, 100 * item.lost, item.rate, point, item.moment_of_truth)
        sums = [_per_100(value) for value in (
            item.stake.mean, item.stake.q05, item.stake.q95, item.per_point.mean, item.recoverable.mean,
            item.recoverable.q05, item.recoverable.q95,
        )]  # fmt: skip
        rows.append(Row((*cells, *sums, item.example) if money else cells))
    rows.sort(key=lambda row: (-as_float(row.cells[6 if money else 2] or 0.0), str(row.cells[0])))
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("touchpoint", "text"), ("visits_per_100_customers", "hundredths"), ("lost_per_100_customers", "hundredths"),
        ("drop_off_share", "share"), ("conversion_per_point", "points"), ("moment_of_truth", "word"),
    ]  # fmt: skip
    if money:
        names = (
            *(f"at_stake_per_100_customers_{part}" for part in ("mean", "q05", "q95")), "one_point_less_per_100_customers",
            *(f"recoverable_per_100_customers_{part}" for part in ("mean", "q05", "q95")),
        )  # fmt: skip
        columns += [(name + unit, "money") for name in names]
        columns.append(("best_comparable", "text"))
    return table("drop_off", columns, rows)


def _per_100(value: float | None) -> float | None:
    return None if value is None else 100 * value


def gaps(decision: Decision) -> Table:
    """Return moves over which customers change channel or owner, most lost right after first."""
    found = sorted(decision.comparison.friction.gaps, key=lambda item: -(item.lost.mean or 0.0))
    rows = [
        Row((
            item.source, item.target, item.changes, 100 * item.moves, item.rate, _per_100(item.lost.mean),
            _per_100(item.lost.q05), _per_100(item.lost.q95),
        ))
        for item in found
    ]  # fmt: skip
    columns: list[tuple[str, Kind]] = [
        ("hand_over_from", "text"), ("hand_over_to", "text"), ("what_changes", "word"), ("moves_per_100_customers", "hundredths"),
        ("leave_right_after", "share"), ("lost_after_per_100_customers_mean", "hundredths"),
        ("lost_after_per_100_customers_q05", "hundredths"), ("lost_after_per_100_customers_q95", "hundredths"),
    ]  # fmt: skip
    return table("gaps", columns, rows)


def elasticities(decision: Decision) -> Table:
    """Return by how many per cent conversion moves for one per cent more odds of each link, largest first."""
    found = sorted(decision.comparison.friction.leverages, key=lambda item: -abs(item.conversion.mean or 0.0))
    rows = [Row((item.link, item.conversion.mean, item.conversion.q05, item.conversion.q95)) for item in found]
    columns: list[tuple[str, Kind]] = [("link", "assumption")]
    columns += [(f"elasticity_{name}", "number") for name in ("mean", "q05", "q95")]
    return table("elasticities", columns, rows)


def staff(decision: Decision) -> Table:
    """Return how long customers wait for each resource, how busy it is, and how many leave unserved, by arm."""
    found = {
        (item.metric, item.arm): item.spread
        for item in decision.comparison.levels
        if item.persona == "all" and item.view == "cohort"
    }
    arms = dict.fromkeys(arm for _, arm in found)
    names = [metric.partition("[")[2][:-1] for metric, _ in found if metric.startswith("waiting_time[")]
    rows = []
    for resource in dict.fromkeys(names):
        for arm in arms:
            wait = found[f"waiting_time[{resource}]", arm]
            left, busy = found[f"abandoned[{resource}]", arm], found[f"utilisation[{resource}]", arm]
            hours = (_in_hours(wait.mean), _in_hours(wait.q05), _in_hours(wait.q95))
            rows.append(Row((resource, arm, *hours, busy.mean, left.mean)))
    columns: list[tuple[str, Kind]] = [
        ("resource", "text"), ("arm", "word"), ("wait_hours_mean", "number"), ("wait_hours_q05", "number"),
        ("wait_hours_q95", "number"), ("utilisation_mean", "share"), ("unserved_mean", "share"),
    ]  # fmt: skip
    return table("staff", columns, rows)


def _in_hours(days: float | None) -> float | None:
    return None if days is None else 24.0 * days


def contacts(decision: Decision) -> Table:
    """Return per arm and touchpoint which share of customers comes there, and which share of visits satisfies (CSAT)."""
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for item in decision.comparison.levels:
        kind, bracket, place = item.metric.partition("[")
        if bracket and kind in {"reach", "csat"} and item.persona == "all" and item.view == "cohort":
            found.setdefault((item.arm, place[:-1]), {})[kind] = item.spread.mean
    rows = [Row((arm, place, told.get("reach"), told.get("csat"))) for (arm, place), told in found.items()]
    columns: list[tuple[str, Kind]] = [
        ("arm", "word"), ("touchpoint", "text"), ("reach", "share"), ("satisfied", "share"),
    ]  # fmt: skip
    return table("contacts", columns, rows)


def long_run(decision: Decision, *, money: bool) -> Table:
    """Return per arm what customers come to when nobody stops the clock, beside what the horizon shows of it.

    `between_customers` is the standard deviation between customers, exact; empty where a dwell has none. `horizon_spread` is
    that by the horizon (`Level.sd_luck`).
    """
    by_horizon = {
        (item.arm, item.metric): (item.spread.mean, item.sd_luck)
        for item in decision.comparison.levels
        if item.persona == "all" and item.view == "cohort"
    }
    rows = []
    for item in decision.comparison.levels:
        if item.view == "long run" and item.persona == "all" and (money or item.unit != "money"):
            kind, _, place = item.metric.partition("[")
            seen = by_horizon.get((item.arm, item.metric), (None, None))
            cells = (item.spread.mean, item.spread.q05, item.spread.q95)
            head = (item.arm, kind, place[:-1], unit_of(item.unit, decision.currency), *seen)
            rows.append(Row((*head, *cells, item.sd_luck, item.spread.why), kind_of(item.unit)))
    by: Kind = "level by row"
    columns: list[tuple[str, Kind]] = [
        ("arm", "word"), ("metric", "metric"), ("place", "text"), ("unit", "word"), ("by_horizon", by),
        ("horizon_spread", by), ("mean", by), ("q05", by), ("q95", by), ("between_customers", by), ("why_empty", "text"),
    ]  # fmt: skip
    return table("long_run", columns, rows)


def stories(decision: Decision) -> Table:
    """Return example lives, step by step: the same customer today and in the proposal."""
    rows = [row for number, story in enumerate(decision.comparison.stories, 1) for row in _steps(number, story)]
    columns: list[tuple[str, Kind]] = [
        ("life", "count"), ("proposal", "text"), ("persona", "word"), ("kind", "word"), ("world", "word"),
        ("step", "count"), ("place", "text"), ("day", "days"),
    ]  # fmt: skip
    return table("lives", columns, rows)


def _steps(number: int, story: Story) -> Iterator[Row]:
    for world, steps in (("today", story.today), ("proposal", story.proposal)):
        for step, (place, day) in enumerate(steps, 1):
            yield Row((float(number), story.arm, story.persona, story.kind, world, float(step), place, day))
