"""Each rule of docs/design/0005-trust-grade.md, alone and together."""

from __future__ import annotations

import pytest

from journeysim.decide.decision import Evidence, Fit
from journeysim.decide.trust import guessed_share, trust_of
from journeysim.simulate.outcomes import Agreement

PASSED = ("R-hat", 1.002, "<= 1.01", True)
FAILED = ("R-hat", 1.2, "<= 1.01", False)
GOOD = Fit("posterior", (PASSED,), prior_share=0.1)


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
    assert all(word in reason for reason in found.reasons)


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
