"""The rows of a log that were not used, as a file: where each stands, why, and its cells."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Final

from journeysim.files.events.reasons import REASONS
from journeysim.files.events.relation import EXAMPLES, Events
from journeysim.files.events.sources import escaped
from journeysim.model.event_log import Ints
from journeysim.model.visits import AFTER_OUTCOME

#: The file lists at most so many rows; how many there are in all, the account says.
MOST_REJECTS: Final = 100_000
#: A spreadsheet takes a cell that starts so for a formula; a plain number is none.
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?")


def keep_ended(events: Events, rows: Ints) -> tuple[str, ...]:
    """Keep which rows come after their customer's outcome, and return where the first few stand."""
    several = "file FROM normalised WHERE row IN (SELECT row FROM ended)"
    place = several if len(events.source.files) > 1 else "'' AS file FROM ended"
    events.connection.register("ended", {"row": rows})
    events.connection.execute(f"CREATE OR REPLACE TEMP TABLE after_outcome AS SELECT row, {place}")
    events.connection.unregister("ended")
    found = events.rows(f"SELECT row, file FROM after_outcome ORDER BY row LIMIT {EXAMPLES}")  # noqa: S608 - a number
    return tuple(events.where(row, file) for row, file in found)


def write_rejects(events: Events, file: Path, *, after: bool) -> int:
    """Write the rows that were set aside one by one into a CSV file, and return how many it holds.

    Columns: row (of the file; its line where rows are lines), file where the log has several, reason, and the row's
    own columns. With `after`, rows after an outcome (as `keep_ended` kept them) are among them. Cells that a
    spreadsheet would take for formulas start with an apostrophe.
    """
    names = [f'"{escaped(name, chr(34))}"' for name in events.source.columns]
    cells = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    rejected = "SELECT row, file, reason FROM unusable"
    if after:
        rejected += f" UNION ALL SELECT row, file, {len(REASONS)} FROM after_outcome"  # noqa: S608 - a number
    source = f"SELECT {events.source.row} AS row, {cells} FROM {events.source.scan}"  # noqa: S608 - quoted
    text = (
        f"SELECT rejected.*, source.* EXCLUDE (row) FROM ({rejected}) AS rejected JOIN ({source}) AS source "  # noqa: S608
        f"ON source.row = rejected.row ORDER BY rejected.row LIMIT {MOST_REJECTS}"
    )
    rows = events.rows(text)
    several = len(events.source.files) > 1
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", *(["file"] if several else []), "reason", *map(_safe, events.source.columns)])
        for row, where, reason, *found in rows:
            said = (*REASONS, AFTER_OUTCOME)[reason]
            place = [Path(where).name] if several else []
            writer.writerow([events.line(row, where), *place, said, *(_safe(cell or "") for cell in found)])
    return len(rows)


def _safe(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
