"""One draw's parameters, made ready for drawing customers: cumulative rows, couplings, scales and gamma tables."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints
from journeysim.simulate.streams import compiled, compiled_inner
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.own_layout import OwnTruth
from journeysim.simulate.walk.own_truth import fill_own, new_own
from journeysim.simulate.walk.quantiles import Z_NODES, fill_gamma
from journeysim.simulate.walk.value_layout import ValueTruth, fill_values, new_values

#: Buckets of the guide table that tells where in a row the search for a uniform starts (Chen and Asau 1974).
GUIDE: Final = 32
#: Above every uniform: marks the last link of a row that has any share.
ALWAYS: Final = 2.0

_EXPONENTIAL: Final = int(Family.EXPONENTIAL)
_GAMMA: Final = int(Family.GAMMA)
_WEIBULL: Final = int(Family.WEIBULL)
_LOGNORMAL: Final = int(Family.LOGNORMAL)
_LOGLOGISTIC: Final = int(Family.LOGLOGISTIC)
_EMPIRICAL: Final = int(Family.EMPIRICAL)


class Truth(NamedTuple):
    """One possible truth: what the lanes look up. C cells, L links, n touchpoints, s places."""

    upper: Floats  # (C * L,) cumulative share at the end of the link; today's where the row is coupled
    guide: NDArray[np.int32]  # (C * n * GUIDE,) first link that can hold a uniform of this bucket
    keep: Floats  # (C * L,) chance that a choice by today's row stands
    rest: Floats  # (C * L,) cumulative share among what the row gained, for choices that do not stand
    scale: Floats  # (C * L,)
    power: Floats  # (C * L,) dwell = scale * exp(power * base quantile); of an empirical dwell the row of its table
    base: NDArray[np.int8]  # (L,)
    gamma: Floats  # (C, gamma links, 2, Z_NODES)
    personas: Floats  # (G,) cumulative, by persona_order
    entry: Floats  # (G, s) cumulative, by entry_order
    spread: Bools  # (C * s,) whether the value per visit differs between customers
    log_mean: Floats  # (C * s,) of such a value
    log_sd: Floats  # (C * s,)
    gained: Floats  # (L,) scratch
    own: OwnTruth
    values: ValueTruth


def new_truth(layout: Layout) -> Truth:
    """Return room for one draw."""
    cells, links, places = layout.personas * layout.periods, layout.target.size, layout.place_key.size
    return Truth(
        upper=np.zeros(cells * links),
        guide=np.zeros(cells * layout.touchpoints * GUIDE, dtype=np.int32),
        keep=np.zeros(cells * links),
        rest=np.zeros(cells * links),
        scale=np.zeros(cells * links),
        power=np.zeros(cells * links),
        base=np.zeros(links, dtype=np.int8),
        gamma=np.zeros((cells, layout.gamma_links, 2, Z_NODES)),
        personas=np.zeros(layout.personas),
        entry=np.zeros((layout.personas, places)),
        spread=np.zeros(cells * places, dtype=np.bool_),
        log_mean=np.zeros(cells * places),
        log_sd=np.zeros(cells * places),
        gained=np.zeros(links),
        values=new_values(layout.values, cells),
        own=new_own(layout.own, cells, links),
    )


@compiled
def fill_truth(layout: Layout, parameters: Parameters, draw: int, truth: Truth) -> None:
    """Make one draw ready."""
    family = parameters.family[draw]
    for link in range(layout.target.size):
        truth.base[link] = layout.base_of[family[link]]
    for cell in range(layout.personas * layout.periods):
        share, today = parameters.share[draw, cell], parameters.today_share[draw, cell]
        _fill_dwells(layout, family, parameters.dwell_a[draw, cell], parameters.dwell_b[draw, cell], cell, truth)
        for place in range(layout.touchpoints):
            _fill_row(layout, share, today, cell, place, truth)
        _fill_spread(parameters.visit_value[draw, cell], parameters.visit_value_sd[draw, cell], cell, truth)
    cumulate(parameters.persona_share[draw], layout.persona_order, truth.personas)
    for persona in range(layout.personas):
        cumulate(parameters.entry[draw, persona], layout.entry_order, truth.entry[persona])
    fill_own(
        layout.own, parameters.own, draw, layout.periods, parameters.share[draw], parameters.today_share[draw],
        layout.source, layout.gamma_grid, truth.own,
    )  # fmt: skip
    if layout.values.on:
        fill_values(
            layout.values,
            parameters.values,
            draw,
            layout.periods,
            parameters.visit_value[draw],
            layout.gamma_grid,
            truth.values,
        )


@compiled_inner
def cumulate(share: Floats, order: Ints, out: Floats) -> None:
    """Fill `out` with cumulative shares in the given order, above every uniform from the last positive one on."""
    total = 0.0
    for k in range(order.size):
        total += share[order[k]]
        out[k] = total
    k = order.size - 1
    while k > 0 and not share[order[k]] > 0.0:
        out[k] = ALWAYS
        k -= 1
    out[k] = ALWAYS


@compiled_inner
def _cumulate_row(share: Floats, first: int, last: int, total: float, out: Floats, offset: int) -> None:
    """Do the same for links first … last - 1 of a row that adds up to `total`, into out[offset + link]."""
    part = 0.0
    for link in range(first, last):
        part += share[link] / total
        out[offset + link] = part
    link = last - 1
    while link > first and not share[link] > 0.0:
        out[offset + link] = ALWAYS
        link -= 1
    out[offset + link] = ALWAYS


@compiled_inner
def _fill_row(layout: Layout, share: Floats, today: Floats, cell: int, place: int, truth: Truth) -> None:
    """Fill one row: cumulative shares, guide, and how it is coupled to today's (MODEL section 7)."""
    first, last = layout.row_start[place], layout.row_start[place + 1]
    offset, gained = cell * layout.target.size, truth.gained
    here, then, gain = 0.0, 0.0, 0.0
    for link in range(first, last):
        truth.keep[offset + link] = 1.0
        gained[link] = max(0.0, share[link] - today[link])
        here += share[link]
        then += today[link]
        gain += gained[link]
    coupled = layout.coupled[place] and here > 0.0 and then > 0.0 and gain > 0.0
    _cumulate_row(today if coupled else share, first, last, 1.0, truth.upper, offset)
    if coupled:
        _cumulate_row(gained, first, last, gain, truth.rest, offset)
        for link in range(first, last):
            truth.keep[offset + link] = min(1.0, share[link] / today[link]) if today[link] > 0.0 else 1.0
    if here == 0.0:
        # A row without shares keeps whoever arrives: a move that takes for ever.
        for link in range(first, last):
            truth.scale[offset + link] = np.inf
    _fill_guide(truth.upper, offset, first, truth.guide, (cell * layout.touchpoints + place) * GUIDE)


@compiled_inner
def _fill_guide(upper: Floats, offset: int, first: int, guide: NDArray[np.int32], start: int) -> None:
    link = first
    for bucket in range(GUIDE):
        while upper[offset + link] <= bucket / GUIDE:
            link += 1
        guide[start + bucket] = link


@compiled_inner
def _fill_dwells(
    layout: Layout, families: NDArray[np.int8], scale: Floats, shape: Floats, cell: int, truth: Truth
) -> None:
    """Fill dwell = scale * exp(power * base quantile) for every link of a cell."""
    offset = cell * layout.target.size
    for link in range(layout.target.size):
        family = families[link]
        truth.scale[offset + link] = scale[link]
        power = 0.0
        if family in (_EXPONENTIAL, _GAMMA):
            power = 1.0
        elif family in (_LOGNORMAL, _EMPIRICAL):
            power = shape[link]
        elif family in (_WEIBULL, _LOGLOGISTIC):
            power = 1.0 / shape[link]
        truth.power[offset + link] = power
        if family == _GAMMA:
            fill_gamma(shape[link], layout.gamma_grid, truth.gamma[cell, layout.gamma_place[link]])


@compiled_inner
def _fill_spread(mean: Floats, sd: Floats, cell: int, truth: Truth) -> None:
    """Fill the log-normal with exactly this mean and standard deviation, where there is one."""
    offset = cell * mean.size
    for place in range(mean.size):
        varies = sd[place] > 0.0 and mean[place] > 0.0
        variance = math.log1p((sd[place] / mean[place]) ** 2) if varies else 0.0
        truth.spread[offset + place] = varies
        truth.log_sd[offset + place] = math.sqrt(variance)
        truth.log_mean[offset + place] = math.log(mean[place]) - variance / 2 if varies else 0.0
