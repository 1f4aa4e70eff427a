"""What can go wrong, as one tree.

    JourneysimError            anything journeysim raises on purpose (exit code 1 unless a subclass says otherwise)
    ├── BadInput               the input is unusable; carries every Problem found, not only the first (exit code 2)
    └── GateFailed             the numbers were computed but a quality gate failed (exit code 3)

A `Problem` is a value: a rule (its code), the evidence, the place and the cure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands: lines and columns count from 1; `width` is how many characters to underline."""

    file: str
    line: int = 1
    column: int = 1
    width: int = 1
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: its code, the evidence with its cure in one sentence, and the place where it shows.

    A check on values knows only the `path` inside its document ("touchpoints", "cart", "next"); the reader of the
    file turns the path into a place.
    """

    code: str
    message: str
    place: Place | None = None
    severity: Severity = "error"
    path: tuple[str | int, ...] = ()

    def at(self, place: Place) -> Problem:
        """Return the same problem with its place, unless it has one already."""
        return self if self.place is not None else replace(self, place=place)

    def __str__(self) -> str:
        head = f"{self.severity}[{self.code}]"
        if self.place is None:
            return f"{head} {self.message}"
        gutter = f"{self.place.line:>5} | "
        underline = " " * (len(gutter) - 2) + "| " + " " * (self.place.column - 1) + "^" * max(1, self.place.width)
        return f"{head} {self.place}\n{gutter}{self.place.text}\n{underline} {self.message}"


class JourneysimError(Exception):
    """Anything journeysim raises on purpose."""

    exit_code = 1


class BadInput(JourneysimError):
    """The input cannot be used; `problems` lists everything that is wrong with it."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class GateFailed(JourneysimError):
    """A quality gate failed; `gates` names the ones that did."""

    exit_code = 3

    def __init__(self, gates: Iterable[str]) -> None:
        self.gates = tuple(gates)
        super().__init__("gates failed: " + "; ".join(self.gates))


def raise_if_errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Raise `BadInput` with all problems when one of them is an error; return the warnings otherwise."""
    found = tuple(problems)
    if any(problem.severity == "error" for problem in found):
        raise BadInput(found)
    return found
