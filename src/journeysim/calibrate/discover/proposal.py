"""The journey map that a log proposes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from journeysim.calibrate.discover.dwells import dwell_of, significant
from journeysim.calibrate.discover.exits import SilentExit
from journeysim.calibrate.discover.kept import Links
from journeysim.calibrate.discover.passages import Passages
from journeysim.calibrate.discover.shares import round_shares
from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.model.weights import worth

_SILENT: Final = "left silently"
#: What the map says weighs one customer against the log it was read from, which must not count twice.
_LIGHT: Final = 1.0


def proposed_map(
    name: str,
    log: EventLog,
    passages: Passages,
    links: Links,
    exits: Mapping[int, SilentExit],
    *,
    stand_alone: bool,
) -> JourneyMap:
    """Return the map; `stand_alone` weighs its shares with the customers they were counted from."""
    silent = silent_name(passages.places) if exits else ""
    seen = _departed(passages, links) if stand_alone else np.full(len(passages.touchpoints), _LIGHT)
    entered = np.flatnonzero(links.entered)
    entry = round_shares(links.entries[entered].tolist())
    return JourneyMap(
        name=name,
        touchpoints=tuple(
            Touchpoint(
                point,
                tuple(_row(passages, links, at, exits.get(at), silent)),
                seen=max(float(seen[at]), _LIGHT),
                basis="measured",
                channel=usual_channel(log, point)[0],
            )
            for at, point in enumerate(passages.touchpoints)
        ),
        outcomes=(
            *(Outcome(end) for end in passages.outcomes),
            *([Outcome(silent, silent=True)] if exits else []),
        ),
        entry=tuple((passages.touchpoints[at], share) for at, share in zip(entered, entry, strict=True)),
        personas=_personas(passages),
        seen_entry=_entered(passages) if stand_alone else _LIGHT,
        arrivals_per_day=_arrivals(log, passages),
    )


def _departed(passages: Passages, links: Links) -> Floats:
    """Return how many unweighted moves those over proposed links are worth, shape (touchpoint,)."""
    went = np.flatnonzero(passages.target >= 0)
    went = went[links.kept[passages.source[went], passages.target[went]]]
    worths = worth(passages.source[went], passages.weight[went], passages.square[went])
    return np.bincount(passages.source[went], weights=worths, minlength=len(passages.touchpoints)).astype(np.float64)


def _entered(passages: Passages) -> float:
    """Return how many unweighted customers those who entered at a touchpoint are worth."""
    there = passages.first < len(passages.touchpoints)
    weight, own = passages.first_weight[there], passages.first_own[there]
    return float(worth(np.zeros(len(weight), dtype=np.int64), weight, weight**2 / own).sum())


def usual_channel(log: EventLog, touchpoint: str) -> tuple[str, float]:
    """Return the channel most events of a touchpoint came through, and the share that did; "" where none is known."""
    if log.channel is None or touchpoint not in log.touchpoint.labels:
        return "", 0.0
    codes = log.channel.codes[log.touchpoint.codes == log.touchpoint.labels.index(touchpoint)]
    counts = np.bincount(codes[codes >= 0], minlength=1)
    best = int(counts.argmax())
    return (log.channel.labels[best], float(counts[best] / counts.sum())) if counts.any() else ("", 0.0)


def silent_name(taken: tuple[str, ...]) -> str:
    """Return a name for leaving without an event that no place of the log has."""
    return next(name for name in (_SILENT, *(f"{_SILENT} {n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _row(passages: Passages, links: Links, at: int, leaving: SilentExit | None, silent: str) -> Iterator[Link]:
    """Yield the links of a touchpoint, the most frequent first, the silent exit last."""
    part = leaving.share if leaving else 0.0
    targets = np.flatnonzero(links.kept[at])
    targets = targets[np.argsort(-links.moves[at, targets], kind="stable")]
    weights = (links.moves[at, targets] / max(links.departures[at], 1.0) * (1 - part)).tolist()
    if part < 1:
        shares = round_shares([*weights, *([part] if part else [])])
        here = passages.source == at
        worths = worth(passages.source[here], passages.weight[here], passages.square[here])
        days, to = passages.days[here], passages.target[here]
        for target, share in zip(targets, shares, strict=False):
            yield Link(passages.places[target], share, dwell_of(days[to == target], worths[to == target]))
    if leaving:
        yield Link(silent, shares[-1] if part < 1 else Fixed(1.0))


def _personas(passages: Passages) -> tuple[Persona, ...]:
    seen = np.bincount(passages.persona, weights=passages.first_weight, minlength=len(passages.personas))
    there = np.flatnonzero(seen)
    shares = round_shares(seen[there].tolist())
    return tuple(Persona(passages.personas[at], share) for at, share in zip(there, shares, strict=True))


def _arrivals(log: EventLog, passages: Passages) -> Fixed | None:
    """Return customers (weighted) per day between the first event and the cut-off, in three digits a month."""
    days = float((log.cut_off - log.time.min()) / np.timedelta64(1, "s")) / 86_400
    if days <= 0 or len(passages.first) < 2:
        return None
    entered = float(passages.first_weight.sum())
    return Fixed(significant(entered / days * DAYS_PER_MONTH, 3) / DAYS_PER_MONTH)
