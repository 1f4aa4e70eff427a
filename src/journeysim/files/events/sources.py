"""Where events come from: one file or a folder of them, in which form, with which columns, as the database reads them."""

from __future__ import annotations

import csv
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, final

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.compressed import blocks, require_sane_zst

if TYPE_CHECKING:
    import duckdb

Form = Literal["CSV", "JSON lines", "Parquet", "XES"]
_FORMS: Final[dict[str, Form]] = {
    ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV", ".parquet": "Parquet", ".pq": "Parquet",
    ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".json": "JSON lines", ".xes": "XES",
}  # fmt: skip
_PACKED: Final = (".gz", ".zst")
_DELIMITERS: Final = ",;\t|"
_NEVER: Final = "\x01"  # no text holds it: as a delimiter it keeps a line whole


@final
@dataclass(frozen=True, slots=True)
class Source:
    """Files of one form with the same columns. `types` are the database's types of the columns, in their order.

    `first` is the line of the first row of a file where its rows are lines, and None where they are not. `row` is the
    expression of a row's number, from 0 over all files; `rows` how many there are, where a file says so by itself.
    """

    path: Path
    files: tuple[Path, ...]
    form: Form
    columns: tuple[str, ...]
    types: tuple[str, ...]
    scan: str
    first: int | None = None
    row: str = "(row_number() OVER () - 1)"
    rows: int | None = None

    def type_of(self, column: str) -> str:
        """Return the database's type of a column."""
        return self.types[self.columns.index(column)]

    def where(self, row: int, file: str = "") -> str:
        """Return how people find a row: "line 3" of a file of lines, "row 2" elsewhere; with the file where several."""
        place = f"row {row + 1}" if self.first is None else f"line {row + self.first}"
        return f"{Path(file).name} {place}" if len(self.files) > 1 else place


def form_of(file: Path) -> Form | None:
    """Return the form of a file by its name, or None where the name says nothing."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    last = suffixes[-2] if packed and len(suffixes) > 1 else suffixes[-1] if suffixes and not packed else ""
    found = _FORMS.get(last)
    return None if packed and found == "Parquet" else found


def files_at(path: str | Path) -> tuple[Path, ...]:
    """Return the log's files: the one named, those of a folder, or those a pattern matches; in the order of names."""
    named = Path(path)
    if named.is_dir():
        return _some([file for file in sorted(named.iterdir()) if file.is_file() and form_of(file)], named)
    if not named.is_file() and re.search(r"[*?\[]", named.name):
        return _some(sorted(file for file in named.parent.glob(named.name) if file.is_file()), named)
    if not named.is_file():
        raise BadInput([Problem("E001", f"there is no file {named}", Place(str(named)))])
    return (named,)


def _some(files: Sequence[Path], named: Path) -> tuple[Path, ...]:
    if not files:
        forms = ", ".join(sorted(_FORMS))
        raise BadInput([Problem("E001", f"{named} holds no event log ({forms}, also .gz, .zst)", Place(str(named)))])
    return tuple(files)


def source_of(connection: duckdb.DuckDBPyConnection, path: str | Path) -> Source:
    """Return the log at a path, ready to be read; BadInput when it is missing, empty, or no table."""
    files = files_at(path)
    problems = [Problem("E002", "the file is empty: no events", Place(str(file))) for file in files if _empty(file)]
    forms = {form_of(file) or "CSV" for file in files}
    if len(forms) > 1:
        message = f"{path} holds files of several forms ({', '.join(sorted(forms))}); keep one"
        problems.append(Problem("E016", message, Place(str(path))))
    if problems:
        raise BadInput(problems)
    made = {"CSV": _csv, "JSON lines": _json, "Parquet": _parquet, "XES": _xes}[forms.pop()]
    return made(connection, Path(path), files)


def columns_of(path: str | Path) -> tuple[str, ...]:
    """Return the columns of a log; none where it cannot be read, so that its reader says why."""
    import duckdb

    try:
        file = files_at(path)[0]
        with duckdb.connect() as connection:
            if form_of(file) == "Parquet":
                return _described(connection, [file], f"read_parquet({_listed([file])})")[0]
            return _names(_first_line(connection, file), file) if form_of(file) in {"CSV", None} else ()
    except BadInput:
        return ()


def _described(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], scan: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names and types of a scan's columns."""
    rows = query(connection, files[0], f"DESCRIBE SELECT * FROM {scan}")  # noqa: S608 - quoted
    return tuple(str(row[0]) for row in rows), tuple(str(row[1]) for row in rows)


def _empty(file: Path) -> bool:
    return file.stat().st_size == 0


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, files: tuple[Path, ...]) -> Source:
    described = [_described(connection, [file], f"read_parquet({_listed([file])})") for file in files]
    _require_same(files, [names for names, _ in described])
    counts = [
        int(query(connection, file, f"SELECT sum(num_rows) FROM parquet_file_metadata({_listed([file])})")[0][0] or 0)  # noqa: S608
        for file in files
    ]
    before = zip(files, (sum(counts[:k]) for k in range(len(counts))), strict=True)
    offsets = "".join(f" WHEN '{escaped(file.as_posix())}' THEN {rows}" for file, rows in before)
    row = "file_row_number" if len(files) == 1 else f"(file_row_number + CASE _file{offsets} END)"
    scan = f"read_parquet({_listed(files)}, union_by_name=true, file_row_number=true{_filename(files)})"
    return Source(path, files, "Parquet", *described[0], scan, None, row, sum(counts))


def _csv(connection: duckdb.DuckDBPyConnection, path: Path, files: tuple[Path, ...]) -> Source:
    closed = [_require_closed_quotes(connection, file) for file in files]
    firsts = [_first_line(connection, file) for file in files]
    columns = [_names(line, file) for line, file in zip(firsts, files, strict=True)]
    _require_same(files, columns)
    types = ", ".join(f"'{escaped(name)}': 'VARCHAR'" for name in columns[0])
    scan = (
        f"read_csv({_listed(files)}, auto_detect=false, header=true, delim='{escaped(_delimiter(firsts[0]))}', "
        f"quote='\"', escape='\"', columns={{{types}}}, strict_mode=true, nullstr='', parallel=false{_filename(files)})"
    )
    one_line_rows = all(closed)
    return Source(path, files, "CSV", columns[0], ("VARCHAR",) * len(columns[0]), scan, 2 if one_line_rows else None)


def _json(connection: duckdb.DuckDBPyConnection, path: Path, files: tuple[Path, ...]) -> Source:
    for file in files:
        _require_sane(file)
    columns, _ = _described(
        connection, files, f"read_json({_listed(files)}, format='newline_delimited', records=true, union_by_name=true)"
    )
    types = ", ".join(f"'{escaped(name)}': 'VARCHAR'" for name in columns)
    scan = f"read_json({_listed(files)}, format='newline_delimited', columns={{{types}}}{_filename(files)})"
    return Source(path, files, "JSON lines", columns, ("VARCHAR",) * len(columns), scan, 1)


def _xes(connection: duckdb.DuckDBPyConnection, path: Path, files: tuple[Path, ...]) -> Source:
    from journeysim.files.events.xes import load_xes

    columns = load_xes(connection, files, "xes")
    return Source(path, files, "XES", columns, ("VARCHAR",) * len(columns), "xes")


def _require_same(files: Sequence[Path], columns: Sequence[tuple[str, ...]]) -> None:
    problems = []
    for file, names in zip(files[1:], columns[1:], strict=True):
        if names != columns[0]:
            odd = sorted(set(names) ^ set(columns[0]))
            what = f"differ in {', '.join(odd)}" if odd else "stand in another order"
            message = f"its columns and those of {files[0].name} {what}; the files of one log have the same columns"
            problems.append(Problem("E016", message, Place(str(file))))
    if problems:
        raise BadInput(problems)


def _names(line: str, file: Path) -> tuple[str, ...]:
    if "\r" in line:
        message = (
            "its lines end with a carriage return alone, or one stands in a name of a column; save it with line feeds"
        )
        raise BadInput([Problem("E004", message, Place(str(file)))])
    names = [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    if not any(names):
        message = "the first line is blank; the names of the columns stand there"
        raise BadInput([Problem("E004", message, Place(str(file)))])
    lower = [name.lower() for name in names]
    repeated = sorted({name for name in names if lower.count(name.lower()) > 1})
    if repeated:
        what = "appears twice" if len(repeated) == 1 else "differ in upper and lower case only; rename one"
        columns = f"{'column' if len(repeated) == 1 else 'columns'} {', '.join(repeated)}"
        raise BadInput([Problem("E003", f"{columns} {what}", Place(str(file), text=line))])
    return tuple(names)


def _delimiter(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=lambda mark: (bare.count(mark), -_DELIMITERS.index(mark)))


def _first_line(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    if file.suffix.lower() == ".zst":
        rows = query(connection, file, f"SELECT line FROM {_lines(file)} LIMIT 1")  # noqa: S608 - quoted
        return str(rows[0][0]).removeprefix("\ufeff") if rows else ""
    try:
        line = next(blocks(file), b"").split(b"\n", 1)[0]
        return line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save it as UTF-8"
        raise BadInput([Problem("E004", message, Place(str(file)))]) from None


def _lines(file: Path) -> str:
    """Return the scan of a compressed text file as whole lines."""
    return (
        f"read_csv({_listed([file])}, auto_detect=false, header=false, delim='{_NEVER}', quote='', escape='', "
        "columns={'line': 'VARCHAR'})"
    )  # fmt: skip


def _require_closed_quotes(connection: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Raise BadInput when a quote never closes: duckdb would take the rest of the file for one text, or for nothing.

    Returns whether every row is one line: no text goes over several.
    """
    if file.suffix.lower() == ".zst":
        require_sane_zst(file)
        counted = f"SELECT length(line) - length(replace(line, '\"', '')) AS quotes FROM {_lines(file)}"  # noqa: S608
        total, odd = query(connection, file, f"SELECT sum(quotes), sum(quotes % 2) FROM ({counted})")[0]  # noqa: S608
        opened = -1 if (total or 0) % 2 else 0
        one_line_rows = not odd
    else:
        opened, one_line_rows = _opened(file) if _has_quote(file) else (0, True)
    if opened:
        on = f" that opens on line {opened}" if opened > 0 else ""
        message = f"the quote{on} never closes"
        raise BadInput([Problem("E007", message, Place(str(file), max(opened, 1)))])
    return one_line_rows


def _has_quote(file: Path) -> bool:
    if file.suffix.lower() == ".gz":
        return any(b'"' in block for block in blocks(file))
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b'"') >= 0  # a quarter of the time that reading it takes


def _opened(file: Path) -> tuple[int, bool]:
    """Return the line of a quote that never closes (0: none), and whether no text goes over several lines."""
    opened, one_line_rows, number, rest = 0, True, 0, b""
    for block in blocks(file):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            number += 1
            if line.count(b'"') % 2:
                opened, one_line_rows = (0 if opened else number), False
    if rest.count(b'"') % 2:
        opened, one_line_rows = (0 if opened else number + 1), False
    return opened, one_line_rows


def _require_sane(file: Path) -> None:
    """Raise BadInput when a compressed file is damaged or expands beyond the limit."""
    if file.suffix.lower() == ".zst":
        require_sane_zst(file)
    elif file.suffix.lower() == ".gz":
        for _ in blocks(file):
            pass


def query(connection: duckdb.DuckDBPyConnection, file: Path, text: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over a file; BadInput when the file is not the table it should be."""
    import duckdb

    try:
        return connection.execute(text).fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise BadInput([unreadable(file, str(error))]) from None


def unreadable(file: Path, error: str) -> Problem:
    """Return what the database says about a file as a problem at its line."""
    line = re.search(r"[Ll]ine:?\s*(\d+)", error)
    place = Place(str(file), int(line.group(1)) if line else 1)
    said = error.splitlines()
    words = next((ours for theirs, ours in _CAUSES.items() if theirs in error), None)
    first = words or next((part.strip() for part in said if "xpected" in part), said[0])
    return Problem("E004", f"this is not a proper table: {first}", place)


#: What the database says, and what is the matter.
_CAUSES: Final = {
    "Invalid unicode": "not UTF-8; save it as UTF-8",
    "Maximum line size": "a text is longer than 2 MB; is a quote missing?",
    "state machine reached an invalid state": "its lines end in more than one way (LF and CRLF); save it with one of them",
    "unterminated quote": "after the quote that closes a text comes more text; a quote within a text is written twice",
}


def _listed(files: Sequence[Path]) -> str:
    return "[" + ", ".join(f"'{escaped(_literal(file.as_posix()))}'" for file in files) + "]"


def _literal(path: str) -> str:
    """Return a path in which the database sees no pattern: a file may be called log[1].csv, or even *.csv."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _filename(files: Sequence[Path]) -> str:
    return ", filename='_file'" if len(files) > 1 else ""


def escaped(text: str, quote: str = "'") -> str:
    """Return a text that can stand between quotes in a query."""
    return text.replace(quote, 2 * quote)
