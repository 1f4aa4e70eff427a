"""How much one customer's money differs from another's by the horizon: first and second moments, on a grid that is found.

Rows that change with tenure cost no more than rows that do not: `remaining` goes by the time of arrival anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.exact.by_blocks import DRAWS
from journeysim.simulate.exact.grid import Cut, Grid, cohort_step, fewest_steps
from journeysim.simulate.exact.layout import money_of, plan_of, rows_of
from journeysim.simulate.exact.long_run import value_variance
from journeysim.simulate.exact.money_state import FIVE, NEAR, Clock, Given, Halves, Room, Terms
from journeysim.simulate.exact.recursion import trial_draws
from journeysim.simulate.exact.refinement import Ways, refine
from journeysim.simulate.exact.state import Plan
from journeysim.simulate.executors import HERE, Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.money import MoneyMoments, variances_of
from journeysim.simulate.seasons import unrolled
from journeysim.simulate.settings import Settings

#: How far a standard deviation may be off, as a part of itself.
TOLERANCE: Final = 1e-3
#: Where the finest grid leaves more than this, lives tell it better.
WORST: Final = 1e-2
#: A standard deviation below this part of the root mean square is as good as none.
_LEAST: Final = 1e-2
_FIRST_STEPS: Final = 15


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some draws of a chain, and the grid that was found for it; `extrapolated` with half as many steps."""

    chain: Chain
    settings: Settings
    cut: Cut
    extrapolated: bool


@final
@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Asks which grid is fine enough for these few draws, from so many steps on."""

    chain: Chain
    settings: Settings
    fewest: int


def exact_money(chain: Chain, settings: Settings, *, executor: Executor = HERE) -> MoneyMoments | None:
    """Return the moments of what one customer brings up to the horizon, with standard deviations within 0.1 %.

    Parameters
    ----------
    chain
        A world that `exact_tally` can follow.
    settings
        As for the tally; within-cycle weights count as there.
    executor
        Does the blocks of draws; the bits of the result do not depend on it.

    Returns
    -------
    None where customers differ for good in what they spend, or the finest grid leaves more than 1 %.

    Notes
    -----
    Steps are halved as `refine` does, in the largest difference of a standard deviation of value, cost or margin, discounted
    or not, as a part of itself, or of a hundredth of the root mean square if that is more. Exact to rounding for a cohort model.
    """
    if not np.isfinite(value_variance(chain)).all():
        return None
    step = cohort_step(chain, settings.horizon)
    if step is not None:
        cut, between, error = Cut(step, int(np.floor(settings.horizon / step + 1e-9)), lattice=True), False, 0.0
    else:
        fewest = fewest_steps(chain, settings)
        trial = Trial(trial_draws(chain), settings, fewest * -(-_FIRST_STEPS // fewest))
        (found,) = in_order(executor, find_cut, [trial])
        steps, between, error = int(found["steps"]), bool(found["extrapolated"]), float(found["error"])
        cut = Cut(settings.horizon / steps, steps, lattice=False)
    if not error <= WORST:
        return None
    parts = [Part(chain.take(rows), settings, cut, between) for rows in draw_blocks(chain.draws, DRAWS)]
    answers = in_order(executor, part_of_money, parts)
    return MoneyMoments(np.concatenate([answer["moments"] for answer in answers]), error)


def find_cut(trial: Trial) -> Arrays:
    """Return the cut that is fine enough for the trial draws."""
    found = refine(lambda steps: _evenly(trial.chain, trial.settings, steps), _MOMENTS, trial.fewest, TOLERANCE)
    return {name: np.asarray(getattr(found, name)) for name in ("steps", "extrapolated", "error")}


def part_of_money(part: Part) -> Arrays:
    """Return the moments of some draws, (D, G, 2, 5)."""
    fine = on_grid(part.chain, part.settings, part.cut)
    if part.extrapolated:
        fine = _extrapolated(_evenly(part.chain, part.settings, part.cut.steps // 2), fine)
    return {"moments": fine}


def _evenly(chain: Chain, settings: Settings, steps: int) -> Floats:
    return on_grid(chain, settings, Cut(settings.horizon / steps, steps, lattice=False))


def _extrapolated(coarse: Floats, fine: Floats) -> Floats:
    return np.asarray((4.0 * fine - coarse) / 3.0)


def _apart(one: Floats, other: Floats) -> tuple[float, float]:
    """Return the largest relative difference of a standard deviation (see `exact_money`); there is no timing."""
    here, there = variances_of(one), variances_of(other)
    _, _, vv, vc, cc = np.moveaxis(other, -1, 0)
    least = _LEAST**2 * np.stack([vv, cc, vv + cc - 2.0 * vc], axis=-1)
    size = np.maximum(there, least)
    return float(np.max(np.abs(here - there) / np.where(size > 0.0, size, 1.0))) / 2.0, 0.0


_MOMENTS: Final = Ways(_extrapolated, _apart)


def on_grid(chain: Chain, settings: Settings, cut: Cut) -> Floats:
    """Return the moments on one grid, (D, G, 2, 5); in seasons those of customers who enter on any day of the cycle."""
    found = [_from_entry(part, settings, cut) for part in unrolled(chain, settings.horizon)]
    return np.asarray(sum(found)) / len(found)


def _from_entry(chain: Chain, settings: Settings, cut: Cut) -> Floats:
    from journeysim.simulate.exact.remaining import remaining

    grid = cut.grid(chain.period_end)
    plan, rows, varied = plan_of(chain, grid), rows_of(chain), np.ascontiguousarray(value_variance(chain))
    clock, parts = _clock(chain, settings, grid), _half_parts(chain.period_end, grid, lattice=cut.lattice)
    head = chain.share.shape[:2]
    sums = np.zeros((head[0] * head[1], clock.pairs * FIVE))
    halves, terms, room = _room(chain, plan, parts, sums)
    remaining(Given(plan, clock, halves, terms), rows, varied, room)
    found = sums.reshape(*head, clock.pairs, FIVE)
    return found if clock.pairs > 1 else np.repeat(found, 2, axis=2)


def _clock(chain: Chain, settings: Settings, grid: Grid) -> Clock:
    money = money_of(chain, settings, grid)
    both = np.ones((2, 1))
    factor = money.weight * np.stack([both * np.ones_like(money.weight), money.factor])
    span = money.weight * np.stack([both * money.days, money.span])
    total = np.cumsum(span, axis=-1)
    pairs = 1 if settings.discount_value == 0 and settings.discount_cost == 0 else 2
    return Clock(pairs, factor, total - span, np.ascontiguousarray(total[..., -1]))


def _half_parts(period_end: Floats, grid: Grid, *, lattice: bool) -> Floats:
    """Return which part of the half hats before and after each point falls in each period, (2, slots)."""
    points = np.arange(grid.steps + 1)
    if lattice:
        parts = np.repeat((np.arange(len(period_end))[:, None] == grid.at)[None], 2, axis=0).astype(np.float64)
    else:
        edges = np.concatenate([[-np.inf], period_end[:-1], [np.inf]])
        x = edges[:, None] / grid.step - points
        before, after = (1.0 + np.clip(x, -1.0, 0.0)) ** 2, 1.0 - (1.0 - np.clip(x, 0.0, 1.0)) ** 2
        parts = np.diff(np.stack([before, after]), axis=1)
    slots = [parts[:, p, low : high + 1] for p, (low, high) in enumerate(zip(grid.first, grid.last, strict=True))]
    return np.ascontiguousarray(np.concatenate(slots, axis=1))


def _room(chain: Chain, plan: Plan, parts: Floats, sums: Floats) -> tuple[Halves, Terms, Room]:
    """Return what one thread overwrites from world to world."""
    (periods, links), places, points = chain.share.shape[2:], len(chain.converts), len(plan.points)
    n, kernels, ten = plan.touchpoints, int(plan.kernel.max()) + 1, sums.shape[1]
    return (
        Halves(
            hat=np.zeros((kernels, points)),
            below=np.zeros((kernels, points)),
            alive=np.zeros((kernels, points)),
            bent=np.zeros((kernels, NEAR)),
            known=np.full((kernels, 3), np.nan),
            reach=np.zeros((kernels, 3), dtype=np.int64),
            beyond=np.zeros(kernels),
            means=np.zeros(points + 1),
            reverse=np.zeros(points),
        ),
        Terms(
            share=np.zeros((periods, links)),
            visit=np.zeros((periods, places, 2)),
            varied=np.zeros((periods, places)),
            daily=np.zeros((periods, places, 2)),
            link=np.zeros((periods, links, 2)),
            entry=np.zeros(places),
            row_start=chain.row_start,
            parts=parts,
        ),
        Room(
            place=np.zeros((3, places, ten, points)),
            now=np.zeros((3, places, ten)),
            stay=np.zeros((n, ten)),
            found=np.zeros((n, ten)),
            ahead=np.zeros((3, links, ten, points)),
            cut=np.zeros((n, ten)),
            jumps=np.zeros((places, points), dtype=np.int64),
            known=np.zeros(places, dtype=np.int64),
            built=np.zeros(n, dtype=np.int64),
            lowest=np.zeros(n, dtype=np.int64),
            inverse=np.zeros((2, n, n)),
            moving=np.zeros(2, dtype=np.bool_),
            ready=np.zeros(1, dtype=np.int64),
            scratch=np.zeros(n),
            sums=sums,
        ),
    )
