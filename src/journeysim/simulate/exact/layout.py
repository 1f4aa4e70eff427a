"""What the compiled recursion is handed: a chain and a grid as plain arrays, room to work in, and room for the sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.exact.grid import Grid
from journeysim.simulate.exact.state import USED, Kernels, Plan, Rows, World
from journeysim.simulate.settings import Settings

if TYPE_CHECKING:
    from journeysim.simulate.exact.booking import Money, Series, Sums


def plan_of(chain: Chain, grid: Grid) -> Plan:
    """Return what all worlds share, with the layers that tell fates."""
    touchpoints = len(chain.touchpoints)
    used = (chain.share > 0).any(axis=(0, 1, 2))
    fates = 2 if chain.converts[:touchpoints].any() else 1
    nobody = np.zeros_like(chain.converts)
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
        layers=fates,
        fates=fates,
        carried=0,
        blocked=np.array([nobody, chain.converts][:fates]),
        wanted=np.array([nobody] * fates),
        copied=np.zeros((fates, len(chain.links)), dtype=np.bool_),
    )


def with_layers(chain: Chain, plan: Plan, apart: Bools, wanted: Bools) -> Plan:
    """Return a plan with two layers for what customers have done until they convert, and one for each set of places."""
    sets = len(apart)
    outside = np.zeros((sets, len(chain.outcomes)), dtype=np.bool_)
    inside, led = np.hstack([apart, outside]), np.hstack([wanted, outside])
    source = (inside | led)[:, chain.source]
    after = plan.blocked[plan.fates - 1 :]
    blocked = [plan.blocked, after, after, ~inside]
    none = np.zeros((plan.fates + 2, inside.shape[1]), dtype=np.bool_)
    copied = ~source & (inside | led)[:, chain.target] & (plan.links[:, USED] > 0)
    return plan._replace(
        layers=plan.fates + 2 + sets,
        carried=2,
        blocked=np.concatenate(blocked),
        wanted=np.concatenate([none, led]),
        copied=np.concatenate([np.zeros((plan.fates + 2, len(chain.links)), dtype=np.bool_), copied]),
    )


def _columns(*columns: ArrayLike) -> Ints:
    return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)


def _number_kernels(chain: Chain) -> Ints:
    """Return the number of each dwell, (P, L): equal dwells of a link in several periods have one for all of them."""
    periods, links = chain.share.shape[2:]
    found, begin = np.zeros((periods, links), dtype=np.int64), 0
    for link in range(links):
        dwells = np.concatenate([table[..., link].reshape(-1, periods) for table in (chain.dwell_a, chain.dwell_b)])
        found[:, link] = begin + _alike(dwells.T)
        begin = int(found[:, link].max()) + 1
    return found


def _alike(rows: Floats) -> Ints:
    """Return a number for each row, equal rows sharing one."""
    if ((rows == rows[:1]) | np.isnan(rows)).all():
        return np.zeros(len(rows), dtype=np.int64)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def money_of(chain: Chain, settings: Settings, grid: Grid, *, keeps_means: bool = False) -> Money:
    """Return how money counts at each grid point."""
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
        keeps_means=keeps_means,
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


def rows_of(chain: Chain) -> Rows:
    """Return the parameters of all worlds."""
    names = (name for name in Rows._fields if name != "family")
    numbers = {name: np.ascontiguousarray(getattr(chain, name), dtype=np.float64) for name in names}
    return Rows(family=np.ascontiguousarray(chain.family, dtype=np.int64), **numbers)


def sums_of(chain: Chain, settings: Settings, layers: int) -> Sums:
    """Return room for the sums; `layers` is 0 where paths are not asked for."""
    from journeysim.simulate.exact.booking import Sums

    size, places = chain.share.shape[0] * chain.share.shape[1], len(chain.converts)
    return Sums(
        world=np.zeros((size, 6)),
        place=np.zeros((size, 3, places)),
        moves=np.zeros((size, len(chain.links))),
        ends=np.zeros((size, places)),
        by_mark=np.zeros((size, 2, len(settings.marks))),
        by_month=np.zeros((size, 4, len(settings.month_ends))),
        first=np.zeros((size, layers)),
        until=np.zeros((size, 2)),
    )


def room_for(chain: Chain, plan: Plan) -> tuple[Kernels, World, Series]:
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
