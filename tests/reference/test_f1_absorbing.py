"""f1: absorbing chains in closed form, through the infinite-horizon solve and the renewal recursion."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cohorts import CYCLE, cohort, run
from journeysim.calibrate.prior import stated_draws
from journeysim.model.dwell import Dwell, Family, scale_for_mean
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import absorption, discounted_worth, fundamental_matrix

pytestmark = pytest.mark.reference
LIVE = ("aware", "consider", "trial", "active", "at_risk")
SHAPES = {
    "constant": (Family.FIXED, 1.0),
    "exponential": (Family.EXPONENTIAL, 1.0),
    "gamma(k=4)": (Family.GAMMA, 4.0),
    "lognormal(cv=2)": (Family.LOGNORMAL, float(np.sqrt(np.log(5.0)))),
    "weibull(k=0.7)": (Family.WEIBULL, 0.7),
}


@pytest.fixture(scope="module")
def expected(shared):
    return json.loads((shared / "reference_cases" / "f1_absorbing_closed_forms.json").read_text())["expected"]


def chain_of(journey):
    return compile_world(journey, stated_draws(journey))


def walk_between(size, p, start):
    """Gambler's ruin: one touchpoint per fortune, ruined at 0, done at `size`."""
    name = [f"holds {k}" for k in range(size + 1)]
    name[0], name[size] = "ruined", "done"
    points = tuple(
        Touchpoint(name[k], (Link(name[k + 1], Fixed(p), CYCLE), Link(name[k - 1], None, CYCLE)))
        for k in range(1, size)
    )
    return JourneyMap("ruin", points, (Outcome("ruined"), Outcome("done")), entry=((name[start], Fixed(1.0)),))


def test_gamblers_ruin(expected):
    for case in expected["gamblers_ruin"]:
        chain = chain_of(walk_between(case["N"], case["p"], case["start"]))
        found = absorption(chain)
        ends = dict(zip(chain.outcomes, found.ends[0, 0], strict=True))
        assert ends["done"] == pytest.approx(case["P_reach_N"], rel=1e-9)
        assert ends["ruined"] == pytest.approx(case["P_ruin"], rel=1e-9)
        assert found.moves.item() == pytest.approx(case["expected_steps"], rel=1e-9)


def test_coupon_collector(expected):
    for case in expected["coupon_collector"]:
        n = case["n"]
        names = [*(f"has {k}" for k in range(n)), "all"]
        points = tuple(
            Touchpoint(
                names[k],
                (Link(names[k + 1], Fixed((n - k) / n), CYCLE), *([Link(names[k], None, CYCLE)] if k else [])),
            )
            for k in range(n)
        )
        found = absorption(chain_of(JourneyMap("coupons", points, (Outcome("all"),), entry=((names[0], Fixed(1.0)),))))
        assert found.moves.item() == pytest.approx(case["expected"], rel=1e-9)
        assert found.moves_variance.item() == pytest.approx(case["variance"], rel=1e-9)


def seven(expected, dwells=None):
    case = expected["journey_7state"]
    journey = cohort(
        case["states"],
        [[float(Fraction(p)) for p in row] for row in case["P"]],
        ends=["churned", "lost"],
        start=case["start"],
        value=dict(zip(LIVE, case["reward_per_step_in_state"], strict=True)),
    )
    if dwells is None:
        return journey
    points = tuple(
        replace(point, links=tuple(replace(link, dwell=dwell) for link in point.links))
        for point, dwell in zip(journey.touchpoints, dwells, strict=True)
    )
    return replace(journey, touchpoints=points)


def test_a_journey_of_seven_in_exact_fractions(expected):
    case, chain = expected["journey_7state"], chain_of(seven(expected))
    found = absorption(chain)
    assert chain.outcomes == ("churned", "lost")
    assert found.ends_from[0, 0, :, 0] == pytest.approx(case["prob_churned_float"], abs=1e-12)
    assert found.moves_from[0, 0] == pytest.approx(case["expected_steps_float"], rel=1e-12)
    assert found.moves_variance_from[0, 0] == pytest.approx(expected["journey_7state_variance_steps"], rel=1e-9)
    assert fundamental_matrix(chain)[0, 0] == pytest.approx(np.array(case["fundamental_matrix"]), abs=1e-9)


def test_its_discounted_value(expected):
    case = expected["journey_7state"]
    rate = 1 / case["discount_per_step"] - 1
    found = discounted_worth(chain_of(seven(expected)), rate, 0.0)
    assert found.value_from[0, 0] == pytest.approx(case["expected_discounted_value"], rel=1e-9)


def test_the_recursion_comes_to_the_same_end(expected):
    case = expected["journey_7state"]
    tally = run(seven(expected), horizon=2_000 * DAYS_PER_YEAR).today.cohort()
    assert tally.ends[0, 0] == pytest.approx(
        [case["prob_churned_float"][0], 1 - case["prob_churned_float"][0]], abs=1e-9
    )
    assert tally.visits[0, 0, :5] == pytest.approx(case["fundamental_matrix"][0], abs=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_time_depends_on_mean_dwells_only(expected, shape):
    case = expected["semi_markov_mean_time"]
    family, b = SHAPES[shape]
    unit = scale_for_mean(family, b)
    dwells = [Dwell(family, Fixed(unit * mean), Fixed(b)) for mean in case["dwell_mean_days"]]
    found = absorption(chain_of(seven(expected, dwells)))
    assert found.days_from[0, 0] == pytest.approx(case["expected_days"], rel=1e-9)


def test_geometric(expected):
    for case in expected["geometric"]:
        links = (Link("gone", Fixed(case["p"]), CYCLE), Link("here", None, CYCLE))
        journey = JourneyMap(
            "geometric", (Touchpoint("here", links),), (Outcome("gone"),), entry=(("here", Fixed(1.0)),)
        )
        found = absorption(chain_of(journey))
        assert found.moves.item() == pytest.approx(case["mean"], rel=1e-9)
        assert found.moves_variance.item() == pytest.approx(case["var"], rel=1e-9)
        tally = run(journey, horizon=10.5 * DAYS_PER_YEAR).today.cohort()
        assert tally.active.item() == pytest.approx(case["P_gt_10"], abs=1e-9)


def test_ever_being_active_is_converting_there(expected):
    case, journey = expected["journey_7state"], seven(expected)
    points = tuple(replace(point, conversion=point.name == "active") for point in journey.touchpoints)
    for start, wanted in case["prob_ever_active_from"].items():
        tally = run(
            replace(journey, touchpoints=points, entry=((start, Fixed(1.0)),)), horizon=2_000 * DAYS_PER_YEAR
        ).today.cohort()
        assert tally.converted.item() == pytest.approx(float(Fraction(wanted)), rel=1e-9)
        assert (tally.converted + tally.lost).item() == pytest.approx(1.0, rel=1e-9)


def test_two_states_in_continuous_time(expected):
    """Where a customer of two touchpoints is at time t: visits less departures there."""
    for law in expected["ctmc_two_state"]:
        there = Touchpoint("0", (Link("1", Fixed(1.0), Dwell(Family.EXPONENTIAL, Fixed(1 / law["lam"]))),))
        back = Touchpoint("1", (Link("0", Fixed(1.0), Dwell(Family.EXPONENTIAL, Fixed(1 / law["mu"]))),))
        for start, other, wanted in (("0", 1, law["p01"]), ("1", 0, law["p10"])):
            journey = JourneyMap("two", (there, back), (Outcome("never"),), entry=((start, Fixed(1.0)),))
            tally = run(journey, horizon=law["t"], tolerance=1e-11).today.cohort()
            left = tally.visits[0, 0, :2] - tally.moves[0, 0]
            assert left[other] == pytest.approx(wanted, rel=1e-9)
