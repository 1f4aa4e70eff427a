"""`journeysim discover`: an event log -> a proposed journey file, with the account of what it keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from journeysim.cli.log_options import log_options
from journeysim.cli.screen import Stages, counted, say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from journeysim.calibrate.discover import Discovery
    from journeysim.errors import Problem
    from journeysim.model.event_log import EventLog
    from journeysim.model.log_settings import LogSettings

_FILES: Final = (".yaml", ".yml")
_MOST_SHOWN: Final = 20
_SAYS_NOTHING: Final = frozenset({"events", "event_log", "log", "data"})
_MANY_NAMES: Final = 50


class Share(click.ParamType[float]):
    """`1%`: a share of the whole."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share; what is not from 0 % up to below 100 % is refused."""
        from journeysim.files.numbers import SHARE, UnreadableError

        if isinstance(value, float):
            return value
        try:
            share = SHARE.read(str(value))
        except UnreadableError as error:
            self.fail(str(error), param, ctx)
        if not 0 <= share < 1:
            self.fail(f'"{value}" is not a share from 0% up to below 100%', param, ctx)
        return share


@click.command("discover", cls=Verb)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@log_options
@click.option("--support", type=Share(), default="1%", show_default=True, help="Least share of departures for a link.")
@click.option("--customers", type=click.IntRange(1), default=3, show_default=True, help="Least customers for a link.")
@click.option("--outcome", "outcomes", metavar="NAME", multiple=True, help="This name is an outcome (repeatable).")
@click.option("--name", metavar="TEXT", help="What the journey is called  [default: the log's name]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="FILE.yaml, or a folder for journey.yaml and scenario.yaml."
)
@click.option("--stand-alone", is_flag=True, help="Weigh the shares with the customers seen: for use without the log.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@json_option
def command(  # noqa: PLR0913 - one per option
    log: Path, *, settings: LogSettings, support: float, customers: int, outcomes: tuple[str, ...],
    name: str | None, out: Path | None, stand_alone: bool, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Propose a journey file from LOG: touchpoints, links, shares, dwell, entry, outcomes and silent exits.

    Without --out the file goes to stdout (with --json into its document). It says what was measured and what remains
    to decide, passes `journeysim check`, and `journeysim calibrate LOG --journey FILE` takes it as it is.
    """
    from journeysim.calibrate.discover import Support, discover
    from journeysim.calibrate.discover.comments import comments_on
    from journeysim.files import write_journey
    from journeysim.files.events import read_events
    from journeysim.files.scenario_starter import starter_scenario
    from journeysim.model.log_shape import AS_IT_IS

    events = read_events(log, settings=settings)
    show_problems((*events.warnings, *_looks_like_ids(events)))
    stages = Stages(total=1)
    with stages.showing(), stages.stage("reading the journeys"):
        asked = Support(support, customers)
        found = discover(events, name=name or _name(log), support=asked, outcomes=outcomes, stand_alone=stand_alone)
    text = write_journey(
        found.journey, comments_on(found, events, log.name, stand_alone=stand_alone, shaped=settings.shape != AS_IT_IS)
    )
    files = _files(out, text)
    if out is not None and out.suffix not in _FILES:
        files[out / "scenario.yaml"] = starter_scenario(out, log, settings)
    _write(files, overwrite=overwrite)
    _show(found, events, log)
    for file in files:
        say(f"Proposed: {file}", style="bold")
    if as_json:
        write_json("discover", document_of(found, events, files, text))
    elif out is None:
        click.echo(text, nl=False)


def _name(log: Path) -> str:
    """Return what the journey is called: the log's name, or its folder's where the name says nothing."""
    stem = log.name.split(".")[0]
    said = log.resolve().parent.name if stem in _SAYS_NOTHING and log.resolve().parent.name else stem
    return said.replace("_", " ") or "journey"


def _looks_like_ids(events: EventLog) -> Iterator[Problem]:
    """Yield a warning when there are nearly as many touchpoints as customers: the column may be one of ids."""
    from journeysim.errors import Problem

    names = len(events.touchpoint.labels)
    if names > _MANY_NAMES and names > events.customers / 2:
        message = f"{names:,} touchpoints for {events.customers:,} customers: is that the column of touchpoints, or one of ids?"
        yield Problem("E074", message, severity="warning")


def _files(out: Path | None, text: str) -> dict[Path, str]:
    if out is None:
        return {}
    return {out if out.suffix in _FILES else out / "journey.yaml": text}


def _write(files: Mapping[Path, str], *, overwrite: bool) -> None:
    """Write all files or none; BadInput when one is there and was not to be replaced."""
    from journeysim.errors import BadInput, Place, Problem

    taken = [file for file in files if file.is_symlink() or file.is_dir() or (file.exists() and not overwrite)]
    if taken:
        raise BadInput([
            Problem("E073", "it is already there; name another file, or say --overwrite", Place(str(file), text=str(file),
                                                                                             width=len(str(file))))
            for file in taken
        ])  # fmt: skip
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def _show(found: Discovery, events: EventLog, log: Path) -> None:
    from journeysim.cli.table import show_table

    say(f"{log}: {len(events.time):,} events, {counted(found.coverage.customers, 'customer')}, "
        f"recorded until {events.cut_off} UTC")  # fmt: skip
    show_table(_table(("what the map holds", "kept", "of", "part"), _coverage_rows(found)))
    for item in found.set_aside:
        say(f"  set aside {item.rows:,}: {item.reason}")
    if found.folded:
        more = len(found.folded) - _MOST_SHOWN
        shown = ", ".join(f"{link} {moves:,}" for link, moves in found.folded[:_MOST_SHOWN])
        say(f"  not drawn, moves over rare links: {shown}{f', and {more} more links' if more > 0 else ''}")
    silent = [at for at, item in enumerate(found.silences) if item.silent]
    most = sorted(silent, key=lambda at: -found.silences[at].silent)[:_MOST_SHOWN]
    if most:
        rows = [_silence_row(found, at) for at in sorted(most)]
        show_table(_table(("touchpoint", "last seen here", "left silently (90 %)", "share", "p", "silent exit"), rows))
    if len(silent) > len(most):
        say(f"  and {counted(len(silent) - len(most), 'touchpoint')} with fewer silent customers (--json has all)")


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for at, title in enumerate(head):
        made.add_column(title, justify="right" if at else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def _coverage_rows(found: Discovery) -> Iterator[tuple[str, str, str, str]]:
    covered = found.coverage
    pairs = (
        ("links", covered.links_kept, covered.links_seen),
        ("moves", covered.moves_kept, covered.moves),
        ("journeys that fit whole", covered.journeys_whole, covered.customers),
    )
    for what, kept, of in pairs:
        yield what, f"{kept:,}", f"{of:,}", f"{100 * kept / of:.1f} %" if of else ""


def _silence_row(found: Discovery, at: int) -> tuple[str, ...]:
    item, leaving = found.silences[at], found.exits.get(at)
    return (
        found.passages.touchpoints[at],
        f"{item.silent:,.0f}",
        f"{item.gone:,.0f} ({item.gone_low:,.0f} to {item.gone_high:,.0f})",
        f"{100 * item.share:.1f} %",
        f"{item.p_value:.2g}",
        "no" if leaving is None else "yes" if leaving.shown else "assumed",
    )


def document_of(found: Discovery, events: EventLog, files: Mapping[Path, str], text: str) -> dict[str, object]:
    """Return a proposal and its account as JSON values."""
    covered = found.coverage
    return {
        "files": [str(file) for file in files],
        "events": len(events.time),
        "customers": covered.customers,
        "moves": {"seen": covered.moves, "kept": covered.moves_kept},
        "journeys_that_fit_whole": covered.journeys_whole,
        "links": {
            "seen": covered.links_seen,
            "kept": covered.links_kept,
            "kept_without_support": covered.links_without_support,
        },
        "not_drawn": [{"link": link, "moves": moves} for link, moves in found.folded],
        "set_aside": [{"reason": item.reason, "rows": item.rows} for item in found.set_aside],
        "outcomes": list(found.journey.outcome_names),
        "silence": [
            {
                "touchpoint": name,
                "last_seen": item.silent,
                "left_silently": item.gone,
                "left_silently_90": [item.gone_low, item.gone_high],
                "share": item.share,
                "share_error": item.share_error,
                "p_value": item.p_value,
                "silent_exit": at in found.exits,
                "shown_by_the_log": at in found.exits and found.exits[at].shown,
            }
            for at, (name, item) in enumerate(zip(found.passages.touchpoints, found.silences, strict=True))
        ],
        "journey": text,
    }
