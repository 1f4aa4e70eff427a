"""Suggestions for words that are nearly right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like `word` (letter case aside), or None when nothing comes near."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?`, or the list of what there is when nothing comes near, if there is anything."""
    names = tuple(known)
    near = closest(word, names)
    if near is not None:
        return f'; did you mean "{near}"?'
    return f"; there is {listed(names)}" if names else ""


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Return names in quotes, separated by commas, the first `limit` of them."""
    quoted = [f'"{name}"' for name in names]
    more = f" and {len(quoted) - limit} more" if len(quoted) > limit else ""
    return ", ".join(quoted[:limit]) + more
