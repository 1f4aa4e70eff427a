"""YAML 1.2 with positions: the text of every scalar as written, and where each key and value stands.

Nothing is guessed here: `60%`, `no` and `on` stay text, and the field that receives them decides what they mean.
What the YAML of other readers would silently turn into something else (`010`, `12:30`, equal keys, merge keys) is a
problem with a place. Sizes are limited before anything is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from journeysim.errors import Place, Problem

FORMAT_VERSION: Final = 1
MAX_BYTES: Final = 10_000_000
MAX_VALUES: Final = 100_000
MAX_DEPTH: Final = 50
LEADING_ZERO: Final = re.compile(r"[+-]?0\d+(\.\d*)?")
CLOCK_TIME: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
TORN: Final = re.compile(r"\d{3}(?!\d)")
NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})

Tree = str | None | list["Tree"] | dict[str, "Tree"]
Step = str | int
Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Line and column from 1, and how many characters to underline."""

    line: int
    column: int
    width: int


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content as text, lists and mappings, with the marks of its keys and values."""

    file: str
    lines: tuple[str, ...]
    tree: Tree = None
    keys: dict[Steps, Mark] = field(default_factory=dict)
    values: dict[Steps, Mark] = field(default_factory=dict)

    def place(self, path: Steps, *, on_key: bool = False) -> Place:
        """Return where `path` stands, or the nearest part of it that exists.

        A scalar is underlined itself; a list or mapping by its key, and so is everything when `on_key` is set.
        """
        for length in range(len(path), -1, -1):
            head = path[:length]
            if head in self.values or head in self.keys:
                mark = self.mark(head, on_key=on_key)
                return self.place_of(mark)
        return Place(self.file, text=self.lines[0] if self.lines else "")

    def mark(self, path: Steps, *, on_key: bool) -> Mark:
        """Return the mark of an existing path."""
        value, key = self.values.get(path), self.keys.get(path)
        if value is not None and (key is None or (not on_key and value.width > 0)):
            return value
        return key or Mark(1, 1, 1)

    def place_of(self, mark: Mark) -> Place:
        """Return a mark as a place in this file."""
        text = self.lines[mark.line - 1] if 0 < mark.line <= len(self.lines) else ""
        return Place(self.file, mark.line, mark.column, max(1, mark.width), text)


@dataclass(slots=True)
class _Node:
    """A parsed value before its path is known; aliases share nodes."""

    mark: Mark
    text: str | None = None
    items: list[_Node] | None = None
    pairs: list[tuple[str, Mark, _Node]] | None = None


class _Stop(Exception):
    """Reading cannot go on."""

    def __init__(self, code: str, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.code, self.message, self.mark = code, message, mark


def load(path: Path, shown: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """Return the document of a file and its problems; no document when nothing can be said about the content."""
    text = read_text(path, shown)
    if isinstance(text, Problem):
        return None, (text,)
    return parse(text, shown)


def read_text(path: Path, shown: str) -> str | Problem:
    """Return the text of a file, or why it cannot be read (missing, too large, not UTF-8)."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            limit = f"larger than the limit of {MAX_BYTES // 1_000_000} MB"
            return Problem(
                "J002",
                f"{size:,} bytes: {limit}; a journey is written by hand, event logs go to `events`",
                Place(shown),
            )
        raw = path.read_bytes()
    except OSError as error:
        return Problem("J001", f"cannot be read: {error.strerror or error}", Place(shown))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        message = f"not UTF-8 at byte {error.start} (0x{raw[error.start]:02x}); save the file as UTF-8"
        return Problem("J003", message, Place(shown, line, column))


def parse(text: str, shown: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """Return the document of a text and its problems."""
    document = Document(shown, tuple(re.split(r"\r\n|\n|\r", text)))
    builder = _Builder(document)
    try:
        node = builder.read(text)
        tree = builder.expand(node, ())
    except _Stop as stop:
        return None, (*builder.problems, Problem(stop.code, stop.message, document.place_of(stop.mark)))
    return Document(shown, document.lines, tree, document.keys, document.values), tuple(builder.problems)


class _Builder:
    """One pass over the parser's events: nodes first, then paths."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Node] = {}
        self.count = 0
        self.expanded = 0

    def read(self, text: str) -> _Node:
        """Return the root node; raises _Stop."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            events = iter(YAML(typ="safe", pure=True).parse(text))
            return self._document(cast("Iterator[object]", events))
        except MarkedYAMLError as error:
            raise self._syntax(error) from error
        except YAMLError as error:
            at = getattr(error, "position", 0)
            line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
            raise _Stop(
                "J004", f"a character YAML does not allow: {text[at : at + 1]!r}", Mark(line, column, 1)
            ) from error

    def _syntax(self, error: object) -> _Stop:
        at = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (at.line + 1, at.column + 1) if at is not None else (1, 1)
        source = self.document.lines[line - 1] if line <= len(self.document.lines) else ""
        if source[: column - 1].strip() == "" and "\t" in source[: len(source) - len(source.lstrip())]:
            column = source.index("\t") + 1
            return _Stop("J005", "tabs cannot indent YAML; use spaces", Mark(line, column, 1))
        words = [getattr(error, name, None) for name in ("context", "problem")]
        return _Stop("J004", "not YAML: " + ", ".join(word for word in words if word), Mark(line, column, 1))

    def _document(self, events: Iterator[object]) -> _Node:
        root: _Node | None = None
        for event in events:
            kind = type(event).__name__
            if kind in {"StreamStartEvent", "DocumentEndEvent", "StreamEndEvent"}:
                continue
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise _Stop(
                        "J010",
                        'a second document starts here ("---"); write one file for each',
                        _mark(event, self.document),
                    )
                continue
            root = self._node(event, events, 0)
        if root is None or root.text in NULLS:
            raise _Stop("J010", "the file is empty", Mark(1, 1, 1))
        return root

    def _node(self, event: object, events: Iterator[object], depth: int) -> _Node:
        mark = _mark(event, self.document)
        self.count += 1
        if self.count > MAX_VALUES or depth > MAX_DEPTH:
            what = (
                f"more than {MAX_VALUES:,} values" if self.count > MAX_VALUES else f"nested more than {MAX_DEPTH} deep"
            )
            raise _Stop("J007", f"{what}; split the file", mark)
        kind = type(event).__name__
        anchor = getattr(event, "anchor", None)
        if kind == "AliasEvent":
            if anchor not in self.anchors:
                raise _Stop("J004", f'"*{anchor}" refers to nothing above it', mark)
            return self.anchors[anchor]
        if getattr(event, "tag", None) is not None:
            raise _Stop("J004", f"tags such as {getattr(event, 'tag', '')} are not read; remove it", mark)
        node = _Node(mark)
        if kind == "ScalarEvent":
            self._scalar(node, event)
        elif kind == "SequenceStartEvent":
            node.items = self._items(events, depth)
        else:
            node.pairs = self._pairs(events, depth)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _scalar(self, node: _Node, event: object) -> None:
        text, plain = str(getattr(event, "value", "")), not getattr(event, "style", None)
        node.text = None if plain and text in NULLS else text
        if plain and LEADING_ZERO.fullmatch(text):
            self._problem(
                "J008",
                f'"{text}" is ambiguous: YAML readers disagree on a leading zero; quote it or drop the zero',
                node.mark,
            )
        if plain and CLOCK_TIME.fullmatch(text):
            self._problem(
                "J009", f'clock times must be quoted (some YAML readers take {text} for a number): "{text}"', node.mark
            )

    def _items(self, events: Iterator[object], depth: int) -> list[_Node]:
        items = []
        while type(event := next(events)).__name__ != "SequenceEndEvent":
            items.append(self._node(event, events, depth + 1))
        return items

    def _pairs(self, events: Iterator[object], depth: int) -> list[tuple[str, Mark, _Node]]:
        pairs: dict[str, tuple[str, Mark, _Node]] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            name = self._key_name(key)
            if value.text is None and self._torn_number(name, key.mark, pairs):
                continue
            if name in pairs:
                first = pairs[name][1].line
                self._problem("J006", f'"{name}" is written twice (first on line {first}); keep one', key.mark)
            elif name == "<<":
                self._problem("J004", "merge keys (<<) are not YAML 1.2; write the settings out", key.mark)
            else:
                pairs[name] = (name, key.mark, value)
        return list(pairs.values())

    def _torn_number(self, name: str, mark: Mark, pairs: dict[str, tuple[str, Mark, _Node]]) -> bool:
        """Whether `name` is the second half of a number like 3,000, torn by the comma of `{…}`; if so, mend it."""
        last = next(reversed(pairs.values()), None)
        if last is None or last[2].text is None or not (TORN.match(name) and last[2].text[-1:].isdigit()):
            return False
        last[2].text = f"{last[2].text},{name}"
        self._problem("J011", f'inside braces a comma separates settings; quote the number: "{last[2].text}"', mark)
        return True

    def _key_name(self, key: _Node) -> str:
        if key.items is not None or key.pairs is not None:
            raise _Stop(
                "J004",
                "a key must be a word, not a list or mapping (write a text that starts with { or [ in quotes)",
                key.mark,
            )
        return "null" if key.text is None else key.text

    def _problem(self, code: str, message: str, mark: Mark) -> None:
        self.problems.append(Problem(code, message, self.document.place_of(mark)))

    def expand(self, node: _Node, path: Steps) -> Tree:
        """Return plain data and note every mark; aliases are written out, up to the limit."""
        self.expanded += 1
        if self.expanded > MAX_VALUES or len(path) > MAX_DEPTH:
            raise _Stop(
                "J007",
                f"more than {MAX_VALUES:,} values after its aliases are written out; write it without aliases",
                node.mark,
            )
        values, keys = self.document.values, self.document.keys
        if node.pairs is not None:
            values[path] = (
                node.pairs[0][1] if node.pairs and path not in keys else Mark(node.mark.line, node.mark.column, 0)
            )
            tree: dict[str, Tree] = {}
            for name, mark, child in node.pairs:
                keys[*path, name] = mark
                tree[name] = self.expand(child, (*path, name))
            return tree
        if node.items is not None:
            values[path] = Mark(node.mark.line, node.mark.column, 0)
            return [self.expand(child, (*path, index)) for index, child in enumerate(node.items)]
        values[path] = node.mark if node.text is not None else Mark(node.mark.line, node.mark.column, 0)
        return node.text


def _mark(event: object, document: Document) -> Mark:
    """Return where an event stands; an underline ends at the end of its first line."""
    start, end = event.start_mark, event.end_mark  # type: ignore[attr-defined]
    line = document.lines[start.line] if start.line < len(document.lines) else ""
    stop = end.column if end.line == start.line else len(line)
    return Mark(start.line + 1, start.column + 1, max(1, stop - start.column))
