"""Two numbers at once: the expected net benefit over both, where it is 0, and how far the draws can tell.

E[net | x, z] is a plane with a twist in both numbers, and a thin-plate spline over knots among the draws for
what bends, its smoothness by restricted likelihood (`smooth`; Wood 2003, thin plate regression splines). Its standard
error is that of the fit: what the draws leave open, not what the model could not bend to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.decide.decision import Surface
from journeysim.decide.drivers.groups import normal_scores, of_assumption
from journeysim.decide.drivers.smooth import Directions, smooth
from journeysim.errors import BadInput, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.draws import Assumption
from journeysim.model.quantity import Floats

POINTS: Final = 17
KNOTS: Final = 24
#: Draws below which two numbers at once cannot be told.
FEWEST: Final = 60
#: Numbers whose draws follow each other so closely are one number in two coats.
_ALIKE: Final = 0.95


def surfaces_of(proposal: str, numbers: Sequence[Assumption], net: Floats, asked: Sequence[str]) -> Iterator[Surface]:
    """Yield the surface of the two numbers asked for, or of the two that explain most; none where they are not there.

    Parameters
    ----------
    proposal : str
        Whose net benefit (D,) `net` is.
    numbers : sequence of Assumption
        What it rests on, single numbers only: its own, and today's.
    asked : sequence of str
        Two names or parts of names; empty for the two that decide most.
    """
    varying = [item for item in numbers if np.ptp(item.values) > 0]
    if len(net) < FEWEST or net.var() == 0:
        return
    pair = (
        [found for name in asked if (found := named(name, varying)) is not None]
        if asked
        else most_decisive(varying, net)
    )
    if len(pair) == 2:
        yield surface(proposal, pair[0], pair[1], net)


def named(part: str, numbers: Sequence[Assumption]) -> Assumption | None:
    """Return the number whose name it is or has this part; None where there is none, BadInput where there are several."""
    found = [item for item in numbers if item.name == part] or [
        item for item in numbers if part.casefold() in item.name.casefold()
    ]
    if len(found) > 1:
        names = ", ".join(f'"{item.name}"' for item in found[:4])
        message = f'"{part}" is part of {len(found)} names ({names}); write one of them out, or a part that only it has'
        raise BadInput([Problem("J102", message, path=("two way",))])
    return found[0] if found else None


def check_asked(asked: Sequence[str], by_proposal: Mapping[str, Sequence[Assumption]]) -> None:
    """Raise BadInput where no proposal has both numbers that are asked for."""
    if not asked or not by_proposal:
        return
    if any(all(named(part, numbers) for part in asked) for numbers in by_proposal.values()):
        return
    every = list(dict.fromkeys(item.name for numbers in by_proposal.values() for item in numbers))
    unknown = [part for part in asked if not any(part.casefold() in name.casefold() for name in every)]
    why = "".join(f'; no uncertain number has "{part}" in its name{did_you_mean(part, every)}' for part in unknown)
    message = f"no proposal rests on both {' and '.join(asked)}{why}; the report's evidence ledger has the names"
    raise BadInput([Problem("J102", message, path=("two way",))])


def most_decisive(numbers: Sequence[Assumption], net: Floats) -> list[Assumption]:
    """Return the two numbers that explain most of the variance of a net benefit; the second is not the first in another coat."""
    explained = [float(smooth(of_assumption(item).directions, net[:, None]).explained[0]) for item in numbers]
    order = sorted(range(len(numbers)), key=lambda k: -explained[k])
    found: list[Assumption] = []
    for k in order:
        alike = any(
            abs(np.corrcoef(normal_scores(item.values), normal_scores(numbers[k].values))[0, 1]) > _ALIKE
            for item in found
        )
        if explained[k] > 0 and not alike and len(found) < 2:
            found.append(numbers[k])
    return found


def _alike(one: Assumption, other: Assumption) -> bool:
    return bool(abs(np.corrcoef(normal_scores(one.values), normal_scores(other.values))[0, 1]) > _ALIKE)


def surface(proposal: str, one: Assumption, other: Assumption, net: Floats) -> Surface:
    """Return E[net] over two numbers from their 2 % to their 98 % point, with its standard error."""
    ends = [np.quantile(item.values, [0.02, 0.98]).tolist() for item in (one, other)]
    axes = [np.linspace(low, high, POINTS) for low, high in ends]
    scores = [_standardised(item.values, item.values) for item in (one, other)]
    at = [_standardised(axis, item.values) for axis, item in zip(axes, (one, other), strict=True)]
    first, second = (grid.ravel() for grid in np.meshgrid(*at, indexing="ij"))
    fitted = _fit(np.column_stack(scores), net, np.column_stack([first, second]))
    shape = (POINTS, POINTS)
    return Surface(
        proposal, one.name, other.name, axes[0], axes[1], fitted.values.reshape(shape), fitted.errors.reshape(shape),
        fitted.explained,
    )  # fmt: skip


def _standardised(sizes: Floats, values: Floats) -> Floats:
    """Return sizes in standard deviations of the draws' values; on their logs where those are positive and lean to the right."""
    away = values - values.mean()
    leaning = float((away**3).mean()) > values.std() ** 3
    scaled, drawn = (np.log(sizes), np.log(values)) if leaning and values.min() > 0 else (sizes, values)
    return np.asarray((scaled - drawn.mean()) / drawn.std())


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Values at the points asked for and their standard errors (p,), and the part of the variance that is explained."""

    values: Floats
    errors: Floats
    explained: float


def _fit(at: Floats, net: Floats, wanted: Floats) -> _Fit:
    """Return the surface through net (D,) at scores (D, 2), at the wanted scores (p, 2)."""
    plane, bends = _plane(at), _bends(at, at)
    middle, bend_middle = plane.mean(axis=0), bends.mean(axis=0)
    fixed, turn = np.linalg.qr(plane - middle)
    across = fixed.T @ (bends - bend_middle)
    left, sizes, right = np.linalg.svd(bends - bend_middle - fixed @ across, full_matrices=False)
    kept = sizes > 1e-9 * sizes[0]
    on = Directions(fixed, left[:, kept], sizes[kept])
    found = smooth(on, net[:, None])
    centred, noise = net - net.mean(), float(found.noise[0])
    to_fixed = np.linalg.solve(turn.T, (_plane(wanted) - middle).T).T
    to_random = (_bends(wanted, at) - bend_middle - to_fixed @ across) @ right[kept].T / sizes[kept]
    shrunk = found.shrunk[:, 0]
    values = net.mean() + to_fixed @ (fixed.T @ centred) + to_random @ (shrunk * (left[:, kept].T @ centred))
    spread = (to_fixed**2).sum(axis=1) + to_random**2 @ shrunk + 1.0 / len(net)
    return _Fit(values, noise * np.sqrt(spread), float(found.explained[0]))


def _plane(at: Floats) -> Floats:
    return np.column_stack([at, at[:, 0] * at[:, 1]])


def _bends(at: Floats, draws: Floats) -> Floats:
    """Return thin-plate splines r^2 log r around knots among the draws, (p, K), rotated so that sizes are their smoothness."""
    knots = draws[np.unique(np.linspace(0, len(draws) - 1, KNOTS).round().astype(np.int64))]
    left, sizes, right = np.linalg.svd(_thin_plate(knots, knots))
    root = (left / np.sqrt(np.maximum(sizes, 1e-12 * sizes[0]))) @ right
    return np.asarray(_thin_plate(at, knots) @ root)


def _thin_plate(at: Floats, knots: Floats) -> Floats:
    squares = ((at[:, None, :] - knots) ** 2).sum(axis=2)
    return np.asarray(0.5 * squares * np.log(np.maximum(squares, 1e-12)))
