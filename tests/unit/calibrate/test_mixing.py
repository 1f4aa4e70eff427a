"""R-hat and effective sizes against ArviZ, and against chains whose effective size is known."""

from __future__ import annotations

import arviz
import numpy as np
import pytest

from journeysim.calibrate.numerics.mixing import bulk_size, convergence, rank_rhat, tail_size


def autoregressive(chains: int, draws: int, rho: float, seed: int) -> np.ndarray:
    """Five components: smooth, with ties, heavy-tailed, chains apart, and one that often stays where it is."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(chains, draws, 5))
    x = noise.copy()
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    stays = rng.uniform(size=(chains, draws)) < 0.7
    for t in range(1, draws):
        x[stays[:, t], t, 4] = x[stays[:, t], t - 1, 4]
    x[..., 1] = np.round(x[..., 1], 1)
    x[..., 2] = np.exp(2 * x[..., 2])
    x[..., 3] += 0.2 * np.arange(chains)[:, None]
    return x


@pytest.mark.parametrize(("chains", "draws", "rho"), [(4, 37, -0.6), (16, 200, 0.5), (3, 501, 0.99)])
def test_figures_are_those_of_arviz(chains: int, draws: int, rho: float) -> None:
    values = autoregressive(chains, draws, rho, seed=draws)
    np.testing.assert_allclose(rank_rhat(values), arviz.rhat({"x": values})["x"], rtol=1e-12)
    np.testing.assert_allclose(bulk_size(values), arviz.ess({"x": values}, method="bulk")["x"], rtol=1e-11)
    np.testing.assert_allclose(
        tail_size(values), arviz.ess({"x": values}, method="tail", prob=(0.05, 0.95))["x"], rtol=1e-11
    )


def test_effective_size_of_autoregressive_chains() -> None:
    # 1 + 2 sum rho^t = 3 at rho = 1/2: 16 x 4000 draws are worth 21,333; its estimate is within 6 % (4 sd).
    values = autoregressive(16, 4000, 0.5, seed=1)[..., :1]
    np.testing.assert_allclose(bulk_size(values), 16 * 4000 / 3, rtol=0.06)


def test_gates_are_the_worst_component_and_forget_what_never_moves() -> None:
    values = autoregressive(4, 200, 0.5, seed=2)
    still = np.concatenate([values, np.ones((4, 200, 1))], axis=-1)
    gates = convergence("x", still)
    assert [gate.value for gate in gates] == [
        rank_rhat(values).max(), bulk_size(values).min(), tail_size(values).min()
    ]  # fmt: skip
    assert not gates[0].passed
    assert convergence("x", still[..., -1:]) == ()


def test_chains_of_a_group_count_as_one() -> None:
    values = autoregressive(8, 100, 0.0, seed=3)
    assert convergence("x", values, groups=2)[0].value == rank_rhat(values.reshape(2, 400, 5)).max()


def test_a_tail_that_holds_everything_is_as_arviz_has_it() -> None:
    values = np.minimum(autoregressive(4, 200, 0.5, seed=4), 0.5)  # the 95 % quantile is the largest value
    np.testing.assert_allclose(
        tail_size(values), arviz.ess({"x": values}, method="tail", prob=(0.05, 0.95))["x"], rtol=1e-11
    )
