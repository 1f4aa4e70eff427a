"""What happens in the end: visits, ends, time and worth over an infinite horizon, for chains without tenure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.exact.transforms import lost_to_discounting, mean_dwells


@final
@dataclass(frozen=True, slots=True, eq=False)
class Absorption:
    """Expectations to the end of the journey. Axes: D draws, G personas, n touchpoints, m outcomes.

    Fields ending in `_from` start at each touchpoint, the others at entry. Money is not discounted.
    """

    visits: Floats  # (D, G, n) expected visits to each touchpoint
    ends: Floats  # (D, G, m) P(ends in each outcome)
    ends_from: Floats  # (D, G, n, m)
    moves: Floats  # (D, G) expected number of moves
    moves_from: Floats  # (D, G, n)
    moves_variance: Floats  # (D, G)
    moves_variance_from: Floats  # (D, G, n)
    days: Floats  # (D, G) expected days to the end
    days_from: Floats  # (D, G, n)
    value: Floats  # (D, G)
    cost: Floats  # (D, G)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """Expected discounted value and cost to the end of the journey, from entry (D, G) and from each touchpoint."""

    value: Floats
    cost: Floats
    value_from: Floats  # (D, G, n)
    cost_from: Floats  # (D, G, n)


def absorption(chain: Chain, *, draws: Ints | None = None) -> Absorption:
    """Return what the chain leads to when nobody stops the clock.

    Parameters
    ----------
    chain
        A chain with one tenure period.
    draws
        Indices of the draws wanted; all when None.

    Raises
    ------
    ValueError
        The chain has tenure periods, or some touchpoint never leads to an outcome.

    Notes
    -----
    Absorbing chains (Kemeny & Snell, Finite Markov Chains, 3.2-3.3, 3.5) on the embedded chain; the expected time is
    the expected visits times mean dwell whatever the shape of dwells (Markov renewal theory, Çinlar 1975, 10.5).
    Solved by state reduction without subtractions, so shares of 1e-12 keep their relative precision.
    """
    chain = _without_tenure(chain if draws is None else chain.take(draws))
    ends = end_probabilities(chain)
    rewards = np.stack([np.ones(_head(chain)), _per_visit(chain, mean_dwells(chain)), *_money(chain)], axis=-1)
    moves, days, value, cost = np.moveaxis(accumulated(chain, rewards), -1, 0)
    variance = _moves_variance(chain, moves)
    entry = chain.entry[..., : len(chain.touchpoints)]
    mean_moves = np.sum(entry * moves, axis=-1)
    value_end, cost_end = _ends_money(chain, ends.entry)
    return Absorption(
        visits=ends.visits,
        ends=ends.entry,
        ends_from=ends.touchpoint,
        moves=mean_moves,
        moves_from=moves,
        moves_variance=np.sum(entry * (variance + (moves - mean_moves[..., None]) ** 2), axis=-1)
        + (1.0 - np.sum(entry, axis=-1)) * mean_moves**2,
        moves_variance_from=variance,
        days=np.sum(entry * days, axis=-1),
        days_from=days,
        value=np.sum(entry * value, axis=-1) + value_end,
        cost=np.sum(entry * cost, axis=-1) + cost_end,
    )


def _moves_variance(chain: Chain, moves: Floats) -> Floats:
    """Return the variance of the number of moves from each touchpoint, by the law of total variance: nothing cancels."""
    ahead = np.concatenate([moves, np.zeros((*moves.shape[:2], len(chain.outcomes)))], axis=-1)
    gap = 1.0 + ahead[..., chain.target] - moves[..., chain.source]
    return np.asarray(accumulated(chain, by_source(chain, chain.share * gap[:, :, None] ** 2)[..., None])[..., 0])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where customers end: from entry (D, G, m), from each touchpoint (D, G, n, m), and visits from entry (D, G, n)."""

    entry: Floats
    touchpoint: Floats
    visits: Floats


def end_probabilities(chain: Chain) -> Ends:
    """Return the probability of each outcome and the expected visits; the fast part of `absorption`.

    Raises
    ------
    ValueError
        The chain has tenure periods, or some touchpoint never leads to an outcome.
    """
    from journeysim.simulate.exact.elimination import solve

    chain = _without_tenure(chain)
    (d, g), n, m = chain.share.shape[:2], len(chain.touchpoints), len(chain.outcomes)
    visits, ends = np.zeros((d * g, n)), np.zeros((d * g, n + 1, m))
    solve(_flat(chain.share), chain.source, chain.target, _flat(chain.entry), visits, ends)
    if not (np.isfinite(visits).all() and np.isfinite(ends).all()):
        raise ValueError("from some touchpoint no outcome can be reached, so the infinite horizon has no answer")
    ends = ends.reshape(d, g, n + 1, m)
    return Ends(entry=ends[:, :, n], touchpoint=ends[:, :, :n], visits=visits.reshape(d, g, n))


def fundamental_matrix(chain: Chain) -> Floats:
    """Return the expected visits to each touchpoint (last axis) from each one, the start counted; (D, G, n, n)."""
    chain = _without_tenure(chain)
    n = len(chain.touchpoints)
    return accumulated(chain, np.broadcast_to(np.eye(n), (*_head(chain), n)))


def discounted_worth(chain: Chain, rate_value: float, rate_cost: float) -> Worth:
    """Return expected value and cost to the end of time, each discounted at its yearly rate when the money moves.

    Raises
    ------
    ValueError
        The chain has tenure periods, or some touchpoint never leads to an outcome while a rate is 0.

    Notes
    -----
    With force of interest f, V_i = r_i + sum_j P_ij phi_ij(f) (link_ij + V_j), where phi_ij is the Laplace transform
    of the dwell and r_i the visit's own money plus its daily money times (1 - sum_j P_ij phi_ij) / f.
    """
    chain = _without_tenure(chain)
    lost = {rate: lost_to_discounting(chain, _force(rate)) for rate in {rate_value, rate_cost}}
    value, value_from = _discounted(chain, rate_value, 0, lost[rate_value])
    cost, cost_from = _discounted(chain, rate_cost, 1, lost[rate_cost])
    return Worth(value=value, cost=cost, value_from=value_from, cost_from=cost_from)


def _force(rate: float) -> float:
    """Return the force of interest per day of a yearly rate."""
    return float(np.log1p(rate) / DAYS_PER_YEAR)


def _discounted(chain: Chain, rate: float, side: int, lost: Floats) -> tuple[Floats, Floats]:
    """Return one side's discounted money from entry and from each touchpoint; side 0 is value, 1 is cost."""
    n, force = len(chain.touchpoints), _force(rate)
    kept = chain.share * (1 - lost)
    span = mean_dwells(chain) if force == 0 else lost / force
    visit = (chain.visit_value, chain.visit_cost)[side][:, :, 0]
    daily = (chain.value_per_day, chain.cost_per_day)[side][:, :, 0]
    link = (chain.link_value, chain.link_cost)[side]
    # an outcome's own money is earned by the move that reaches it
    ending = np.where(chain.target >= n, visit[..., chain.target], 0.0)[:, :, None]
    earned = by_source(chain, kept * (link + ending)) + daily[..., :n] * by_source(chain, chain.share * span)
    sums = accumulated(chain, (visit[..., :n] + earned)[..., None], kept, by_source(chain, chain.share * lost))
    start = np.concatenate([sums[..., 0], visit[..., n:]], axis=-1)
    return np.sum(chain.entry * start, axis=-1), sums[..., 0]


def _money(chain: Chain) -> tuple[Floats, Floats]:
    """Return value and cost per visit of a touchpoint: its own, its days', and its links'; each (D, G, n)."""
    n, means = len(chain.touchpoints), mean_dwells(chain)
    days = _per_visit(chain, means)

    def side(visit: Floats, daily: Floats, link: Floats) -> Floats:
        return np.asarray(visit[:, :, 0, :n] + daily[:, :, 0, :n] * days + _per_visit(chain, link))

    return (
        side(chain.visit_value, chain.value_per_day, chain.link_value),
        side(chain.visit_cost, chain.cost_per_day, chain.link_cost),
    )


def _ends_money(chain: Chain, ends: Floats) -> tuple[Floats, Floats]:
    n = len(chain.touchpoints)
    return (
        np.asarray(np.sum(ends * chain.visit_value[:, :, 0, n:], axis=-1)),
        np.asarray(np.sum(ends * chain.visit_cost[:, :, 0, n:], axis=-1)),
    )


def _per_visit(chain: Chain, per_link: Floats) -> Floats:
    """Return the expectation of a link's number over the links of each touchpoint; (D, G, n)."""
    return by_source(chain, np.where(chain.share > 0, chain.share * per_link, 0.0))


def by_source(chain: Chain, per_link: Floats) -> Floats:
    """Return sums of (D, G, 1, L) over the links of each touchpoint; (D, G, n)."""
    total = np.zeros(_head(chain))
    for link, i in enumerate(chain.source):
        total[..., i] += per_link[:, :, 0, link]
    return total


def accumulated(chain: Chain, rewards: Floats, share: Floats | None = None, rest: Floats | None = None) -> Floats:
    """Return expected sums to the end of rewards per visit, (D, G, n, R), from each touchpoint."""
    from journeysim.simulate.exact.elimination import accumulate

    n, kinds = rewards.shape[-2:]
    share = _flat(chain.share if share is None else share)
    rest = np.zeros((len(share), n)) if rest is None else np.ascontiguousarray(rest.reshape(-1, n))
    out = np.zeros((len(share), n, kinds))
    flat = np.ascontiguousarray(rewards.reshape(-1, n, kinds), dtype=np.float64)
    accumulate(share, chain.source, chain.target, rest, flat, out)
    if not np.isfinite(out).all():
        raise ValueError("from some touchpoint no outcome can be reached, or a mean dwell is infinite")
    return out.reshape(rewards.shape)


def _head(chain: Chain) -> tuple[int, int, int]:
    return chain.share.shape[0], chain.share.shape[1], len(chain.touchpoints)


def _flat(table: Floats) -> Floats:
    return np.ascontiguousarray(table.reshape(-1, table.shape[-1]), dtype=np.float64)


def _without_tenure(chain: Chain) -> Chain:
    if chain.season is not None:
        raise ValueError("the chain has seasons; the infinite horizon is solved for a chain without any")
    if len(chain.period_end) != 1:
        raise ValueError(
            f"the chain has {len(chain.period_end)} tenure periods; the infinite horizon is solved for one only"
        )
    return chain
