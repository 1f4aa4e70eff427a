"""Ratings: cut-points and effects of wait, lateness, touchpoint and persona, on the columns that a calibration makes.

The density is the one that NUTS samples in a calibration; here it is drawn by importance, a hundred times cheaper. That
NUTS draws from the same density is a test of its own (`tests/statistical/test_calibrate_ratings.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.calibrate.layers.ratings import answers_of, forms_of
from journeysim.calibrate.numerics.student import draw_points
from journeysim.calibrate.rewards.ordinal import Answers, log_chances, log_density, start_of
from journeysim.model.observed.ratings import Ratings
from journeysim.model.quantity import Floats
from validation.sbc import RANKED, Worlds

CELLS, ANSWERS = 80, 5.0
LEVELS: Final = np.arange(1.0, 6.0)
#: Positions among the columns: log wait, days early, days late, not known, two touchpoints, two personas.
COLUMNS: Final = ("wait", "early", "late", "unknown", "order", "delivery", "small", "large")


def ratings(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of 400 answers whose cut-points and effects are drawn from the model's own prior."""
    rng = np.random.default_rng(seed)
    truths, draws, likelihood = [], [], []
    for i in range(count):
        answers, truth = _world(rng)
        at, _ = draw_points(
            lambda theta, answers=answers: log_density(answers, theta), start_of(answers), draws=RANKED,
            seed=1000 * seed + i, what="ratings",
        )  # fmt: skip
        truths.append(_quantities(answers, truth[None])[:, 0])
        draws.append(_quantities(answers, at))
        likelihood.append([_likelihood(answers, points) for points in (truth[None], at)])
    true, drawn = np.stack(truths, axis=1), np.stack(draws, axis=2)
    found = {name: Worlds(true[k], drawn[k]) for k, name in enumerate(_NAMES)}
    found["likelihood of the answers"] = Worlds(
        np.array([each[0][0] for each in likelihood]), np.stack([each[1] for each in likelihood], axis=1)
    )
    return found


_NAMES: Final = (
    "first cut-point", "middle step", "effect of the wait", "effect of days late", "difference of two touchpoints",
    "difference of two personas",
)  # fmt: skip


def _world(rng: np.random.Generator) -> tuple[Answers, Floats]:
    """Return answers in cells as a log has them, and the theta behind them."""
    cells = Ratings(
        LEVELS, rng.integers(0, 2, CELLS), rng.integers(0, 2, CELLS), np.full(CELLS, -1),
        rng.gamma(2.0, 5.0, CELLS), np.where(rng.random(CELLS) < 0.2, np.nan, rng.normal(0.0, 5.0, CELLS)),
        np.full((CELLS, len(LEVELS)), ANSWERS / len(LEVELS)), np.full(CELLS, ANSWERS),
    )  # fmt: skip
    form = next(form for form in forms_of(cells) if form.name == "days")
    blank = answers_of(cells, form)
    centre, sd = blank.prior
    theta = centre + sd * rng.normal(size=len(centre))
    chances = np.exp(log_chances(blank, theta[None])[0])
    counts = np.stack([rng.multinomial(int(ANSWERS), row / row.sum()) for row in chances]).astype(np.float64)
    return answers_of(replace(cells, count=counts), form), theta


def _quantities(answers: Answers, theta: Floats) -> Floats:
    """Return the quantities of `_NAMES` at points (p, k), shape (quantity, p)."""
    effect = dict(zip(COLUMNS, theta[:, answers.cuts :].T, strict=True))
    return np.stack([
        theta[:, 0], theta[:, 2], effect["wait"], effect["late"], effect["order"] - effect["delivery"],
        effect["small"] - effect["large"],
    ])  # fmt: skip


def _likelihood(answers: Answers, theta: Floats) -> Floats:
    return np.asarray(np.einsum("pcl,cl->p", log_chances(answers, theta), answers.count))
