"""How an event log was written: which column is which, and how its times and numbers are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

from journeysim.model.log_shape import AS_IT_IS, LogShape

Epoch = Literal["s", "ms", "us"]
Decimal = Literal[".", ","]
#: Microseconds in one unit of an epoch.
EPOCHS: Final[Mapping[Epoch, int]] = {"s": 1_000_000, "ms": 1_000, "us": 1}


@final
@dataclass(frozen=True, slots=True)
class LogSettings:
    """What a log does not say by itself; the defaults are those of a log that needs no help.

    `columns` are (role, name in the file) pairs. `zone` is the time zone of times that state none. `time_format` (as in
    strptime) and `epoch` (the unit of bare numbers) say how times are written, `decimal` how numbers are. With
    `reactivation` an event after an outcome starts a new journey of that customer; without, it is set aside. `shape`
    is what is made of the events before anything is counted. Events count as recorded up to `cut_off` (UTC), by default the
    last event; what is later is set aside.
    """

    columns: tuple[tuple[str, str], ...] = ()
    zone: str = "UTC"
    time_format: str = ""
    epoch: Epoch | None = None
    decimal: Decimal = "."
    reactivation: bool = False
    shape: LogShape = AS_IT_IS
    cut_off: str = ""


#: The settings of a log that needs no help.
PLAIN: Final = LogSettings()
