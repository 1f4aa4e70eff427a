"""`journeysim calibrate`: an event log or a transition table and a journey -> draws, with gates and an account."""

from __future__ import annotations

import math
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from journeysim.cli.account import account_document, say_account
from journeysim.cli.log_options import log_options
from journeysim.cli.screen import Stages, say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import GateFailed

if TYPE_CHECKING:
    from rich.table import Table

    from journeysim.calibrate import Calibration
    from journeysim.model.log_settings import LogSettings

TABLE_MARKS: Final = frozenset({"from", "to", "count"})
Kind = Literal["transitions", "events"]


@click.command("calibrate", cls=Verb)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option("--journey", "journey_file", required=True, type=click.Path(path_type=Path), help="The journey file.")
@log_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the draws  [default: calibration/NAME]")
@click.option("--draws", type=click.IntRange(20, 100_000), default=1000, show_default=True, help="How many draws.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="The seed.")
@click.option("--accept", metavar="GATE", multiple=True, help="Accept this gate although it failed (repeatable).")
@json_option
def command(
    log: Path, *, journey_file: Path, settings: LogSettings, out: Path | None, draws: int, seed: int,
    accept: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Take shares, dwell, entry and arrivals from LOG: an event log, a folder of them, or a transition table.

    Shows how many rows were used and which were set aside, why, and every gate of the fit; writes draws.nc and
    manifest.json, and rejects.csv with the rows set aside. A scenario uses them with `calibration: FOLDER`.
    """
    from journeysim.calibrate.store import REJECTS, load_or_calibrate, rejects_of, save_calibration
    from journeysim.cli.project import marked_project
    from journeysim.files import read_journey
    from journeysim.files.run_store import private_folder, writable

    journey = read_journey(journey_file)
    project = marked_project(journey_file.parent) or journey_file.resolve().parent
    folder = writable(project, out or Path("calibration") / _name(journey_file), "the folder for the draws (--out)")
    stages = Stages(total=1)
    with stages.showing(), stages.stage("calibrating"):
        cache = private_folder(project, "cache")
        kind = kind_of(log)
        found = load_or_calibrate(journey, log, seed=seed, draws=draws, cache=cache, kind=kind, settings=settings)
    save_calibration(folder, found)
    rejects = rejects_of(found, cache)
    if found.log is not None:
        show_problems(found.log.warnings)
        say_account(str(log), found.log)
    if rejects is not None:
        shutil.copyfile(rejects, folder / REJECTS)
    _show(found, folder, rejects)
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
    """Return whether a file is a transition table or an event log, by its columns; a folder, by what it holds."""
    from journeysim.calibrate.store import TABLE_NAMES
    from journeysim.files.draws_store import has_draws
    from journeysim.files.events import columns_of

    if log.is_dir():
        return "transitions" if has_draws(log) or any((log / name).is_file() for name in TABLE_NAMES) else "events"
    return "transitions" if set(columns_of(log)) >= TABLE_MARKS else "events"


def _show(found: Calibration, folder: Path, rejects: Path | None) -> None:
    from journeysim.cli.fit import summary_of_parts
    from journeysim.cli.run import shown_path
    from journeysim.cli.table import show_table

    show_table(gates_table(found))
    if found.choices:
        show_table(choices_table(found))
    for name, text in summary_of_parts(found):
        say(f"{name}: {text}")
    for note in found.notes:
        say(f"note: {note}")
    if rejects is not None:
        say(f"Rows set aside: {shown_path(folder / rejects.name)}")
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
        cells = (row.subject, row.chosen, row.runner_up, f"{row.margin:.1f}", _error(row.margin_error))
        made.add_row(*(escape(cell) for cell in cells))
    return made


def _error(value: float | None) -> str:
    """Return a standard error, or a dash where a single series gives none."""
    return "–" if value is None else f"{value:.1f}"


def _gate_rows(found: Calibration) -> Iterator[tuple[str, str, str, str]]:
    for gate in found.gates:
        yield gate.name, f"{gate.value:.4g}", f"{gate.wanted} {gate.limit:g}", "yes" if gate.passed else "NO"


def _finite(value: float) -> float | None:
    """Return the number, or None (JSON's null) where there is none."""
    return value if math.isfinite(value) else None


def document_of(found: Calibration, folder: Path) -> dict[str, object]:
    """Return a calibration as JSON values."""
    from dataclasses import asdict

    from journeysim.cli.fit import choices_of

    return {
        "folder": str(folder),
        "draws": found.draws.count,
        "rows": account_document(found.log) if found.log else None,
        "gates": [
            {
                "gate": gate.name,
                "value": _finite(gate.value),
                "wanted": gate.wanted,
                "limit": gate.limit,
                "passed": gate.passed,
            }
            for gate in found.gates
        ],
        "touchpoints": [
            {"touchpoint": row.touchpoint, "moves": row.moves, "open": row.open, "prior_part": row.prior_part}
            for row in found.touchpoints
        ],
        "prior_parts": [asdict(part) for part in found.prior_parts],
        "checks": [asdict(check) for check in found.checks],
        "notes": list(found.notes),
        "choices": [asdict(choice) for choice in choices_of(found)],
        "made_from": dict(found.manifest),
    }
