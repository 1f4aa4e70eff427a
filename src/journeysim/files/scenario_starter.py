"""A scenario file to start from, beside a journey that was proposed from a log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from journeysim.files.journey_writer import quoted
from journeysim.files.number_texts import duration
from journeysim.files.places import project_folder
from journeysim.model.log_settings import PLAIN, LogSettings
from journeysim.model.log_shape import LogShape


def starter_scenario(folder: Path, log: Path, settings: LogSettings = PLAIN) -> str:
    """Return a scenario file for `folder/journey.yaml` that calibrates on a log and asks nothing yet.

    A log outside the project cannot be named in a scenario; then the file says what to do about it.
    """
    lines = [
        "# Started by `journeysim discover`. Decide in journey.yaml what a conversion is and what it is worth, then write",
        "# your question and a proposal here, and run it:   journeysim run scenario.yaml",
        "journeysim: 1",
        "question: What would a change bring?      # DECIDE",
        "journey: journey.yaml",
        *_events(folder, log, settings),
        "horizon: 12 months                         # DECIDE",
        "",
        "proposals: {}",
        "#  my proposal:",
        "#    changes:",
        "#      - change share: FROM -> TO",
        "#        odds x: 1.05 to 1.30               # a 90 % range for the odds ratio",
        "#        basis: guess",
        "#    invest: {upfront: EUR 10k, running: EUR 500 per month}",
        "seed: 1",
    ]
    return "".join(f"{line}\n" for line in lines)


def _events(folder: Path, log: Path, settings: LogSettings) -> list[str]:
    named = [*_settings(settings), *_shape(settings.shape)]
    if log.resolve().is_relative_to(project_folder(folder / "scenario.yaml")):
        written = Path(os.path.relpath(log.resolve(), folder.resolve())).as_posix()
        return [f"events: {quoted(written)}", *named]
    return [
        "# The log is outside of the project, so it cannot be named here: copy it beside this file, then",
        f"# events: {quoted(log.name)}",
        *(f"# {line}" for line in named),
    ]


def _settings(settings: LogSettings) -> Iterator[str]:
    """Yield how the log is read, where that is not the usual way."""
    if settings.columns:
        yield f"columns: {_flow({role: quoted(name) for role, name in settings.columns})}"
    if settings.zone != PLAIN.zone:
        yield f"zone: {quoted(settings.zone)}"
    if settings.time_format:
        yield f"time format: {quoted(settings.time_format)}"
    if settings.epoch:
        yield f"epoch: {settings.epoch}"
    if settings.decimal != PLAIN.decimal:
        yield f'decimal: "{settings.decimal}"'
    if settings.reactivation:
        yield "reactivation: true"
    if settings.cut_off:
        yield f"cut off: {quoted(settings.cut_off)}"


def _shape(shape: LogShape) -> list[str]:
    """Return what is made of the log's events, as a group of settings; nothing where they are taken as they are."""
    lines = []
    if shape.split_by:
        lines.append(f"split by: {_list(shape.split_by)}")
    if shape.drop:
        lines.append(f"drop: {_list(shape.drop)}")
    if shape.rename:
        news = dict.fromkeys(new for _, new in shape.rename)
        olds = {new: [old for old, other in shape.rename if other == new] for new in news}
        lines += ["rename:", *(f"  {quoted(new)}: {_list(names)}" for new, names in olds.items())]
    if shape.after:
        rules = [
            (rule.becomes, {"touchpoint": quoted(rule.touchpoint), "after": quoted(rule.after)}) for rule in shape.after
        ]
        lines += ["after:", *(f"  {quoted(new)}: {_flow(rule)}" for new, rule in rules)]
    if shape.session_gap is not None:
        lines.append(f"session gap: {duration(shape.session_gap)}")
    if shape.collapse is not None:
        lines.append(f"collapse repeats: {'any' if shape.collapse == float('inf') else duration(shape.collapse)}")
    if shape.entered_from:
        lines.append(f"entered from: {shape.entered_from}")
    return ["shape:", *(f"  {line}" for line in lines)] if lines else []


def _flow(group: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in group.items())}}}"


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, names))}]"
