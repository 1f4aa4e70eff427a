"""What the exact engine promises: figures to a stated error, rare ends to the last digits, any dwell without tunnels."""

from fractions import Fraction

import numpy as np
import pytest

from chains import build_chain, fixed
from journeysim.calibrate import stated_draws
from journeysim.model.arms import build_arms
from journeysim.model.dwell import Dwell, Family, cdf
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Scenario
from journeysim.simulate.exact import absorption, exact_tally
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings

HORIZON = 365.0


def cliff(days_before):
    """Return a map whose customers all convert on one day, shortly before the horizon, by two times without a common step."""
    first = HORIZON / np.sqrt(2)
    rows = (("a", "b", first), ("b", "bought", HORIZON - days_before - first))
    points = tuple(
        Touchpoint(name, (Link(to, Fixed(1.0), Dwell(Family.FIXED, Fixed(days))),)) for name, to, days in rows
    )
    return JourneyMap("cliff", points, (Outcome("bought", conversion=True),), entry=(("a", Fixed(1.0)),))


@pytest.mark.parametrize(("days_before", "warned"), [(3.65, False), (0.0365, True)])
def test_figures_that_the_finest_grid_leaves_open_are_warned_of(days_before, warned):
    journey = cliff(days_before)
    arms = build_arms(Scenario("cliff", journey, ()), stated_draws(journey), seed=1)
    outcomes = simulate(arms, settings=Settings(HORIZON), seed=1)
    assert (outcomes.engine.error > 1e-4) == warned
    assert len(outcomes.warnings) == warned
    if warned:
        error = f"{outcomes.engine.error:.1g}"
        for said in (
            "3,840 steps",
            '"today"',
            f"up to {error} of themselves",
            "0.0001 is asked for",
            "days to convert",
        ):
            assert said in outcomes.warnings[0]
    else:
        np.testing.assert_allclose(outcomes.arms[0].cohort().converted, 1.0, rtol=1e-3)


def in_fractions(chain):
    """Return visits from entry and ends of a chain, exactly; what a touchpoint keeps for itself is the rest of its row."""
    n, places = len(chain.touchpoints), len(chain.touchpoints) + len(chain.outcomes)
    table = [[Fraction(0)] * places for _ in range(n)]
    for link, (i, j) in enumerate(zip(chain.source, chain.target, strict=True)):
        table[i][j] += Fraction(float(chain.share[0, 0, 0, link]))
    for i in range(n):
        table[i][i] = 1 - sum(table[i][:i] + table[i][i + 1 :])
    # rows of (I - Q)' x = entry, by Gauss and Jordan
    rows = [[(i == j) - table[j][i] for j in range(n)] + [Fraction(i == 0)] for i in range(n)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    visits = [row[n] for row in rows]
    return visits, [sum(visits[i] * table[i][j] for i in range(n)) for j in range(n, places)]


@pytest.mark.parametrize("seed", range(5))
def test_rare_ends_are_right_to_the_last_digits(seed):
    """Shares down to 1e-12 at each of 8 touchpoints: a linear solver in double precision keeps 3 or 4 digits here."""
    rng, names = np.random.default_rng(seed), [f"t{k}" for k in range(8)]
    rows = {}
    for k, name in enumerate(names):
        others = [names[(k + 1) % 8], *rng.choice([x for x in names if x not in (name, names[(k + 1) % 8])], 2, False)]
        rare = dict(zip(["won", "lost"], 10.0 ** -rng.uniform(10, 12, size=2), strict=True))
        rows[name] = rare | dict(zip(others, rng.dirichlet(np.ones(3)), strict=True))
    chain = build_chain(rows, outcomes=["won", "lost"])
    found = absorption(chain)
    visits, ends = in_fractions(chain)
    np.testing.assert_allclose(found.visits[0, 0], [float(x) for x in visits], rtol=1e-13)
    np.testing.assert_allclose(found.ends[0, 0], [float(x) for x in ends], rtol=1e-13)
    table = np.zeros((8, 8))
    table[chain.source[chain.target < 8], chain.target[chain.target < 8]] = chain.share[0, 0, 0][chain.target < 8]
    plain = np.linalg.inv(np.eye(8) - table)[0]
    assert np.max(np.abs(plain / [float(x) for x in visits] - 1)) > 1e-8


def stays(law, shape):
    """Return a loop with a stay of this law at "trial", an exponential pause, and money for every day of the trial."""
    stay = {"paid": (0.55, law, 20.0, shape), "left": (0.25, law, 20.0, shape), "pause": (0.2, law, 20.0, shape)}
    rows = {"trial": stay, "pause": {"trial": (0.7, Family.EXPONENTIAL, 8.0), "left": (0.3, Family.EXPONENTIAL, 8.0)}}
    marks = {"converts": ["paid"], "value_per_day": {"trial": 1.5}, "visit_value": {"paid": 90.0}}
    return build_chain(rows, outcomes=["paid", "left"], **marks)


def tunnels(law, shape, step, most):
    """Return the same with the stay cut into rooms of one step: its length is rounded to the nearest number of steps.

    Room k is left for good with the hazard of (k - 1/2, k + 1/2] steps. Rounding is unbiased, so an error of second
    order in the step is left, where the horizon lies half-way between two steps.
    """
    edges = np.concatenate([[0.0], step * (np.arange(most) + 0.5)])
    below = cdf(law, 20.0, shape, edges)
    hazard = np.diff(below) / (1 - below[:-1])
    rows, value = {}, {}
    for k, h in enumerate(hazard):
        # room 0 is left at once by those whose stay rounds to 0, room k after k steps
        days, last = (0.0 if k == 0 else step), k == most - 1
        name, leave = f"trial {k}", 1.0 if last else float(h)
        rows[name] = {"out": fixed(leave, days)} | ({} if last else {f"trial {k + 1}": fixed(1 - leave, days)})
        value[name] = 1.5
    rows["out"] = {"paid": fixed(0.55, 0.0), "left": fixed(0.25, 0.0), "pause": fixed(0.2, 0.0)}
    rows["pause"] = {"trial 0": (0.7, Family.EXPONENTIAL, 8.0), "left": (0.3, Family.EXPONENTIAL, 8.0)}
    marks = {"converts": ["paid"], "value_per_day": value, "visit_value": {"paid": 90.0}}
    return build_chain(rows, outcomes=["paid", "left"], **marks)


@pytest.mark.parametrize(("shape", "within"), [(0.7, 5e-5), (2.5, 2e-7)])
def test_a_weibull_stay_equals_its_expansion_into_tunnels(shape, within):
    """The oracle has fixed dwells and an exponential only; Richardson's extrapolation takes its error of second order."""
    horizon, sizes, found = 60.0, (40.5, 80.5), []
    settings = Settings(horizon, 0.2, 0.1, tolerance=1e-7)
    for rooms in sizes:
        tally, _ = exact_tally(tunnels(Family.WEIBULL, shape, horizon / rooms, int(1.2 * rooms)), settings)
        found.append(figures(tally))
    exact = figures(exact_tally(stays(Family.WEIBULL, shape), settings)[0])
    coarse, fine = (1 / rooms**2 for rooms in sizes)
    refined = (coarse * found[1] - fine * found[0]) / (coarse - fine)
    np.testing.assert_allclose(refined, exact, rtol=within)


def figures(tally):
    return np.array([tally.converted, tally.lost, tally.active, tally.value, tally.value_pv]).ravel()
