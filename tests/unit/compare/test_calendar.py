from __future__ import annotations

import numpy as np
import pytest

from journeysim.compare.calendar import calendars
from journeysim.compare.streams import ASSUMED_ARRIVALS
from journeysim.model.changes import ChangeAudience, Terms
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.tally import mix_personas
from outcomes_builder import bank_arms, bank_draws, bank_outcomes, more_calls, outcomes_of

MONTHS = 12
ARRIVALS = 20.0 * DAYS_PER_MONTH


def gains(outcomes, realism=1.0):
    today, *rest = calendars(outcomes, months=MONTHS)
    chosen = next(item for item in rest if item.realism == realism)
    return chosen.value - today.value


def everybody(arm, realism=1.0):
    return mix_personas(arm.cohort(realism), arm.persona_shares(realism))


def test_today_is_steady_and_a_month_holds_one_months_cohort():
    outcomes = bank_outcomes()
    (today,) = calendars(outcomes, months=MONTHS)
    whole = everybody(outcomes.today)
    assert today.value.shape == (40, MONTHS)
    for sums, cohort in ((today.value, whole.value), (today.cost, whole.cost), (today.converted, whole.converted)):
        assert np.allclose(sums, ARRIVALS * cohort)
    assert not today.assumed_arrivals


def test_a_proposal_reaches_its_steady_state_after_the_journey_has_run_through():
    outcomes = bank_outcomes(more_calls(2.0))
    found = gains(outcomes)
    cohort = everybody(outcomes.proposals[0]).value - everybody(outcomes.today).value
    # The profile is three months long, entries of a month spread over one more.
    assert np.allclose(found[:, 3:], ARRIVALS * cohort)
    assert np.allclose(found[:, 0], ARRIVALS * cohort[:, 0, None][:, 0] * 0.2 / 2)
    assert np.allclose(found[:, 1], ARRIVALS * cohort[:, 0] * (0.2 + 0.5 / 2))


def test_what_entered_is_conserved_over_a_long_calendar():
    """Everything that a change of one month's entries brings comes up in some month, and none of it twice."""
    pulse = more_calls(2.0, terms=Terms(start=2 * DAYS_PER_MONTH, decay=DAYS_PER_MONTH / 4))
    outcomes = bank_outcomes(pulse)
    arm = outcomes.proposals[0]
    middles = (np.arange(MONTHS) + 0.5) * DAYS_PER_MONTH
    met = arm.arm.exposures[0].at(middles).sum(axis=1)
    full = (arm.tallies[1].value - arm.tallies[0].value) @ np.array([0.6, 0.4])
    assert np.allclose(gains(outcomes).sum(axis=1), ARRIVALS * met * full)


def test_seventy_percent_reach_gives_seventy_percent_of_the_effect():
    full, part = (gains(bank_outcomes(more_calls(2.0, terms=Terms(reach=Fixed(r))))) for r in (1.0, 0.7))
    assert np.allclose(part, 0.7 * full)
    assert np.abs(full).min() > 0


def test_the_effect_is_linear_in_realism():
    outcomes = bank_outcomes(more_calls(2.0))
    full = gains(outcomes)
    assert np.allclose(gains(outcomes, 0.25), 0.25 * full, rtol=1e-9)
    assert np.allclose(gains(outcomes, 0.5), 0.5 * full, rtol=1e-9)


def test_identical_worlds_give_exactly_todays_months():
    outcomes = bank_outcomes(more_calls(1.0, terms=Terms(reach=Fixed(0.7), start=20.0, ramp=90.0)))
    assert (gains(outcomes, 0.25) == 0).all()
    assert (gains(outcomes) == 0).all()


def test_nothing_moves_before_the_start_and_the_ramp_grows():
    found = gains(bank_outcomes(more_calls(2.0, terms=Terms(start=2 * DAYS_PER_MONTH, ramp=3 * DAYS_PER_MONTH))))
    assert (found[:, :2] == 0).all()
    assert (np.diff(found[:, 2:8], axis=1) > 0).all()
    assert np.allclose(found[:, 8:], found[:, -1:])


def test_worse_is_worse_in_every_month():
    assert (gains(bank_outcomes(more_calls(0.5))) < 0).all()


def test_missing_arrivals_are_assumed_and_flagged():
    outcomes = bank_outcomes(more_calls(2.0), draws=bank_draws(arrivals=np.nan))
    today, proposal, *_ = calendars(outcomes, months=MONTHS)
    assert today.assumed_arrivals
    assert proposal.assumed_arrivals
    assert (today.arrivals == ASSUMED_ARRIVALS).all()
    assert np.allclose(today.value, ASSUMED_ARRIVALS * everybody(outcomes.today).value)


def test_an_audience_change_brings_its_own_arrivals_and_personas():
    audience = ChangeAudience(personas=(("large", Fixed(0.9)),), arrivals=Fixed(30.0))
    outcomes = outcomes_of(bank_arms(Proposal("audience", (audience,), realism=(0.5, 1.0))))
    today, half, full = calendars(outcomes, months=MONTHS)
    assert np.allclose(full.arrivals, 30.0 * DAYS_PER_MONTH)
    assert np.allclose(half.arrivals, 25.0 * DAYS_PER_MONTH)
    by_persona = outcomes.today.tallies[0].value
    assert np.allclose(full.value[:, -1], 30.0 * DAYS_PER_MONTH * by_persona @ np.array([0.1, 0.9]))
    assert np.allclose(half.value, (today.value + full.value) / 2)


def test_two_exposures_with_own_starts_weigh_worlds_month_by_month():
    first = more_calls(2.0, terms=Terms(reach=Fixed(0.5))).changes[0]
    second = more_calls(1.5, terms=Terms(reach=Fixed(0.4), start=6 * DAYS_PER_MONTH)).changes[0]
    outcomes = bank_outcomes(Proposal("both", (first, second)))
    arm = outcomes.proposals[0]
    late = everybody(arm).value - everybody(outcomes.today).value
    found = gains(outcomes)
    assert np.allclose(found[:, -1:], ARRIVALS * late)
    alone = gains(bank_outcomes(Proposal("one", (first,))))
    assert np.allclose(found[:, :6], alone[:, :6])
    assert (found[:, 6] > alone[:, 6]).all()


@pytest.mark.parametrize("months", [1, 2, 40])
def test_any_number_of_months(months):
    for item in calendars(bank_outcomes(more_calls(2.0)), months=months):
        assert item.value.shape == item.cost.shape == item.converted.shape == (40, months)
