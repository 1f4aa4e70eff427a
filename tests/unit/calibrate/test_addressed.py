from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from journeysim.calibrate.numerics.addressed import dirichlet, log_gamma_ppf


@pytest.mark.parametrize("shape", [1e-4, 0.02, 0.7, 30.0, 4e6])
def test_log_gamma_variates_invert_the_distribution_function(shape: float):
    u = np.array([1e-12, 0.1, 0.5, 0.999])
    logs = log_gamma_ppf(shape, u)
    tiny = logs < -600
    np.testing.assert_allclose(special.gammainc(shape, np.exp(logs[~tiny])), u[~tiny], rtol=1e-9)
    np.testing.assert_allclose(shape * logs[tiny] - special.gammaln(shape + 1), np.log(u[tiny]), rtol=1e-12)


def test_tiny_weights_give_proper_shares():
    shares = dirichlet(np.array([1e-4, 2e-4, 0.0]), 1, 4000, [("a",), ("b",), ("c",)])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert shares[:, 2].max() == 0
    assert shares[:, 0].mean() == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / 4000))
