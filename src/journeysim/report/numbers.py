"""Numbers as people write them, and read back again: one formatter and one reader per kind and language."""

from __future__ import annotations

import math
import re
from typing import Final, Literal

from journeysim.report.sentences import spoken
from journeysim.report.words import Language

Kind = Literal[
    "text", "sentence", "metric", "basis", "word", "assumption", "share", "chance", "points", "money", "money difference",
    "months", "days", "days difference", "count", "hundredths", "hundredths difference", "number", "difference", "precise",
    "ratio", "by row", "level by row",
]  # fmt: skip
Style = Literal["plain", "size", "chance"]
Value = str | float | bool | None

DASH: Final = "\u2013"
MINUS: Final = "\u2212"
HARD: Final = "\u00a0"
_SIGNED: Final = frozenset({"points", "money difference", "days difference", "hundredths difference", "difference"})
_WORDS: Final = frozenset({"metric", "basis", "word"})

#: Assumptions that no file names: of today, and what several of them do only together.
_ASSUMPTIONS: Final = tuple(
    (key, re.compile(pattern))
    for key, pattern in (
        ("shares", "today: shares at (.+)"), ("dwell", "today: dwell at (.+)"), ("money", "today: value and cost at (.+)"),
        ("seasons", "today: seasons at (.+)"),
        ("share", "share: (.+)"), ("dwell_of", "dwell: (.+)"),
        ("entry", "today: entry"), ("personas", "today: personas"), ("arrivals", "today: arrivals"),
        ("together", "assumptions acting together"),
    )
)  # fmt: skip

#: A change as a scenario file words it, after the proposal and before the size where those are named too.
_CHANGE: Final = re.compile(
    r"(.+?: )?((?:change \w+|add touchpoint|remove touchpoint|reroute): .+?|audience)(?:, ([^,]+))?"
)

#: Chances that people grasp, as (successes, trials); said when they are within half a step of the number.
_FRACTIONS: Final = (
    (1, 20), (1, 10), (1, 5), (1, 4), (1, 3), (2, 5), (1, 2), (3, 5), (2, 3), (3, 4), (4, 5), (9, 10), (19, 20),
)  # fmt: skip
CHANCE_TOLERANCE: Final = 0.051


def written(value: Value, kind: Kind, language: Language, style: Style = "plain") -> str:
    """Return a value as text; a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return DASH
    if isinstance(value, bool):
        return language["yes"] if value else language["no"]
    if isinstance(value, str):
        return _said(value, kind, language)
    if style == "chance":
        return chance_words(value, language)
    return _number(abs(value) if style == "size" else value, kind, language, signed=style == "plain")


def _said(text: str, kind: Kind, language: Language) -> str:
    if kind == "assumption":
        return assumption_name(text, language)
    if kind == "sentence":
        return spoken(text, language)
    return language.word(kind, text) if kind in _WORDS else text


def assumption_name(name: str, language: Language, *, of: str = "") -> str:
    """Return an assumption in the page's language, without the proposal it is `of` where that is named beside it."""
    own = name.removeprefix(f"{of}: ") if of else name
    found = next(((key, match) for key, pattern in _ASSUMPTIONS if (match := pattern.fullmatch(own))), None)
    said = _change(own, language) if found is None else language[f"assumption.{found[0]}"].format(*found[1].groups())
    return said.replace(" -> ", " \u2192 ")


def _change(text: str, language: Language) -> str:
    """Return the size of a change in the page's language; what is no change stays as it is written."""
    found = _CHANGE.fullmatch(text)
    if found is None:
        return text
    proposal, change, size = found.groups()
    return (proposal or "") + ", ".join(spoken(part, language) for part in (change, size) if part)


def bare(value: float, kind: Kind, language: Language) -> str:
    """Return a number as `written` does, without the currency, for places that name it beside."""
    head = written(0.0, "money", language).partition("0")
    return written(round(value, 12), kind, language).removeprefix(head[0]).removesuffix(head[2])


def ranged(low: Value, high: Value, kind: Kind, language: Language) -> str:
    """Return "low to high", the currency named once; a dash where an end is missing."""
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return DASH
    first, last = written(low, kind, language), written(high, kind, language)
    if language["money"].startswith("{currency}"):
        return language["to"].format(low=first, high=bare(high, kind, language))
    return language["to"].format(low=bare(low, kind, language), high=last)


def trimmed(value: float, kind: Kind, language: Language) -> str:
    """Return a bare number without decimals that carry nothing: ticks of an axis, ends of a stated range."""
    if abs(value) < 1e-12:
        return "0"
    point = re.escape(language.decimal)
    text = bare(value, kind, language)
    return re.sub(rf"({point}\d*?)0+(?!\d)", lambda found: found[1].rstrip(language.decimal), text)


def _number(value: float, kind: Kind, language: Language, *, signed: bool) -> str:
    plus = "+" if signed and kind in _SIGNED else ""
    match kind:
        case "share":
            return _percent(value, 1, language)
        case "chance":
            return _chance(value, language)
        case "money" | "money difference":
            return _money(value, language, plus)
        case "points":
            return _decimals(100 * value, 1, language, plus)
        case _:
            return _decimals(value, _places(value, kind), language, plus)


def _places(value: float, kind: Kind) -> int:
    """Return how many decimals a kind shows: fixed, or what leaves three or four significant digits."""
    size = abs(value)
    fixed = {"count": 0, "hundredths": 1, "hundredths difference": 1, "ratio": 2}
    if kind in fixed or size == 0:
        return fixed.get(kind, 0)
    if kind in {"months", "days", "days difference"}:
        return 1 if size < 100 else 0
    digits = 4 if kind == "precise" else 3
    return min(4, max(0, digits - 1 - math.floor(math.log10(size))))


def _decimals(value: float, places: int, language: Language, plus: str = "") -> str:
    rounded = round(value, places)
    sign = MINUS if rounded < 0 else plus if rounded > 0 else ""
    text = f"{abs(rounded):,.{places}f}"
    return sign + text.replace(",", "_").replace(".", language.decimal).replace("_", language.thousands)


def _percent(value: float, places: int, language: Language) -> str:
    return _decimals(100 * value, places, language) + language["percent"]


def _chance(value: float, language: Language) -> str:
    """Return a probability in whole percent; "over 99" and "under 1" rather than a false 100 or 0."""
    if 0.995 <= value < 1:
        return f">{HARD}99{language['percent']}"
    if 0 < value < 0.005:
        return f"<{HARD}1{language['percent']}"
    return _percent(value, 0, language)


def _money(value: float, language: Language, plus: str) -> str:
    size = abs(value)
    for limit, key in ((1e9, "billion"), (1e6, "million"), (1e4, "thousand")):
        if size >= 0.9995 * limit:
            scaled = value / (1e3 if key == "thousand" else limit)
            places = 0 if abs(scaled) >= 100 or key == "thousand" else 1 if abs(scaled) >= 10 else 2
            many = "s" if abs(scaled) >= 2 else ""
            return language["money"].format(
                currency=language.currency,
                sum=_decimals(scaled, places, language, plus) + language[f"unit.{key}{many}"],
            )
    places = 0 if size >= 100 or size == 0 else 2
    return language["money"].format(currency=language.currency, sum=_decimals(value, places, language, plus))


def chance_words(value: float, language: Language) -> str:
    """Return a chance as a noun phrase: "about a 3 in 4 chance", "hardly any chance", "near certainty"."""
    if value > 0.97:
        return language["chance.certain"]
    if value < 0.03:
        return language["chance.none"]
    part, whole = min(_FRACTIONS, key=lambda pair: abs(pair[0] / pair[1] - value))
    return language["chance.about_one" if part == 1 else "chance.about"].format(part=part, whole=whole)


_TOKEN: Final = re.compile(
    r"([+\u2212-]?)(\d[\d,.\u202f]*\d|\d)((?:[\u00a0 ]?(?:%|millions?|milliards?|billion|k\b))?)"
)
_SCALES: Final = {"%": 1e-2, "k": 1e3, "million": 1e6, "billion": 1e9, "milliard": 1e9, "": 1.0}


def read_numbers(text: str, language: Language) -> list[tuple[float, float]]:
    """Return every number in a text as (value, half a unit of its last digit)."""
    found = []
    for sign, digits, unit in _TOKEN.findall(text):
        plain = digits.replace(language.thousands, "").replace(language.decimal, ".")
        places = len(plain.partition(".")[2])
        scale = _SCALES[unit.strip(f"{HARD} ").removesuffix("s")]
        found.append((float(plain) * scale * (-1 if sign in {MINUS, "-"} else 1), 0.5 * 10.0**-places * scale))
    return found


def agrees(text: str, value: Value, kind: Kind, language: Language, style: Style = "plain") -> bool:
    """Return whether a text says the value: its numbers, read back, lie within the rounding of what is shown."""
    if value is None or isinstance(value, (str, bool)) or style == "chance":
        said = written(value, kind, language, style)
        fraction = read_numbers(text, language) if style == "chance" and isinstance(value, float) else []
        near = len(fraction) != 2 or abs(fraction[0][0] / fraction[1][0] - float(value or 0.0)) <= CHANCE_TOLERANCE
        return said == text and near
    numbers = read_numbers(text, language)
    if len(numbers) != 1:
        return False
    shown, half = numbers[0]
    actual = abs(value) if style == "size" else float(value)
    if kind == "points":
        actual *= 100
    if text.startswith((">", "<")):
        return actual >= 0.995 if text.startswith(">") else actual < 0.005
    return abs(shown - actual) <= half * (1 + 1e-6) + 1e-12
