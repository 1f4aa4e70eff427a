"""Modes of a smooth log density, the curvature there, and the log evidence by Laplace's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats

_MOST_STEPS: Final = 60
_SETTLED: Final = 0.02
_STEP: Final = 1e-5

Function = Callable[[Floats], tuple[float, Floats]]
#: A point, and others near it (point, coordinate) -> the gradients at the others.
Gradients = Callable[[Floats, Floats], Floats]


@final
@dataclass(frozen=True, slots=True, eq=False)
class JointMode:
    """A place where a density is highest, the root of the covariance there, its inverse, and the log evidence."""

    at: Floats
    root: Floats
    inverse: Floats
    evidence: float

    def apart(self, other: JointMode) -> float:
        """Return how far another mode lies, in sds of this one."""
        return float(np.linalg.norm(self.inverse @ (other.at - self.at)))


def find_joint_mode(function: Function, start: Floats, gradients: Gradients | None = None) -> JointMode:
    """Return the mode uphill of a start: Newton steps with the curvature of gradients, halved until they climb.

    `function` returns the log density and its gradient; `gradients` those at many points, where they are quicker found
    together. Where the density curves the wrong way the step goes uphill all the same (absolute eigenvalues: Dauphin and
    others 2014, saddle-free Newton).
    """
    if not len(start):
        return JointMode(start, np.eye(0), np.eye(0), function(start)[0])
    near = gradients or (lambda _, points: np.array([function(point)[1] for point in points]))
    at, (value, gradient) = start, function(start)
    root, inverse = _roots(near, at, gradient)
    for _ in range(_MOST_STEPS):
        move = np.clip(root @ (root.T @ gradient), -1.0, 1.0)
        if np.linalg.norm(inverse @ move) < _SETTLED:
            break
        tried = ((x, function(x)) for x in at + move * 0.5 ** np.arange(10)[:, None])
        better = next((each for each in tried if each[1][0] > value), None)
        if better is None:
            break
        at, (value, gradient) = better
        root, inverse = _roots(near, at, gradient)
    volume = 0.5 * len(at) * np.log(2 * np.pi) + float(np.linalg.slogdet(root)[1])
    return JointMode(at, root, inverse, value + volume)


def _roots(gradients: Gradients, at: Floats, here: Floats) -> tuple[Floats, Floats]:
    """Return a root of the inverse curvature at a point, and the root's inverse, by differences from the gradient here."""
    curvature = (here - gradients(at, at + _STEP * np.eye(len(at)))) / _STEP
    values, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    values = np.maximum(np.abs(values), 1e-6 * max(float(np.max(np.abs(values))), 1.0))
    return axes / np.sqrt(values), (axes * np.sqrt(values)).T
