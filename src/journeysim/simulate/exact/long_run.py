"""What happens in the end, with its variance: first and second moments to absorption, and first passages.

With R the reward of a move (mean r, variance v by link) and mu_i, V_i mean and variance of all rewards from touchpoint i
on, mu_i = sum_j P_ij (r_ij + mu_j) and, by the law of total variance,
V_i = sum_j P_ij (v_ij + (r_ij + mu_j - mu_i)^2) + sum_j P_ij V_j: every term is non-negative, so a small variance beside a
large mean keeps its digits. Moves are Markov renewals, so the dwell's shape enters by its mean and variance alone.
First passages follow the moves of those who do come there: P_ij h_j / h_i with h the probability to come there (Doob's
transform; Kemeny & Snell 1976, 3.5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain
from journeysim.simulate.exact.absorption import (
    accumulated,
    by_source,
    discounted_worth,
    end_probabilities,
    fundamental_matrix,
)
from journeysim.simulate.exact.transforms import dwell_variances, mean_dwells
from journeysim.simulate.long_run import LongRun
from journeysim.simulate.settings import Settings


class Moments(NamedTuple):
    """Mean and second moment from entry, (D, G)."""

    mean: Floats
    squares: Floats


def long_run(chain: Chain, settings: Settings) -> LongRun | None:
    """Return what a chain leads to when nobody stops the clock.

    None where there is no answer: rows that change with tenure, layers that act, or customers who never end.
    """
    if chain.share.shape[2] != 1 or chain.layers.names:
        return None
    try:
        ends = end_probabilities(chain)
    except ValueError:
        return None
    days, varied = mean_dwells(chain), dwell_variances(chain)
    ending = _moments(chain, days, varied)
    touches = _moments(chain, np.ones_like(days), np.zeros_like(days))
    value, cost, margin = _money(chain, days, varied)
    converting = _passage(chain, chain.converts, days, varied)
    worth = _worth(chain, settings)
    return LongRun(
        converted=converting.chance, convert_days=converting.days.mean, convert_days_squares=converting.days.squares,
        days=ending.mean, days_squares=ending.squares, touches=touches.mean, touches_squares=touches.squares,
        value=value.mean, value_squares=value.squares, cost=cost.mean, cost_squares=cost.squares,
        margin_squares=margin.squares, value_pv=worth[0], cost_pv=worth[1], ends=ends.entry,
        reached=_reached(chain, ends.visits), touchpoints=chain.touchpoints, outcomes=chain.outcomes,
    )  # fmt: skip


class _Passage(NamedTuple):
    chance: Floats  # (D, G) P(ever comes there)
    days: Moments  # to the first time, 0 for who never comes


def _reached(chain: Chain, visits: Floats) -> Floats:
    """Return P(ever comes to each touchpoint): expected visits over those of who is there (Kemeny & Snell 1976, 3.5.2)."""
    own = np.diagonal(fundamental_matrix(chain), axis1=-2, axis2=-1)
    return np.asarray(visits / own)


def _worth(chain: Chain, settings: Settings) -> tuple[Floats, Floats]:
    try:
        worth = discounted_worth(chain, settings.discount_value, settings.discount_cost)
    except ValueError:
        nothing = np.full(chain.share.shape[:2], np.nan)
        return nothing, nothing
    return worth.value, worth.cost


def _moments(chain: Chain, mean: Floats, varied: Floats, ends: tuple[Floats, Floats] | None = None) -> Moments:
    """Return moments of what moves bring, (D, G, 1, L), and of what outcomes bring to who enters there, (D, G, m)."""
    none = np.zeros((*chain.share.shape[:2], len(chain.outcomes)))
    at_ends, spread_ends = (none, none) if ends is None else ends
    mu, variance = _from_touchpoints(chain, mean, varied)
    first, second = np.concatenate([mu, at_ends], axis=-1), np.concatenate([variance, spread_ends], axis=-1)
    entry, used = chain.entry, chain.entry > 0
    squares = np.where(used, entry * (second + first**2), 0.0).sum(axis=-1)
    return Moments(np.where(used, entry * first, 0.0).sum(axis=-1), squares)


def _from_touchpoints(
    chain: Chain, mean: Floats, varied: Floats, share: Floats | None = None, rest: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return mean and variance of all rewards from each touchpoint on, (D, G, n); NaN where a move's is infinite or unknown."""
    share = chain.share if share is None else share
    moving = share > 0
    finite = np.asarray(np.isfinite(np.where(moving, mean, 0.0)).all(axis=(2, 3)))
    mu = _summed(chain, np.where(moving, mean, 0.0), share, rest)
    ahead = np.concatenate([mu, np.zeros((*mu.shape[:2], len(chain.outcomes)))], axis=-1)[..., chain.target]
    with np.errstate(invalid="ignore", over="ignore"):
        gap = mean[:, :, 0] + ahead - mu[..., chain.source]
        variance = _summed(chain, np.where(moving, varied + gap[:, :, None] ** 2, 0.0), share, rest)
    known = np.asarray(finite & np.isfinite(np.where(moving, varied, 0.0)).all(axis=(2, 3)))
    return np.where(finite[..., None], mu, np.nan), np.where(known[..., None], variance, np.nan)


def _summed(chain: Chain, per_link: Floats, share: Floats, rest: Floats | None) -> Floats:
    """Return the expected sum of a number per move from each touchpoint to the end; infinite numbers count as 0 here."""
    calm = np.where(np.isfinite(per_link), per_link, 0.0)
    return accumulated(chain, by_source(chain, share * calm)[..., None], share, rest)[..., 0]


def _passage(chain: Chain, wanted: Bools, days: Floats, varied: Floats) -> _Passage:
    """Return whether and when customers first come to a set of places."""
    n, m = len(chain.touchpoints), len(chain.outcomes)
    # Who comes to the set is taken out there: all links into it lead to one more outcome.
    into = wanted[chain.target]
    entry = np.concatenate([chain.entry, np.zeros((*chain.entry.shape[:2], 1))], axis=-1)
    away = replace(
        chain, outcomes=(*chain.outcomes, ""), target=np.where(into, n + m, chain.target), entry=entry,
    )  # fmt: skip
    chance_from = end_probabilities(away).touchpoint[..., m]
    there = np.concatenate(
        [np.where(wanted[:n], 1.0, chance_from), wanted[n:] * np.ones((*entry.shape[:2], m))], axis=-1
    )
    chance = np.where(chain.entry > 0, chain.entry * there, 0.0).sum(axis=-1)
    after = np.concatenate([chance_from, np.zeros((*entry.shape[:2], m)), np.ones((*entry.shape[:2], 1))], axis=-1)
    never = chance_from <= 0
    bound = np.where(never, 1.0, chance_from)[..., chain.source]
    share = (chain.share[:, :, 0] * after[..., away.target] / bound * ~never[..., chain.source])[:, :, None]
    mu, variance = _from_touchpoints(away, days, varied, share, never.astype(np.float64))
    weight = np.where(wanted[:n], 0.0, chance_from) * chain.entry[..., :n]
    used = weight > 0
    mean = np.where(used, weight * mu, 0.0).sum(axis=-1)
    return _Passage(chance, Moments(mean, np.where(used, weight * (variance + mu**2), 0.0).sum(axis=-1)))


def _money(chain: Chain, days: Floats, varied: Floats) -> tuple[Moments, Moments, Moments]:
    """Return moments of value, cost and margin; squares of value and margin are NaN where customers differ in spending."""
    n, spread = len(chain.touchpoints), value_variance(chain)
    sides = (
        (chain.visit_value, chain.value_per_day, chain.link_value, spread),
        (chain.visit_cost, chain.cost_per_day, chain.link_cost, np.zeros_like(spread)),
        (
            chain.visit_value - chain.visit_cost, chain.value_per_day - chain.cost_per_day,
            chain.link_value - chain.link_cost, spread,
        ),
    )  # fmt: skip
    found = []
    for visit, daily, link, own in sides:
        rate = daily[..., chain.source]
        ending = np.where(chain.target >= n, visit[..., chain.target], 0.0)
        ending_spread = np.where(chain.target >= n, own[..., chain.target], 0.0)
        mean = visit[..., chain.source] + link + _product(rate, days) + ending
        variance = own[..., chain.source] + _product(rate**2, varied) + ending_spread
        found.append(_moments(chain, mean, variance, (visit[:, :, 0, n:], own[:, :, 0, n:])))
    return found[0], found[1], found[2]


def _product(rate: Floats, size: Floats) -> Floats:
    """Return rate times size; nothing a day brings nothing, however long it lasts."""
    return np.where(rate != 0, rate * np.where(rate != 0, size, 0.0), 0.0)


def value_variance(chain: Chain) -> Floats:
    """Return the variance of a visit's value around its mean, (D, G, P, s); NaN where customers differ for good."""
    mean, layer = chain.visit_value, chain.layers.values
    stated = np.asarray(chain.visit_value_sd**2)
    if layer is None:
        return stated
    shape, keep = layer.shape[:, :, None], 1.0 - layer.zero[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gamma = layer.family == Family.GAMMA
        ratio = np.where(gamma, 1.0 + 1.0 / shape, np.exp(np.minimum(shape, 26.0) ** 2))
        learned = mean**2 * (ratio / keep - 1.0)
    known = np.isfinite(layer.shape)[:, :, None] & (mean > 0) & (keep > 0)
    differ = np.isfinite(layer.spend[..., 0])[:, :, None] & known
    return np.where(differ, np.nan, np.where(known, learned, stated))
