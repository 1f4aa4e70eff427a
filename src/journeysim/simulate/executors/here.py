"""Jobs done in this process: on threads, since the compiled engines hold no lock, or one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final, TypeVar, final

from journeysim.simulate.executors.executor import Arrays

Job = TypeVar("Job")


def usable_cores() -> int:
    """Return how many processors this process may use; fewer than there are where the system sets it fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@final
@dataclass(frozen=True, slots=True)
class Here:
    """Does jobs in this process on so many threads, by default one per usable processor."""

    threads: int | None = None

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
        """Yield the results as they are finished."""
        threads = min(self.threads or usable_cores(), len(jobs))
        if threads <= 1:
            yield from ((number, work(job)) for number, job in enumerate(jobs))
            return
        with ThreadPoolExecutor(threads) as pool:
            yield from finished(pool, work, jobs)


HERE: Final = Here()


def finished(pool: Pool, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
    """Yield the results of jobs given to a pool as they are finished; what was not begun is left when one fails."""
    numbers: dict[Future[Arrays], int] = {pool.submit(work, job): number for number, job in enumerate(jobs)}
    try:
        for future in as_completed(numbers):
            # Taken out, so that a result is not kept here while its receiver has done with it.
            yield numbers.pop(future), future.result()
    finally:
        for future in numbers:
            future.cancel()
