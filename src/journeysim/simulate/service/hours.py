"""Opening hours as moments at which a resource opens and closes, over the days of a run."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from journeysim.model.journey import Hours
from journeysim.model.quantity import Floats

WEEK: Final = 7.0


def open_spans(hours: Hours, closed: tuple[str, ...], first_day: date | None, start: float, end: float) -> Floats:
    """Return when a resource is open between two calendar days, shape (k, 2): spans in order, none touching.

    Day 0 is `first_day`; without one it is a Monday, and dates on which the resource is closed mean nothing.
    """
    monday = 0.0 if first_day is None else -float(first_day.weekday())
    first, last = int(np.floor((start - monday) / WEEK)), int(np.ceil((end - monday) / WEEK))
    starts = np.array([monday + WEEK * week + opens for week in range(first, last) for opens, _ in hours])
    ends = np.array([monday + WEEK * week + closes for week in range(first, last) for _, closes in hours])
    spans = np.column_stack([starts, ends]) if len(starts) else np.zeros((0, 2))
    if first_day is not None:
        for text in closed:
            spans = _without(spans, float((date.fromisoformat(text) - first_day).days))
    spans = np.clip(spans, start, end)
    return _joined(spans[spans[:, 1] > spans[:, 0]])


def _without(spans: Floats, day: float) -> Floats:
    """Return the spans without one calendar day."""
    before = np.column_stack([spans[:, 0], np.minimum(spans[:, 1], day)])
    after = np.column_stack([np.maximum(spans[:, 0], day + 1.0), spans[:, 1]])
    both = np.concatenate([before, after])
    both = both[both[:, 1] > both[:, 0]]
    return both[np.argsort(both[:, 0], kind="stable")]


def _joined(spans: Floats) -> Floats:
    """Return the spans with those joined that touch: midnight closes nothing."""
    if not len(spans):
        return spans
    starts = np.flatnonzero(np.append(True, spans[1:, 0] > spans[:-1, 1]))
    return np.column_stack([spans[starts, 0], spans[np.append(starts[1:], len(spans)) - 1, 1]])
