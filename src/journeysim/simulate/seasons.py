"""Seasons in a chain: its periods once more for every month of the year, or day of the week.

A visit goes by the season in which it begins, as it goes by the world in force (docs/design/0019). Period p of P is, in
season s, number s P + p, while `period_end` still has the P ends. Customers enter evenly over the cycle, or all on one
day of it. With that day known a season is a matter of tenure (`unrolled`), so the exact engine needs no calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.draws import LINK_FIELDS, PLACE_FIELDS, Draws, names_on
from journeysim.model.quantity import Floats
from journeysim.model.seasons import YEAR, Cycle, around_one, cycle_of

if TYPE_CHECKING:
    from journeysim.simulate.chain import Chain
    from journeysim.simulate.layers import Layers, Memory

Ints = NDArray[np.int64]
#: Days of entry per season that an average over the cycle is taken at, in the middle of equal parts.
ENTRIES: Final = 2
_NEARLY: Final = 1e-9
#: Fields of a chain with an axis of periods.
BY_PERIOD: Final = (*LINK_FIELDS, "today_share", *(name for name in PLACE_FIELDS if name != "feeling"))


@final
@dataclass(frozen=True, slots=True)
class Seasons:
    """The cycle a chain goes by, and on which day of it its customers enter; None: evenly over all of it."""

    cycle: Cycle
    entered: float | None = None

    @property
    def count(self) -> int:
        """How many seasons a cycle has."""
        return len(self.cycle.names)

    def at(self, day: float) -> int:
        """Return the season in force on a day of the cycle (or of a later one)."""
        return int(np.floor(day / self.cycle.season_days + _NEARLY)) % self.count

    def entries(self) -> tuple[float, ...]:
        """Return the days of entry, all of one weight, that stand for everybody."""
        if self.entered is not None:
            return (self.entered,)
        parts = self.count * ENTRIES
        return tuple((k + 0.5) * self.cycle.days / parts for k in range(parts))


def seasons_of(draws: Draws) -> Cycle | None:
    """Return the cycle that draws go by; None where they have no season, or one that does nothing."""
    odds, dwell = (_stated(draws, name) for name in ("season_odds", "season_dwell"))
    if odds is None or dwell is None or ((odds == 1.0).all() and (dwell == 1.0).all()):
        return None
    return cycle_of(names_on(draws.data, "season"))


def _stated(draws: Draws, name: str) -> Floats | None:
    """Return the factors (D, links, seasons) of a variable, 1 where a link has no season; None without the variable."""
    return np.nan_to_num(draws.values(name), nan=1.0) if name in draws.data else None


def factors_of(draws: Draws, at: tuple[int | None, ...], name: str, count: int) -> Floats:
    """Return factors on compiled links (D, L, S) around a mean of 1, given where each stands in the draws."""
    found = np.ones((draws.count, len(at), count))
    values = _stated(draws, name)
    if values is not None:
        scaled = around_one(values, geometric=name == "season_odds")
        for k, link in enumerate(at):
            if link is not None:
                found[:, k] = scaled[:, link]
    return found


def with_seasons(chain: Chain, cycle: Cycle, odds: Floats, today_odds: Floats, dwell: Floats) -> Chain:
    """Return a chain in seasons: its rows, coupled ones too, reweighted by odds, its dwells scaled, (D, L, S) each."""
    seasons = range(len(cycle.names))
    every: dict[str, Any] = {name: np.concatenate([getattr(chain, name)] * len(seasons), axis=2) for name in BY_PERIOD}
    own = {
        "share": [reweighted(chain.share, odds[:, None, None, :, s], chain.row_start) for s in seasons],
        "today_share": [
            reweighted(chain.today_share, today_odds[:, None, None, :, s], chain.row_start) for s in seasons
        ],
        "dwell_a": [chain.dwell_a * dwell[:, None, None, :, s] for s in seasons],
    }
    layers = _layers(chain, odds, today_odds, len(seasons))
    return replace(
        chain, season=Seasons(cycle), layers=layers, **every | {k: np.concatenate(v, axis=2) for k, v in own.items()}
    )


def reweighted(share: Floats, weight: Floats, row_start: Ints) -> Floats:
    """Return rows (..., L) whose links are multiplied by weights and divided by the row's sum; rows of equal weights stay."""
    raw = share * weight
    change = np.broadcast_to(weight != 1.0, raw.shape)
    moved = np.logical_or.reduceat(change, row_start[:-1], axis=-1)
    total, before = (np.add.reduceat(values, row_start[:-1], axis=-1) for values in (raw, share))
    scale = np.where(moved & (total > 0.0), before / np.where(total > 0.0, total, 1.0), 1.0)
    return np.asarray(raw * np.repeat(scale, np.diff(row_start), axis=-1))


def _layers(chain: Chain, odds: Floats, today_odds: Floats, count: int) -> Layers:
    """Return the layers of a chain in seasons: feelings season by season, rows by the place before reweighted."""
    layers, moods, memory = chain.layers, chain.layers.moods, chain.layers.memory
    if moods is not None:
        felt: dict[str, Any] = {
            name: np.concatenate([getattr(moods, name)] * count, axis=2) for name in ("feeling", "today_feeling")
        }
        layers = replace(layers, moods=replace(moods, **felt))
    if memory is None or not memory.order2.size:
        return layers
    by_season = [replace(layers, memory=_reweighted_memory(chain, memory, odds[..., s], today_odds[..., s]))
                 for s in range(count)]  # fmt: skip
    periods = len(chain.period_end)
    return replace(layers, of_period=tuple(item for item in by_season for _ in range(periods)))


def _reweighted_memory(chain: Chain, memory: Memory, odds: Floats, today_odds: Floats) -> Memory:
    """Return memory whose rows by the place before are reweighted as the touchpoint's own are; odds (D, L)."""
    order2, today = memory.order2.copy(), memory.today_order2.copy()
    for before, place in np.argwhere(memory.first >= 0):
        start, first, last = int(memory.first[before, place]), *chain.row_start[place : place + 2]
        at, row = slice(start, start + int(last - first)), np.array([0, last - first])
        order2[..., at] = reweighted(order2[..., at], odds[:, None, first:last], row)
        today[..., at] = reweighted(today[..., at], today_odds[:, None, first:last], row)
    return replace(memory, order2=order2, today_order2=today)


def entered_on(chain: Chain, day: float | None) -> Chain:
    """Return the chain of customers who all enter on a day of the cycle; one without seasons as it is."""
    if chain.season is None or day is None:
        return chain
    return replace(chain, season=replace(chain.season, entered=day % chain.season.cycle.days))


def from_first_day(chain: Chain, first_day: str | None) -> Chain:
    """Return the chain with the day of the cycle that calendar day 0 is; customers who share staff count from there."""
    return chain if chain.season is None else entered_on(chain, chain.season.cycle.day_of(first_day))


def by_month(draws: Draws) -> bool:
    """Return whether months of the year differ."""
    return seasons_of(draws) is YEAR


def unrolled(chain: Chain, horizon: float) -> Iterator[Chain]:
    """Yield a chain without seasons for each day of entry that stands for everybody, all of one weight.

    Seasons and tenure periods follow one another as periods since entry, up to the horizon.
    """
    season = chain.season
    if season is None:
        yield chain
        return
    for day in season.entries():
        yield _from_day(chain, season, day, horizon)


def _from_day(chain: Chain, season: Seasons, day: float, horizon: float) -> Chain:
    length, own = season.cycle.season_days, chain.period_end
    first = length * (np.floor(day / length + _NEARLY) + 1.0) - day
    turns = np.arange(first, horizon, length)
    ends = np.unique(np.concatenate([own[:-1], turns]))
    starts = np.concatenate([[0.0], ends])
    period = np.searchsorted(own[:-1], starts, side="right")
    cells = np.array([season.at(day + start) for start in starts], dtype=np.int64) * len(own) + period
    return of_cells(replace(chain, period_end=np.append(ends, own[-1]), season=None), cells)


def of_cells(chain: Chain, cells: Ints) -> Chain:
    """Return a chain with the periods of the given numbers, in that order; `period_end` is the caller's."""
    arrays: dict[str, Any] = {name: np.ascontiguousarray(getattr(chain, name)[:, :, cells]) for name in BY_PERIOD}
    layers, moods = chain.layers, chain.layers.moods
    if moods is not None:
        felt: dict[str, Any] = {name: getattr(moods, name)[:, :, cells] for name in ("feeling", "today_feeling")}
        layers = replace(layers, moods=replace(moods, **felt))
    if layers.of_period:
        layers = replace(layers, of_period=tuple(layers.of_period[cell] for cell in cells))
    return replace(chain, layers=layers, **arrays)
