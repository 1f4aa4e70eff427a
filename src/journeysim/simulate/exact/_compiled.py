"""One typed door to numba: compiled functions keep their annotations, and every one is compiled the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

import numba

_LEAN: Final[dict[str, object]] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
_FREE: Final[dict[str, object]] = _LEAN | {"fastmath": {"reassoc", "contract", "nsz"}}
Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile without the interpreter lock; a division by zero gives inf, as in numpy, for the caller to check."""
    return cast("Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def lean(function: Function) -> Function:
    """Compile a part that makes no arrays: nothing is counted in and out, which costs more than the sums themselves."""
    return cast("Function", numba.njit(**_LEAN)(function))  # type: ignore[call-overload]


def summing(function: Function) -> Function:
    """Compile a sum whose terms may be added in any order, so that it runs in vector registers.

    The order is fixed at compile time: the same call gives the same bits whatever the number of threads.
    """
    return cast("Function", numba.njit(**_FREE)(function))  # type: ignore[call-overload]
