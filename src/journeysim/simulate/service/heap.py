"""A binary heap of events: earliest first, and at the same moment in the order of their codes.

A code says what happens and to whom: kind, resource, customer, from the highest bits down. Codes of events that wait at
the same time differ, so their order never depends on how the heap came about. At one moment staff come free first,
then resources open and close, then patience ends, then customers arrive, each kind by position of the customer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import compiled_inner, compiled_into

FREE, SHIFT, PATIENCE, ARRIVAL = range(4)
_KIND: Final = 60
_RESOURCE: Final = 40
_ONE_RESOURCE: Final = 2 ** (_KIND - _RESOURCE) - 1
_ONE_CUSTOMER: Final = 2**_RESOURCE - 1


class Heap(NamedTuple):
    """Events by time and code; `size[0]` of them."""

    time: Floats
    code: Ints
    size: Ints


def new_heap(room: int) -> Heap:
    """Return an empty heap with room for so many events."""
    return Heap(np.zeros(room), np.zeros(room, dtype=np.int64), np.zeros(1, dtype=np.int64))


@compiled_into
def code_of(kind: int, resource: int, who: int) -> int:
    """Return an event's code."""
    return (kind << _KIND) | (resource << _RESOURCE) | who


@compiled_into
def kind_of(code: int) -> int:
    """Return what happens."""
    return code >> _KIND


@compiled_into
def resource_of(code: int) -> int:
    """Return to which resource."""
    return (code >> _RESOURCE) & _ONE_RESOURCE


@compiled_into
def who_of(code: int) -> int:
    """Return to whom."""
    return code & _ONE_CUSTOMER


@compiled_inner
def push(heap: Heap, time: float, code: int) -> bool:
    """Add an event; False where there is no room."""
    at = heap.size[0]
    if at >= heap.time.size:
        return False
    heap.size[0] = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if heap.time[parent] < time or (heap.time[parent] == time and heap.code[parent] < code):
            break
        heap.time[at] = heap.time[parent]
        heap.code[at] = heap.code[parent]
        at = parent
    heap.time[at] = time
    heap.code[at] = code
    return True


@compiled_inner
def pop(heap: Heap) -> None:
    """Drop the first event."""
    last = heap.size[0] - 1
    heap.size[0] = last
    time, code = heap.time[last], heap.code[last]
    at, child = 0, 1
    while child < last:
        other = child + 1
        if other < last and (
            heap.time[other] < heap.time[child]
            or (heap.time[other] == heap.time[child] and heap.code[other] < heap.code[child])
        ):
            child = other
        if time < heap.time[child] or (time == heap.time[child] and code < heap.code[child]):
            break
        heap.time[at] = heap.time[child]
        heap.code[at] = heap.code[child]
        at = child
        child = 2 * at + 1
    heap.time[at] = time
    heap.code[at] = code
