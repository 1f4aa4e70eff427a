"""Every problem code with the rule behind it and the cure: what `journeysim explain CODE` says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

from journeysim.files.code_texts import TEXT


@final
@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule: what it says, why it holds, and how a file is cured, with an example where one helps."""

    code: str
    rule: str
    why: str = ""
    cure: str = ""
    example: str = ""


def explanation(code: str) -> Explanation | None:
    """Return what a code means, or None when there is no such code."""
    return CODES.get(code.strip().upper())


def _parsed(text: str) -> Mapping[str, Explanation]:
    """Return explanations by code: each starts at the margin with its code, its parts are indented and named."""
    blocks = re.split(r"\n(?=[A-Z]\d{3} )", text.strip())
    return MappingProxyType({block[:4]: _block(block) for block in blocks})


def _block(block: str) -> Explanation:
    rule, *parts = re.split(r"\n {5}(why|cure|example): ", block[5:])
    named = {name: " ".join(value.split()) for name, value in zip(parts[::2], parts[1::2], strict=True)}
    return Explanation(block[:4], " ".join(rule.split()), **named)


CODES: Final = _parsed(TEXT)
