"""Run folders: `reports/<name>-<hash>/`, written beside and moved in whole, never overwritten, never half there.

The hash stands for everything that decides the content (inputs, versions, options, seed), so an identical run is found
instead of repeated. A run is written in the project's own `.journeysim/staging` and renamed into place at the end: a
run that is killed, or a disk that is full, leaves nothing under `reports/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from journeysim.errors import BadInput, Place, Problem

PRIVATE: Final = ".journeysim"
DIGEST_LENGTH: Final = 10
LONGEST_SLUG: Final = 60
ABANDONED_AFTER: Final = 24 * 3600.0
RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)


def folder_name(name: str) -> str:
    """Return a folder name that every system accepts: lower-case ASCII letters, digits, `-` and `_`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:LONGEST_SLUG].strip("-_")
    if not text:
        return "run"
    return f"{text}-" if text in RESERVED else text


def digest_of(parts: Mapping[str, object]) -> str:
    """Return the hexadecimal SHA-256 of named parts (JSON values), whatever order they come in."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def run_name(name: str, digest: str) -> str:
    """Return the name of a run's folder: what it is about, and the first characters of its digest."""
    return f"{folder_name(name)}-{digest[:DIGEST_LENGTH]}"


def writable(project: Path, folder: Path, what: str) -> Path:
    """Return `folder`, absolute, ready to be written below; BadInput when writing there could leave the project.

    A folder outside the project and any symbolic link on the way from the project to it are refused: a link could lead
    anywhere by the time the files are written.
    """
    home = Path(os.path.abspath(project))  # noqa: PTH100 - resolve() would follow the links that are looked for
    target = Path(os.path.abspath(folder if folder.is_absolute() else home / folder))  # noqa: PTH100
    if not target.is_relative_to(home):
        raise _refused("J095", f"{what} must lie inside the project folder ({home}); {target} is outside of it", folder)
    for step in _steps(home, target):
        if step.is_symlink():
            message = f"{step} is a symbolic link, and results are never written through one; remove it or name another"
            raise _refused("J096", message, folder)
        if step.exists() and not step.is_dir():
            raise _refused("J097", f"{step} is a file; {what} needs a folder there", folder)
    return target


def _steps(home: Path, target: Path) -> Iterator[Path]:
    step = home
    for part in target.relative_to(home).parts:
        step /= part
        yield step


def _refused(code: str, message: str, folder: Path) -> BadInput:
    return BadInput([Problem(code, message, Place(str(folder), text=str(folder), width=len(str(folder))))])


def existing_run(folder: Path, name: str, digest: str) -> Path | None:
    """Return the folder of an identical run that is already there, or None."""
    found = folder / run_name(name, digest)
    return found if found.is_dir() else None


def write_run(project: Path, folder: Path, name: str, digest: str, write: Callable[[Path], None]) -> Path:
    """Write a run and return the folder it is in; whatever happens, there is all of it or nothing.

    Parameters
    ----------
    project : Path
        The project folder; the run is written below its `.journeysim/staging`.
    folder : Path
        Where runs are kept, as `writable` returned it.
    name, digest : str
        What the run is about, and the digest of all that decides its content.
    write : callable
        Makes the folder it is given, which does not exist yet, and fills it.

    Returns
    -------
    Path
        `<name>-<digest>`, with -2, -3, … after it where that is already taken.
    """
    staging = private_folder(project, "staging")
    _sweep(staging)
    work = staging / f"{run_name(name, digest)}.{uuid.uuid4().hex}"
    work.mkdir()
    try:
        inner = work / run_name(name, digest)
        write(inner)
        folder.mkdir(parents=True, exist_ok=True)
        return _move_in(inner, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def private_folder(project: Path, name: str) -> Path:
    """Return `.journeysim/<name>` of the project, made if need be, and kept out of version control."""
    folder = writable(project, Path(PRIVATE) / name, f"the {name} folder")
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder.parent / ".gitignore"
    if not marker.exists():
        write_whole(marker, b"*\n")
    return folder


def _move_in(work: Path, folder: Path) -> Path:
    """Rename a finished run to the first free name; onto a folder with content that fails, so nothing is replaced."""
    for number in itertools.count(1):
        target = folder / (work.name if number == 1 else f"{work.name}-{number}")
        if target.exists() or target.is_symlink():
            continue
        try:
            return work.rename(target)
        except OSError:
            # Another process has just put a run of the same name there (ENOTEMPTY, EEXIST or EACCES, by system).
            if not target.exists():
                raise
    raise AssertionError


def _sweep(staging: Path) -> None:
    """Remove what killed runs left long ago; a younger folder may belong to a run that is still going."""
    for left in staging.iterdir():
        with contextlib.suppress(OSError):
            if left.is_dir() and not left.is_symlink() and time.time() - left.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(left, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part; no temporary file is left behind."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
