"""Impact and effort: which proposals are quick wins, major projects, fill-ins or thankless tasks, and how surely.

Impact is the expected net benefit at full effect. It is high from half the largest one on; effort is low up to the middle
of the scale that the efforts span (at least 1 to 5). Quick wins: high impact, low effort. Major projects: high impact,
high effort. Fill-ins: some benefit, low effort. Thankless: little benefit for high effort, or none at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from journeysim.decide.decision import Task, TaskKind, Verdict
from journeysim.model.quantity import Floats

HIGH: Final = 0.5
SCALE: Final = (1.0, 5.0)


def tasks_of(verdicts: Sequence[Verdict]) -> Iterator[Task]:
    """Yield the kind of each proposal whose effort is given, and the chance that it is of that kind."""
    given = [(verdict, verdict.effort) for verdict in verdicts if verdict.effort is not None]
    bar = impact_bar([verdict.full.net for verdict, _ in given])
    middle = effort_middle([effort for _, effort in given])
    for verdict, effort in given:
        net, easy = verdict.full.net, effort <= middle
        kind = kind_of(float(net.mean()), bar, easy=easy)
        alike = np.mean([kind_of(float(value), bar, easy=easy) == kind for value in net])
        yield Task(verdict.proposal, effort, kind, float(alike))


def impact_bar(nets: Sequence[Floats]) -> float:
    """Return from which expected net benefit on impact is high."""
    return HIGH * max((float(net.mean()) for net in nets), default=0.0)


def effort_middle(efforts: Sequence[float]) -> float:
    """Return up to which effort a task is easy."""
    return (min(SCALE[0], *efforts, SCALE[0]) + max(SCALE[1], *efforts, SCALE[1])) / 2


def kind_of(net: float, bar: float, *, easy: bool) -> TaskKind:
    """Return what kind of task a net benefit for an easy or hard task is."""
    if net <= 0 or (net < bar and not easy):
        return "thankless"
    if net < bar:
        return "fill_in"
    return "quick_win" if easy else "major_project"
