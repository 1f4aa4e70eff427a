"""What a calibration tells the decision: its gates, how much of it is the map's belief, and its notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from journeysim.decide.decision import Fit, ModelChoice

if TYPE_CHECKING:
    from journeysim.calibrate import Calibration


def fit_of(found: Calibration) -> Fit:
    """Return a calibration as the decision layer takes it.

    `prior_share` is the map's part of all weight behind the shares: its equivalent customers over those and the moves
    that were observed.
    """
    moves = sum(row.moves for row in found.touchpoints)
    weight = sum(row.prior_weight for row in found.touchpoints)
    made_from = dict(found.manifest)
    summary = (
        ("data", made_from.get("data", "")),
        ("observed moves", f"{moves:,.0f}"),
        ("still on the way at the cut-off", f"{sum(row.open for row in found.touchpoints):,.0f}"),
        ("weight of the map's beliefs, in customers", f"{weight:,.0f}"),
        *summary_of_parts(found),
    )
    return Fit(
        source=found.draws.source,
        gates=tuple((gate.name, gate.value, f"{gate.wanted} {gate.limit:g}", gate.passed) for gate in found.gates),
        prior_share=weight / (weight + moves) if weight + moves > 0 else None,
        notes=found.notes,
        summary=summary,
        choices=choices_of(found),
        prior_parts=tuple((part.name, part.part) for part in found.prior_parts if not part.headline),
    )


def backtest_of(folder: Path) -> tuple[tuple[str, bool], ...]:
    """Return the gates of the backtest or score that left a folder, and whether each was passed; BadInput without one."""
    from journeysim.cli import score_folder
    from journeysim.cli.stored import document_of
    from journeysim.report.backtest import SCHEMA

    scored = (folder / score_folder.FILE).is_file()
    document = document_of(folder / (score_folder.FILE if scored else "backtest.json"),
                           score_folder.SCHEMA if scored else SCHEMA)  # fmt: skip
    return tuple((str(gate["name"]), bool(gate["passed"])) for gate in document["gates"])


#: From here on a figure is called the map's.
MOSTLY: Final = 0.5
_NAMED: Final = 5


def summary_of_parts(found: Calibration) -> tuple[tuple[str, str], ...]:
    """Return how much of the headline figures, and of the assumptions, still comes from the map, as (name, text)."""
    heads = [part for part in found.prior_parts if part.headline]
    parts = [part for part in found.prior_parts if not part.headline]
    rows = []
    if heads:
        rows.append(("still from the map, of", ", ".join(f"{part.name} {part.part:.1%}" for part in heads)))
    if parts:
        mostly = [part.name for part in sorted(parts, key=lambda part: -part.part) if part.part > MOSTLY]
        named = ", ".join(mostly[:_NAMED]) + (", …" if len(mostly) > _NAMED else "")
        count = f"{len(mostly)} of {len(parts)}"
        rows.append(("assumptions that are mostly the map's", f"{count}: {named}" if mostly else count))
    return tuple(rows)


def choices_of(found: Calibration) -> tuple[ModelChoice, ...]:
    """Return every model chosen by predictive fit: the layers first, then the dwell families that had a rival."""
    layers = (
        ModelChoice(row.subject, row.chosen, row.runner_up, row.margin, row.margin_error) for row in found.choices
    )
    dwells = (
        ModelChoice(f"dwell of {row.link}", row.family, row.runner_up, row.margin, row.margin_error, row.chance)
        for row in found.dwells
        if row.runner_up
    )
    return (*layers, *dwells)
