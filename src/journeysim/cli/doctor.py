"""`journeysim doctor`: versions, backends, and whether this place can be written to."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, final

import click

from journeysim.cli.screen import say
from journeysim.cli.verb import Verb, json_option, write_json

LIBRARIES: Final = (
    "numpy", "scipy", "xarray", "pandas", "h5netcdf", "numba", "pymc", "arviz", "ruamel.yaml", "pydantic", "click",
    "rich", "jinja2", "matplotlib", "duckdb",
)  # fmt: skip
PURPOSE: Final = {
    "numba": "the compiled walk",
    "pymc": "calibration with silent exits",
    "arviz": "needed by pymc",
    "duckdb": "event logs",
    "matplotlib": "the report's figures",
}


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, what was found, and whether that is as it should be."""

    name: str
    found: str
    good: bool


@click.command("doctor", cls=Verb)
@json_option
def command(*, as_json: bool) -> None:
    """Say which versions and backends are here, and whether results can be written. Changes nothing."""
    found = findings()
    width = max(len(item.name) for item in found)
    for item in found:
        mark, style = ("ok ", "") if item.good else ("BAD", "bold red")
        say(f"{mark}  {item.name:<{width}}  {item.found}", style=style)
    bad = [item.name for item in found if not item.good]
    say("Everything is as it should be." if not bad else f"Look at: {', '.join(bad)}", style="bold")
    if as_json:
        rows = [{"name": item.name, "found": item.found, "good": item.good} for item in found]
        write_json("doctor", {"good": not bad, "findings": rows})
    if bad:
        raise click.exceptions.Exit(1)


def findings() -> list[Finding]:
    """Return everything looked at."""
    machine = f"{platform.system()} {platform.machine()}"
    return [
        Finding("journeysim", version("journeysim"), good=True),
        Finding("python", f"{platform.python_version()} on {machine}", sys.version_info >= (3, 11)),
        Finding("processors", str(os.cpu_count() or 1), good=True),
        *map(_library, LIBRARIES),
        *_places(),
    ]


def _library(name: str) -> Finding:
    use = f", {PURPOSE[name]}" if name in PURPOSE else ""
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Finding(name, f"missing{use}: install journeysim again", good=False)
    importable = find_spec(name) is not None
    return Finding(name, f"{installed}{use}" if importable else f"{installed} cannot be imported{use}", importable)


def _places() -> list[Finding]:
    """Return whether the folders that a run writes to can be written; nothing is left in them."""
    from journeysim.cli.project import marked_project

    project = marked_project(Path.cwd()) or Path.cwd()
    named = (
        ("reports", project / "reports"),
        ("cache", project / ".journeysim" / "cache"),
        ("numba cache", Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent)),
    )
    return [_place(name, folder) for name, folder in named]


def _place(name: str, folder: Path) -> Finding:
    there = next(above for above in (folder, *folder.parents) if above.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        # Numba falls back to a cache of its own in the user's folder, so its place is told but is no fault.
        return Finding(name, f"{folder}: {error.strerror}", good=name == "numba cache")
    return Finding(name, f"{folder}" if there == folder else f"{folder} (will be made)", good=True)
