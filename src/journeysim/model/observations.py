"""Everything a calibration takes from a log: small tables whose size does not grow with the number of customers.

Shares and dwell need the transition table alone, which may also come ready-made. What a log has besides it (customers
who differ, where they came from, values, ratings, arrivals) is `None` where only the table is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from journeysim.model.event_log import EventLog, SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.arrivals import Arrivals, arrivals_of
from journeysim.model.observed.by_tenure import ByTenure, by_tenure_of
from journeysim.model.observed.by_visit import by_visit_of
from journeysim.model.observed.by_week import ByWeek, by_week_of
from journeysim.model.observed.moves_after import MovesAfter
from journeysim.model.observed.paths import Paths, paths_of
from journeysim.model.observed.patterns import Patterns, patterns_of
from journeysim.model.observed.ratings import Ratings, ratings_of
from journeysim.model.observed.repeats import Repeats, repeats_of
from journeysim.model.observed.second_order import second_order_of
from journeysim.model.observed.values import Values, values_of
from journeysim.model.transitions import Transitions, transitions_of
from journeysim.model.visits import visits_of


@final
@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The transition table, what else was counted, and which rows of the log were set aside on the way."""

    transitions: Transitions
    set_aside: tuple[SetAside, ...] = ()
    second_order: MovesAfter | None = None
    by_visit: MovesAfter | None = None
    by_tenure: ByTenure | None = None
    values: Values | None = None
    ratings: Ratings | None = None
    arrivals: Arrivals | None = None
    patterns: Patterns | None = None
    paths: Paths | None = None
    repeats: Repeats | None = None
    by_week: ByWeek | None = None


def observe(log: EventLog, journey: JourneyMap) -> Observations:
    """Return everything that is counted in a log; raises what `visits_of` raises."""
    visits = visits_of(log, journey)
    transitions, set_aside = transitions_of(visits, journey)
    return Observations(
        transitions, set_aside,
        second_order=second_order_of(visits, log, journey),
        by_visit=by_visit_of(visits, log, journey),
        by_tenure=by_tenure_of(visits, log, journey),
        values=values_of(visits, log, journey),
        ratings=ratings_of(visits, log, journey),
        arrivals=arrivals_of(visits, log, journey),
        patterns=patterns_of(visits, log, journey),
        paths=paths_of(visits, log, journey),
        repeats=repeats_of(visits, log, journey),
        by_week=by_week_of(visits, log, journey),
    )  # fmt: skip
