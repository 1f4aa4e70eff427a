"""Links, opening hours, success rules and other short phrases."""

from __future__ import annotations

import pytest

from journeysim.files.numbers import CurrencyBook, UnreadableError
from journeysim.files.phrases import flag, link, open_days_per_week, part_of_customers, success_rule, whole
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import SuccessRule


@pytest.mark.parametrize("text", ["a b -> c", "a b  ->  c", "a b → c"])
def test_links(text):
    assert link(text) == ("a b", "c")


@pytest.mark.parametrize("text", ["a b", "a->b", "a -> b -> c", " -> b", "a -> "])
def test_what_is_no_link(text):
    with pytest.raises(UnreadableError, match="from -> to"):
        link(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon-Fri 08:00-20:00", 2.5),
        ("Sat 09:00-13:00", 1 / 6),
        ("Mon-Fri 08:00-20:00, Sat 09:00-13:00", 2.5 + 1 / 6),
        ("Mon - Sun 00:00 - 24:00", 7.0),
        ("Fri-Mon 12:00-18:00", 1.0),
        ("always", 7.0),
        ("24/7", 7.0),
    ],
)
def test_opening_hours_as_days_per_week(text, days):
    assert open_days_per_week(text) == pytest.approx(days, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("daily", "not opening hours"),
        ("Mon 20:00-08:00", "closes before it opens"),
        ("Mo-Fr 08:00-20:00", "not opening hours"),
        ("Mon-Fry 08:00-20:00", 'did you mean "Fri"?'),
        ("Mon 08:00-25:00", "no time 25:00"),
        ("Mon 08:00-08:99", "no time 08:99"),
    ],
)
def test_what_are_no_opening_hours(text, words):
    with pytest.raises(UnreadableError) as error:
        open_days_per_week(text)
    assert words in error.value.message


@pytest.mark.parametrize(
    ("text", "measure", "threshold", "metric"),
    [
        ("P(net benefit > 0) >= 80%", "p_net_benefit", 0.8, ""),
        ("P(net benefit>0) > 0.8", "p_net_benefit", 0.8, ""),
        ("conversion +2 points", "difference", 0.02, "conversion"),
        ("conversion >= +2 points", "difference", 0.02, "conversion"),
        ("conversion >= +1.5%", "difference", 0.015, "conversion"),
        ("revenue +EUR 30", "difference", 30.0, "revenue"),
        ("cost >= -EUR 5", "difference", -5.0, "cost"),
        ("time to convert -2 days", "difference", -2.0, "time to convert"),
        ("nps +5", "difference", 5.0, "nps"),
    ],
)
def test_success_rules(text, measure, threshold, metric):
    assert success_rule(text, CurrencyBook("EUR")) == SuccessRule(text, measure, threshold, metric)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("conversion", "J057"),
        ("net benefit > 0", "J057"),
        ("P(net benefit > 0) >= 180%", "J030"),
        ("revenue +USD 30", "J024"),
    ],
)
def test_what_is_no_success_rule(text, code):
    with pytest.raises(UnreadableError) as error:
        success_rule(text, CurrencyBook("EUR"))
    assert error.value.code == code


def test_whom_a_change_is_for():
    assert part_of_customers("70% of customers") == Fixed(0.7)
    assert part_of_customers("70%") == Fixed(0.7)
    assert part_of_customers("50% to 70% of the customers") == Range(0.5, 0.7, Scale.SHARE)


def test_flags_and_whole_numbers():
    assert [flag(text) for text in ("true", "yes", "No", "false")] == [True, True, False, False]
    assert whole("10,000") == 10_000
    for reader, text in ((flag, "maybe"), (whole, "1.5"), (whole, "-1")):
        with pytest.raises(UnreadableError):
            reader(text)
