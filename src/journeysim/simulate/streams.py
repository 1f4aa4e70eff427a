"""Addressed randomness for customers: a uniform is a pure function of its address.

The address is (seed, draw, customer, touchpoint, visit number, purpose).

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
key = (low, high half of the seed), counter = (customer, key of the place, visit number | purpose << 24, draw). One
block has four words; the uniform of word w is (w + 0.5) / 2**32, so 0 and 1 never occur. Visit numbers count from 0.

| purpose  | place key            | word 0            | word 1 | word 2            | word 3                |
|----------|----------------------|-------------------|--------|-------------------|-----------------------|
| VISIT    | the place's          | choice of link    | dwell  | spread of a value | keep today's choice?  |
| RESIDUAL | the touchpoint's     | choice when not kept (of whom a gone touchpoint was chosen for: its VISIT) | - | - | - |
| ENTRY    | 0                    | persona           | place of entry | -         | day in the cycle of seasons |
| CUSTOMER | a name's             | one uniform per customer and name | | |                       |
| OWN_SHARE | touchpoint and slot | gamma variate     | … and its boost | -        | -                     |
| FEELING  | the touchpoint's     | feeling           | -      | -                 | -                     |
| OWN_RATE | 0                    | own rate          | -      | -                 | -                     |
| OWN_VALUE | the place's         | own level of values | -    | -                 | -                     |
| STAFF    | the touchpoint's     | service time      | patience | balk?           | takes a call back?    |
| GAP      | 0                    | time since the customer before | - | -         | -                     |
| PICK     | a resource's         | who is next, where that is random; "customer" counts the picks | | |     |
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from journeysim.files.kept_kernels import Compiled, kept
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

VISIT: Final = 0
RESIDUAL: Final = 1
ENTRY: Final = 2
CUSTOMER: Final = 3
OWN_SHARE: Final = 4
OWN_RATE: Final = 5
OWN_VALUE: Final = 7
FEELING: Final = 6
STAFF: Final = 8
GAP: Final = 9
PICK: Final = 10
LINK_WORD, DWELL_WORD, VALUE_WORD, KEEP_WORD = range(4)
LARGEST: Final = 2**32
#: Customers that compiled code handles together. A constant of the method: sums are formed in blocks of this size.
BLOCK: Final = 512

Words = NDArray[np.uint32]

PURPOSE_SHIFT: Final = 24
_ROUNDS: Final = 10
_UNCOUNTED: Final = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
_INNER: Final = _UNCOUNTED | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_MULTIPLY_0 = np.uint64(0xD2511F53)
_MULTIPLY_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_UNIT: Final = 2.0**-32


def compiled(function: Compiled) -> Compiled:
    """Return the function compiled to machine code: cached on disk, free of the interpreter's lock, strict arithmetic.

    Without fastmath, additions keep their order and nothing is fused, so the same bits come out of scalar and vector
    code. For functions that allocate nothing, so references need no counting: counting those of some seventy arrays
    at every call costs more than the arithmetic of a short block.
    """
    return kept(function, _UNCOUNTED)


def compiled_inner(function: Compiled) -> Compiled:
    """Return the function compiled likewise, but callable from compiled code only: that compiles in half the time."""
    return kept(function, _INNER)


def compiled_into(function: Compiled) -> Compiled:
    """Return the function compiled into its callers: for the inside of loops that handle one customer at a time."""
    return kept(function, _INNER | {"forceinline": True})


def compiled_both(function: Compiled) -> Compiled:
    """Return the function compiled into its callers, and for Python too: types as its compiled callers pass serve both."""
    return kept(function, _UNCOUNTED | {"forceinline": True})


def seed_halves(seed: int) -> tuple[np.uint64, np.uint64]:
    """Return the low and high 32 bits of a seed (taken modulo 2**64), the generator's key."""
    number = seed % 2**64
    return np.uint64(number & 0xFFFFFFFF), np.uint64(number >> 32)


def seed_of(low: np.uint64, high: np.uint64) -> int:
    """Return the seed (modulo 2**64) whose halves these are."""
    return int(low) | int(high) << 32


def place_key(*names: str) -> np.uint32:
    """Return the 32-bit address that belongs to names (what a place is, and what it is called)."""
    return np.uint32(name_key(*names) & 0xFFFFFFFF)


def philox(counter: ArrayLike, seed: int) -> Words:
    """Return the blocks of Philox4x32-10 at `counter`, shape (..., 4), words as uint32: the NumPy reference."""
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, dtype=np.uint64), -1, 0)
    k0, k1 = seed_halves(seed)
    for _ in range(_ROUNDS):
        first, second = _MULTIPLY_0 * c0, _MULTIPLY_1 * c2
        c0, c1, c2, c3 = (second >> _HALF) ^ c1 ^ k0, second & _LOW, (first >> _HALF) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + _WEYL_0) & _LOW, (k1 + _WEYL_1) & _LOW
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def uniforms(seed: int, draw: int, customers: ArrayLike, key: ArrayLike, visit: ArrayLike, purpose: int) -> Floats:
    """Return the four uniforms of each address, shape (..., 4); `customers`, `key` and `visit` broadcast."""
    tagged = np.asarray(visit, dtype=np.uint64) | np.uint64(purpose << PURPOSE_SHIFT)
    counter = np.broadcast_arrays(np.asarray(customers, np.uint64), np.asarray(key, np.uint64), tagged, np.uint64(draw))
    return (philox(np.stack(counter, axis=-1), seed).astype(np.float64) + 0.5) * _UNIT


def customer_uniform(seed: int, draw: int, customers: ArrayLike, name: str) -> Floats:
    """Return one uniform per customer for a name (a change that reaches some of them), shape of `customers`.

    It does not depend on any other name, customer or draw.
    """
    key = name_key(name)
    return uniforms(seed, draw, customers, key & 0xFFFFFFFF, (key >> 32) & 0xFFFFFF, CUSTOMER)[..., 0]


@compiled
def philox_words(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return one block's four words (each below 2**32) for one counter and key."""
    for _ in range(_ROUNDS):
        first = _MULTIPLY_0 * c0
        second = _MULTIPLY_1 * c2
        c0, c1, c2, c3 = (second >> _HALF) ^ c1 ^ k0, second & _LOW, (first >> _HALF) ^ c3 ^ k1, first & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@compiled
def unit(word: np.uint64) -> float:
    """Return the uniform in (0, 1) of a word."""
    return (np.float64(word) + 0.5) * _UNIT


@compiled
def uniform_at(
    k0: np.uint64, k1: np.uint64, draw: np.uint64, customer: np.uint32, key: np.uint32, visit: np.uint32, purpose: int
) -> tuple[float, float, float, float]:
    """Return the four uniforms of one address."""
    tagged = np.uint64(visit) | (np.uint64(purpose) << np.uint64(PURPOSE_SHIFT))
    w0, w1, w2, w3 = philox_words(np.uint64(customer), np.uint64(key), tagged, draw, k0, k1)
    return unit(w0), unit(w1), unit(w2), unit(w3)


@compiled
def visit_words(count: int, k0: np.uint64, k1: np.uint64, draw: np.uint64, words: Words) -> None:
    """Fill the link, dwell and keep words of `count` visits: words[(3, 4, 5) * BLOCK + k] from the addresses before.

    words[k], words[BLOCK + k] and words[2 * BLOCK + k] hold customer, place key and tagged visit number. One flat
    array, a constant width and the rounds written out: only so does the compiler turn it into vector instructions.
    """
    for k in range(count):
        c0 = np.uint64(words[k])
        c1 = np.uint64(words[BLOCK + k])
        c2 = np.uint64(words[2 * BLOCK + k])
        c3 = draw
        low = k0
        high = k1
        for _ in range(_ROUNDS):
            first = _MULTIPLY_0 * c0
            second = _MULTIPLY_1 * c2
            c0 = (second >> _HALF) ^ c1 ^ low
            c1 = second & _LOW
            c2 = (first >> _HALF) ^ c3 ^ high
            c3 = first & _LOW
            low = (low + _WEYL_0) & _LOW
            high = (high + _WEYL_1) & _LOW
        words[3 * BLOCK + k] = np.uint32(c0)
        words[4 * BLOCK + k] = np.uint32(c1)
        words[5 * BLOCK + k] = np.uint32(c3)
