from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from journeysim.calibrate import calibration_key, load_or_calibrate
from journeysim.calibrate.store import rejects_of, save_calibration
from journeysim.errors import BadInput
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed
from maps import exponential

TABLE = """persona,from,to,dwell_from_days,dwell_to_days,count
all customers,(enter),a,,,130
all customers,a,x,1,2,60
all customers,a,x,4,6,20
all customers,a,y,2,4,40
all customers,a,(open),1,1.1,10
"""


def journey() -> JourneyMap:
    links = (Link("x", Fixed(0.5), exponential(3.0)), Link("y", Fixed(0.5), exponential(3.0)))
    unseen = Touchpoint("b", (Link("x", Fixed(0.2), exponential(1.0)), Link("y", None, exponential(1.0))))
    return JourneyMap("one", (Touchpoint("a", links), unseen), (Outcome("x"), Outcome("y")), (("a", Fixed(1.0)),))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "transitions.csv").write_text(TABLE)
    return folder


def test_the_second_time_it_is_loaded_and_the_same(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = load_or_calibrate(journey(), data, seed=1, draws=500, cache=tmp_path / "cache")
    monkeypatch.setattr("journeysim.calibrate.store.calibrate", None)
    kept = load_or_calibrate(journey(), data, seed=1, draws=500, cache=tmp_path / "cache")
    assert (kept.gates, kept.touchpoints, kept.dwells, kept.notes, kept.manifest) == (
        made.gates, made.touchpoints, made.dwells, made.notes, made.manifest,
    )  # fmt: skip
    np.testing.assert_array_equal(kept.draws.values("share"), made.draws.values("share"))
    assert kept.draws.source == "posterior"
    assert '"b" was never observed: posterior = prior for this row' in kept.notes
    assert {item.basis for item in kept.draws.assumptions if item.name == "share: a -> x"} == {"measured"}


def test_a_damaged_cache_is_refused(data: Path, tmp_path: Path):
    load_or_calibrate(journey(), data, seed=1, draws=50, cache=tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*/draws.nc")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BadInput, match="checksum mismatch; recalibrate"):
        load_or_calibrate(journey(), data, seed=1, draws=50, cache=tmp_path / "cache")


def test_the_key_follows_what_the_draws_depend_on(data: Path):
    table = data / "transitions.csv"
    key = calibration_key(journey(), table, 1, 500)
    first = journey().touchpoints[0]
    told = replace(
        journey(), touchpoints=(replace(first, thought="at last", owner="sales"), journey().touchpoints[1]), about="x"
    )
    assert calibration_key(told, table, 1, 500) == key
    weighed = replace(journey(), touchpoints=(replace(first, seen=9.0), journey().touchpoints[1]))
    others = [
        calibration_key(weighed, table, 1, 500),
        calibration_key(journey(), table, 2, 500),
        calibration_key(journey(), table, 1, 501),
    ]
    table.write_text(TABLE.replace("130", "131"))
    others.append(calibration_key(journey(), table, 1, 500))
    assert len({key, *others}) == 5


def test_saved_draws_in_the_folder_are_used_if_they_are_of_this_map(data: Path, tmp_path: Path):
    made = load_or_calibrate(journey(), data, seed=1, draws=50, cache=tmp_path / "cache")
    shipped = tmp_path / "shipped"
    save_calibration(shipped, made)
    shutil.rmtree(tmp_path / "cache")
    found = load_or_calibrate(journey(), shipped, seed=9, draws=7, cache=tmp_path / "cache")
    np.testing.assert_array_equal(found.draws.values("share"), made.draws.values("share"))
    with pytest.raises(BadInput, match="differ in b"):
        load_or_calibrate(
            replace(journey(), touchpoints=journey().touchpoints[:1]), shipped, seed=1, draws=5, cache=tmp_path
        )


def test_a_folder_without_data_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match=r"neither transitions\.csv nor saved draws"):
        load_or_calibrate(journey(), tmp_path, seed=1, draws=5, cache=tmp_path)


def test_an_event_log_can_be_the_source(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(
        "user,step,at\n"
        + "".join(f"{i},a,2026-01-01\n{i},{'x' if i % 4 else 'y'},2026-01-0{2 + i % 5}\n" for i in range(200))
        + ",a,2026-01-01\n"
    )
    settings = LogSettings(columns=(("customer", "user"), ("touchpoint", "step"), ("time", "at")))
    found = load_or_calibrate(journey(), log, seed=1, draws=500, cache=tmp_path, kind="events", settings=settings)
    share = found.draws.values("share")[:, 0, 0, 0]
    assert share.mean() == pytest.approx((150 + 4) / 208, abs=0.01)
    assert any("1 rows set aside: blank customer" in note for note in found.notes)
    assert (found.log.read, found.log.used, found.log.customers) == (401, 400, 200)
    assert rejects_of(found, tmp_path).read_text().splitlines()[1] == "402,blank customer,,a,2026-01-01"
    assert (
        load_or_calibrate(journey(), log, seed=1, draws=500, cache=tmp_path, kind="events", settings=settings).log
        == found.log
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("all customer,a,x,1,2,6", 'persona "all customer"'), ("all customers,c,x,1,2,6", 'touchpoint "c"'),
        ("all customers,a,z,1,2,6", 'place "z"'), ("all customers,a,b,1,2,6", '6 customers took "a -> b"'),
        ("all customers,(enter),x,,,6", "does not have"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_the_map_are_refused(data: Path, tmp_path: Path, row: str, said: str):
    (data / "transitions.csv").write_text(f"{TABLE}{row}\n")
    with pytest.raises(BadInput, match=said):
        load_or_calibrate(journey(), data, seed=1, draws=50, cache=tmp_path)
