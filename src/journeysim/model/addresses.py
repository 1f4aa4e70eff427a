"""Addressed randomness for the parameter level: a uniform is a pure function of (seed, names, draw).

Customer-level uniforms live in the engines (`simulate.streams`) and follow the same rule.
"""

from __future__ import annotations

import hashlib

import numpy as np

from journeysim.model.quantity import Floats


def name_key(*names: str) -> int:
    """Return a 64-bit number that depends on the names alone (not on Python's hash seed or on any order of calls)."""
    text = "\x1f".join(names).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def uniforms(seed: int, draws: int, *names: str) -> Floats:
    """Return uniforms in (0, 1), shape (draws,); the first k are the same whatever `draws` is."""
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key(*names)]))
    return (stream.integers(0, 2**52, size=draws, dtype=np.uint64).astype(np.float64) + 0.5) / 2.0**52
