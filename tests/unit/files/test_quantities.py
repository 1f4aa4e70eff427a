"""Every way to write a number, what it becomes, and what is refused."""

from __future__ import annotations

import math

import pytest

from journeysim.files.numbers import (
    ARRIVALS,
    DURATION,
    FACTOR,
    PLAIN,
    POINTS,
    REAL,
    SHARE,
    YEARLY_RATE,
    CurrencyBook,
    UnreadableError,
    money,
    month_start,
)
from journeysim.files.quantities import quantity, spread_quantity
from journeysim.model.quantity import Counts, Fixed, Moments, Named, Quantiles, Range, Scale
from journeysim.model.units import DAYS_PER_MONTH

EUR = money(CurrencyBook("EUR"))
PER_DAY = money(CurrencyBook("EUR"), rate=True)
MONTH = DAYS_PER_MONTH


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("60%", SHARE, 0.6),
        ("62.5 %", SHARE, 0.625),
        ("0.6", SHARE, 0.6),
        ("1/3", SHARE, 1 / 3),
        ("EUR 45", EUR, 45.0),
        ("EUR 180k", EUR, 180_000.0),
        ("EUR 1.2m", EUR, 1_200_000.0),
        ("EUR 1,350", EUR, 1350.0),
        ("EUR -5", EUR, -5.0),
        ("-EUR 5", EUR, -5.0),
        ("0", EUR, 0.0),
        ("EUR 6k per month", PER_DAY, 6000 / MONTH),
        ("EUR 12 per year", PER_DAY, 12 / 365.25),
        ("2,600 per month", ARRIVALS, 2600 / MONTH),
        ("2.6k per month", ARRIVALS, 2600 / MONTH),
        ("5 per day", ARRIVALS, 5.0),
        ("2 days", DURATION, 2.0),
        ("1 day", DURATION, 1.0),
        ("90 min", DURATION, 90 / 1440),
        ("30 seconds", DURATION, 30 / 86_400),
        ("6 h", DURATION, 0.25),
        ("2 weeks", DURATION, 14.0),
        ("12 months", DURATION, 365.25),
        ("1 year", DURATION, 365.25),
        ("0 days", DURATION, 0.0),
        ("2", POINTS, 0.02),
        ("+2 points", POINTS, 0.02),
        ("-1.5%", POINTS, -0.015),
        ("1.2", FACTOR, 1.2),
        ("80%", FACTOR, 0.8),
        ("-0.3", REAL, -0.3),
        ("8% per year", YEARLY_RATE, 0.08),
        ("0.5% per month", YEARLY_RATE, 1.005**12 - 1),
    ],
)
def test_a_number_in_its_unit(written, unit, value):
    assert quantity(written, unit) == Fixed(pytest.approx(value, rel=1e-14))


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("5% to 15%", SHARE, Range(0.05, 0.15, Scale.SHARE)),
        ("5 to 15%", SHARE, Range(0.05, 0.15, Scale.SHARE)),
        ("12 of 80", SHARE, Counts(12, 80)),
        ("1,200 of 8,000", SHARE, Counts(1200, 8000)),
        ("EUR 2 to EUR 4", EUR, Range(2.0, 4.0, Scale.POSITIVE)),
        ("EUR 2 to 4", EUR, Range(2.0, 4.0, Scale.POSITIVE)),
        ("2 to EUR 4", EUR, Range(2.0, 4.0, Scale.POSITIVE)),
        ("EUR -2 to EUR 4", EUR, Range(-2.0, 4.0, Scale.REAL)),
        ("EUR 2 to EUR 2", EUR, Fixed(2.0)),
        ("4 to 9 min", DURATION, Range(4 / 1440, 9 / 1440, Scale.POSITIVE)),
        ("1 min to 21 hours", DURATION, Range(1 / 1440, 21 / 24, Scale.POSITIVE)),
        ("1.05 to 1.30", FACTOR, Range(1.05, 1.3, Scale.POSITIVE)),
        ("-0.2 to 0.3", REAL, Range(-0.2, 0.3, Scale.REAL)),
        ("1 to 3", POINTS, Range(0.01, 0.03, Scale.REAL)),
        ("EUR 5k to 7k per month", PER_DAY, Range(5000 / MONTH, 7000 / MONTH, Scale.POSITIVE)),
        ({"mean": "10%", "sd": "2%"}, SHARE, Moments(0.1, 0.02, Scale.SHARE)),
        ({"mean": "EUR 40", "sd": "EUR 9"}, EUR, Moments(40.0, 9.0, Scale.POSITIVE)),
        ({"mean": "EUR 40", "sd": "EUR 0"}, EUR, Fixed(40.0)),
        ({"p10": "1 h", "p50": "2 h", "p90": "6 h"}, DURATION, Quantiles(1 / 24, 2 / 24, 0.25, Scale.POSITIVE)),
        ({"normal": ["0", "1"]}, REAL, Named("normal", (0.0, 1.0))),
        ({"lognormal": ["EUR 30", "0.5"]}, EUR, Named("lognormal", (30.0, 0.5))),
        ({"beta": ["2", "8"]}, SHARE, Named("beta", (2.0, 8.0))),
        ({"gamma": ["2", "3 days"]}, DURATION, Named("gamma", (2.0, 3.0))),
        ({"uniform": ["0", "1"]}, SHARE, Named("uniform", (0.0, 1.0))),
        ({"triangular": ["1%", "2%", "5%"]}, SHARE, Named("triangular", (0.01, 0.02, 0.05))),
    ],
)
def test_an_uncertain_number(written, unit, value):
    assert quantity(written, unit) == value


def test_a_spread_between_customers_takes_what_it_leaves_out_from_the_mean():
    assert spread_quantity("EUR 900 (sd 500)", EUR) == (Fixed(900.0), 500.0)
    assert spread_quantity("EUR 900 (sd EUR 500)", EUR) == (Fixed(900.0), 500.0)
    assert spread_quantity("EUR 1.2k (sd 500)", EUR) == (Fixed(1200.0), 500.0)
    assert spread_quantity("EUR 800 to 1,000 (sd 500)", EUR) == (Range(800.0, 1000.0, Scale.POSITIVE), 500.0)
    assert spread_quantity("0.2 (sd 0.4)", REAL) == (Fixed(0.2), 0.4)


@pytest.mark.parametrize(
    ("written", "unit", "code", "words"),
    [
        ("sixty", SHARE, "J020", '"sixty" is not a share'),
        ("1,5", PLAIN, "J020", "decimals with a point"),
        ("010", PLAIN, "J008", "leading zero"),
        ("nan", PLAIN, "J021", "must be finite"),
        ("-inf", PLAIN, "J021", "unlimited"),
        ("1e999", PLAIN, "J021", "must be finite"),
        ("1/0", SHARE, "J020", "divides by zero"),
        ("3", DURATION, "J022", "give a unit"),
        ("3 dayz", DURATION, "J023", 'did you mean "day"?'),
        ("3 m", DURATION, "J023", 'no unit of time "m"'),
        ("-3 days", DURATION, "J039", "negative"),
        ("USD 45", EUR, "J024", "USD in a file that counts in EUR"),
        ("45", EUR, "J025", 'write "EUR 45"'),
        ("€45", EUR, "J025", "three letters"),
        ("EUR 45 per month", EUR, "J026", "single sum"),
        ("EUR 45", PER_DAY, "J026", "needs a period"),
        ("2,600", ARRIVALS, "J026", "2,600 per month"),
        ("10%", YEARLY_RATE, "J026", "213.8% a year"),
        ("15% to 5%", SHARE, "J027", "lower end of the range first"),
        ("0% to 5%", SHARE, "J027", "between 0 % and 100 %"),
        ("0 to 2", FACTOR, "J027", "above 0"),
        ("90 of 80", SHARE, "J027", "cannot exceed"),
        ("0 of 0", SHARE, "J027", "above 0"),
        ("1% to 2% to 3%", SHARE, "J020", "not a share"),
        ({"mean": "50%", "sd": "60%"}, SHARE, "J027", "sd lies below 0.5"),
        ({"mean": "5"}, PLAIN, "J013", "{mean, sd}"),
        ({"mean": "5", "sdd": "1"}, PLAIN, "J014", 'did you mean "sd"?'),
        ({"p10": "3", "p50": "2", "p90": "4"}, PLAIN, "J027", "must increase"),
        ({"normal": ["0"]}, REAL, "J020", "[mean, sd]"),
        ({"beta": ["0", "8"]}, SHARE, "J027", "no beta distribution"),
        ({"uniform": ["1", "0"]}, PLAIN, "J027", "[low, high]"),
        ({"lognormal": ["2", "5%"]}, PLAIN, "J020", "not a plain number"),
        (["5"], PLAIN, "J020", "is not a number"),
        (None, PLAIN, "J020", "is not a number"),
    ],
)
def test_what_is_refused_and_why(written, unit, code, words):
    with pytest.raises(UnreadableError) as error:
        quantity(written, unit)
    assert error.value.code == code
    assert words in error.value.message


def test_the_first_currency_met_is_the_files_currency():
    book = CurrencyBook()
    assert quantity("CHF 5", money(book)) == Fixed(5.0)
    with pytest.raises(UnreadableError, match="EUR in a file that counts in CHF"):
        quantity("EUR 5", money(book))


def test_starts():
    assert month_start("month 1") == 0.0
    assert month_start("month 2") == MONTH
    assert month_start("in 6 weeks") == 42.0
    for text in ("month 0", "2 months", "soon"):
        with pytest.raises(UnreadableError, match="month 2"):
            month_start(text)


def test_a_range_of_shares_is_a_90_percent_range_on_the_log_odds():
    share = quantity("5% to 15%", SHARE)
    low, high = share.ppf([0.05, 0.95])
    assert math.isclose(low, 0.05, rel_tol=1e-12)
    assert math.isclose(high, 0.15, rel_tol=1e-12)
