"""Compiled: exponentials, logs and the normal's tail, written so that a loop over many values takes several at a time.

A library's function is a call for each value. These have neither calls nor branches, so that the compiler makes one stream of
instructions of a loop over them, for as many values at once as the machine has room for:

    exp x  = 2^n (1 + p)          n = x / log 2, rounded; p = exp(x - n log 2) - 1 by its series, |x - n log 2| < 0.347
    log x  = n log 2 + 2 artanh f         x = 2^n m, m from 1/sqrt(2) to sqrt(2); f = (m - 1) / (m + 1), |f| < 0.172
    erfc x = exp(-x^2) g(q) / (1 + 2 x),  x >= 0;  q = (x - 3) / (x + 3)

with the series of artanh to f^19, and g, smooth from -1 to 1, by its Chebyshev series to T_24 (what is left out is below
1e-16), written in powers of q. All are right to a few units of the last digit; far out, erfc loses what x^2 does: 1e-13 of it
at x = 26.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled_in_line

#: Exponents further out than this are taken for this: what comes is a normal float, 3e-308 or 3e307.
_FARTHEST: Final = 708.0
_PER_LOG_TWO: Final = 1.4426950408889634
#: log 2 in two parts, the first with zeros at its end, so that its multiples are exact.
_LOG_TWO_HIGH: Final = 0.6931471803691238
_LOG_TWO_LOW: Final = 1.9082149292705877e-10
#: Added to a float of moderate size, this leaves it rounded in the last bits of the sum.
_ROUNDING: Final = 1.5 * 2.0**52
_MIDDLE: Final = 3.0
_MANTISSA: Final = 0x000FFFFFFFFFFFFF
_ONE: Final = 0x3FF0000000000000
#: A float with this in front of an integer's bits is 2^52 and the integer.
_INTEGER: Final = 0x4330000000000000
_OFFSET: Final = 2.0**52 + 1023.0
_ROOT_TWO: Final = math.sqrt(2.0)
_LOG_TWO: Final = math.log(2.0)


@compiled_in_line
def power_parts(x: float) -> tuple[float, float]:
    """Return 2^n and p, so that exp x = 2^n (1 + p) and exp x - 1 = 2^n p + (2^n - 1), neither of which loses digits."""
    y = min(max(x, -_FARTHEST), _FARTHEST)
    shifted = y * _PER_LOG_TWO + _ROUNDING
    n = shifted - _ROUNDING
    r = (y - n * _LOG_TWO_HIGH) - n * _LOG_TWO_LOW
    series = 1 / 5040 + r * (
        1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600))))
    )
    series = 1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * series))))
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)  # n is in the last bits
    return power, r + r * r * series


@compiled_in_line
def exp(x: float) -> float:
    """Return exp x, from 3e-308 to 3e307."""
    power, p = power_parts(x)
    return power + power * p


@compiled_in_line
def log(x: float) -> float:
    """Return log x of a normal positive float (from 1e-307 on)."""
    bits = np.float64(x).view(np.int64)
    m = np.int64((bits & _MANTISSA) | _ONE).view(np.float64)
    above = m > _ROOT_TWO
    n = np.int64((bits >> 52) | _INTEGER).view(np.float64) - _OFFSET + (1.0 if above else 0.0)
    part = 0.5 * m if above else m
    f = (part - 1.0) / (part + 1.0)
    r = f * f
    series = 1 / 11 + r * (1 / 13 + r * (1 / 15 + r * (1 / 17 + r / 19)))
    series = r * (1 / 3 + r * (1 / 5 + r * (1 / 7 + r * (1 / 9 + r * series))))
    return n * _LOG_TWO + 2.0 * (f + f * series)


@compiled_in_line
def erfc_above(x: float) -> float:
    """Return erfc x of x >= 0."""
    q = (x - _MIDDLE) / (x + _MIDDLE)
    g = 4.1064013667940355e-08 + q * (-1.3312919661038687e-08 + q * (-8.217595058711455e-09 + q * (9.862533510345587e-10
        + q * 8.393734858690877e-10)))  # fmt: skip
    g = 3.5576086684080595e-07 + q * (-6.166011460398726e-07 + q * (-1.4047654315428462e-07 + q * (1.0183620603842736e-07
        + q * g)))  # fmt: skip
    g = 4.949196649968345e-06 + q * (-2.0100542268525612e-05 + q * (-7.308281468783614e-07 + q * (3.472370944977168e-06
        + q * g)))  # fmt: skip
    g = 0.0018886903449991718 + q * (-0.0007798322696543306 + q * (-0.00010515971958448065 + q * (0.0001250993424583729
        + q * g)))  # fmt: skip
    g = -0.11927366341538638 + q * (
        0.0683080273440099 + q * (-0.02377051491717134 + q * (0.0025293918156939696 + q * g))
    )
    g = 1.2530080582697296 + q * (-0.13562110612458117 + q * (-0.0475622943534492 + q * (0.1296451587027594 + q * g)))
    return exp(-x * x) * g / (1.0 + 2.0 * x)
