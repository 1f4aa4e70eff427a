"""Which column of an event log is which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from journeysim.errors import BadInput, Place, Problem
from journeysim.model.checks.did_you_mean import did_you_mean

USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": ("customer", "customer_id", "case_id", "case", "user_id", "case:concept:name"),
    "touchpoint": ("touchpoint", "activity", "event", "concept:name"),
    "time": ("time", "timestamp", "time:timestamp"),
    "persona": ("persona",),
    "outcome": ("outcome",),
    "channel": ("channel",),
    "value": ("value",),
    "rating": ("rating",),
    "late": ("late", "days_late"),
    "due": ("due", "due_date"),
    "weight": (),
}
ROLES: Final = tuple(USUAL)
#: Roles whose columns are texts, times, and numbers.
TEXTS: Final = ("customer", "touchpoint", "persona", "outcome", "channel")
NUMBERS: Final = ("value", "rating", "late", "weight")
_HINTS: Final = {
    "customer": ("user", "id", "case"),
    "touchpoint": ("activ", "event", "touch", "step"),
    "time": ("time", "date", "stamp"),
}
NEEDED: Final = ("customer", "touchpoint", "time")


def resolve(found: Sequence[str], columns: Mapping[str, str], file: Path) -> dict[str, str]:
    """Return which column of the file holds what; BadInput with the names found when one is missing."""
    problems = [
        Problem("E005", f'there is no column "{name}"{did_you_mean(name, found)}', Place(str(file)))
        for name in columns.values()
        if name not in found
    ]
    problems += [Problem("E005", unknown_role(role)) for role in columns if role not in ROLES]
    if "late" in columns and "due" in columns:
        problems.append(Problem("E014", '"late" and "due" say the same; keep one of the two columns', Place(str(file))))
    names = _chosen(found, columns)
    missing = [role for role in NEEDED if role not in names]
    if missing:
        problems.append(Problem("E006", _needs(missing, found), Place(str(file))))
    if problems:
        raise BadInput(problems)
    return names


def _chosen(found: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    by_lower = {name.lower(): name for name in reversed(found)}
    usual = {role: next((by_lower[name] for name in names if name in by_lower), None) for role, names in USUAL.items()}
    names = {role: name for role, name in (usual | dict(columns)).items() if name is not None}
    spare = "late" if "due" in columns else "due"
    return {role: name for role, name in names.items() if role != spare or not {"late", "due"} <= set(names)}


def _needs(missing: Sequence[str], found: Sequence[str]) -> str:
    example = ",".join(f"{role}={_guess(role, found)}" for role in missing)
    return (
        f"an event log needs {', '.join(missing)}; found: {', '.join(found)}; "
        f"say which is which: --columns {example}"
    )  # fmt: skip


def unknown_role(role: str) -> str:
    """Return the sentence for a role that no column has."""
    return f'"{role}" is not a role of a column{did_you_mean(role, ROLES)}; roles: {", ".join(ROLES)}'


def _guess(role: str, found: Sequence[str]) -> str:
    return next((name for hint in _HINTS[role] for name in found if hint in name.lower()), "?")
