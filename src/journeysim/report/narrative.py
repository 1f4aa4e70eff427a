"""Sentences whose every number is bound to a table cell, and the check that they still say what the cells say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from string import Formatter
from typing import Final, final

from journeysim.errors import JourneysimError
from journeysim.report.numbers import Style, agrees, written
from journeysim.report.tables import Table
from journeysim.report.words import Language

Tables = Mapping[str, Table]
SAID: Final = "said"
_DIGIT: Final = re.compile(r"\d")


class UnboundNumber(JourneysimError):
    """A sentence holds a number that no table cell says; nothing is written."""


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """A reference to one table cell and how it is said: as it is, as a size without sign, or as a chance in words."""

    table: str
    row: int
    column: str
    style: Style = "plain"

    def __str__(self) -> str:
        return f"{self.table}|{self.row}|{self.column}|{self.style}"


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence: plain words (`cell` is None and no digits), or a cell's text."""

    text: str
    cell: Cell | None = None


@final
@dataclass(frozen=True, slots=True)
class Sentence:
    """Pieces in order."""

    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def sentence(key: str, tables: Tables, language: Language, **slots: Cell) -> Sentence:
    """Return a sentence of the catalogue with its slots filled from table cells, checked."""
    pieces = []
    for words, slot, _, _ in Formatter().parse(language[key]):
        if words:
            pieces.append(Piece(words))
        if slot is not None:
            pieces.append(Piece(said(slots[slot], tables, language), slots[slot]))
    made = Sentence(tuple(pieces))
    check(made, tables, language)
    return made


def said(cell: Cell, tables: Tables, language: Language) -> str:
    """Return the text of a cell."""
    item = tables[cell.table]
    return written(item.at(cell.row, cell.column), item.kind(cell.row, cell.column), language, cell.style)


def check(made: Sentence, tables: Tables, language: Language) -> None:
    """Raise UnboundNumber unless every number of the sentence says its cell."""
    for piece in made.pieces:
        check_piece(piece, tables, language)


def check_piece(piece: Piece, tables: Tables, language: Language) -> None:
    """Raise UnboundNumber when plain words hold a digit, or a bound text, read back, differs from its cell."""
    if piece.cell is None:
        if _DIGIT.search(piece.text):
            raise UnboundNumber(f'the words "{piece.text}" hold a number that is bound to no table cell')
        return
    cell = piece.cell
    item = tables.get(cell.table)
    if item is None or cell.row >= len(item.rows):
        raise UnboundNumber(f'"{piece.text}" is bound to {cell}, which does not exist')
    value, kind = item.at(cell.row, cell.column), item.kind(cell.row, cell.column)
    if not agrees(piece.text, value, kind, language, cell.style):
        raise UnboundNumber(f'"{piece.text}" is bound to {cell}, which holds {value}')


def check_page(page: str, tables: Tables, language: Language) -> int:
    """Return how many numbers in the sentences of a page are bound to cells; raise UnboundNumber when one is not.

    Sentences are the elements of class "said"; bound texts are their <span data-cell="table|row|column|style">.
    """
    reader = _Reader()
    reader.feed(page)
    for piece in reader.pieces:
        check_piece(piece, tables, language)
    return sum(piece.cell is not None for piece in reader.pieces)


@final
class _Reader(HTMLParser):
    """Collects the pieces of all sentences on a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[Piece] = []
        self._tag: str | None = None
        self._depth = 0
        self._cell: Cell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if self._tag is None:
            if SAID in found.get("class", "").split():
                self._tag, self._depth = tag, 1
            return
        self._depth += tag == self._tag
        if "data-cell" in found:
            self._cell = _cell(found["data-cell"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._cell = None
        self._depth -= tag == self._tag
        if self._depth == 0:
            self._tag = None

    def handle_data(self, data: str) -> None:
        if self._tag is not None and data:
            self.pieces.append(Piece(data, self._cell))


def _cell(text: str) -> Cell:
    name, row, column, style = text.split("|")
    known: Mapping[str, Style] = {"plain": "plain", "size": "size", "chance": "chance"}
    if style not in known or not row.isdigit():
        raise UnboundNumber(f'"{text}" names no table cell')
    return Cell(name, int(row), column, known[style])


def together(sentences: Iterable[Sentence]) -> Sentence:
    """Return several sentences as one paragraph."""
    pieces: list[Piece] = []
    for item in sentences:
        pieces += [Piece(" "), *item.pieces] if pieces else item.pieces
    return Sentence(tuple(pieces))
