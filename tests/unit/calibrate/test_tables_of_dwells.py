"""Tables of dwells beside open spells: evidence against averages over the prior, curves against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.dwells.tables import LEVELS, STRENGTHS, Curves, draw_tables, fit_tables
from journeysim.calibrate.dwells.tables.cells import Cells, cells_of, edges_of
from journeysim.calibrate.dwells.tables.curves import open_logs
from journeysim.calibrate.dwells.tables.hazards import Centres, by_model, centres_at, curves_around, likelihoods
from journeysim.calibrate.gates import weight_size
from journeysim.calibrate.numerics.student import log_sum_exp
from journeysim.calibrate.silence.fresh import fresh_curves, give
from journeysim.calibrate.silence.open_spells import LinkDwell
from journeysim.model.dwell import Family
from journeysim.model.transitions import coarse_edges

EDGES = coarse_edges(400.0)
BELIEF = DwellBelief(Family.LOGNORMAL, 1.0, 1.0, 0.5, 4.0, ("all",), (0.0,))


def binned(days) -> Bins:
    counts = np.histogram(days, EDGES)[0].astype(float)
    hit = counts > 0
    return Bins(EDGES[:-1][hit], EDGES[1:][hit], counts[hit])


def placed(data: list[tuple[Bins, Bins]]) -> tuple[Cells, Centres]:
    edges = edges_of(data)
    return cells_of(edges, data), centres_at(np.array([[2.5, 0.0]]), edges)


def prior_curves(cells: Cells, centre: Centres, level: float, strength: float, count: int) -> np.ndarray:
    """Draw P(dwell > edge) from the prior as it is written: Dirichlet over stretches, each divided as G divides it."""
    of = cells.joined(level).of
    part = np.append(np.bincount(of, centre.mass[0]), centre.above[0, -1])
    gammas = np.random.default_rng(1).standard_gamma(np.maximum(strength * part, 1e-12), (count, len(part)))
    share = (gammas / gammas.sum(axis=1, keepdims=True))[:, of] * centre.mass[0] / part[of]
    return np.concatenate([np.ones((count, 1)), np.maximum(1.0 - np.cumsum(share, axis=1), 1e-300)], axis=1)


@pytest.mark.parametrize("level", LEVELS)
def test_evidence_beside_open_spells_is_the_priors_average(level: float):
    """Standard errors of 20,000 draws are 0.005 to 0.11: an error of 0.04 is caught at the widest level, of 0.5 at the finest."""
    data = [(binned(np.array([20.0, 21.0, 22.0])), binned(np.array([1.0, 5.0, 6.0, 7.0, 8.0, 14.0, 15.0, 16.0, 17.0])))]
    cells, centre = placed(data)
    hit = cells.done > 0
    for strength, found in zip(STRENGTHS, likelihoods(cells, centre, level), strict=True):
        still = prior_curves(cells, centre, level, strength, 20_000)
        moved = np.log(np.maximum(-np.diff(still, axis=1)[:, hit], 1e-300)) @ cells.done[hit]
        logs = moved + open_logs(Curves(cells.edges, still), np.arange(len(still))[:, None], data)
        mean = special.logsumexp(logs) - np.log(len(logs))
        error = np.std(np.exp(logs - mean)) / np.sqrt(len(logs))
        assert found[0] == pytest.approx(mean, abs=0.02 + 4 * error)
        assert error < 0.12


@pytest.mark.parametrize("level", LEVELS)
def test_curves_are_drawn_with_open_spells_where_they_are(level: float):
    """Six cancelled on day 30, thirty may yet: hazards that are all but certain, with open spells just before."""
    data = [(binned(np.full(6, 30.0)), binned(np.linspace(10.0, 29.9, 30)))]
    cells, centre = placed(data)
    for strength in STRENGTHS:
        many = centre.take(np.zeros(1000, dtype=np.intp))
        still, held = curves_around(cells, many, (level, strength), np.random.default_rng(3))
        logs = open_logs(Curves(cells.edges, still), np.arange(len(still))[:, None], data) - held
        assert weight_size(logs) > 950
        assert abs(logs.mean()) < 0.05


def test_beyond_the_longest_dwell_curves_differ_as_the_prior_has_it():
    """Nothing is known there but who is still there: a beta of what G has after and before (KS, false alarm 1e-3).

    1,000 draws; that curves follow G there, all alike, is a p-value of 0.
    """
    data = [(binned(np.array([1.0, 2.0, 3.0])), binned(np.array([4.0, 5.0, 6.0])))]
    cells, centre = placed(data)
    first, last = np.searchsorted(cells.edges, (10.0, 40.0))
    still, _ = curves_around(cells, centre.take(np.zeros(1000, dtype=np.intp)), (1.0, 16.0), np.random.default_rng(5))
    later, before = 16.0 * centre.above[0, last], 16.0 * (centre.above[0, first] - centre.above[0, last])
    assert stats.kstest(still[:, last] / still[:, first], stats.beta(later, before).cdf).pvalue > 1e-3


def test_centres_weigh_other_customers_as_if_they_were_fitted_to_them():
    done, few, many = binned(np.array([1.0, 2.0, 4.0, 9.0])), binned(np.full(2, 6.0)), binned(np.full(9, 6.0))
    fit = fit_tables(BELIEF, [(done, few)], seed=1, centres=2000, name="x")
    own = fit_tables(BELIEF, [(done, many)], seed=1, centres=2000, name="y")
    assert fit.some(2000).told([(done, many)]).evidence == pytest.approx(own.evidence, abs=0.05)
    assert fit.some(2000).told([(done, few)]).evidence == pytest.approx(fit.evidence, abs=1e-9)


def test_what_is_kept_of_centres_is_for_those_who_moved():
    """Where others moved it is found anew: at the same centres, evidence is to the bit what it is without anything kept."""
    seen = [(binned(np.array([1.0, 2.0, 4.0, 9.0])), binned(np.full(3, 6.0)))]
    cells, centre = placed(seen)
    models = [(level, strength) for level in LEVELS for strength in STRENGTHS]
    for others in (seen, [(binned(np.array([2.0, 2.0, 5.0])), seen[0][1])]):
        here = cells_of(cells.edges, others)
        np.testing.assert_array_equal(by_model(here, centre.laid(cells, models)), by_model(here, centre))


def test_sums_of_exponentials_are_scipys():
    logs = np.random.default_rng(7).normal(0.0, 300.0, (40, 30))
    logs[:3, 0], logs[:, 1], logs[5] = 900.0, -np.inf, -np.inf
    np.testing.assert_array_equal(log_sum_exp(logs), special.logsumexp(logs, axis=0))
    np.testing.assert_array_equal(log_sum_exp(logs[:, 0]), special.logsumexp(logs[:, 0]))


def test_fresh_curves_have_the_density_that_they_say():
    """Weighed by it they give the evidence of open spells that nobody drew them for: 2,400 curves, a standard error of 0.02."""
    done, silent = binned(np.array([1.0, 2.0, 4.0, 9.0])), binned(np.array([3.0, 6.0, 12.0]))
    known = fit_tables(BELIEF, [(done, silent)], seed=1, centres=2000, name="x")
    ones, families = np.ones((1, 1)), np.full(1, Family.EMPIRICAL, dtype=np.int8)
    link = LinkDwell("x", BELIEF, Family.EMPIRICAL, (done,), learned=True, a=ones, b=ones, families=families,
                     tables=np.empty((0, 0)), known=known)  # fmt: skip
    given = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 3.0]])
    fresh, link, rows = fresh_curves(link, known, given, [silent], 2400, np.random.default_rng(7))
    assert link.curves is not None
    still = link.curves.at(rows[:, 0], silent.middle)
    for spells in (np.array([0.0, 1.0, 0.0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 0.5, 2.0])):
        logs = np.log(still) @ spells - fresh.log_density(still)
        wanted = known.some(2000).told([(done, Bins(silent.low, silent.high, spells))]).evidence
        assert special.logsumexp(logs) - np.log(len(logs)) == pytest.approx(wanted, abs=0.1)
        assert weight_size(logs) > 1000


def test_open_spells_are_given_whole_by_the_part_that_is_a_links():
    part, count = np.array([0.0, 0.25, 1.0, 0.5]), np.array([3.0, 8.0, 5.0, 0.4])
    found = give(np.tile(part, (1000, 1)), count, np.random.default_rng(3))
    assert found.mean(axis=0) == pytest.approx(part * count, abs=0.2)
    assert set(np.unique(found[:, 1])) <= set(range(9))
    assert np.all(found[:, 2] == 5.0)


def test_nobody_open_is_the_urn_alone():
    data = [(binned(np.array([1.0, 4.0])), NO_BINS)]
    fit = fit_tables(BELIEF, data, seed=1, centres=500, name="x")
    assert np.all(draw_tables(fit, seed=1, draws=50, name="x").logs == 0.0)
