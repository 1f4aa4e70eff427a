"""What a run says about seasons: whom its figures are about, and what it takes for granted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from journeysim.model.draws import Draws
from journeysim.model.seasons import WEEK, YEAR
from journeysim.simulate.chain import Chain
from journeysim.simulate.seasons import seasons_of
from journeysim.simulate.settings import Settings


def seasons_told(chains: Iterable[Chain], settings: Settings) -> Iterator[str]:
    """Yield what figures in seasons are about, sentence by sentence; nothing where no chain has any."""
    cycles = {chain.season.cycle.names for chain in chains if chain.season is not None}
    if WEEK.names in cycles:
        yield (
            "days of the week differ: figures are of customers who enter evenly over the week, and months hold an average week"
        )
    if YEAR.names in cycles:
        yield "months differ: figures by customer are of customers who enter evenly over the year, months go by the calendar"
        yield from _undated(settings)


def served_seasons_told(draws: Draws, settings: Settings) -> Iterator[str]:
    """Yield what figures in seasons are about where customers share staff; nothing where there is no season."""
    if seasons_of(draws) is YEAR:
        yield (
            "months differ, and customers share staff: figures are of those who come within a year, who ends differently and "
            "example lives of the first of them; months go by the calendar"
        )
        yield from _undated(settings)


def _undated(settings: Settings) -> Iterator[str]:
    if settings.first_day is None:
        yield (
            "months differ, and the scenario does not say on which date it begins: its first month is taken for January; "
            'write "first day: 2027-04-01" in the scenario'
        )
