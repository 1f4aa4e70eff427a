"""The counting query as text, for any SQL that Ibis writes."""

from __future__ import annotations

from journeysim.files.counting.counted import COUNTED
from journeysim.files.counting.expression import Has, transitions_expression
from journeysim.model.journey import JourneyMap


def query_of(
    journey: JourneyMap, has: Has, dialect: str, *, table: str, cut_off: int | None = None, reactivation: bool = False
) -> str:
    """Return the query that counts a map's transitions in a table with the columns that `transitions_expression` names."""
    import ibis

    columns = {"customer": "string", "touchpoint": "string", "micro": "int64"}
    columns |= {"row": "int64"} if has.row else {}
    columns |= {name: "string" for name, there in (("persona", has.persona), ("outcome", has.outcome)) if there}
    events = ibis.table(columns, name=table)
    found = transitions_expression(events, journey, has, cut_off=cut_off, reactivation=reactivation)
    return str(ibis.to_sql(found.select(*COUNTED), dialect=dialect))
