"""A dozen varied maps on which engines must agree, what a customer's life says in fifteen metrics, and one pooled test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import stats

from chains import build_chain, random_chain, with_arrays
from journeysim.model.dwell import Family
from journeysim.simulate.chain import Chain
from journeysim.simulate.exact import exact_paths, exact_tally
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives
from walk_reference import rich_chain

METRICS = (
    "conversion", "churn", "loss", "active", "revenue", "cost", "discounted revenue", "discounted cost", "effort", "touches",
    "touches to convert", "bounce", "converted by half-time", "on the way at half-time", "on the way at a quarter",
)  # fmt: skip
#: Directions in which lives hardly differ (below this part of the largest variance) are left out: rounding lives there.
_THIN = 1e-3
_MONEY = {
    "visit_value": {"won": 90.0, "b": 2.0}, "visit_cost": {"a": 1.0, "b": 3.0, "c": 0.5},
    "value_per_day": {"b": 0.7, "c": 1.1}, "cost_per_day": {"a": 0.2}, "effort": {"a": 1.0, "b": 2.0, "won": 3.0},
    "link_value": {"b -> a": 4.0}, "link_cost": {"a -> lost": 0.5},
}  # fmt: skip
_SHARES = {
    "a": {"b": 0.55, "c": 0.15, "lost": 0.3}, "b": {"a": 0.35, "c": 0.45, "lost": 0.2}, "c": {"b": 0.25, "c": 0.15, "won": 0.6},
}  # fmt: skip


def _map(dwell, **marks) -> Chain:
    """Return the loop a, b, c with a dwell (family, scale, shape) for each link in turn."""
    number, rows = 0, {}
    for name, row in _SHARES.items():
        rows[name] = {}
        for to, share in row.items():
            rows[name][to] = (share, *dwell[number % len(dwell)])
            number += 1
    marks = {"converts": ["won"], "churns": ["lost"], **marks}
    return build_chain(rows, outcomes=["won", "lost"], **_MONEY, **marks)


def _spread_values(chain: Chain) -> Chain:
    entry = np.array([0.4, 0.2, 0.1, 0.1, 0.2])[None, None]
    return with_arrays(chain, entry=entry, visit_value_sd=0.6 * chain.visit_value)


def dozen() -> Iterator[tuple[str, Chain, Settings]]:
    """Yield (what is special about it, map, horizon and discount rates)."""
    table = np.sort(np.random.default_rng(4).gamma(0.8, 6.0, (3, 33)), axis=1)
    families = (
        (Family.LOGNORMAL, 4.0, 0.9),
        (Family.WEIBULL, 6.0, 0.7),
        (Family.GAMMA, 2.0, 1.8),
        (Family.LOGLOGISTIC, 3.0, 2.2),
    )
    exponential = ((Family.EXPONENTIAL, 3.0, 1.0), (Family.EXPONENTIAL, 7.0, 1.0))
    days = ((Family.FIXED, np.pi, 1.0), (Family.FIXED, np.e, 1.0), (Family.FIXED, 7.3, 1.0))
    quantiles = tuple((Family.EMPIRICAL, 1.0, float(k)) for k in range(3))
    instant = (
        (Family.FIXED, 0.0, 1.0),
        (Family.EXPONENTIAL, 4.0, 1.0),
        (Family.FIXED, 0.001, 1.0),
        (Family.LOGNORMAL, 3.0, 1.1),
    )
    long_silence = (Family.WEIBULL, 2.0, 1.4), (Family.LOGLOGISTIC, 2.5, 1.6), (Family.FIXED, 30.0, 1.0)
    late = {"churns": ["lost"], "after_conversion": ["lost"], "converts": ["c"]}
    rich = rich_chain(5, draws=1)
    yield "exponential stays in a loop", _map(exponential), Settings(25.0, 0.4, 0.1)
    yield "a cohort of fixed cycles", _map(((Family.FIXED, 1.0, 1.0),)), Settings(8.5, 0.4, 0.1)
    yield "fixed times without a common step", _map(days), Settings(30.0, 0.4, 0.1)
    yield "four families", _map(families), Settings(30.0, 0.4, 0.1)
    yield "quantile tables", _map(quantiles, table=table), Settings(40.0, 0.4, 0.1)
    yield "silent exits booked late", _map(long_silence), Settings(45.0, 0.4, 0.1)
    yield "instant moves and loops", _map(instant), Settings(12.0, 0.4, 0.1)
    yield "conversion on the way, churn after it", _map(families, **late), Settings(60.0, 0.2, 0.5)
    yield "spread values, entry anywhere", _spread_values(_map(families)), Settings(30.0, 0.4, 0.1)
    yield "two personas", random_chain(2, draws=1, personas=2, touchpoints=6, out_degree=3), Settings(60.0, 0.3, 0.1)
    yield (
        "tenure, three personas, every family",
        replace(rich, coupled=np.zeros_like(rich.coupled)),
        Settings(50.0, 0.4, 0.1),
    )
    yield "the same as a proposal, coupled to today", rich, Settings(50.0, 0.4, 0.1)


def of_lives(chain: Chain, settings: Settings, *, seed: int, customers: int) -> np.ndarray:
    """Return the fifteen metrics of walked customers of the first draw, (customer, metric)."""
    lives = walk_lives(chain, settings, seed=seed, draws=[0], customers=np.arange(customers))
    end, day, converted = lives.end[0], lives.end_time[0], np.isfinite(lives.convert_time[0])
    ended, marks = end >= 0, chain.converts[lives.end[0]] & (end >= 0)
    churned = ended & chain.churns[end] & (converted | ~chain.after_conversion[end])
    lost = ended & ~converted & ~churned
    half, quarter = settings.horizon / 2, settings.horizon / 4
    return np.stack([
        converted, churned, lost, ~ended, lives.value[0], lives.cost[0], lives.value_pv[0], lives.cost_pv[0], lives.effort[0],
        lives.touches[0], lives.touches_to_convert[0], ended & ~converted & ~marks & (lives.touches[0] <= 1),
        lives.convert_time[0] <= half, ~(day <= half), ~(day <= quarter),
    ], axis=1).astype(np.float64)  # fmt: skip


def expected(chain: Chain, settings: Settings, *, tolerance: float = 1e-4) -> np.ndarray:
    """Return the same of the first draw by the exact engine, (metric,), with its own error far below that of the lives."""
    settings = replace(settings, tolerance=tolerance)
    tally, _ = exact_tally(chain, settings)
    paths = exact_paths(chain, settings, tally)
    n, half, quarter = len(chain.touchpoints), 60, 30
    figures = (
        tally.converted, tally.churned, tally.lost, tally.active, tally.value, tally.cost, tally.value_pv, tally.cost_pv,
        tally.effort, tally.visits[..., :n].sum(axis=-1), paths.touches_to_convert, paths.bounced,
        tally.converted_by[..., half], tally.active_at[..., half], tally.active_at[..., quarter],
    )  # fmt: skip
    return np.array([figure[0] @ chain.persona_share[0] for figure in figures])


def apart(lives: np.ndarray, exact: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Return the z-score of each metric, and Hotelling's statistic of all of them together with its degrees of freedom.

    Metrics of one customer depend on each other (who has not converted has not paid), so their z-scores are not
    independent; turned into the directions in which lives vary independently they are, and the sum of their squares is
    chi-square distributed (Anderson, Multivariate Statistical Analysis, 3rd ed., 5.2.2; the sample is large).
    """
    count, gap, spread = len(lives), lives.mean(axis=0) - exact, lives.std(axis=0)
    varies = spread > 0
    z = np.zeros(len(gap))
    z[varies] = gap[varies] / spread[varies] * np.sqrt(count)
    z[~varies & (np.abs(gap) > 1e-9)] = np.inf
    size, turn = np.linalg.eigh(np.corrcoef(lives[:, varies].T))
    kept = size > _THIN * size[-1]
    return z, float(np.sum((turn.T @ z[varies])[kept] ** 2 / size[kept])), int(kept.sum())


def chance(found: list[tuple[np.ndarray, float, int]]) -> tuple[float, float]:
    """Return how probable agreeing engines are to lie as far apart or farther on all maps together, and the largest |z|."""
    together = sum(statistic for _, statistic, _ in found), sum(degrees for _, _, degrees in found)
    return float(stats.chi2.sf(*together)), float(max(np.abs(z).max() for z, _, _ in found))


def skewed(chain: Chain, settings: Settings) -> Chain:
    """Return the map with the share of its busiest link 2 % too large, at the expense of the row's other links."""
    moves = exact_tally(chain, replace(settings, tolerance=1e-2))[0].moves.sum(axis=(0, 1))
    alone = np.diff(chain.row_start)[chain.source] == 1
    link = int(np.where(alone, 0.0, moves).argmax())
    row = slice(chain.row_start[chain.source[link]], chain.row_start[chain.source[link] + 1])
    share, before = chain.share.copy(), chain.share[..., link]
    more = np.minimum(1.02 * before, 1.0)
    share[..., row] *= np.where(before < 1.0, (1.0 - more) / np.where(before < 1.0, 1.0 - before, 1.0), 1.0)[..., None]
    share[..., link] = more
    return with_arrays(chain, share=share)
