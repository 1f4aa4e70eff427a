"""Paths written in a scenario file: relative to it, and never outside its project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from journeysim.files.numbers import UnreadableError

PROJECT_MARKS: Final = ("pyproject.toml", ".git", ".journeysim")


def project_folder(file: Path) -> Path:
    """Return the nearest folder around a file that is marked as a project, or else the one two levels above its folder.

    Two levels, because a project has `scenarios/<name>/` beside `calibration/<name>/`.
    """
    folder = file.resolve().parent
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in PROJECT_MARKS):
            return candidate
    return folder.parent.parent


def inside(written: str, file: Path, what: str) -> Path:
    """Return a written path as an absolute one, links followed.

    Raises UnreadableError when it lies outside the project, or does not exist.
    """
    if "\x00" in written:
        raise UnreadableError("J051", f"{what}: a path cannot hold a zero byte")
    root = project_folder(file)
    found = (file.resolve().parent / written).resolve()
    if not found.is_relative_to(root):
        cure = "copy it into the project, or mark the folder around both with an empty .journeysim"
        raise UnreadableError("J050", f'{what} "{written}" is outside the project folder "{root.name}"; {cure}')
    if not found.exists():
        raise UnreadableError("J051", f'{what} "{written}" does not exist (looked in "{_near(found, root)}")')
    return found


def _near(found: Path, root: Path) -> str:
    """Return the folder looked in, as seen from the project."""
    return Path(os.path.relpath(found.parent, root.parent)).as_posix()


def beside(written: str, shown: str) -> str:
    """Return how problems call a file that another one names."""
    return os.path.normpath(Path(shown).parent / written)


def slug(text: str) -> str:
    """Return a name that is safe in paths and addresses: lower-case letters, digits, - and _."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "scenario"


def scenario_name(path: Path) -> str:
    """Return the name of a scenario: its folder's when the file is called scenario.yaml, else the file's."""
    return slug(path.resolve().parent.name if path.stem == "scenario" else path.stem)
