"""What a run says about seasons: whom its figures are about, and what it does not do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from journeysim.errors import BadInput, Problem
from journeysim.model.arms import World
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
        if settings.first_day is None:
            yield (
                "months differ, and the scenario does not say on which date it begins: its first month is taken for January; "
                'write "first day: 2027-04-01" in the scenario'
            )


def refuse_seasons_with_staff(today: World, limited: tuple[str, ...]) -> None:
    """Raise BadInput where seasons would meet customers who wait for staff."""
    if seasons_of(today.draws) is not None:
        desks = " and ".join(f'"{name}"' for name in limited)
        message = (
            f"links of this map have seasons, and customers wait for {desks}: the two are not simulated together; leave out the "
            'seasons, or write "staff: unlimited"'
        )
        raise BadInput([Problem("J078", message)])
