"""Numbers as text that reads back as the same number: the shortest natural form that does."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Final

from journeysim.files.dwells import dwell as read_dwell
from journeysim.files.quantities import NAMED
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import Reward
from journeysim.model.quantity import Z90, Counts, Fixed, Moments, Named, Quantiles, Quantity, Range
from journeysim.model.units import DAYS_PER, DAYS_PER_MONTH

Write = Callable[[float], str]
Value = str | dict[str, "Value"] | list[str]
LONGEST_NATURAL: Final = 8
LONGEST_TIME: Final = 16
MOST_OF_A_SMALL_UNIT: Final = 120
FAMILY_WORDS: Final = {
    Family.EXPONENTIAL: ("exponential", "mean", ""),
    Family.GAMMA: ("gamma", "scale", "shape"),
    Family.WEIBULL: ("weibull", "scale", "shape"),
    Family.LOGNORMAL: ("lognormal", "median", "sd log"),
    Family.LOGLOGISTIC: ("loglogistic", "median", "shape"),
}


def plain(value: float) -> str:
    """Return a number: 2, 0.25, 1e-07."""
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def percent(value: float) -> str:
    """Return a share in percent: 62.5%."""
    return f"{(Decimal(repr(float(value))) * 100).normalize():f}%"


def duration(days: float) -> str:
    """Return a time in its most natural unit, else in days."""
    exact = (text for text, value in _natural(days) if value == days and len(text) <= LONGEST_TIME)
    return next(exact, f"{plain(days)} days")


def _natural(days: float) -> list[tuple[str, float]]:
    """Return a time rounded in each unit as (text, days): whole small numbers first, then the largest unit it fills."""
    found = []
    for at, unit in enumerate(("day", "hour", "minute", "second")):
        number = round(days / DAYS_PER[unit], 6)
        broken, part = number != int(number) or number >= MOST_OF_A_SMALL_UNIT, 0 < number < 1
        rank = (broken, part, -at if part else at)
        found.append((rank, f"{plain(number)} {_word(unit, number)}", number * DAYS_PER[unit]))
    return [(text, value) for _, text, value in sorted(found, key=lambda item: item[0])]


def _word(unit: str, number: float) -> str:
    short = {"hour": "h", "minute": "min"}
    return short.get(unit) or (unit if number == 1 else f"{unit}s")


def sums(currency: str) -> Write:
    """Return how sums are written in a currency."""
    return lambda value: f"{currency} {plain(value)}"


def per_time(write: Write) -> Write:
    """Return how an amount per day is written: per month where that is short, else per day."""

    def text(value: float) -> str:
        monthly = round(value * DAYS_PER_MONTH, 6)
        natural = monthly / DAYS_PER_MONTH == value and len(plain(monthly)) <= LONGEST_NATURAL
        return f"{write(monthly)} per month" if natural else f"{write(value)} per day"

    return text


def quantity(size: Quantity, write: Write) -> Value:
    """Return an uncertain number as it is written in a file."""
    match size:
        case Fixed():
            return write(size.value)
        case Range():
            return f"{write(size.low)} to {write(size.high)}"
        case Counts():
            return f"{plain(size.successes)} of {plain(size.trials)}"
        case Moments():
            return {"mean": write(size.centre), "sd": write(size.sd)}
        case Quantiles():
            return {"p10": write(size.p10), "p50": write(size.p50), "p90": write(size.p90)}
        case Named():
            writers = [write if dimensional else plain for dimensional in NAMED[size.family]]
            return {size.family: [one(value) for one, value in zip(writers, size.parameters, strict=True)]}
    raise TypeError(f"{type(size).__name__} is not written to journey files")


def reward(item: Reward, write: Write) -> Value:
    """Return a sum with its spread between customers; only a certain or ranged mean can carry one."""
    mean = quantity(item.mean, write)
    if not item.spread:
        return mean
    if not isinstance(mean, str):
        raise TypeError("a spread between customers is written beside a number or a range")
    return f"{mean} (sd {write(item.spread)})"


def dwell(item: Dwell) -> Value:
    """Return a dwell by its family, scale and shape."""
    if item.family is Family.EMPIRICAL:
        return {"quantiles": {percent(chance): duration(days) for chance, days in item.quantiles}}
    if item.family is Family.FIXED:
        scale = quantity(item.scale, duration)
        return scale if isinstance(item.scale, Fixed) else {"family": "fixed", "mean": scale}
    if (short := _as_range(item)) is not None:
        return short
    name, scale_word, shape_word = FAMILY_WORDS[item.family]
    written: dict[str, Value] = {"family": name, scale_word: quantity(item.scale, duration)}
    return written | ({shape_word: quantity(item.shape, plain)} if shape_word else {})


def _as_range(item: Dwell) -> str | None:
    """Return `4 min to 9 min` when a log-normal dwell is exactly that."""
    if item.family is not Family.LOGNORMAL or not isinstance(item.scale, Fixed) or not isinstance(item.shape, Fixed):
        return None
    ends = [item.scale.value * math.exp(sign * item.shape.value * Z90) for sign in (-1, 1)]
    for (low, low_days), (high, high_days) in product(*(_natural(end) for end in ends)):
        text = f"{low} to {high}"
        if 0 < low_days < high_days and read_dwell(text) == item:
            return text
    return None
