"""What a flow of money returns: per unit invested, per year, when it is back, and how likely a loss of some size is."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.compare.comparison import Spread, spread_of
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH, DAYS_PER_YEAR

NO_INVESTMENT: Final = "there is no investment to return on"
NO_RATE: Final = "no single rate makes the flow worth nothing"
LOWEST_RATE: Final = -0.99
HIGHEST_RATE: Final = 999.0
#: Losses shown, as parts of the expected investment.
LOSS_PARTS: Final = (0.0, 0.1, 0.25, 0.5, 1.0)
_HALVINGS: Final = 60


def payback_months(cumulative: Floats) -> Floats:
    """Return the first month from which the running sum (D, K + 1) stays at or above 0; NaN where it never does."""
    stays = np.minimum.accumulate(cumulative[:, ::-1], axis=1)[:, ::-1] >= 0
    return np.where(stays.any(axis=1), np.argmax(stays, axis=1).astype(np.float64), np.nan)


def return_on(net: Floats, investment: Floats) -> Spread:
    """Return the spread of net benefit per unit invested, (net + investment) / investment - 1."""
    if not (investment > 0).all():
        return Spread(None, None, None, None, None, None, NO_INVESTMENT)
    return spread_of(net / investment)


def internal_rate(at_once: Floats, at_starts: Floats, at_middles: Floats) -> Floats:
    """Return the yearly rate at which each draw's flow is worth nothing, (D,); NaN where there is no single one.

    Parameters
    ----------
    at_once, at_starts, at_middles : array (D,), (D, K), (D, K)
        Undiscounted money on day 0, at the start and at the middle of each month; what comes in is positive.

    Notes
    -----
    The rate solves sum_k c_k (1 + r)^(-t_k) = 0 with t in years, by halving the interval of log(1 + r). It is the only
    one where the flow in order of time first pays out and then brings in (one change of sign, Descartes); other flows,
    and those whose rate lies outside -99 % … 99,900 %, have none.
    """
    flows, years = _in_order(at_once, at_starts, at_middles)
    low, high = (np.full(len(flows), np.log1p(rate)) for rate in (LOWEST_RATE, HIGHEST_RATE))
    sound = _invests_then_earns(flows) & (_worth(flows, years, low) > 0) & (_worth(flows, years, high) < 0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _worth(flows, years, middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(sound, np.expm1((low + high) / 2), np.nan)


def _in_order(at_once: Floats, at_starts: Floats, at_middles: Floats) -> tuple[Floats, Floats]:
    """Return all flows in order of time (D, 1 + 2 K), and when they come, in years (1 + 2 K,)."""
    months = at_starts.shape[1]
    pairs = np.stack([at_starts, at_middles], axis=2).reshape(len(at_starts), 2 * months)
    days = np.arange(2 * months) * (DAYS_PER_MONTH / 2)
    return np.hstack([at_once[:, None], pairs]), np.concatenate([[0.0], days]) / DAYS_PER_YEAR


def _invests_then_earns(flows: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where a flow changes sign once, from paying out to bringing in, zeros passed over."""
    earned = np.maximum.accumulate(flows > 0, axis=1)
    return np.asarray((flows < 0).any(axis=1) & earned[:, -1] & ~((flows < 0) & earned).any(axis=1))


def _worth(flows: Floats, years: Floats, log_rate: Floats) -> Floats:
    return np.asarray((flows * np.exp(-log_rate[:, None] * years)).sum(axis=1))


def rates_spread(rates: Floats) -> Spread:
    """Return the spread of internal rates over the draws that have one; `why` says how many have none."""
    none = int(np.isnan(rates).sum())
    found = spread_of(rates)
    if none == 0 or found.mean is None:
        return found if none == 0 else Spread(None, None, None, None, None, None, _none_in(none, len(rates)))
    return Spread(found.mean, found.q05, found.q25, found.q50, found.q75, found.q95, _none_in(none, len(rates)))


def _none_in(none: int, draws: int) -> str:
    return f"{NO_RATE} in {none:,} of {draws:,} draws"


def loss_risk(net: Floats, investment: float) -> tuple[tuple[float, float], ...]:
    """Return (x, P(loss > x)) for x = 0 and parts of the expected investment (of the largest loss where there is none)."""
    scale = investment if investment > 0 else float(np.maximum(-net, 0.0).max(initial=0.0))
    sizes = dict.fromkeys(part * scale for part in LOSS_PARTS)
    return tuple((size, float(np.mean(-net > size))) for size in sizes)


def spread_or_never(values: Floats, why: str) -> Spread:
    """Return the spread of values of which NaN means "never", which counts as later than any other.

    A quantile that falls on "never" is None, and so is the mean as soon as one draw never comes; `why` says how many.
    """
    never = int(np.isnan(values).sum())
    if never == 0:
        return spread_of(values)
    ordered = np.where(np.isnan(values), np.inf, values)
    found = np.quantile(ordered, [0.05, 0.25, 0.5, 0.75, 0.95], method="inverted_cdf")
    low, first, middle, third, high = (float(q) if np.isfinite(q) else None for q in found)
    return Spread(None, low, first, middle, third, high, f"{why} in {never:,} of {len(values):,} draws")
