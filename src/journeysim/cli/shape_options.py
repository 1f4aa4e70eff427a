"""Options that shape a log's events before anything is counted; what is longer is written in the scenario file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import click

from journeysim.model.log_shape import After, LogShape

#: What collapses every repeat, however much later.
ANY: Final = "any"


class Time(click.ParamType[float]):
    """`30min`: a length of time, in days."""

    name = "time"

    def __init__(self, *, any_time: bool = False) -> None:
        self._any_time = any_time

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the days; what is no length of time is refused."""
        from journeysim.files.numbers import DURATION, UnreadableError

        if isinstance(value, float):
            return value
        if self._any_time and value == ANY:
            return float("inf")
        try:
            days = DURATION.read(str(value))
        except UnreadableError as error:
            self.fail(str(error), param, ctx)
        return days


class Renamed(click.ParamType[tuple[str, str]]):
    """`A_DECLINED=declined`: an event's name, and the one it gets."""

    name = "rename"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both names; what is not OLD=NEW is refused. A name may hold `=`: the last one counts."""
        if isinstance(value, tuple):
            return value
        old, _, new = str(value).rpartition("=")
        if not old.strip() or not new.strip():
            self.fail(f'"{value}" is not OLD=NEW, for example "A_DECLINED=declined"', param, ctx)
        return old.strip(), new.strip()


_OPTIONS: Final = (
    click.option("--drop", multiple=True, metavar="NAME", help="Leave these events out (repeatable; * is any text)."),
    click.option("--rename", type=Renamed(), multiple=True, metavar="OLD=NEW", help="Other names; several may become one."),
    click.option("--split-by", multiple=True, metavar="COLUMN", help="Add this column's text to the touchpoint's name."),
    click.option("--again", type=Renamed(), multiple=True, metavar="NAME=NEW", help="From the second time on it is NEW."),
    click.option("--session-gap", type=Time(), metavar="TIME", help="A silence longer than this starts a new journey."),
    click.option(
        "--collapse", type=Time(any_time=True), metavar="TIME", help="The same touchpoint again so soon is one stay; or any."
    ),
    click.option("--entered-from", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
                 help="Leave out journeys that began before (UTC)."),
)  # fmt: skip


def shape_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options to a command, which gets them as one argument `shape`."""

    @functools.wraps(command)
    def shaped(
        *arguments: object, drop: tuple[str, ...], rename: tuple[tuple[str, str], ...], split_by: tuple[str, ...],
        again: tuple[tuple[str, str], ...], session_gap: float | None, collapse: float | None,
        entered_from: datetime | None, **others: object,
    ) -> object:  # fmt: skip
        after = tuple(After(name, name, new) for name, new in again)
        shape = LogShape(
            split_by, drop, rename, after, session_gap, collapse, f"{entered_from:%Y-%m-%d}" if entered_from else ""
        )
        return command(*arguments, shape=shape, **others)

    made: Callable[..., Any] = shaped
    for option in reversed(_OPTIONS):
        made = option(made)
    return made
