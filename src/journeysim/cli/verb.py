"""What all verbs share: options, one JSON document, and how an error becomes a message and an exit code."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, final

import click

from journeysim.cli.screen import harmless, say, show_problems, tally
from journeysim.errors import BadInput, GateFailed, JourneysimError, Problem

_NOTHING: Final = {"check": "", "run": " Nothing was run.", "compare": " Nothing was run."}
_GOES_ON: Final = dict.fromkeys(("run", "compare"), "goes on from the blocks that are finished")
UNEXPECTED: Final = 1
INTERRUPTED: Final = 130
WHERE_TO_REPORT: Final = "the issue tracker of journeysim, with the command and its input"

json_option = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")


_Command = TypeVar("_Command", bound=Callable[..., object])


@final
class Verb(click.Command):
    """A command whose errors become messages for people, a document for machines, and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Call the verb; what it raises ends the command with the code of that error."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            again = _GOES_ON.get(self.name or "", "does it again")
            say(f"\ninterrupted; nothing half-written is left, and the same command {again}")
            ctx.exit(INTERRUPTED)
        except BadInput as error:
            _bad_input(error, as_json=bool(ctx.params.get("as_json")), verb=self.name or "")
            ctx.exit(error.exit_code)
        except GateFailed as error:
            say(f"{error}", style="bold red")
            ctx.exit(error.exit_code)
        except Exception as error:  # noqa: BLE001 - the last net: one line instead of a traceback
            _unexpected(error, debug=bool(ctx.find_root().obj))
            ctx.exit(UNEXPECTED)


def _bad_input(error: BadInput, *, as_json: bool, verb: str) -> None:
    problems = error.problems
    show_problems(problems)
    say(last_line(problems, verb), style="bold")
    if as_json:
        write_json("problems", problems_document(problems))


def last_line(problems: Sequence[Problem], verb: str) -> str:
    """Return the line under all problems: how many, that nothing was done, and how to learn more."""
    nothing = _NOTHING.get(verb, " Nothing was written.")
    codes = sorted({problem.code for problem in problems if problem.severity == "error"})
    more = f"  (journeysim explain {codes[0]})" if codes else ""
    return f"{tally(problems)}.{nothing}{more}"


def problems_document(problems: Sequence[Problem]) -> dict[str, object]:
    """Return problems as JSON values."""
    errors = sum(problem.severity == "error" for problem in problems)
    return {
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [_problem(problem) for problem in problems],
    }


def _problem(problem: Problem) -> dict[str, object]:
    place = problem.place
    names = ("file", "line", "column", "width")
    where = {} if place is None else {name: getattr(place, name) for name in names}
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        **where,
        "path": list(problem.path),
    }


def _unexpected(error: Exception, *, debug: bool) -> None:
    if debug:
        say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, JourneysimError):
        say(f"error: {error}", style="bold red")
    elif isinstance(error, OSError) and error.errno is not None:
        say(f"error: {_system(error)}", style="bold red")
    else:
        text = harmless(" ".join(str(error).split())) or "no message"
        say(f"unexpected error: {type(error).__name__}: {text}", style="bold red")
        say(f"This is a bug. Please report it to {WHERE_TO_REPORT}; `journeysim --debug …` shows the traceback.")


def _system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    why = error.strerror or str(error)
    cure = {
        errno.ENOSPC: "; make room and run the same command again",
        errno.EACCES: "; give yourself the permission, or name another folder",
        errno.EROFS: "; name a folder that can be written",
    }.get(error.errno or 0, "")
    return f"{where}{why[:1].lower()}{why[1:]}{cure}. What was there before is unchanged."


def write_json(name: str, document: Mapping[str, object]) -> None:
    """Write the one document of a command to stdout; `schema` comes first. Not-a-number is written as null."""
    whole = {"schema": f"journeysim/{name}/1", **document}
    sys.stdout.write(json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def files_argument(name: str, metavar: str) -> Callable[[_Command], _Command]:
    """Return the decorator for one or more paths; whether they exist is said as a problem, like all else."""
    return click.argument(name, metavar=metavar, nargs=-1, required=True, type=click.Path(path_type=Path))
