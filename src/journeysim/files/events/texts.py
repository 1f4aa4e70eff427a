"""Texts of a log, as the database reads them: expressions without the white space around."""

from __future__ import annotations

from typing import Final

#: What Unicode calls white space, as the expression of a text.
_SPACES: Final = " || ".join(
    f"chr({code})" for code in (*range(9, 14), 32, 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288)
)


def trimmed(text: str, backward: str = "") -> str:
    """Return the expression of a text without white space around it, of any script; empty where there is none.

    Texts that begin and end with a visible ASCII character, which nearly all do, are told apart by cheap comparisons.
    `backward` is the text from its end to its beginning, where that is known.
    """
    ends = (text, backward or f"reverse({text})")
    plain = " AND ".join(f"{end} >= '!' AND {end} < chr(127)" for end in ends)
    return f"CASE WHEN {plain} THEN {text} ELSE coalesce(trim({text}, {_SPACES}), '') END"
