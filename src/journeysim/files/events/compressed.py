"""Compressed files are measured before they are read: one that expands beyond a limit is refused.

A few kilobytes of .gz or .zst can stand for terabytes. A .gz is expanded block by block, keeping nothing; the blocks of a
.zst say how much they can at most expand to, so nothing of it is expanded at all.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from journeysim.errors import BadInput, Place, Problem

#: A compressed file may expand to this many bytes, or to this many times its own size, whichever is more.
MOST_BYTES: Final = 1_000_000_000
MOST_TIMES: Final = 100
_BLOCK: Final = 1 << 20
_ZST_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZST_SKIPPED: Final = range(0x184D2A50, 0x184D2A60)
_ZST_BLOCK: Final = 1 << 17


def limit_of(file: Path) -> int:
    """Return how many bytes a compressed file may expand to."""
    return max(MOST_BYTES, MOST_TIMES * file.stat().st_size)


def blocks(file: Path) -> Iterator[bytes]:
    """Yield the expanded bytes of a plain or .gz file; BadInput when it is damaged or expands beyond the limit."""
    if file.suffix.lower() != ".gz":
        with file.open("rb") as stream:
            yield from iter(lambda: stream.read(_BLOCK), b"")
        return
    limit, size = limit_of(file), 0
    try:
        with gzip.open(file, "rb") as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > limit:
                    raise _too_large(file, limit)
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInput([Problem("E004", f"not a readable .gz file ({error})", Place(str(file)))]) from None


def require_sane_zst(file: Path) -> None:
    """Raise BadInput when a .zst is damaged or can expand beyond the limit, from the headers of its blocks alone."""
    limit, size = limit_of(file), 0
    with file.open("rb") as stream:
        try:
            for part in _zst_blocks(stream):
                size += part
                if size > limit:
                    raise _too_large(file, limit)
        except (IndexError, ValueError):
            raise BadInput([Problem("E004", "not a readable .zst file", Place(str(file)))]) from None


def _too_large(file: Path, limit: int) -> BadInput:
    message = (
        f"{file.name} expands beyond {limit:,} bytes (the limit is {MOST_BYTES // 10**9} GB, or {MOST_TIMES} times the "
        "file's size); expand it yourself if you trust it, and name the expanded file"
    )
    return BadInput([Problem("E015", message, Place(str(file)))])


def _zst_blocks(stream: BinaryIO) -> Iterator[int]:
    """Yield the most bytes that each block of each frame expands to (RFC 8878, section 3.1)."""
    while magic := stream.read(4):
        if int.from_bytes(magic, "little") in _ZST_SKIPPED:
            stream.seek(int.from_bytes(stream.read(4), "little"), 1)
            continue
        if magic != _ZST_MAGIC:
            raise ValueError
        described = stream.read(1)[0]
        single, dictionary, content = described >> 5 & 1, described & 3, described >> 6
        stream.seek((1 - single) + (0, 1, 2, 4)[dictionary] + (single, 2, 4, 8)[content], 1)
        last = False
        while not last:
            header = stream.read(3)
            if len(header) < 3:
                raise ValueError
            number = int.from_bytes(header, "little")
            last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
            stream.seek(1 if kind == 1 else size, 1)
            yield size if kind < 2 else _ZST_BLOCK
        stream.seek(4 * (described >> 2 & 1), 1)
