"""The exact posterior of a touchpoint with open spells by PyMC's NUTS: the oracle of `silence.chains`, families told.

One model whose data are inputs, its density and gradient those of `silence.density`. The way uphill starts at several
explanations of the silences; the sampler moves in coordinates in which the best mode is round, its chains start at the
modes that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.numerics import pymc_adapter
from journeysim.calibrate.numerics.mixing import convergence
from journeysim.calibrate.numerics.pymc_adapter import Sampling, modules, quiet
from journeysim.calibrate.silence.density import value_and_gradients
from journeysim.calibrate.silence.mode import JointMode, find_joint_mode
from journeysim.calibrate.silence.points import Observed, Points, explained
from journeysim.calibrate.silence.target import JointTarget
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

#: A log density and its gradient by the first argument, of that and any number of arrays.
Density = Callable[..., tuple[float, Floats]]
_TARGET_ACCEPT: Final = 0.85
#: Enough for the gates on effective sizes.
#: Log weight of a value that is left out of a sum.
NOT_THIS: Final = -1e9
LEAST_DRAWS: Final = 1200
_CHAINS: Final = 4
_TUNE: Final = 200
_ROUNDS: Final = 3
_MATTERS: Final = 7.0
_APART: Final = 4.0
_MANY: Final = 10


def moved_value_and_gradient(z: Floats, moves: Floats, start: Floats, *inputs: Any) -> tuple[float, Floats]:
    """Return the log density at start + moves z, up to a constant, and its gradient by z."""
    value, gradients = value_and_gradients((start + moves @ z).reshape(1, -1), *inputs)
    return value, moves.T @ gradients[0]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Equally likely points, chain after chain, and the gates on their convergence."""

    points: Points
    gates: tuple[Gate, ...]


def sample_jointly(target: JointTarget, starts: Points, *, draws: int, seed: int, name: str) -> Sampled:
    """Return at least `draws` points; `starts` say where to begin. Tries again with more draws while gates fail."""
    size = target.size
    placed = {"moves": target.linear, "start": np.zeros(len(target.linear))}
    model = compile_model(moved_value_and_gradient, placed | dict(target.inputs), size)
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
    count = len(found.logs)
    values = np.concatenate([np.exp(found.logs).reshape(count, -1), found.phi.reshape(count, -1)], axis=1)
    by_chain = values.reshape(_CHAINS, -1, values.shape[1])
    where = f'"{name}" (open spells)'
    return (*convergence(where, by_chain), *pymc_adapter.health(run, f" at {where}"))


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


@final
@dataclass(frozen=True, slots=True, eq=False)
class CompiledModel:
    """A model of one free vector "z" whose data are inputs: made once, and used for any data."""

    _model: Any
    _function: Any
    width: int

    def give(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Set inputs; what the model says from now on is about these data."""
        for name, value in values.items():
            self._model[name].set_value(value)

    def value_and_gradient(self, z: Floats) -> tuple[float, Floats]:
        """Return the log density at z and its gradient, shape (width,)."""
        value, gradient = self._function([np.ascontiguousarray(z)], extra_vars={})
        return float(value), np.array(gradient)

    def sample(self, starts: Floats, *, draws: int, tune: int, seed: int) -> Sampling:
        """Sample by NUTS from every start, shape (chain, width), one chain after the other; numbers are per chain."""
        seeds = np.random.SeedSequence(seed).generate_state(len(starts))
        with quiet(), self._model:
            chains = [self._chain(start, own, draws, tune) for start, own in zip(starts, seeds.tolist(), strict=True)]
        values, diverging, energy = zip(*chains, strict=True)
        return Sampling({"z": np.stack(values)}, int(np.sum(diverging)), np.stack(energy))

    def _chain(self, start: Floats, seed: int, draws: int, tune: int) -> tuple[Floats, int, Floats]:
        pymc, _ = modules()
        point = {"z": start.copy()}
        step = pymc.NUTS(
            logp_dlogp_func=self._function, initial_point=point, target_accept=_TARGET_ACCEPT,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        values, energy, diverging = np.empty((draws, self.width)), np.empty(draws), 0
        for i in range(-tune, draws):
            if i == 0:
                step.stop_tuning()
            point, stats = step.step(point)
            if i >= 0:
                values[i], energy[i] = point["z"], stats[0]["energy"]
                diverging += bool(stats[0]["diverging"])
        return values, diverging, energy


def compile_model(density: Density, inputs: Mapping[str, NDArray[Any]], width: int) -> CompiledModel:
    """Return the model whose log density is `density`, a function of z and the inputs in their order.

    The inputs may be replaced later by others with as many dimensions. `density` brings its own gradient, so nothing
    is left for PyTensor to compile.
    """
    pymc, _ = modules()
    with quiet(), pymc.Model() as model:
        given = {name: _shared(model, name, value) for name, value in inputs.items()}
        z = pymc.Flat("z", shape=width, initval=np.zeros(width))
        pymc.Potential("density", _density_op(density)(z, *given.values())[0])
        function = model.logp_dlogp_function(
            ravel_inputs=True, initial_point={"z": np.zeros(width)}, mode="FAST_COMPILE"
        )
        function.trust_input = True
    return CompiledModel(model, function, width)


def _shared(model: Any, name: str, value: NDArray[Any]) -> Any:
    """Return an input of the model: like pymc.Data, but whole numbers stay 64 bits wide."""
    shared = import_module("pytensor").shared(value, name=name, shape=(None,) * value.ndim)
    model.register_data_var(shared)
    return shared


def _density_op(density: Density) -> Any:
    """Return the operation (z, inputs) -> (value, gradient by z); the value's derivative is the gradient."""
    _, tensor = modules()
    graph, grad_undefined = import_module("pytensor.graph"), import_module("pytensor.gradient").grad_undefined

    class DensityOp(graph.Op):  # type: ignore[misc, name-defined]
        __props__ = ()

        def make_node(self, *inputs: Any) -> Any:
            given = [tensor.as_tensor_variable(value) for value in inputs]
            return graph.Apply(self, given, [tensor.dscalar(), tensor.dvector()])

        def perform(self, _node: Any, inputs: Any, outputs: Any) -> None:
            value, gradient = density(*inputs)
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def L_op(self, inputs: Any, outputs: Any, gradients: Any) -> Any:  # noqa: N802
            unknown = [grad_undefined(self, i, value) for i, value in enumerate(inputs[1:], start=1)]
            return [gradients[0] * outputs[1], *unknown]

    return DensityOp()
