"""XES, the XML of process mining: streamed trace by trace; document types and entities are refused.

Attributes of an event are columns by their key; those of its trace are columns named `case:` and the key.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, final
from xml.parsers import expat

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.compressed import blocks

if TYPE_CHECKING:
    import duckdb

_VALUES: Final = frozenset({"string", "date", "int", "float", "boolean", "id"})
Row = dict[str, str]


def load_xes(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], table: str) -> tuple[str, ...]:
    """Read XES files into a table of texts, one row per event, and return its columns.

    Raises BadInput for a file that is not XML or not XES, and for one with a document type or entities: those can
    expand without end, or fetch other files.
    """
    columns: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "events.jsonl"
        with lines.open("w", encoding="utf-8") as stream:

            def keep(row: Row) -> None:
                columns.update(dict.fromkeys(row))
                stream.write(json.dumps(row) + "\n")

            for file in files:
                _parse(file, keep, several=len(files) > 1)
        if not columns:
            raise BadInput([Problem("E002", "no events: the log has no <event>", Place(str(files[0])))])
        wanted = [name for name in columns if name != "_file"]
        types = ", ".join(f"'{name.replace(chr(39), 2 * chr(39))}': 'VARCHAR'" for name in columns)
        source = lines.as_posix().replace("'", "''")
        connection.execute(
            f"CREATE TEMP TABLE {table} AS SELECT * FROM "  # noqa: S608 - quoted
            f"read_json('{source}', format='newline_delimited', columns={{{types}}})"
        )
    return tuple(wanted)


def _parse(file: Path, keep: Callable[[Row], None], *, several: bool) -> None:
    parser = expat.ParserCreate()
    _Handlers(file, keep, several=several).listen(parser)
    try:
        for block in blocks(file):
            parser.Parse(block, False)  # noqa: FBT003 - expat's own signature
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        message = f"not well-formed XML ({expat.ErrorString(error.code)})"
        raise BadInput([Problem("E004", message, Place(str(file), error.lineno, error.offset + 1))]) from None


@final
class _Handlers:
    """Keeps the trace and event being read; rows are passed on when their trace ends, so memory holds one trace."""

    def __init__(self, file: Path, keep: Callable[[Row], None], *, several: bool) -> None:
        self._file, self._keep = file, keep
        self._own: Row = {"_file": str(file)} if several else {}
        self._trace: Row = {}
        self._events: list[Row] = []
        self._open: list[str] = []
        self._parser: expat.XMLParserType | None = None

    def listen(self, parser: expat.XMLParserType) -> None:
        """Take what a parser finds."""
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        message = (
            "a document type or entity stands in this XES log; remove it (it can expand without end, or fetch files)"
        )
        line = self._parser.CurrentLineNumber if self._parser else 1
        raise BadInput([Problem("E019", message, Place(str(self._file), line))])

    def _start(self, tag: str, attributes: Row) -> None:
        name = tag.rpartition(":")[2]
        if not self._open and name != "log":
            raise BadInput([Problem("E004", f"not an XES log: it starts with <{tag}>", Place(str(self._file)))])
        if name == "event":
            self._events.append({})
        elif name in _VALUES and "key" in attributes and self._open:
            if self._open[-1] == "event" and self._events:
                self._events[-1][attributes["key"]] = attributes.get("value", "")
            elif self._open[-1] == "trace":
                self._trace[f"case:{attributes['key']}"] = attributes.get("value", "")
        self._open.append(name)

    def _end(self, _: str) -> None:
        if self._open.pop() == "trace":
            for event in self._events:
                self._keep(self._trace | event | self._own)
            self._trace, self._events = {}, []
