"""Rules about time: it is finite and never negative, and what takes time takes some."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journeysim.errors import Problem
from journeysim.model.checks.rows import Path, rows_of, span
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap


def check_times(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return dwells that are negative, not finite or of several families, and equal tenure periods (J039, J075)."""
    problems = [problem for path, what, dwell in _dwells(journey) for problem in check_dwell(dwell, what, path)]
    problems += _families(journey)
    for point in journey.touchpoints:
        ends = [period.until for period in point.by_tenure]
        if any(not end > 0 for end in ends) or len(set(ends)) < len(ends):
            message = f'the tenure periods of "{point.name}" end at different times, each after 0 days'
            problems.append(Problem("J039", message, path=("touchpoints", point.name, "tenure")))
    return tuple(problems)


def _families(journey: JourneyMap) -> Iterator[Problem]:
    """Yield links whose dwell has another family, or table, than the first statement of the same link (J075)."""
    first: dict[tuple[str, str], Dwell] = {}
    for row in rows_of(journey):
        for link in row.links:
            stated = first.setdefault((row.touchpoint.name, link.target), link.dwell)
            if (stated.family, stated.quantiles) != (link.dwell.family, link.dwell.quantiles):
                kinds = f"{stated.family.name.lower()} and as {link.dwell.family.name.lower()}"
                message = (
                    f'the dwell of "{row.touchpoint.name} -> {link.target}" is stated as {kinds}: personas and tenure '
                    f"periods may differ in scale and shape, not in the family or the quantiles"
                )
                yield Problem("J075", message, path=(*row.path, link.target, "dwell"))


def _dwells(journey: JourneyMap) -> Iterator[tuple[Path, str, Dwell]]:
    for row in rows_of(journey):
        for link in row.links:
            yield (
                (*row.path, link.target, "dwell"),
                f'the dwell of "{row.touchpoint.name} -> {link.target}"',
                link.dwell,
            )
    for point in journey.touchpoints:
        if point.staffed_by is None:
            continue
        at: Path = ("touchpoints", point.name, "staffed by")
        if point.staffed_by.time is not None:
            yield (*at, "time"), f'the service time of "{point.name}"', point.staffed_by.time
        if point.staffed_by.patience is not None:
            yield (*at, "patience"), f'the patience at "{point.name}"', point.staffed_by.patience


def check_dwell(dwell: Dwell, what: str, path: Path) -> tuple[Problem, ...]:
    """Return what is wrong with one dwell."""
    scale, shape = span(dwell.scale), span(dwell.shape)
    least = 0.0 if dwell.family is Family.FIXED else np.nextafter(0.0, 1.0)
    if not np.isfinite(scale).all() or scale.min() < least:
        found = f"{float(scale.min()):g} days"
        return (Problem("J039", f"{what} may be {found}; it must be finite and not negative", path=path),)
    if not np.isfinite(shape).all() or shape.min() <= 0:
        return (Problem("J039", f"the shape of {what} may be {float(shape.min()):g}; it must lie above 0", path=path),)
    if dwell.family is Family.EMPIRICAL:
        return _check_table(dwell, what, path)
    return ()


def _check_table(dwell: Dwell, what: str, path: Path) -> tuple[Problem, ...]:
    table = np.array(dwell.quantiles, dtype=np.float64).reshape(-1, 2)
    ends = len(table) >= 2 and table[0, 0] == 0 and table[-1, 0] == 1
    if ends and (np.diff(table[:, 0]) > 0).all() and (np.diff(table[:, 1]) >= 0).all() and table[0, 1] >= 0:
        return ()
    return (
        Problem(
            "J039", f"the quantiles of {what} must run from 0 % to 100 % with times that never decrease", path=path
        ),
    )
