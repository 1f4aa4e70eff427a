"""Remarks as sentences of the page's language."""

from __future__ import annotations

from journeysim.model.remark import Remark
from journeysim.report.numbers import Kind, written
from journeysim.report.sentences import spoken
from journeysim.report.words import Language


def remark_text(item: Remark, say: Language) -> str:
    """Return a remark as a sentence, its numbers written as the language writes them."""
    return say[f"remark.{item.name}"].format(**{name: _blank(name, value, say) for name, value in item.blanks})


def _blank(name: str, value: str | float, say: Language) -> str:
    if name in {"gate", "limit", "first"} and isinstance(value, str):
        return spoken(value, say)
    if isinstance(value, str):
        return say.word("metric", value) if name == "metric" else say.word("word", value) if value == "today" else value
    kind: Kind = "chance" if name.endswith("share") else "count" if isinstance(value, int) else "number"
    return written(value, kind, say)
