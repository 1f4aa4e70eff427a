from __future__ import annotations

import math

import pytest

from journeysim.compare.ratings import counted, csat, merged, nps, sample_size, weighted


def test_scores_are_counted_from_the_lowest():
    assert counted([1, 5, 5, 3], lowest=1, highest=5) == (1, 0, 1, 0, 2)


@pytest.mark.parametrize("counts", [[1] * 10, [1] * 12, [-1] + [1] * 10, [0.5] + [1] * 10, [math.nan] + [1] * 10])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        nps(counts)


def test_sevens_and_eights_are_passive_and_only_nines_and_tens_promote():
    found = nps([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 10])
    assert (found.detractors, found.passives, found.promoters) == (1 / 20, 5 / 20, 14 / 20)


def test_csat_counts_the_stated_number_of_boxes():
    assert csat([10, 0, 0, 30, 60], top=1).csat == pytest.approx(60.0)
    with pytest.raises(ValueError, match="1 to 5"):
        csat([1] * 5, top=0)


def test_merging_needs_one_scale():
    assert merged([[1] * 5, [2] * 5]) == (3,) * 5
    with pytest.raises(ValueError, match="one scale"):
        merged([[1] * 5, [1] * 11])


def test_segments_must_add_up_to_everybody():
    with pytest.raises(ValueError, match="add up to 1"):
        weighted([(20, 0.7), (60, 0.2)])


def test_a_smaller_margin_or_more_opposed_answers_need_more_answers():
    assert sample_size(2) > sample_size(5) > sample_size(5, promoters=0.3, detractors=0.1)
    with pytest.raises(ValueError, match="positive"):
        sample_size(0)
