"""Jobs done by processes of this machine, each on one thread.

Processes are started afresh (spawn), so they share no state with this one, and a job and its result travel between
them as pickles. A job holds the parameters of its own draws alone, so each draw is sent about once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TypeVar, final

from journeysim.errors import JourneysimError
from journeysim.simulate.executors.executor import Arrays
from journeysim.simulate.executors.here import finished

Job = TypeVar("Job")
Done = tuple[int, Arrays]


@final
@dataclass(frozen=True, slots=True)
class Processes:
    """Does jobs on the processes of a pool."""

    pool: ProcessPoolExecutor

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[Done]:
        """Yield the results as they are finished; JourneysimError when a process was ended from outside."""
        try:
            yield from finished(self.pool, work, jobs)
        except BrokenProcessPool as error:
            message = (
                "a process that simulates was ended from outside, perhaps for want of memory; take fewer of them "
                "(--executor processes:N) or --executor threads"
            )
            raise JourneysimError(message) from error


@contextlib.contextmanager
def process_pool(count: int) -> Iterator[Processes]:
    """Open a pool of so many processes; on the way out those that are at work finish their job and end.

    Call it under `if __name__ == "__main__":` in a script, since every process imports the script again.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    try:
        with _interrupts_held_back():
            for _ in range(count):  # a process each, which inherits that it does not listen
                pool.submit(os.getpid)
        yield Processes(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def end_with_parent() -> None:
    """Let this process end when the one that started it does, even when that one is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: processes started meanwhile never hear it; this one hears it then, and ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
