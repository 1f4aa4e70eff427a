"""The transition table of a log as one expression over its sorted events, for any engine that Ibis speaks.

It follows `model.visits` and `model.transitions` rule by rule and counts everything they count, but never holds more of
the log than the engine does. The result is small: one row per (persona, source, target, dwell bin, first).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from journeysim.model.journey import JourneyMap, all_links
from journeysim.model.transitions import dwell_edges, dwell_edges_in_microseconds

if TYPE_CHECKING:
    import ibis.expr.types as ir

#: Targets that are no place of the map: still there at the cut-off; none, as the stay is an outcome; none, as it comes
#: after the outcome, or after the cut-off.
STILL_THERE, ENDED, AFTER_OUTCOME, AFTER_CUT_OFF = -1, -2, -3, -4
NOBODY: Final = -1  # the persona of a customer for whom none is stated
_LONGEST_DAYS: Final = 3_650_000.0  # ten thousand years: longer dwells share the last bin


@final
@dataclass(frozen=True, slots=True)
class Has:
    """What a relation of events has besides customer, touchpoint and time."""

    row: bool = True
    persona: bool = False
    outcome: bool = False


def transitions_expression(
    events: ir.Table, journey: JourneyMap, has: Has, *, cut_off: int | None = None, reactivation: bool = False
) -> ir.Table:
    """Return the count of a map's moves in a relation of events.

    `events` has the text columns customer and touchpoint (and persona and outcome where `has` says so), `micro` (the
    time in microseconds since 1970, UTC) and, where `has.row`, a unique `row` in the order of the log. It decides ties in
    time; without it they follow the order of places in the map. `cut_off` is in the unit of `micro`, by default the
    last event.

    Columns: persona, source, target (positions in the map, or as named here), bin, first (whether the journey starts
    there), stays, single (the only event of a customer). What
    the map does not know has position -1, and the caller has to look at such rows. Events that repeat the place before
    belong to its stay: they are what is missing in the sum of stays.
    """
    import ibis

    coded = _coded(events, journey, has)
    end = coded.micro.max().as_scalar() if cut_off is None else ibis.literal(cut_off, type="int64")
    if reactivation:
        coded = _split_at_outcomes(coded, journey, has)
    keys = ["customer", "journey"] if reactivation else ["customer"]
    return _counted(_followed(_ordered(coded, journey, has, keys), journey, keys), has, end)


def _coded(events: ir.Table, journey: JourneyMap, has: Has) -> ir.Table:
    """Return the events with positions in the map instead of names."""
    place = position(events.touchpoint, journey.place_names)
    columns = {"customer": events.customer, "micro": events.micro, "place": place}
    columns["row"] = events.row if has.row else place.cast("int64")
    if has.persona:
        columns["persona"] = position(events.persona, journey.persona_names)
    if has.outcome:
        columns["ending"] = position(events.outcome, journey.place_names)
    return events.select(**columns)


def position(names: ir.StringValue, known: Sequence[str]) -> ir.IntegerValue:
    """Return the position of a name among known ones; -1 where it is not among them."""
    import ibis

    branches = [(name, ibis.literal(k, type="int32")) for k, name in enumerate(known)]
    return names.cases(*branches, else_=ibis.literal(-1, type="int32"))


def _split_at_outcomes(coded: ir.Table, journey: JourneyMap, has: Has) -> ir.Table:
    """Return the events with a new journey of the customer after each outcome; the persona stays the customer's."""
    import ibis

    before = ibis.window(group_by="customer", order_by=["micro", "row"], preceding=(None, 1))
    ended = (coded.place >= len(journey.touchpoints)).cast("int64").sum().over(before).fill_null(0)
    if not has.persona:
        return coded.mutate(journey=ended)
    return coded.mutate(journey=ended, persona=_stated(coded, "persona", len(journey.personas), has, ["customer"]))


def _stated(
    coded: ir.Table, column: str, size: int, has: Has, group: list[str], *, last: bool = False
) -> ir.IntegerValue:
    """Return the first (or last) position that a customer's rows state, in the order of the log; -1 where none does.

    Row and position are packed into one number, so that one pass over the sorted events finds it.
    """
    import ibis

    whole = ibis.window(group_by=group, order_by=["micro", "row"], preceding=None, following=None)
    order = coded.row if has.row else coded.micro
    packed = ibis.ifelse(coded[column] >= 0, order.cast("int64") * size + coded[column], ibis.null("int64"))
    found = (packed.max() if last else packed.min()).over(whole)
    return (found % size).fill_null(-1)


def _ordered(coded: ir.Table, journey: JourneyMap, has: Has, group: list[str]) -> ir.Table:
    """Return the stays, with what one sort of each customer's events tells.

    Every column that is sorted costs, so those that a log does not have are not there.
    """
    import ibis

    sorted_ = ibis.window(group_by=group, order_by=["micro", "row"])
    whole = ibis.window(group_by=group, order_by=["micro", "row"], preceding=None, following=None)
    told = {}
    if has.persona:
        told["persona"] = _stated(coded, "persona", len(journey.personas), has, group)
    if has.outcome:
        told["ending"] = _stated(coded, "ending", len(journey.place_names), has, group, last=True)
        told["last_micro"] = coded.micro.max().over(whole)
    events = coded.select(
        *group, "micro", "row", "place", before=coded.place.lag().over(sorted_),
        last=coded.place.lead().over(sorted_).isnull(), **told,
    )  # fmt: skip
    first = events.before.isnull()
    begins = first | (events.before != events.place) | events.place.isin(_may_repeat(journey))
    return events.filter(begins).select(
        *group, "micro", "row", "place", *told,
        first=first, single=first & events.last,
    )  # fmt: skip


def _may_repeat(journey: JourneyMap) -> list[int]:
    """Return the places whose repetition is a new stay: touchpoints with a link to themselves, and outcomes."""
    loops = [k for k, tp in enumerate(journey.touchpoints) if any(link.target == tp.name for link in all_links(tp))]
    return [*loops, *range(len(journey.touchpoints), len(journey.place_names))]


def _followed(stays: ir.Table, journey: JourneyMap, group: list[str]) -> ir.Table:
    """Return the stays with the next one, and whether an outcome came before."""
    import ibis

    sorted_ = ibis.window(group_by=group, order_by=["micro", "row"])
    until = ibis.window(group_by=group, order_by=["micro", "row"], preceding=(None, 1))
    outcome = stays.place >= len(journey.touchpoints)
    return stays.mutate(
        next_place=stays.place.lead().over(sorted_),
        next_micro=stays.micro.lead().over(sorted_),
        outcome=outcome,
        after=outcome.cast("int8").max().over(until),
    )


def _counted(stays: ir.Table, has: Has, end: ir.IntegerValue) -> ir.Table:
    """Return the stays, counted by what they are."""
    import ibis

    goes_on = stays.next_micro <= end
    cases = [
        (stays.after == 1, AFTER_OUTCOME), (stays.micro > end, AFTER_CUT_OFF), (stays.outcome, ENDED),
        (goes_on, stays.next_place),
    ]  # fmt: skip
    times = [(goes_on, stays.next_micro)]
    if has.outcome:
        ends_here = (stays.ending >= 0) & stays.next_micro.isnull() & (stays.last_micro <= end)
        cases.append((ends_here, stays.ending))
        times.append((ends_here, stays.last_micro))
    rows = stays.select(
        "first", "single", source="place", target=ibis.cases(*cases, else_=STILL_THERE),
        dwell=ibis.cases(*times, else_=end) - stays.micro, persona=stays.persona if has.persona else 0,
    )  # fmt: skip
    binned = rows.mutate(bin=ibis.ifelse(rows.target >= STILL_THERE, _bin(rows.dwell), -1))
    return binned.group_by("persona", "source", "target", "bin", "first").aggregate(
        stays=binned.count(),
        single=binned.single.cast("int64").sum(),
    )


def _bin(dwell: ir.IntegerValue) -> ir.IntegerValue:
    """Return the bin of a dwell in microseconds: halving, eight comparisons of whole numbers in any engine."""
    edges = dwell_edges_in_microseconds(dwell_edges(_LONGEST_DAYS)).tolist()
    return _halved(dwell, edges, 0, len(edges) - 1)


def _halved(dwell: ir.IntegerValue, edges: Sequence[int], low: int, high: int) -> ir.IntegerValue:
    import ibis

    if high - low == 1:
        return ibis.literal(low, type="int32")
    middle = (low + high) // 2
    return ibis.ifelse(dwell < edges[middle], _halved(dwell, edges, low, middle), _halved(dwell, edges, middle, high))
