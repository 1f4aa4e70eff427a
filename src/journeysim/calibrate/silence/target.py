"""The exact posterior of a touchpoint as one PyMC model, compiled once: links, families and data are all inputs.

Its coordinates are the contrasts of the pooled log shares theta and of every persona's log shares, and every persona's
location and log shape of every learned link: centred, with what pools them summed out. For personas g, links j:

    theta ~ Dirichlet(alpha), P_g ~ Dirichlet(kappa t_g)      kappa on a grid of its log-normal prior, see `shares`
    phi_gj ~ Normal(mu_j + d_gj, tau_j^2)                    mu_j in closed form, tau_j on TAU_VALUES, see `dwells`
    completed moves:  n_gj log P_gj + sum over bins n log(F_gj(high) - F_gj(low))
    open spells:      sum n log sum_j P_gj S_gj(t)            the survival is summed as probabilities; silent link: S = 1

With one persona there is nothing to pool: P ~ Dirichlet(alpha) and phi ~ Normal(m + d, S). A dwell that is not
learned enters with its survival averaged over the prior's draws.

The sampler moves z, with coordinates = centre + root z, where the posterior is near a standard normal. Value and
gradient are those of `silence.density`, compiled once and kept on disk; PyTensor has nothing to compile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.dwells.families import survival
from journeysim.calibrate.dwells.fit import tau_log_weights
from journeysim.calibrate.dwells.mode import prior_normal
from journeysim.calibrate.dwells.scores import FAMILIES, ScoreFamily, base_tables
from journeysim.calibrate.pooled import KAPPA_SCORES
from journeysim.calibrate.silence.points import Observed, Points, contrasts
from journeysim.model.dwell import Family
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

Inputs = Mapping[str, Any]

_NEVER, _ALWAYS = 0, 1
_SHORTEST: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, eq=False)
class JointTarget:
    """A touchpoint's data as inputs of the model, and the linear map from its coordinates to what the density takes.

    `linear` (row, coordinate) gives theta's raw log shares, the personas', then locations and log shapes, row by row.
    """

    observed: Observed
    tilt: Floats  # (persona, link)
    inputs: Inputs
    linear: Floats

    @property
    def size(self) -> int:
        """How many coordinates there are."""
        return int(self.linear.shape[1])

    @property
    def log_constant(self) -> float:
        """Return the log of what normalises the prior of a single persona."""
        alpha, free = np.asarray(self.inputs["alpha"]), self.observed.free.T
        row = special.gammaln(alpha.sum()) - special.gammaln(alpha).sum() + 0.5 * np.log(len(alpha))
        precision = np.asarray(self.inputs["precision"])[:, 0][free]
        return float(row + 0.5 * np.sum(np.log(precision / (2 * np.pi))))

    def value_and_gradient(self, at: Floats) -> tuple[float, Floats]:
        """Return the log density of coordinates up to a constant, and its gradient."""
        value, found = self._value_and_gradients(at[None])
        return value, found[0]

    def gradients(self, here: Floats, at: Floats) -> Floats:
        """Return the gradients at coordinates (point, coordinate), each of which is that of `here` but for a few."""
        return self._value_and_gradients(np.concatenate([here[None], at]))[1][1:]

    def _value_and_gradients(self, at: Floats) -> tuple[float, Floats]:
        from journeysim.calibrate.silence.density import value_and_gradients

        rows = np.array([self.linear @ each for each in at])
        value, found = value_and_gradients(rows, *self.inputs.values())
        return value, np.array([each @ self.linear for each in found])

    def flat(self, points: Points) -> Floats:
        """Return points as coordinates, with the personas' average for theta."""
        basis = contrasts(self.tilt.shape[1])
        free = self.observed.free
        own = np.concatenate([points.logs @ basis, points.phi[:, :, free]], axis=-1).reshape(len(points.logs), -1)
        if len(self.tilt) == 1:
            return own
        theta = (points.logs - np.log(self.tilt)).mean(axis=1) @ basis
        return np.concatenate([theta, own], axis=1)

    def points(self, at: Floats, rows: NDArray[np.intp]) -> Points:
        """Return coordinates as points; `rows` says which prior draw the dwells that are not learned take."""
        personas, links = self.tilt.shape
        learned = len(self.observed.learned)
        raw = at @ self.linear.T
        logs = raw[:, links : links * (personas + 1)].reshape(len(at), personas, links)
        logs = (
            logs
            - np.log(np.sum(np.exp(logs - logs.max(-1, keepdims=True)), -1, keepdims=True))
            - logs.max(-1, keepdims=True)
        )
        phi = raw[:, links * (personas + 1) :].reshape(len(at), 2, personas, learned)
        return Points(logs, np.moveaxis(phi, 1, -1), rows)


def joint_target(observed: Observed, alpha: Floats, tilt: Floats) -> JointTarget:
    """Return the exact posterior of a touchpoint; `alpha` has shape (link,), `tilt` (persona, link), none of it 0."""
    inputs = _laid_out(_inputs(observed, alpha, tilt) | _data(observed))
    return JointTarget(observed, tilt, inputs, _linear(observed, tilt))


def _laid_out(inputs: dict[str, Any]) -> Inputs:
    """Return the inputs row by row in memory: for any other order the density would be compiled once more."""
    return {name: np.ascontiguousarray(values) for name, values in inputs.items()}


def of_families(target: JointTarget, families: Sequence[Family]) -> JointTarget:
    """Return the target with other families of the links; what was observed stays as it was laid out."""
    links = zip(target.observed.links, families, strict=True)
    observed = replace(target.observed, links=tuple(replace(link, family=family) for link, family in links))
    inputs = {**target.inputs, **_laid_out(_inputs(observed, np.asarray(target.inputs["alpha"]), target.tilt))}
    return JointTarget(observed, target.tilt, inputs, _linear(observed, target.tilt))


def _linear(observed: Observed, tilt: Floats) -> Floats:
    """Return the map from coordinates (theta's contrasts, then by persona its contrasts and dwells) to the rows."""
    (personas, links), free = tilt.shape, observed.free
    basis, learned, pooling = contrasts(links), len(observed.learned), len(tilt) > 1
    own = links - 1 + int(free.sum())
    first = (links - 1) * pooling
    linear = np.zeros((links * (personas + 1) + 2 * personas * learned, first + personas * own))
    if pooling:
        linear[:links, :first] = basis
    which = np.argwhere(free)
    for g in range(personas):
        at = first + g * own
        linear[links * (g + 1) : links * (g + 2), at : at + links - 1] = basis
        for column, (j, k) in enumerate(which, start=at + links - 1):
            linear[links * (personas + 1) + (k * personas + g) * learned + j, column] = 1.0
    return linear


def _inputs(observed: Observed, alpha: Floats, tilt: Floats) -> dict[str, Any]:
    learned, personas = observed.learned, len(tilt)
    mean, precision = np.zeros((2, personas, len(learned))), np.ones((2, personas, len(learned)))
    pooled = np.zeros(len(learned))
    forms = []
    for index, j in enumerate(learned):
        link = observed.links[j]
        prior = prior_normal(link.belief, link.family)
        k = len(prior.mean)
        mean[:k, :, index] = prior.mean[:, None]
        mean[0, :, index] += np.asarray(link.belief.apart)
        precision[:k, :, index] = np.diag(prior.precision)[:, None]
        pooled[index] = float(personas > 1)
        forms.append(FAMILIES[link.family])
    return {
        "alpha": alpha, "log_tilt": np.log(tilt), "taken": observed.counts, "single": np.array([float(personas == 1)]),
        "mean": mean, "precision": precision, "free": observed.free.T.astype(np.float64), "pooled": pooled,
        "kappas": -0.5 * KAPPA_SCORES**2, "taus": tau_log_weights(),
        "tables": base_tables(), **_forms(forms),
    }  # fmt: skip


def _forms(forms: list[ScoreFamily]) -> dict[str, Any]:
    columns = [(form.add, form.sign, form.power, form.shift) for form in forms]
    return {
        "row": np.array([form.row for form in forms], dtype=np.int64),
        "stride": np.array([form.stride for form in forms], dtype=np.int64),
        "form": np.array(columns, dtype=np.float64).reshape(-1, 4).T.copy(),
    }


@final
class _Places:
    """Collects the points where survival is needed, each once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, float], int] = {}

    def at(self, which: int, times: Floats) -> Ints:
        """Return the positions of a location's survival at these times; at 0 everybody is still there."""
        return np.array(
            [self.known.setdefault((which, float(t)), len(self.known) + 2) if t > 0 else _ALWAYS for t in times],
            dtype=np.int64,
        )


def _data(observed: Observed) -> dict[str, Any]:
    """Return bins and open spells in terms of points."""
    places, learned = _Places(), observed.learned
    bins: list[tuple[Ints, Ints, Floats]] = []
    for index, j in enumerate(learned):
        for g, done in enumerate(observed.links[j].done):
            which = g * len(learned) + index
            bins.append((places.at(which, done.low), places.at(which, done.high), done.count))
    opened = [_open(observed, g, places) for g in range(len(observed.counts))]
    low, high, in_bin = (
        (np.concatenate([np.empty(0), *column]) for column in zip(*bins, strict=True)) if bins else (np.empty(0),) * 3
    )
    persona, point, known, in_open = (np.concatenate(column) for column in zip(*opened, strict=True))
    keys = list(places.known)
    return {
        "point_link": np.array([which for which, _ in keys], dtype=np.int64),
        "point_time": np.log(np.array([max(time, _SHORTEST) for _, time in keys], dtype=np.float64)),
        "low": low.astype(np.int64), "high": high.astype(np.int64), "in_bin": in_bin,
        "open_persona": persona, "open_point": point, "open_known": known, "in_open": in_open,
    }  # fmt: skip


def _open(observed: Observed, g: int, places: _Places) -> tuple[Ints, Ints, Floats, Floats]:
    """Return persona, survival positions (spell, link), known survival (spell, link) and counts of open spells."""
    silent = observed.silent[g]
    shape = len(silent.count), len(observed.links)
    point, known = np.full(shape, _NEVER, dtype=np.int64), np.zeros(shape)
    for j, link in enumerate(observed.links):
        if j in observed.learned:
            point[:, j] = places.at(g * len(observed.learned) + observed.learned.index(j), silent.middle)
        else:
            still = survival(link.family, link.a[:, g, None], link.b[:, g, None], silent.middle, link.tables)
            known[:, j] = still.mean(axis=0)
    return np.full(shape[0], g, dtype=np.int64), point, known, silent.count
