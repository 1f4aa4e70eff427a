"""Exact tallies: the time-grid renewal recursion (MODEL section 6), draw by draw and persona by persona."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain
from journeysim.simulate.exact.grid import (
    FIRST_STEPS,
    Cut,
    Grid,
    cohort_step,
    fewest_steps,
)
from journeysim.simulate.exact.layout import money_of, plan_of, room_for, rows_of, sums_of, with_layers
from journeysim.simulate.exact.refinement import TALLIES, TIMING, extrapolate, refine
from journeysim.simulate.exact.state import Plan
from journeysim.simulate.executors import usable_cores
from journeysim.simulate.seasons import unrolled
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally, mean_tally

if TYPE_CHECKING:
    from journeysim.simulate.exact.booking import Sums

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
    cut = refine(lambda steps: _on_even_grid(trial, settings, steps, threads), TALLIES, fewest, settings.tolerance)
    step = settings.horizon / cut.steps
    return ExactReport(step, cut.steps, cut.error, cut.timing, cohort=False, extrapolated=cut.extrapolated)


def tally_by(report: ExactReport, chain: Chain, settings: Settings, *, threads: int | None = None) -> Tally:
    """Return the tally on a grid that was found for this chain, or for a longer one that it is a part of."""
    if report.cohort:
        return _run(chain, settings, Cut(report.step, report.steps, lattice=True), threads)
    tally = _on_even_grid(chain, settings, report.steps, threads)
    if report.extrapolated:
        tally = extrapolate(_on_even_grid(chain, settings, report.steps // 2, threads), tally)
    return tally


def exact_in_steps(chain: Chain, settings: Settings, *, steps: int) -> Tally:
    """Return the tally with the horizon cut into at least so many steps, or exactly where the chain is a cohort model.

    For sums by time that are to be integrated once more: what comes around the moment of entry counts at entry, as the
    mass placed there stands for it, so that mean times are right on any grid.
    """
    step = cohort_step(chain, settings.horizon)
    if step is not None:
        cycles = int(settings.horizon / step + 1e-9)
        return _run(chain, settings, Cut(step, cycles, lattice=True), None)
    fewest = fewest_steps(chain, settings)
    steps = fewest * -(-steps // fewest)
    return _run(chain, settings, Cut(settings.horizon / steps, steps, lattice=False), None, keeps_means=True)


def _on_even_grid(chain: Chain, settings: Settings, steps: int, threads: int | None = None) -> Tally:
    return _run(chain, settings, Cut(settings.horizon / steps, steps, lattice=False), threads)


def _run(chain: Chain, settings: Settings, cut: Cut, most: int | None, *, keeps_means: bool = False) -> Tally:
    """Run all worlds on one grid, blocks of draws in parallel; a draw's numbers do not depend on its block.

    In seasons that is the average over days of entry, each with the seasons in the order in which they come from there.
    """
    found = [
        _run_from(part, settings, cut, most, keeps_means=keeps_means) for part in unrolled(chain, settings.horizon)
    ]
    return found[0] if len(found) == 1 else mean_tally(found)


def _run_from(chain: Chain, settings: Settings, cut: Cut, most: int | None, *, keeps_means: bool) -> Tally:
    grid = cut.grid(chain.period_end)
    sums = sums_of(chain, settings, 0)
    _fill(chain, settings, grid, plan_of(chain, grid), sums, most, keeps_means=keeps_means)
    return _tally(chain, settings, sums)


def path_sums(
    chain: Chain,
    settings: Settings,
    step: float,
    steps: int,
    *,
    lattice: bool,
    apart: Bools,
    wanted: Bools,
    threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Return who comes by a move to each set of places for the first time, and what converting takes.

    Parameters
    ----------
    chain, settings
        As for `exact_tally`.
    step, steps, lattice
        The grid (`build_grid`).
    apart, wanted
        (sets, n): where those who have not been in a set are followed apart from everybody, and the set itself.

    Returns
    -------
    First arrivals (D, G, sets), and touches and effort up to and including conversion (D, G, 2), both within the
    horizon.
    """
    cut = Cut(step, steps, lattice)
    found = [_path_sums_from(part, settings, cut, apart, wanted, threads) for part in unrolled(chain, settings.horizon)]
    first, until = (np.asarray(sum(parts)) / len(found) for parts in zip(*found, strict=True))
    return first, until


def _path_sums_from(
    chain: Chain, settings: Settings, cut: Cut, apart: Bools, wanted: Bools, threads: int | None
) -> tuple[Floats, Floats]:
    grid = cut.grid(chain.period_end)
    plan = with_layers(chain, plan_of(chain, grid), apart, wanted)
    sums = sums_of(chain, settings, plan.layers)
    _fill(chain, settings, grid, plan, sums, threads)
    head = chain.share.shape[:2]
    return sums.first[:, plan.fates + plan.carried :].reshape(*head, -1), sums.until.reshape(*head, 2)


def _fill(
    chain: Chain, settings: Settings, grid: Grid, plan: Plan, sums: Sums, most: int | None, *, keeps_means: bool = False
) -> None:
    """Run all worlds of a plan into the sums, blocks of draws in parallel, on at most so many threads."""
    from journeysim.simulate.exact.kernel import worlds

    rows, money = rows_of(chain), money_of(chain, settings, grid, keeps_means=keeps_means)
    threads = max(1, min(chain.draws, most or usable_cores()))
    edges = np.linspace(0, chain.draws, threads + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(worlds, plan, money, rows, *room_for(chain, plan), sums, edges[block : block + 2])
            for block in range(threads)
        ]
        for job in jobs:
            job.result()
    if not np.isfinite(sums.place).all():
        raise ValueError("customers circle for ever in no time: give a dwell above 0 to a link of the circle")


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
