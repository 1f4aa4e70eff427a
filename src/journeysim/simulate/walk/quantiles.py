"""Standard quantiles in compiled code: logarithm, exponential, normal, gamma.

Only +, -, *, / and the square root are used, without fused or reordered operations, so a life has the same times in
scalar and vector code and on every machine. A uniform has 32 bits: it lies in [2**-33, 1 - 2**-33].
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.streams import compiled

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.0 / math.log(2.0)
_ROUNDER: Final = 1.5 * 2.0**52
_LIMIT: Final = 708.0
MIDDLE: Final = 0.425
_SQRT_HALF_BITS: Final = 0x3FE6A09E00000000
_TO_SQRT_HALF: Final = 0x3FF0000000000000 - _SQRT_HALF_BITS
_MANTISSA: Final = 0x000FFFFFFFFFFFFF
_TWO_52_BITS: Final = 0x4330000000000000

Z_STEP: Final = 0.05
Z_LIMIT: Final = 6.5
Z_NODES: Final = 261
SHAPE_STEP: Final = 0.125
SHAPE_LOW: Final = math.log(1e-3)
SHAPE_NODES: Final = 168
LARGEST_TABLED_SHAPE: Final = 1e6
SMALLEST_SHAPE: Final = 1e-3


@compiled
def exp_of(y: float) -> float:
    """Return e**y within 2 units in the last place; y is cut to [-708, 708]."""
    y = min(max(y, -_LIMIT), _LIMIT)
    shifted = y * _LOG2_E + _ROUNDER
    n = shifted - _ROUNDER
    r = (y - n * _LN2_HIGH) - n * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = (np.float64(shifted).view(np.int64) << 52) + 0x3FF0000000000000
    return p * np.int64(power).view(np.float64)


@compiled
def log_of(x: float) -> float:
    """Return log(x) within 2 units in the last place, for normal positive x."""
    shifted = np.float64(x).view(np.int64) + _TO_SQRT_HALF
    exponent = np.int64((shifted >> 52) | _TWO_52_BITS).view(np.float64) - (2.0**52 + 1023.0)
    m = np.int64((shifted & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64)
    t = (m - 1.0) / (m + 1.0)
    s = t * t
    p = 1.0 / 21.0
    p = p * s + 1.0 / 19.0
    p = p * s + 1.0 / 17.0
    p = p * s + 1.0 / 15.0
    p = p * s + 1.0 / 13.0
    p = p * s + 1.0 / 11.0
    p = p * s + 1.0 / 9.0
    p = p * s + 1.0 / 7.0
    p = p * s + 1.0 / 5.0
    p = p * s + 1.0 / 3.0
    fraction = 2.0 * t + 2.0 * t * s * p
    return exponent * _LN2_HIGH + (fraction + exponent * _LN2_LOW)


@compiled
def normal_of(u: float) -> float:
    """Return the standard normal quantile of u (Wichura, algorithm AS 241, PPND16, 1988).

    Its third branch (u below 1.4e-11) cannot occur with 32-bit uniforms and is left out.
    """
    return middle_normal(u) if abs(u - 0.5) <= MIDDLE else tail_normal(u)


@compiled
def middle_normal(u: float) -> float:
    """Return the normal quantile for |u - 0.5| <= MIDDLE."""
    q = u - 0.5
    r = 0.180625 - q * q
    top = ((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
    top = ((top + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r
    top = ((top + 1.9715909503065514427e3) * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
    low = ((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
    low = ((low + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r
    low = ((low + 6.8718700749205790830e2) * r + 4.2313330701600911252e1) * r + 1.0
    return q * top / low


@compiled
def tail_normal(u: float) -> float:
    """Return the normal quantile beyond MIDDLE; only for u in [2**-33, 1 - 2**-33]."""
    t = math.sqrt(-log_of(min(u, 1.0 - u))) - 1.6
    far = ((7.74545014278341407640e-4 * t + 2.27238449892691845833e-2) * t + 2.41780725177450611770e-1) * t
    far = ((far + 1.27045825245236838258e0) * t + 3.64784832476320460504e0) * t
    far = ((far + 5.76949722146069140550e0) * t + 4.63033784615654529590e0) * t + 1.42343711074968357734e0
    under = ((1.05075007164441684324e-9 * t + 5.47593808499534494600e-4) * t + 1.51986665636164571966e-2) * t
    under = ((under + 1.48103976427480074590e-1) * t + 6.89767334985100004550e-1) * t
    under = ((under + 1.67638483018380384940e0) * t + 2.05319162663775882187e0) * t + 1.0
    return math.copysign(far / under, u - 0.5)


@lru_cache(maxsize=1)
def gamma_grid() -> Floats:
    """Return the grid behind gamma dwells, shape (2, SHAPE_NODES, Z_NODES): scaled log quantiles and their slopes in z.

    At shape b and normal score z the log of the unit-scale gamma quantile is y; the grid holds
    h = (y - log b) * b / (1 + sqrt b), which stays of order one from very small to very large shapes.
    """
    from scipy import special

    shape = np.exp(SHAPE_LOW + SHAPE_STEP * np.arange(SHAPE_NODES, dtype=np.float64))[:, None]
    z = -Z_LIMIT + Z_STEP * np.arange(Z_NODES, dtype=np.float64)
    log_density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    y = _log_gamma_quantile(shape, z)
    x = np.exp(y)
    with np.errstate(over="ignore"):
        slope = np.exp(log_density - (shape * y - x - special.gammaln(shape)))
    scale = shape / (1 + np.sqrt(shape))
    return np.stack([(y - np.log(shape)) * scale, slope * scale])


def _log_gamma_quantile(shape: Floats, z: Floats) -> Floats:
    """Return the log of the unit-scale gamma quantile at normal scores z; small x by the leading term of its series."""
    from scipy import special

    upper = special.gammainccinv(shape, special.ndtr(-z))
    lower = special.gammaincinv(shape, special.ndtr(z))
    x = np.where(z > 0, upper, lower)
    leading = (special.log_ndtr(z) + special.gammaln(shape + 1)) / shape
    with np.errstate(divide="ignore"):
        return np.where(x > 1e-200, np.log(np.maximum(x, 1e-300)), leading)


@compiled
def fill_gamma(shape: float, grid: Floats, out: Floats) -> None:
    """Fill `out` (2, Z_NODES) with the log of the unit-scale gamma quantile at this shape and its slope, by node of z.

    Between shapes: six-point Lagrange in log shape. Above a shape of 1e6: the cube-root normal approximation (Wilson
    and Hilferty 1931), whose relative error there is below 1e-9.
    """
    if shape > LARGEST_TABLED_SHAPE:
        for node in range(Z_NODES):
            root = 1.0 / (3.0 * math.sqrt(shape))
            cube = 1.0 - root * root + (node * Z_STEP - Z_LIMIT) * root
            out[0, node] = math.log(shape) + 3.0 * math.log(cube)
            out[1, node] = 3.0 * root / cube
        return
    level = math.log(shape)
    position = (level - SHAPE_LOW) / SHAPE_STEP
    first = min(max(int(position) - 2, 0), SHAPE_NODES - 6)
    scale = (1.0 + math.sqrt(shape)) / shape
    for node in range(Z_NODES):
        out[0, node] = level
        out[1, node] = 0.0
    for a in range(6):
        weight = scale
        for b in range(6):
            if a != b:
                weight *= (position - first - b) / (a - b)
        for node in range(Z_NODES):
            out[0, node] += weight * grid[0, first + a, node]
            out[1, node] += weight * grid[1, first + a, node]


@compiled
def gamma_of(z: float, tables: Floats, cell: int, place: int) -> float:
    """Return the log of a unit-scale gamma quantile at normal score z: cubic Hermite in tables[cell, place]."""
    position = (z + Z_LIMIT) / Z_STEP
    node = np.int64(position)
    t = position - node
    # Unsigned, so that no index is looked at for lying before the first.
    c, p, here, after = np.uint64(cell), np.uint64(place), np.uint64(node), np.uint64(node + 1)
    left, right = tables[c, p, 0, here], tables[c, p, 0, after]
    slope_left, slope_right = tables[c, p, 1, here] * Z_STEP, tables[c, p, 1, after] * Z_STEP
    rise = right - left
    bend = slope_left + slope_right - 2.0 * rise
    return float(left + t * (slope_left + t * (rise - slope_left - bend + t * bend)))
