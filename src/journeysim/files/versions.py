"""What decides a digit of a result beside its input: the releases of libraries, and journeysim's own code."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

# Libraries whose release could change a digit of a result.
DECISIVE: Final = (
    "numpy", "scipy", "xarray", "pandas", "h5netcdf", "numba", "pymc", "arviz", "matplotlib", "jinja2", "duckdb",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the releases that decide a run's content; journeysim's own carries a hash of its code."""
    own = f"{_release('journeysim')}+{_own_code()[:10]}"
    return {"journeysim": own, "python": platform.python_version()} | {name: _release(name) for name in DECISIVE}


@cache
def _release(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


#: Kinds of files in the package that decide what a run writes.
OWN: Final = ("*.py", "*.html*", "*.css", "*.js", "*.toml")


@cache
def _own_code() -> str:
    """Return the digest of the package's own source, so that an edited checkout is never taken for the release."""
    package = Path(__file__).parents[1]
    sums = hashlib.sha256()
    for file in sorted(file for kind in OWN for file in package.rglob(kind)):
        sums.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return sums.hexdigest()
