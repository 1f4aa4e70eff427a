"""Functions that numba compiles, once, and keeps on disk for the next process."""

from __future__ import annotations

from typing import Final

from journeysim.files.kept_kernels import Compiled, kept

#: Nothing is called from C, which would be made and optimised for every function. `_nrt` counts who holds an array; it is
#: said outright, for a part would take after whoever called it first.
_PLAIN: Final[dict[str, object]] = {
    "cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": True
}  # fmt: skip
_INNER: Final = {"no_cpython_wrapper": True}
_LEAN: Final = _PLAIN | {"_nrt": False}


def compiled(function: Compiled) -> Compiled:
    """Compile without the checks of Python's floats; what is compiled is kept on disk for the next process."""
    return kept(function, _PLAIN)


def compiled_inner(function: Compiled) -> Compiled:
    """Compile likewise, but callable from compiled code only: nothing that Python would call has to be made and optimised."""
    return kept(function, _PLAIN | _INNER)


def compiled_into(function: Compiled) -> Compiled:
    """Compile as a part of its one caller: alone, it and all that it calls would be optimised once more."""
    return kept(function, _PLAIN | {"inline": "always"})


def compiled_in_line(function: Compiled) -> Compiled:
    """Compile for use within loops of compiled code: what calls it has its instructions, so that a loop takes many at a time."""
    return kept(function, _PLAIN | _INNER | {"forceinline": True})


def lean(function: Compiled) -> Compiled:
    """Compile what makes no arrays: nobody counts who holds those it is given, which of dozens takes as long as all else.

    Numba refuses to compile it where it makes or returns one.
    """
    return kept(function, _LEAN)


def lean_inner(function: Compiled) -> Compiled:
    """Compile likewise, but callable from compiled code only."""
    return kept(function, _LEAN | _INNER)
