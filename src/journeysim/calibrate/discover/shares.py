"""Shares in round numbers that add up to 100 %."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeysim.model.quantity import Fixed


def round_shares(weights: Sequence[float]) -> tuple[Fixed, ...]:
    """Return positive weights as shares in tenths of a percent, finer where the smallest needs it for two digits.

    The largest remainders are rounded up (Hamilton's method), and no share becomes 0.
    """
    parts = np.array(weights) / np.sum(weights)
    steps = 10 ** max(3, 1 - int(np.floor(np.log10(parts.min()))))
    whole = np.maximum(np.floor(parts * steps), 1.0)
    order = np.argsort(-(parts * steps - whole), kind="stable")
    whole[order[: max(0, round(steps - whole.sum()))]] += 1
    whole[int(whole.argmax())] -= whole.sum() - steps
    return tuple(Fixed(float(part) / steps) for part in whole)
