"""Chains on the exact posterior of open spells, against grids, and against PyMC's NUTS on a second statement of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from joint_nuts import sample_jointly, starting_points
from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import CANDIDATES, log_likelihood, survival, to_location, to_scale_shape
from journeysim.calibrate.dwells.fit import DwellBelief, fit_dwell, log_prior
from journeysim.calibrate.shares import ShareRows, fit_shares
from journeysim.calibrate.silence.chains import Given, Sampled, sample_chains
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread, silent_link, spread_open, tempering
from journeysim.calibrate.silence.points import Observed, Points
from journeysim.calibrate.silence.rows import Rows
from journeysim.calibrate.silence.settle import settle_silent
from journeysim.calibrate.silence.target import joint_target
from journeysim.model.dwell import Family, ppf
from journeysim.model.transitions import dwell_edges

EDGES = dwell_edges(60.0)


def in_bins(times: np.ndarray) -> Bins:
    counts = np.histogram(times, EDGES)[0]
    return Bins(EDGES[:-1][counts > 0], EDGES[1:][counts > 0], counts[counts > 0].astype(float))


def link(name: str, family: Family, done: tuple[Bins, ...]) -> LinkDwell:
    names = tuple(f"p{g}" for g in range(len(done)))
    belief = DwellBelief(family, 1.0, 1.0, 0.7, 2.0, names, (0.0,) * len(done))
    if family is Family.FIXED:
        return silent_link(name, belief, done)
    ones = np.ones((1, len(done)))
    return LinkDwell(name, belief, family, done, learned=True, a=ones, b=ones,
                     families=np.full(1, family, dtype=np.int8), tables=np.empty((0, 0)))  # fmt: skip


def world(families: tuple[Family, ...], customers: tuple[int, ...], cut: float, seed: int) -> Observed:
    """A third leave silently, the others divide evenly over links of these families with medians of 3, 9, … days."""
    rng, personas = np.random.default_rng(seed), len(customers)
    done: list[list[Bins]] = [[] for _ in families]
    silent = []
    for count in customers:
        took = rng.choice(len(families) + 1, count, p=[*[2 / 3 / len(families)] * len(families), 1 / 3])
        age, dwell = rng.uniform(0, cut, count), np.full(count, np.inf)
        for j, family in enumerate(families):
            here = took == j
            dwell[here] = ppf(family, 3.0 ** (j + 1), 1.0, rng.uniform(size=here.sum()))
            done[j].append(in_bins(dwell[here & (dwell < age)]))
        silent.append(in_bins(age[dwell >= age]))
    links = [link(f"l{j}", family, tuple(done[j])) for j, family in enumerate(families)]
    links.append(link("gone", Family.FIXED, (NO_BINS,) * personas))
    counts = np.array([[each.done[g].size for each in links] for g in range(personas)])
    return Observed(tuple(links), tuple(silent), counts)


def surrogate_of(observed: Observed, alpha: np.ndarray, draws: int = 2000) -> Given:
    """The surrogate as `touchpoint_fit` has it, for families that are told."""
    links, personas = list(observed.links), len(observed.counts)
    spreads = spread_open(links, observed.silent, observed.counts, alpha)
    factor, by_link = tempering(observed.counts, spreads), np.stack([spread.by_link for spread in spreads])
    on, shape = np.ones((1, len(links)), dtype=bool), (1, personas, len(links))
    names = tuple(each.name for each in links)
    full = (observed.counts + by_link) * factor
    rows = ShareRows(("t",), (names,), links[0].belief.personas, full[None], alpha[None], np.ones(shape), on)
    fitted = fit_shares(rows, seed=1, draws=draws)
    drawn = tuple(with_draws(each, j, spreads, factor, draws) for j, each in enumerate(links))
    rows_of = Rows(
        alpha, np.ones((personas, len(links))), observed.counts, by_link, factor, fitted.theta[:, 0], fitted.kappa[:, 0]
    )
    return Given(drawn, spreads, rows_of, fitted.shares[:, 0])


def with_draws(each: LinkDwell, j: int, spreads: tuple[Spread, ...], factor: float, draws: int) -> LinkDwell:
    if not each.learned:
        return each
    pairs = zip(each.done, spreads, strict=True)
    data = [(done.times(factor), spread.on(j).times(factor)) for done, spread in pairs]
    fit = fit_dwell(each.family, each.belief, data, seed=1, draws=draws, name=each.name)
    return replace(each, a=fit.a, b=fit.b, families=np.full(draws, each.family, dtype=np.int8))


def on_a_grid(observed: Observed, alpha: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Exit share, location, log shape and probability on a grid, for one persona and one link beside the exit."""
    share, location, shape, logs = log_grid(observed, alpha, shapes)
    weights = np.exp(logs - logs.max())
    return share, location, shape, weights / weights.sum()


def log_grid(observed: Observed, alpha: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, ...]:
    only, silent = observed.links[0], observed.silent[0]
    share, location, shape = np.meshgrid(
        special.expit(np.linspace(-9, 6, 80)), np.linspace(-2, 8, 80), shapes, indexing="ij"
    )
    phi = np.stack([location[0], shape[0]], axis=-1).reshape(-1, 1, 2)
    a, b = to_scale_shape(only.family, phi[:, 0, 0], phi[:, 0, 1])
    dwell = log_prior(only.family, only.belief, phi) + log_likelihood(only.family, a, b, only.done[0], NO_BINS)
    still = survival(only.family, a[:, None], b[:, None], silent.middle)
    p = share[:, 0, 0][:, None, None]
    logs = np.log(p + (1 - p) * still) @ silent.count + dwell
    logs += (alpha[0] + observed.counts[0, 0]) * np.log1p(-p[:, :, 0]) + alpha[1] * np.log(p[:, :, 0])  # by log odds
    return share, location, shape, logs.reshape(share.shape)


def assert_like(found: Sampled, grid: tuple[np.ndarray, ...], size: float) -> None:
    """Means within 5 errors of draws worth `size`, sds within 5 errors: false alarm below 1 in 100,000 each."""
    share, location, shape, weights = grid
    only = found.links[0]
    drawn_location, drawn_shape = to_location(Family(int(only.families[0])), only.a[:, 0], only.b[:, 0])
    for drawn, exact in ((found.shares[:, 0, -1], share), (drawn_location, location), (drawn_shape, shape)):
        mean = float(np.sum(weights * exact))
        sd = float(np.sqrt(np.sum(weights * (exact - mean) ** 2)))
        assert drawn.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(size) + 1e-12)
        assert drawn.std() == pytest.approx(sd, rel=5 / np.sqrt(2 * size), abs=1e-12)


@pytest.mark.parametrize("family", [Family.EXPONENTIAL, Family.LOGNORMAL])
def test_chains_find_the_posterior_that_a_fine_grid_gives(family: Family):
    alpha, observed = np.array([1.0, 1.0]), world((family,), (400,), 10.0, seed=2)
    shapes = np.zeros(1) if family is Family.EXPONENTIAL else np.linspace(-1.5, 1.5, 50)
    found = sample_chains(surrogate_of(observed, alpha), draws=1200, seed=1, name="x")
    assert all(gate.passed for gate in found.gates)
    assert_like(found, on_a_grid(observed, alpha, shapes), 400)


def test_where_nobody_waits_shares_are_conjugate():
    """No open spell, one persona: means within 5 errors of 400 draws of the Dirichlet's."""
    alpha, observed = np.array([1.0, 1.0]), world((Family.EXPONENTIAL,), (200,), 10.0, seed=2)
    nobody = Observed(observed.links, (NO_BINS,), observed.counts)
    found = sample_chains(surrogate_of(nobody, alpha), draws=1200, seed=1, name="x")
    assert all(gate.passed for gate in found.gates)
    exact = stats.beta(1 + observed.counts[0, 0], 1.0)
    assert found.shares[:, 0, 0].mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / 20)


def test_two_explanations_are_drawn_by_their_weights():
    """Early in the log two families explain the silences by different exits: both are in the draws, as a grid weighs them.

    Frequencies and means within 5 errors of 200 draws, far below what either family alone would give.
    """
    alpha, observed, families = np.array([1.0, 1.0]), world((Family.LOGNORMAL,), (300,), 8.0, seed=5), CANDIDATES
    told = settle_silent(observed.links, observed.silent, observed.counts, alpha[None])
    given = replace(surrogate_of(observed, alpha), stories=told.stories)
    found = sample_chains(given, draws=2400, seed=1, name="x")
    assert all(gate.passed for gate in found.gates)
    evidence, exits = {}, {}
    for family in families:
        shapes = np.zeros(1) if family is Family.EXPONENTIAL else np.linspace(-3.0, 3.0, 60)
        step = 1.0 if family is Family.EXPONENTIAL else shapes[1] - shapes[0]
        only = replace(observed.links[0], family=family)
        share, _, _, logs = log_grid(
            Observed((only, observed.links[1]), observed.silent, observed.counts), alpha, shapes
        )
        evidence[family] = special.logsumexp(logs) + np.log(step)
        exits[family] = float(np.sum(share * np.exp(logs - special.logsumexp(logs))))
    exact = {family: np.exp(evidence[family] - special.logsumexp(list(evidence.values()))) for family in families}
    drawn = found.links[0].families
    for family in families:
        error = np.sqrt(max(exact[family] * (1 - exact[family]), 0.02) / 200)
        assert np.mean(drawn == family) == pytest.approx(exact[family], abs=5 * error)
        if exact[family] > 0.1:
            own = found.shares[drawn == family, 0, -1]
            assert own.mean() == pytest.approx(exits[family], abs=5 * own.std() / np.sqrt(200 * exact[family]))
    assert max(exits.values()) - min(exits.values()) > 0.1
    whole = sum(exact[family] * exits[family] for family in families)
    assert found.shares[:, 0, -1].mean() == pytest.approx(whole, abs=5 * found.shares[:, 0, -1].std() / np.sqrt(200))


def test_families_that_agree_on_who_left_may_differ_on_how_long_moves_take():
    """In a long log everybody knows who left; of 100 moves the median still depends on the family, and that is enough."""
    observed = world((Family.LOGNORMAL,), (150,), 120.0, seed=2)
    told = settle_silent(observed.links, observed.silent, observed.counts, np.array([[1.0, 1.0]]))
    weights = special.softmax(told.behind)
    apart = np.sqrt(weights @ (told.figures - weights @ told.figures) ** 2) / told.within
    assert apart[0] < 0.1
    assert told.disagreement == pytest.approx(apart.max())
    assert told.disagreement > 0.3


@pytest.mark.slow
def test_chains_and_nuts_agree_on_two_personas():
    """Two samplers that share no code but the survival functions: means within 5 errors of 400 and 400 draws."""
    alpha, observed = np.array([1.0, 1.0, 1.0]), world((Family.LOGNORMAL, Family.WEIBULL), (1500, 150), 30.0, seed=3)
    given = surrogate_of(observed, alpha)
    found = sample_chains(given, draws=1200, seed=1, name="x")
    phi = np.stack([np.stack(to_location(each.family, each.a, each.b), -1) for each in given.links[:2]], axis=2)
    near = Points(
        np.median(np.log(given.shares), axis=0)[None], np.median(phi, axis=0)[None], np.zeros(1, dtype=np.intp)
    )
    target = joint_target(observed, alpha, np.ones((2, 3)))
    nuts = sample_jointly(target, starting_points(observed, alpha, near), draws=2400, seed=1, name="x")
    assert [str(gate) for gate in (*found.gates, *nuts.gates) if not gate.passed] == []
    ours = [found.shares.reshape(len(found.shares), -1)]
    theirs = [np.exp(nuts.points.logs).reshape(len(nuts.points.logs), -1)]
    for j, each in enumerate(found.links[:2]):
        ours += to_location(each.family, each.a, each.b)
        theirs += [nuts.points.phi[:, :, j, 0], nuts.points.phi[:, :, j, 1]]
    for mine, other in zip(ours, theirs, strict=True):
        error = np.sqrt((mine.var(axis=0) + other.var(axis=0)) / 400)
        np.testing.assert_array_less(np.abs(mine.mean(axis=0) - other.mean(axis=0)), 5 * error)
        np.testing.assert_allclose(mine.std(axis=0), other.std(axis=0), rtol=5 / np.sqrt(400))
