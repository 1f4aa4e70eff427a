"""Numbers as people write them: `60%`, `1/3`, `2,600 per month`, `EUR 180k`, `9 min`.

An `Atom` is one number taken apart; a `Unit` says what its parts mean in one kind of field and turns it into the
number the model holds (shares in [0, 1], time in days, money in the file's one currency, rates per day).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Final

from journeysim.files.did_you_mean import closest
from journeysim.model.quantity import Scale
from journeysim.model.units import DAYS_PER, DAYS_PER_MONTH, DAYS_PER_YEAR

NOT_FINITE: Final = re.compile(r"[+-]?\.?(nan|inf|infinity)", re.IGNORECASE)
TIME_WORDS: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "second"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hour", "hours"), "hour"),
    **dict.fromkeys(("day", "days"), "day"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("year", "years"), "year"),
}
THOUSANDS: Final = {"k": 1_000, "m": 1_000_000}
ATOM: Final = re.compile(
    r"(?P<minus>[+-]\s*)?(?:(?P<currency>[A-Z]{3}|[€$£¥])\s*)?"
    r"(?P<number>[+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?:\s*/\s*(?P<below>\d+))?"
    r"\s*(?P<unit>%|[A-Za-z]+)?(?:\s+per\s+(?P<per>[A-Za-z]+))?"
)


class UnreadableError(ValueError):
    """A value that cannot be read: the code of the rule, and the evidence with its cure."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class CurrencyBook:
    """The one currency of a file: stated at its top, or the first one met."""

    code: str | None = None

    def note(self, code: str) -> None:
        """Accept this currency; raises UnreadableError when it is not the file's."""
        if self.code is None:
            self.code = code
        elif code != self.code:
            raise UnreadableError(
                "J024", f"{code} in a file that counts in {self.code}: one currency per scenario; convert it"
            )


@dataclass(frozen=True, slots=True)
class Atom:
    """One written number in parts: `EUR 6k per month` is (6, currency EUR, unit k, per month)."""

    text: str
    number: Decimal
    currency: str = ""
    below: int = 1
    unit: str = ""
    per: str = ""

    def exact(self, factor: int = 1, divisor: int = 1) -> float:
        """Return number * factor / (below * divisor), correctly rounded for decimals; raises when not finite."""
        value = float(self.number * factor / (self.below * divisor))
        if not math.isfinite(value):
            raise UnreadableError("J021", f'"{self.text}" must be finite')
        return value


def atom(text: str) -> Atom | None:
    """Return a number in parts, None when the text is not a number; raises UnreadableError when it nearly is."""
    text = text.strip()
    if NOT_FINITE.fullmatch(text):
        raise UnreadableError("J021", f'"{text}" must be finite; an unlimited amount is written: unlimited')
    found = ATOM.fullmatch(text)
    if found is None:
        return None
    digits = found["number"]
    whole = digits.lstrip("+-").split(".")[0]
    if "," in digits and not re.fullmatch(r"\d{1,3}(,\d{3})+", re.split(r"[eE]", whole)[0]):
        raise UnreadableError(
            "J020", f'"{text}": a comma separates thousands (2,600); write decimals with a point (1.5)'
        )
    if re.match(r"0\d", whole):
        raise UnreadableError("J008", f'"{text}" is ambiguous: drop the leading zero')
    minus = -1 if (found["minus"] or "").strip() == "-" else 1
    try:
        number = minus * Decimal(digits.replace(",", ""))
    except InvalidOperation:
        return None
    below = int(found["below"] or 1)
    if below == 0:
        raise UnreadableError("J020", f'"{text}" divides by zero')
    return Atom(text, number, found["currency"] or "", below, found["unit"] or "", found["per"] or "")


@dataclass(frozen=True, slots=True)
class Unit:
    """One kind of number: its name, an example, how an atom becomes a value, and the scale its spread lives on.

    `scale` None means: positive numbers on the log, others as they are.
    """

    name: str
    example: str
    value: Callable[[Atom], float]
    scale: Scale | None = None
    counts: bool = False
    scaled_by_unit: bool = field(default=False)

    def read(self, text: str) -> float:
        """Return one number; raises UnreadableError."""
        found = atom(text)
        if found is None:
            raise self.unreadable(text)
        return self.value(found)

    def unreadable(self, text: str) -> UnreadableError:
        """Return the problem of a text that is no such number."""
        return UnreadableError("J020", f'"{text}" is not {self.name}; write for example {self.example}')


def completed(low: Atom, high: Atom) -> tuple[Atom, Atom]:
    """Return the ends of a range with what only one of them says: `5 to 15%`, `EUR 2 to 4`, `4 to 9 min`."""
    currency = low.currency or high.currency
    unit = low.unit or (high.unit if high.unit not in THOUSANDS else "")
    return replace(low, currency=currency, unit=unit, per=low.per or high.per), replace(high, currency=currency)


def _refuse(found: Atom, name: str, example: str, *parts: str) -> None:
    """Raise when an atom has parts that this unit does not know."""
    if any(getattr(found, part) for part in parts):
        raise UnreadableError("J020", f'"{found.text}" is not {name}; write for example {example}')


def _plain(found: Atom) -> float:
    if found.unit and found.unit not in THOUSANDS:
        raise UnreadableError("J020", f'"{found.text}" is not a plain number: "{found.unit}" does not belong here')
    _refuse(found, "a plain number", "2 or 1,200", "currency", "per")
    return found.exact(THOUSANDS.get(found.unit, 1))


def _share(found: Atom) -> float:
    if found.unit not in {"", "%"}:
        raise UnreadableError("J020", f'"{found.text}" is not a share; write for example 60%')
    _refuse(found, "a share", "60%", "currency", "per")
    return found.exact(1, 100 if found.unit == "%" else 1)


def _points(found: Atom) -> float:
    if found.unit not in {"", "%", "point", "points"}:
        raise UnreadableError("J020", f'"{found.text}" is not a number of percentage points; write for example 2 or 2%')
    _refuse(found, "a number of percentage points", "2 or 2%", "currency", "per")
    return found.exact(1, 100)


def time_unit(word: str, text: str) -> float:
    """Return the days of a unit of time; raises UnreadableError with the nearest unit."""
    name = TIME_WORDS.get(word) or TIME_WORDS.get(word.lower())
    if name is None:
        near = closest(word, [*TIME_WORDS, *DAYS_PER])
        hint = f'did you mean "{near}"?' if near else "units are s, min, h, day, week, month, year"
        raise UnreadableError("J023", f'"{text}": no unit of time "{word}"; {hint}')
    return DAYS_PER[name]


def _duration(found: Atom) -> float:
    _refuse(found, "a length of time", "2 days", "currency", "per")
    if not found.unit:
        written = found.text.strip()
        raise UnreadableError(
            "J022", f'"{written}" of what? give a unit: "{written} days", "{written} h", "{written} min"'
        )
    days = found.exact() * time_unit(found.unit, found.text)
    if days < 0:
        raise UnreadableError("J039", f'"{found.text}" is negative; time only runs forward')
    return days


def _yearly_rate(found: Atom) -> float:
    if found.unit != "%" and found.unit:
        raise UnreadableError("J020", f'"{found.text}" is not a rate; write for example 8% per year')
    rate = found.exact(1, 100 if found.unit == "%" else 1)
    if rate <= -1:
        raise UnreadableError("J070", f'"{found.text}" takes everything away; a discount rate lies above -100 %')
    if not found.per:
        monthly = (1 + rate) ** 12 - 1
        message = (
            f'"{found.text}" needs a period: write "{found.text} per year" (per month it would be {monthly:.1%} a year)'
        )
        raise UnreadableError("J026", message)
    days = time_unit(found.per, found.text)
    return rate if days == DAYS_PER_YEAR else float((1 + rate) ** (DAYS_PER_YEAR / days) - 1)


def _arrivals(found: Atom) -> float:
    if not found.per:
        raise UnreadableError("J026", f'"{found.text}" needs a period: write for example "{found.text} per month"')
    return _plain(replace(found, per="")) / time_unit(found.per, found.text)


PLAIN: Final = Unit("a number", "2 or 1,200", _plain)
REAL: Final = Unit("a number", "0.2 or -0.5", _plain, Scale.REAL)
SHARE: Final = Unit("a share", '60%, 1/3, "5% to 15%" or "12 of 80"', _share, Scale.SHARE, counts=True)
POINTS: Final = Unit("a number of percentage points", '2 or "1 to 3"', _points, Scale.REAL)
FACTOR: Final = Unit("a factor", '1.2, 80% or "1.05 to 1.30"', _share, Scale.POSITIVE)
DURATION: Final = Unit("a length of time", '2 days or "4 min to 9 min"', _duration, Scale.POSITIVE)
YEARLY_RATE: Final = Unit("a yearly rate", "8% per year", _yearly_rate)
PER_TIME: Final = Unit("a number per time", "-0.2 per hour", _arrivals, Scale.REAL)
ARRIVALS: Final = Unit("a number of customers per time", "2,600 per month", _arrivals, Scale.POSITIVE)


def money(book: CurrencyBook, *, rate: bool = False) -> Unit:
    """Return the unit of sums in the file's currency, or of sums per day when `rate`."""
    currency = book.code or "EUR"
    example = f"{currency} 6k per month" if rate else f"{currency} 45"

    def value(found: Atom) -> float:
        if found.unit and found.unit not in THOUSANDS:
            raise UnreadableError("J020", f'"{found.text}" is not a sum of money; write for example {example}')
        if not found.currency and found.number != 0:
            raise UnreadableError("J025", f'"{found.text}" of which currency? write "{currency} {found.text}"')
        if found.currency and not found.currency.isalpha():
            raise UnreadableError("J025", f'"{found.text}": write the currency as three letters, for example {example}')
        if found.currency:
            book.note(found.currency)
        if bool(found.per) is not rate and found.number != 0:
            cure = f'write "{found.text} per month"' if rate else f'leave out "per {found.per}"'
            raise UnreadableError("J026", f'"{found.text}" {"needs a period" if rate else "is a single sum"}: {cure}')
        sum_ = found.exact(THOUSANDS.get(found.unit, 1))
        return sum_ / time_unit(found.per, found.text) if found.per else sum_

    return Unit("a sum of money", f'{example} or "{currency} 40 to {currency} 60"', value)


def month_start(text: str) -> float:
    """Return the days until something starts: `month 2` is the start of the second month, or `in 6 weeks`."""
    month = re.fullmatch(r"month\s+(\d+)", text.strip())
    if month and int(month[1]) >= 1:
        return (int(month[1]) - 1) * DAYS_PER_MONTH
    if text.startswith("in "):
        return DURATION.read(text[3:])
    raise UnreadableError(
        "J020", f'"{text}" is not a start; write "month 2" (the start of the second month) or "in 6 weeks"'
    )
