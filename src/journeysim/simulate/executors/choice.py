"""Which executor a word names: threads, processes, processes:N, serial, or the address of a cluster."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from journeysim.errors import BadInput, Problem
from journeysim.simulate.executors.executor import Executor
from journeysim.simulate.executors.here import Here, usable_cores

_HERE = {"serial": 1, "threads": None}
_PROCESSES = re.compile(r"processes(?::([1-9][0-9]{0,3}))?")
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://\S+")


def check_executor(name: str) -> None:
    """Raise BadInput (X001) when the name is none of an executor."""
    if name not in _HERE and not _PROCESSES.fullmatch(name) and not _ADDRESS.fullmatch(name):
        message = (
            f'no executor "{name}"; there are threads, serial, processes, processes:N, and the address of a Dask '
            "scheduler such as tcp://10.0.0.5:8786"
        )
        raise BadInput([Problem("X001", message)])


@contextlib.contextmanager
def opened(name: str) -> Iterator[Executor]:
    """Open the executor of that name, and close it on the way out; BadInput when it cannot be."""
    check_executor(name)
    if name in _HERE:
        yield Here(_HERE[name])
    elif found := _PROCESSES.fullmatch(name):
        from journeysim.simulate.executors.processes import process_pool

        with process_pool(int(found[1] or usable_cores())) as pool:
            yield pool
    else:
        from journeysim.simulate.executors.cluster import cluster

        with cluster(name) as workers:
            yield workers
