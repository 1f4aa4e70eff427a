from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from journeysim.calibrate import prior_draws
from journeysim.errors import BadInput
from journeysim.files.draws_store import DRAWS_FILE, MANIFEST_FILE, has_draws, load_draws, save_draws
from maps import shop


@pytest.fixture
def draws():
    return prior_draws(shop(), draws=20, seed=1)


def test_what_was_saved_is_loaded(tmp_path: Path, draws):
    save_draws(tmp_path / "kept", draws, {"note": "é"})
    found, manifest = load_draws(tmp_path / "kept")
    xr.testing.assert_identical(found.data, draws.data)
    assert (found.source, manifest["note"]) == ("prior", "é")
    assert [(item.name, item.basis) for item in found.assumptions] == [(a.name, a.basis) for a in draws.assumptions]
    np.testing.assert_array_equal(found.assumptions[3].values, draws.assumptions[3].values)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [DRAWS_FILE, MANIFEST_FILE]


def test_variables_of_a_calibration_are_kept(tmp_path: Path, draws):
    kappa = np.where(np.arange(len(draws.places)) == 0, 4.5, np.nan)
    more = draws.with_data(draws.data.assign(frailty=(("draw", "place"), np.tile(kappa, (20, 1)))))
    save_draws(tmp_path, more, {})
    xr.testing.assert_identical(load_draws(tmp_path)[0].data, more.data)


def test_a_truncated_file_is_refused(tmp_path: Path, draws):
    save_draws(tmp_path, draws, {})
    whole = (tmp_path / DRAWS_FILE).read_bytes()
    (tmp_path / DRAWS_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="checksum mismatch; recalibrate"):
        load_draws(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "journeysim/draws/9", "sha256": "", "source": "", "assumptions": []}']
)
def test_a_manifest_that_is_none_of_ours_is_refused(tmp_path: Path, draws, text: str):
    save_draws(tmp_path, draws, {})
    (tmp_path / MANIFEST_FILE).write_text(text)
    with pytest.raises(BadInput, match="recalibrate"):
        load_draws(tmp_path)


def test_missing_files_are_named(tmp_path: Path, draws):
    with pytest.raises(BadInput, match="holds no saved draws"):
        load_draws(tmp_path)
    save_draws(tmp_path, draws, {})
    (tmp_path / DRAWS_FILE).unlink()
    assert not has_draws(tmp_path)
    with pytest.raises(BadInput, match="holds no saved draws"):
        load_draws(tmp_path)


def test_a_failed_write_leaves_the_old_files_and_nothing_else(tmp_path: Path, draws, monkeypatch: pytest.MonkeyPatch):
    save_draws(tmp_path, draws, {})
    before = (tmp_path / DRAWS_FILE).read_bytes()

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        save_draws(tmp_path, draws, {"other": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == [DRAWS_FILE, MANIFEST_FILE]
    assert (tmp_path / DRAWS_FILE).read_bytes() == before
    assert "other" not in json.loads((tmp_path / MANIFEST_FILE).read_text())
