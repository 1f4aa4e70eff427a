"""Dwell as people write it: `2 days`, `4 min to 9 min`, or a family with its mean or median and shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final

from journeysim.files.did_you_mean import did_you_mean
from journeysim.files.numbers import DURATION, PLAIN, SHARE, UnreadableError
from journeysim.files.quantities import quantity, text_of
from journeysim.model.dwell import Dwell, Family, scale_for_mean
from journeysim.model.quantity import Z90, Counts, Fixed, Moments, Named, Quantiles, Quantity, Range

FAMILIES: Final = {
    "fixed": Family.FIXED,
    "exponential": Family.EXPONENTIAL,
    "gamma": Family.GAMMA,
    "weibull": Family.WEIBULL,
    "lognormal": Family.LOGNORMAL,
    "loglogistic": Family.LOGLOGISTIC,
}
#: The family's own name for its scale, beside `mean`.
SCALE_WORD: Final = {
    Family.FIXED: "mean",
    Family.EXPONENTIAL: "mean",
    Family.GAMMA: "scale",
    Family.WEIBULL: "scale",
    Family.LOGNORMAL: "median",
    Family.LOGLOGISTIC: "median",
}
SHAPE_WORD: Final = {
    Family.GAMMA: "shape",
    Family.WEIBULL: "shape",
    Family.LOGNORMAL: "sd log",
    Family.LOGLOGISTIC: "shape",
}


def dwell(raw: object) -> Dwell:
    """Return a dwell (days); raises UnreadableError.

    A range is log-normal between customers with 5 % below its lower and 5 % above its upper end, so its median is
    sqrt(low * high) and its sd of the log is log(high / low) / (2 * 1.645).
    """
    if isinstance(raw, dict):
        return _from_mapping({str(key): value for key, value in raw.items()})
    time = quantity(text_of(raw, DURATION), DURATION)
    if isinstance(time, Range):
        median, sd_log = math.sqrt(time.low * time.high), math.log(time.high / time.low) / (2 * Z90)
        return Dwell(Family.LOGNORMAL, Fixed(median), Fixed(sd_log))
    return Dwell(Family.FIXED, time)


def _from_mapping(raw: Mapping[str, object]) -> Dwell:
    if set(raw) == {"quantiles"}:
        return _empirical(raw["quantiles"])
    if "family" not in raw:
        unknown = next((key for key in raw if key not in {"mean", "median", "scale", "shape", "sd log"}), None)
        if unknown is not None:
            near = did_you_mean(unknown, ["family", "mean", "median", "scale", "shape", "sd log", "quantiles"])
            raise UnreadableError("J014", f'no setting "{unknown}" for a dwell{near}')
        raise UnreadableError(
            "J013", "a dwell in braces needs its family, for example {family: weibull, mean: 3 days, shape: 0.7}"
        )
    name = str(raw["family"])
    if name not in FAMILIES:
        raise UnreadableError("J016", f'no dwell family "{name}"{did_you_mean(name, FAMILIES)}')
    family = FAMILIES[name]
    _check_settings(name, family, raw)
    shape = quantity(raw[SHAPE_WORD[family]], PLAIN) if family in SHAPE_WORD else Fixed(1.0)
    if isinstance(shape, Fixed) and shape.value <= 0:
        raise UnreadableError("J039", f"the {SHAPE_WORD[family]} of a {name} dwell lies above 0, not {shape.value:g}")
    return Dwell(family, _scale(name, family, shape, raw), shape)


def _check_settings(name: str, family: Family, raw: Mapping[str, object]) -> None:
    """Raise for settings a family does not have, lacks, or has twice."""
    sizes = dict.fromkeys(("mean", SCALE_WORD[family]))
    known = ["family", *sizes, *([SHAPE_WORD[family]] if family in SHAPE_WORD else [])]
    unknown = next((key for key in raw if key not in known), None)
    if unknown is not None:
        raise UnreadableError("J014", f'no setting "{unknown}" for a {name} dwell{did_you_mean(unknown, known[1:])}')
    given = [word for word in sizes if word in raw]
    if len(given) != 1:
        raise UnreadableError("J013", f"a {name} dwell needs {' or '.join(sizes)}{' (one of them)' if given else ''}")
    if family in SHAPE_WORD and SHAPE_WORD[family] not in raw:
        raise UnreadableError("J013", f"a {name} dwell needs its {SHAPE_WORD[family]}")


def _scale(name: str, family: Family, shape: Quantity, raw: Mapping[str, object]) -> Quantity:
    word = SCALE_WORD[family]
    if word in raw:
        scale = quantity(raw[word], DURATION)
    elif isinstance(shape, Fixed):
        factor = scale_for_mean(family, shape.value)
        if not factor > 0:
            raise UnreadableError(
                "J039", f"a {name} dwell with shape {shape.value:g} has no finite mean; give its {word}"
            )
        scale = scaled(quantity(raw["mean"], DURATION), factor)
    else:
        raise UnreadableError(
            "J027", f"with an uncertain shape the mean alone does not fix a {name} dwell; give its {word}"
        )
    if isinstance(scale, Fixed) and scale.value <= 0 and family is not Family.FIXED:
        raise UnreadableError("J039", f"a {name} dwell takes time: give more than 0, or write 0 days instead")
    return scale


def scaled(size: Quantity, factor: float) -> Quantity:  # noqa: PLR0911 - one return per form
    """Return a positive quantity times a number; raises UnreadableError where the form has no unit (counts, beta)."""
    match size:
        case Fixed():
            return Fixed(size.value * factor)
        case Range():
            return replace(size, low=size.low * factor, high=size.high * factor)
        case Moments():
            return replace(size, centre=size.centre * factor, sd=size.sd * factor)
        case Quantiles():
            return replace(size, p10=size.p10 * factor, p50=size.p50 * factor, p90=size.p90 * factor)
        case Named(family="lognormal", parameters=(median, sd_log)):
            return Named("lognormal", (median * factor, sd_log))
        case Named(family="gamma", parameters=(shape, scale)):
            return Named("gamma", (shape, scale * factor))
        case Named(family="normal" | "uniform" | "triangular"):
            return replace(size, parameters=tuple(value * factor for value in size.parameters))
        case Counts() | _:
            raise UnreadableError("J020", "a length of time needs a unit; counts and beta have none")


def _empirical(raw: object) -> Dwell:
    if not isinstance(raw, dict):
        raise UnreadableError("J020", "quantiles are written as {0%: 1 h, 50%: 1 day, 100%: 20 days}")
    pairs = tuple((SHARE.read(str(key)), DURATION.read(text_of(value, DURATION))) for key, value in raw.items())
    chances, days = [chance for chance, _ in pairs], [time for _, time in pairs]
    if chances[:1] != [0.0] or chances[-1:] != [1.0] or any(b <= a for a, b in pairwise(chances)):
        raise UnreadableError("J027", "quantiles start at 0%, increase, and end at 100%")
    if days != sorted(days):
        raise UnreadableError("J027", "times must not decrease from one quantile to the next")
    return Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=pairs)
