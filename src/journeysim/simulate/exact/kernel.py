"""Compiled: the renewal recursion of one world (MODEL section 6).

Arrivals at a touchpoint are kept in three classes, because a count up to a time t on the grid means something else
for each: mass exactly at a point counts, mass just after a point (it came by dwells far below the step) does not yet,
and mass spread around a point counts by half. Class indices: 0 all three together, 1 exactly at, 2 just after.
Two layers are carried where a touchpoint can convert: 0 everybody, 1 those who have not converted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints
from journeysim.simulate.exact._compiled import compiled, summing
from journeysim.simulate.exact.weights import split

ALL, AT, AFTER = 0, 1, 2
SHORT = 0.9
ROUNDING = 1e-14


class Layout(NamedTuple):
    """What all worlds of a run share; names as in Chain and Grid, `kernel` numbers the dwells (P, L)."""

    source: Ints
    target: Ints
    family: Ints
    table: Floats
    kernel: Ints
    used: Bools
    converts: Bools
    churns: Bools
    after_conversion: Bools
    first: Ints
    last: Ints
    offset: Ints
    part: Floats
    at: Ints
    lowest: Ints
    highest: Ints
    step: float
    horizon: float
    touchpoints: int
    layers: int
    kernels: int
    cycle_weight: Floats
    value_factor: Floats
    cost_factor: Floats
    value_span: Floats
    cost_span: Floats
    marks: Floats
    month_ends: Floats


class Rows(NamedTuple):
    """The parameters of all worlds; names and shapes as in Chain."""

    share: Floats
    dwell_a: Floats
    dwell_b: Floats
    entry: Floats
    visit_value: Floats
    visit_cost: Floats
    effort: Floats
    value_per_day: Floats
    cost_per_day: Floats
    link_value: Floats
    link_cost: Floats


class Sums(NamedTuple):
    """Where the results go; names and shapes as in Tally."""

    converted: Floats
    churned: Floats
    lost: Floats
    ends: Floats
    visits: Floats
    moves: Floats
    effort: Floats
    value_pv: Floats
    cost_pv: Floats
    value_at: Floats
    cost_at: Floats
    converted_by: Floats
    ended_by: Floats
    value_month: Floats
    cost_month: Floats
    converted_month: Floats


class Work(NamedTuple):
    """Scratch of one thread, reused from world to world. A dwell's kernel is kept while its parameters stay."""

    reverse: Floats  # (kernels, steps + 1) mass at u steps stands at steps - u
    known_a: Floats
    known_b: Floats
    low: Ints
    high: Ints
    on_point: Bools
    means: Floats
    arrived: Floats  # (layers, n, slots) all classes together
    sharp: Floats  # (layers, 3, n, steps + 1) classes AT and AFTER
    seen: Bools  # (layers, n)
    flow: Floats  # (layers, L, 3) moves completed at this point
    base: Floats  # (layers, 3, s) arrivals by moves that began earlier
    value: Floats  # (s, 3) money booked at this point
    cost: Floats
    value_rate: Floats  # (n,) money per day of those who stay on
    cost_rate: Floats
    inverse: Floats  # (3, layers, n, n) same-step visits; row ALL is for spread mass
    moving: Bools  # (4,) whether any same-step move between touchpoints exists, per row of inverse; [3] any at all
    converting: Floats  # (3, steps + 1)
    ending: Floats
    earning: Floats
    spending: Floats
    earning_rate: Floats  # (steps + 1,)
    spending_rate: Floats


@summing
def _dot(x: Floats, x0: int, y: Floats, y0: int, size: int) -> float:
    total = 0.0
    for k in range(size):
        total += x[x0 + k] * y[y0 + k]
    return total


@compiled
def _prepare_kernels(o: Layout, r: Rows, w: Work, d: int, g: int) -> None:
    """Place each dwell's mass on the grid, unless the world before had the same dwell."""
    points = w.reverse.shape[1]
    for p in range(r.share.shape[2]):
        for link in range(len(o.source)):
            a, b, q = r.dwell_a[d, g, p, link], r.dwell_b[d, g, p, link], o.kernel[p, link]
            if not o.used[link] or (w.known_a[q] == a and (w.known_b[q] == b or b != b)):
                continue
            w.high[q] = split(o.family[link], a, b, o.table[link], o.step, w.means, w.reverse[q])
            low = 0
            while low < w.high[q] and w.reverse[q, points - 1 - low] == 0.0:
                low += 1
            w.low[q] = low
            w.on_point[q] = w.high[q] == low and w.reverse[q, points - 1 - low] == 1.0
            w.known_a[q], w.known_b[q] = a, b


@compiled
def _same_step(w: Work, kind: int, q: int) -> float:
    """Return the part of a move that ends in the step it began in, for a class of mass that stays in its class."""
    mass: float = w.reverse[q, w.reverse.shape[1] - 1]
    if kind == ALL or (kind == AFTER and mass > SHORT) or (w.on_point[q] and w.low[q] == 0):
        return mass
    return 0.0


@compiled
def _invert(matrix: Floats) -> None:
    """Replace a matrix M of same-step shares by (I - M)^-1; no pivots, as I - M is diagonally dominant."""
    n = len(matrix)
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -matrix[i, j]
        matrix[i, i] += 1.0
    for k in range(n):
        pivot = 1.0 / matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(n):
            matrix[k, j] *= pivot
        for i in range(n):
            factor = matrix[i, k]
            if i != k and factor != 0.0:
                matrix[i, k] = 0.0
                for j in range(n):
                    matrix[i, j] -= factor * matrix[k, j]


@compiled
def _prepare_same_step(o: Layout, r: Rows, w: Work, d: int, g: int, k: int, kind: int) -> None:
    """Find how often each touchpoint is visited within the step by same-step moves, one inverse per layer."""
    n = w.arrived.shape[1]
    w.inverse[kind] = 0.0
    w.moving[kind] = False
    low, high = (o.lowest[k], o.highest[k]) if kind == ALL else (o.at[k], o.at[k])
    for p in range(low, high + 1):
        weight = o.part[o.offset[p] + k - o.first[p]] if kind == ALL else 1.0
        for link in range(len(o.source)):
            if not o.used[link]:
                continue
            j, mass = o.target[link], r.share[d, g, p, link] * _same_step(w, kind, o.kernel[p, link])
            w.moving[3] = w.moving[3] or mass > 0.0
            mass *= weight
            if mass > 0.0 and j < n:
                w.moving[kind] = True
                w.inverse[kind, 0, o.source[link], j] += mass
                if o.layers == 2 and not o.converts[j]:
                    w.inverse[kind, 1, o.source[link], j] += mass
    if w.moving[kind]:
        for layer in range(o.layers):
            _invert(w.inverse[kind, layer])


@compiled
def _carry(
    o: Layout, r: Rows, w: Work, d: int, g: int, layer: int, link: int, p: int, kind: int, amount: float
) -> None:
    """Book a completed move of customers who chose it in period p."""
    w.flow[layer, link, kind] += amount
    if layer == 0:
        w.value[o.target[link], kind] += r.link_value[d, g, p, link] * amount
        w.cost[o.target[link], kind] += r.link_cost[d, g, p, link] * amount
        if kind == ALL:
            i = o.source[link]
            w.value_rate[i] -= r.value_per_day[d, g, p, i] * amount
            w.cost_rate[i] -= r.cost_per_day[d, g, p, i] * amount


@compiled
def _gather(o: Layout, r: Rows, w: Work, d: int, g: int, k: int, layer: int) -> None:
    """Complete the moves that began before this step."""
    last = len(o.at) - 1
    for link in range(len(o.source)):
        i = o.source[link]
        if not o.used[link] or not w.seen[layer, i]:
            continue
        for p in range(o.highest[k] + 1):
            share, q = r.share[d, g, p, link], o.kernel[p, link]
            begin = max(o.first[p], k - w.high[q])
            end = min(o.last[p], k - max(1, w.low[q]))
            if share == 0.0 or end < begin:
                continue
            x0 = o.offset[p] + begin - o.first[p]
            amount = share * _dot(w.arrived[layer, i], x0, w.reverse[q], last - k + begin, end - begin + 1)
            if amount == 0.0:
                continue
            _carry(o, r, w, d, g, layer, link, p, ALL, amount)
            if w.on_point[q] and o.at[k - w.low[q]] == p:
                for kind in (AT, AFTER):
                    amount = share * w.sharp[layer, kind, i, k - w.low[q]]
                    if amount > 0.0:
                        _carry(o, r, w, d, g, layer, link, p, kind, amount)


@compiled
def _visits(w: Work, kind: int, layer: int, start: Floats, out: Floats) -> None:
    """Fill out with all arrivals of this step, given those by moves that began earlier."""
    n = len(start)
    if not w.moving[kind]:
        out[:] = start
        return
    out[:] = 0.0
    for i in range(n):
        if start[i] > 0.0:
            for j in range(n):
                out[j] += start[i] * w.inverse[kind, layer, i, j]


@compiled
def _pass_on(o: Layout, r: Rows, w: Work, d: int, g: int, k: int, layer: int, kind: int, mass: Floats) -> None:
    """Complete the same-step moves of one class of arrivals (kind ALL stands for spread mass here)."""
    zero = w.reverse.shape[1] - 1
    low, high = (o.lowest[k], o.highest[k]) if kind == ALL else (o.at[k], o.at[k])
    for link in range(len(o.source)):
        x = mass[o.source[link]]
        if x == 0.0 or not o.used[link]:
            continue
        for p in range(low, high + 1):
            weight = o.part[o.offset[p] + k - o.first[p]] if kind == ALL else 1.0
            q = o.kernel[p, link]
            amount = weight * r.share[d, g, p, link] * x * w.reverse[q, zero]
            if amount == 0.0:
                continue
            _carry(o, r, w, d, g, layer, link, p, ALL, amount)
            if kind != ALL:
                # a short dwell turns "exactly at" into "just after"; any longer one spreads the mass
                stays = w.on_point[q] and w.low[q] == 0
                if stays or w.reverse[q, zero] > SHORT:
                    _carry(o, r, w, d, g, layer, link, p, kind if stays else AFTER, amount)


@compiled
def _collect(o: Layout, w: Work, layer: int, start: Floats) -> None:
    """Set w.base to the arrivals at each place and class: entries plus completed moves."""
    w.base[layer] = 0.0
    for j in range(len(start)):
        if layer == 0 or not o.converts[j]:
            w.base[layer, ALL, j] = start[j]
            w.base[layer, AT, j] = start[j]
    for link in range(len(o.source)):
        j = o.target[link]
        if layer == 0 or not o.converts[j]:
            for kind in range(3):
                w.base[layer, kind, j] += w.flow[layer, link, kind]


@compiled
def _arrive(o: Layout, r: Rows, w: Work, d: int, g: int, k: int, layer: int, start: Floats, new: Floats) -> None:
    """Solve the same-step moves and note who is at which touchpoint: sharp classes first, spread mass last."""
    n = w.arrived.shape[1]
    for kind in (AT, AFTER):
        _collect(o, w, layer, start)
        _visits(w, kind, layer, w.base[layer, kind, :n], new)
        w.sharp[layer, kind, :, k] = new
        if w.moving[3]:
            _pass_on(o, r, w, d, g, k, layer, kind, new)
    _collect(o, w, layer, start)
    for i in range(n):
        sharp = w.sharp[layer, AT, i, k] + w.sharp[layer, AFTER, i, k]
        spread = w.base[layer, ALL, i] - sharp
        w.base[layer, ALL, i] = spread if spread > ROUNDING * sharp else 0.0
    _visits(w, ALL, layer, w.base[layer, ALL, :n], new)
    if w.moving[3]:
        _pass_on(o, r, w, d, g, k, layer, ALL, new)
    for i in range(n):
        sharp = w.sharp[layer, AT, i, k] + w.sharp[layer, AFTER, i, k]
        w.seen[layer, i] = w.seen[layer, i] or new[i] + sharp > 0.0
        for p in range(o.lowest[k], o.highest[k] + 1):
            slot = o.offset[p] + k - o.first[p]
            w.arrived[layer, i, slot] = o.part[slot] * new[i] + (sharp if o.at[k] == p else 0.0)


@compiled
def _visit_money(o: Layout, r: Rows, w: Work, s: Sums, d: int, g: int, k: int, start: Floats) -> None:
    """Book what arrivals of this step bring and cost, by the row of their period."""
    n, last = w.arrived.shape[1], len(o.at) - 1
    _collect(o, w, 0, start)
    for j in range(w.base.shape[2]):
        at, after = w.base[0, AT, j], w.base[0, AFTER, j]
        spread = w.base[0, ALL, j] - at - after
        spread = spread if spread > ROUNDING * (at + after) else 0.0
        counted = at + (0.5 * spread if k == last else after + spread)
        s.visits[d, g, j] += counted
        for p in range(o.lowest[k], o.highest[k] + 1):
            here = 1.0 if o.at[k] == p else 0.0
            wide = o.part[o.offset[p] + k - o.first[p]] * spread
            value, cost = r.visit_value[d, g, p, j], r.visit_cost[d, g, p, j]
            everyone = here * (at + after) + wide
            w.value[j, ALL] += value * everyone
            w.cost[j, ALL] += cost * everyone
            w.value[j, AT] += value * here * at
            w.cost[j, AT] += cost * here * at
            w.value[j, AFTER] += value * here * after
            w.cost[j, AFTER] += cost * here * after
            s.effort[d, g] += r.effort[d, g, p, j] * (here * at + (0.5 * wide if k == last else here * after + wide))
            if j < n:
                w.value_rate[j] += r.value_per_day[d, g, p, j] * everyone
                w.cost_rate[j] += r.cost_per_day[d, g, p, j] * everyone


@compiled
def _counted(amounts: Floats, final: bool) -> float:
    """Return what counts by the horizon of amounts by class booked at one point; half of spread mass at the last."""
    if not final:
        return float(amounts[ALL])
    return float(amounts[AT] + 0.5 * (amounts[ALL] - amounts[AT] - amounts[AFTER]))


@compiled
def _money(o: Layout, w: Work, s: Sums, d: int, g: int, k: int) -> None:
    """Add the money of this step, and of the time up to the next one, to places, months and present values."""
    last = len(o.at) - 1
    weight, final = o.cycle_weight[k], k == last
    span = o.horizon - k * o.step if final else o.step
    for j in range(w.value.shape[0]):
        value, cost = _counted(w.value[j], final) * weight, _counted(w.cost[j], final) * weight
        s.value_pv[d, g] += value * o.value_factor[k]
        s.cost_pv[d, g] += cost * o.cost_factor[k]
        if j < w.arrived.shape[1]:
            value_rate, cost_rate = w.value_rate[j] * weight, w.cost_rate[j] * weight
            s.value_pv[d, g] += value_rate * o.value_span[k]
            s.cost_pv[d, g] += cost_rate * o.cost_span[k]
            w.earning_rate[k] += value_rate
            w.spending_rate[k] += cost_rate
            value += value_rate * span
            cost += cost_rate * span
        s.value_at[d, g, j] += value
        s.cost_at[d, g, j] += cost
        for kind in range(3):
            w.earning[kind, k] += w.value[j, kind] * weight
            w.spending[kind, k] += w.cost[j, kind] * weight


@compiled
def _fates(o: Layout, w: Work, s: Sums, d: int, g: int, k: int, start: Floats) -> None:
    """Count ends, conversions, churn and loss of this step."""
    n, still, final = w.arrived.shape[1], o.layers - 1, k == len(o.at) - 1
    for j in range(len(start)):
        for kind in range(3):
            first = start[j] if kind != AFTER and o.converts[j] else 0.0
            w.converting[kind, k] += first
            w.ending[kind, k] += start[j] if kind != AFTER and j >= n else 0.0
        if j >= n:
            s.ends[d, g, j - n] += start[j]
            s.churned[d, g] += start[j] if o.churns[j] and not o.after_conversion[j] else 0.0
            s.lost[d, g] += 0.0 if o.converts[j] else start[j]
        s.converted[d, g] += start[j] if o.converts[j] else 0.0
    for link in range(len(o.source)):
        j = o.target[link]
        everybody, before = _counted(w.flow[0, link], final), _counted(w.flow[still, link], final)
        s.moves[d, g, link] += everybody
        if o.converts[j]:
            s.converted[d, g] += before
        for kind in range(3):
            w.converting[kind, k] += w.flow[still, link, kind] if o.converts[j] else 0.0
            w.ending[kind, k] += w.flow[0, link, kind] if j >= n else 0.0
        if j >= n:
            s.ends[d, g, j - n] += everybody
            s.lost[d, g] += 0.0 if o.converts[j] else before
            if o.churns[j]:
                s.churned[d, g] += everybody - before if o.after_conversion[j] else everybody


@compiled
def _up_to(amounts: Floats, rate: Floats, step: float, times: Floats, out: Floats) -> None:
    """Fill out with what has been booked up to each time (ascending), plus the integral of a rate per day."""
    last = amounts.shape[1] - 1
    k, at, after, spread, flowing = 0, amounts[AT, 0], 0.0, 0.0, 0.0
    for place in range(len(times)):
        time = times[place]
        while k < last and (k + 1) * step <= time + 1e-9 * step:
            here = 0.5 * (amounts[ALL, k] - amounts[AT, k] - amounts[AFTER, k])
            following = 0.5 * (amounts[ALL, k + 1] - amounts[AT, k + 1] - amounts[AFTER, k + 1])
            # at entry the hat has only its right half, so all of its mass falls in the first step
            spread += (2.0 * here if k == 0 else here) + following
            after += amounts[AFTER, k]
            flowing += rate[k] * step
            k += 1
            at += amounts[AT, k]
        total, beyond = at + after + spread + flowing, time / step - k
        if beyond > 1e-9:
            total += amounts[AFTER, k] + rate[k] * beyond * step
            if k < last:
                here = 0.5 * (amounts[ALL, k] - amounts[AT, k] - amounts[AFTER, k])
                following = 0.5 * (amounts[ALL, k + 1] - amounts[AT, k + 1] - amounts[AFTER, k + 1])
                total += beyond * ((2.0 * here if k == 0 else here) + following)
        out[place] = total


@compiled
def _clear(w: Work) -> None:
    w.arrived[:] = 0.0
    w.sharp[:] = 0.0
    w.seen[:] = False
    w.value_rate[:] = 0.0
    w.cost_rate[:] = 0.0
    w.converting[:] = 0.0
    w.ending[:] = 0.0
    w.earning[:] = 0.0
    w.spending[:] = 0.0
    w.earning_rate[:] = 0.0
    w.spending_rate[:] = 0.0


@compiled
def _prepare_step(o: Layout, r: Rows, w: Work, d: int, g: int, k: int) -> None:
    """Renew the same-step solutions where the rows in force differ from those of the step before."""
    same = k > 0 and o.at[k] == o.at[k - 1]
    spread = same and o.lowest[k] == o.highest[k] and o.lowest[k - 1] == o.highest[k - 1]
    if not (same and spread):
        w.moving[3] = False
        for kind in range(3):
            _prepare_same_step(o, r, w, d, g, k, kind)


@compiled
def _world(o: Layout, r: Rows, w: Work, s: Sums, d: int, g: int) -> None:
    """Run one draw of one persona and fill its sums."""
    _clear(w)
    _prepare_kernels(o, r, w, d, g)
    new, start = np.zeros(w.arrived.shape[1]), r.entry[d, g].copy()
    for k in range(len(o.at)):
        w.flow[:] = 0.0
        w.value[:] = 0.0
        w.cost[:] = 0.0
        _prepare_step(o, r, w, d, g, k)
        for layer in range(o.layers):
            _gather(o, r, w, d, g, k, layer)
            _arrive(o, r, w, d, g, k, layer, start, new)
        _visit_money(o, r, w, s, d, g, k, start)
        _money(o, w, s, d, g, k)
        _fates(o, w, s, d, g, k, start)
        start[:] = 0.0
    none = np.zeros(len(o.at))
    _up_to(w.converting, none, o.step, o.marks, s.converted_by[d, g])
    _up_to(w.ending, none, o.step, o.marks, s.ended_by[d, g])
    _up_to(w.converting, none, o.step, o.month_ends, s.converted_month[d, g])
    _up_to(w.earning, w.earning_rate, o.step, o.month_ends, s.value_month[d, g])
    _up_to(w.spending, w.spending_rate, o.step, o.month_ends, s.cost_month[d, g])


@compiled
def worlds(o: Layout, r: Rows, w: Work, s: Sums, begin: int, end: int) -> None:
    """Run draws begin … end - 1 of every persona."""
    for d in range(begin, end):
        for g in range(r.share.shape[1]):
            _world(o, r, w, s, d, g)
