"""What is made of a log's events before they are counted: other names, fewer events, shorter journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class After:
    """A touchpoint that is another one once its customer has been somewhere (maybe there): `after` makes it `becomes`."""

    touchpoint: str
    after: str
    becomes: str


@final
@dataclass(frozen=True, slots=True)
class LogShape:
    """How events become touchpoints, in this order; the defaults leave a log as it is.

    `split_by`: columns whose text is added to the touchpoint's name. `drop`: names of events to leave out. `rename`:
    (name, new name) pairs, the first that fits holds; several names may become one. In both `*` stands for any text.
    `after`: see `After`; the first rule that fits holds, and looks at the names before any of them. `session_gap`: a
    silence of more days than this ends a journey, and the customer's next event starts another. `collapse`: an event
    with the touchpoint of the event before, at most so many days later, belongs to the same stay. `entered_from`: journeys
    that began before this day (YYYY-MM-DD, UTC) are left out whole.
    """

    split_by: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    after: tuple[After, ...] = ()
    session_gap: float | None = None
    collapse: float | None = None
    entered_from: str = ""


#: A log is taken as it is.
AS_IT_IS: Final = LogShape()
