"""The service engine, compiled: the same lives as `service.by_simpy`, by a heap of events."""

from journeysim.simulate.service.kernel.serve import serve
from journeysim.simulate.service.kernel.state import (
    DONE,
    RUNAWAY,
    SHORT_OF_EVENTS,
    SHORT_OF_RECORDS,
    SHORT_OF_SLOTS,
    Customers,
    Planner,
    Plans,
    Points,
    new_customers,
    new_planner,
    new_plans,
    points_of,
    reset_customers,
)
from journeysim.simulate.service.kernel.visits import close_books, schedule_shifts

__all__ = [
    "DONE",
    "RUNAWAY",
    "SHORT_OF_EVENTS",
    "SHORT_OF_RECORDS",
    "SHORT_OF_SLOTS",
    "Customers",
    "Planner",
    "Plans",
    "Points",
    "close_books",
    "new_customers",
    "new_planner",
    "new_plans",
    "points_of",
    "reset_customers",
    "schedule_shifts",
    "serve",
]
