"""Where independent jobs are done: here, on threads; on processes of this machine; on a Dask cluster.

An engine cuts its work into jobs that do not know each other and puts their results together in the order of the jobs.
How jobs are cut depends on nothing but the work, so results have the same bits wherever, and in whatever order, jobs
are done.
"""

from journeysim.simulate.executors.choice import check_executor, opened
from journeysim.simulate.executors.executor import Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.executors.here import HERE, Here, usable_cores
from journeysim.simulate.executors.kept import Kept

__all__ = [
    "HERE",
    "Arrays",
    "Executor",
    "Here",
    "Kept",
    "check_executor",
    "draw_blocks",
    "in_order",
    "opened",
    "usable_cores",
]
