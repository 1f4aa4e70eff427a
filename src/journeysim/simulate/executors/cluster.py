"""Jobs done by the workers of a Dask cluster (the optional extra `distributed`).

A job travels with its task, which the scheduler keeps until the task is done: when a worker is lost, what it was doing
is given to another one. What many jobs share travels once (`tables`). Workers have to run the very same journeysim and
libraries, which every job checks.
"""

from __future__ import annotations

import contextlib
from asyncio import CancelledError as Gone
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, cast, final

from journeysim.errors import BadInput, JourneysimError, Problem
from journeysim.files.versions import versions
from journeysim.simulate.executors.executor import Arrays
from journeysim.simulate.executors.tables import Tables, unpacked

if TYPE_CHECKING:
    from distributed import Client, Future

Job = TypeVar("Job")
#: Seconds to wait for the scheduler, and then for a first worker.
PATIENCE: Final = 30.0
#: Jobs given out at a time, per thread of the cluster: enough that none waits for the next.
AHEAD: Final = 3
_FEWEST_OUT: Final = 8


class OtherVersion(JourneysimError):
    """A worker runs another journeysim, or other libraries, than whoever asks."""


@final
@dataclass(frozen=True, slots=True)
class Cluster:
    """Does jobs on a cluster."""

    client: Client

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
        """Yield the results as they are finished; BadInput (X004) when a worker runs other code."""
        from distributed import KilledWorker

        try:
            yield from self._finished(work, jobs)
        except OtherVersion as error:
            raise BadInput([Problem("X004", str(error))]) from error
        except KilledWorker as error:
            message = (
                "the same block ended several workers of the cluster one after the other; do they have the memory?"
            )
            raise JourneysimError(message) from error
        except (CancelledError, Gone) as error:
            raise JourneysimError("the cluster's scheduler is gone; the same command goes on with another") from error

    def _finished(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
        from distributed import as_completed

        ours, waiting = versions(), iter(enumerate(jobs))
        numbers: dict[str, tuple[int, Future]] = {}
        going, tables = as_completed(loop=self.client.loop), Tables(self.client)
        out = max(_FEWEST_OUT, AHEAD * sum(self.client.nthreads().values()))
        try:
            while True:
                while len(numbers) < out and (item := next(waiting, None)) is not None:
                    future = self.client.submit(checked, ours, work, *tables.pack(item[1]), pure=False)
                    numbers[future.key] = item[0], future
                    going.add(future)
                if not numbers:
                    return
                done = next(going)
                number, _ = numbers.pop(done.key)
                yield number, done.result()
        finally:
            self.client.cancel([future for _, future in numbers.values()])


def checked(ours: Mapping[str, str], work: Callable[[Job], Arrays], content: bytes, tables: list[bytes]) -> Arrays:
    """Return what the work returns for a packed job, if code and libraries here are `ours`; else raise OtherVersion."""
    here = versions()
    other = [f"{name} {here[name]} instead of {ours[name]}" for name in ours if here[name] != ours[name]]
    if other:
        raise OtherVersion(f"a worker of the cluster runs {', '.join(other)}; its results could differ in a digit")
    return work(cast("Job", unpacked(content, tables)))


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """Connect to the cluster whose scheduler is at `address`; BadInput when that cannot be."""
    try:
        from distributed import Client
    except ImportError:
        message = 'a cluster needs Dask, which is not installed: pip install "journeysim[distributed]"'
        raise BadInput([Problem("X002", message)]) from None
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(Client(address, timeout=PATIENCE, set_as_default=False))
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            message = f"no cluster with a worker answers at {address} ({error})"
            raise BadInput([Problem("X003", message)]) from error
        yield Cluster(client)
