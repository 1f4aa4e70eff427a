"""What an executor promises: every job is done once, in any order, and what it returns comes with its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

#: What a job returns: arrays by name, so that results can be sent, kept on disk and read again without running code.
Arrays: TypeAlias = dict[str, NDArray[np.generic]]

Job = TypeVar("Job")


class Executor(Protocol):
    """Does independent jobs."""

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
        """Yield (number of the job, what `work` returns for it) as jobs are finished, in any order.

        Parameters
        ----------
        work : callable
            A function of a module, so that other processes find it by its name. It uses one thread.
        jobs : sequence
            Values that can be pickled.

        Raises
        ------
        Exception
            The first one a job raised; jobs not yet begun are then left.
        """
        ...


def in_order(executor: Executor, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return what the jobs return, in the order of the jobs, whatever order they were finished in."""
    found = dict(executor.run(work, jobs))
    return [found[number] for number in range(len(jobs))]


def draw_blocks(draws: int, size: int) -> list[NDArray[np.int64]]:
    """Return the draws in blocks of a size (the last one may be smaller): the rows that one job takes."""
    return [np.arange(first, min(first + size, draws)) for first in range(0, draws, size)]
