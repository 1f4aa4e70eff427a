"""`journeysim compare`: one table over several runs, and which of them can be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import click

from journeysim.cli.screen import say
from journeysim.cli.verb import Verb, files_argument, json_option, write_json

if TYPE_CHECKING:
    from journeysim.cli.stored import StoredRun

#: A pair is told apart when one is better in at least this share of the draws.
SURE: Final = 0.95


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """Two proposals of one run: P(the first is better than the second), draw by draw, on one measure."""

    run: str
    first: str
    second: str
    measure: str
    p_first_better: float

    @property
    def told_apart(self) -> bool:
        """Whether one of the two is better nearly for certain."""
        return max(self.p_first_better, 1 - self.p_first_better) >= SURE


@click.command("compare", cls=Verb)
@files_argument("runs", "RUN|SCENARIO...")
@click.option("--metric", default="conversion", show_default=True, help="The metric to show beside the money.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write a new CSV file.")
@json_option
def command(runs: tuple[Path, ...], *, metric: str, csv_file: Path | None, as_json: bool) -> None:
    """Show several runs in one table. Scenario files are run first (an identical run is found, not repeated).

    Proposals of one run share their draws, so they are compared draw by draw: which is better, and how surely. Runs of
    different scenarios rest on different draws; their levels stand side by side and no chance is given.
    """
    from journeysim.cli.stored import read_run
    from journeysim.cli.table import csv_of, show_table, table_of

    stored = [read_run(folder, metric) for folder in _folders(runs)]
    pairs = [pair for run in stored for pair in pairs_of(run)]
    show_table(table_of(stored))
    _say_pairs(pairs, several=len(stored) > 1)
    if csv_file is not None:
        _write_new(csv_file, csv_of(stored))
    if as_json:
        write_json("compare", _document(stored, pairs))


def _folders(paths: Sequence[Path]) -> list[Path]:
    """Return run folders as they are, and run the scenario files among the paths."""
    from journeysim.cli.pipeline import Options
    from journeysim.cli.run import run_all

    options = Options(command=("run", *(str(path) for path in paths if not path.is_dir())))
    scenarios = [path for path in dict.fromkeys(paths) if not path.is_dir()]
    done = dict(zip(scenarios, run_all(scenarios, options), strict=True)) if scenarios else {}
    return list(dict.fromkeys(done[path].folder if path in done else path for path in paths))


def pairs_of(run: StoredRun) -> list[Pair]:
    """Return every pair of a run's proposals: on net benefit where money is shown, else on the metric."""
    from journeysim.cli.money_draws import differences_by_draw

    measure, by_proposal = differences_by_draw(run)
    return [
        Pair(run.folder.name, first, second, measure, float((one > other).mean() + 0.5 * (one == other).mean()))
        for (first, one), (second, other) in itertools.combinations(by_proposal.items(), 2)
    ]


def _say_pairs(pairs: Sequence[Pair], *, several: bool) -> None:
    for pair in pairs:
        better, worse, chance = pair.first, pair.second, pair.p_first_better
        if chance < 0.5:
            better, worse, chance = worse, better, 1 - chance
        verdict = "told apart" if pair.told_apart else "not told apart by what is known"
        how_often = f"in {100 * chance:.0f} % of the draws ({pair.measure})"
        say(f"{pair.run}: {better} is better than {worse} {how_often}: {verdict}")
    if several:
        say("Runs rest on different draws: their levels are shown side by side, without a chance of being better.")


def _document(stored: Sequence[StoredRun], pairs: Sequence[Pair]) -> dict[str, object]:
    rows = [
        {
            "run": str(run.folder),
            "scenario": run.scenario,
            "currency": run.currency,
            "trust": run.grade,
            "metric": run.metric,
            "arms": [asdict(arm) for arm in run.arms],
        }
        for run in stored
    ]
    return {"runs": rows, "pairs": [asdict(pair) | {"told_apart": pair.told_apart} for pair in pairs]}


def _write_new(file: Path, text: str) -> None:
    """Write a file that is not there yet; FileExistsError otherwise."""
    with file.open("x", encoding="utf-8", newline="") as stream:
        stream.write(text)
    say(f"Table: {file}")
