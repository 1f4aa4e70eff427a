"""Which touchpoints are left without an event, and how many leave there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import NO_BINS
from journeysim.calibrate.discover.dwells import bins_of
from journeysim.calibrate.discover.kept import leads_out
from journeysim.calibrate.discover.passages import Passages
from journeysim.calibrate.discover.settings import Support
from journeysim.calibrate.discover.silence import Silence, silence_of
from journeysim.model.event_log import Bools
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_edges
from journeysim.model.weights import worth

#: Expected part of the proposed silent exits that are none; also the chance of any where nobody leaves silently.
FALSE_ALARM: Final = 0.01
_LEAST: Final = 1e-3


@final
@dataclass(frozen=True, slots=True)
class SilentExit:
    """A silent exit that is proposed: the share that takes it, and whether silence shows it.

    Not `shown`: it is there because the map would have no end without it.
    """

    share: float
    shown: bool


def silences_of(passages: Passages, support: Support) -> tuple[Silence, ...]:
    """Return how the silence at every touchpoint is read; fewer silent customers than a link asks for are not judged.

    In a weighted sample customers are counted as unweighted ones that are worth as much, all of a touchpoint by one factor.
    """
    worths = worth(passages.source, passages.weight, passages.square)
    edges = coarse_edges(float(passages.days.max(initial=0.0)))
    found = []
    for at in range(len(passages.touchpoints)):
        here, moved = passages.source == at, passages.target >= 0
        silent = bins_of(passages.days[here & ~moved], edges, worths[here & ~moved])
        enough = passages.own[here & ~moved].sum() >= support.customers
        seen = bins_of(passages.days[here & moved], edges, worths[here & moved]) if enough else NO_BINS
        found.append(silence_of(seen, silent))
    return tuple(found)


def shown_exits(silences: tuple[Silence, ...], support: Support) -> dict[int, SilentExit]:
    """Return the touchpoints whose silence cannot be slowness, and where enough customers leave for a link.

    Touchpoints are judged together (Benjamini and Hochberg 1995): the k-th smallest of m p-values against k / m times
    the false alarms accepted.
    """
    p_values = np.sort([item.p_value for item in silences if item.silent])
    steps = FALSE_ALARM * np.arange(1, len(p_values) + 1) / max(1, len(p_values))
    limit = float(p_values[p_values <= steps].max(initial=-1.0))
    return {
        at: SilentExit(item.share, shown=True)
        for at, item in enumerate(silences)
        if item.silent and item.p_value <= limit and item.share >= support.share and item.gone >= support.customers
    }


def with_way_out(
    kept: Bools, departures: Floats, silences: tuple[Silence, ...], shown: Mapping[int, SilentExit]
) -> dict[int, SilentExit]:
    """Return the silent exits, with one more wherever the map would have no end: at the most silent touchpoint."""
    n, found = len(kept), dict(shown)
    silent = np.array([item.silent for item in silences])
    while not np.all(out := leads_out(kept, np.isin(np.arange(n), list(found)))[:n]):
        at = int(np.where(out, -1.0, silent).argmax())
        share = silences[at].share or silent[at] / (silent[at] + departures[at] or 1.0)
        found[at] = SilentExit(min(max(share, _LEAST), 1.0) if departures[at] else 1.0, shown=False)
    return found
