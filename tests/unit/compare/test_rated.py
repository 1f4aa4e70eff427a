"""The rating metric: off without ratings, exactly 0 for arms that change no wait, and what a faster move does to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.compare.rated import RATING
from journeysim.model.changes import RemoveTouchpoint, ScaleDwell, Terms
from journeysim.model.draws import Draws
from journeysim.model.quantity import Fixed
from journeysim.model.rating import has_ratings, mean_rating, waits_in, waits_of
from journeysim.model.scenario import Proposal
from outcomes_builder import bank_arms, bank_draws, bank_outcomes, more_calls

DRAWS = 40


def rated_draws() -> Draws:
    """Calls are rated 1 to 5; late ones worse, long waits worse; personas wait differently."""
    draws, rng = bank_draws(DRAWS), np.random.default_rng(3)
    share = rng.dirichlet([30, 10, 20, 5], DRAWS)
    variables = {
        "rating_answers": (("rating_answer",), np.arange(1.0, 6.0)),
        "rating_cut": (("draw", "rating_cuts"), np.array([-2.0, -1.0, 0.0, 1.0]) + rng.normal(0, 0.1, (DRAWS, 1))),
        "rating_dwell": (("draw",), rng.normal(-0.4, 0.05, DRAWS)),
        "rating_usual_wait": ((), np.float64(1.0)),
        "rating_late": (("draw", "rating_days"), np.array([0.0, 0.0, -2.0]) * np.ones((DRAWS, 1))),
        "rating_late_days": (("rating_days",), np.array([-1.0, 0.0, 1.0])),
        "rating_late_unknown": (("draw",), np.zeros(DRAWS)),
        "rating_touchpoint": (("draw", "place"), np.zeros((DRAWS, len(draws.places)))),
        "rating_persona": (("draw", "persona"), np.array([0.2, -0.4]) * np.ones((DRAWS, 1))),
        "rating_share": (("draw", "rating_cell"), share),
        "rating_wait_of": (("rating_cell",), np.array([0.5, 2.0, 1.0, 3.0])),
        "rating_late_of": (("rating_cell",), np.array([-0.5, 1.0, -0.2, 1.5])),
        "rating_persona_of": (("rating_cell",), np.array(["small", "small", "large", "large"], dtype=object)),
        "rating_place_of": (("rating_cell",), np.array(["call"] * 4, dtype=object)),
        "rating_link_of": (("rating_cell",), np.array(["form -> call"] * 4, dtype=object)),
    }
    return draws.with_data(draws.data.assign(variables))


def faster(**terms: object) -> Proposal:
    return Proposal("faster", (ScaleDwell("form", "call", Fixed(0.5), terms=Terms(**terms)),), realism=(0.5, 1.0))


def rows(comparison, **wanted: object):
    found = [item for item in comparison.contrasts if item.metric == RATING]
    return [item for item in found if all(getattr(item, name) == value for name, value in wanted.items())]


def test_without_ratings_there_is_no_such_metric():
    found = compare(bank_outcomes(more_calls()))
    assert RATING not in {item.metric for item in (*found.levels, *found.contrasts)}


def test_a_proposal_that_changes_no_wait_changes_no_rating():
    found = compare(bank_outcomes(more_calls(2.0), draws=rated_draws()))
    assert all(np.all(item.values == 0) and item.p_better == 0 for item in rows(found))
    assert {item.persona for item in rows(found)} == {"all", "small", "large"}


def test_a_faster_move_lifts_the_rating_by_what_the_link_says():
    draws = rated_draws()
    found = compare(bank_outcomes(faster(), draws=draws))
    today, proposal = (arm.worlds[-1].draws for arm in bank_arms(faster(), draws=draws))
    expected = mean_rating(draws, waits_in(waits_of(draws), today, proposal)) - mean_rating(draws, waits_of(draws))
    assert np.all(expected > 0)
    assert rows(found, persona="all", realism=1.0)[0].values == pytest.approx(expected)
    assert rows(found, persona="all", realism=0.5)[0].values == pytest.approx(expected / 2)
    level = [item for item in found.levels if item.metric == RATING and item.persona == "all"]
    assert level[1].values - level[0].values == pytest.approx(expected)


def test_one_persona_faster_leaves_the_other_as_it_was():
    found = compare(bank_outcomes(faster(personas=("large",)), draws=rated_draws()))
    assert np.all(rows(found, persona="small", realism=1.0)[0].values == 0)
    assert np.all(rows(found, persona="large", realism=1.0)[0].values > 0)


def test_a_share_of_the_customers_lifts_it_by_that_share():
    draws = rated_draws()
    whole = rows(compare(bank_outcomes(faster(), draws=draws)), persona="all", realism=1.0)[0]
    part = rows(compare(bank_outcomes(faster(reach=Fixed(0.3)), draws=draws)), persona="all", realism=1.0)[0]
    assert part.values == pytest.approx(0.3 * whole.values)


def test_ratings_outlive_a_change_that_adds_or_removes_links():
    """The link from waits to answers is today's, whatever a proposal does to the map."""
    plan = replace(faster(), changes=(*faster().changes, *more_calls(1.3).changes))
    found = compare(bank_outcomes(plan, draws=rated_draws()))
    assert rows(found, persona="all", realism=1.0)[0].spread.mean > 0


def test_what_a_log_said_about_ratings_outlives_a_changed_map():
    """A touchpoint that goes takes its own shift with it; the rest of the link stays, so an arm's draws can be read too."""
    plan = Proposal("no call", (RemoveTouchpoint("call", "bypass"),))
    draws = bank_arms(plan, draws=rated_draws())[1].worlds[-1].draws
    assert draws.values("rating_answers").tolist() == [1, 2, 3, 4, 5]
    assert draws.values("rating_touchpoint").shape == (DRAWS, len(draws.places))
    assert has_ratings(draws)
