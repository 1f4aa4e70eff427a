"""Functions that numba compiles, once, and keeps on disk for the next process."""

from __future__ import annotations

from typing import Final

from journeysim.files.kept_kernels import Compiled, kept

_PLAIN: Final[dict[str, object]] = {"cache": True, "nogil": True, "error_model": "numpy"}
_INNER: Final = _PLAIN | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Compiled) -> Compiled:
    """Compile without the checks of Python's floats; what is compiled is kept on disk for the next process."""
    return kept(function, _PLAIN)


def compiled_inner(function: Compiled) -> Compiled:
    """Compile likewise, but callable from compiled code only: nothing that Python would call has to be made and optimised."""
    return kept(function, _INNER)


def compiled_into(function: Compiled) -> Compiled:
    """Compile as a part of its one caller: alone, it and all that it calls would be optimised once more."""
    return kept(function, _PLAIN | {"inline": "always"})


def compiled_in_line(function: Compiled) -> Compiled:
    """Compile for use within loops of compiled code: what calls it has its instructions, so that a loop takes many at a time."""
    return kept(function, _INNER | {"forceinline": True})
