"""The map in numbers: moves over links, drop-off by touchpoint, example lives."""

from __future__ import annotations

from collections.abc import Iterator

from journeysim.compare.comparison import Story
from journeysim.decide.decision import Decision
from journeysim.model.journey import split_link
from journeysim.model.scenario import Scenario
from journeysim.report.losses import losses
from journeysim.report.numbers import Kind
from journeysim.report.tables.table import Row, Table, table


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


def drop_off(decision: Decision, scenario: Scenario, *, money: bool) -> Table:
    """Return where customers leave today and what is at stake there, most at stake first."""
    flow = decision.comparison.flows[0]
    found = losses(scenario.journey, flow.tally)
    rows = []
    for name, visits, lost, stake in zip(found.touchpoints, found.visits, found.lost, found.at_stake, strict=True):
        rate = float(lost / visits) if visits > 0 else None
        point = float(stake / lost * visits) if lost > 0 else 0.0
        cells = (name, 100 * float(visits), 100 * float(lost), rate)
        rows.append(Row((*cells, 100 * float(stake), point) if money else cells))
    rows.sort(key=lambda row: (-float(row.cells[4 if money else 2] or 0.0), str(row.cells[0])))
    unit = f"_per_100_customers_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("touchpoint", "text"), ("visits_per_100_customers", "hundredths"), ("lost_per_100_customers", "hundredths"),
        ("drop_off_share", "share"),
    ]  # fmt: skip
    if money:
        columns += [("at_stake" + unit, "money"), ("one_point_less" + unit, "money")]
    return table("drop_off", columns, rows)


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
