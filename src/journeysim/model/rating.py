"""What customers answer, given how long they waited and how late it was: the link from draws to ratings.

    P(answer <= level k) = expit(cut_k - eta)
    eta = touchpoint + persona + dwell log(wait / usual wait) + late(days late)

A `Waits` says who rates what after which wait: as the log had it, or as it would be in a proposal. All that follows is an
exact expectation over it, per draw: no customer is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from scipy import special

from journeysim.model.draws import Draws, names_on
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Shortest wait that is told apart, in days.
_SHORTEST: Final = 1e-3
NPS_LEVELS: Final = tuple(range(11))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """Who rates what: names per cell, and, per draw and cell, the wait (days), the days late, and the cell's share.

    `wait` is NaN where nothing was awaited and `late` where lateness is not known; `share` adds up to 1 over cells.
    """

    persona: tuple[str, ...]
    place: tuple[str, ...]
    link: tuple[str, ...]
    wait: Floats
    late: Floats
    share: Floats

    def only(self, *, place: str | None = None, persona: str | None = None) -> Waits:
        """Return the cells of one touchpoint or persona, their shares adding up to 1; ValueError when there are none."""
        names = zip(self.place, self.persona, strict=True)
        at = np.flatnonzero([place in {None, here} and persona in {None, who} for here, who in names])
        if not len(at):
            raise ValueError(f"nobody rates {place or 'any touchpoint'} as {persona or 'any persona'}")
        share = self.share[:, at]
        persona_of, place_of, link_of = (tuple(x[i] for i in at) for x in (self.persona, self.place, self.link))
        share /= share.sum(axis=1, keepdims=True)
        return Waits(persona_of, place_of, link_of, self.wait[:, at], self.late[:, at], share)

    @property
    def late_share(self) -> Floats:
        """The share of ratings after a late arrival among those whose lateness is known, shape (draw,)."""
        known = np.isfinite(self.late)
        return np.asarray(np.sum(self.share * (known & (self.late > 0)), axis=1) / np.sum(self.share * known, axis=1))


def has_ratings(draws: Draws) -> bool:
    """Whether the draws know how customers rate."""
    return "rating_cut" in draws.data


def waits_of(draws: Draws) -> Waits:
    """Return who rated what after which wait, as the log had it; shares differ between draws as its size leaves them."""
    data, shape = draws.data, draws.values("rating_share").shape
    persona, place, link = (
        tuple(str(x) for x in data[f"rating_{what}_of"].values) for what in ("persona", "place", "link")
    )
    wait, late = (np.broadcast_to(draws.values(f"rating_{what}_of"), shape) for what in ("wait", "late"))
    return Waits(persona, place, link, wait, late, draws.values("rating_share"))


def fewer_late(waits: Waits, factor: float | Floats) -> Waits:
    """Return the waits with `factor` times as many late arrivals; the others are as those on time were.

    `factor` is a number, or one per draw; within a persona's ratings of a touchpoint.
    """
    times = np.broadcast_to(np.asarray(factor, dtype=np.float64), len(waits.share))[:, None]
    share, late = waits.share.copy(), waits.late > 0
    groups = list(zip(waits.persona, waits.place, strict=True))
    for group in dict.fromkeys(groups):
        here = np.array([other == group for other in groups]) & np.isfinite(waits.late)
        on_time = np.sum(share * (here & ~late), axis=1, keepdims=True)
        freed = (1 - times) * np.sum(share * (here & late), axis=1, keepdims=True)
        moved = np.where(late, share * times, share * (1 + np.divide(freed, on_time, where=on_time > 0,
                                                                      out=np.zeros_like(freed))))  # fmt: skip
        share = np.where(here & (on_time > 0), moved, share)
    return replace(waits, share=share)


def waits_in(waits: Waits, today: Draws, proposal: Draws) -> Waits:
    """Return the waits when every awaited move takes as much longer or shorter as in a proposal's draws.

    The promise stays: a wait that is d days shorter is d days less late. Links that a proposal does not have keep
    today's waits; so do links whose scale is 0.
    """
    factor = np.ones_like(waits.share)
    before, after = today.values("dwell_a")[:, :, 0], proposal.values("dwell_a")[:, :, 0]
    for i, (persona, link) in enumerate(zip(waits.persona, waits.link, strict=True)):
        if link in today.links and link in proposal.links:
            g = today.personas.index(persona)
            old, new = before[:, g, today.links.index(link)], after[:, g, proposal.links.index(link)]
            factor[:, i] = np.divide(new, old, out=np.ones_like(old), where=old > 0)
    wait = waits.wait * factor
    return replace(waits, wait=wait, late=waits.late - np.nan_to_num(waits.wait - wait))


def answers(draws: Draws, waits: Waits) -> Floats:
    """Return the chance of each answer over all cells, shape (draw, level)."""
    above = np.zeros((draws.count, len(levels_of(draws)) + 1))
    above[:, 0] = 1.0
    eta, cuts = _leaning(draws, waits), draws.values("rating_cut")
    for k in range(cuts.shape[1]):
        above[:, k + 1] = np.sum(waits.share * special.expit(eta - cuts[:, k, None]), axis=1)
    return np.asarray(above[:, :-1] - above[:, 1:])


def levels_of(draws: Draws) -> Floats:
    """Return the answers that can be given, in order."""
    return np.asarray(draws.data["rating_answers"].values, dtype=np.float64)


def mean_rating(draws: Draws, waits: Waits) -> Floats:
    """Return the expected answer, shape (draw,)."""
    return np.asarray(answers(draws, waits) @ levels_of(draws))


def satisfied(draws: Draws, waits: Waits, top: int = 2) -> Floats:
    """Return the share of answers among the `top` best levels (CSAT), shape (draw,)."""
    return np.asarray(answers(draws, waits)[:, -top:].sum(axis=1))


def promoter_score(draws: Draws, waits: Waits) -> Floats:
    """Return the NPS in points, shape (draw,); ValueError when answers are not on the scale 0 to 10."""
    levels = levels_of(draws)
    if not set(levels.tolist()) <= set(NPS_LEVELS) or levels.max() < NPS_LEVELS[-2]:
        raise ValueError(f"NPS needs answers from 0 to 10; these go from {levels.min():g} to {levels.max():g}")
    return np.asarray(100 * (answers(draws, waits) @ (1.0 * (levels >= 9) - 1.0 * (levels <= 6))))


def _leaning(draws: Draws, waits: Waits) -> Floats:
    """Return eta, shape (draw, cell)."""
    data = draws.data
    at = [names_on(data, "place").index(name) for name in waits.place]
    of = [draws.personas.index(name) for name in waits.persona]
    eta = draws.values("rating_touchpoint")[:, at] + draws.values("rating_persona")[:, of]
    usual = float(data["rating_usual_wait"].values)
    logs = np.log(np.where(np.isfinite(waits.wait), np.maximum(waits.wait, _SHORTEST), usual) / usual)
    return np.asarray(eta + draws.values("rating_dwell")[:, None] * logs + _late_effect(data, waits.late))


def _late_effect(data: xr.Dataset, late: Floats) -> Floats:
    """Return the effect of lateness, between the table's days by the log of days late, constant beyond its ends."""
    table, days = np.asarray(data["rating_late"].values), late_scale(np.asarray(data["rating_late_days"].values))
    found = np.tile(np.asarray(data["rating_late_unknown"].values)[:, None], late.shape[1])
    if len(days):
        place = np.interp(late_scale(np.nan_to_num(late)), days, np.arange(len(days)))
        low = np.minimum(place.astype(np.int64), max(len(days) - 2, 0))
        part, rows = place - low, np.arange(len(late))[:, None]
        known = (1 - part) * table[rows, low] + part * table[rows, np.minimum(low + 1, len(days) - 1)]
        found = np.where(np.isfinite(late), known, found)
    return found


def late_scale(days: Floats) -> Floats:
    """Return days late on the scale on which their effect is drawn: the log of 1 + days, with the sign of the days."""
    return np.asarray(np.sign(days) * np.log1p(np.abs(days)))
