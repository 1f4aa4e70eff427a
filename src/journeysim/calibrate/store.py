"""Calibrations kept by content: the same map, data, seed and code give the same key, and the key finds the draws."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from journeysim.calibrate.account import DwellAccount, TouchpointAccount
from journeysim.calibrate.checks import FitCheck
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers import Choice
from journeysim.calibrate.posterior import Calibration, calibrate
from journeysim.calibrate.prior_parts import PriorPart
from journeysim.errors import BadInput, Place, Problem
from journeysim.files.draws_store import has_draws, load_draws, save_draws
from journeysim.files.events import read_transitions
from journeysim.files.events.sources import files_at
from journeysim.files.observing import observe_log
from journeysim.files.run_store import digest_of, digest_of_file
from journeysim.model.event_log import SetAside
from journeysim.model.journey import JourneyMap, Touchpoint, link_id, links_of
from journeysim.model.log_account import LogAccount
from journeysim.model.log_settings import PLAIN, LogSettings

#: The file beside kept draws with the rows of the log that were set aside.
REJECTS: Final = "rejects.csv"
Kind = Literal["transitions", "events"]
TABLE_NAMES: Final = ("transitions.csv", "transitions.parquet", "transitions.csv.gz")
#: What people say about a touchpoint that no number depends on.
_PROSE: Final = frozenset({
    "stage", "channel", "owner", "goal", "action", "thought", "pain_points", "opportunities", "root_causes",
    "solutions", "moment_of_truth", "magic_moment", "backstage", "conversion", "staffed_by", "feeling_spread",
})  # fmt: skip
_MODEL_CODE: Final = ("addresses", "draws", "dwell", "event_log", "observations", "quantity", "transitions", "visits")
_LIBRARIES: Final = ("pymc", "pytensor", "arviz", "numpy", "scipy")


def calibration_key(journey: JourneyMap, data: Path, seed: int, draws: int, settings: LogSettings = PLAIN) -> str:
    """Return the hexadecimal digest of everything the draws depend on.

    That is: the map without its prose, the bytes of the data, seed, number of draws, the text of the calibration code
    and the versions of the libraries it samples with.
    """
    parts = {
        "map": _numbers_of(journey),
        "data": _digest(data),
        "settings": repr(settings),
        "seed": seed,
        "draws": draws,
        "code": _code(),
        "libraries": _versions(),
    }
    return digest_of(parts)


def _numbers_of(journey: JourneyMap) -> list[str]:
    touchpoints = [
        [f"{item.name}={getattr(touchpoint, item.name)!r}" for item in fields(Touchpoint) if item.name not in _PROSE]
        for touchpoint in journey.touchpoints
    ]
    whole = (journey.outcomes, journey.entry, journey.entry_by_persona, journey.seen_entry, journey.arrivals_per_day)
    personas = [(persona.name, persona.share) for persona in journey.personas]
    return [repr(touchpoints), repr(whole), repr(personas)]


def _code() -> dict[str, str]:
    """Return the digests of the modules that decide the draws."""
    here = Path(__file__).parent
    model = here.parent / "model"
    reading = here.parent / "files"
    files = [
        *here.rglob("*.py"),
        *(reading / "events").glob("*.py"),
        *(reading / "counting").glob("*.py"),
        *(model / "observed").glob("*.py"),
        *(model / f"{name}.py" for name in _MODEL_CODE),
    ]
    return {file.relative_to(here.parent).as_posix(): digest_of_file(file) for file in sorted(files)}


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def load_or_calibrate(
    journey: JourneyMap,
    source: str | Path,
    *,
    seed: int,
    draws: int,
    cache: Path,
    kind: Kind = "transitions",
    settings: LogSettings = PLAIN,
) -> Calibration:
    """Return the calibration of a map from data, made once and kept in `cache` under its key.

    `source` is a transition table, a folder that holds one (`transitions.csv`), a folder with saved draws, or, with
    `kind="events"`, an event log, written as `settings` say. Rows that were set aside one by one are kept beside the
    draws (`rejects_of`). Raises BadInput when there is no data, when it does
    not fit the map, and when kept draws do not match their checksum.
    """
    path = Path(source)
    if path.is_dir() and has_draws(path):
        return _fitting(loaded(path), journey, path)
    data = path if kind == "events" else _data_file(path)
    key = calibration_key(journey, data, seed, draws, settings)
    kept = cache / key[:24]
    if has_draws(kept):
        return loaded(kept)
    kept.mkdir(parents=True, exist_ok=True)
    found = _calibrated(journey, data, kind, settings, kept / REJECTS, seed=seed, draws=draws)
    made = replace(found, manifest=(*_made_from(data, seed, draws), ("key", key)))
    save_calibration(kept, made)
    return made


def rejects_of(found: Calibration, cache: Path) -> Path | None:
    """Return the file with the rows that were set aside when a calibration was made, if any were."""
    file = cache / dict(found.manifest).get("key", "")[:24] / REJECTS
    return file if file.is_file() else None


def _calibrated(
    journey: JourneyMap, data: Path, kind: Kind, settings: LogSettings, rejects: Path, *, seed: int, draws: int
) -> Calibration:
    if kind == "transitions":
        return calibrate(journey, read_transitions(data), seed=seed, draws=draws)
    observed, account = observe_log(data, journey, settings, rejects=rejects)
    found = calibrate(journey, observed, seed=seed, draws=draws)
    notes = [*map(_in_words, account.set_aside), *(problem.message for problem in account.warnings), *_on_log(account)]
    return replace(found, notes=(*found.notes, *notes), log=account)


def _on_log(account: LogAccount) -> Iterator[str]:
    yield (
        f"of {account.customers:,} customers in the log {account.open:,} had not reached an outcome at the cut-off and count "
        f"as still on the way, not as lost; {account.single:,} have a single event and are kept"
    )
    if account.sampled is not None:
        yield (
            f"the log is large: shares and dwell rest on all of its customers, everything else was learned from "
            f"{account.sampled:,} of them, chosen by their hashed id"
        )


def _in_words(item: SetAside) -> str:
    where = f" ({', '.join(item.examples)})" if item.examples else ""
    return f"{item.rows:,} {item.what}s set aside: {item.reason}{where}"


def _made_from(data: Path, seed: int, draws: int) -> tuple[tuple[str, str], ...]:
    libraries = tuple((f"version of {name}", text) for name, text in _versions().items())
    made_from = (("data", data.name), ("data sha256", _digest(data)), ("seed", str(seed)), ("draws", str(draws)))
    return (*made_from, *libraries)


def _digest(data: Path) -> str:
    """Return the digest of a log's bytes: of its one file, or of all files by name."""
    files = files_at(data)
    if len(files) == 1:
        return digest_of_file(files[0])
    return digest_of({file.name: digest_of_file(file) for file in files})


def _data_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = next((path / name for name in TABLE_NAMES if (path / name).is_file()), None)
    if found is None:
        raise BadInput([Problem("F005", f"{path} holds neither {TABLE_NAMES[0]} nor saved draws", Place(str(path)))])
    return found


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into a folder: draws, and everything else in the manifest."""
    account = {
        "gates": [asdict(gate) for gate in calibration.gates],
        "touchpoints": [asdict(row) for row in calibration.touchpoints],
        "dwells": [asdict(row) for row in calibration.dwells],
        "notes": list(calibration.notes),
        "choices": [asdict(row) for row in calibration.choices],
        "log": asdict(calibration.log) if calibration.log else None,
        "checks": [asdict(row) for row in calibration.checks],
        "prior_parts": [asdict(row) for row in calibration.prior_parts],
        "made_from": [list(pair) for pair in calibration.manifest],
    }
    save_draws(folder, calibration.draws, account)


def loaded(folder: Path) -> Calibration:
    """Return the calibration that a folder holds; raises BadInput when it is damaged."""
    draws, manifest = load_draws(folder)
    return Calibration(
        draws,
        tuple(Gate(**row) for row in _rows(manifest, "gates")),
        tuple(TouchpointAccount(**row) for row in _rows(manifest, "touchpoints")),
        tuple(DwellAccount(**row) for row in _rows(manifest, "dwells")),
        tuple(str(note) for note in manifest.get("notes", ())),
        tuple(Choice(**row) for row in _rows(manifest, "choices")),
        tuple(FitCheck(**row) for row in _rows(manifest, "checks")),
        tuple((str(name), str(text)) for name, text in manifest.get("made_from", ())),
        log=_account(manifest.get("log")),
        prior_parts=tuple(PriorPart(**row) for row in _rows(manifest, "prior_parts")),
    )


def _account(kept: dict[str, Any] | None) -> LogAccount | None:
    if kept is None:
        return None
    aside = tuple(SetAside(**(item | {"examples": tuple(item["examples"])})) for item in kept["set_aside"])
    warnings = tuple(Problem(item["code"], item["message"], severity="warning") for item in kept["warnings"])
    return LogAccount(**(kept | {"set_aside": aside, "warnings": warnings}))


def _rows(manifest: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return list(manifest.get(name, ()))


def _fitting(calibration: Calibration, journey: JourneyMap, folder: Path) -> Calibration:
    """Return the calibration if its draws are of this map; BadInput with what differs otherwise."""
    draws = calibration.draws
    labels = tuple(link_id(touchpoint.name, link.target) for touchpoint, link in links_of(journey))
    wanted = {"personas": journey.persona_names, "places": journey.place_names, "links": labels}
    saved = {"personas": draws.personas, "places": draws.places, "links": draws.links}
    problems = [_differs(kind, saved[kind], names, folder) for kind, names in wanted.items() if saved[kind] != names]
    if problems:
        raise BadInput(problems)
    return calibration


def _differs(kind: str, saved: tuple[str, ...], wanted: tuple[str, ...], folder: Path) -> Problem:
    odd = sorted(set(saved) ^ set(wanted))
    what = f"differ in {', '.join(odd[:5])}" if odd else "stand in another order"
    return Problem("F006", f"the {kind} of the saved draws and of the map {what}; recalibrate", Place(str(folder)))
