"""Exact tallies: the time-grid renewal recursion (MODEL section 6), draw by draw and persona by persona."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.exact.grid import (
    FIRST_STEPS,
    MOST_STEPS,
    Grid,
    build_grid,
    cohort_step,
    fewest_steps,
)
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally

if TYPE_CHECKING:
    from journeysim.simulate.exact.kernel import Layout, Rows, Sums, Work

_TRIAL_DRAWS: Final = 3


@final
@dataclass(frozen=True, slots=True)
class ExactReport:
    """How finely time was cut and what that cost.

    `step` in days, `steps` up to the horizon. `error` is the largest relative difference that doubling the step made
    to conversion and to discounted value and cost (in up to three draws); the error left is about a third of it.
    0 where every move takes a whole number of steps (`cohort`), so that nothing was approximated.
    """

    step: float
    steps: int
    error: float
    cohort: bool


def exact_tally(chain: Chain, settings: Settings) -> tuple[Tally, ExactReport]:
    """Return every expected count and sum of the chain within the horizon, without Monte Carlo noise.

    Parameters
    ----------
    chain
        One world; only shares, dwells and rewards are read, no queue, frailty, memory or satisfaction.
    settings
        Horizon (days), discount rates (yearly), within-cycle rule, tolerance.

    Returns
    -------
    The tally (axes as in `Tally`), and the step that was used with its estimated relative error.

    Raises
    ------
    ValueError
        A within-cycle rule for a chain that is no cohort model, or weights of the wrong number; customers who circle
        for ever in no time.

    Notes
    -----
    x_j(t) = entries_j(t) + sum_i sum_u x_i(t-u) P_ij(t-u) F_ij({u}) on t = 0, h, 2h, …, with mean-preserving masses
    (error of second order in h). If every dwell is fixed and a multiple of one step, that step is used and the answer
    is exact to rounding: the cohort Markov model. Otherwise h is halved until doubling it changes conversion, value
    and cost by less than the tolerance.
    """
    step = cohort_step(chain, settings.horizon)
    if step is not None:
        steps = max(1, int(np.floor(settings.horizon / step + 1e-9)))
        tally = _run(chain, settings, build_grid(chain.period_end, step, steps, lattice=True))
        return tally, ExactReport(step, steps, 0.0, cohort=True)
    if settings.within_cycle != "none":
        raise ValueError(
            "a within-cycle correction needs a cohort model (every dwell fixed at one and the same time); "
            "this chain has other dwells, so leave within_cycle at 'none'"
        )
    steps, error = _enough_steps(chain, settings)
    return _run(chain, settings, _even_grid(chain, settings, steps)), ExactReport(
        settings.horizon / steps, steps, error, cohort=False
    )


def _even_grid(chain: Chain, settings: Settings, steps: int) -> Grid:
    return build_grid(chain.period_end, settings.horizon / steps, steps, lattice=False)


def _enough_steps(chain: Chain, settings: Settings) -> tuple[int, float]:
    """Halve the step until that changes the trial draws by less than the tolerance; return steps and last change."""
    trial = chain.take(np.unique(np.linspace(0, chain.draws - 1, _TRIAL_DRAWS).astype(np.int64)))
    fewest = fewest_steps(chain, settings)
    steps = fewest * -(-FIRST_STEPS // fewest)
    coarse = _run(trial, settings, _even_grid(chain, settings, steps))
    while True:
        steps *= 2
        fine = _run(trial, settings, _even_grid(chain, settings, steps))
        error = _change(coarse, fine)
        if error <= settings.tolerance or 2 * steps > MOST_STEPS:
            return steps, error
        coarse = fine


def _change(coarse: Tally, fine: Tally) -> float:
    """Return the largest difference of the decision quantities, relative to the fine one."""
    largest = 0.0
    for name in ("converted", "value_pv", "cost_pv"):
        old, new = getattr(coarse, name), getattr(fine, name)
        size = np.abs(new)
        largest = max(largest, float(np.max(np.abs(old - new) / np.where(size > 0, size, 1.0))))
    return largest


def _run(chain: Chain, settings: Settings, grid: Grid) -> Tally:
    """Run all worlds on one grid, blocks of draws in parallel; a draw's numbers do not depend on its block."""
    from journeysim.simulate.exact.kernel import worlds

    layout, rows = _layout(chain, settings, grid), _rows(chain)
    sums = _sums(chain, settings)
    threads = max(1, min(chain.draws, os.cpu_count() or 1))
    edges = np.linspace(0, chain.draws, threads + 1).astype(int)
    works = [_work(layout, rows) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(worlds, layout, rows, work, sums, int(begin), int(end))
            for work, begin, end in zip(works, edges[:-1], edges[1:], strict=True)
        ]
        for job in jobs:
            job.result()
    if not np.isfinite(sums.visits).all():
        raise ValueError("customers circle for ever in no time: give a dwell above 0 to a link of the circle")
    return _tally(chain, settings, sums)


def _layout(chain: Chain, settings: Settings, grid: Grid) -> Layout:
    from journeysim.simulate.exact.kernel import Layout

    numbers, kernels = _number_kernels(chain)
    touchpoints = len(chain.touchpoints)
    times = grid.step * np.arange(grid.steps + 1)
    value_factor, value_span = _discount(settings.discount_value, times, settings.horizon)
    cost_factor, cost_span = _discount(settings.discount_cost, times, settings.horizon)
    return Layout(
        source=np.ascontiguousarray(chain.source, dtype=np.int64),
        target=np.ascontiguousarray(chain.target, dtype=np.int64),
        family=chain.family.astype(np.int64),
        table=np.ascontiguousarray(chain.dwell_table, dtype=np.float64),
        kernel=numbers,
        used=np.asarray((chain.share > 0).any(axis=(0, 1, 2))),
        converts=np.ascontiguousarray(chain.converts),
        churns=np.ascontiguousarray(chain.churns),
        after_conversion=np.ascontiguousarray(chain.after_conversion),
        first=grid.first,
        last=grid.last,
        offset=grid.offset,
        part=grid.part,
        at=grid.at,
        lowest=grid.lowest,
        highest=grid.highest,
        step=grid.step,
        horizon=settings.horizon,
        touchpoints=touchpoints,
        layers=2 if chain.converts[:touchpoints].any() else 1,
        kernels=kernels,
        cycle_weight=_cycle_weights(chain, settings, grid.steps),
        value_factor=value_factor,
        cost_factor=cost_factor,
        value_span=value_span,
        cost_span=cost_span,
        marks=settings.marks,
        month_ends=np.minimum(settings.month_ends, settings.horizon),
    )


def _number_kernels(chain: Chain) -> tuple[Ints, int]:
    """Number the dwells so that links whose dwell does not depend on tenure have one for all periods; (P, L), count."""
    periods, links = chain.share.shape[2:]
    same = np.ones(links, dtype=bool)
    for table in (chain.dwell_a, chain.dwell_b):
        same &= np.asarray((table == table[:, :, :1]) | np.isnan(table)).all(axis=(0, 1, 2))
    width = np.where(same, 1, periods)
    begin = np.concatenate([[0], np.cumsum(width)[:-1]])
    numbers = begin[None, :] + np.where(same, 0, np.arange(periods)[:, None])
    return numbers.astype(np.int64), int(width.sum())


def _discount(rate: float, times: Floats, horizon: float) -> tuple[Floats, Floats]:
    """Return the discount factor at each time, and its integral from there to the next time or the horizon."""
    force = np.log1p(rate) / DAYS_PER_YEAR
    factor = np.exp(-force * times)
    span = np.append(times[1:], horizon) - times
    return factor, factor * (span if force == 0 else -np.expm1(-force * span) / force)


def _cycle_weights(chain: Chain, settings: Settings, steps: int) -> Floats:
    """Return the within-cycle weight of each cycle 0 … steps."""
    weights, rule = np.ones(steps + 1), settings.within_cycle
    if rule == "none":
        return weights
    lengths = np.unique(chain.dwell_a[chain.share > 0])
    if len(lengths) != 1 or lengths[0] <= 0:
        raise ValueError(
            "a within-cycle correction needs every dwell fixed at one and the same time above 0 (a cohort model); "
            f"this chain has {len(lengths)} different fixed dwells"
        )
    if not isinstance(rule, str):
        if len(rule) != steps + 1:
            raise ValueError(f"within_cycle needs one weight per cycle 0 to {steps}, so {steps + 1}; got {len(rule)}")
        return np.asarray(rule, dtype=np.float64)
    first, last = {"half": (0.5, 0.5), "start": (1.0, 0.0), "end": (0.0, 1.0)}[rule]
    weights[0], weights[-1] = first, last
    return weights


def _rows(chain: Chain) -> Rows:
    from journeysim.simulate.exact.kernel import Rows

    return Rows(*(np.ascontiguousarray(getattr(chain, name), dtype=np.float64) for name in Rows._fields))


def _sums(chain: Chain, settings: Settings) -> Sums:
    from journeysim.simulate.exact.kernel import Sums

    head = chain.share.shape[:2]
    sizes = {
        "ends": (len(chain.outcomes),),
        "visits": (len(chain.converts),),
        "moves": (len(chain.links),),
        "value_at": (len(chain.converts),),
        "cost_at": (len(chain.converts),),
        "converted_by": settings.marks.shape,
        "ended_by": settings.marks.shape,
        "value_month": settings.month_ends.shape,
        "cost_month": settings.month_ends.shape,
        "converted_month": settings.month_ends.shape,
    }
    return Sums(*(np.zeros(head + sizes.get(name, ())) for name in Sums._fields))


def _work(o: Layout, r: Rows) -> Work:
    """Return one thread's scratch."""
    from journeysim.simulate.exact.kernel import Work

    links, places, points = len(o.source), len(o.converts), len(o.at)
    n = o.touchpoints
    return Work(
        reverse=np.zeros((o.kernels, points)),
        known_a=np.full(o.kernels, np.nan),
        known_b=np.full(o.kernels, np.nan),
        low=np.zeros(o.kernels, dtype=np.int64),
        high=np.zeros(o.kernels, dtype=np.int64),
        on_point=np.zeros(o.kernels, dtype=np.bool_),
        means=np.zeros(points + 1),
        arrived=np.zeros((o.layers, n, len(o.part))),
        sharp=np.zeros((o.layers, 3, n, points)),
        seen=np.zeros((o.layers, n), dtype=np.bool_),
        flow=np.zeros((o.layers, links, 3)),
        base=np.zeros((o.layers, 3, places)),
        value=np.zeros((places, 3)),
        cost=np.zeros((places, 3)),
        value_rate=np.zeros(n),
        cost_rate=np.zeros(n),
        inverse=np.zeros((3, o.layers, n, n)),
        moving=np.zeros(4, dtype=np.bool_),
        converting=np.zeros((3, points)),
        ending=np.zeros((3, points)),
        earning=np.zeros((3, points)),
        spending=np.zeros((3, points)),
        earning_rate=np.zeros(points),
        spending_rate=np.zeros(points),
    )


def _tally(chain: Chain, settings: Settings, sums: Sums) -> Tally:
    return Tally(
        converted=sums.converted,
        churned=sums.churned,
        lost=sums.lost,
        active=1.0 - sums.ends.sum(axis=2),
        ends=sums.ends,
        visits=sums.visits,
        moves=sums.moves,
        effort=sums.effort,
        value=sums.value_at.sum(axis=2),
        cost=sums.cost_at.sum(axis=2),
        value_pv=sums.value_pv,
        cost_pv=sums.cost_pv,
        value_at=sums.value_at,
        cost_at=sums.cost_at,
        marks=settings.marks,
        converted_by=sums.converted_by,
        active_at=1.0 - sums.ended_by,
        value_month=_per_month(sums.value_month),
        cost_month=_per_month(sums.cost_month),
        converted_month=_per_month(sums.converted_month),
        links=chain.links,
        touchpoints=chain.touchpoints,
        outcomes=chain.outcomes,
        personas=chain.personas,
    )


def _per_month(up_to: Floats) -> Floats:
    return np.diff(up_to, axis=2, prepend=0.0)
