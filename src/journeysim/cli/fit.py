"""What a calibration tells the decision: its gates, how much of it is the map's belief, and its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    )
    return Fit(
        source=found.draws.source,
        gates=tuple((gate.name, gate.value, f"{gate.wanted} {gate.limit:g}", gate.passed) for gate in found.gates),
        prior_share=weight / (weight + moves) if weight + moves > 0 else None,
        notes=found.notes,
        summary=summary,
        choices=choices_of(found),
    )


def choices_of(found: Calibration) -> tuple[ModelChoice, ...]:
    """Return every model chosen by predictive fit: the layers first, then the dwell families that had a rival."""
    layers = (
        ModelChoice(row.subject, row.chosen, row.runner_up, row.margin, row.margin_error) for row in found.choices
    )
    dwells = (
        ModelChoice(f"dwell of {row.link}", row.family, row.runner_up, row.margin, row.margin_error)
        for row in found.dwells
        if row.runner_up
    )
    return (*layers, *dwells)
