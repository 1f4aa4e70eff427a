"""Chains in seasons, for tests of the engines."""

from __future__ import annotations

import numpy as np

from journeysim.model.seasons import Cycle, around_one
from journeysim.simulate.chain import Chain
from journeysim.simulate.seasons import with_seasons


def in_seasons(chain: Chain, cycle: Cycle, seed: int, *, odds: float = 0.6, dwell: float = 0.0) -> Chain:
    """Return the chain with random odds and factors on dwells, whose logs have these standard deviations."""
    rng = np.random.default_rng(seed)
    size = (chain.draws, len(chain.links), len(cycle.names))
    today, here, times = (np.exp(rng.normal(0.0, sd, size)) for sd in (odds, odds, dwell))
    here = np.where(rng.random(size) < 0.5, today, here)
    return with_seasons(
        chain, cycle, around_one(here, geometric=True), around_one(today, geometric=True),
        around_one(times, geometric=False),
    )  # fmt: skip


def evenly(chain: Chain, cycle: Cycle) -> Chain:
    """Return the chain in seasons that do nothing."""
    ones = np.ones((chain.draws, len(chain.links), len(cycle.names)))
    return with_seasons(chain, cycle, ones, ones, ones)
