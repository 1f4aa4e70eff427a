"""Compiled: logs of many values at once, and sums of products."""

from __future__ import annotations

from journeysim.calibrate.numerics.compiled import lean
from journeysim.calibrate.numerics.elementary import log
from journeysim.model.quantity import Floats


@lean
def put_logs(to: Floats, values: Floats) -> None:
    """Write the logs of normal positive floats (from 1e-307 on)."""
    for i in range(len(to)):
        to[i] = log(values[i])


@lean
def log_sum(counts: Floats, values: Floats, logs: Floats) -> float:
    """Return the sum of counts times logs of values, which are written beside them: room is made once, not here."""
    put_logs(logs, values)
    return dot(counts, logs)


@lean
def dot(one: Floats, other: Floats) -> float:
    """Return the sum of products, in four sums side by side: always the same four, so the same on any machine."""
    a, b, c, d, whole = 0.0, 0.0, 0.0, 0.0, len(one) // 4 * 4
    for i in range(0, whole, 4):
        a += one[i] * other[i]
        b += one[i + 1] * other[i + 1]
        c += one[i + 2] * other[i + 2]
        d += one[i + 3] * other[i + 3]
    for i in range(whole, len(one)):
        a += one[i] * other[i]
    return (a + b) + (c + d)


@lean
def dots(one: Floats, other: Floats) -> tuple[float, float]:
    """Return the sums of products with values and with their squares, likewise."""
    a, b, c, d, whole = 0.0, 0.0, 0.0, 0.0, len(one) // 4 * 4
    p, q, r, s = 0.0, 0.0, 0.0, 0.0
    for i in range(0, whole, 4):
        a += one[i] * other[i]
        b += one[i + 1] * other[i + 1]
        c += one[i + 2] * other[i + 2]
        d += one[i + 3] * other[i + 3]
        p += one[i] * (other[i] * other[i])
        q += one[i + 1] * (other[i + 1] * other[i + 1])
        r += one[i + 2] * (other[i + 2] * other[i + 2])
        s += one[i + 3] * (other[i + 3] * other[i + 3])
    for i in range(whole, len(one)):
        a += one[i] * other[i]
        p += one[i] * (other[i] * other[i])
    return (a + b) + (c + d), (p + q) + (r + s)
