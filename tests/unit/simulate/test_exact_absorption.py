import numpy as np
import pytest

from chains import build_chain, fixed, random_chain, with_arrays
from journeysim.model import dwell
from journeysim.model.dwell import Family
from journeysim.simulate.exact import (
    absorption,
    discounted_worth,
    end_probabilities,
    exact_tally,
    fundamental_matrix,
)
from journeysim.simulate.exact.transforms import lost_to_discounting, mean_dwells
from journeysim.simulate.settings import Settings


def test_rare_ends_keep_their_relative_precision():
    rare = 1e-14
    rows = {
        "a": {"b": 1 - rare, "won": rare / 4, "lost": 3 * rare / 4},
        "b": {"a": 1.0},
    }
    ends = absorption(build_chain(rows, outcomes=["won", "lost"]))
    np.testing.assert_allclose(ends.ends[0, 0], [0.25, 0.75], rtol=1e-14)
    np.testing.assert_allclose(ends.visits[0, 0], [1 / rare, (1 - rare) / rare], rtol=1e-14)
    np.testing.assert_allclose(ends.moves, (2 - rare) / rare, rtol=1e-14)


def test_agrees_with_a_linear_solver():
    chain = random_chain(5, draws=3, personas=2, touchpoints=7, out_degree=4)
    n, solved = 7, absorption(chain)
    table = np.zeros((3, 2, n, n + 2))
    table[..., chain.source, chain.target] = chain.share[:, :, 0]
    visits = np.linalg.inv(np.eye(n) - table[..., :n])
    np.testing.assert_allclose(fundamental_matrix(chain), visits, rtol=1e-12)
    np.testing.assert_allclose(solved.ends_from, visits @ table[..., n:], rtol=1e-12)
    np.testing.assert_allclose(solved.visits, visits[..., 0, :], rtol=1e-12)
    np.testing.assert_allclose(solved.ends, solved.ends_from[..., 0, :], rtol=1e-12)
    steps = visits.sum(axis=-1)
    variance = (2 * visits - np.eye(n)) @ steps[..., None]
    np.testing.assert_allclose(solved.moves_variance_from, variance[..., 0] - steps**2, rtol=1e-10)


def test_a_long_horizon_reaches_the_infinite_one():
    chain = random_chain(6, draws=2, personas=1, touchpoints=4, out_degree=3)
    # light tails, so that nothing worth counting lies beyond ten years
    chain = with_arrays(chain, family=np.full(chain.family.shape, Family.GAMMA, dtype=np.int8))
    tally, _ = exact_tally(chain, Settings(3_650.0, 0.2, 0.05, tolerance=1e-6))
    solved, worth = absorption(chain), discounted_worth(chain, 0.2, 0.05)
    np.testing.assert_allclose(tally.ends, solved.ends, rtol=1e-6)
    np.testing.assert_allclose(tally.visits[..., :4], solved.visits, rtol=1e-6)
    np.testing.assert_allclose(tally.value, solved.value, rtol=1e-6)
    np.testing.assert_allclose(tally.cost, solved.cost, rtol=1e-6)
    np.testing.assert_allclose(tally.value_pv, worth.value, rtol=1e-5)
    np.testing.assert_allclose(tally.cost_pv, worth.cost, rtol=1e-5)


def test_without_discounting_worth_is_the_plain_sum():
    chain = random_chain(7, draws=2, personas=2, touchpoints=5, out_degree=3)
    worth, solved = discounted_worth(chain, 0.0, 0.0), absorption(chain)
    np.testing.assert_allclose(worth.value, solved.value, rtol=1e-12)
    np.testing.assert_allclose(worth.cost, solved.cost, rtol=1e-12)


CASES = [
    (Family.FIXED, 20.0, 1.0),
    (Family.EXPONENTIAL, 20.0, 1.0),
    (Family.GAMMA, 5.0, 0.4),
    (Family.WEIBULL, 20.0, 0.7),
    (Family.WEIBULL, 20.0, 3.0),
    (Family.LOGNORMAL, 10.0, 1.5),
    (Family.LOGLOGISTIC, 10.0, 1.1),
]


@pytest.mark.parametrize(("family", "a", "b"), CASES)
@pytest.mark.parametrize("force", [1e-8, 2e-3, 5.0])
def test_what_discounting_takes_matches_an_integral_over_time(family, a, b, force):
    lost = lost_to_discounting(build_chain({"a": {"b": (1.0, family, a, b)}}, outcomes=["b"]), force).item()
    if family is Family.FIXED:
        assert lost == pytest.approx(-np.expm1(-force * a), rel=1e-14)
        return

    # by parts: 1 - E[exp(-f T)] = integral of f exp(-f t) P(T > t) dt; the trapezoid rule in log time is exact for it
    v = np.linspace(-90.0, np.log(45 / force), 40_001)
    t = np.exp(v)
    inside = force * t * np.exp(-force * t) * (1 - dwell.cdf(family, a, b, t))
    assert lost == pytest.approx(inside.sum() * (v[1] - v[0]), rel=1e-8)


def test_empirical_dwell_is_discounted_piece_by_piece():
    table = np.array([[0.0, 4.0, 4.0, 10.0]])
    chain = build_chain({"a": {"b": (1.0, Family.EMPIRICAL, 2.0, 0.0)}}, outcomes=["b"], table=table)
    assert mean_dwells(chain).item() == pytest.approx(2 * (2 + 4 + 7) / 3)
    for force in (1e-6, 0.1):
        kept = (
            (1 - np.exp(-8 * force)) / (8 * force)
            + np.exp(-8 * force)
            + (np.exp(-8 * force) - np.exp(-20 * force)) / (12 * force)
        ) / 3
        assert lost_to_discounting(chain, force).item() == pytest.approx(1 - kept, rel=1e-9)


def test_entry_may_be_spread_over_touchpoints_and_outcomes():
    rows = {"a": {"won": 0.3, "lost": 0.7}, "b": {"a": 1.0}}
    chain = build_chain(
        rows, outcomes=["won", "lost"], entry={"a": 0.5, "b": 0.3, "won": 0.2}, visit_value={"won": 10.0}
    )
    solved = absorption(chain)
    np.testing.assert_allclose(solved.ends[0, 0], [0.2 + 0.8 * 0.3, 0.8 * 0.7], rtol=1e-14)
    np.testing.assert_allclose(solved.moves, 0.5 + 0.3 * 2, rtol=1e-14)
    np.testing.assert_allclose(solved.moves_variance, 0.5 + 0.3 * 4 - 1.1**2, rtol=1e-12)
    np.testing.assert_allclose(solved.value, 4.4, rtol=1e-14)
    np.testing.assert_allclose(discounted_worth(chain, 0.0, 0.0).value, 4.4, rtol=1e-14)


def test_draws_can_be_chosen():
    chain = random_chain(8, draws=4, personas=1, touchpoints=4, out_degree=3)
    some = absorption(chain, draws=np.array([3, 1]))
    np.testing.assert_array_equal(some.days, absorption(chain).days[[3, 1]])


def test_only_chains_without_tenure_that_end_have_an_answer():
    tenure = build_chain({"a": {"b": 1.0}}, outcomes=["b"], period_end=[1.0, np.inf])
    with pytest.raises(ValueError, match="2 tenure periods"):
        absorption(tenure)
    with pytest.raises(ValueError, match="no outcome can be reached"):
        end_probabilities(build_chain({"a": {"a": fixed(1.0, 1.0)}}, outcomes=["b"]))
