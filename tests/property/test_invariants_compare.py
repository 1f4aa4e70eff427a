"""What must hold of comparisons and decisions whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.compare import compare
from journeysim.compare.calendar import calendars
from journeysim.compare.ratings import merged, nps
from journeysim.decide import decide
from journeysim.decide.decision import Fit
from journeysim.decide.drivers.groups import of_assumption
from journeysim.decide.drivers.ledger import evidence_of
from journeysim.decide.information.value import evpi, evppi
from journeysim.model.changes import Terms
from journeysim.model.draws import Assumption
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Money
from outcomes_builder import bank_draws, bank_outcomes, more_calls

odds = st.floats(0.3, 3.0)
shares = st.floats(0.0, 1.0)
days = st.integers(0, 300).map(float)
counts = st.lists(st.integers(0, 50), min_size=11, max_size=11)


@st.composite
def terms(draw):
    start, ramp, decay = draw(days), draw(days), draw(st.none() | days)
    return Terms(reach=Fixed(draw(shares)), start=start, ramp=ramp, decay=decay)


@given(odds, terms(), shares)
@settings(max_examples=25)
def test_months_are_linear_in_realism_and_lie_between_today_and_the_full_effect(size, term, realism):
    outcomes = bank_outcomes(more_calls(size, terms=term, realism=(realism, 1.0)), draws=bank_draws(4))
    today, part, full = calendars(outcomes, months=18)
    for name in ("value", "cost", "converted"):
        base, some, most = (getattr(item, name) for item in (today, part, full))
        assert np.allclose(some, (1 - realism) * base + realism * most)
        assert ((most - base) * (size - 1) >= -1e-6).all()


@given(terms())
@settings(max_examples=25)
def test_arms_that_are_equal_differ_by_exactly_zero(term):
    found = compare(bank_outcomes(more_calls(1.0, terms=term), draws=bank_draws(4)), horizon_months=24)
    assert all((item.values == 0).all() for item in found.contrasts)
    assert all(flip.unchanged == 1.0 for flip in found.flips)
    case = decide(found, proposals=[more_calls(1.0, terms=term)], money=Money(0.1, 0.03), fit=Fit("prior"), seed=1)
    assert all((item.net == 0).all() for item in case.verdicts[0].cases)


@given(odds, shares)
@settings(max_examples=25)
def test_entered_is_converted_lost_or_active_and_levels_mix_by_persona(size, reach):
    found = compare(bank_outcomes(more_calls(size, terms=Terms(reach=Fixed(reach))), draws=bank_draws(4)))
    values = {(x.arm, x.metric, x.persona): x.values for x in found.levels if x.view == "cohort"}
    for arm in ("today", "more calls"):
        for persona in ("all", "small", "large"):
            parts = [values[arm, metric, persona] for metric in ("conversion", "loss", "active")]
            assert np.allclose(sum(parts), 1.0)
        for metric in ("conversion", "revenue", "cost", "effort"):
            small, large, everybody = (values[arm, metric, name] for name in ("small", "large", "all"))
            assert np.allclose(everybody, 0.6 * small + 0.4 * large)


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(0.01, 100), st.integers(2, 200))
@settings(max_examples=60)
def test_value_of_information_is_ordered_and_scales_with_money(seed, shift, scale, draws):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=draws), rng.gamma(0.7, size=draws).round(1)
    nets = np.stack([a + b**2 + shift, rng.normal(size=draws) - b], axis=1)
    groups = [of_assumption(Assumption(name, "guess", values)) for name, values in (("a", a), ("b", b))]
    most = evpi(nets)
    assert most >= 0
    assert evpi(scale * nets) == pytest.approx(scale * most, rel=1e-9, abs=1e-9)
    worth = [evppi(group, nets, seed=seed) for group in groups]
    found = list(evidence_of("p", groups, nets[:, 0], worth))
    for row in found:
        assert 0 <= row.evppi <= most
        assert 0 <= row.variance_share <= 1 + 1e-9
    assert sum(row.variance_share for row in found) == pytest.approx(1.0 if nets[:, 0].var() > 0 else 0.0, abs=0.05)


@given(st.lists(counts, min_size=1, max_size=4))
def test_nps_of_a_union_is_the_weighted_mean(groups):
    found = [nps(group) for group in groups]
    together = nps(merged(groups))
    answered = [item for item in found if item is not None]
    assert (together is None) == (not answered)
    if together is not None:
        assert -100 <= together.nps <= 100
        assert together.nps == pytest.approx(sum(item.n * item.nps for item in answered) / together.n, abs=1e-9)
        assert together.promoters + together.passives + together.detractors == pytest.approx(1.0)
