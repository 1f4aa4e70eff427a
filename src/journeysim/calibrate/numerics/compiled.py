"""Functions that numba compiles, once, and keeps on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile without the checks of Python's floats; what is compiled is kept on disk for the next process."""
    return cast("_Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))
