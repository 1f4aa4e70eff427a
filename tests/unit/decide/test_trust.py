"""Each rule of docs/design/0005-trust-grade.md, alone and together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.decide.decision import Evidence, Fit
from journeysim.decide.trust import distance, guessed_share
from journeysim.decide.trust import trust_of as judged
from journeysim.report.remarks import remark_text
from journeysim.report.words import language
from journeysim.simulate.outcomes import Agreement

PASSED = ("R-hat", 1.002, "<= 1.01", True)
FAILED = ("R-hat", 1.2, "<= 1.01", False)
BACKTEST = (("coverage", True), ("error", True))
GOOD = Fit("posterior", (PASSED,), prior_share=0.1, backtest=BACKTEST)


def trust_of(fit, evidence, agreement, distances=None):
    """Judge with a backtest that passed, unless the fit has its own."""
    return judged(replace(fit, backtest=fit.backtest or BACKTEST), evidence, agreement, distances or {"p": 0.1})


def said(found, lang="en"):
    """Return the reasons as the page says them."""
    return [remark_text(reason, language(lang, "EUR")) for reason in found.reasons]


def evidence(guess, *, proposal="p"):
    return [Evidence(proposal, "a", "guess", guess, 0.0), Evidence(proposal, "b", "measured", 0.8 - guess, 0.0)]


def agreement(z):
    return [Agreement("p", "conversion", 0.2, 0.25, 1.0), Agreement("p", "revenue", 10.0, 12.0, z)]


def test_nothing_against_it_is_an_a():
    found = trust_of(GOOD, evidence(0.1), agreement(-4.5))
    assert (found.grade, found.reasons) == ("A", ())


@pytest.mark.parametrize(
    ("fit", "guess", "z", "grade", "word"),
    [
        pytest.param(Fit("posterior", (FAILED,)), 0.1, 0.0, "B", "gate R-hat", id="one-gate"),
        pytest.param(Fit("posterior", (FAILED, PASSED, FAILED)), 0.1, 0.0, "C", "1.2", id="two-gates"),
        pytest.param(Fit("posterior", prior_share=0.51), 0.1, 0.0, "B", "51%", id="much-prior"),
        pytest.param(Fit("posterior", prior_share=0.5), 0.1, 0.0, "A", "", id="half-prior"),
        pytest.param(Fit("prior"), 0.1, 0.0, "C", "no data", id="prior"),
        pytest.param(Fit("stated"), 0.1, 0.0, "D", "word", id="stated"),
        pytest.param(GOOD, 0.41, 0.0, "B", "guesses", id="guesses"),
        pytest.param(GOOD, 0.39, 0.0, "A", "", id="fewer-guesses"),
        pytest.param(GOOD, 0.1, -4.7, "C", "disagree", id="engines"),
    ],
)
def test_each_rule(fit, guess, z, grade, word):
    found = trust_of(fit, evidence(guess), agreement(z))
    assert found.grade == grade
    assert bool(found.reasons) == (grade != "A")
    assert all(word in reason for reason in said(found))


def test_steps_add_up_and_stop_at_e():
    assert trust_of(Fit("prior"), evidence(0.7), []).grade == "D"
    found = trust_of(Fit("stated", (FAILED, FAILED)), evidence(0.7), agreement(9.0))
    assert found.grade == "E"
    assert len(found.reasons) == 5


def test_guesses_are_counted_within_the_variance_that_is_explained():
    assert guessed_share(evidence(0.2), "p") == pytest.approx(0.25)
    assert guessed_share(evidence(0.2), "another") == 0.0
    zero = [Evidence("p", "a", "guess", 0.0, 0.0)]
    assert guessed_share(zero, "p") == 0.0


def test_several_guessed_proposals_lower_it_once():
    both = [*evidence(0.7), *evidence(0.6, proposal="q")]
    assert trust_of(GOOD, both, []).grade == "B"


def test_a_backtest_that_failed_costs_one_step_however_many_gates():
    fit = replace(GOOD, backtest=(("coverage", False), ("crps", False), ("error", True)))
    found = trust_of(fit, evidence(0.1), [])
    assert found.grade == "B"
    assert said(found) == ["the backtest fails 2 of 3 gates, coverage among them"]


def test_without_a_backtest_it_is_no_a_and_page_one_says_why():
    found = judged(replace(GOOD, backtest=None), evidence(0.1), [], {})
    assert found.grade == "B"
    assert "no backtest" in said(found)[0]
    assert not any("backtest" in reason for reason in said(judged(Fit("prior"), evidence(0.1), [], {})))


def test_a_proposal_far_from_the_data_costs_one_step():
    found = trust_of(GOOD, evidence(0.1), [], {"near": 0.3, "far": 0.31, "off": 0.5})
    assert found.grade == "B"
    assert said(found)[0].startswith("“off” sends 50% of all moves elsewhere")
    assert trust_of(Fit("prior"), evidence(0.1), [], {"far": 0.9}).grade == "C"


def test_distance_is_the_part_of_moves_that_go_elsewhere_whichever_way_round():
    from journeysim.simulate.tally import mix_personas
    from outcomes_builder import bank_arms, more_calls, tally_of

    today, changed = bank_arms(more_calls(3.0))
    one, other = (
        mix_personas(tally_of(world), world.draws.values("persona_share"))
        for world in (today.worlds[0], changed.worlds[-1])
    )
    found = distance(one, other)
    parts = [tally.moves.mean(axis=0)[0] / tally.moves.mean(axis=0)[0].sum() for tally in (one, other)]
    assert found == pytest.approx(np.maximum(parts[1] - parts[0], 0).sum())
    assert found == pytest.approx(distance(other, one))
    assert 0.02 < found < 0.9
    assert distance(one, one) == 0.0


def test_engines_that_disagree_on_money_say_no_sum():
    """The reason stands on page one at grade E too, where no money figure is shown."""
    (money,) = said(trust_of(GOOD, evidence(0.1), [Agreement("p", "margin", 123.4, 567.8, 9.0)]))
    assert "123" not in money
    assert "9.00 standard errors" in money
    (share,) = said(trust_of(GOOD, evidence(0.1), [Agreement("p", "conversion", 0.25, 0.5, 9.0)]))
    assert "0.250" in share


def test_every_reason_is_said_in_french_too():
    """The two catalogues have the same blanks, so one decision that meets every rule says them all."""
    fits = (Fit("stated", (FAILED,)), Fit("prior"), replace(GOOD, prior_share=0.6, backtest=(("coverage", False),)))
    found = [judged(fit, evidence(0.7), agreement(9.0), {"off": 0.5}) for fit in fits]
    found.append(judged(replace(GOOD, backtest=None), evidence(0.1), [Agreement("p", "conversion", 0.2, 0.5, 9.0)], {}))
    english, french = ([text for item in found for text in said(item, lang)] for lang in ("en", "fr"))
    assert len({reason.name for item in found for reason in item.reasons}) == 10
    assert all(one != other for one, other in zip(english, french, strict=True))
    assert any("de tous les passages" in text and "50" in text for text in french)
