"""docs/validation.md: one section per model, rewritten when the model was run, kept when it was not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from validation.model import Model
from validation.models import MODELS
from validation.sbc import FALSE_ALARM, LEVELS, Check, wrong

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
right one is called wrong. A posterior 20 % too narrow, or off by 0.3 sd, is caught in 600 worlds (a test shows it).
"""


def section(model: Model, checks: Sequence[Check]) -> str:
    """Return the section of a model."""
    found = wrong(checks)
    size = f"{model.maps} x {model.per_map} worlds (seeds 1 to {model.maps})"
    because = f" Known: {model.fault}." if model.fault else ""
    verdict = "**Right**: no test fails." if not found else f"**Wrong**: {'; '.join(found)}.{because}"
    rows = [
        "| quantity | mean | spread | 50 % | 80 % | 90 % | bias | smallest p |",
        "|---|---|---|---|---|---|---|---|",
    ]
    stuck = max(check.stuck for check in checks)
    worst = [f"In {stuck} worlds the draws are one and the same: the weights rest on one (a gate fails there).", ""]
    text = [f"## {model.name}", f"{model.about} {size}.", "", verdict, "", *(worst if stuck else []), *rows]
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
    return "\n".join([_HEAD, *(f"{kept[name].strip()}\n" for name in order)])
