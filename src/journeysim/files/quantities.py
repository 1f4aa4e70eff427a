"""Uncertain numbers as people write them: ranges, counts, moments, quantiles and distributions by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, cast

from journeysim.files.did_you_mean import did_you_mean
from journeysim.files.numbers import Atom, Unit, UnreadableError, atom, completed
from journeysim.model.quantity import Counts, Family, Fixed, Moments, Named, Quantiles, Quantity, Range, Scale

SPREAD: Final = re.compile(r"(?P<mean>.*?)\s*\(\s*sd\s+(?P<sd>[^()]+)\)")
OF: Final = re.compile(r"(?P<part>[\d,.]+)\s+of\s+(?P<all>[\d,.]+)")
TO: Final = re.compile(r"\s+to\s+")

#: Parameters of each named distribution that carry the field's unit (the others are pure numbers).
NAMED: Final[Mapping[Family, tuple[bool, ...]]] = {
    "normal": (True, True),
    "lognormal": (True, False),
    "beta": (False, False),
    "gamma": (False, True),
    "uniform": (True, True),
    "triangular": (True, True, True),
}
MEANING: Final[Mapping[Family, str]] = {
    "normal": "[mean, sd]",
    "lognormal": "[median, sd of the log]",
    "beta": "[a, b]",
    "gamma": "[shape, scale]",
    "uniform": "[low, high]",
    "triangular": "[low, mode, high]",
}


def quantity(raw: object, unit: Unit) -> Quantity:
    """Return an uncertain number from its written form; raises UnreadableError."""
    if isinstance(raw, dict):
        return _from_mapping({str(key): value for key, value in raw.items()}, unit)
    return _from_text(text_of(raw, unit), unit)


def text_of(raw: object, unit: Unit) -> str:
    """Return a scalar's text; raises UnreadableError for lists and nothing."""
    if not isinstance(raw, str):
        raise UnreadableError("J020", f"this is not {unit.name}; write for example {unit.example}")
    return raw.strip()


def spread_quantity(raw: object, unit: Unit) -> tuple[Quantity, float]:
    """Return a quantity and the standard deviation between customers: `EUR 900 (sd 500)`."""
    found = SPREAD.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if found is None:
        return quantity(raw, unit), 0.0
    mean = _from_text(found["mean"], unit)
    spread = _spread(found["sd"], found["mean"], unit)
    if spread < 0:
        raise UnreadableError("J070", f'a standard deviation is not negative: "{raw}"')
    return mean, spread


def _spread(text: str, mean: str, unit: Unit) -> float:
    """Return the sd of `EUR 900 (sd 500)`, which takes currency, unit and period from the mean before it."""
    sd, first = atom(text), atom(TO.split(mean)[0])
    if sd is None:
        raise unit.unreadable(text)
    if first is not None:
        per_mille = first.unit if first.unit not in {"k", "m"} else ""
        parts = (sd.currency or first.currency, sd.unit or per_mille, sd.per or first.per)
        sd = Atom(sd.text, sd.number, parts[0], sd.below, parts[1], parts[2])
    return unit.value(sd)


def _from_text(text: str, unit: Unit) -> Quantity:
    counts = OF.fullmatch(text)
    if counts is not None and unit.counts:
        return counts_of(text)
    ends = TO.split(text)
    if len(ends) == 2:
        return _range(ends[0], ends[1], text, unit)
    if len(ends) > 2:
        raise unit.unreadable(text)
    return Fixed(unit.read(text))


def counts_of(text: str) -> Counts:
    """Return `12 of 80`; raises UnreadableError."""
    found = OF.fullmatch(text.strip())
    part, whole = (atom(found["part"]), atom(found["all"])) if found else (None, None)
    if part is None or whole is None:
        raise UnreadableError("J020", f'"{text}" is not a count; write for example "12 of 80"')
    successes, trials = part.exact(), whole.exact()
    if not 0 <= successes <= trials or trials == 0:
        raise UnreadableError("J027", f'"{text}": the first count cannot exceed the second, and the second is above 0')
    return Counts(successes, trials)


def _range(low_text: str, high_text: str, text: str, unit: Unit) -> Quantity:
    low, high = atom(low_text), atom(high_text)
    if low is None or high is None:
        raise unit.unreadable(text)
    low, high = completed(low, high)
    return range_of(unit.value(low), unit.value(high), text, unit.scale)


def range_of(low: float, high: float, text: str, scale: Scale | None) -> Quantity:
    """Return a 90 % range on its scale; equal ends are a fixed number; raises UnreadableError."""
    if low == high:
        return Fixed(low)
    if low > high:
        raise UnreadableError("J027", f'"{text}": write the lower end of the range first')
    scale = scale or (Scale.POSITIVE if low > 0 else Scale.REAL)
    _in_support((low, high), text, scale)
    return Range(low, high, scale)


def _in_support(values: tuple[float, ...], text: str, scale: Scale) -> None:
    if scale is Scale.SHARE and not all(0 < value < 1 for value in values):
        cure = "its ends lie between 0 % and 100 %, both left out (write 0.1% for a small one)"
        raise UnreadableError("J027", f'"{text}" is a 90 % range of a share: {cure}')
    if scale is Scale.POSITIVE and not all(value > 0 for value in values):
        raise UnreadableError("J027", f'"{text}" is a 90 % range of a positive number: its ends lie above 0')


def _from_mapping(raw: Mapping[str, object], unit: Unit) -> Quantity:
    keys = set(raw)
    if keys == {"mean", "sd"}:
        return _moments(raw, unit)
    if keys == {"p10", "p50", "p90"}:
        return _quantiles(raw, unit)
    if len(keys) == 1 and keys <= set(NAMED):
        family = cast("Family", next(iter(keys)))
        return _named(family, raw[family], unit)
    unknown = sorted(keys - {"mean", "sd", "p10", "p50", "p90", *NAMED})
    near = did_you_mean(unknown[0], ["mean", "sd", "p10", "p50", "p90", *NAMED]) if unknown else ""
    forms = "{mean, sd}, {p10, p50, p90} or a distribution such as {lognormal: [2, 0.5]}"
    if unknown:
        raise UnreadableError("J014", f'no setting "{unknown[0]}" for an uncertain number ({forms}){near}')
    raise UnreadableError("J013", f"an uncertain number is written as {forms}")


def _moments(raw: Mapping[str, object], unit: Unit) -> Quantity:
    mean, sd = (unit.read(text_of(raw[key], unit)) for key in ("mean", "sd"))
    scale = unit.scale or (Scale.POSITIVE if mean > 0 else Scale.REAL)
    text = f"{{mean: {raw['mean']}, sd: {raw['sd']}}}"
    if sd < 0:
        raise UnreadableError("J070", f"{text}: a standard deviation is not negative")
    if sd > 0:
        _in_support((mean,), text, scale)
    if scale is Scale.SHARE and sd > 0 and sd**2 >= mean * (1 - mean):
        largest = math.sqrt(mean * (1 - mean))
        raise UnreadableError(
            "J027", f"{text}: no share spreads that much; with this mean the sd lies below {largest:.3g}"
        )
    return Moments(mean, sd, scale) if sd > 0 else Fixed(mean)


def _quantiles(raw: Mapping[str, object], unit: Unit) -> Quantity:
    p10, p50, p90 = (unit.read(text_of(raw[key], unit)) for key in ("p10", "p50", "p90"))
    text = f"{{p10: {raw['p10']}, p50: {raw['p50']}, p90: {raw['p90']}}}"
    if not p10 <= p50 <= p90 or p10 == p90:
        raise UnreadableError("J027", f"{text}: p10, p50 and p90 must increase")
    scale = unit.scale or (Scale.POSITIVE if p10 > 0 else Scale.REAL)
    _in_support((p10, p50, p90), text, scale)
    return Quantiles(p10, p50, p90, scale)


def _named(family: Family, raw: object, unit: Unit) -> Quantity:
    with_unit = NAMED[family]
    if not isinstance(raw, list) or len(raw) != len(with_unit):
        raise UnreadableError("J020", f"{family} takes {MEANING[family]}")
    values = tuple(
        unit.read(text_of(item, unit)) if dimensional else _pure(item)
        for item, dimensional in zip(raw, with_unit, strict=True)
    )
    _check_named(family, values)
    return Named(family, values)


def _pure(raw: object) -> float:
    found = atom(raw) if isinstance(raw, str) else None
    if found is None or found.unit or found.currency or found.per:
        raise UnreadableError("J020", f'"{raw}" is not a plain number')
    return found.exact()


def _check_named(family: Family, values: tuple[float, ...]) -> None:
    """Raise when a distribution with these parameters does not exist."""
    match family:
        case "uniform" | "triangular":
            good = list(values) == sorted(values) and values[0] < values[-1]
        case "normal":
            good = values[1] >= 0
        case "lognormal":
            good = values[0] > 0 and values[1] >= 0
        case _:
            good = min(values) > 0
    if not good:
        written = ", ".join(f"{value:g}" for value in values)
        raise UnreadableError(
            "J027", f"no {family} distribution has the parameters {written}; it takes {MEANING[family]}"
        )
