"""Family doubt: evidence against integrals, hazards against closed forms, and draws that know which families fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special

from journeysim.calibrate import calibrate
from journeysim.calibrate.binning import merge_moves
from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.doubt import POSSIBLE, draw_families, evidence_by_family
from journeysim.calibrate.dwells.families import CANDIDATES, log_likelihood, to_scale_shape
from journeysim.calibrate.dwells.fit import TAU_VALUES, fit_dwell, tau_log_weights
from journeysim.calibrate.dwells.mode import DwellBelief, prior_normal
from journeysim.calibrate.dwells.tables import LEVELS, STRENGTHS, draw_tables, fit_tables
from journeysim.calibrate.dwells.tables.cells import cells_of, edges_of, stretches_of
from journeysim.calibrate.dwells.tables.hazards import centres_at, likelihoods
from journeysim.model.draws import tables_of
from journeysim.model.dwell import Family, ppf, quantile_by_draw
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import coarse_edges
from maps import exponential
from validation.tables import entered, moved, table

EDGES = coarse_edges(400.0)


def binned(days) -> Bins:
    counts = np.histogram(days, EDGES)[0].astype(float)
    hit = counts > 0
    return Bins(EDGES[:-1][hit], EDGES[1:][hit], counts[hit])


def belief(personas: int = 1, apart: float = 0.0) -> DwellBelief:
    names = tuple(f"p{g}" for g in range(personas))
    return DwellBelief(Family.LOGNORMAL, 1.0, 1.0, 0.5, 4.0, names, tuple(apart * g for g in range(personas)))


def sample(n: int, seed: int, family: Family = Family.GAMMA) -> np.ndarray:
    return ppf(family, 2.0, 1.5, np.random.default_rng(seed).uniform(size=n))


@pytest.mark.parametrize("family", CANDIDATES)
def test_evidence_is_the_integral_of_prior_times_likelihood(family: Family):
    """Importance weights of 4,000 draws: a standard error of at most 0.02; a missing constant is 0.5 or more."""
    data = (binned(sample(30, 1)), binned(np.array([3.0, 9.0])))
    prior = prior_normal(belief(), family)
    sd = np.diagonal(prior.precision) ** -0.5
    nodes = [np.linspace(m - 7 * s, m + 7 * s, 201) for m, s in zip(prior.mean, sd, strict=True)]
    grid = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1).reshape(-1, len(sd))
    a, b = to_scale_shape(family, grid[:, 0], grid[:, 1] if len(sd) > 1 else 0.0 * grid[:, 0])
    logs = log_likelihood(family, a, b, *data) - 0.5 * np.sum(((grid - prior.mean) / sd) ** 2, axis=1)
    cell = np.prod([x[1] - x[0] for x in nodes]) / np.prod(sd * np.sqrt(2 * np.pi))
    exact = special.logsumexp(logs) + np.log(cell)
    found = fit_dwell(family, belief(), [data], seed=1, draws=4000, name="link")
    assert found.evidence == pytest.approx(exact, abs=0.1)


def test_evidence_of_two_personas_sums_out_what_they_share():
    """Exponential: mu in closed form, tau on its grid, both locations by quadrature."""
    data = [(binned(sample(25, 2)), NO_BINS), (binned(3 * sample(6, 3)), NO_BINS)]
    prior = prior_normal(belief(2), Family.EXPONENTIAL)
    x = np.linspace(prior.mean[0] - 3, prior.mean[0] + 3, 301)
    like = [log_likelihood(Family.EXPONENTIAL, np.exp(x), np.ones_like(x), *pair) for pair in data]
    weights = np.exp(tau_log_weights() - special.logsumexp(tau_log_weights()))
    total = np.zeros((len(x), len(x)))
    for tau, weight in zip(TAU_VALUES, weights, strict=True):
        cov = tau**2 * np.eye(2) + 1.0 / prior.precision[0, 0]
        off = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1) - prior.mean[0]
        square = np.einsum("ijk,kl,ijl->ij", off, np.linalg.inv(cov), off)
        total += weight * np.exp(-0.5 * square) / (2 * np.pi * np.sqrt(np.linalg.det(cov)))
    inside = np.exp(like[0] - like[0].max())[:, None] * np.exp(like[1] - like[1].max())[None, :] * total
    exact = np.log(integrate.simpson(integrate.simpson(inside, x=x), x=x)) + like[0].max() + like[1].max()
    found = fit_dwell(Family.EXPONENTIAL, belief(2), data, seed=1, draws=4000, name="link")
    assert found.evidence == pytest.approx(exact, abs=0.1)


def test_hazards_are_summed_out_as_one_customer_after_the_other():
    """The evidence of complete dwells is a product of predictive chances (Blackwell and MacQueen's urn), at one centre."""
    cells = cells_of(EDGES, [(binned(np.array([1.0, 1.01, 4.0, 30.0])), NO_BINS)])
    centre = centres_at(np.array([[1.0, 0.0]]), EDGES)
    above = centre.above
    for strength, found in zip(STRENGTHS, likelihoods(cells, centre, 1.0), strict=True):
        part = strength * np.append(-np.diff(above[0]), above[0, -1])
        seen, logs = np.zeros(len(part)), 0.0
        for k in np.repeat(np.arange(len(cells.done)), cells.done.astype(int)):
            logs += np.log((part[k] + seen[k]) / (part.sum() + seen.sum()))
            seen[k] += 1
        assert found[0] == pytest.approx(logs, abs=1e-6)


def test_open_spells_are_survival_to_the_curves():
    """Against Kaplan and Meier: 4,000 dwells in two humps, cut off at ages that hide half of the later hump."""
    rng = np.random.default_rng(4)
    days = np.where(rng.random(4000) < 0.5, np.exp(rng.normal(0.0, 0.3, 4000)), np.exp(rng.normal(3.0, 0.1, 4000)))
    age = rng.uniform(0, 40, 4000)
    data = [(binned(days[days < age]), binned(age[days >= age]))]
    fit = fit_tables(belief(), data, seed=1, centres=1000, name="link")
    drawn = draw_tables(fit, seed=1, draws=400, name="link")
    still = drawn.curves.at(drawn.rows[:, 0], np.array([5.0, 25.0]))
    assert still.mean(axis=0) == pytest.approx([0.5, 0.0], abs=0.03)
    assert 0.004 < still[:, 0].std() < 0.02  # a binomial's is 0.008, and some are hidden
    table = drawn.curves.quantiles(drawn.rows[:, 0])
    assert np.all(np.diff(table, axis=1) >= 0)
    assert np.median(table[:, [64, 192]], axis=0) == pytest.approx([1.0, np.exp(3.0)], rel=0.06)


def test_a_mean_survives_the_way_into_a_table():
    days = sample(3000, 5, Family.WEIBULL)
    drawn = draw_tables(
        fit_tables(belief(), [(binned(days), NO_BINS)], seed=1, centres=1000, name="x"), seed=1, draws=200, name="x"
    )
    table = drawn.curves.quantiles(drawn.rows[:, 0])
    mean = np.trapezoid(table, dx=1 / (table.shape[1] - 1), axis=1)
    assert mean.mean() == pytest.approx(days.mean(), rel=0.025)


def test_few_dwells_leave_families_open_and_many_name_theirs():
    few = evidence_by_family(belief(), [(binned(sample(6, 6)), NO_BINS)], seed=1, name="x", possible=POSSIBLE)
    assert max(special.softmax(list(few.values()))) < 0.6
    many = evidence_by_family(belief(), [(binned(sample(4000, 7)), NO_BINS)], seed=1, name="x", possible=POSSIBLE)
    assert next(iter(many)) is Family.GAMMA
    assert many[Family.GAMMA] > many[Family.EMPIRICAL] + 20


def test_weights_take_back_what_families_were_drawn_too_often():
    data = [(binned(sample(300, 8)), NO_BINS)]
    evidence = evidence_by_family(belief(), data, seed=1, name="x", possible=CANDIDATES)
    found = draw_families(belief(), data, evidence, seed=1, draws=4000, name="x")
    weights = special.softmax(found.logs)
    chance = {family: weights[found.families == family].sum() for family in evidence}
    wanted = special.softmax(list(evidence.values()))
    assert list(chance.values()) == pytest.approx(wanted, abs=0.03)
    rare = [family for family, part in zip(evidence, wanted, strict=True) if 1e-3 < part < 0.01]
    assert all(np.mean(found.families == family) > 0.015 for family in rare)


def test_two_humps_reach_the_draws():
    """600 moves, half of them within a day, half after a month: the median of neither hump, the humps themselves."""
    rng = np.random.default_rng(9)
    days = np.concatenate([np.exp(rng.normal(-1.0, 0.5, 300)), np.exp(rng.normal(3.4, 0.1, 300))])
    link = Link("done", Fixed(1.0), exponential(5.0))
    journey = JourneyMap("one", (Touchpoint("a", (link,), seen=4.0),), (Outcome("done"),), (("a", Fixed(1.0)),))
    rows = [entered("all customers", "a", 600), *moved("all customers", "a", "done", days)]
    found = calibrate(journey, table(rows), seed=1, draws=200)
    data = found.draws.data
    assert np.all(data["family"].values == Family.EMPIRICAL)
    a, b = (data[name].values[:, 0, 0, 0] for name in ("dwell_a", "dwell_b"))
    for part, days_then in ((0.25, np.exp(-1.0)), (0.75, np.exp(3.4))):
        drawn = quantile_by_draw(data["family"].values[:, 0], a, b, np.array(part), tables_of(data))
        assert np.median(drawn) == pytest.approx(days_then, rel=0.1)
    assert (found.dwells[0].family, found.dwells[0].chance) == ("empirical", 1.0)
    assert found.dwells[0].margin > 100


def test_stretches_follow_no_data():
    """Whoever moved when: neighbouring stretches meet at the same coarse edges, not at the ends of completed bins."""
    for level in LEVELS:
        ends = []
        for seed in (1, 2):
            data = [
                (Bins(*merge_moves(*np.array([row[3:] for row in moved("", "", "", sample(200, seed))]).T)), NO_BINS)
            ]
            edges = edges_of(data)
            ends.append(edges[stretches_of(edges, level).first])
        longest = min(each[-1] for each in ends)
        first, second = (each[each <= longest] for each in ends)
        np.testing.assert_allclose(first, second)
        assert np.all(np.min(np.abs(first[:, None] - EDGES), axis=1) < 1e-9)
