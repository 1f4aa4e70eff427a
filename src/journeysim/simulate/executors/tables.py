"""What jobs on a cluster share, sent once: each large table is a task of its own, which returns it.

Workers take a table from each other, once each, and keep it while jobs need it. When the worker that has it is lost, the
scheduler does its task again on another one, from what it keeps of every task; scattered data would be gone.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from distributed import Client, Future

#: Bytes from which on a buffer is a task; a smaller one costs less to send with every job.
LARGE: Final = 2**16
#: Bytes of tables that are kept for later jobs at most; what jobs under way need stays beside them.
MOST: Final = 2**29


@final
@dataclass(frozen=True, slots=True)
class Tables:
    """Tables by the digest of their content: task and bytes, the one used last at the end."""

    client: Client
    known: dict[str, tuple[Future, int]] = field(default_factory=dict)

    def pack(self, job: object) -> tuple[bytes, list[Future]]:
        """Return a job as its pickle without large buffers, and the tasks that return these, in order."""
        tasks: list[Future] = []

        def travels(buffer: pickle.PickleBuffer) -> bool:
            with buffer.raw() as content:
                if content.nbytes < LARGE:
                    return True
                tasks.append(self._task(content))
            return False

        return pickle.dumps(job, protocol=5, buffer_callback=travels), tasks

    def _task(self, content: memoryview) -> Future:
        """Return the task of a table; those used longest ago are let go where there are too many."""
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        known = self.known.pop(digest) if digest in self.known else (self._sent(digest, content), content.nbytes)
        self.known[digest] = known
        held = sum(size for _, size in self.known.values())
        while held > MOST and len(self.known) > 1:
            held -= self.known.pop(next(iter(self.known)))[1]
        return known[0]

    def _sent(self, digest: str, content: memoryview) -> Future:
        return self.client.submit(held, bytes(content), key=f"journeysim-table-{digest}")


def held(table: bytes) -> bytes:
    """Return a table: the task that every worker takes it from."""
    return table


def unpacked(content: bytes, tables: list[bytes]) -> object:
    """Return the job. Its large arrays are copies, so whatever is done to them, the next job finds them as they were."""
    return pickle.loads(content, buffers=[bytearray(table) for table in tables])  # noqa: S301 - from our own process
