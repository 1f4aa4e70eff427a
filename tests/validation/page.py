"""docs/validation.md: one section per model, rewritten when the model was run, kept when it was not."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

import journeysim
from validation.model import Model
from validation.models import MODELS
from validation.sbc import FALSE_ALARM, LEVELS, Check, power, wrong

PAGE: Final = Path(__file__).parents[2] / "docs" / "validation.md"
#: The sections of test_shortcuts.py and test_bins.py, after those of the models.
SHORTCUTS: Final = "Silent exits against two shortcuts"
BINS: Final = "Bins"
#: The section of tests/realdata/test_known_truth.py.
KNOWN_TRUTH: Final = "Known truth"
#: The sections of tests/realdata/test_loan_backtest.py and test_order_backtest.py, last.
BACKTESTS: Final = {
    "known": "Backtest on real data, entrants known",
    "forecast": "Backtest on real data, entrants forecast",
    "orders": "Backtest on real data, orders",
}
ORDER: Final = (*(model.name for model in MODELS), SHORTCUTS, BINS, KNOWN_TRUTH, *BACKTESTS.values())
_HEAD: Final = f"""# Validation: are the intervals as wide as they should be?

`make validate` writes this page. For each model it draws parameters from the model's own prior, simulates customers from
them, calibrates, and asks where the true parameter stands among the posterior's draws. If the calibration is right, the
truth is just one more draw: over many such worlds its rank is uniform (Talts et al. 2018), and a 90 % interval holds it in
90 % of them. The likelihood of the data is ranked like a parameter, as it notices what single parameters hide (Modrak et
al. 2023). Seeds are fixed, so the numbers come out the same each time with the locked versions.

| column | what it says | right |
|---|---|---|
| mean | mean of the ranks' normal scores: below 0 the truth lies lower than the posterior has it | 0 |
| spread | their standard deviation: above 1 the posterior is too narrow, below 1 too wide | 1 |
| 50, 80, 90 % | how many intervals hold the truth, +- one binomial sd for the last | 50, 80, 90 % |
| bias | posterior mean minus truth, in posterior sds | 0 |
| smallest p | of chi-square on ranks, mean, spread and 90 % coverage | not tiny |

A model counts as wrong when any test of any of its quantities fails by Holm's rule at {FALSE_ALARM:.1%}: that is how often a
right one is called wrong. What it would take to be called wrong nine times in ten, in one quantity beside others that are
right, stands with each model; a test shows that it is so. Each section also says when it was made and with which code: seven
digits of a checksum over `calibrate` and `model`, so that sections of older code can be told from newer ones.
"""
#: How a section says what it cost.
_COST: Final = re.compile(r"([\d,]+) CPU seconds")


def code() -> str:
    """Return seven digits that change with the code of a calibration, and with nothing else."""
    package = Path(journeysim.__file__).parent
    files = sorted(file for room in ("calibrate", "model") for file in (package / room).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:7]


def stamp(seconds: float | None = None) -> str:
    """Return when a section was made, with which code, and what it cost where that was counted."""
    today = dt.datetime.now(tz=dt.UTC).date()
    cost = "" if seconds is None else f" in {seconds:,.0f} CPU seconds"
    return f"Made on {today} with code {code()}{cost}."


def section(model: Model, checks: Sequence[Check], made: str) -> str:
    """Return the section of a model; `made` is its stamp."""
    found, caught = wrong(checks), power(model.maps * model.per_map, len(checks))
    size = f"{model.maps} x {model.per_map} worlds (seeds 1 to {model.maps})"
    able = (f"Caught nine times in ten: intervals {100 * caught.narrow:.0f} % too narrow, or off by {caught.shift:.2f} sd, "
            "in one quantity.")  # fmt: skip
    because = f" Known: {model.fault}." if model.fault else ""
    verdict = "**Right**: no test fails." if not found else f"**Wrong**: {'; '.join(found)}.{because}"
    rows = [
        "| quantity | mean | spread | 50 % | 80 % | 90 % | bias | smallest p |",
        "|---|---|---|---|---|---|---|---|",
    ]
    stuck = 0 if model.counted else max(check.stuck for check in checks)
    worst = [f"In {stuck} worlds the draws are one and the same: the weights rest on one (a gate fails there).", ""]
    text = [
        f"## {model.name}",
        f"{model.about} {size}.",
        f"{made} {able}",
        "",
        verdict,
        "",
        *(worst if stuck else []),
        *rows,
    ]
    return "\n".join([*text, *map(_row, checks), ""])


def _row(check: Check) -> str:
    half, most, nearly = (f"{100 * share:.1f}" for share in check.coverage)
    error = 100 * np.sqrt(LEVELS[-1] * (1 - LEVELS[-1]) / check.worlds)
    return (f"| {check.name} | {check.mean:+.3f} | {check.spread:.3f} | {half} | {most} | {nearly} +- {error:.1f} "
            f"| {check.bias:+.3f} | {min(check.p_values):.2g} |")  # fmt: skip


def sections(text: str) -> dict[str, str]:
    """Return the sections of a page, by the name of the model."""
    return {part.split("\n", 1)[0][3:]: part for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]}


def written(new: Mapping[str, str], before: str) -> str:
    """Return the page with some sections replaced, in the order of `ORDER`; sections that it does not know stay, last."""
    kept = sections(before) | {name: f"{text.strip()}\n" for name, text in new.items()}
    order = [name for name in ORDER if name in kept] + [name for name in kept if name not in ORDER]
    body = "\n".join(f"{kept[name].strip()}\n" for name in order)
    minutes = sum(float(seconds.replace(",", "")) for seconds in _COST.findall(body)) / 60
    return f"{_HEAD}\nSections that say what they cost add up to {minutes:.1f} CPU minutes.\n\n{body}"
