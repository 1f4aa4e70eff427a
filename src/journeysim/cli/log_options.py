"""Options of every verb that reads an event log: which column is which, and how times and numbers are written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import click

from journeysim.cli.shape_options import shape_options
from journeysim.model.log_settings import EPOCHS, Decimal, Epoch, LogSettings
from journeysim.model.log_shape import LogShape


class Columns(click.ParamType[dict[str, str]]):
    """`customer=user_id,time=when`: which column of the file is which."""

    name = "columns"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Return the pairs; what is not NAME=COLUMN is refused."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in str(value).split(",")]
        if not all(name.strip() and column.strip() for name, _, column in pairs):
            self.fail(f'"{value}" is not NAME=COLUMN,NAME=COLUMN, for example customer=user_id,time=when', param, ctx)
        return {name.strip(): column.strip() for name, _, column in pairs}


class Moment(click.ParamType[str]):
    """`2026-01-31` or `2026-01-31T18:00`: a date, or a date and time, UTC."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the moment as it is written; what is none is refused."""
        from journeysim.files.numbers import UnreadableError
        from journeysim.files.phrases import moment

        try:
            return moment(str(value)) if value else ""
        except UnreadableError as error:
            self.fail(str(error), param, ctx)


_OPTIONS = (
    click.option("--columns", type=Columns(), metavar="NAME=COLUMN,...", help="What the log calls them."),
    click.option(
        "--zone", default="UTC", show_default=True, help="Zone of times that state none, such as Europe/Paris."
    ),
    click.option(
        "--time-format", default="", metavar="FORMAT", help='How times are written, such as "%d/%m/%Y %H:%M".'
    ),
    click.option("--epoch", type=click.Choice(tuple(EPOCHS)), help="What numbers as times count since 1970."),
    click.option("--decimal", type=click.Choice((".", ",")), default=".", show_default=True, help="The decimal mark."),
    click.option("--reactivation", is_flag=True, help="Events after an outcome start a new journey."),
    click.option(
        "--cut-off", type=Moment(), default="", help="Until when events were recorded (UTC)  [default: the last event]"
    ),
)


def log_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options to a command, which gets their values as one argument `settings`."""

    @functools.wraps(command)
    def with_settings(
        *arguments: object, columns: Mapping[str, str] | None, zone: str, time_format: str, epoch: Epoch | None,
        decimal: Decimal, reactivation: bool, cut_off: str, shape: LogShape, **others: object,
    ) -> object:  # fmt: skip
        pairs = tuple((columns or {}).items())
        settings = LogSettings(pairs, zone, time_format, epoch, decimal, reactivation, shape, cut_off)
        return command(*arguments, settings=settings, **others)

    made = shape_options(with_settings)
    for option in reversed(_OPTIONS):
        made = option(made)
    return made
