"""Functions that numba compiles, once, and keeps on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])
_INNER: Final = {
    "cache": True, "nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip


def compiled(function: _Function) -> _Function:
    """Compile without the checks of Python's floats; what is compiled is kept on disk for the next process."""
    return cast("_Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_inner(function: _Function) -> _Function:
    """Compile likewise, but callable from compiled code only: nothing that Python would call has to be made and optimised."""
    return cast("_Function", numba.njit(**_INNER)(function))  # type: ignore[call-overload]


def compiled_into(function: _Function) -> _Function:
    """Compile as a part of its one caller: alone, it and all that it calls would be optimised once more."""
    return cast("_Function", numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")(function))
