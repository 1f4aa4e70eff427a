"""`journeysim count`: a log of any size -> the small table of transitions that `calibrate` accepts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journeysim.cli.account import account_document, say_account
from journeysim.cli.log_options import log_options
from journeysim.cli.screen import Stages, say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json

if TYPE_CHECKING:
    from journeysim.files.counting.counted import Counted
    from journeysim.files.counting.warehouse import Table
    from journeysim.model.journey import JourneyMap
    from journeysim.model.log_account import LogAccount
    from journeysim.model.log_settings import LogSettings


@click.command("count", cls=Verb)
@click.argument("log", metavar="LOG")
@click.option("--journey", "journey_file", required=True, type=click.Path(path_type=Path), help="The journey file.")
@log_options
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A new file for the table  [default: stdout]"
)
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), help="A new file for the rows set aside.")
@click.option(
    "--engine", default="duckdb", show_default=True, metavar="URL", help="Where to count, such as spark://local."
)
@click.option(
    "--sql", "dialect", metavar="DIALECT", help="Only print the query for a table of this name, such as bigquery."
)
@json_option
def command(
    log: str, *, journey_file: Path, settings: LogSettings, out: Path | None, rejects: Path | None, engine: str,
    dialect: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Count how customers move in LOG: one pass, memory bounded, the same table as in memory.

    LOG is an event log, or with --engine and --sql the name of a table there (for Spark also a path of Parquet files with
    a slash in it). `calibrate` takes the table in place of the log.
    """
    from journeysim.files import read_journey

    journey = read_journey(journey_file)
    if dialect is not None or engine != "duckdb":
        _require_table(settings)
    if dialect is not None:
        _print_query(log, journey, settings, dialect)
    elif engine == "duckdb":
        _count_here(log, journey, settings, out=out, rejects=rejects, as_json=as_json)
    else:
        _count_there(log, journey, settings, out=out, engine=engine, as_json=as_json)


def _require_table(settings: LogSettings) -> None:
    """Raise BadInput for options that say how a file is read: a table's times and numbers are what they are."""
    from journeysim.errors import BadInput, Problem
    from journeysim.model.log_settings import PLAIN

    asked = {
        "--zone": settings.zone != PLAIN.zone,
        "--time-format": settings.time_format != PLAIN.time_format,
        "--epoch": settings.epoch != PLAIN.epoch,
        "--decimal": settings.decimal != PLAIN.decimal,
    }
    named = ", ".join(option for option, is_asked in asked.items() if is_asked)
    if named:
        raise BadInput([Problem("E076", f"{named} can only be said of a file; at an engine `time` is a timestamp")])


def _until(settings: LogSettings) -> int | None:
    """Return the cut-off in microseconds since 1970."""
    from journeysim.files.events.times import cut_off_of

    until = cut_off_of(settings)
    return None if until is None else int(until.astype("int64"))


def _print_query(log: str, journey: JourneyMap, settings: LogSettings, dialect: str) -> None:
    from journeysim.files.counting.warehouse import warehouse_query

    table = _table(log, journey, settings)
    text = warehouse_query(table, journey, dialect, cut_off=_until(settings), reactivation=settings.reactivation)
    sys.stdout.write(f"{text};\n")


def _table(log: str, journey: JourneyMap, settings: LogSettings) -> Table:
    from journeysim.files.counting.warehouse import table_of

    return table_of(log, dict(settings.columns), journey, settings.shape)


def _count_here(
    log: str, journey: JourneyMap, settings: LogSettings, *, out: Path | None, rejects: Path | None, as_json: bool
) -> None:  # fmt: skip
    from journeysim.files.observing import count_log

    stages = Stages(total=1)
    with stages.showing(), stages.stage("counting"):
        found, account = count_log(log, journey, settings, rejects=rejects or _beside(out))
    _tell(log, found, account, out, as_json=as_json)


def _beside(out: Path | None) -> Path | None:
    return None if out is None else out.with_name(f"{out.stem}.rejects.csv")


def _count_there(
    log: str,
    journey: JourneyMap,
    settings: LogSettings,
    *,
    out: Path | None,
    engine: str,
    as_json: bool,
) -> None:
    from journeysim.files.counting.warehouse import count_in_engine

    stages = Stages(total=1)
    with stages.showing(), stages.stage(f"counting at {engine}"):
        table = _table(log, journey, settings)
        found, account = count_in_engine(
            engine, table, journey, cut_off=_until(settings), reactivation=settings.reactivation
        )
    _tell(log, found, account, out, as_json=as_json)


def _tell(log: str, found: Counted, account: LogAccount, out: Path | None, *, as_json: bool) -> None:
    """Say what became of the log's rows, and write the table and the document where they are wanted."""
    from journeysim.files.events.transition_table import transitions_csv

    show_problems(account.warnings)
    say_account(log, account)
    _write(transitions_csv(found.transitions), out, as_json=as_json)
    if as_json:
        table = None if out is None else str(out)
        write_json("count", {"log": log, "table": table, "rows": account_document(account)})


def _write(text: str, out: Path | None, *, as_json: bool) -> None:
    """Write the table to its file, which is not there yet, or to stdout unless a document goes there."""
    if out is not None:
        with out.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
        say(f"Table: {out}", style="bold")
    elif not as_json:
        sys.stdout.write(text)
