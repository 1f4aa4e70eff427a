"""What the kernel keeps while a run goes on: where customers stand, what is planned for them, and the rules they meet.

Customers on the way stand in slots that are given to others when they are gone, so memory follows how many are on the way
at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import Blueprint
from journeysim.simulate.service.steps import new_kept
from journeysim.simulate.service.ways import Ways
from journeysim.simulate.streams import BLOCK, Words, compiled_into
from journeysim.simulate.walk.lanes import Carried, new_carried
from journeysim.simulate.walk.layout import Layout

#: What becomes of a customer by an event: they stay where they are, ask for staff, are served, leave unserved, or go on.
STAYS, ASKS, SERVED, UNSERVED, GOES_ON = range(5)
#: Columns of `Customers.at` and `Customers.time`.
WHO, PERSONA, PLACE, CELL, MOVES, STEP = range(6)
ENTRY_DAY, SINCE_ENTRY, PATIENT_FOR, GIVES_UP_AT, WAITED_FOR = range(5)
#: Columns of `Plans.time`.
DWELL_FOR, SERVICE, PATIENCE_FOR = range(3)
#: Columns of `Points.rule` and `Points.limit`.
RESOURCE, HOLDS, PATIENT, TARGET = range(4)
BALK_SHARE, BALK_FROM, CALL_SHARE, WAIT_FEELS = range(4)
DONE, SHORT_OF_EVENTS, SHORT_OF_RECORDS, SHORT_OF_SLOTS, RUNAWAY = range(5)
_POSITIVE: Final = 2**31 - 1
#: How many visits of a customer are planned when they enter.
PLANNED: Final = 8
#: How many customers are planned together: enough for vector instructions, few enough for the fastest memory.
AHEAD: Final = 256


class Customers(NamedTuple):
    """Where those on the way stand; S slots, s places."""

    at: NDArray[
        np.int32
    ]  # (S, 6) who it is, their persona, where they arrived last, with which parameters, how many moves, planned step
    time: (
        Floats  # (S, 5) calendar day of entry, days from entry to arrival there; of the visit: patience, its end, wait
    )
    seen: NDArray[np.uint32]  # (S * s,) earlier visits
    kept: Floats  # (S, …) what they carry along, see `steps.take_up`
    free: NDArray[np.int32]  # (S,) slots nobody stands in, the next one last …
    left: Ints  # (1,) … and how many these are


class Plans(NamedTuple):
    """What is known of the next visits of whoever stands in a slot; the last step is the visit that was not planned.

    Steps before slots: most customers make few visits, and theirs stand close together.
    """

    link: NDArray[np.int32]  # (PLANNED + 1, S) where the visit leads
    time: Floats  # (PLANNED + 1, S, 3) dwell, service time, patience
    call: Words  # (PLANNED + 1, S) the word that says whether a call back is taken


class Planner(NamedTuple):
    """Working space for planning a block of customers, beside its lanes."""

    slot: NDArray[np.int32]  # (AHEAD,) where the next customers to enter will stand
    words: Words  # (6 * BLOCK,)
    seen: NDArray[np.uint32]  # (s * BLOCK,)
    carried: Carried


class Points(NamedTuple):
    """The staffed touchpoints' rules, see `Blueprint`."""

    rule: NDArray[np.int32]  # (n, 4) where the unserved go is that of the first phase
    limit: Floats  # (n, 4)
    level: NDArray[np.int32]  # (G, n)
    spans: Floats  # (S, 2)
    target: NDArray[np.int32]  # (F, n) where the unserved go, by phase
    eras: Floats  # (E,) days from which the staff of each era are there
    ways: Ways


def points_of(blueprint: Blueprint, ways: Ways) -> Points:
    """Return the rules of touchpoints as the kernel takes them."""
    rule = [blueprint.resource, blueprint.holds, blueprint.patient, blueprint.gives_up_to[0]]
    limit = [blueprint.balk_share, blueprint.balk_from, blueprint.called_back, blueprint.waiting_feels]
    return Points(
        np.ascontiguousarray(np.column_stack(rule).astype(np.int32)),
        np.ascontiguousarray(np.column_stack(limit)),
        blueprint.level,
        blueprint.spans,
        blueprint.gives_up_to,
        blueprint.eras,
        ways,
    )


def new_customers(slots: int, places: int) -> Customers:
    """Return so many free slots."""
    return Customers(
        np.zeros((slots, 6), dtype=np.int32), np.zeros((slots, 5)), np.zeros(slots * places, dtype=np.uint32),
        new_kept(slots), np.arange(slots, dtype=np.int32)[::-1].copy(), np.array([slots]),
    )  # fmt: skip


def new_plans(slots: int) -> Plans:
    """Return room for the plans of so many slots."""
    return Plans(
        np.zeros((PLANNED + 1, slots), dtype=np.int32),
        np.zeros((PLANNED + 1, slots, 3)),
        np.zeros((PLANNED + 1, slots), dtype=np.uint32),
    )


def new_planner(layout: Layout) -> Planner:
    """Return working space for planning."""
    return Planner(
        np.zeros(AHEAD, dtype=np.int32), np.zeros(6 * BLOCK, dtype=np.uint32),
        np.zeros(layout.place_key.size * BLOCK, dtype=np.uint32), new_carried(BLOCK),
    )  # fmt: skip


def reset_customers(customers: Customers) -> None:
    """Let nobody be on the way."""
    slots = len(customers.free)
    customers.free[:], customers.left[0] = np.arange(slots)[::-1], slots


@compiled_into
def place_of(customers: Customers, slot: int) -> int:
    """Return where a customer is; told to be positive, so that compiled code need not ask whether it counts from the end."""
    return int(customers.at[slot, PLACE] & _POSITIVE)
