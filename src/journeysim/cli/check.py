"""`journeysim check`: every problem in every file; changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from journeysim.cli.screen import counted, say, show_problems
from journeysim.cli.verb import Verb, files_argument, json_option, last_line, problems_document, write_json
from journeysim.errors import BadInput

BAD_INPUT = BadInput.exit_code


@click.command("check", cls=Verb)
@files_argument("paths", "FILE...")
@json_option
def command(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Show every problem in every journey and scenario FILE, with its place and its cure; change nothing.

    A scenario's journey file is checked with it. Exit code 2 when there is an error; warnings alone are no error.
    """
    from journeysim.files import check_files

    problems = check_files(paths)
    show_problems(problems)
    fine = f"{counted(len(paths), 'file')} checked, no problems."
    say(last_line(problems, "check") if problems else fine, style="bold")
    if as_json:
        write_json("problems", problems_document(problems))
    if any(problem.severity == "error" for problem in problems):
        raise click.exceptions.Exit(BAD_INPUT)
