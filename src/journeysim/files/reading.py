"""Reading one file to the end: every problem is noted, what is unreadable is set aside, and the rest is read on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, cast

from pydantic import ValidationError

from journeysim.errors import Place, Problem, Severity
from journeysim.files.file_model import SKIPPED, FileModel
from journeysim.files.shapes import Reading
from journeysim.files.yaml_positions import FORMAT_VERSION, Document, Steps, Tree

Loaded = tuple[Document | None, tuple[Problem, ...]]
Model = TypeVar("Model", bound=FileModel)
MAX_ROUNDS: Final = 50
#: Scalars that other YAML readers take for something else: whatever else is wrong with them follows from that.
AMBIGUOUS: Final = frozenset({"J008", "J009"})
ABOUT_KEYS: Final = frozenset({"J014", "J032", "J036", "J040", "J041", "J073", "E005"})
CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(slots=True)
class Source:
    """A file while it is read: its document, the problems so far, and the paths that were set aside."""

    document: Document
    problems: list[Problem] = field(default_factory=list)
    spoiled: set[Steps] = field(default_factory=set)

    def note(self, code: str, message: str, path: Steps, *, severity: Severity = "error") -> None:
        """Add a problem at a path."""
        self.add([Problem(code, message, severity=severity, path=path)])

    def add(self, problems: Iterable[Problem]) -> None:
        """Add problems with their place; those that only repeat something already set aside are dropped."""
        for problem in problems:
            if not any(_related(problem.path, path) for path in self.spoiled):
                self.problems.append(self.placed(problem))

    def placed(self, problem: Problem) -> Problem:
        """Return a problem with its place in this file."""
        return problem.at(self.document.place(problem.path, on_key=_about_a_name(problem)))

    def line_of(self, path: Steps) -> int:
        """Return the line a path stands on."""
        return self.document.place(path).line

    @property
    def structure_known(self) -> bool:
        """Whether names and links are complete, so that rules about the whole map make sense."""
        return not any(_structural(path) for path in self.spoiled)


def _about_a_name(problem: Problem) -> bool:
    """Whether the key of a problem's path is at fault rather than its value."""
    if problem.code in ABOUT_KEYS:
        return True
    inside = {"next", "audience", "enter", "enter by persona"}
    return problem.code in {"J043", "J047"} and bool(inside & set(problem.path[:-1]))


def _related(one: Steps, other: Steps) -> bool:
    """Whether one path lies inside the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _structural(path: Steps) -> bool:
    """Whether a path holds names or links of a map."""
    if path[:1] in {("touchpoints",), ("outcomes",)}:
        return len(path) <= 2 or "next" in path
    return len(path) <= 1 or path[0] in {"enter", "enter by persona", "personas"}


def open_source(loaded: Loaded) -> tuple[Source | None, tuple[Problem, ...]]:
    """Return a loaded file ready to be read, or the problems that stop it (unreadable, not YAML, a newer format)."""
    document, problems = loaded
    if document is None:
        return None, problems
    if not isinstance(document.tree, dict):
        found = Problem("J010", "a file of settings (name: value) is expected here", document.place(()))
        return None, (*problems, found)
    newer = _version_problem(document)
    if newer is not None and newer.code == "J012":
        return None, (newer,)
    return Source(document, [*problems, *([newer] if newer else [])]), ()


def _version_problem(document: Document) -> Problem | None:
    """Return what is wrong with `journeysim: 1`."""
    tree = document.tree
    written = tree.get("journeysim") if isinstance(tree, dict) else None
    if written == str(FORMAT_VERSION):
        return None
    if written is None:
        message = f'the first setting says which format the file has: write "journeysim: {FORMAT_VERSION}"'
        return Problem("J013", message, document.place(()))
    place = document.place(("journeysim",))
    if isinstance(written, str) and written.isdigit() and int(written) > FORMAT_VERSION:
        return Problem(
            "J012",
            f"made for a newer journeysim (format {written}; this one reads {FORMAT_VERSION}); update journeysim",
            place,
        )
    return Problem("J012", f'no format "{written}"; this journeysim reads format {FORMAT_VERSION}', place)


def currency_of(source: Source, reading: Reading) -> None:
    """Take the file's currency from its top, before any sum is read."""
    tree = source.document.tree
    written = tree.get("currency") if isinstance(tree, dict) else None
    if isinstance(written, str) and CURRENCY.fullmatch(written):
        reading.currency.code = written
    elif written is not None:
        source.note("J025", f'"{written}" is not a currency; write its three letters, for example EUR', ("currency",))


def validated(source: Source, model: type[Model], reading: Reading) -> Model:
    """Return the file's settings, without those that cannot be read; each of those is noted once."""
    tree = source.document.tree
    for _ in range(MAX_ROUNDS):
        try:
            return model.model_validate(tree, context=reading)
        except ValidationError as error:
            tree = _set_aside(source, error, tree)
    return cast("Model", model.model_construct())


def _set_aside(source: Source, error: ValidationError, tree: Tree) -> Tree:
    """Note what cannot be read, and return the tree without it."""
    spoiled: set[Steps] = set()
    for details in error.errors(include_url=False):
        path = tuple(details["loc"])
        source.note(details["type"], details["msg"], path)
        meant = details.get("ctx", {}).get("meant")
        if details["type"] != "J014":
            spoiled.add(path)
        elif meant:
            spoiled.add((*path[:-1], meant))
        tree = _without(tree, path)
    source.spoiled |= spoiled
    return tree


def _without(tree: Tree, path: Steps) -> Tree:
    """Return the tree without the deepest part of `path` that exists; a list keeps its length."""
    if isinstance(tree, dict) and path and path[0] in tree:
        name = str(path[0])
        child = tree[name]
        if len(path) > 1 and _has(child, path[1]):
            return tree | {name: _without(child, path[1:])}
        return {key: value for key, value in tree.items() if key != name}
    if isinstance(tree, list) and path and isinstance(path[0], int) and path[0] < len(tree):
        at = path[0]
        inside = len(path) > 1 and _has(tree[at], path[1])
        new = _without(tree[at], path[1:]) if inside else SKIPPED
        return [*tree[:at], new, *tree[at + 1 :]]  # type: ignore[list-item]  # the mark stands where a value stood
    return {}


def _has(tree: Tree, step: str | int) -> bool:
    if isinstance(tree, dict):
        return step in tree
    return isinstance(tree, list) and isinstance(step, int) and step < len(tree)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by file (in the order met), line and column, each said once, and without their consequences."""
    found = list(dict.fromkeys(replace(problem, path=()) for problem in problems))
    ambiguous: dict[Place, Problem] = {}
    for problem in found:
        if problem.code in AMBIGUOUS:
            ambiguous.setdefault(_place(problem), problem)
    kept = [problem for problem in found if ambiguous.get(_place(problem), problem) is problem]
    files = list(dict.fromkeys(_place(problem).file for problem in kept))
    return tuple(sorted(kept, key=lambda item: _key(item, files)))


def _key(problem: Problem, files: list[str]) -> tuple[int, int, int]:
    place = _place(problem)
    return files.index(place.file), place.line, place.column


def _place(problem: Problem) -> Place:
    return problem.place or Place("")
