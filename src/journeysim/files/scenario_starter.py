"""A scenario file to start from, beside a journey that was proposed from a log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from journeysim.files.journey_writer import quoted
from journeysim.files.places import project_folder


def starter_scenario(folder: Path, log: Path, columns: Mapping[str, str]) -> str:
    """Return a scenario file for `folder/journey.yaml` that calibrates on a log and asks nothing yet.

    A log outside the project cannot be named in a scenario; then the file says what to do about it.
    """
    lines = [
        "# Started by `journeysim discover`. Decide in journey.yaml what a conversion is and what it is worth, then write",
        "# your question and a proposal here, and run it:   journeysim run scenario.yaml",
        "journeysim: 1",
        "question: What would a change bring?      # DECIDE",
        "journey: journey.yaml",
        *_events(folder, log, columns),
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


def _events(folder: Path, log: Path, columns: Mapping[str, str]) -> list[str]:
    named = (
        [f"columns: {{{', '.join(f'{role}: {quoted(name)}' for role, name in columns.items())}}}"] if columns else []
    )
    if log.resolve().is_relative_to(project_folder(folder / "scenario.yaml")):
        written = Path(os.path.relpath(log.resolve(), folder.resolve())).as_posix()
        return [f"events: {quoted(written)}", *named]
    return [
        "# The log is outside of the project, so it cannot be named here: copy it beside this file, then",
        f"# events: {quoted(log.name)}",
        *(f"# {line}" for line in named),
    ]
