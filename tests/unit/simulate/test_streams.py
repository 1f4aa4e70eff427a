"""Addressed uniforms: the published generator, two implementations that agree, and nothing but the address counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from journeysim.simulate.streams import (
    BLOCK,
    CUSTOMER,
    VISIT,
    customer_uniform,
    philox,
    philox_words,
    seed_halves,
    uniform_at,
    uniforms,
    visit_words,
)

# kat_vectors of the Random123 distribution (Salmon et al. 2011): counter, key, block of philox4x32-10.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_philox_gives_the_published_blocks(counter, key, block):
    low, high = words(key)
    assert philox(words(counter), low + (high << 32)).tolist() == words(block)
    compiled = philox_words(*(np.uint64(word) for word in words(counter)), np.uint64(low), np.uint64(high))
    assert [int(word) for word in compiled] == words(block)


def test_compiled_and_numpy_uniforms_are_the_same():
    rng = np.random.default_rng(5)
    seed = 0xFEDCBA9876543210
    low, high = seed_halves(seed)
    for customer, key, visit, draw in rng.integers(0, 2**20, (50, 4)):
        expected = uniforms(seed, draw, customer, key, visit, 1)
        found = uniform_at(low, high, np.uint64(draw), np.uint32(customer), np.uint32(key), np.uint32(visit), 1)
        assert found == tuple(expected)


@pytest.mark.parametrize("count", [1, 3, 8, 500, BLOCK])
def test_a_block_of_visits_has_the_reference_words(count):
    low, high = seed_halves(77)
    flat = np.zeros(6 * BLOCK, dtype=np.uint32)
    flat[: 3 * BLOCK] = np.random.default_rng(1).integers(0, 2**24, 3 * BLOCK)
    visit_words(count, low, high, np.uint64(9), flat)
    customer, key, visit, link, dwell, keep = flat.reshape(6, BLOCK)[:, :count]
    expected = uniforms(77, 9, customer, key, visit, VISIT)
    found = (np.stack([link, dwell, keep], axis=-1) + 0.5) / 2**32
    np.testing.assert_array_equal(found, expected[:, [0, 1, 3]])


def test_uniforms_never_reach_their_ends():
    u = uniforms(0, 0, np.arange(100_000), 1, 0, VISIT)
    assert u.min() >= 2.0**-33
    assert u.max() <= 1 - 2.0**-33


def test_each_part_of_an_address_counts():
    base = {"seed": 1, "draw": 2, "customers": np.arange(64), "key": 3, "visit": 4, "purpose": VISIT}
    first = uniforms(**base)
    for change in ({"seed": 2**40 + 1}, {"draw": 3}, {"key": 4}, {"visit": 5}, {"purpose": CUSTOMER}):
        assert not np.any(uniforms(**(base | change)) == first)


def test_a_customer_uniform_depends_on_name_customer_and_draw_alone():
    few, many = customer_uniform(1, 0, np.arange(10), "video ID"), customer_uniform(1, 0, np.arange(1000), "video ID")
    np.testing.assert_array_equal(few, many[:10])
    assert not np.any(customer_uniform(1, 0, np.arange(10), "fewer forms") == few)
    assert not np.any(customer_uniform(1, 1, np.arange(10), "video ID") == few)


def test_words_are_uniform_and_independent_across_neighbouring_addresses():
    # Fixed seed; each of 4 tests of fit has a false-alarm rate of 1e-4.
    u = uniforms(20261121, 0, np.arange(200_000), 12, 0, VISIT)
    for word in u.T:
        assert stats.chisquare(np.bincount((word * 256).astype(int), minlength=256)).pvalue > 1e-4
    neighbours = np.abs(np.corrcoef(np.vstack([u.T[:, :-1], u.T[:, 1:]])) - np.eye(8))
    assert neighbours.max() < 5 / np.sqrt(len(u))
