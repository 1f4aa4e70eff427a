"""The manifest of a run: what decided its content, as hashes, and how to do it again."""

from __future__ import annotations

import hashlib
import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from journeysim.files.run_store import digest_of_file

SCHEMA: Final = "journeysim/manifest/1"
# Libraries whose release could change a digit of a result.
DECISIVE: Final = (
    "numpy", "scipy", "xarray", "pandas", "h5netcdf", "numba", "pymc", "arviz", "matplotlib", "jinja2", "duckdb",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the releases that decide a run's content; journeysim's own carries a hash of its code."""
    own = f"{_release('journeysim')}+{_own_code()[:10]}"
    return {"journeysim": own, "python": platform.python_version()} | {name: _release(name) for name in DECISIVE}


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


def input_hashes(files: Iterable[Path], project: Path) -> dict[str, str]:
    """Return the SHA-256 of each input by its path as seen from the project folder."""
    return {shown(file, project): digest_of_file(file) for file in sorted(set(files))}


def files_in(path: Path) -> tuple[Path, ...]:
    """Return a file, or the regular files that lie directly in a folder."""
    if path.is_dir():
        return tuple(sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")))
    return (path,)


def shown(file: Path, project: Path) -> str:
    """Return a path as seen from the project folder, with forward slashes; outside of it only the name."""
    whole = file.absolute()
    return whole.relative_to(project).as_posix() if whole.is_relative_to(project) else whole.name


def command_line(arguments: Sequence[str]) -> str:
    """Return a command that can be pasted into a shell."""
    return shlex.join(["journeysim", *arguments])


def manifest(
    *, digest: str, inputs: Mapping[str, str], options: Mapping[str, object], engine: tuple[str, str],
    seconds: Mapping[str, float], command: str,
) -> dict[str, object]:  # fmt: skip
    """Return the manifest's content; timings stand here and nowhere else, so that results can be compared bytewise."""
    return {
        "schema": SCHEMA,
        "digest": digest,
        "command": command,
        "inputs": dict(inputs),
        "options": dict(options),
        "engine": {"name": engine[0], "why": engine[1]},
        "versions": versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
