"""A run's folder, read back: what the tables of `run` and `compare` show, and what decides the exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from journeysim.errors import BadInput, Place, Problem

SCHEMA: Final = "journeysim/results/1"
Row = Mapping[str, Any]  # JSON as read; it becomes a value of the classes below in this module and goes no further


@final
@dataclass(frozen=True, slots=True)
class Range:
    """A mean with its 90 % range; None where the results say that there is no number."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None


@final
@dataclass(frozen=True, slots=True)
class StoredArm:
    """One arm of a stored run: the chosen metric, its difference from today, and the money case at full effect."""

    name: str
    role: str
    unit: str
    level: Range
    difference: Range
    p_better: float | None
    npv: Range
    p_net_benefit: float | None
    payback_months: float | None


@final
@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its folder tells it."""

    folder: Path
    scenario: str
    question: str
    currency: str
    grade: str
    metric: str
    arms: tuple[StoredArm, ...]
    failed_gates: tuple[str, ...]
    targets: tuple[tuple[str, str, bool], ...]
    document: Row

    @property
    def meets_its_rules(self) -> bool:
        """Whether one proposal meets every rule of `succeed if` (true where there is none)."""
        proposals = {proposal for _, proposal, _ in self.targets}
        return not proposals or any(self._meets_all(proposal) for proposal in proposals)

    def _meets_all(self, proposal: str) -> bool:
        return all(met for _, owner, met in self.targets if owner == proposal)


def read_run(folder: Path, metric: str = "conversion") -> StoredRun:
    """Return what a run's folder holds about one metric; BadInput when it is no run, or lacks the metric."""
    document = document_of(folder / "results.json", SCHEMA)
    known = list(dict.fromkeys(row["metric"] for row in document["metrics"]))
    if metric not in known:
        from journeysim.model.checks.did_you_mean import did_you_mean

        raise _not_a_run(folder, f'has no metric "{metric}"{did_you_mean(metric, known)}')
    return StoredRun(
        folder=folder,
        scenario=document["scenario"],
        question=document["question"],
        currency=document["currency"],
        grade=document["trust"]["grade"],
        metric=metric,
        arms=tuple(_arm(document, arm, metric) for arm in document["arms"]),
        failed_gates=tuple(gate["gate"] for gate in document["fit"]["gates"] if not gate["passed"]),
        targets=tuple((row["target"], row["proposal"], bool(row["met"])) for row in document["targets"]),
        document=document,
    )


def document_of(file: Path, schema: str) -> Row:
    """Return a document of a run's folder; BadInput when it is missing, damaged or of another format."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _not_a_run(file.parent, f"is no run: {file.name} cannot be read ({error.strerror})") from error
    except ValueError as error:
        why = f"is damaged: {file.name} is not JSON ({error}); run the scenario again"
        raise _not_a_run(file.parent, why) from error
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise _not_a_run(file.parent, f"has a {file.name} of another format than {schema}; run the scenario again")
    return document


def _not_a_run(folder: Path, why: str) -> BadInput:
    return BadInput([Problem("J098", f"{folder} {why}", Place(str(folder), text=str(folder), width=len(str(folder))))])


def _arm(document: Row, arm: Row, metric: str) -> StoredArm:
    name = arm["name"]
    about_all = {"metric": metric, "arm": name, "persona": "all", "view": "cohort"}
    level = _first(document["metrics"], about_all)
    verdict = _first(document["decision"], {"proposal": name})
    difference = _first(document["contrasts"], about_all | {"realism": verdict.get("realism", 1.0)})
    return StoredArm(
        name=name,
        role=arm["role"],
        unit=level.get("unit", ""),
        level=_range(level),
        difference=_range(difference),
        p_better=difference.get("p_better"),
        npv=_range(verdict.get("npv", {})),
        p_net_benefit=verdict.get("p_net_benefit"),
        payback_months=verdict.get("payback_months", {}).get("q50"),
    )


def _first(rows: Sequence[Row], wanted: Row) -> Row:
    return next((row for row in rows if all(row.get(name) == value for name, value in wanted.items())), {})


def _range(row: Row) -> Range:
    return Range(row.get("mean"), row.get("q05"), row.get("q95"))
