"""Exact posterior of a touchpoint with open spells, by NUTS on `silence.target`, from every explanation the data allow.

Silences may be explained in two ways: those customers have left, or they are slow. So the way uphill starts at both,
and at the fit of the surrogate; what it reaches are the modes. The sampler moves in coordinates in which the best mode
is round. Its chains start at different modes where there are several that matter (within 7 of the best in log
evidence by Laplace's method: a weight of 1 in 1,000), so that chains that cannot find each other fail on R-hat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.shares import NOT_THIS
from journeysim.calibrate.silence.mode import JointMode, find_joint_mode
from journeysim.calibrate.silence.points import Observed, Points, explained
from journeysim.calibrate.silence.target import JointTarget
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    from journeysim.calibrate.numerics.pymc_adapter import CompiledModel, Sampling

#: Enough for the gates on effective sizes.
LEAST_DRAWS: Final = 1200
_CHAINS: Final = 4
_TUNE: Final = 200
_ROUNDS: Final = 3
_MATTERS: Final = 7.0
_APART: Final = 4.0
_MANY: Final = 10


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Equally likely points, chain after chain, and the gates on their convergence."""

    points: Points
    gates: tuple[Gate, ...]


def sample_jointly(target: JointTarget, starts: Points, *, draws: int, seed: int, name: str) -> Sampled:
    """Return at least `draws` points; `starts` say where to begin. Tries again with more draws while gates fail."""
    from journeysim.calibrate.numerics import pymc_adapter
    from journeysim.calibrate.silence.density import moved_value_and_gradient

    size = target.size
    placed = {"moves": target.linear, "start": np.zeros(len(target.linear))}
    model = pymc_adapter.compile_model(moved_value_and_gradient, placed | dict(target.inputs), size)
    modes = _modes(model, target, target.flat(starts))
    best = modes[0]
    model.give({"moves": target.linear @ best.root, "start": target.linear @ best.at})
    key = name_key("open spells, jointly", name)
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, key]))
    for effort in range(_ROUNDS):
        begins = np.array([best.inverse @ (modes[c % len(modes)].at - best.at) for c in range(_CHAINS)])
        run = model.sample(
            begins + stream.standard_normal((_CHAINS, size)), draws=-(-draws // _CHAINS) * 2**effort,
            tune=_TUNE * 2**effort, seed=int(stream.integers(2**62)),
        )  # fmt: skip
        found = Sampled(points := _points(target, best, run, stream), _gates(name, points, run))
        if all(gate.passed for gate in found.gates):
            break
    return found


def _points(target: JointTarget, mode: JointMode, run: Sampling, stream: np.random.Generator) -> Points:
    at = mode.at + run.values["z"].reshape(-1, target.size) @ mode.root.T
    return target.points(at, stream.integers(0, 2**31, len(at)))


def _gates(name: str, found: Points, run: Sampling) -> tuple[Gate, ...]:
    from journeysim.calibrate.numerics import pymc_adapter

    count = len(found.logs)
    values = np.concatenate([np.exp(found.logs).reshape(count, -1), found.phi.reshape(count, -1)], axis=1)
    by_chain = values.reshape(_CHAINS, -1, values.shape[1])
    where = f'"{name}" (open spells)'
    return (*pymc_adapter.convergence(where, by_chain), *pymc_adapter.health(run, f" at {where}"))


def _modes(model: CompiledModel, target: JointTarget, starts: Floats) -> list[JointMode]:
    """Return the modes that matter, best first; the model's coordinates are still the target's own.

    Where personas pool, modes are sought at the most likely kappa and tau: with these summed out, the highest point is
    where all personas are alike, a needle that says nothing about where and how wide the rest is.
    """
    pooling = {name: np.asarray(target.inputs[name]) for name in ("kappas", "taus")}
    if len(target.tilt) > 1:
        model.give({name: _only(weights, len(weights) // 2) for name, weights in pooling.items()})
        at = max((find_joint_mode(model.value_and_gradient, start) for start in starts), key=_evidence).at
        for name, weights in pooling.items():
            at = _most_likely(model, name, weights, at)
        starts = np.vstack([at, starts])
    found = sorted((find_joint_mode(model.value_and_gradient, start) for start in starts), key=_evidence, reverse=True)
    model.give(pooling)
    kept = found[:1]
    for mode in found[1:]:
        apart = min(other.apart(mode) for other in kept)
        if mode.evidence > found[0].evidence - _MATTERS and apart > _APART:
            kept.append(mode)
    return kept


def _evidence(mode: JointMode) -> float:
    return mode.evidence


def _only(weights: Floats, k: int) -> Floats:
    """Return log weights with all values but one left out."""
    return np.where(np.arange(len(weights)) == k, weights, NOT_THIS)


def _most_likely(model: CompiledModel, name: str, weights: Floats, at: Floats) -> Floats:
    """Set the most likely of the values of kappa or tau, or of every other one, in the model, and return the mode there."""
    tried = {}
    for k in range(len(weights) % 2, len(weights), 1 if len(weights) < _MANY else 2):
        model.give({name: _only(weights, k)})
        tried[k] = find_joint_mode(model.value_and_gradient, at)
    best = max(tried, key=lambda k: tried[k].evidence)
    model.give({name: _only(weights, best)})
    return tried[best].at


def starting_points(observed: Observed, alpha: Floats, near: Points) -> Points:
    """Return where to start: near the surrogate; all those silent gone; half of them slow instead."""
    found = [near]
    if any(link.silent for link in observed.links):
        found += [explained(observed, alpha, gone, stretch) for gone, stretch in ((1.0, 0.0), (0.5, 1.0), (0.05, 1.5))]
    logs, phi = (np.concatenate([getattr(points, part) for points in found]) for part in ("logs", "phi"))
    return Points(logs, phi, np.zeros(len(found), dtype=np.intp))


def near_draws(shares: Floats, phi: Floats) -> Points:
    """Return the middle of draws of shares (draw, persona, link) and dwell coordinates, as one point."""
    logs = np.median(np.log(np.maximum(shares, 1e-12)), axis=0, keepdims=True)
    return Points(logs, np.median(phi, axis=0, keepdims=True), np.zeros(1, dtype=np.intp))
