"""Compiled: logs of many values at once, and sums of products.

A float is m 2^e with m from 1/sqrt(2) to sqrt(2), and log m = 2 artanh f with f = (m - 1) / (m + 1), |f| < 0.172: its series
to f^19 is right to the last digit or the one before it. Exponents and mantissas are taken from the bits, so that a loop over
many values has neither calls nor branches, and the compiler takes several at a time.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import lean
from journeysim.model.quantity import Floats

_MANTISSA: Final = 0x000FFFFFFFFFFFFF
_ONE: Final = 0x3FF0000000000000
#: A float with this in front of an integer's bits is 2^52 and the integer.
_INTEGER: Final = 0x4330000000000000
_OFFSET: Final = 2.0**52 + 1023.0
_ROOT_TWO: Final = math.sqrt(2.0)
_LOG_TWO: Final = math.log(2.0)


@lean
def put_logs(to: Floats, values: Floats) -> None:
    """Write the logs of normal positive floats (from 1e-307 on)."""
    for i in range(len(to)):
        bits = np.float64(values[i]).view(np.int64)
        m = np.int64((bits & _MANTISSA) | _ONE).view(np.float64)
        e = np.int64((bits >> 52) | _INTEGER).view(np.float64)
        above = m > _ROOT_TWO
        part = 0.5 * m if above else m
        power = e - _OFFSET + (1.0 if above else 0.0)
        f = (part - 1.0) / (part + 1.0)
        r = f * f
        series = 1 / 11 + r * (1 / 13 + r * (1 / 15 + r * (1 / 17 + r / 19)))
        series = r * (1 / 3 + r * (1 / 5 + r * (1 / 7 + r * (1 / 9 + r * series))))
        to[i] = power * _LOG_TWO + 2.0 * (f + f * series)


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
