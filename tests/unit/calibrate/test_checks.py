"""Checks of a fit: silent about worlds that are as the model says, loud about those that are not."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import stated_draws
from journeysim.calibrate.checks import check_fit
from journeysim.calibrate.checks.check import FitCheck, beyond_chance, chance_of
from journeysim.calibrate.checks.dwells import check_dwells, cumulative_incidence
from journeysim.calibrate.counts import Bins, Counts, count_transitions
from journeysim.model.draws import Draws
from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import Observations, observe
from journeysim.model.observed.paths import paths_of
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of
from maps import exponential, shop
from worlds import CUT_OFF, event_log, world_log


def checks_of(journey: JourneyMap, log: EventLog, draws: Draws) -> dict[tuple[str, str], FitCheck]:
    """Return the checks of draws (as many as replicas are made, all alike: no parameter uncertainty)."""
    observed = observe(log, journey)
    data = draws.take(np.zeros(100, dtype=np.int64)).data
    found = check_fit(journey, observed, data, count_transitions(observed.transitions, journey), seed=1)
    return {(check.what, check.persona): check for check in found.checks}


def test_a_world_as_stated_passes_every_check():
    """12 predictive p-values of a true model: all above 0.002 but for 1 run in 40; sizes far below their limits."""
    found = checks_of(shop(), world_log(shop(), 3000, 60.0, seed=3), stated_draws(shop()))
    assert len(found) == 12
    assert all(check.gate.passed for check in found.values()), found
    assert all(check.chance is None or check.chance > 0.002 for check in found.values())


@pytest.mark.parametrize("customers", [60, 300])
def test_a_small_log_of_a_true_world_does_not_fail(customers: int):
    """6 or 12 checks in each of 8 logs at 1 % each: more than 3 of them beyond the limits once in 100 runs."""
    logs = [world_log(shop(), customers, 60.0, seed=seed) for seed in range(8)]
    failed = [c for log in logs for c in checks_of(shop(), log, stated_draws(shop())).values() if not c.gate.passed]
    assert len(failed) <= 3, failed


def test_a_share_that_is_off_shows_in_moves_and_steps():
    wrong = stated_draws(shop())
    share = wrong.data["share"].values
    at = [wrong.links.index(name) for name in ("cart -> paid", "cart -> left")]
    share[..., at] = np.array([0.45, 0.45])
    found = checks_of(shop(), world_log(shop(), 3000, 60.0, seed=3), wrong)
    step = found["step conversion", "old"]
    assert not step.gate.passed
    assert step.size == pytest.approx(15.0, abs=3.0)
    assert 'conversion after "cart"' in step.where or "paid" in step.where
    assert step.chance == pytest.approx(1 / 101)


def remembering(customers: int) -> tuple[JourneyMap, EventLog]:
    """Return a map and a log in which who came by phone buys, and who came by mail does not: order 2."""
    half = (Link("desk", Fixed(1.0), exponential(1.0)),)
    desk = (Link("bought", Fixed(0.5), exponential(1.0)), Link("left", Fixed(0.5), exponential(1.0)))
    journey = JourneyMap(
        "memory", (Touchpoint("phone", half), Touchpoint("mail", half), Touchpoint("desk", desk)),
        (Outcome("bought", conversion=True), Outcome("left")), (("phone", Fixed(0.5)), ("mail", Fixed(0.5))),
    )  # fmt: skip
    rng = np.random.default_rng(5)
    entry = rng.integers(0, 2, customers)
    end = np.where(rng.uniform(size=customers) < np.where(entry == 0, 0.8, 0.2), 3, 4)
    entered = rng.uniform(-60, -30, customers)
    first, second = rng.exponential(1.0, (2, customers))
    who = np.tile(np.arange(customers), 3)
    place = np.concatenate([entry, np.full(customers, 2), end])
    day = np.concatenate([entered, entered + first, entered + first + second])
    kept = day < 0
    return journey, event_log(journey, np.zeros(customers, dtype=int), who[kept], place[kept], day[kept], CUT_OFF)


def test_memory_shows_in_pairs_of_moves_and_not_in_moves():
    """Of three moves one is judged by where it came from, and 0.3 of those stand in the wrong place: 0.3 / 2 of pairs."""
    journey, log = remembering(2000)
    found = checks_of(journey, log, stated_draws(journey))
    assert found["moves", "all customers"].gate.passed
    pairs = found["pairs of moves", "all customers"]
    assert not pairs.gate.passed
    assert pairs.size == pytest.approx(0.15, abs=0.02)
    assert "phone -> desk" in pairs.where or "mail -> desk" in pairs.where
    assert found["path length", "all customers"].gate.passed


def test_a_dwell_of_another_length_shows_whether_or_not_the_log_is_cut_short():
    """Means of 0.5 to 5 days in a log of 20 days; a prediction twice as long is off by nearly a factor 2."""
    draws = stated_draws(shop())
    log = world_log(shop(), 20_000, 20.0, seed=4)
    right = checks_of(shop(), log, draws)
    assert all(right[what, "old"].size < 1.06 for what in ("median dwell", "90th percentile of dwell"))
    draws.data["dwell_a"].values[:] *= 2.0
    off = checks_of(shop(), log, draws)
    assert 1.4 < off["median dwell", "old"].size < 2.0
    assert not off["median dwell", "old"].gate.passed


def test_only_a_table_allows_only_the_checks_of_dwell_and_says_so():
    observed = observe(world_log(shop(), 500, 60.0, seed=3), shop())
    counts = count_transitions(observed.transitions, shop())
    found = check_fit(shop(), Observations(observed.transitions), stated_draws(shop()).data, counts, seed=1)
    assert {check.what for check in found.checks} == {"median dwell", "90th percentile of dwell"}
    assert any("could not be checked" in note for note in found.notes)


def test_a_persona_with_a_handful_of_customers_is_not_judged():
    found = checks_of(shop(), world_log(shop(), 40, 60.0, seed=3), stated_draws(shop()))
    assert ("path length", "young") not in found


def test_the_incidence_of_a_link_counts_those_who_are_still_there():
    """Ten people, 4 leave in the first bin and 2 are silent (9 at risk); in the second 2 of 4, 2 silent (3 at risk)."""
    done = Bins(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([4.0, 2.0]))
    still = Bins(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    edges, curve = cumulative_incidence([done], still)
    np.testing.assert_allclose(edges, [0, 1, 2])
    np.testing.assert_allclose(curve, [[0, 4 / 9, 4 / 9 + 5 / 9 * 2 / 3]])


def test_dwells_of_nobody_are_not_judged():
    assert (
        list(check_dwells(shop(), stated_draws(shop()).data, Counts({}, {}, np.zeros((2, 3)), np.zeros(2)), seed=1))
        == []
    )


def test_sizes_are_what_sampling_does_not_explain():
    assert beyond_chance(0.5, np.full(100, 0.3)) == pytest.approx(0.4)
    assert beyond_chance(0.1, np.array([0.3])) == 0.0
    assert chance_of(1.0, np.array([0.5, 1.5, 2.0])) == pytest.approx(3 / 4)


def test_paths_are_counted_customer_by_customer():
    """Three customers: visit-cart-paid, visit-help-visit (open), cart-left."""
    names = {name: i for i, name in enumerate(shop().place_names)}
    steps = [(0, "visit", -9), (0, "cart", -8), (0, "paid", -7), (1, "visit", -6), (1, "help", -5), (1, "visit", -4),
             (2, "cart", -3), (2, "left", -2)]  # fmt: skip
    who, place, day = (np.array(column) for column in zip(*((w, names[p], d) for w, p, d in steps), strict=True))
    log = event_log(shop(), np.array([0, 0, 1]), who, place, day.astype(float), CUT_OFF)
    paths = paths_of(visits_of(log, shop()), log, shop())
    assert paths.lengths[0, 3] == 2
    assert paths.lengths[1, 2] == 1
    assert paths.reached.tolist() == [[2, 1, 1, 1, 0], [0, 0, 1, 0, 1]]
    assert paths.converted.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert sorted(zip(paths.entry.tolist(), paths.customers, strict=True)) == [([0, 0], 1), ([0, 0], 1), ([1, 2], 1)]
