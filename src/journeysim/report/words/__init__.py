"""The message catalogue: one TOML file per language, the same keys in each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, final

from journeysim.errors import BadInput, Problem

LANGUAGES: Final = ("en", "fr")


@final
@dataclass(frozen=True, slots=True)
class Language:
    """A language's catalogue and how it writes numbers; `currency` is the scenario's."""

    code: str
    words: Mapping[str, str]
    currency: str
    decimal: str
    thousands: str

    def __getitem__(self, key: str) -> str:
        """Return a text of the catalogue."""
        return self.words[key]

    def word(self, group: str, name: str) -> str:
        """Return the word for a name of the model ("metric", "conversion"), or the name itself with spaces."""
        return self.words.get(f"{group}.{name}", name.replace("_", " "))


def language(code: str, currency: str) -> Language:
    """Return the language of that code; BadInput names the known ones."""
    if code not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise BadInput([Problem("J090", f'there is no report in language "{code}"; choose one of {known}')])
    decimal, thousands = (",", "\u202f") if code == "fr" else (".", ",")
    return Language(code, _catalogue(code), currency, decimal, thousands)


@cache
def _catalogue(code: str) -> Mapping[str, str]:
    text = resources.files("journeysim.report.words").joinpath(f"{code}.toml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(text).items()}
