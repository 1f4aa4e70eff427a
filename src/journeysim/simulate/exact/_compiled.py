"""One typed door to numba: compiled functions keep their annotations, and every one is compiled the same way."""

from __future__ import annotations

from typing import Final

from journeysim.files.kept_kernels import Compiled, kept

_PLAIN: Final[dict[str, object]] = {"cache": True, "nogil": True, "error_model": "numpy"}
_LEAN: Final = _PLAIN | {"_nrt": False}
_FREE: Final = _LEAN | {"fastmath": {"reassoc", "contract", "nsz"}}


def compiled(function: Compiled) -> Compiled:
    """Compile without the interpreter lock; a division by zero gives inf, as in numpy, for the caller to check."""
    return kept(function, _PLAIN)


def lean(function: Compiled) -> Compiled:
    """Compile a part that makes no arrays: nothing is counted in and out, which costs more than the sums themselves."""
    return kept(function, _LEAN)


def summing(function: Compiled) -> Compiled:
    """Compile a sum whose terms may be added in any order, so that it runs in vector registers.

    The order is fixed at compile time: the same call gives the same bits whatever the number of threads.
    """
    return kept(function, _FREE)
