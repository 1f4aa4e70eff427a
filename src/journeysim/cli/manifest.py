"""The manifest of a run: what decided its content, as hashes, and how to do it again."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from journeysim.files.run_store import digest_of_file
from journeysim.files.versions import versions

SCHEMA: Final = "journeysim/manifest/1"


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
    customers: Mapping[str, object] | None, seconds: Mapping[str, float], command: str,
) -> dict[str, object]:  # fmt: skip
    """Return the manifest's content; timings stand here and nowhere else, so that results can be compared bytewise."""
    return {
        "schema": SCHEMA,
        "digest": digest,
        "command": command,
        "inputs": dict(inputs),
        "options": dict(options),
        "engine": {"name": engine[0], "why": engine[1]},
        "customers": customers and dict(customers),
        "versions": versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
