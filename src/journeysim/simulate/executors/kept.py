"""Jobs whose results are kept on disk until the whole is written, so that an interrupted run goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from journeysim.files.block_store import BlockStore, content_digest
from journeysim.simulate.executors.executor import Arrays, Executor

Job = TypeVar("Job")


@final
@dataclass(frozen=True, slots=True)
class Kept:
    """Does by another executor what is not in the store yet, and puts it there as it is finished."""

    executor: Executor
    store: BlockStore

    def run(self, work: Callable[[Job], Arrays], jobs: Sequence[Job]) -> Iterator[tuple[int, Arrays]]:
        """Yield what was kept, then what is done now."""
        names = [content_digest((f"{work.__module__}.{work.__qualname__}", job)) for job in jobs]
        missing = []
        for number, name in enumerate(names):
            found = self.store.get(name)
            if found is None:
                missing.append(number)
            else:
                yield number, found
        for at, result in self.executor.run(work, [jobs[number] for number in missing]):
            self.store.put(names[missing[at]], result)
            yield missing[at], result
