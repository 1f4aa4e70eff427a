"""`journeysim backtest`: an event log and a journey -> what would have been foretold, and what came."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from journeysim.cli.log_options import log_options
from journeysim.cli.screen import Stages, say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import GateFailed

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from journeysim.calibrate.backtest import Backtest
    from journeysim.model.log_settings import LogSettings
    from journeysim.report.backtest import Grid

BACKTESTS: Final = Path("reports")
DATE: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command("backtest", cls=Verb)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option("--journey", "journey_file", required=True, type=click.Path(path_type=Path), help="The journey file.")
@click.option(
    "--from", "start", required=True, type=DATE, metavar="DATE", help="The first date to forecast from (UTC)."
)
@click.option("--until", type=DATE, metavar="DATE", help="Where to stop  [default: the end of the log]")
@click.option("--step", type=click.Choice(["day", "week", "month"]), default="month", show_default=True,
              help="How long a period is, and how far apart the dates are.")  # fmt: skip
@click.option("--arrivals", "given", type=click.Choice(["known", "forecast"]), default="known", show_default=True,
              help="Whether it is known who enters after a date, or forecast too.")  # fmt: skip
@log_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder for backtests  [default: reports]")
@click.option("--draws", type=click.IntRange(100, 10_000), default=400, show_default=True, help="How many draws.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="The seed.")
@click.option("--accept", metavar="GATE", multiple=True, help="Accept this gate although it failed (repeatable).")
@json_option
def command(  # noqa: PLR0913 - one per option
    log: Path, *, journey_file: Path, start: datetime, until: datetime | None, step: str, given: str,
    settings: LogSettings, out: Path | None, draws: int, seed: int, accept: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Fit LOG as it was known at a date, forecast the periods that follow, hold them against what came; repeat.

    Scores coverage of 50, 80 and 90 % intervals, error and CRPS against two naive forecasts, by metric and persona.
    Writes a folder with a page, figures, tables and backtest.json. Exit code 3 when intervals hold too little or too
    much for a right model.
    """
    from journeysim.calibrate.backtest import backtest
    from journeysim.files import read_journey
    from journeysim.files.events import read_events
    from journeysim.model.reactivation import reactivated
    from journeysim.report.backtest import backtest_document, gate_grid, score_grid, verdict_of

    journey = read_journey(journey_file)
    read = read_events(log, settings=settings)
    events = reactivated(read, journey) if settings.reactivation else read
    show_problems(events.warnings)
    stages = Stages(total=1)
    with stages.showing(), stages.stage("fitting and forecasting"):
        found = backtest(
            events, journey, _utc(start), until=None if until is None else _utc(until),
            step="day" if step == "day" else "week" if step == "week" else "month",
            given="known" if given == "known" else "forecast", seed=seed, draws=draws,
        )  # fmt: skip
    folder = _written(found, journey_file, out)
    _show(score_grid(found), "One period ahead. CRPS and error in the metric's own unit; smaller is better.")
    _show(gate_grid(found), None)
    for note in found.notes:
        say(f"note: {note}")
    say(verdict_of(found), style="bold")
    say(f"Backtest: {folder / 'backtest.html'}", style="bold")
    if as_json:
        write_json("backtest", {"folder": str(folder), **backtest_document(found)})
    failed = [f"{gate.name} (--accept {shlex.quote(gate.name)} to go on)" for gate in found.failed
              if gate.name not in accept]  # fmt: skip
    if failed:
        raise GateFailed(failed)


def _utc(date: datetime) -> np.datetime64:
    import numpy as np

    return np.datetime64(date.replace(tzinfo=None), "us")


def _written(found: Backtest, journey_file: Path, out: Path | None) -> Path:
    from journeysim.cli.project import marked_project
    from journeysim.files.run_store import digest_of, writable, write_run
    from journeysim.report.backtest import backtest_document, write_backtest

    project = marked_project(journey_file.parent) or journey_file.resolve().parent
    reports = writable(project, out or BACKTESTS, "the folder for backtests (--out)")
    digest = digest_of(backtest_document(found))
    return write_run(
        project, reports, f"backtest-{found.journey}", digest, lambda folder: write_backtest(found, folder)
    )


def _show(grid: Grid, caption: str | None) -> None:
    from journeysim.cli.table import show_table

    show_table(_table(grid, caption))


def _table(grid: Grid, caption: str | None) -> Table:
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for head, numeric in zip(grid.heads, grid.numeric, strict=True):
        made.add_column(head, justify="right" if numeric else "left", no_wrap=not numeric)
    for row in grid.rows:
        made.add_row(*(escape(cell) for cell in row))
    return made
