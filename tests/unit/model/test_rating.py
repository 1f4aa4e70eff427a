"""From draws to ratings: closed forms of the link, fewer late arrivals, and waits as in a proposal."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from journeysim.model.draws import Draws
from journeysim.model.rating import (
    Waits,
    answers,
    fewer_late,
    has_ratings,
    mean_rating,
    promoter_score,
    satisfied,
    waits_in,
    waits_of,
)

LEVELS = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
CUTS = np.array([[-2.0, -1.0, 0.0, 1.0], [-1.0, -0.5, 0.5, 2.0]])


def draws(**changed: object) -> Draws:
    """Two draws; the wait costs 0.5 per unit of its log, three days late cost 2, six days 3; personas differ."""
    variables = {
        "rating_cut": (("draw", "rating_cuts"), CUTS),
        "rating_answers": (("rating_answer",), LEVELS),
        "rating_dwell": (("draw",), np.array([-0.5, -0.4])),
        "rating_usual_wait": ((), np.float64(2.0)),
        "rating_late": (("draw", "rating_days"), np.array([[0.0, 0.0, -2.0, -3.0]] * 2)),
        "rating_late_days": (("rating_days",), np.array([-5.0, 0.0, 3.0, 6.0])),
        "rating_late_unknown": (("draw",), np.array([-1.0, -1.2])),
        "rating_touchpoint": (("draw", "place"), np.array([[0.3, 0.0], [0.2, 0.0]])),
        "rating_persona": (("draw", "persona"), np.array([[0.1, -0.1], [0.2, -0.3]])),
        "rating_share": (("draw", "rating_cell"), np.array([[0.5, 0.1, 0.3, 0.1], [0.4, 0.2, 0.2, 0.2]])),
        "rating_wait_of": (("rating_cell",), np.array([2.0, 9.0, 4.0, np.nan])),
        "rating_late_of": (("rating_cell",), np.array([-2.0, 5.0, -1.0, np.nan])),
        "rating_persona_of": (("rating_cell",), np.array(["small", "small", "large", "large"], dtype=object)),
        "rating_place_of": (("rating_cell",), np.array(["review"] * 4, dtype=object)),
        "rating_link_of": (("rating_cell",), np.array(["send -> review"] * 3 + [""], dtype=object)),
        "dwell_a": (("draw", "persona", "period", "link"), np.ones((2, 2, 1, 1))),
    } | changed
    coords = {"persona": ["small", "large"], "place": ["review", "end"], "link": ["send -> review"]}
    return Draws(xr.Dataset(variables, coords=coords), "posterior")


def cell(wait: float, late: float, persona: str = "small") -> Waits:
    one = np.ones((2, 1))
    return Waits((persona,), ("review",), ("send -> review",), wait * one, late * one, one)


def test_one_cell_is_the_ordered_logit():
    eta = np.array([0.3 + 0.1 - 0.5 * np.log(9 / 2) - 2.0, 0.2 + 0.2 - 0.4 * np.log(9 / 2) - 2.0])
    below = 1 / (1 + np.exp(-(CUTS - eta[:, None])))
    chances = np.diff(np.hstack([np.zeros((2, 1)), below, np.ones((2, 1))]), axis=1)
    found = answers(draws(), cell(9.0, 3.0))
    assert found == pytest.approx(chances)
    assert mean_rating(draws(), cell(9.0, 3.0)) == pytest.approx(chances @ LEVELS)
    assert satisfied(draws(), cell(9.0, 3.0)) == pytest.approx(chances[:, 3:].sum(axis=1))


def test_lateness_in_between_is_on_the_log_of_the_days_and_constant_beyond():
    between = np.expm1((np.log(4) + np.log(7)) / 2)
    shifted = draws(rating_late=(("draw", "rating_days"), np.full((2, 4), -2.5)))
    assert answers(draws(), cell(2.0, between)) == pytest.approx(answers(shifted, cell(2.0, 1.0)))
    assert answers(draws(), cell(2.0, 60.0)) == pytest.approx(answers(draws(), cell(2.0, 6.0)))


def test_no_wait_counts_as_the_usual_one_and_unknown_lateness_has_its_own_effect():
    plain = draws(rating_late=(("draw", "rating_days"), np.array([[-1.0] * 4, [-1.2] * 4])))
    assert answers(draws(), cell(np.nan, np.nan)) == pytest.approx(answers(plain, cell(2.0, 0.0)))


def test_all_cells_are_mixed_by_share():
    waits = waits_of(draws())
    parts = [answers(draws(), waits.only(persona=name)) for name in ("small", "large")]
    weight = np.stack([waits.share[:, :2].sum(axis=1), waits.share[:, 2:].sum(axis=1)])
    assert answers(draws(), waits) == pytest.approx(weight[0][:, None] * parts[0] + weight[1][:, None] * parts[1])
    with pytest.raises(ValueError, match="nobody rates"):
        waits.only(place="end")


def test_half_as_many_late_arrivals_are_on_time_like_the_others_of_their_persona():
    waits = waits_of(draws())
    fewer = fewer_late(waits, 0.5)
    assert waits.late_share == pytest.approx([0.1 / 0.9, 0.25])
    assert fewer.late_share == pytest.approx(waits.late_share / 2)
    assert fewer.share == pytest.approx(np.array([[0.55, 0.05, 0.3, 0.1], [0.5, 0.1, 0.2, 0.2]]))
    assert fewer_late(waits, 1.0).share == pytest.approx(waits.share)
    assert np.all(mean_rating(draws(), fewer) > mean_rating(draws(), waits))


def test_a_faster_move_is_less_late_by_what_it_saves():
    today = draws()
    scale = np.ones((2, 2, 1, 1))
    scale[:, 0] = [[[0.5]], [[0.25]]]
    proposal = draws(dwell_a=(("draw", "persona", "period", "link"), scale))
    moved = waits_in(waits_of(today), today, proposal)
    assert moved.wait[:, :3] == pytest.approx(np.array([[1.0, 4.5, 4.0], [0.5, 2.25, 4.0]]))
    assert moved.late[:, :3] == pytest.approx(np.array([[-3.0, 0.5, -1.0], [-3.5, -1.75, -1.0]]))
    assert np.isnan(moved.late[:, 3]).all()
    assert waits_in(waits_of(today), today, today).late[:, :3] == pytest.approx(waits_of(today).late[:, :3])


def test_nps_needs_its_scale():
    with pytest.raises(ValueError, match="NPS needs answers from 0 to 10"):
        promoter_score(draws(), cell(2.0, 0.0))
    ten = draws(
        rating_answers=(("rating_answer",), np.array([3.0, 6.0, 8.0, 9.0, 10.0])), rating_cut=(("draw", "rating_cuts"), CUTS)
    )  # fmt: skip
    chances = answers(ten, cell(2.0, 0.0))
    expected = 100 * (chances[:, 3] + chances[:, 4] - chances[:, 0] - chances[:, 1])
    assert promoter_score(ten, cell(2.0, 0.0)) == pytest.approx(expected)


def test_draws_without_ratings_say_so():
    assert has_ratings(draws())
    assert not has_ratings(Draws(draws().data.drop_vars("rating_cut"), "posterior"))
