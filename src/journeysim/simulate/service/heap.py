"""A heap of events, four below each: earliest first, and at the same moment in the order of their codes.

A code says what happens and to whom: kind, resource, customer, and the slot that customer stands in, from the highest
bits down. Codes of events that wait at the same time differ before the slot, so their order never depends on how the heap
came about. At one moment staff come free first, then resources open and close, then patience ends, then customers
arrive, each kind by position of the customer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import compiled_into

FREE, SHIFT, PATIENCE, ARRIVAL = range(4)
_KIND: Final = 61
_RESOURCE: Final = 52
_WHO: Final = 24
_ALL_BUT_SIGN: Final = 2**63 - 1
#: Positions are unsigned, so that compiled code need not ask whether they count from the end.
_NONE, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_FOUR: Final = 4
#: The key of no event, after all others.
NEVER: Final = 2**63 - 1
#: How many resources, customers of one run, and customers on the way at once have room in a code.
MOST_RESOURCES: Final = 2 ** (_KIND - _RESOURCE)
MOST_CUSTOMERS: Final = 2 ** (_RESOURCE - _WHO)
MOST_SLOTS: Final = 2**_WHO


class Heap(NamedTuple):
    """Events by key and code, `size[0]` of them; a key is a time as a whole number of the same order, see `key_of`.

    Behind the last event keys are `NEVER`, so that nobody has to ask how many of four there are.
    """

    key: Ints
    code: Ints
    size: NDArray[np.uint64]


def new_heap(room: int) -> Heap:
    """Return an empty heap with room for so many events."""
    key, code = np.full(room + _FOUR, NEVER), np.zeros(room + _FOUR, dtype=np.int64)
    return Heap(key, code, np.zeros(1, dtype=np.uint64))


def clear(heap: Heap) -> None:
    """Drop all events."""
    heap.key[: int(heap.size[0])] = NEVER
    heap.size[0] = 0


@compiled_into
def key_of(time: float) -> int:
    """Return a whole number that lies as far up among others as the time does: comparing those is quicker.

    The bits of a positive number count up with it, those of a negative one down; -0 is 0.
    """
    bits = np.float64(time + 0.0).view(np.int64)
    return int(bits ^ ((bits >> 63) & _ALL_BUT_SIGN))


@compiled_into
def time_of(key: int) -> float:
    """Return the time of a key."""
    return np.int64(key ^ ((key >> 63) & _ALL_BUT_SIGN)).view(np.float64)


@compiled_into
def code_of(kind: int, resource: int, who: int, slot: int) -> int:
    """Return an event's code."""
    return (kind << _KIND) | (resource << _RESOURCE) | (who << _WHO) | slot


@compiled_into
def kind_of(code: int) -> int:
    """Return what happens."""
    return code >> _KIND


@compiled_into
def resource_of(code: int) -> int:
    """Return to which resource."""
    return (code >> _RESOURCE) & (MOST_RESOURCES - 1)


@compiled_into
def who_of(code: int) -> int:
    """Return to whom."""
    return (code >> _WHO) & (MOST_CUSTOMERS - 1)


@compiled_into
def slot_of(code: int) -> int:
    """Return where that customer stands."""
    return code & (MOST_SLOTS - 1)


@compiled_into
def push(heap: Heap, time: float, code: int) -> bool:
    """Add an event; False where there is no room."""
    at = heap.size[0]
    if at >= np.uint64(heap.key.size - _FOUR):
        return False
    heap.size[0] = at + _ONE
    _rise(heap, at, key_of(time), code)
    return True


@compiled_into
def _rise(heap: Heap, at: np.uint64, key: int, code: int) -> None:
    """Put an event where it belongs on the way from a free position to the top."""
    while at > _NONE:
        above = (at - _ONE) >> _TWO
        if heap.key[above] < key or (heap.key[above] == key and heap.code[above] < code):
            break
        heap.key[at] = heap.key[above]
        heap.code[at] = heap.code[above]
        at = above
    heap.key[at] = key
    heap.code[at] = code


@compiled_into
def pop(heap: Heap) -> None:
    """Drop the first event: the gap sinks to the bottom by the earliest below, where the last event fills it.

    Bottom first (Wegener 1993), because the last event nearly always belongs there, so how long this takes can be foreseen.
    """
    last = heap.size[0] - _ONE
    heap.size[0] = last
    key, code = heap.key[last], heap.code[last]
    heap.key[last] = NEVER
    if last == _NONE:
        return
    at, below = _NONE, _ONE
    while below < last:
        earliest = _earliest(heap, below)
        heap.key[at] = heap.key[earliest]
        heap.code[at] = heap.code[earliest]
        at = earliest
        below = (at << _TWO) + _ONE
    _rise(heap, at, key, code)


@compiled_into
def _earliest(heap: Heap, first: np.uint64) -> np.uint64:
    """Return which of four events comes first: by keys, without a branch since nothing foretells them; by codes if equal."""
    left, right = first + np.uint64(heap.key[first + _ONE] < heap.key[first]), first + _TWO
    right += np.uint64(heap.key[right + _ONE] < heap.key[right])
    low, high = min(heap.key[first], heap.key[first + _ONE]), min(heap.key[first + _TWO], heap.key[first + _THREE])
    found = left ^ ((left ^ right) & (_NONE - np.uint64(high < low)))
    if low == high or heap.key[first] == heap.key[first + _ONE] or heap.key[first + _TWO] == heap.key[first + _THREE]:
        found = first
        for k in range(1, _FOUR):
            other = first + np.uint64(k)
            sooner = heap.key[other] < heap.key[found]
            if sooner or (heap.key[other] == heap.key[found] and heap.code[other] < heap.code[found]):
                found = other
    return found
