"""The exact engine against a plain simulation written for this test only (no code shared with either engine).

Every compared number is a mean over 20,000 customers with its own standard error. With 20 comparisons at 4.5
standard errors the false-alarm rate is 20 x 6.8e-6 = 1.4e-4; an error of 12 % in any of the numbers is caught
(4 % in most; churn is rare here).
"""

import numpy as np
import pytest

from chains import random_chain, with_arrays
from journeysim.model.dwell import Family, ppf
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.settings import Settings

pytestmark = pytest.mark.statistical
CUSTOMERS, LIMIT = 20_000, 4.5
BY_PERIOD = [
    "share",
    "dwell_a",
    "dwell_b",
    "visit_value",
    "visit_cost",
    "effort",
    "value_per_day",
    "cost_per_day",
    "link_value",
    "link_cost",
]


def tenured_chain():
    one = random_chain(11, draws=1, personas=1, touchpoints=5, out_degree=3)
    # the later rows are those of each touchpoint with its links and rewards in reverse
    back = np.concatenate([np.arange(one.row_start[i], one.row_start[i + 1])[::-1] for i in range(5)])
    both = {name: np.concatenate([getattr(one, name)] * 2, axis=2) for name in BY_PERIOD}
    for name in ("share", "link_value", "link_cost"):
        both[name][:, :, 1] = both[name][:, :, 1][..., back]
    for name in ("visit_value", "visit_cost", "effort", "value_per_day", "cost_per_day"):
        both[name][:, :, 1] = both[name][:, :, 1][..., ::-1]
    both["dwell_a"][:, :, 1] *= 2
    places = np.array([*one.touchpoints, *one.outcomes])
    return with_arrays(
        one,
        **both,
        period_end=np.array([17.3, np.inf]),
        converts=places == one.touchpoints[1],
        churns=places == "lost",
        after_conversion=places == "lost",
    )


def simulate(chain, horizon, rates, rng):
    """Follow customers one by one in calendar order of their own moves; returns one row of sums per customer."""
    names = ["converted", "churned", "lost", "active", "effort", "value", "cost", "value_pv", "cost_pv", "month"]
    out = {name: np.zeros(CUSTOMERS) for name in names}
    for customer in range(CUSTOMERS):
        _one_life(chain, horizon, rates, rng, {name: out[name] for name in names}, customer)
    return out


def _one_life(chain, horizon, rates, rng, out, c):
    n, place, time, converted = len(chain.touchpoints), 0, 0.0, False
    forces = np.log1p(rates) / 365.25

    def book(value, cost, at):
        for name, amount, force in (("value", value, forces[0]), ("cost", cost, forces[1])):
            out[name][c] += amount
            out[f"{name}_pv"][c] += amount * np.exp(-force * at)
        out["month"][c] += value * (at <= 365.25 / 12)

    while True:
        p = 0 if time < chain.period_end[0] else 1
        book(chain.visit_value[0, 0, p, place], chain.visit_cost[0, 0, p, place], time)
        out["effort"][c] += chain.effort[0, 0, p, place]
        before, converted = converted, converted or chain.converts[place]
        if place >= n:
            out["churned"][c] = chain.churns[place] and before
            out["lost"][c] = not converted
            break
        row = slice(chain.row_start[place], chain.row_start[place + 1])
        link = row.start + min(
            np.searchsorted(np.cumsum(chain.share[0, 0, p, row]), rng.random()), row.stop - row.start - 1
        )
        a, b = chain.dwell_a[0, 0, p, link], chain.dwell_b[0, 0, p, link]
        leave = time + float(_dwell(int(chain.family[0, link]), a, b, rng.random()))
        for side, name in ((0, "value"), (1, "cost")):
            rate, stop, force = getattr(chain, f"{name}_per_day")[0, 0, p, place], min(leave, horizon), forces[side]
            out[name][c] += rate * (stop - time)
            out[f"{name}_pv"][c] += rate * (np.exp(-force * time) - np.exp(-force * stop)) / force
            if side == 0:
                out["month"][c] += rate * max(0.0, min(stop, 365.25 / 12) - time)
        if leave > horizon:
            out["active"][c] = 1.0
            break
        book(chain.link_value[0, 0, p, link], chain.link_cost[0, 0, p, link], leave)
        place, time = int(chain.target[link]), leave
    out["converted"][c] = converted


def _dwell(family, a, b, u):
    return ppf(Family(family), a, b, u)


@pytest.mark.parametrize("tenure", [False, True])
def test_every_expectation_matches_a_plain_simulation(tenure):
    chain = tenured_chain()
    if not tenure:
        first = {name: getattr(chain, name)[:, :, :1] for name in BY_PERIOD}
        chain = with_arrays(chain, period_end=np.array([np.inf]), **first)
    horizon, rates = 45.0, np.array([0.4, 0.1])
    tally, _ = exact_tally(chain, Settings(horizon, *rates))
    lives = simulate(chain, horizon, rates, np.random.default_rng(20261121))
    exact = {name: getattr(tally, name).item() for name in lives if name != "month"}
    exact["month"] = tally.value_month[0, 0, 0]
    for name, values in lives.items():
        error = values.std() / np.sqrt(CUSTOMERS)
        assert abs(values.mean() - exact[name]) < LIMIT * error, name
        assert LIMIT * error < 0.12 * abs(exact[name]), name
