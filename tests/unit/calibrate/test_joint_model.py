"""The compiled density against the same model written down a second time, and its gradient against differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from joint_nuts import sample_jointly, starting_points
from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import survival, to_scale_shape
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.dwells.scores import FAMILIES, LEFT, NODES, STEP, base_tables
from journeysim.calibrate.silence.density import value_and_gradients
from journeysim.calibrate.silence.mode import find_joint_mode
from journeysim.calibrate.silence.open_spells import LinkDwell, silent_link
from journeysim.calibrate.silence.points import Observed, Points
from journeysim.calibrate.silence.target import JointTarget, joint_target
from journeysim.model.dwell import Family, ppf
from journeysim.model.transitions import coarse_edges
from pooled_target import PooledTarget, Target

EDGES = coarse_edges(100.0)
MIXED = (Family.EXPONENTIAL, Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL, Family.LOGLOGISTIC)


def in_bins(times: np.ndarray) -> Bins:
    counts = np.histogram(times, EDGES)[0]
    return Bins(EDGES[:-1][counts > 0], EDGES[1:][counts > 0], counts[counts > 0].astype(float))


def belief(family: Family, personas: int) -> DwellBelief:
    names = tuple(f"p{g}" for g in range(personas))
    return DwellBelief(family, 1.0, 1.0, 0.5, 4.0, names, tuple(0.1 * g for g in range(personas)))


def world(personas: int, families: tuple[Family, ...], seed: int) -> Observed:
    rng = np.random.default_rng(seed)
    never, ones = np.zeros((1, personas)), np.ones((1, personas))
    links = [
        LinkDwell(f"l{i}", belief(family, personas), family,
                  tuple(in_bins(rng.gamma(2.0, 2.0, 300)) for _ in range(personas)), learned=True,
                  a=never, b=ones, families=np.array([family], dtype=np.int8), tables=np.empty((0, 0)))
        for i, family in enumerate(families)
    ]  # fmt: skip
    nobody = tuple(in_bins(np.empty(0)) for _ in range(personas))
    links.append(silent_link("gone", belief(Family.FIXED, personas), nobody))
    counts = np.array([[link.done[g].size for link in links] for g in range(personas)])
    return Observed(tuple(links), tuple(in_bins(rng.uniform(0, 100, 200)) for _ in range(personas)), counts)


def target_of(personas: int, families: tuple[Family, ...], seed: int = 1) -> JointTarget:
    observed, rng = world(personas, families, seed), np.random.default_rng(seed)
    links = len(observed.links)
    tilt = rng.uniform(0.8, 1.2, (personas, links)) if personas > 1 else np.ones((1, links))
    return joint_target(observed, np.linspace(1.0, 2.0, links), tilt)


@pytest.mark.parametrize(("personas", "families"), [(1, MIXED), (2, MIXED), (4, (Family.GAMMA, Family.LOGNORMAL))])
def test_the_density_is_the_one_written_down_twice(personas: int, families: tuple[Family, ...]):
    """Differences of the log density between points agree to 2e-3 (of some 10,000), the splines' error summed up."""
    found = target_of(personas, families)
    alpha = np.asarray(found.inputs["alpha"])
    slow = PooledTarget(found.observed, alpha, found.tilt) if personas > 1 else Target.of(found.observed, alpha)
    at = np.random.default_rng(2).normal(size=(6, found.size)) * 0.3
    values = np.array([found.value_and_gradient(x)[0] for x in at])
    assert np.ptp(values - slow.log_density(at)) < 2e-3


@pytest.mark.parametrize("personas", [1, 3])
def test_the_gradient_is_the_density_s(personas: int):
    found = target_of(personas, MIXED)
    at = np.random.default_rng(3).normal(size=found.size) * 0.3
    step = 1e-5 * np.eye(found.size)
    differences = [(found.value_and_gradient(at + h)[0] - found.value_and_gradient(at - h)[0]) / 2e-5 for h in step]
    np.testing.assert_allclose(found.value_and_gradient(at)[1], differences, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("personas", [1, 3])
def test_gradients_near_a_point_are_those_found_one_by_one(personas: int):
    """To the bit, though dwells that stay where they are have their tails and bins from the point."""
    found = target_of(personas, MIXED)
    here = np.random.default_rng(6).normal(size=found.size) * 0.3
    at = here + np.concatenate([1e-5 * np.eye(found.size), np.full((1, found.size), 0.1)])
    np.testing.assert_array_equal(found.gradients(here, at), [found.value_and_gradient(x)[1] for x in at])
    assert found.value_and_gradient(at[-1])[0] != found.value_and_gradient(here)[0]


@pytest.mark.parametrize("family", MIXED)
def test_the_score_tables_give_every_family_s_survival(family: Family):
    """Relative to the smaller of the two probabilities, wherever it is above 1e-12."""
    rng, form = np.random.default_rng(4), FAMILIES[family]
    worst = 0.0
    for shape in (0.0,) if family is Family.EXPONENTIAL else rng.uniform(-1.5, 3.0, 12):
        a, b = to_scale_shape(family, 0.3, shape)
        times = ppf(family, a, b, np.concatenate([10.0 ** -np.arange(1.0, 12.0), np.linspace(0.05, 0.999, 60)]))
        slope = (form.add + np.exp(form.sign * shape)) ** form.power
        y = (np.log(times) - 0.3) * slope + form.shift
        z = spline(form.row, form.stride, y, shape)
        small = np.minimum(exact := survival(family, a, b, times), 1 - exact)
        clear = (small > 1e-12) & (y > LEFT)
        worst = max(worst, np.max(np.abs(special.ndtr(-z) - exact)[clear] / np.maximum(small, 1e-6)[clear]))
    assert worst < 1e-3


def spline(row: int, stride: int, y: np.ndarray, shape: float) -> np.ndarray:
    from scipy.interpolate import BSpline

    knots = np.arange(-3.0, NODES + 3)
    if not stride:
        return BSpline(knots, base_tables()[row], 3)((y - LEFT) / STEP)
    own = BSpline(np.arange(-3.0, 84), base_tables()[3:86], 3)((shape + 4.0) / 0.125)
    return BSpline(knots, own, 3)((y - LEFT) / STEP)


def test_nuts_finds_the_moments_of_a_row_without_open_spells():
    """With nobody still there the row is Dirichlet(alpha + counts): mean and sd within 5 standard errors."""
    observed = world(1, (Family.LOGNORMAL, Family.GAMMA), seed=5)
    empty = in_bins(np.empty(0))
    observed = Observed(observed.links, (empty,), np.array([[30.0, 60.0, 0.0]]))
    alpha = np.array([1.0, 2.0, 3.0])
    target = joint_target(observed, alpha, np.ones((1, 3)))
    near = Points(np.log(np.full((1, 1, 3), 1 / 3)), np.zeros((1, 1, 2, 2)), np.zeros(1, dtype=np.intp))
    found = sample_jointly(target, starting_points(observed, alpha, near), draws=1200, seed=1, name="x")
    shares = np.exp(found.points.logs[:, 0])
    weights = alpha + observed.counts[0]
    mean = weights / weights.sum()
    sd = np.sqrt(mean * (1 - mean) / (weights.sum() + 1))
    assert all(gate.passed for gate in found.gates)
    np.testing.assert_array_less(np.abs(shares.mean(axis=0) - mean), 5 * sd / 20)
    np.testing.assert_allclose(shares.std(axis=0), sd, rtol=5 / np.sqrt(2 * 400))


def test_two_humps_of_a_posterior_fail_a_gate():
    """Two modes as good as each other, far apart: chains that cannot find each other are caught by R-hat."""
    low, high = -12.0, 12.0

    def two_humps(x: np.ndarray) -> tuple[float, np.ndarray]:
        parts = np.array([-0.5 * np.sum((x - low) ** 2), -0.5 * np.sum((x - high) ** 2)])
        weights = np.exp(parts - parts.max())
        weights /= weights.sum()
        value = parts.max() + np.log(np.exp(parts - parts.max()).sum())
        return float(value), -(weights[0] * (x - low) + weights[1] * (x - high))

    modes = [find_joint_mode(two_humps, np.array([start])) for start in (-9.0, 9.0)]
    assert modes[0].at == pytest.approx([low])
    assert modes[1].at == pytest.approx([high])
    assert modes[0].apart(modes[1]) == pytest.approx(24.0, rel=1e-3)
    assert modes[0].evidence == pytest.approx(modes[1].evidence)
    assert modes[0].evidence == pytest.approx(0.5 * np.log(2 * np.pi), abs=1e-3)


def test_the_value_knows_nothing_of_empty_inputs():
    observed = Observed((silent_link("gone", belief(Family.FIXED, 1), (in_bins(np.empty(0)),)),),
                        (in_bins(np.array([3.0, 5.0])),), np.zeros((1, 1)))  # fmt: skip
    target = joint_target(observed, np.ones(1), np.ones((1, 1)))
    value, gradients = value_and_gradients((target.linear @ np.zeros(0))[None], *target.inputs.values())
    assert value == pytest.approx(0.0, abs=1e-9)
    assert gradients[0] == pytest.approx(np.zeros(2), abs=1e-9)
