"""What is asked of a link before it is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class Support:
    """A link is proposed from this share of its touchpoint's departures on, if at least so many customers took it."""

    share: float = 0.01
    customers: int = 3


#: Enough to tell a way from an anecdote.
USUAL: Final = Support()
