"""`journeysim run`: today and every proposal of a scenario, into a new folder with everything."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journeysim.cli.screen import Stages, counted, say, show_problems
from journeysim.cli.verb import Verb, files_argument, json_option, problems_document, write_json
from journeysim.errors import BadInput, GateFailed, Problem

if TYPE_CHECKING:
    from journeysim.cli.pipeline import Finished, Options, Prepared


@click.command("run", cls=Verb)
@files_argument("scenarios", "SCENARIO...")
@click.option("--draws", type=click.IntRange(20, 100_000), help="How many draws, over the scenario's own.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="The seed, over the scenario's own.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="The report's language.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the reports, in the project  [default: reports]"
)
@click.option(
    "--again", is_flag=True, help="Run although an identical run is there; the new one gets -2 after its name."
)
@click.option(
    "--executor",
    metavar="WHERE",
    default="threads",
    show_default=True,
    help="Where blocks are computed: threads, serial, processes, processes:N, or a Dask scheduler such as tcp://HOST:8786.",
)
@click.option("--accept", metavar="GATE", multiple=True, help="Accept this gate although it failed (repeatable).")
@click.option("--strict", is_flag=True, help="Exit code 3 unless one proposal meets every rule of `succeed if`.")
@json_option
def command(  # noqa: PLR0913 - one argument per option
    scenarios: tuple[Path, ...], *, draws: int | None, seed: int | None, lang: str, out: Path | None, again: bool,
    executor: str, accept: tuple[str, ...], strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Simulate today and every proposal of each SCENARIO file, and write a new folder under reports/.

    When the scenario names data, the numbers are taken from it first; that fit is kept, and used again while data,
    journey, seed and versions are the same. An identical run is found instead of repeated; nothing is overwritten.

    Finished blocks are kept until the run is written, so the same command goes on after an interruption. WHERE blocks
    are computed changes no digit of the results.
    """
    from journeysim.cli.pipeline import Options
    from journeysim.simulate.executors import check_executor

    check_executor(executor)
    options = Options(draws, seed, lang, out, again, tuple(sys.argv[1:]), executor)
    finished = run_all(scenarios, options)
    if as_json:
        write_json("run", {"runs": [run_document(item) for item in finished]})
    failed = [name for item in finished for name in failures(item, accept=accept, strict=strict)]
    if failed:
        raise GateFailed(failed)


def run_all(paths: Sequence[Path], options: Options) -> list[Finished]:
    """Read every scenario first, so that a problem in the last one costs no time; then run them in order."""
    from journeysim.cli.pipeline import STAGES, run

    prepared = prepare_all(paths, options)
    stages = Stages(total=STAGES * len(prepared))
    finished = []
    with stages.showing():
        for item in prepared:
            done = run(item, options, stages)
            finished.append(done)
            stages.past(item.scenario.name)
    for done in finished:
        show_run(done, options.lang)
    return finished


def prepare_all(paths: Sequence[Path], options: Options) -> list[Prepared]:
    """Return every scenario ready to run; BadInput with the problems of all of them."""
    from journeysim.cli.pipeline import prepare

    prepared: list[Prepared] = []
    problems: list[Problem] = []
    for path in dict.fromkeys(paths):
        try:
            prepared.append(prepare(path, options))
        except BadInput as error:
            problems += error.problems
    warnings = [warning for item in prepared for warning in item.warnings]
    if problems:
        raise BadInput(dict.fromkeys([*problems, *warnings]))
    show_problems(warnings)
    return prepared


def show_run(done: Finished, lang: str) -> None:
    """Write a run's table, its warnings and where it is."""
    from journeysim.cli.stored import read_run
    from journeysim.cli.table import show_table, table_of

    if done.decision is None:
        name = done.prepared.scenario.name
        say(f"{name}: an identical run is already there (same files, versions, draws and seed); --again repeats it")
        show_table(table_of([read_run(done.folder)]))
    else:
        from journeysim.report import comparison_table

        show_table(comparison_table(done.decision, lang))
        show_warnings(done)
    say(f"Report: {shown_path(done.folder / 'report.html')}", style="bold")


def show_warnings(done: Finished) -> None:
    """Write how many warnings the files and the run gave, and the run's own (the files' stand above the table)."""
    decision = done.decision
    found = () if decision is None else decision.comparison.warnings
    for warning in found:
        say(f"warning: {warning}", style="yellow")
    count = len(found) + len(done.prepared.warnings)
    if count:
        say(counted(count, "warning"))


def shown_path(path: Path) -> str:
    """Return a path as seen from here where it lies below, else the whole of it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def run_document(done: Finished) -> dict[str, object]:
    """Return a run as JSON values: where it is, whether it is new, its warnings, and the whole of its results."""
    from journeysim.cli.stored import read_run

    warnings = problems_document(done.prepared.warnings)["problems"]
    return {
        "scenario": done.prepared.scenario.name,
        "folder": str(done.folder),
        "new": done.decision is not None,
        "warnings": warnings,
        "results": read_run(done.folder).document,
    }


def failures(done: Finished, *, accept: Sequence[str], strict: bool) -> list[str]:
    """Return what makes the exit code 3: gates of the fit that were not accepted, and under --strict an unmet goal."""
    from journeysim.cli.stored import read_run

    stored = read_run(done.folder)
    name = done.prepared.scenario.name
    failed = [gate for gate in stored.failed_gates if gate not in accept]
    gates = [f"{name}: {gate} (--accept {shlex.quote(gate)} to go on)" for gate in failed]
    if strict and not stored.meets_its_rules:
        rules = dict.fromkeys(rule for rule, _, _ in stored.targets)
        gates.append(f"{name}: no proposal meets {' and '.join(rules)}")
    return gates
