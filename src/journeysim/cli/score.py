"""`journeysim score`: a run's forecast and a later log -> how well it foretold what happened."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from journeysim.cli.log_options import log_options
from journeysim.cli.screen import say, show_problems
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import BadInput, GateFailed, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from journeysim.decide.forecast import Came, ForecastScore
    from journeysim.model.log_settings import LogSettings

DATE: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command("score", cls=Verb)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option(
    "--arm", default="today", show_default=True, help="What was carried out: a proposal of the run, or today."
)
@click.option("--from", "start", required=True, type=DATE, metavar="DATE", help="The run's day 0 (UTC).")
@click.option(
    "--weight",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    metavar="PERCENT",
    help="How much of what the run knew the next calibration counts.",
)
@log_options
@json_option
def command(
    run: Path, log: Path, *, arm: str, start: datetime, weight: int, settings: LogSettings, as_json: bool
) -> None:
    """Hold what the run in the folder RUN foretold against LOG, month by month from DATE on.

    Customers who enter and who convert, and what they pay where LOG has values, in each whole month; then what became of
    those who entered since, by persona: converted, reached, ended, paid, days to convert. Of each the range foretold,
    what came, whether 50, 80 and 90 % intervals held it, CRPS, and surprise in bits. Leaves a folder beside the run:
    score.json, which a scenario names as its `backtest`, and journey.yaml, what the run knew of the arm as a map's
    beliefs: the next calibration starts there.
    Exit code 3 when a figure is more surprising than one right forecast in a hundred would have it.
    """
    import numpy as np

    from journeysim.cli.followed import became_since
    from journeysim.cli.forecast import read_forecast
    from journeysim.cli.run import shown_path
    from journeysim.cli.score_folder import JOURNEY, carried_journey, figure_of, score_document, write_score
    from journeysim.decide.forecast import scored, seen_since, summed_up, too_surprising
    from journeysim.files.events import read_events
    from journeysim.report.kept import FILE, read_kept

    foretold = read_forecast(run, arm)
    scenario = read_kept(run / FILE).scenario
    events = read_events(log, settings=settings)
    show_problems(events.warnings)
    since = np.datetime64(start.replace(tzinfo=None), "us")
    came = list(scored(foretold, seen_since(events, scenario.journey, since), seed=scenario.seed))
    if not came:
        message = (
            f"no whole month lies between {start:%Y-%m-%d} and the end of the log; give an earlier date or a longer log"
        )
        raise BadInput([Problem("B004", message)])
    became, why_not = became_since(run, scenario, arm, events, since)
    came += became
    scores, day = list(summed_up(came)), f"{start:%Y-%m-%d}"
    document = score_document(run, arm, f"{start:%Y-%m-%dT%H:%M:%S}", came, scores)
    journey = carried_journey(run, scenario, arm, day, weight=weight / 100)
    folder = write_score(run, document, journey, scenario.name)
    _show(came, arm)
    for item in scores:
        say(_sentence(item))
    if why_not:
        say(f"Nothing more is held against those who entered since: {why_not}.")
    start_from = shlex.quote(shown_path(folder / JOURNEY))
    say(f"Next: journeysim calibrate {shlex.quote(str(log))} --journey {start_from} --entered-from {day}", style="bold")
    if as_json:
        write_json("score", {"folder": str(folder), **document})
    failed = [
        f"{item.metric}: {item.most:.1f} bits of surprise in one {figure_of(item.metric)}"
        for item in scores
        if too_surprising(item)
    ]
    if failed:
        raise GateFailed(failed)


def _sentence(item: ForecastScore) -> str:
    from journeysim.cli.score_folder import figure_of

    half, most, nearly = (f"{part:.0%}" for part in item.coverage)
    figures = f"{item.months} {figure_of(item.metric)}{'s' * (item.months != 1)}"
    return (
        f"{item.metric}: over {figures} the 50, 80 and 90 % intervals held {half}, {most} and {nearly}; "
        f"CRPS {item.crps:.3g}, surprise {item.surprise:z.1f} bits on average, {item.most:z.1f} at most"
    )


def _show(came: Sequence[Came], arm: str) -> None:
    from journeysim.cli.table import show_table

    show_table(_table(came, arm))


def _table(came: Sequence[Came], arm: str) -> Table:
    from rich.markup import escape
    from rich.table import Table

    caption = f"{escape(arm)}: middle and 90 % range foretold, beside what came."
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for head in ("metric", "of", "foretold", "came", "CRPS", "surprise"):
        made.add_column(head, justify="left" if head in {"metric", "of"} else "right")
    for item in came:
        ranged = f"{item.middle:,.0f} \\[{item.low:,.0f}, {item.high:,.0f}]"
        of = f"month {item.month}" if item.month else escape(": ".join(filter(None, (item.persona, item.place))))
        made.add_row(item.metric, of, ranged, f"{item.actual:,.0f}", f"{item.crps:.3g}", f"{item.surprise:z.1f} bits")
    return made
