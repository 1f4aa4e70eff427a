"""Sentences of fits, engines and runs in the language of the page.

They are written in English where they arise, for people and machines alike, and kept so in results.json and CSV files. A page in
another language finds each by its pattern in the catalogue `words/LANGUAGE_sentences.toml`, and says it in its own words;
what stands in the blanks is names and numbers, or sentences in turn; lists are said part by part. What the catalogue does not
know stays English.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Final

from journeysim.report.words import Language

_BLANK: Final = re.compile(r"\{(\w+)\}")
_NUMBER: Final = re.compile(r"(-?\d[\d,]*)(\.\d+)?(e-?\d+)?( ?%)?")


def spoken(text: str, language: Language) -> str:
    """Return a sentence as the page's language says it."""
    if language.code == "en":
        return text
    for pattern, said in _catalogue(language.code):
        match = pattern.fullmatch(text)
        if match:
            blanks = {name: _blank(value, language) for name, value in match.groupdict().items()}
            return said.format(**blanks)
    parts = text.split(", ")
    return ", ".join(_blank(part, language) for part in parts) if len(parts) > 1 else text


def _blank(value: str, language: Language) -> str:
    """Return what stands in a blank: a number as the language writes it, else a sentence or a name."""
    found = _NUMBER.fullmatch(value)
    if found is None:
        return spoken(value, language)
    whole, part, power, percent = (item or "" for item in found.groups())
    number = whole.replace(",", language.thousands) + part.replace(".", language.decimal) + power
    return number + (language["percent"] if percent else "")


@cache
def _catalogue(code: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns with what each is in the language, those that say most first: they are the ones that are meant."""
    file = resources.files("journeysim.report.words").joinpath(f"{code}_sentences.toml")
    found = tomllib.loads(file.read_text(encoding="utf-8"))["sentence"]
    found.sort(key=lambda item: -len(_BLANK.sub("", item["en"])))
    return tuple((_pattern(item["en"]), item[code]) for item in found)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _BLANK.split(sentence)
    return re.compile("".join(_blank_pattern(part) if k % 2 else re.escape(part) for k, part in enumerate(parts)))


def _blank_pattern(name: str) -> str:
    """Return what may stand in a blank: numbers alone where its name ends in _n."""
    return f"(?P<{name}>{_NUMBER.pattern.replace('(', '(?:') if name.endswith('_n') else '.+?'})"
