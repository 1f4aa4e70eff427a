"""Which families explain a silence: what was observed is laid out once for all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.silence.open_spells import LinkDwell, silent_link
from journeysim.calibrate.silence.points import Observed
from journeysim.calibrate.silence.target import joint_target, of_families
from journeysim.model.dwell import Family
from journeysim.model.transitions import dwell_edges

EDGES = dwell_edges(60.0)
SECOND = 1 / 86_400


def in_bins(times: np.ndarray) -> Bins:
    counts = np.histogram(times, EDGES)[0]
    return Bins(EDGES[:-1][counts > 0], EDGES[1:][counts > 0], counts[counts > 0].astype(float))


def link(name: str, done: Bins) -> LinkDwell:
    belief = DwellBelief(Family.LOGNORMAL, 0.0, 2.0, 0.7, 2.0, ("p0",), (0.0,))
    ones, kind = np.ones((1, 1)), np.full(1, Family.LOGNORMAL, dtype=np.int8)
    return LinkDwell(name, belief, Family.LOGNORMAL, (done,), learned=True, a=ones, b=ones, families=kind,
                     tables=np.empty((0, 0)))  # fmt: skip


def links() -> list[LinkDwell]:
    rng = np.random.default_rng(5)
    found = [
        link("days", in_bins(np.exp(0.5 + rng.normal(size=400)))),
        link("weeks", in_bins(rng.gamma(0.5, 14.0, 60))),
    ]
    at_once = link("at once", Bins(np.array([0.0]), np.array([SECOND]), np.array([900.0])))
    return [*found, at_once, silent_link("gone", found[0].belief, (NO_BINS,))]


def test_other_families_on_what_was_laid_out_before_are_the_same_target():
    among = tuple(links())
    silent, counts = (
        (in_bins(np.linspace(0.5, 50.0, 40)),),
        np.array([[400.0, 60.0, 900.0, 0.0]]),
    )
    families = [Family.WEIBULL, Family.EXPONENTIAL, Family.GAMMA, among[-1].family]
    changed = tuple(replace(each, family=family) for each, family in zip(among, families, strict=True))
    alpha, tilt = np.ones(4), np.ones((1, 4))
    fresh = joint_target(Observed(changed, silent, counts), alpha, tilt)
    moved = of_families(joint_target(Observed(among, silent, counts), alpha, tilt), families)
    at = np.random.default_rng(1).normal(size=fresh.size)
    value, gradient = fresh.value_and_gradient(at)
    assert moved.value_and_gradient(at)[0] == value
    np.testing.assert_array_equal(moved.value_and_gradient(at)[1], gradient)
