"""Why a row of a log is set aside before the map has its say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from journeysim.errors import Place, Problem
from journeysim.model.event_log import SetAside

COPY: Final = "exact copy of an earlier row"
DROPPED: Final = "left out, as asked (drop)"
COLLAPSED: Final = "the same touchpoint again, as asked (collapse repeats)"
EARLIER: Final = "of a journey that began earlier, as asked (entered from)"
#: Why a row is set aside, by the number that stands in the column `reason`.
REASONS: Final = (
    "blank customer",
    "blank touchpoint",
    "time cannot be read",
    COPY,
    DROPPED,
    COLLAPSED,
    EARLIER,
)


def no_usable_events(aside: Iterable[SetAside], place: Place | None = None) -> Problem:
    """Return what is wrong with a log all of whose rows are set aside."""
    reasons = ", ".join(f"{item.rows} rows with {item.reason}" for item in aside)
    return Problem("E002", f"no usable events: {reasons}", place)
