"""Draws on disk: `draws.nc` (NetCDF-4), and `manifest.json` with its checksum and what it was made from."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.run_store import digest_of_file, write_whole
from journeysim.model.draws import Assumption, Draws

if TYPE_CHECKING:
    import xarray as xr

DRAWS_FILE: Final = "draws.nc"
MANIFEST_FILE: Final = "manifest.json"
SCHEMA: Final = "journeysim/draws/2"
_VALUES, _AXIS = "assumption_values", "assumption"


def save_draws(folder: Path, draws: Draws, manifest: Mapping[str, object]) -> None:
    """Write draws and manifest into a folder; readers see the old pair, the new pair, or a checksum mismatch.

    Each file is written beside and moved into place; nothing temporary is left behind on failure. `manifest` must be
    JSON values; the schema, the source of the draws and the checksum are added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / DRAWS_FILE
    beside = folder / f".{DRAWS_FILE}.{uuid.uuid4().hex}"
    try:
        _with_assumptions(draws).to_netcdf(beside, engine="h5netcdf")
        checksum = digest_of_file(beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    ledger = [{"name": item.name, "basis": item.basis} for item in draws.assumptions]
    whole = {**manifest, "schema": SCHEMA, "source": draws.source, "assumptions": ledger, "sha256": checksum}
    write_whole(folder / MANIFEST_FILE, (json.dumps(whole, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def load_draws(folder: Path) -> tuple[Draws, Mapping[str, Any]]:
    """Return the draws and the manifest of a folder.

    Raises BadInput when a file is missing, made by a newer version, or not the one the manifest was written for.
    """
    manifest = _manifest(folder)
    content = _content(folder / DRAWS_FILE, str(manifest["sha256"]))
    data = _opened(content)
    values = np.asarray(data[_VALUES].values)
    ledger = zip(manifest["assumptions"], values, strict=True)
    assumptions = tuple(Assumption(str(item["name"]), str(item["basis"]), row) for item, row in ledger)
    return Draws(data.drop_vars(_VALUES), str(manifest["source"]), assumptions), manifest


def has_draws(folder: Path) -> bool:
    """Return whether a folder holds saved draws."""
    return (folder / MANIFEST_FILE).is_file() and (folder / DRAWS_FILE).is_file()


def _with_assumptions(draws: Draws) -> xr.Dataset:
    rows = [item.values for item in draws.assumptions]
    values = np.stack(rows) if rows else np.zeros((0, draws.count))
    return draws.data.assign({_VALUES: ((_AXIS, "draw"), values)})


def _manifest(folder: Path) -> Mapping[str, Any]:
    file = folder / MANIFEST_FILE
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput([Problem("F001", f"{folder} holds no saved draws ({MANIFEST_FILE} is missing)")]) from None
    except ValueError as error:
        raise BadInput([Problem("F002", f"not a manifest ({error}); recalibrate", Place(str(file)))]) from None
    wanted = {"schema", "sha256", "source", "assumptions"}
    if not isinstance(manifest, dict) or not wanted <= manifest.keys():
        raise BadInput([Problem("F002", "not a manifest of draws; recalibrate", Place(str(file)))])
    if manifest["schema"] != SCHEMA:
        message = f"made for {manifest['schema']}, this journeysim reads {SCHEMA}; recalibrate"
        raise BadInput([Problem("F003", message, Place(str(file)))])
    return manifest


def _content(file: Path, checksum: str) -> bytes:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise BadInput([Problem("F001", f"{file.parent} holds no saved draws ({file.name} is missing)")]) from None
    if hashlib.sha256(content).hexdigest() != checksum:
        message = "checksum mismatch; recalibrate (the file was cut short or changed)"
        raise BadInput([Problem("F004", message, Place(str(file)))])
    return content


def _opened(content: bytes) -> xr.Dataset:
    import io

    import xarray as xr

    return xr.load_dataset(io.BytesIO(content), engine="h5netcdf")
