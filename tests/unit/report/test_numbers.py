"""Numbers as people write them, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeysim.errors import BadInput
from journeysim.report.numbers import agrees, assumption_name, chance_words, ranged, read_numbers, trimmed, written
from journeysim.report.words import language

EN, FR = language("en", "EUR"), language("fr", "EUR")


@pytest.mark.parametrize(
    ("value", "kind", "english", "french"),
    [
        (0.0231, "points", "+2.3", "+2,3"),
        (-0.004, "points", "−0.4", "−0,4"),
        (0.1234, "share", "12.3%", "12,3\u00a0%"),
        (0.83, "chance", "83%", "83\u00a0%"),
        (0.9991, "chance", ">\u00a099%", ">\u00a099\u00a0%"),
        (0.001, "chance", "<\u00a01%", "<\u00a01\u00a0%"),
        (1.0, "chance", "100%", "100\u00a0%"),
        (340_412.0, "money", "EUR\u00a0340k", "340\u00a0k\u00a0EUR"),
        (1_240_000.0, "money", "EUR\u00a01.24\u00a0million", "1,24\u00a0million\u00a0EUR"),
        (-2_500_000.0, "money", "EUR\u00a0−2.50\u00a0million", "−2,50\u00a0millions\u00a0EUR"),
        (1_234.5, "money", "EUR\u00a01,234", "1\u202f234\u00a0EUR"),
        (12.6, "money difference", "EUR\u00a0+12.60", "+12,60\u00a0EUR"),
        (1234.56, "days", "1,235", "1\u202f235"),
        (1.0043, "precise", "1.004", "1,004"),
        (None, "money", "–", "–"),
        (float("nan"), "share", "–", "–"),
        ("time_to_x", "metric", "time to x", "time to x"),
        ("loss", "metric", "Ends without converting", "Finit sans conversion"),
    ],
)
def test_written(value, kind, english, french):
    assert written(value, kind, EN) == english
    assert written(value, kind, FR) == french


@pytest.mark.parametrize("say", [EN, FR], ids=["en", "fr"])
@pytest.mark.parametrize("kind", ["points", "share", "money", "money difference", "months", "number", "count", "ratio"])
@given(value=st.floats(-5e9, 5e9).map(lambda x: x if abs(x) > 1e-6 else 0.0))
def test_what_is_written_reads_back_as_the_value_within_its_rounding(say, kind, value):
    value = value / 1e10 if kind in {"points", "share"} else value
    text = written(value, kind, say)
    assert agrees(text, value, kind, say)


@pytest.mark.parametrize("say", [EN, FR], ids=["en", "fr"])
def test_a_number_off_by_more_than_its_rounding_does_not_agree(say):
    text = written(340_412.0, "money", say)
    assert not agrees(text, 341_200.0, "money", say)
    assert not agrees(text, -340_412.0, "money", say)
    assert agrees(text, -340_412.0, "money", say, "size")


@given(value=st.floats(0.0, 1.0))
def test_a_chance_in_words_is_near_the_number(value):
    found = read_numbers(chance_words(value, EN), EN)
    if found:
        assert abs(found[0][0] / found[1][0] - value) <= 0.051
    else:
        assert value > 0.97 or value < 0.03


def test_chance_words():
    assert chance_words(0.76, EN) == "about a 3 in 4 chance"
    assert chance_words(0.76, FR) == "environ 3 chances sur 4"
    assert chance_words(0.99, EN) == "near certainty"


def test_ranges_name_the_currency_once():
    assert ranged(-165_000.0, 907_000.0, "money", EN) == "EUR\u00a0−165k to 907k"
    assert ranged(-165_000.0, 907_000.0, "money", FR) == "−165\u00a0k à 907\u00a0k\u00a0EUR"


def test_ticks_carry_no_empty_decimals():
    assert [trimmed(x, "money", EN) for x in (0.0, 2.5, 10.0, 250_000.0, 1_000_000.0)] == [
        "0", "2.5", "10", "250k", "1\u00a0million",
    ]  # fmt: skip


def test_both_catalogues_hold_the_same_keys_with_the_same_slots():
    assert EN.words.keys() == FR.words.keys()
    for key, text in EN.words.items():
        assert sorted(set(_slots(text))) == sorted(set(_slots(FR[key]))), key


def _slots(text):
    return [part.split("}")[0] for part in text.split("{")[1:]]


def test_an_unknown_language_is_bad_input():
    with pytest.raises(BadInput, match="en, fr"):
        language("de", "EUR")


def test_assumptions_of_today_are_named_in_the_page_s_language():
    assert written("today: shares at trial", "assumption", FR) == "aujourd’hui\u00a0: parts à trial"
    assert assumption_name("today: arrivals", EN) == "today: arrivals"
    assert (
        assumption_name("p: change share: a -> b, odds x", FR, of="p")
        == "changer la part\u00a0: a → b, rapport de cotes"
    )
    assert assumption_name("p: b: change cost: a, plus", FR) == "p: b: changer le coût\u00a0: a, augmenté de"
    assert assumption_name("p: change share: a -> b, odds x", EN) == "p: change share: a → b, odds x"
    assert assumption_name("share: a -> b", FR) == "part\u00a0: a → b"
    assert assumption_name("a -> b", FR) == "a → b"
    assert assumption_name("assumptions acting together", FR) == "hypothèses agissant ensemble"
