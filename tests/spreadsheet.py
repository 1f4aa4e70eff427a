"""A second reader of money.xlsx: the cells from the file's XML, and the formulas worked out by a small evaluator."""

from __future__ import annotations

import re
import zipfile
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET  # the test's own file

import numpy as np

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TOKEN = re.compile(
    r"(?P<range>(?:\w+!)?\$?[A-Z]+\$?\d+:\$?[A-Z]+\$?\d+)|(?P<cell>(?:\w+!)?\$?[A-Z]+\$?\d+)|(?P<call>[A-Z]+(?=\())"
    r"|(?P<text>\"[^\"]*\")|(?P<number>\d+\.?\d*(?:E-?\d+)?)|(?P<op>[-+*/^(),]|>|<)"
)
CALLS = {
    "SUMPRODUCT": lambda *parts: float(np.sum(np.prod([np.asarray(part, float) for part in parts], axis=0))),
    "MAX": lambda part: float(np.max(part)),
    "IF": lambda test, yes, no: yes if test else no,
}


class Spreadsheet:
    """Inputs are read, formulas are worked out afresh; the values stored with them are kept apart."""

    def __init__(self, path: Path):
        with zipfile.ZipFile(path) as archive:
            book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
            texts = ET.fromstring(archive.read("xl/sharedStrings.xml"))  # noqa: S314
            self._texts = ["".join(part.itertext()) for part in texts]
            names = [item.get("name") for item in book.find(f"{SPACE}sheets")]
            sheets = [archive.read(f"xl/worksheets/sheet{k}.xml") for k in range(1, len(names) + 1)]
        self.inputs, self.formulas, self.stored = {}, {}, {}
        for name, content in zip(names, sheets, strict=True):
            for cell in ET.fromstring(content).iter(f"{SPACE}c"):  # noqa: S314
                self._keep(f"{name}!{cell.get('r')}", cell)
        self._known = {}

    def _keep(self, at, cell):
        value, formula = cell.find(f"{SPACE}v"), cell.find(f"{SPACE}f")
        text = "" if value is None else value.text or ""
        found = self._texts[int(text)] if cell.get("t") == "s" else text if cell.get("t") == "str" else float(text or 0)
        if formula is None:
            self.inputs[at] = found
        else:
            self.formulas[at], self.stored[at] = formula.text, found

    @cached_property
    def sheets(self):
        return list(dict.fromkeys(at.split("!")[0] for at in [*self.inputs, *self.formulas]))

    def set(self, at, value):
        self.inputs[at] = value
        self._known.clear()

    def value(self, at):
        if at not in self._known:
            self._known[at] = self._work_out(at) if at in self.formulas else self.inputs.get(at, 0.0)
        return self._known[at]

    def _work_out(self, at):
        sheet, words = at.split("!")[0], []
        for found in TOKEN.finditer(self.formulas[at]):
            kind, text = found.lastgroup, found.group()
            match kind:
                case "cell":
                    words.append(f"cell({self._full(text, sheet)!r})")
                case "range":
                    words.append(f"block({self._full(text, sheet)!r})")
                case _:
                    words.append("**" if text == "^" else text)
        names = {"cell": self._number, "block": self._block, **CALLS}
        # A spreadsheet's minus binds tighter than its power; the formulas here bracket whatever they negate.
        with np.errstate(all="ignore"):  # both branches of an IF are worked out, and one may divide by 0
            return eval("".join(words), {"__builtins__": {}}, names)  # noqa: S307 - the test's own file

    def _full(self, text, sheet):
        plain = text.replace("$", "")
        return plain if "!" in plain else f"{sheet}!{plain}"

    def _number(self, at):
        value = self.value(at)
        return value if isinstance(value, str) else np.float64(value)

    def _block(self, text):
        sheet, ends = text.split("!")
        first, last = ends.split(":")
        column = first.rstrip("0123456789")
        rows = range(int(first[len(column) :]), int(last[len(column) :]) + 1)
        return np.array([self.value(f"{sheet}!{column}{row}") for row in rows], float)
