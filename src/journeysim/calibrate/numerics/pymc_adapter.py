"""The one module that knows PyMC and PyTensor and their versions (PyMC 5 with ArviZ 0.x, PyMC 6 with ArviZ 1.x).

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
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.gates import BFMI_LIMIT, Gate, energy_bfmi
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread: matrices are small here, and a second thread only waits, at full cost.

    SciPy brings a library of its own, which has to be there to be held: loaded later, it would come with all its threads.
    """
    import_module("scipy.linalg")
    with import_module("threadpoolctl").threadpool_limits(limits=1):  # comes with PyMC
        yield


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


def _seeds(seed: int, chains: int) -> list[int]:
    return [int(word) for word in np.random.SeedSequence(seed % 2**64).generate_state(chains)]


def health(sampling: Sampling, where: str = "") -> tuple[Gate, ...]:
    """Return the gates on divergences and energy."""
    return (
        Gate(f"divergences{where}", float(sampling.divergences), 0.0),
        Gate(f"E-BFMI{where}", energy_bfmi(sampling.energy), BFMI_LIMIT, "at least"),
    )
