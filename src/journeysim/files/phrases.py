"""Short phrases of the files: links, opening hours, success rules, whom a change is for, and words out of a list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from journeysim.files.did_you_mean import did_you_mean
from journeysim.files.numbers import DURATION, PLAIN, POINTS, SHARE, CurrencyBook, UnreadableError, money
from journeysim.files.quantities import quantity
from journeysim.model.journey import ALWAYS, Balking, Hours
from journeysim.model.metric_units import GOOD_METRICS, METRIC_UNITS
from journeysim.model.quantity import Quantity
from journeysim.model.scenario import SuccessRule
from journeysim.model.seasons import MONTHS, WEEKDAYS

ARROW: Final = re.compile(r"\s+->\s+|\s*→\s*")
HOURS: Final = re.compile(
    r"(?P<days>[A-Za-z]{3}(?:\s*-\s*[A-Za-z]{3})?)\s+(?P<from>\d{1,2}:\d{2})\s*-\s*(?P<to>\d{1,2}:\d{2})"
)
BALKING: Final = re.compile(r"(?P<share>\S+)\s+from\s+(?P<waiting>\d+)\s+waiting")
CHANCE: Final = re.compile(r"P\(\s*net benefit\s*>=?\s*0\s*\)\s*>=?\s*(?P<share>\S+)")
DIFFERENCE: Final = re.compile(
    r"(?P<metric>[A-Za-z][\w -]*?)\s*(?P<bound>>=|<=)?\s*(?P<sign>[+-])\s*(?P<size>(?:[A-Z]{3}|[€$£¥])?\s*[\d.].*)"
)


NO_HARM: Final = re.compile(
    r"no persona(?: is)? worse off(?: on (?P<metric>[A-Za-z][\w -]*?))?(?: by more than (?P<size>.+?))?"
    r"(?: with (?P<share>[\d.]+ ?%))?"
)
USUAL_CHANCE: Final = 0.9


def link(text: str) -> tuple[str, str]:
    """Return (source, target) of `a -> b`; raises UnreadableError."""
    parts = [part.strip() for part in ARROW.split(text)]
    if len(parts) != 2 or not all(parts):
        raise UnreadableError("J020", f'"{text}" is not a link; write "from -> to", with spaces around the arrow')
    return parts[0], parts[1]


def word(text: str, known: Iterable[str], what: str) -> str:
    """Return the text when it is one of the known words; raises UnreadableError with the nearest."""
    names = tuple(known)
    if text not in names:
        raise UnreadableError("J016", f'no {what} "{text}"{did_you_mean(text, names)}')
    return text


def seasons(text: str) -> tuple[str, ...]:
    """Return the months or weekdays of `Dec`, `Nov-Feb` or `Sat, Sun`; raises UnreadableError."""
    found: list[str] = []
    for part in text.split(","):
        ends = [word(end.strip(), (*MONTHS, *WEEKDAYS), "month or weekday") for end in part.split("-", 1)]
        names = WEEKDAYS if ends[0] in WEEKDAYS else MONTHS
        if ends[-1] not in names:
            raise UnreadableError("J020", f'"{text}" runs from a month to a weekday; name two months or two weekdays')
        first, last = names.index(ends[0]), names.index(ends[-1])
        found += [names[k % len(names)] for k in range(first, last + 1 + (len(names) if last < first else 0))]
    return tuple(found)


def flag(raw: object) -> bool:
    """Return a yes or no; raises UnreadableError."""
    text = str(raw).lower()
    if text not in {"true", "false", "yes", "no"}:
        raise UnreadableError("J029", f'"{raw}" is neither true nor false')
    return text in {"true", "yes"}


def whole(raw: object, *, least: int = 0) -> int:
    """Return a whole number; raises UnreadableError."""
    value = PLAIN.read(str(raw))
    if value != int(value) or value < least:
        raise UnreadableError("J070", f'"{raw}" must be a whole number from {least} on')
    return int(value)


def part_of_customers(raw: object) -> Quantity:
    """Return the share of customers a change is for: `70% of customers`."""
    text = re.sub(r"\s+of\s+(the\s+)?customers$", "", raw) if isinstance(raw, str) else raw
    return quantity(text, SHARE)


def weekly_hours(text: str) -> Hours:
    """Return when in the week `Mon-Fri 08:00-20:00, Sat 09:00-13:00` is, in order; raises UnreadableError."""
    if text.strip().lower() in {"always", "24/7"}:
        return ALWAYS
    spans = sorted(span for part in text.split(",") for span in _open(part.strip(), text))
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            raise UnreadableError("J027", f'"{text}" names some hours twice; write each once')
        if joined and start == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def open_days_per_week(text: str) -> float:
    """Return the open time per week in days; raises UnreadableError."""
    return sum(end - start for start, end in weekly_hours(text))


def _open(part: str, text: str) -> list[tuple[float, float]]:
    found = HOURS.fullmatch(part)
    if found is None:
        raise UnreadableError(
            "J020", f'"{text}" are not opening hours; write for example "Mon-Fri 08:00-20:00, Sat 09:00-13:00"'
        )
    days = [word(name.strip().capitalize(), WEEKDAYS, "weekday") for name in found["days"].split("-")]
    first, last = WEEKDAYS.index(days[0]), WEEKDAYS.index(days[-1])
    opens, closes = _clock(found["from"], text) / 24, _clock(found["to"], text) / 24
    if closes <= opens:
        raise UnreadableError(
            "J027", f'"{text}" closes before it opens; write a night shift as two parts, up to 24:00 and from 00:00'
        )
    open_days = [(first + day) % 7 for day in range((last - first) % 7 + 1)]
    return [(day + opens, day + closes) for day in open_days]


def calendar_day(text: str) -> str:
    """Return a date as YYYY-MM-DD; raises UnreadableError."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise UnreadableError("J020", f'"{text}" is not a date; write for example 2027-01-01') from None


def moment(text: str) -> str:
    """Return a date, or a date and time, as YYYY-MM-DDTHH:MM:SS, UTC where a zone is stated; raises UnreadableError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UnreadableError("J020", f'"{text}" is not a date or time; write for example 2026-01-31T18:00') from None
    return (found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)).isoformat()


def balking(text: str) -> Balking:
    """Return who does not even queue, `40% from 5 waiting`; raises UnreadableError."""
    found = BALKING.fullmatch(text.strip())
    if found is None:
        raise UnreadableError("J020", f'"{text}" does not say who turns away; write for example "40% from 5 waiting"')
    share = SHARE.read(found["share"])
    if not 0 <= share <= 1:
        raise UnreadableError("J030", f'"{found["share"]}" is not a share between 0 % and 100 %')
    return Balking(share, int(found["waiting"]))


def _clock(text: str, whole_text: str) -> float:
    hour, minute = (int(part) for part in text.split(":"))
    if hour * 60 + minute > 24 * 60 or minute > 59:
        raise UnreadableError("J020", f'"{whole_text}": there is no time {text}')
    return hour + minute / 60


def success_rule(text: str, book: CurrencyBook) -> SuccessRule:
    """Return one condition of `succeed if`; raises UnreadableError."""
    chance = CHANCE.fullmatch(text.strip())
    if chance is not None:
        threshold = SHARE.read(chance["share"])
        if not 0 <= threshold <= 1:
            raise UnreadableError("J030", f'"{chance["share"]}" is not a chance between 0 % and 100 %')
        return SuccessRule(text, "p_net_benefit", threshold)
    harm = NO_HARM.fullmatch(text.strip())
    if harm is not None:
        return _no_harm(text, harm, book)
    found = DIFFERENCE.fullmatch(text.strip())
    if found is None:
        forms = (
            '"P(net benefit > 0) >= 80%", "conversion +2 points", "churn -1 points" or '
            '"no persona worse off by more than 1 point with 90 %"'
        )
        raise UnreadableError("J057", f'"{text}" is not a rule; write {forms}')
    metric, falls = _metric(found["metric"]), found["sign"] == "-"
    size = _size(found["size"], metric, book)
    at_most = falls if found["bound"] is None else found["bound"] == "<="
    return SuccessRule(text, "difference", -size if falls else size, metric, at_most)


def _no_harm(text: str, found: re.Match[str], book: CurrencyBook) -> SuccessRule:
    """Return "no persona worse off": on conversion unless a metric is named, by nothing and with 90 % unless said."""
    metric = _metric(found["metric"] or "conversion")
    good = GOOD_METRICS.get(metric, 0)
    if good == 0:
        raise UnreadableError(
            "J057", f'"{text}": whether more {metric} is better or worse, the number alone does not say'
        )
    chance = SHARE.read(found["share"].replace(" ", "")) if found["share"] else USUAL_CHANCE
    if not 0 <= chance <= 1:
        raise UnreadableError("J030", f'"{found["share"]}" is not a chance between 0 % and 100 %')
    allowed = _size(found["size"], metric, book) if found["size"] else 0.0
    return SuccessRule(text, "no_harm", chance, metric, allowed=allowed, good=good)


def _metric(text: str) -> str:
    """Return the metric of that name; spaces, hyphens and capitals are taken for the underscores of the name."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower())
    if name not in METRIC_UNITS:
        raise UnreadableError("J057", f'no metric "{text.strip()}"{did_you_mean(name, METRIC_UNITS)}')
    return name


def _size(text: str, metric: str, book: CurrencyBook) -> float:
    """Return how much a metric has to move by, in its own unit: points as a share, sums, days or a number."""
    currency = book.code or "EUR"
    unit, example = {
        "share": (POINTS, "2 points"),
        "money": (money(book), f"{currency} 30"),
        "days": (DURATION, "2 days"),
        "count": (PLAIN, "0.5"),
    }[METRIC_UNITS[metric]]
    if unit is POINTS and re.fullmatch(r"[\d.,]*[1-9][\d.,]*", text):
        raise UnreadableError("J057", f'"{text}" of what? {metric} moves by points: write "{metric} +{text} points"')
    try:
        return unit.read(text)
    except UnreadableError as error:
        cure = f"{error.message}; {metric} is written for example {metric} +{example}"
        raise UnreadableError(error.code, cure) from None
