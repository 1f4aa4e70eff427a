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


@pytest.mark.parametrize("text", ["P(net benefit > 0) >= 80%", "P(net benefit>0) > 0.8"])
def test_rules_about_the_chance_of_a_benefit(text):
    assert success_rule(text, CurrencyBook("EUR")) == SuccessRule(text, "p_net_benefit", 0.8)


@pytest.mark.parametrize(
    ("text", "threshold", "metric", "at_most"),
    [
        ("conversion +2 points", 0.02, "conversion", False),
        ("conversion >= +2 points", 0.02, "conversion", False),
        ("conversion >= +1.5%", 0.015, "conversion", False),
        ("conversion + 1 point", 0.01, "conversion", False),
        ("Conversion +0", 0.0, "conversion", False),
        ("churn -1 points", -0.01, "churn", True),
        ("cost -EUR 5", -5.0, "cost", True),
        ("revenue +EUR 1,030", 1030.0, "revenue", False),
        ("conversion >= -1 points", -0.01, "conversion", False),
        ("cost <= +EUR 2", 2.0, "cost", True),
        ("touches -.5", -0.5, "touches", True),
        ("time_to_convert_median -2 days", -2.0, "time_to_convert_median", True),
        ("time to convert median -2 days", -2.0, "time_to_convert_median", True),
        ("time-to-convert p90 <= -12 h", -0.5, "time_to_convert_p90", True),
    ],
)
def test_rules_about_a_difference(text, threshold, metric, at_most):
    rule = success_rule(text, CurrencyBook("EUR"))
    assert rule == SuccessRule(text, "difference", threshold, metric, at_most)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("conversion", "J057", "conversion +2 points"),
        ("conversion 2 points", "J057", "churn -1 points"),
        ("net benefit > 0", "J057", "P(net benefit > 0) >= 80%"),
        ("P(net benefit > 0) >= 180%", "J030", "between 0 % and 100 %"),
        ("revenue +USD 30", "J024", "one currency"),
        ("revenue +30", "J025", "revenue +EUR 30"),
        ("happiness +2 points", "J057", 'no metric "happiness"'),
        ("convertion +2 points", "J057", 'did you mean "conversion"?'),
        ("time to convert -2 days", "J057", 'did you mean "time_to_convert_'),
        ("conversion +2", "J057", 'write "conversion +2 points"'),
        ("conversion +EUR 2", "J020", "conversion +2 points"),
        ("time_to_convert_median -2", "J022", "time_to_convert_median +2 days"),
        ("touches -1 points", "J020", "touches +0.5"),
    ],
)
def test_what_is_no_success_rule(text, code, words):
    with pytest.raises(UnreadableError) as error:
        success_rule(text, CurrencyBook("EUR"))
    assert error.value.code == code
    assert words in error.value.message


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("no persona worse off", ("conversion", 0.9, 0.0, 1)),
        ("no persona is worse off by more than 1 point with 90 %", ("conversion", 0.9, 0.01, 1)),
        ("no persona worse off on churn by more than 0.5 points with 95%", ("churn", 0.95, 0.005, -1)),
        ("no persona worse off on margin by more than EUR 3", ("margin", 0.9, 3.0, 1)),
        (
            "no persona worse off on time to convert median by more than 2 days",
            ("time_to_convert_median", 0.9, 2.0, -1),
        ),
    ],
)
def test_no_persona_worse_off(text, rule):
    found = success_rule(text, CurrencyBook("EUR"))
    assert (found.measure, found.text) == ("no_harm", text)
    assert (found.metric, found.threshold, pytest.approx(found.allowed), found.good) == rule


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("no persona worse off on touches", "J057", "does not say"),
        ("no persona worse off by more than a little", "J020", "conversion"),
        ("no persona worse off on happiness", "J057", "happiness"),
        ("no persona worse off with 190 %", "J030", "between 0 % and 100 %"),
    ],
)
def test_what_is_no_rule_about_harm(text, code, words):
    with pytest.raises(UnreadableError) as error:
        success_rule(text, CurrencyBook("EUR"))
    assert error.value.code == code
    assert words in error.value.message


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
