"""The one module that knows PyMC, PyTensor and ArviZ and their versions (PyMC 5 with ArviZ 0.x, PyMC 6 with ArviZ 1.x).

PyTensor compiles through numba, so no C++ compiler is needed; nothing of theirs reaches the user's terminal.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.gates import BFMI_LIMIT, ESS_LIMIT, RHAT_LIMIT, Gate, energy_bfmi
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    from types import ModuleType

_TARGET_ACCEPT: Final = 0.85
_LOGGERS: Final = ("pymc", "pytensor", "pytensor.configdefaults", "arviz")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """What a sampler run leaves: values by name, shape (chain, draw, …), divergences, and energy (chain, draw)."""

    values: Mapping[str, Floats]
    divergences: int
    energy: Floats


#: A log density and its gradient by the first argument, of that and any number of arrays.
Density = Callable[..., tuple[float, Floats]]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the samplers' log lines and import-time warnings from the user (the missing C++ compiler among them)."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def modules() -> tuple[ModuleType, ModuleType]:
    """Return (pymc, pytensor.tensor), imported without a C++ compiler and without a word."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "cxx=" not in flags:
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [flags, "cxx="]))
    try:
        with quiet():
            import pymc
            import pytensor
    finally:
        os.environ["PYTENSOR_FLAGS"] = flags
        if not flags:
            del os.environ["PYTENSOR_FLAGS"]
    return pymc, pytensor.tensor


def versions() -> dict[str, str]:
    """Return the versions of the libraries that the posterior depends on."""
    return {name: version(name) for name in ("pymc", "pytensor", "arviz", "numpy", "scipy")}


def sample(
    build: Callable[[ModuleType, ModuleType], None], *, draws: int, tune: int, chains: int, seed: int
) -> Sampling:
    """Sample the model that `build(pymc, tensor)` writes, by NUTS, one chain after the other.

    `draws` and `tune` are per chain. The result depends on (model, seed, versions) only.
    """
    pymc, tensor = modules()
    with quiet():
        with pymc.Model() as model:
            build(pymc, tensor)
            trace = pymc.sample(
                draws, tune=tune, chains=chains, cores=1, random_seed=_seeds(seed, chains), progressbar=False,
                compute_convergence_checks=False, return_inferencedata=False, compile_kwargs={"mode": "NUMBA"},
                target_accept=_TARGET_ACCEPT,
            )  # fmt: skip
        names = [variable.name for variable in model.free_RVs]
    return Sampling(
        {name: np.stack(trace.get_values(name, combine=False)) for name in names},
        int(np.sum(trace.get_sampler_stats("diverging"))),
        np.stack(trace.get_sampler_stats("energy", combine=False)).reshape(chains, draws),
    )


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
        seeds = _seeds(seed, len(starts))
        with quiet(), self._model:
            chains = [self._chain(start, own, draws, tune) for start, own in zip(starts, seeds, strict=True)]
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


def _shared(model: Any, name: str, value: NDArray[Any]) -> Any:  # noqa: ANN401  PyTensor has no types to name
    """Return an input of the model: like pymc.Data, but whole numbers stay 64 bits wide."""
    shared = import_module("pytensor").shared(value, name=name, shape=(None,) * value.ndim)
    model.register_data_var(shared)
    return shared


def _density_op(density: Density) -> Any:  # noqa: ANN401
    """Return the operation (z, inputs) -> (value, gradient by z); the value's derivative is the gradient."""
    _, tensor = modules()
    graph, grad_undefined = import_module("pytensor.graph"), import_module("pytensor.gradient").grad_undefined

    class DensityOp(graph.Op):  # type: ignore[misc, name-defined]
        __props__ = ()

        def make_node(self, *inputs: Any) -> Any:  # noqa: ANN401
            given = [tensor.as_tensor_variable(value) for value in inputs]
            return graph.Apply(self, given, [tensor.dscalar(), tensor.dvector()])

        def perform(self, _node: Any, inputs: Any, outputs: Any) -> None:  # noqa: ANN401
            value, gradient = density(*inputs)
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def L_op(self, inputs: Any, outputs: Any, gradients: Any) -> Any:  # noqa: ANN401, N802
            unknown = [grad_undefined(self, i, value) for i, value in enumerate(inputs[1:], start=1)]
            return [gradients[0] * outputs[1], *unknown]

    return DensityOp()


def _seeds(seed: int, chains: int) -> list[int]:
    return [int(word) for word in np.random.SeedSequence(seed % 2**64).generate_state(chains)]


def convergence(name: str, values: Floats) -> tuple[Gate, ...]:
    """Return the gates on R-hat and on bulk and tail ESS, worst component; `values` has shape (chain, draw, k)."""
    moving = values[..., np.ptp(values, axis=(0, 1)) > 0]
    if moving.shape[-1] == 0:
        return ()
    arviz = _arviz()
    with quiet():
        rhat = np.max(_figure(arviz.rhat({"x": moving})))
        bulk = np.min(_figure(arviz.ess({"x": moving}, method="bulk")))
        tail = np.min(_figure(arviz.ess({"x": moving}, method="tail")))
    return (
        Gate(f"R-hat of {name}", float(rhat), RHAT_LIMIT),
        Gate(f"bulk ESS of {name}", float(bulk), ESS_LIMIT, "at least"),
        Gate(f"tail ESS of {name}", float(tail), ESS_LIMIT, "at least"),
    )


def health(sampling: Sampling, where: str = "") -> tuple[Gate, ...]:
    """Return the gates on divergences and energy."""
    return (
        Gate(f"divergences{where}", float(sampling.divergences), 0.0),
        Gate(f"E-BFMI{where}", energy_bfmi(sampling.energy), BFMI_LIMIT, "at least"),
    )


def _arviz() -> ModuleType:
    with quiet():
        return import_module("arviz")


def _figure(answer: Any) -> Floats:  # noqa: ANN401  a Dataset in ArviZ 0.x, a DataTree in 1.x
    """Return the values that ArviZ computed for "x"."""
    return np.asarray(answer["x"], dtype=np.float64)
