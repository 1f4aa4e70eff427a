"""What `score` leaves: score.json, for the trust grade, and journey.yaml, for the next calibration to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from journeysim.errors import BadInput, Place, Problem

if TYPE_CHECKING:
    import xarray as xr

    from journeysim.decide.forecast import Came, ForecastScore
    from journeysim.model.draws import Draws
    from journeysim.model.scenario import Scenario

SCHEMA: Final = "journeysim/score/1"
FILE: Final = "score.json"
JOURNEY: Final = "journey.yaml"
DRAWS: Final = "draws.nc"


def write_score(run: Path, document: Mapping[str, object], journey: str, name: str) -> Path:
    """Write the score of a run beside it, whole or not at all, and return its folder."""
    from journeysim.cli.project import marked_project
    from journeysim.files.run_store import digest_of, writable, write_run
    from journeysim.report.write import strict_json

    reports = run.resolve().parent
    project = marked_project(reports) or reports.parent
    target = writable(project, reports, "the folder for scores")

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        texts = {FILE: strict_json({"schema": SCHEMA, **document}), JOURNEY: journey}
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")

    return write_run(project, target, f"score-{name}", digest_of({**document, JOURNEY: journey}), write)


def score_document(
    run: Path, arm: str, since: str, came: Sequence[Came], scores: Sequence[ForecastScore]
) -> dict[str, object]:
    """Return a score as JSON values; its gates are what the trust grade of a later run reads."""
    from journeysim.decide.forecast import most_surprise, too_surprising

    gates = [
        {
            "name": f"{item.metric}: bits of surprise in one {figure_of(item.metric)}",
            "value": item.most,
            "wanted": "<=",
            "limit": most_surprise(item.months),
            "passed": not too_surprising(item),
        }
        for item in scores
    ]
    return {
        "run": str(run),
        "arm": arm,
        "from": since,
        "months": [asdict(item) for item in came],
        "scores": [asdict(item) for item in scores],
        "gates": gates,
    }


def figure_of(metric: str) -> str:
    """Return what a score of a metric is made of: months, or figures of personas and places."""
    from journeysim.decide.forecast import CONVERSIONS, ENTRANTS, REVENUE

    return "month" if metric in {ENTRANTS, CONVERSIONS, REVENUE} else "figure"


def carried_journey(run: Path, scenario: Scenario, arm: str, since: str, *, weight: float) -> str:
    """Return the journey file of what a run knew of an arm; BadInput when its draws are not there."""
    from journeysim.calibrate.carried import carried
    from journeysim.files.journey_writer import write_journey
    from journeysim.model.arms import build_arms

    arms = build_arms(scenario, run_draws(run), seed=scenario.seed)
    world = next(item for item in arms if item.name == arm).worlds[-1]
    counted = "" if weight == 1.0 else f", counted at {weight:.0%} of the customers it rests on"
    head = (
        f"What the run {run.name} knew of {'today' if arm == 'today' else f'the proposal {arm}'}{counted}.",
        f"Calibrate it on the customers who entered from {since} on, none of whom it has seen:",
        f"journeysim calibrate LOG --journey {JOURNEY} --entered-from {since}",
        "",
    )
    return write_journey(carried(world.journey, world.draws, weight=weight), {(): head})


def run_draws(run: Path) -> Draws:
    """Return today's draws of a run; BadInput when they are not there."""
    from journeysim.model.draws import Draws

    return Draws(_draws(run / DRAWS), "posterior")


def _draws(file: Path) -> xr.Dataset:
    import xarray as xr

    try:
        return xr.load_dataset(file, engine="h5netcdf")
    except OSError as error:
        folder = str(file.parent)
        why = f"{folder} has no {file.name} that can be read ({error.strerror or error}); run the scenario again"
        raise BadInput([Problem("J098", why, Place(folder, text=folder, width=len(folder)))]) from error
