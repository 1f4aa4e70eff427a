"""A sentence that is written where it is shown, in the language of the page: which one, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Remark:
    """The name of a sentence in the catalogues, and its blanks: texts as they are, numbers to be written.

    A blank whose name ends in `share` is a probability; the others are written with few digits.
    """

    name: str
    blanks: tuple[tuple[str, str | float], ...] = ()


def remark(name: str, **blanks: str | float) -> Remark:
    """Return a remark with its blanks filled."""
    return Remark(name, tuple(blanks.items()))
