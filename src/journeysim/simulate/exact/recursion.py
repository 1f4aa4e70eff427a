"""Exact tallies: the time-grid renewal recursion (MODEL section 6), draw by draw and persona by persona."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import ArrayLike

from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.exact.grid import (
    FIRST_STEPS,
    Grid,
    build_grid,
    cohort_step,
    fewest_steps,
)
from journeysim.simulate.exact.refinement import TIMING, extrapolate, refine
from journeysim.simulate.exact.state import Kernels, Plan, Rows, World
from journeysim.simulate.executors import usable_cores
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally

if TYPE_CHECKING:
    from journeysim.simulate.exact.booking import Money, Series, Sums

_TRIAL_DRAWS: Final = 3


@final
@dataclass(frozen=True, slots=True)
class ExactReport:
    """How finely time was cut and what that cost, measured in up to three draws.

    `step` in days, `steps` up to the horizon; `extrapolated` with twice the step where that is cheaper. `error` is the
    largest relative error of conversion, discounted value and cost, and visits, `timing` that of single months and of
    the days to convert, both held against grids at least twice as fine (see `refine`). Both are 0 where every move
    takes a whole number of steps (`cohort`), so that nothing was approximated.
    """

    step: float
    steps: int
    error: float
    timing: float
    cohort: bool
    extrapolated: bool = False

    def meets(self, tolerance: float) -> bool:
        """Return whether sums are within the tolerance and timing within 1 %."""
        return self.error <= tolerance and self.timing <= TIMING


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
    is exact to rounding: the cohort Markov model. Otherwise h is as `refine` finds it: fine enough for conversion,
    value, cost and visits to be within the tolerance, and months and days to convert within 1 %. Where even the finest
    grid allowed is not, it is used and the report says so.
    """
    report = exact_report(chain, settings)
    return tally_by(report, chain, settings), report


def exact_report(chain: Chain, settings: Settings, *, threads: int | None = None) -> ExactReport:
    """Return which grid the chain takes, from trials over a few of its draws; see `exact_tally`."""
    first = first_grid(chain, settings)
    return first if isinstance(first, ExactReport) else grid_for(trial_draws(chain), settings, first, threads=threads)


def first_grid(chain: Chain, settings: Settings) -> ExactReport | int:
    """Return a cohort model's grid, which needs no trial, or else the smallest number of steps to be tried."""
    step = cohort_step(chain, settings.horizon)
    if step is not None:
        return ExactReport(step, int(np.floor(settings.horizon / step + 1e-9)), 0.0, 0.0, cohort=True)
    if settings.within_cycle != "none":
        raise ValueError(
            "a within-cycle correction needs a cohort model (every dwell fixed at one and the same time); "
            "this chain has other dwells, so leave within_cycle at 'none'"
        )
    fewest = fewest_steps(chain, settings)
    return fewest * -(-FIRST_STEPS // fewest)


def trial_draws(chain: Chain) -> Chain:
    """Return the few draws of a chain that its grid is found with, spread over all of them."""
    return chain.take(np.unique(np.linspace(0, chain.draws - 1, _TRIAL_DRAWS).astype(np.int64)))


def grid_for(trial: Chain, settings: Settings, fewest: int, *, threads: int | None = None) -> ExactReport:
    """Return the grid that is fine enough for the trial draws, starting from the fewest steps."""
    cut = refine(lambda steps: _on_even_grid(trial, settings, steps, threads), fewest, settings.tolerance)
    step = settings.horizon / cut.steps
    return ExactReport(step, cut.steps, cut.error, cut.timing, cohort=False, extrapolated=cut.extrapolated)


def tally_by(report: ExactReport, chain: Chain, settings: Settings, *, threads: int | None = None) -> Tally:
    """Return the tally on a grid that was found for this chain, or for a longer one that it is a part of."""
    if report.cohort:
        return _run(chain, settings, build_grid(chain.period_end, report.step, report.steps, lattice=True), threads)
    tally = _on_even_grid(chain, settings, report.steps, threads)
    if report.extrapolated:
        tally = extrapolate(_on_even_grid(chain, settings, report.steps // 2, threads), tally)
    return tally


def _on_even_grid(chain: Chain, settings: Settings, steps: int, threads: int | None = None) -> Tally:
    return _run(chain, settings, build_grid(chain.period_end, settings.horizon / steps, steps, lattice=False), threads)


def _run(chain: Chain, settings: Settings, grid: Grid, most: int | None) -> Tally:
    """Run all worlds on one grid, blocks of draws in parallel; a draw's numbers do not depend on its block."""
    from journeysim.simulate.exact.kernel import worlds

    plan, rows = _plan(chain, grid), _rows(chain)
    money, sums = _money(chain, settings, grid), _sums(chain, settings)
    threads = max(1, min(chain.draws, most or usable_cores()))
    edges = np.linspace(0, chain.draws, threads + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(worlds, plan, money, rows, *_scratch(chain, plan), sums, edges[block : block + 2])
            for block in range(threads)
        ]
        for job in jobs:
            job.result()
    if not np.isfinite(sums.place).all():
        raise ValueError("customers circle for ever in no time: give a dwell above 0 to a link of the circle")
    return _tally(chain, settings, sums)


def _plan(chain: Chain, grid: Grid) -> Plan:
    touchpoints = len(chain.touchpoints)
    used = (chain.share > 0).any(axis=(0, 1, 2))
    return Plan(
        links=_columns(chain.source, chain.target, used),
        marks=np.stack([chain.converts, chain.churns, chain.after_conversion], axis=1),
        kernel=_number_kernels(chain),
        table=np.ascontiguousarray(chain.dwell_table, dtype=np.float64),
        slots=_columns(grid.first, grid.last, grid.offset),
        points=_columns(grid.at, grid.lowest, grid.highest),
        part=grid.part,
        step=grid.step,
        touchpoints=touchpoints,
        layers=2 if chain.converts[:touchpoints].any() else 1,
    )


def _columns(*columns: ArrayLike) -> Ints:
    return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)


def _number_kernels(chain: Chain) -> Ints:
    """Return the number of each dwell, (P, L); a dwell that does not depend on tenure has one for all periods."""
    periods, links = chain.share.shape[2:]
    same = np.ones(links, dtype=np.bool_)
    for table in (chain.dwell_a, chain.dwell_b):
        same &= np.asarray((table == table[:, :, :1]) | np.isnan(table)).all(axis=(0, 1, 2))
    begin = np.concatenate([[0], np.cumsum(np.where(same, 1, periods))[:-1]])
    return np.asarray(begin[None, :] + np.where(same, 0, np.arange(periods)[:, None]), dtype=np.int64)


def _money(chain: Chain, settings: Settings, grid: Grid) -> Money:
    from journeysim.simulate.exact.booking import Money

    times = np.append(grid.step * np.arange(grid.steps + 1), settings.horizon)
    rates = (settings.discount_value, settings.discount_cost)
    factor, span = zip(*(_discount(rate, times) for rate in rates), strict=True)
    return Money(
        weight=_cycle_weights(chain, settings, grid.steps),
        factor=np.stack(factor),
        span=np.stack(span),
        days=np.diff(times),
        marks=settings.marks,
        month_ends=np.minimum(settings.month_ends, settings.horizon),
    )


def _discount(rate: float, times: Floats) -> tuple[Floats, Floats]:
    """Return the discount factor at each time but the last, and its integral from there to the next time."""
    force = np.log1p(rate) / DAYS_PER_YEAR
    factor, span = np.exp(-force * times[:-1]), np.diff(times)
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
    names = (name for name in Rows._fields if name != "family")
    numbers = {name: np.ascontiguousarray(getattr(chain, name), dtype=np.float64) for name in names}
    return Rows(family=np.ascontiguousarray(chain.family, dtype=np.int64), **numbers)


def _sums(chain: Chain, settings: Settings) -> Sums:
    from journeysim.simulate.exact.booking import Sums

    size, places = chain.share.shape[0] * chain.share.shape[1], len(chain.converts)
    return Sums(
        world=np.zeros((size, 6)),
        place=np.zeros((size, 3, places)),
        moves=np.zeros((size, len(chain.links))),
        ends=np.zeros((size, places)),
        by_mark=np.zeros((size, 2, len(settings.marks))),
        by_month=np.zeros((size, 4, len(settings.month_ends))),
    )


def _scratch(chain: Chain, plan: Plan) -> tuple[Kernels, World, Series]:
    """Return what one thread overwrites from world to world."""
    from journeysim.simulate.exact.booking import Series

    (periods, links), places, points = chain.share.shape[2:], len(chain.converts), len(plan.points)
    layers, n, kernels = plan.layers, plan.touchpoints, int(plan.kernel.max()) + 1
    return (
        Kernels(
            reverse=np.zeros((kernels, points)),
            known=np.full((kernels, 3), np.nan),
            reach=np.zeros((kernels, 3), dtype=np.int64),
            means=np.zeros(points + 1),
        ),
        World(
            share=np.zeros((periods, links)),
            move_terms=np.zeros((periods, links, 5)),
            visit_terms=np.zeros((periods, places, 6)),
            entering=np.zeros(places),
            arrived=np.zeros((layers, n, len(plan.part))),
            sharp=np.zeros((layers, 3, n, points)),
            seen=np.zeros((layers, n), dtype=np.bool_),
            moved=np.zeros((layers, links, 3, 5)),
            base=np.zeros((layers, 3, places)),
            inverse=np.zeros((3, layers, n, n)),
            ready=np.full(3, -1, dtype=np.int64),
            moving=np.zeros((3, 2), dtype=np.bool_),
            landed=np.zeros(places),
            scratch=np.zeros(n),
            booked=np.zeros((places, 3, 6)),
        ),
        Series(
            amounts=np.zeros((4, 3, points)),
            flowing=np.zeros((4, points)),
            rates=np.zeros((places, 2)),
            outcomes=places - n,
        ),
    )


def _tally(chain: Chain, settings: Settings, sums: Sums) -> Tally:
    """Give the sums their names and axes."""
    head = chain.share.shape[:2]
    converted, churned, lost, effort, value_pv, cost_pv = sums.world.T.reshape(6, *head)
    visits, value_at, cost_at = np.moveaxis(sums.place, 1, 0).reshape(3, *head, -1)
    ends = sums.ends[:, len(chain.touchpoints) :].reshape(*head, -1)
    converted_by, ended_by = np.moveaxis(sums.by_mark, 1, 0).reshape(2, *head, -1)
    by_month = np.diff(np.moveaxis(sums.by_month, 1, 0).reshape(4, *head, -1), axis=3, prepend=0.0)
    return Tally(
        converted=converted,
        churned=churned,
        lost=lost,
        active=1.0 - ends.sum(axis=2),
        ends=ends,
        visits=visits,
        moves=sums.moves.reshape(*head, -1),
        effort=effort,
        value=value_at.sum(axis=2),
        cost=cost_at.sum(axis=2),
        value_pv=value_pv,
        cost_pv=cost_pv,
        value_at=value_at,
        cost_at=cost_at,
        marks=settings.marks,
        converted_by=converted_by,
        active_at=1.0 - ended_by,
        value_month=by_month[2],
        cost_month=by_month[3],
        converted_month=by_month[0],
        links=chain.links,
        touchpoints=chain.touchpoints,
        outcomes=chain.outcomes,
        personas=chain.personas,
    )
