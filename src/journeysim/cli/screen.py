"""What people see, on stderr: lines, problems, tables, and progress once something takes more than two seconds."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, final

from journeysim.errors import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PATIENCE: Final = 2.0
# A file's text may hold terminal escapes; shown raw they could hide or forge lines.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console() -> Console:
    """Return a console on today's stderr that neither wraps nor interprets what it is given; honours NO_COLOR."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def harmless(text: str) -> str:
    """Return text without control characters other than line ends and tabs."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str = "", style: str = "") -> None:
    """Write a line for people."""
    console().print(harmless(text), style=style or None)


def show_problems(problems: Sequence[Problem]) -> None:
    """Write every problem with its place, its line and its underline."""
    from rich.text import Text

    out = console()
    for problem in problems:
        text = Text(harmless(str(problem)))
        head = len(f"{problem.severity}[{problem.code}]")
        text.stylize("bold red" if problem.severity == "error" else "bold yellow", 0, head)
        out.print(text)


def tally(problems: Sequence[Problem]) -> str:
    """Return "2 errors, 0 warnings"."""
    errors = sum(problem.severity == "error" for problem in problems)
    return f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')}"


def counted(number: int, thing: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@final
class Stages:
    """Says which stage a long command is in, of how many: a bar on a terminal, plain lines elsewhere.

    Nothing is shown before two seconds have passed, so a short command stays silent.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._console = console()
        self._bar: Progress | None = None
        self._announced = False
        self._started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage under its name, and announce it when it takes long."""
        began = time.monotonic()
        already = began - self._started
        timer = threading.Timer(max(0.5, PATIENCE - already), self._announce, [name])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            self._done += 1
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def past(self, name: str) -> None:
        """Say that one of several runs is finished, where that took long."""
        if self._announced:
            self._console.print(f"{harmless(name)}: done")
            self._announced = False

    @contextlib.contextmanager
    def showing(self) -> Iterator[Stages]:
        """Keep the bar on screen until the block ends, however it ends."""
        try:
            yield self
        finally:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _announce(self, name: str) -> None:
        self._announced = True
        if not self._console.is_terminal:
            self._console.print(f"{name} (step {self._done + 1} of {self._total}) …")
            return
        if self._bar is None:
            self._bar = _bar(self._console, self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=name, completed=self._done)


def _bar(out: Console, total: int) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    bar = Progress(*columns, console=out, transient=True)
    bar.add_task("", total=total)
    return bar
