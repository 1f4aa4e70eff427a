"""What jobs share, laid down once: large arrays in files that every process maps into its memory.

Jobs of one world, and of worlds alike, hold the same tables again and again. A job is pickled in two parts (pickle
protocol 5): its large buffers lie on a shelf, each content once, and the rest travels with the job. Whoever takes the job
maps what it names, so nothing large is copied between processes.
"""

from __future__ import annotations

import mmap
import pickle
import shutil
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

#: Bytes from which on a buffer is laid down; a smaller one costs less to send than to map.
LARGE: Final = 2**16
#: Bytes that lie on a shelf at most, but for those that jobs under way name.
MOST: Final = 2**29

Bytes = NDArray[np.uint8]


@final
@dataclass(frozen=True, slots=True)
class Packed:
    """A job to be sent: its pickle without large buffers, and the files that these are in, in order."""

    content: bytes
    files: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of large buffers; `known` has the files by checksum and length, the one used last at the end."""

    folder: Path
    known: dict[tuple[int, int], list[Path]] = field(default_factory=dict)

    def pack(self, job: object, in_use: Collection[str] = ()) -> Packed:
        """Return a job to be sent, its large buffers laid down; `in_use` are files that must stay."""
        files: list[str] = []

        def travels(buffer: pickle.PickleBuffer) -> bool:
            file = self._lay(buffer)
            files.extend(() if file is None else (str(file),))
            return file is None

        content = pickle.dumps(job, protocol=5, buffer_callback=travels)
        self._clear({*in_use, *files})
        return Packed(content, tuple(files))

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lay(self, buffer: pickle.PickleBuffer) -> Path | None:
        """Return the file of a buffer; None where it is better sent: small, read-only (a map is not), or the disk is full."""
        with buffer.raw() as content:
            if content.nbytes < LARGE or content.readonly:
                return None
            flat = np.frombuffer(content, dtype=np.uint8)
            key = zlib.crc32(content), content.nbytes
            here = self.known.pop(key, [])
            self.known[key] = here
            return next((file for file in here if np.array_equal(flat, _read(file))), None) or self._write(flat, here)

    def _write(self, content: Bytes, here: list[Path]) -> Path | None:
        file = self.folder / f"{zlib.crc32(content.data):08x}-{content.nbytes}-{len(here)}"
        try:
            content.tofile(file)
        except OSError:
            file.unlink(missing_ok=True)
            return None
        here.append(file)
        return file

    def _clear(self, in_use: Collection[str]) -> None:
        """Remove what was used longest ago until no more than the most is left."""
        held = sum(size * len(files) for (_, size), files in self.known.items())
        for key in list(self.known):
            if held <= MOST:
                return
            if not any(str(file) in in_use for file in self.known[key]):
                held -= key[1] * len(self.known[key])
                for file in self.known.pop(key):
                    file.unlink(missing_ok=True)


def unpacked(packed: Packed) -> object:
    """Return the job. Its large arrays are maps that can be written to, which changes no file."""
    return pickle.loads(packed.content, buffers=[_map(file) for file in packed.files])  # noqa: S301 - from our own process


def _map(file: str | Path) -> mmap.mmap:
    with Path(file).open("rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)


def _read(file: Path) -> Bytes:
    return np.frombuffer(_map(file), dtype=np.uint8)
