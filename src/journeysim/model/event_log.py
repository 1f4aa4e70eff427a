"""What was observed: an event log (who was where, when), with its columns coded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import Problem
from journeysim.model.quantity import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Times = NDArray[np.datetime64]


@final
@dataclass(frozen=True, slots=True)
class SetAside:
    """What was read but not used: why, how many, and up to five examples.

    Rows are counted once each, under the first reason that holds, so that used and unused rows add up to those read. A
    move is between two rows, which may both be used.
    """

    reason: str
    rows: int
    examples: tuple[str, ...] = ()
    what: Literal["row", "move"] = "row"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A text column, coded: `labels[codes[i]]` is the text of row i; code -1 is blank."""

    codes: Ints
    labels: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Names:
        """Code a column of texts, labels in order of first appearance; empty text is blank."""
        index: dict[str, int] = {}
        codes = [index.setdefault(text, len(index)) if text else -1 for text in texts]
        return cls(np.array(codes, dtype=np.int64), tuple(index))

    def take(self, rows: Bools | Ints) -> Names:
        """Return the chosen rows, same labels."""
        return Names(self.codes[rows], self.labels)

    def recoded(self, known: Sequence[str]) -> Ints:
        """Return the positions of the texts among known names; -1 where blank or not among them."""
        position = {name: i for i, name in enumerate(known)}
        return np.array([*(position.get(label, -1) for label in self.labels), -1], dtype=np.int64)[self.codes]


@final
@dataclass(frozen=True, slots=True, eq=False)
class EventLog:
    """Events in file order, and the moment up to which events were recorded.

    `time` and `cut_off` are UTC, to the microsecond. `outcome`, where a row has one, names how that customer's
    journey ended. `value` is money, `rating` an answer on the question's own scale, `late` how many days after the
    promised time the event came (negative: early), `weight` how many customers of the population a customer stands for
    (`model.weights`); all are NaN where a row has none. `copies` says whether weights are those of copies, where these rows
    are a part of a log; None: as they say themselves. `set_aside` says which rows of the file were not usable; `warnings`
    what looks odd about the rest.
    """

    customer: Names
    touchpoint: Names
    time: Times
    cut_off: np.datetime64
    persona: Names | None = None
    outcome: Names | None = None
    value: Floats | None = None
    rating: Floats | None = None
    late: Floats | None = None
    weight: Floats | None = None
    copies: bool | None = None
    channel: Names | None = None
    set_aside: tuple[SetAside, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def customers(self) -> int:
        """How many customers have at least one event."""
        return int(np.unique(self.customer.codes).size)
