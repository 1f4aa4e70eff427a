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

#: Targets that are no place of the map: still there at the cut-off; none, as the stay is an outcome; none, as the row
#: is not used and only counted.
STILL_THERE, ENDED, NOT_USED = -1, -2, -3
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
    there), moves, same_stay (rows folded into these stays), after_outcome, after_cut_off, ties (events at the time of
    the one before), single (customers with one event), most (events of one customer). What the map does not know has
    position -1, and the caller has to look at such rows.
    """
    import ibis

    coded = _coded(events, journey, has)
    end = coded.micro.max().as_scalar() if cut_off is None else ibis.literal(cut_off, type="int64")
    if reactivation:
        coded = _split_at_outcomes(coded, journey, has)
    late = cut_off is not None
    keys = ["customer", "journey"] if reactivation else ["customer"]
    ordered = _ordered(coded, journey, has, keys, end if late else None)
    return _counted(_followed(ordered, journey, ["key", *keys[1:]]), end)


def _coded(events: ir.Table, journey: JourneyMap, has: Has) -> ir.Table:
    """Return the events with positions in the map instead of names, and one journey for each customer."""
    import ibis

    place = _position(events.touchpoint, journey.place_names)
    columns = {"customer": events.customer, "journey": ibis.literal(0), "micro": events.micro, "place": place}
    columns["row"] = events.row if has.row else place.cast("int64")
    columns["persona"] = _position(events.persona, journey.persona_names) if has.persona else ibis.literal(0)
    columns["ending"] = _position(events.outcome, journey.place_names) if has.outcome else ibis.literal(-1)
    return events.select(**columns)


def _position(names: ir.StringValue, known: Sequence[str]) -> ir.IntegerValue:
    """Return the position of a name among known ones; -1 where it is not among them."""
    import ibis

    branches = [(name, ibis.literal(k, type="int32")) for k, name in enumerate(known)]
    return names.cases(*branches, else_=ibis.literal(-1, type="int32"))


def _split_at_outcomes(coded: ir.Table, journey: JourneyMap, has: Has) -> ir.Table:
    """Return the events with a new journey of the customer after each outcome; the persona stays the customer's."""
    import ibis

    before = ibis.window(group_by="customer", order_by=["micro", "row"], preceding=(None, 1))
    ended = (coded.place >= len(journey.touchpoints)).cast("int64").sum().over(before).fill_null(0)
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


def _ordered(
    coded: ir.Table, journey: JourneyMap, has: Has, group: list[str], cut_off: ir.IntegerValue | None
) -> ir.Table:
    """Return the events with what one sort of each customer's events tells: who came before, how many there are.

    `key` stands for the customer from here on: the row of the first event, a number, sorts faster than a text. A window
    over all of a customer's events costs as much as one over the event before, so only those needed are there.
    """
    import ibis

    sorted_ = ibis.window(group_by=group, order_by=["micro", "row"])
    whole = ibis.window(group_by=group, order_by=["micro", "row"], preceding=None, following=None)
    count = coded.count().over(whole)
    in_time = count if cut_off is None else count - (coded.micro > cut_off).cast("int64").sum().over(whole)
    events = coded.select(
        "journey", "micro", "row", "place",
        key=coded.row.first().over(whole) if has.row else coded.customer,
        number=ibis.row_number().over(sorted_),
        before=coded.place.lag().over(sorted_),
        before_micro=coded.micro.lag().over(sorted_),
        events=count,
        in_time=in_time,
        last_micro=coded.micro.max().over(whole) if has.outcome else coded.micro,
        persona=_stated(coded, "persona", len(journey.personas), has, group) if has.persona else coded.persona,
        ending=_stated(coded, "ending", len(journey.place_names), has, group, last=True) if has.outcome else coded.ending,
    )  # fmt: skip
    begins = events.before.isnull() | (events.before != events.place) | events.place.isin(_may_repeat(journey))
    tied = (events.before_micro == events.micro).fill_null(False)  # noqa: FBT003 - the value to fill with
    flagged = events.mutate(begins=begins, tied=tied)
    return flagged.filter(flagged.begins | flagged.tied)


def _may_repeat(journey: JourneyMap) -> list[int]:
    """Return the places whose repetition is a new stay: touchpoints with a link to themselves, and outcomes."""
    loops = [k for k, tp in enumerate(journey.touchpoints) if any(link.target == tp.name for link in all_links(tp))]
    return [*loops, *range(len(journey.touchpoints), len(journey.place_names))]


def _followed(stays: ir.Table, journey: JourneyMap, keys: list[str]) -> ir.Table:
    """Return the stays with what follows each; tied repeats are beside them, only to be counted."""
    import ibis

    group = [*keys, "begins"]
    sorted_ = ibis.window(group_by=group, order_by=["micro", "row"])
    whole = ibis.window(group_by=group, order_by=["micro", "row"], preceding=None, following=None)
    outcome = stays.place >= len(journey.touchpoints)
    followed = stays.mutate(
        outcome=outcome,
        next_place=stays.place.lead().over(sorted_),
        next_micro=stays.micro.lead().over(sorted_),
        next_number=stays.number.lead().over(sorted_),
        ends_with=(ibis.ifelse(outcome, stays.number + 1, ibis.null("int64")).min().over(whole)).fill_null(
            stays.events
        ),
    )
    return followed.mutate(used=ibis.least(followed.ends_with, followed.in_time))


def _counted(stays: ir.Table, end: ir.IntegerValue) -> ir.Table:
    """Return the stays, counted by what they are."""
    import ibis

    used = stays.begins & (stays.number < stays.used)
    goes_on = (stays.next_number < stays.used).fill_null(False)  # noqa: FBT003 - the value to fill with
    ends_here = (stays.ending >= 0) & (stays.used == stays.events)
    first = stays.begins & (stays.number == 0)
    target = ibis.cases(
        (~used, NOT_USED), (stays.outcome, ENDED), (goes_on, stays.next_place), (ends_here, stays.ending),
        else_=STILL_THERE,
    )  # fmt: skip
    until = ibis.cases((goes_on, stays.next_micro), (ends_here, stays.last_micro), else_=end)
    upto = ibis.ifelse(goes_on, stays.next_number, stays.used)
    rows = stays.select(
        "persona", source="place", target=target, dwell=until - stays.micro, first=first, tied="tied",
        same_stay=ibis.ifelse(used, upto - stays.number - 1, 0),
        after_outcome=ibis.ifelse(first, stays.events - stays.ends_with, 0),
        after_cut_off=ibis.ifelse(first, stays.ends_with - stays.used, 0),
        single=first & (stays.events == 1),
        events="events",
    )  # fmt: skip
    binned = rows.mutate(bin=ibis.ifelse(rows.target >= STILL_THERE, _bin(rows.dwell), -1))
    return binned.group_by("persona", "source", "target", "bin", "first").aggregate(
        moves=binned.count(),
        same_stay=binned.same_stay.sum(),
        after_outcome=binned.after_outcome.sum(),
        after_cut_off=binned.after_cut_off.sum(),
        ties=binned.tied.cast("int64").sum(),
        single=binned.single.cast("int64").sum(),
        most=binned.events.max(),
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
