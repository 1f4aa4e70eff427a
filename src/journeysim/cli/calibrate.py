"""`journeysim calibrate`: an event log or a transition table and a journey -> draws, with gates and an account."""

from __future__ import annotations

import csv
import gzip
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from journeysim.cli.screen import Stages, counted, say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import GateFailed

if TYPE_CHECKING:
    from rich.table import Table

    from journeysim.calibrate import Calibration
    from journeysim.model.journey import JourneyMap

TABLE_MARKS: Final = frozenset({"from", "to", "count"})
Kind = Literal["transitions", "events"]


class Columns(click.ParamType[dict[str, str]]):
    """`customer=user_id,time=when`: which column of the file is which."""

    name = "columns"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Return the pairs; what is not NAME=COLUMN is refused."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in str(value).split(",")]
        if not all(name.strip() and column.strip() for name, _, column in pairs):
            self.fail(f'"{value}" is not NAME=COLUMN,NAME=COLUMN, for example customer=user_id,time=when', param, ctx)
        return {name.strip(): column.strip() for name, _, column in pairs}


@click.command("calibrate", cls=Verb)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option("--journey", "journey_file", required=True, type=click.Path(path_type=Path), help="The journey file.")
@click.option("--columns", type=Columns(), metavar="NAME=COLUMN,...", help="What the log calls them.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the draws  [default: calibration/NAME]")
@click.option("--draws", type=click.IntRange(20, 100_000), default=1000, show_default=True, help="How many draws.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="The seed.")
@click.option("--accept", metavar="GATE", multiple=True, help="Accept this gate although it failed (repeatable).")
@json_option
def command(
    log: Path, *, journey_file: Path, columns: Mapping[str, str] | None, out: Path | None, draws: int, seed: int,
    accept: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Take shares, dwell, entry and arrivals from LOG: an event log or a transition table (CSV, Parquet).

    Shows which rows were set aside and why, and every gate of the fit; writes draws.nc and manifest.json. A scenario
    uses them with `calibration: FOLDER`.
    """
    from journeysim.calibrate.store import load_or_calibrate, save_calibration
    from journeysim.cli.project import marked_project
    from journeysim.files import read_journey
    from journeysim.files.run_store import private_folder, writable

    journey = read_journey(journey_file)
    project = marked_project(journey_file.parent) or journey_file.resolve().parent
    folder = writable(project, out or Path("calibration") / _name(journey_file), "the folder for the draws (--out)")
    kind = kind_of(log)
    _say_rows(log, kind, journey, columns)
    stages = Stages(total=1)
    with stages.showing(), stages.stage("calibrating"):
        cache = private_folder(project, "cache")
        found = load_or_calibrate(journey, log, seed=seed, draws=draws, cache=cache, kind=kind, columns=columns)
    save_calibration(folder, found)
    _show(found, folder)
    if as_json:
        write_json("calibrate", document_of(found, folder))
    names = [gate.name for gate in found.failed if gate.name not in accept]
    failed = [f"{name} (--accept {shlex.quote(name)} to go on)" for name in names]
    if failed:
        raise GateFailed(failed)


def _name(journey_file: Path) -> str:
    whole = journey_file.resolve()
    return whole.parent.name if whole.stem == "journey" else whole.stem


def kind_of(log: Path) -> Kind:
    """Return whether a file is a transition table or an event log, by its columns; a folder holds a table."""
    if log.is_dir():
        return "transitions"
    return "transitions" if set(_header(log)) >= TABLE_MARKS else "events"


def _header(log: Path) -> list[str]:
    """Return the column names; none where the file cannot be read, so that its reader says why."""
    if log.suffix == ".parquet":
        import duckdb

        try:
            return [str(name) for name, *_ in duckdb.read_parquet(str(log)).description]
        except duckdb.Error:
            return []
    try:
        opened = gzip.open if log.suffix == ".gz" else open
        with opened(log, "rt", encoding="utf-8-sig") as stream:
            return next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _say_rows(log: Path, kind: Kind, journey: JourneyMap, columns: Mapping[str, str] | None) -> None:
    """Write how many rows there are, and which were set aside, why."""
    from journeysim.files.events import read_events
    from journeysim.model.transitions import to_transitions

    if kind == "transitions":
        return
    events = read_events(log, columns=columns)
    _, off_map = to_transitions(events, journey)
    show_problems(events.warnings)
    aside = (*events.set_aside, *off_map)
    rows = len(events.time) + sum(item.rows for item in events.set_aside)
    say(f"{log}: {rows:,} rows, {counted(events.customers, 'customer')}, recorded until {events.cut_off} UTC")
    for item in aside:
        say(f"  set aside {item.rows:,}: {item.reason}{_examples(item.examples)}")
    if not aside:
        say("  no row set aside")


def _examples(examples: Sequence[str]) -> str:
    return f" (for example {', '.join(examples)})" if examples else ""


def _show(found: Calibration, folder: Path) -> None:
    from journeysim.cli.run import shown_path
    from journeysim.cli.table import show_table

    show_table(gates_table(found))
    if found.choices:
        show_table(choices_table(found))
    for note in found.notes:
        say(f"note: {note}")
    say(f"Draws: {shown_path(folder / 'draws.nc')}", style="bold")


def gates_table(found: Calibration) -> Table:
    """Return every gate with its value, its limit and whether it passed."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("gate", "value", "asked", "passed"):
        made.add_column(name, justify="left" if name == "gate" else "right")
    for cells in _gate_rows(found):
        made.add_row(*(escape(cell) for cell in cells))
    return made


def choices_table(found: Calibration) -> Table:
    """Return the models that the layers chose by predictive fit, and by how much."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("for", "chosen", "ahead of", "by (log density)", "standard error"):
        made.add_column(name, justify="right" if name in {"by (log density)", "standard error"} else "left")
    for row in found.choices:
        cells = (row.subject, row.chosen, row.runner_up, f"{row.margin:.1f}", f"{row.margin_error:.1f}")
        made.add_row(*(escape(cell) for cell in cells))
    return made


def _gate_rows(found: Calibration) -> Iterator[tuple[str, str, str, str]]:
    for gate in found.gates:
        yield gate.name, f"{gate.value:.4g}", f"{gate.wanted} {gate.limit:g}", "yes" if gate.passed else "NO"


def document_of(found: Calibration, folder: Path) -> dict[str, object]:
    """Return a calibration as JSON values."""
    from dataclasses import asdict

    from journeysim.cli.fit import choices_of

    return {
        "folder": str(folder),
        "draws": found.draws.count,
        "gates": [
            {"gate": gate.name, "value": gate.value, "wanted": gate.wanted, "limit": gate.limit, "passed": gate.passed}
            for gate in found.gates
        ],
        "touchpoints": [
            {"touchpoint": row.touchpoint, "moves": row.moves, "open": row.open, "prior_part": row.prior_part}
            for row in found.touchpoints
        ],
        "notes": list(found.notes),
        "choices": [asdict(choice) for choice in choices_of(found)],
        "made_from": dict(found.manifest),
    }
