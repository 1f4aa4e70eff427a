from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate import prior_draws, stated_draws
from journeysim.calibrate.prior import prior_dwells
from journeysim.errors import BadInput
from journeysim.model.draws import TABLE_SIZE
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Reward, Row, Tenure, Touchpoint
from journeysim.model.quantity import Counts, Fixed, Range, Scale
from maps import exponential, shop


def share(draws, label: str, persona: int = 0, period: int = 0):
    return draws.values("share")[:, persona, period, draws.links.index(label)]


def one_row(*links: Link, **settings: object) -> JourneyMap:
    return JourneyMap(
        "one", (Touchpoint("a", links, **settings),), (Outcome("x"), Outcome("y"), Outcome("z")), (("a", Fixed(1.0)),)
    )


class TestAtItsWord:
    def test_shares_are_exactly_as_written_and_the_rest_is_what_they_leave(self):
        draws = stated_draws(shop())
        assert share(draws, "visit -> cart")[0] == 0.3
        assert share(draws, "visit -> left")[0] == pytest.approx(0.5, abs=1e-15)
        assert draws.source == "stated"
        assert draws.count == 1
        assert not draws.assumptions

    def test_a_personas_row_replaces_the_base(self):
        draws = stated_draws(shop())
        assert share(draws, "visit -> cart", persona=1)[0] == 0.5
        assert share(draws, "visit -> left", persona=1)[0] == 0.4

    def test_a_link_the_persona_does_not_have_has_no_share_but_keeps_its_dwell(self):
        row = Row(links=(Link("x", Fixed(1.0), exponential(9.0)),))
        base = (Link("x", Fixed(0.4), exponential(2.0)), Link("y", None, exponential(3.0)))
        journey = replace(
            one_row(*base, by_persona=(("b", row),)), personas=(Persona("a", Fixed(0.4)), Persona("b", Fixed(0.6)))
        )
        draws = stated_draws(journey)
        np.testing.assert_array_equal(draws.values("share")[0, :, 0], [[0.4, 0.6], [1.0, 0.0]])
        np.testing.assert_array_equal(draws.values("dwell_a")[0, :, 0], [[2.0, 3.0], [9.0, 3.0]])
        np.testing.assert_array_equal(draws.values("persona_share"), [[0.4, 0.6]])

    def test_the_earliest_tenure_period_that_holds_wins(self):
        rows = [Tenure(365.0, Row(cost=Reward(Fixed(2.0)))), Tenure(30.0, Row(cost=Reward(Fixed(1.0))))]
        draws = stated_draws(one_row(Link("x", Fixed(1.0)), by_tenure=tuple(rows), cost=Reward(Fixed(3.0))))
        assert draws.data["period_end"].values.tolist() == [30.0, 365.0, np.inf]
        assert draws.values("visit_cost")[0, 0, :, 0].tolist() == [1.0, 2.0, 3.0]

    def test_rows_of_uncertain_means_are_divided_by_their_sum(self):
        draws = stated_draws(one_row(Link("x", Counts(1, 2)), Link("y", Counts(2, 9))))
        np.testing.assert_allclose(draws.values("share")[0, 0, 0], [2 / 3, 1 / 3], rtol=1e-14)

    def test_quantiles_become_a_table(self):
        table = Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 0.0), (0.5, 1.0), (1.0, 9.0)))
        draws = stated_draws(one_row(Link("x", Fixed(1.0), table)))
        assert draws.values("dwell_a")[0, 0, 0, 0] == 1.0
        values = draws.values("dwell_table")[int(draws.values("dwell_b")[0, 0, 0, 0])]
        assert values[[0, (TABLE_SIZE - 1) // 2, -1]].tolist() == [0.0, 1.0, 9.0]
        assert values[(TABLE_SIZE - 1) * 3 // 4] == pytest.approx(5.0)

    def test_one_link_cannot_have_two_families(self):
        row = Row(links=(Link("x", Fixed(1.0), Dwell(Family.GAMMA, Fixed(1.0))),))
        journey = one_row(Link("x", Fixed(1.0), exponential(1.0)), by_tenure=(Tenure(9.0, row),))
        with pytest.raises(BadInput, match='dwell of "a -> x" is stated as exponential and as gamma'):
            stated_draws(journey)


class TestPrior:
    def test_shares_have_the_moments_of_the_dirichlet(self):
        draws = prior_draws(shop(), draws=20_000, seed=3)
        values = share(draws, "visit -> cart")
        assert values.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 201 / 20_000))
        assert values.var() == pytest.approx(0.21 / 201, rel=0.05)
        np.testing.assert_allclose(draws.values("share").reshape(-1, 8)[:, :3].sum(axis=1), 1.0, rtol=1e-12)

    def test_personas_without_a_row_of_their_own_share_the_belief(self):
        draws = prior_draws(shop(), draws=50, seed=3)
        np.testing.assert_array_equal(share(draws, "help -> visit", 0), share(draws, "help -> visit", 1))
        assert not np.array_equal(share(draws, "visit -> cart", 0), share(draws, "visit -> cart", 1))

    def test_who_needs_dwells_only_has_them_to_the_bit(self):
        whole, dwells = (found(shop(), draws=50, seed=3) for found in (prior_draws, prior_dwells))
        for name in ("family", "dwell_a", "dwell_b", "visit_value", "link_cost"):
            np.testing.assert_array_equal(dwells.values(name), whole.values(name))
        np.testing.assert_array_equal(dwells.values("share")[7], stated_draws(shop()).values("share")[0])
        assert whole.values("dwell_a").std(axis=0).max() > 0

    def test_order_of_the_file_and_number_of_draws_change_nothing(self):
        journey = shop()
        turned = replace(
            journey,
            touchpoints=tuple(replace(tp, links=tp.links[::-1]) for tp in journey.touchpoints[::-1]),
            personas=journey.personas[::-1],
        )
        one, other = prior_draws(journey, draws=200, seed=3), prior_draws(turned, draws=50, seed=3)
        for name in ("share", "dwell_a", "visit_value"):
            first = one.data[name].isel(draw=slice(50))
            np.testing.assert_allclose(other.data[name].reindex_like(first).values, first.values, rtol=1e-12)

    def test_dwell_scales_spread_like_that_many_observed_customers(self):
        draws = prior_draws(shop(), draws=20_000, seed=5)
        logs = np.log(draws.values("dwell_a")[:, 0, 0, draws.links.index("cart -> left")])
        expected = np.pi / (0.7 * np.sqrt(6)) / np.sqrt(150 * 0.3)
        assert logs.std() == pytest.approx(expected, rel=0.03)
        assert logs.mean() == pytest.approx(np.log(4.0), abs=4 * expected / np.sqrt(20_000))

    def test_a_fixed_dwell_stays_fixed(self):
        draws = prior_draws(shop(), draws=10, seed=5)
        assert np.ptp(draws.values("dwell_a")[..., draws.links.index("help -> left")]) == 0

    def test_an_uncertain_share_keeps_its_own_distribution_and_the_rest_pays(self):
        own = Range(0.1, 0.3, Scale.SHARE)
        draws = prior_draws(
            one_row(Link("x", own), Link("y", Fixed(0.2)), Link("z", None), seen=1e9), draws=4001, seed=1
        )
        assert np.quantile(share(draws, "a -> x"), [0.05, 0.95]) == pytest.approx([0.1, 0.3], abs=0.01)
        ratio = share(draws, "a -> y") / share(draws, "a -> z")
        left = 1 - own.mean - 0.2
        assert ratio == pytest.approx(np.full(4001, 0.2 / left), rel=1e-3)

    def test_uncertain_shares_above_one_are_divided_by_their_sum(self):
        wide = Range(0.5, 0.9, Scale.SHARE)
        draws = prior_draws(one_row(Link("x", wide), Link("y", wide), Link("z", Fixed(0.01))), draws=500, seed=1)
        values = draws.values("share")[:, 0, 0]
        assert values.min() >= 0
        np.testing.assert_allclose(values.sum(axis=1), 1.0, rtol=1e-12)
        assert np.any(share(draws, "a -> z") == 0)

    def test_the_ledger_names_what_is_uncertain_only(self):
        names = {item.name for item in prior_draws(shop(), draws=50, seed=1).assumptions}
        assert {"share: cart -> paid", "dwell: visit -> cart", "persona share: old"} <= names
        assert not any(name.startswith(("dwell: help -> left", "cost: ")) for name in names)
