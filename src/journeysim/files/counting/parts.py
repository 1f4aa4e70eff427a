"""The usable events of a log as numbers, some customers at a time: a part fits in memory, whatever the size of the log.

One pass over the log leaves a narrow table of numbers, which the database keeps in its bounded memory or on disk. Each part
is taken from it with all events of its customers, so that whatever holds for a log in memory holds for a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.files.events.oddities import MOST_STRAY
from journeysim.files.events.reasons import COPY, REASONS
from journeysim.files.events.relation import Events, require_unmistakable
from journeysim.files.events.sources import escaped
from journeysim.files.events.texts import trimmed
from journeysim.model.event_log import Bools, EventLog, Ints, Names
from journeysim.model.journey import JourneyMap
from journeysim.model.visits import in_order

#: About so many events are taken from the narrow table at a time; more where that would need too many fetches, for each is
#: looked for in the whole table.
MOST_FETCHED: Final = 4_000_000
MOST_FETCHES: Final = 100
#: About so many events are counted at a time: few enough for the processor's own memory.
MOST_IN_PART: Final = 250_000
#: The narrow table is cut into so many slices by the customers' hash; rows that cannot be used are in those behind, one for
#: each reason.
_SLICES: Final = 128
_SLICE_BITS: Final = 57
_UNKNOWN: Final = -2
_NOT_TAKEN: Final = frozenset({"who", "also", "cells"})
Hashes = NDArray[np.unsignedinteger[Any]]
Columns = Mapping[str, NDArray[Any]]


@final
@dataclass(frozen=True, slots=True)
class Keyed:
    """What the narrow table holds: how many rows and usable events, and the latest ones' times, last first.

    Times are in microseconds since 1970, `earliest` is the first one's. The table is fetched in so many `fetches`.
    `all_known`: the map has every touchpoint, persona and outcome of the log.
    """

    rows: int
    events: int
    latest: tuple[int, ...]
    earliest: int
    fetches: int
    all_known: bool


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """All events of some customers: customer by customer, each one's in the order of the file.

    `row` holds the events' rows in the log, `copies` the rows of exact copies, which are not among the events.
    """

    log: EventLog
    row: Ints
    copies: Ints


def keyed(events: Events, journey: JourneyMap) -> Keyed:
    """Make the narrow table of a log's rows: positions in the map for names, hashes for customers and cells.

    The hash of a customer has 96 bits: the chance that two among a billion customers share one is 6e-12.
    """
    known = {role: names for role, names in _names(journey).items() if events.has(role)}
    for role, names in known.items():
        quoted = ", ".join(f"'{escaped(name)}'" for name in ("", *names))
        events.rows(f"CREATE TYPE names_of_{role} AS ENUM ({quoted})")
    backward = "backward" if events.once else "reverse(customer)"
    row = "row::UINTEGER" if events.most_rows < 2**32 else "row"
    columns = [
        f"coalesce(reason + {_SLICES}, who >> {_SLICE_BITS})::UTINYINT AS slice", "who",
        f"(hash({backward}) >> 32)::UINTEGER AS also", "epoch_us(time) AS micro", f"{row} AS row", "cells",
        *(f"{_position(role, events, known[role])} AS {role}" for role in known),
    ]  # fmt: skip
    if events.has("weight"):
        columns.append("coalesce(weight, 'nan'::DOUBLE) AS weight")
    # Rows that cannot be used are left out later: a condition here would have the database work out everything twice.
    hashed = "(SELECT *, hash(customer) AS who FROM events)"
    events.rows(f"CREATE TEMP TABLE keyed AS SELECT {', '.join(columns)} FROM {hashed}")  # noqa: S608 - roles
    if events.once:
        _told_by_one_reading(events)
    return _keyed(events, known)


def _told_by_one_reading(events: Events) -> None:
    """Answer from the narrow table what else would need the file once more: which rows are unusable, and whether any time."""
    events.rows("CREATE TEMP TABLE copies (row BIGINT)")
    events.rows(
        f"CREATE OR REPLACE TEMP VIEW unusable AS SELECT row::BIGINT AS row, '' AS file, slice::INTEGER - {_SLICES} AS reason "  # noqa: S608
        f"FROM keyed WHERE slice >= {_SLICES} UNION ALL SELECT row, '', {REASONS.index(COPY)} FROM copies"
    )
    if events.unread and events.one(f"SELECT count(*) FROM keyed WHERE slice >= {_SLICES} AND micro IS NULL")[0]:  # noqa: S608 - a number
        require_unmistakable(events)


def _keyed(events: Events, known: Iterable[str]) -> Keyed:
    lowest = ", ".join(f"min({role})" for role in known)
    total, count, latest, first, *low = events.one(
        f"SELECT (SELECT count(*) FROM keyed), count(*), max(micro, {MOST_STRAY + 1}), min(micro), {lowest} "  # noqa: S608
        f"FROM keyed WHERE slice < {_SLICES}"
    )
    fetches = max(min(-(-count // MOST_FETCHED), MOST_FETCHES), 1)
    known_all = count == 0 or min(low) > _UNKNOWN
    return Keyed(int(total), int(count), tuple(latest or ()), int(first or 0), fetches, known_all)


def _names(journey: JourneyMap) -> dict[str, tuple[str, ...]]:
    return {
        "touchpoint": journey.place_names,
        "persona": journey.persona_names,
        "outcome": journey.outcome_names,
    }


def _position(role: str, events: Events, names: Sequence[str]) -> str:
    """Return the expression of a name's position among known ones: -1 where it is blank, -2 where it is none of them.

    The database looks a name up in an enumeration faster than in a list, and unlike a join that keeps the order of rows.
    A text that is a known name as it is written needs no white space taken off.
    """
    texts = [role]
    if role == "touchpoint" and events.once:
        written = "touchpoint_written"
        texts = [*([written] if all(name == name.strip() for name in names) else []), trimmed(written)]
    codes = ", ".join(f"enum_code(TRY_CAST({text} AS names_of_{role}))::INTEGER" for text in texts)
    return f"(coalesce({codes}, {_UNKNOWN + 1}) - 1)::SMALLINT"


def parts(events: Events, found: Keyed, journey: JourneyMap, cut_off: int) -> Iterator[Part]:
    """Yield the parts of a log whose narrow table is made; every usable event is in one of them."""
    for first, last in pairwise(np.linspace(0, _SLICES, found.fetches + 1).astype(int).tolist()):
        where = f"WHERE slice BETWEEN {first} AND {last - 1}"
        columns = events.connection.execute(f"SELECT * EXCLUDE (slice) FROM keyed {where}").fetchnumpy()  # noqa: S608
        if len(columns["row"]):
            yield from _parts({name: np.asarray(column) for name, column in columns.items()}, journey, cut_off)


def _parts(columns: Columns, journey: JourneyMap, cut_off: int) -> Iterator[Part]:
    if np.any(
        columns["row"][1:] < columns["row"][:-1]
    ):  # the database keeps the order of the file, but does not promise to
        columns = _taken(columns, np.argsort(columns["row"]))
    bucket = (columns["who"] >> np.uint64(_SLICE_BITS - 8)).astype(np.uint8)  # the bits behind those of the slice
    rows, ends = np.argsort(bucket, kind="stable"), np.cumsum(np.bincount(bucket))
    wanted = np.arange(MOST_IN_PART, len(rows) + MOST_IN_PART, MOST_IN_PART).clip(max=len(rows))
    for start, end in pairwise([0, *np.unique(ends[np.searchsorted(ends, wanted)]).tolist()]):
        yield _part(columns, rows[start:end], journey, cut_off)


def _part(columns: Columns, rows: Ints, journey: JourneyMap, cut_off: int) -> Part:
    order, first = by_customer(columns["who"].take(rows), columns["also"].take(rows))
    rows, customer = rows.take(order), np.cumsum(first) - 1
    copy = _copies(customer, columns["micro"].take(rows), columns["cells"], rows)
    copies = columns["row"][rows[copy]].astype(np.int64)
    if len(copies):
        rows, customer = rows[~copy], customer[~copy]
    used = _taken({name: column for name, column in columns.items() if name not in _NOT_TAKEN}, rows)
    return Part(_log(used, customer, journey, cut_off), used["row"].astype(np.int64), copies)


def _taken(columns: Columns, rows: Ints | Bools) -> Columns:
    return {name: column[rows] if rows.dtype == bool else column.take(rows) for name, column in columns.items()}


def by_customer(who: Hashes, also: Hashes) -> tuple[Ints, Bools]:
    """Return the order of rows by customer, each one's rows as they come, and which of them begin a customer.

    A customer is a pair of hashes. Rows are sorted by the leading 32 bits of the first (two passes of a radix sort, each
    many times faster than sorting by two long keys); customers who share those, and there are few, are told apart
    afterwards.
    """
    leading = (who >> np.uint64(32)).astype(np.uint32)
    order = _sorted_by(leading, np.arange(len(who)), 0)
    order = _sorted_by(leading, order, 16)
    leading = leading.take(order)
    first = _begins(who.take(order), also.take(order))
    shared = leading[1:][first[1:] & (leading[1:] == leading[:-1])]
    for start, end in zip(*(leading.searchsorted(np.unique(shared), side) for side in ("left", "right")), strict=True):
        rows = order[start:end]
        order[start:end] = rows[np.lexsort((rows, also[rows], who[rows]))]
    return order, _begins(who.take(order), also.take(order)) if len(shared) else first


def _sorted_by(key: Hashes, order: Ints, shift: int) -> Ints:
    """Return an order, sorted by 16 bits of a key, what ties as it was: numpy sorts so few bits by radix."""
    digits = (key >> np.uint32(shift)).astype(np.uint16)
    return order.take(np.argsort(digits.take(order), kind="stable"))


def _begins(who: Hashes, also: Hashes) -> Bools:
    first = np.ones(len(who), dtype=bool)
    first[1:] = (who[1:] != who[:-1]) | (also[1:] != also[:-1])
    return first


def tied_rows(customer: Ints, micro: Ints) -> Ints:
    """Return the rows that share their time with another row of their customer, tie by tie."""
    order = in_order(customer, micro)
    c, t = customer[order], micro[order]
    same = (c[1:] == c[:-1]) & (t[1:] == t[:-1])
    tied: Ints = order[np.append(False, same) | np.append(same, False)]
    return tied


def _copies(customer: Ints, micro: Ints, cells: Hashes, at: Ints) -> Bools:
    """Return which rows agree with an earlier one in customer, time and every cell of the file: `cells[at]` is theirs."""
    rows = tied_rows(customer, micro)
    found = cells[at[rows]]
    order = np.lexsort((rows, found, micro[rows], customer[rows]))
    rows, found = rows[order], found[order]
    keys = (customer[rows], micro[rows], found)
    again = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    copy = np.zeros(len(customer), dtype=bool)
    copy[rows[1:][again]] = True
    return copy


def _log(columns: Columns, customer: Ints, journey: JourneyMap, cut_off: int) -> EventLog:
    """Return events as a log whose customers have no names: nobody asks for them."""
    names = {role: Names(columns[role], known) for role, known in _names(journey).items() if role in columns}
    return EventLog(
        customer=Names(customer, ("",) * int(customer[-1] + 1)),
        touchpoint=names["touchpoint"],
        time=columns["micro"].astype(np.int64).view("datetime64[us]"),
        cut_off=np.datetime64(cut_off, "us"),
        persona=names.get("persona"),
        outcome=names.get("outcome"),
        weight=columns.get("weight"),
    )
