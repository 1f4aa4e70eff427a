"""Figures, one file each, drawn from tables alone. Imported only when a report is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from journeysim.report.plots import (
    acceptability,
    conversion,
    cumulative,
    differences,
    drop_off,
    effort,
    one_way,
    personas,
    realism,
    studies,
    sums,
    surface,
    thresholds,
    tornado,
)
from journeysim.report.plots.style import styled, to_svg
from journeysim.report.tables import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figures_of"]


def figures_of(tables: Mapping[str, Table], today: str, proposals: list[str], language: Language) -> dict[str, str]:
    """Return every figure that has something to show, as SVG, by the name of its table."""
    makers: dict[str, Callable[[Table], Figure | None]] = {
        "differences": lambda item: differences.figure(item, proposals, language),
        "conversion_over_time": lambda item: conversion.figure(item, today, proposals, language),
        "drop_off": lambda item: drop_off.figure(item, language),
        "personas": lambda item: personas.figure(item, proposals, language),
        "cumulative_net_benefit": lambda item: cumulative.figure(item, proposals, language),
        "realism": lambda item: realism.figure(item, proposals, language),
        "evidence": lambda item: tornado.figure(item, proposals, language),
        "acceptability": lambda item: acceptability.figure(item, today, proposals, language),
        "contributions": lambda item: sums.contributions(item, proposals, language),
        "portfolio": lambda item: sums.bundles(item, language),
        "one_way": lambda item: one_way.figure(item, proposals, language),
        "effect_curves": lambda item: thresholds.curves(item, proposals, language),
        "two_way": lambda item: thresholds.two_way(item, proposals, language),
        "two_numbers": lambda item: surface.figure(item, proposals, language),
        "test_sizes": lambda item: studies.figure(item, proposals, language),
        "impact_effort": lambda item: effort.figure(item, proposals, language),
    }
    made = {}
    for name, maker in makers.items():
        if name in tables:
            svg = _drawn(name, lambda maker=maker, name=name: maker(tables[name]), language)  # type: ignore[misc]
            if svg:
                made[name] = svg
    return made


def _drawn(name: str, maker: Callable[[], Figure | None], language: Language) -> str:
    with styled(name):
        figure = maker()
        if figure is None:
            return ""
        return to_svg(figure, f"fig-{name}", language[f"fig.{name}"], language[f"alt.{name}"])
