import numpy as np
import pytest

from chains import build_chain, fixed
from journeysim.model.dwell import Family
from journeysim.simulate.exact.grid import build_grid, cohort_step, common_step, fewest_steps
from journeysim.simulate.settings import Settings


@pytest.mark.parametrize(
    ("values", "expected"), [([365.25], 365.25), ([30.0, 45.0], 15.0), ([0.1, 0.3, 0.7], 0.1), ([1.0, np.pi], None)]
)
def test_common_step(values, expected):
    step = common_step(np.array(values), 1e-3)
    assert step == (None if expected is None else pytest.approx(expected))


def one_link(*links):
    rows = {"a": {f"end {i}": link for i, link in enumerate(links)}}
    return build_chain(rows, outcomes=[f"end {i}" for i in range(len(links))])


def test_cohort_step_needs_fixed_dwells_with_a_common_step():
    assert cohort_step(one_link(fixed(0.5, 0.0), fixed(0.5, 2.0)), 100.0) == 2.0
    assert cohort_step(one_link(fixed(1.0, 0.0)), 100.0) == 100.0
    assert cohort_step(one_link((1.0, Family.EXPONENTIAL, 2.0)), 100.0) is None
    assert cohort_step(one_link((0.0, Family.EXPONENTIAL, 2.0), fixed(1.0, 5.0)), 100.0) == 5.0
    assert cohort_step(one_link(fixed(0.5, 1.0), fixed(0.5, 2.0**0.5)), 100.0) is None


def test_longer_fixed_dwells_get_points_of_their_own():
    chain = one_link(fixed(0.3, 5.0), fixed(0.3, 1 / 288), (0.4, Family.EXPONENTIAL, 2.0))
    assert fewest_steps(chain, Settings(365.0)) == 73


def test_rows_are_shared_by_the_hat_around_a_point_and_chosen_by_the_point_itself():
    grid = build_grid(np.array([2.0, 2.5, np.inf]), 1.0, 4, lattice=False)
    parts = np.zeros((3, 5))
    for p in range(3):
        for k in range(grid.first[p], grid.last[p] + 1):
            parts[p, k] = grid.part[grid.offset[p] + k - grid.first[p]]
    np.testing.assert_allclose(parts, [[1, 1, 0.5, 0, 0], [0, 0, 0.375, 0.125, 0], [0, 0, 0.125, 0.875, 1]])
    assert grid.at.tolist() == [0, 0, 1, 2, 2]
    assert grid.lowest.tolist() == [0, 0, 0, 1, 2]


def test_arrivals_on_the_grid_never_share_rows():
    grid = build_grid(np.array([2.0, np.inf]), 1.0, 4, lattice=True)
    assert grid.at.tolist() == [0, 0, 1, 1, 1]
    assert grid.part.tolist() == [1.0] * 5
