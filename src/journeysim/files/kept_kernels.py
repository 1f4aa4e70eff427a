"""When compiled code that is kept on disk is stale: as soon as anything changed that its source imports.

Numba looks at the file of the function alone, so after an update a function ran on with the parts it had been compiled
with, whatever had become of them in other modules.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, TypeVar, cast

Compiled = TypeVar("Compiled", bound=Callable[..., object])

_IMPORTS: Final = re.compile(r"^(?:from ([\w.]+) import (\([^)]*\)|.*)|import ([\w.]+))", re.MULTILINE)
_NAMES: Final = re.compile(r"\w+")


def kept(function: Compiled, how: Mapping[str, object]) -> Compiled:
    """Return the function as numba compiles it with these settings, kept on disk for as long as its sources are the same.

    Numba has no setting for that, so its own mark of a source is replaced. Where it compiles nothing
    (`NUMBA_DISABLE_JIT`) nothing is kept.
    """
    from numba import njit

    made = njit(**how)(function)  # type: ignore[call-overload]
    file = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if file is not None:
        file._source_stamp = (file._source_stamp, sources_digest(Path(inspect.getfile(function))))  # noqa: SLF001
    return cast("Compiled", made)


@cache
def sources_digest(file: Path) -> str:
    """Return the digest of a module and of all modules of its package that it imports, and these import, and so on."""
    found, waiting = set[Path](), [file]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += _imported(at)
    sums = hashlib.sha256()
    for source in sorted(found):
        sums.update(source.name.encode() + b"\0" + source.read_bytes())
    return sums.hexdigest()


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """Return the modules of the same package that a module imports at its top: compiled code uses no others."""
    package = next(above for above in file.parents if not (above / "__init__.py").exists())
    found = [name for line in _IMPORTS.finditer(file.read_text(encoding="utf-8")) for name in _named(line)]
    return tuple(dict.fromkeys(module for name in found if (module := _module(package, name)) is not None))


def _named(line: re.Match[str]) -> list[str]:
    """Return what may be a module in an import: the package, and each name taken from it."""
    whole = line[1] or line[3]
    return [whole, *(f"{whole}.{name}" for name in _NAMES.findall(line[2] or ""))]


def _module(package: Path, name: str) -> Path | None:
    place = package.joinpath(*name.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)
