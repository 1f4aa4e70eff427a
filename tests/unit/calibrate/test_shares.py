from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate.gates import Gate, energy_bfmi, weight_size
from journeysim.calibrate.shares import ShareRows, fit_shares


def rows(counts, weight, tilt=None, present=None) -> ShareRows:
    counts, weight = np.asarray(counts, float), np.asarray(weight, float)
    n, personas, links = counts.shape
    return ShareRows(
        tuple(f"t{i}" for i in range(n)), (tuple(f"x{j}" for j in range(links)),) * n,
        tuple(f"p{g}" for g in range(personas)),
        counts, weight, np.ones_like(counts) if tilt is None else np.asarray(tilt, float),
        np.ones(weight.shape, bool) if present is None else np.asarray(present, bool),
    )  # fmt: skip


def test_one_persona_is_exactly_conjugate():
    fit = fit_shares(rows([[[30, 5, 1]]], [[6, 3, 1]]), seed=1, draws=20_000)
    exact = stats.beta(36, 10)
    assert stats.kstest(fit.shares[:, 0, 0, 0], exact.cdf).pvalue > 1e-4
    assert fit.gates == ()


@pytest.fixture(scope="module")
def pooled():
    counts = [[[600, 300, 100], [6, 3, 1]], [[50, 50, 0], [0, 0, 0]], [[400, 100, 0], [100, 400, 0]]]
    present = [[True, True, True], [True, True, True], [True, True, False]]
    tilt = np.ones((3, 2, 3))
    tilt[2, :, :2] = [[1.6, 0.4], [0.4, 1.6]]
    data = rows(counts, [[6, 3, 1], [5, 4, 1], [5, 5, 0]], tilt, present)
    return fit_shares(data, seed=1, draws=3000)


def test_gates_pass_and_rows_are_proper(pooled):
    assert [str(gate) for gate in pooled.gates if not gate.passed] == []
    assert {"effective draws of pooled shares", "Pareto k of pooled shares"} == {gate.name for gate in pooled.gates}
    np.testing.assert_allclose(pooled.shares.sum(axis=-1), 1.0, rtol=1e-12)
    assert pooled.shares[:, 2, :, 2].max() == 0


def test_a_small_persona_borrows_and_is_less_certain(pooled):
    large, small = pooled.shares[:, 0, 0, 0], pooled.shares[:, 0, 1, 0]
    assert large.mean() == pytest.approx(0.6, abs=0.01)
    assert small.mean() == pytest.approx(0.6, abs=0.03)
    assert 1.5 * large.std() < small.std() < np.sqrt(0.24 / 11)


def test_a_persona_never_seen_follows_the_others(pooled):
    assert pooled.shares[:, 1, 1, 0].mean() == pytest.approx(pooled.shares[:, 1, 0, 0].mean(), abs=0.02)
    assert pooled.shares[:, 1, 1, 0].std() > 1.2 * pooled.shares[:, 1, 0, 0].std()


def test_the_maps_own_persona_rows_are_not_shrunk_into_one(pooled):
    assert pooled.shares[:, 2, 0, 0].mean() == pytest.approx(0.8, abs=0.01)
    assert pooled.shares[:, 2, 1, 0].mean() == pytest.approx(0.2, abs=0.01)


def test_gates_refuse_what_is_not_a_number():
    assert not Gate("x", float("nan"), 1.0).passed
    assert not Gate("x", float("nan"), 1.0, "at least").passed
    assert "FAILED" in str(Gate("x", 2.0, 1.0))


def test_energy_and_weights():
    energy = np.random.default_rng(1).normal(size=(2, 4000))
    assert energy_bfmi(energy) == pytest.approx(2.0, rel=0.1)
    assert energy_bfmi(np.cumsum(energy, axis=1)) < 0.05
    assert weight_size(np.log([1.0, 1.0, 1e-300])) == pytest.approx(2.0)
