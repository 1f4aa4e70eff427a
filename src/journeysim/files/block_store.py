"""Finished blocks of a run, kept until the run is written: arrays by the content of what they were made from.

A file is named by the digest of its block's question and begins with the digest of its own bytes, so one that was cut
short by a crash, or changed, is taken as not there. It is a NumPy archive of plain arrays; nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import time
import uuid
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.files.run_store import private_folder

ABANDONED_AFTER: Final = 7 * 24 * 3600.0
_DIGEST: Final = hashlib.sha256().digest_size
_ENDING: Final = ".block"

Arrays = dict[str, NDArray[np.generic]]


@final
@dataclass(frozen=True, slots=True)
class BlockStore:
    """A folder of finished blocks."""

    folder: Path

    def get(self, name: str) -> Arrays | None:
        """Return a block, or None where there is none that is whole."""
        try:
            content = (self.folder / f"{name}{_ENDING}").read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        with np.load(io.BytesIO(content[_DIGEST:]), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep a block: whole, or not at all.

        Without waiting for the disk: after a power cut a block may be missing or spoilt, which `get` finds out.
        """
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # the stub takes the names for the flag allow_pickle
        content = stream.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{uuid.uuid4().hex}"
        try:
            beside.write_bytes(hashlib.sha256(content).digest() + content)
            beside.replace(self.folder / f"{name}{_ENDING}")
        except FileNotFoundError:
            # Another process has just finished the same run and removed the folder: nobody will ask for this block.
            pass
        finally:
            beside.unlink(missing_ok=True)

    def __len__(self) -> int:
        """Return how many blocks there are."""
        return sum(1 for _ in self.folder.glob(f"*{_ENDING}"))

    def remove(self) -> None:
        """Remove all blocks: what they were for is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def blocks_of(project: Path, digest: str) -> BlockStore:
    """Return the blocks of the run with this digest; what runs abandoned a week ago is removed on the way."""
    every = private_folder(project, "blocks")
    for left in every.iterdir():
        with contextlib.suppress(OSError):
            if left.is_dir() and not left.is_symlink() and time.time() - left.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(left, ignore_errors=True)
    return BlockStore(every / digest)


def content_digest(value: object) -> str:
    """Return the hexadecimal SHA-256 of a value made of dataclasses, tuples, arrays, numbers, dates and texts.

    Equal digests mean equal content: types, names of fields, lengths, shapes and bytes all count.
    """
    sums = hashlib.sha256()
    _add(sums, value)
    return sums.hexdigest()


def _add(sums: hashlib._Hash, value: object) -> None:
    """Add one value, so that no two different values add the same bytes."""
    if is_dataclass(value):
        names = [item.name for item in fields(value)]
        sums.update(f"<{type(value).__qualname__} {names!r}>".encode())
        for name in names:
            _add(sums, getattr(value, name))
    elif isinstance(value, np.ndarray):
        sums.update(f"<array {value.dtype.str} {value.shape!r}>".encode())
        sums.update(np.ascontiguousarray(value).data.cast("B") if value.size else b"")
    elif isinstance(value, tuple):
        sums.update(f"<{type(value).__qualname__} of {len(value)}>".encode())
        for item in value:
            _add(sums, item)
    elif value is None or isinstance(value, str | bool | int | float | date):
        text = f"{type(value).__name__} {value!r}"
        sums.update(f"<{len(text)} {text}>".encode())
    else:
        raise TypeError(f"no digest for a {type(value).__name__}")
