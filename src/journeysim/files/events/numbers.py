"""Numbers of a log, parsed by the database."""

from __future__ import annotations

from typing import Final

from journeysim.model.log_settings import LogSettings

#: Texts that are a number with a decimal comma, or with a thousands separator: refused unless a setting says which.
COMMA: Final = r"[+-]?\d+,\d+"
_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def number_of(column: str, settings: LogSettings) -> str:
    """Return the expression of a column as a finite number; NULL where it is blank, unreadable or infinite."""
    text = f"trim(CAST({column} AS VARCHAR))"
    if settings.decimal == ",":
        text = f"CASE WHEN contains({text}, '.') THEN NULL ELSE replace({text}, ',', '.') END"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') AND isfinite({number}) THEN {number} END"
