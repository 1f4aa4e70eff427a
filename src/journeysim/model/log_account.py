"""The account of a log: every row that was read is either used or set aside for a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from journeysim.errors import Problem
from journeysim.model.event_log import SetAside


@final
@dataclass(frozen=True, slots=True)
class Weighting:
    """What weights make of the customers of a log: how many they stand for, and how many unweighted ones they are worth.

    `copies`: all weights are whole numbers, so each customer counts as so many; else they are a sample, worth fewer
    (`model.weights`).
    """

    stand_for: float
    worth: float
    copies: bool


@final
@dataclass(frozen=True, slots=True)
class LogAccount:
    """What was read of a log and what became of it: `read` is `used` and the rows of `set_aside` together.

    `customers` have at least one event, `single` of them exactly one; `open` had not reached an outcome at the cut-off
    (UTC). `sampled` is how many customers everything beyond the transition table was learned from, where not from all.
    `weighting` is there where the log has weights; rows and customers are counted without them.
    """

    read: int
    used: int
    set_aside: tuple[SetAside, ...]
    customers: int
    single: int
    open: int
    cut_off: str
    sampled: int | None = None
    weighting: Weighting | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def rows_set_aside(self) -> tuple[SetAside, ...]:
        """The rows that were not used, by reason; together with the used ones they are all that were read."""
        return tuple(item for item in self.set_aside if item.what == "row")

    @property
    def moves_set_aside(self) -> tuple[SetAside, ...]:
        """What was not used although both of its rows were."""
        return tuple(item for item in self.set_aside if item.what == "move")
