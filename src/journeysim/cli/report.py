"""`journeysim report`: the page of a run once more, from what the run kept; nothing is computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, final

import click

from journeysim.cli.run import shown_path
from journeysim.cli.screen import say
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import BadInput, Place, Problem

if TYPE_CHECKING:
    from journeysim.cli.stored import Row
    from journeysim.report.kept import Kept

PAGE: Final = "report.html"
_Read = TypeVar("_Read")


@final
@dataclass(frozen=True, slots=True)
class Source:
    """A run's folder as its page is made from it: what the run kept, and its manifest."""

    folder: Path
    kept: Kept
    manifest: Row


@click.command("report", cls=Verb)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--lang", type=click.Choice(["en", "fr"]), help="The page's language  [default: the run's own]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="A new file for the page, in the project  [default: in RUN]"
)
@json_option
def command(run: Path, *, lang: str | None, out: Path | None, as_json: bool) -> None:
    """Render the page of the run in the folder RUN again, from what the run kept: nothing is computed anew.

    In the run's own language the page replaces report.html; in another it goes beside it, as report.LANG.html. All
    else in RUN stays as it is. The scenario's own files are not read: the page shows them as they were for the run.
    """
    source = read_source(run)
    asked = lang or source.kept.lang
    target = target_of(source, asked, out)
    html = page_html(source, asked)
    replaced = _write(target, html)
    _say_version(source.manifest)
    say(f"Report: {shown_path(target)}", style="bold")
    if as_json:
        write_json("report", {"run": str(source.folder), "page": str(target), "lang": asked, "replaced": replaced})


def read_source(run: Path) -> Source:
    """Return what a run kept; BadInput with everything that is missing, damaged or does not belong together."""
    from journeysim.cli.manifest import SCHEMA
    from journeysim.cli.stored import document_of, read_run
    from journeysim.report.kept import FILE, read_kept

    problems: list[Problem] = []
    stored = _tried(lambda: read_run(run), problems)
    if run.is_dir():
        manifest = _tried(lambda: document_of(run / "manifest.json", SCHEMA), problems)
        kept = _tried(lambda: read_kept(run / FILE), problems)
    if problems or stored is None or manifest is None or kept is None:
        raise BadInput(problems)
    _check_same_numbers(run, kept, stored.document)
    return Source(run.resolve(), kept, manifest)


def _tried(read: Callable[[], _Read], problems: list[Problem]) -> _Read | None:
    try:
        return read()
    except BadInput as error:
        problems += error.problems
        return None


def _check_same_numbers(run: Path, kept: Kept, document: Row) -> None:
    """Raise BadInput unless what is kept for the page gives results.json, number by number."""
    from journeysim.report import results
    from journeysim.report.write import strict_json

    if json.loads(strict_json(results(kept.decision, kept.scenario))) != document:
        message = (
            "results.json and page.npz do not hold the same results: one was changed after the run, or another version "
            "of journeysim wrote them; run the scenario again"
        )
        raise _problem("J093", message, run)


def target_of(source: Source, lang: str, out: Path | None) -> Path:
    """Return where the page goes: into the run's folder, or to a file that is not there yet and in the project."""
    from journeysim.cli.project import marked_project
    from journeysim.files.run_store import writable

    own = source.folder / (PAGE if lang == source.kept.lang else f"report.{lang}.html")
    target = own if out is None else Path.cwd() / out
    project = marked_project(source.folder) or source.folder.parent
    folder = writable(project, target.parent, "the page (--out)" if out else "the page")
    if out is not None and (target.exists() or target.is_symlink()):
        raise _problem("J094", f"{out} exists, and a page replaces no file but its run's own; name another", out)
    return folder / target.name


def page_html(source: Source, lang: str) -> str:
    """Return the page in a language, with the command and the versions that the numbers come from."""
    from journeysim.report.html import page_of

    return page_of(source.kept.decision, source.kept.scenario, manifest=source.manifest, lang=lang).html


def _write(target: Path, html: str) -> bool:
    """Write the page, whole or not at all, and return whether one was there."""
    from journeysim.files.run_store import write_whole

    there = target.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, html.encode())
    return there


def _say_version(manifest: Row) -> None:
    from journeysim.files.versions import versions

    made, here = manifest.get("versions", {}).get("journeysim"), versions()["journeysim"]
    if made != here:
        say(
            f"The run was made by journeysim {made}, this page by {here}: wording and looks may differ, no number does."
        )


def _problem(code: str, message: str, path: Path) -> BadInput:
    return BadInput([Problem(code, message, Place(str(path), text=str(path), width=len(str(path))))])
