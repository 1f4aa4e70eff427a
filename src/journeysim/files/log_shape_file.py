"""How a scenario file says what is made of a log's events."""

from __future__ import annotations

from typing import Annotated, final

from pydantic import Field

from journeysim.files.file_model import FileModel, Raw, required_in_editors
from journeysim.files.numbers import DURATION
from journeysim.files.shapes import Day, Duration, Reading, Text, Texts, reads, required_text
from journeysim.model.log_shape import After, LogShape

_ANY = "any"


def _within(raw: Raw, _: Reading) -> float:
    written = required_text(raw)
    return float("inf") if written == _ANY else DURATION.read(written)


@final
class AfterFile(FileModel):
    """A touchpoint by what came before."""

    model_config = required_in_editors("touchpoint", "after")
    touchpoint: Text = ""
    after: Text = ""


@final
class ShapeFile(FileModel):
    """A shape of the log."""

    split_by: Texts = ()
    drop: Texts = ()
    rename: dict[str, Texts] = Field(default_factory=dict)
    after: dict[str, AfterFile] = Field(default_factory=dict)
    session_gap: Duration | None = None
    collapse_repeats: Annotated[float | None, *reads(_within, {"type": "string"})] = None
    entered_from: Day | None = None


def shape_of(file: ShapeFile | None) -> LogShape:
    """Return what a scenario file says about the shape of its log."""
    if file is None:
        return LogShape()
    return LogShape(
        split_by=file.split_by,
        drop=file.drop,
        rename=tuple((old, new) for new, names in file.rename.items() for old in names),
        after=tuple(After(item.touchpoint, item.after, new) for new, item in file.after.items()),
        session_gap=file.session_gap,
        collapse=file.collapse_repeats,
        entered_from=file.entered_from or "",
    )
