"""The counting query as one whose result is a transition table as it stands, with names: for somebody else to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeysim.files.counting.expression import NOBODY, STILL_THERE
from journeysim.model.journey import JourneyMap
from journeysim.model.transitions import ENTER, OPEN, dwell_edges, known_moves

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

#: What stands for a touchpoint that the map does not have; a calibration refuses a table that names it.
NOT_ON_MAP = "(not on the map)"


def readable(found: ir.Table, journey: JourneyMap) -> ir.Table:
    """Return counted stays as the rows of a transition table: entries, and the moves that the map has.

    Rows at touchpoints that the map does not have are among the entries, under a name that no map has.
    """
    import ibis

    named = found.filter((found.persona != NOBODY) & (found.target >= STILL_THERE))
    entering = named.filter((named["first"] == 1) | (named.source < 0))
    entries = entering.group_by("persona", "source").aggregate(count=entering.stays.sum())
    sources, targets = np.nonzero(known_moves(journey)[:, [-1, *range(len(journey.place_names))]])
    size = len(journey.place_names) + 1
    moving = named.filter((named.source * size + named.target + 1).isin((sources * size + targets).tolist()))
    moves = moving.group_by("persona", "source", "target", "bin").aggregate(count=moving.stays.sum())
    edges = dict(enumerate(dwell_edges(3_650_000.0).tolist()))
    personas, places = dict(enumerate(journey.persona_names)), dict(enumerate(journey.place_names))
    blank = ibis.null("float64")
    first = entries.select(**{
        "persona": _text(entries.persona, personas), "from": ibis.literal(ENTER), "to": _text(entries.source, places),
        "dwell_from_days": blank, "dwell_to_days": blank, "count": entries["count"].cast("int64"),
    })  # fmt: skip
    rest = moves.select(**{
        "persona": _text(moves.persona, personas), "from": _text(moves.source, places),
        "to": _text(moves.target, places | {STILL_THERE: OPEN}), "dwell_from_days": _edge(moves.bin, edges),
        "dwell_to_days": _edge(moves.bin + 1, edges), "count": moves["count"].cast("int64"),
    })  # fmt: skip
    return first.union(rest)


def _text(position: ir.IntegerValue, names: Mapping[int, str]) -> ir.StringValue:
    return position.cases(*names.items(), else_=NOT_ON_MAP)


def _edge(number: ir.IntegerValue, edges: Mapping[int, float]) -> ir.FloatingValue:
    import ibis

    # Written as texts: a bare 0.1 is a decimal number in some engines, and Ibis asks for an installed Spark to write it.
    branches = [(k, ibis.literal(repr(edge)).cast("float64")) for k, edge in edges.items()]
    return number.cases(*branches, else_=ibis.null("float64"))
