"""Jobs done by processes of this machine, each on one thread.

Processes share no state with this one. They are forked from a server that has imported what they need (started afresh
where the system has no such server), so each is there at once. Jobs travel as pickles but for what many of them
share, which is laid down once (`shelf`).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final, TypeVar, cast, final

from journeysim.errors import JourneysimError
from journeysim.simulate.executors.executor import Arrays
from journeysim.simulate.executors.shelf import Packed, Shelf, unpacked

Job = TypeVar("Job")
Done = tuple[int, Arrays]
#: Jobs given out at a time, per process: one at work and one that waits.
AHEAD: Final = 2
#: What the server imports once for all processes.
_IMPORTS: Final = [
    "__main__",
    "journeysim.simulate.walk",
    "journeysim.simulate.exact",
    "journeysim.simulate.service.run",
]


@final
@dataclass(frozen=True, slots=True)
class Processes:
    """Does jobs on the processes of a pool; there are never more of these than jobs were to be done at a time."""

    pool: ProcessPoolExecutor
    count: int
    shelf: Shelf

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[Done]:
        """Yield the results as they are finished; JourneysimError when a process was ended from outside."""
        try:
            yield from self._finished(work, jobs)
        except BrokenProcessPool as error:
            message = (
                "a process that simulates was ended from outside, perhaps for want of memory; take fewer of them "
                "(--executor processes:N) or --executor threads"
            )
            raise JourneysimError(message) from error

    def _finished(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[Done]:
        waiting = iter(enumerate(jobs))
        out: dict[Future[Arrays], tuple[int, Packed]] = {}
        try:
            while True:
                while len(out) < AHEAD * self.count and (item := next(waiting, None)) is not None:
                    packed = self.shelf.pack(item[1], {file for _, given in out.values() for file in given.files})
                    with _interrupts_held_back():  # a process may start, which inherits that it does not listen
                        out[self.pool.submit(_done, work, packed)] = item[0], packed
                if not out:
                    return
                for future in wait_for(out, return_when=FIRST_COMPLETED).done:
                    number, _ = out.pop(future)
                    yield number, future.result()
        finally:
            for future in out:
                future.cancel()


def _done(work: Callable[[Job], Arrays], packed: Packed) -> Arrays:
    return work(cast("Job", unpacked(packed)))


@contextlib.contextmanager
def process_pool(count: int) -> Iterator[Processes]:
    """Open a pool of up to so many processes; on the way out those that are at work finish their job and end.

    Call it under `if __name__ == "__main__":` in a script, since every process imports the script again.
    """
    shelf = Shelf(Path(tempfile.mkdtemp(prefix="journeysim-")))
    pool = ProcessPoolExecutor(count, _context(), initializer=end_with_parent, initargs=(str(shelf.folder),))
    try:
        yield Processes(pool, count, shelf)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        shelf.remove()


def _context() -> multiprocessing.context.BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTS)
    resource_tracker.ensure_running()  # first: the server starts it otherwise, and its start lets interrupts through
    with _interrupts_held_back():
        forkserver.ensure_running()  # it imports while the jobs are made
    return context


def end_with_parent(folder: str) -> None:
    """Let this process end when the one that started it does, even when that one is killed; its folder then goes too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel, folder), daemon=True).start()


def _end_after(sentinel: int, folder: str) -> None:
    wait([sentinel])
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: processes started meanwhile never hear it; this one hears it then, and ends them.

    What is masked is inherited. It may still reach another thread of this process, hence the handler that only notes it.
    """
    heard: list[int] = []
    before, handler = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}), signal.getsignal(signal.SIGINT)
    listens = threading.current_thread() is threading.main_thread()
    if listens:
        signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        if listens:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if heard:
            signal.raise_signal(signal.SIGINT)
