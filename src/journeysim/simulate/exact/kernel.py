"""Compiled: the renewal recursion of one world (MODEL section 6).

At every grid point the moves that began earlier are completed (`_gather`), then those that begin and end within the
step are solved (`_arrive_*`), sharp classes of mass first, because they turn into spread mass and never back, layer by
layer (see `state`).
"""

from __future__ import annotations

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.exact._compiled import lean, summing
from journeysim.simulate.exact.booking import Money, Series, Sums, book_fates, book_money, book_paths, finish
from journeysim.simulate.exact.readying import place_dwells, solve_same_step, stays, take_rows
from journeysim.simulate.exact.state import (
    AFTER,
    ALL,
    AT,
    EFFORT,
    FIRST,
    HIGH,
    HIGHEST,
    LAST,
    LOW,
    LOWEST,
    NOW,
    OFFSET,
    POINTS,
    ROUNDING,
    SHORT,
    SOURCE,
    TARGET,
    USED,
    Kernels,
    Plan,
    Rows,
    World,
)


@summing
def _dot(x: Floats, i: int, x0: int, y: Floats, q: int, y0: int, size: int) -> float:
    """Return the sum over `size` terms of row i of x from x0 times row q of y from y0 (a view would cost as much)."""
    total = 0.0
    for k in range(size):
        total += x[i, x0 + k] * y[q, y0 + k]
    return total


@lean
def _add(booked: Floats, place: int, kind: int, terms: Floats, p: int, amount: float) -> None:
    """Book an amount at a link or place with the terms of its row in period p."""
    for term in range(booked.shape[2]):
        booked[place, kind, term] += terms[p, place, term] * amount


@lean
def _gather_sharp(plan: Plan, kernels: Kernels, world: World, k: int, layer: int, link: int, p: int) -> None:
    """Say which part of the moves with a fixed dwell, just completed in full, keeps a sharp time.

    A dwell between two points is shared by them as "just after" the earlier and "exactly at" the later one: that way
    a count at either point is right, and so is the mean.
    """
    q, i, moved = plan.kernel[p, link], plan.links[link, SOURCE], world.moved[layer]
    for u in range(max(1, kernels.reach[q, LOW]), min(k, kernels.reach[q, HIGH]) + 1):
        if plan.points[k - u, NOW] != p:
            continue
        part = world.share[p, link] * kernels.reverse[q, kernels.reverse.shape[1] - 1 - u]
        at, after = world.sharp[layer, AT, i, k - u], world.sharp[layer, AFTER, i, k - u]
        earlier = u == kernels.reach[q, LOW] and kernels.reach[q, POINTS] == 2
        if at > 0.0:
            _add(moved, link, AFTER if earlier else AT, world.move_terms, p, part * at)
        if after > 0.0 and (earlier or kernels.reach[q, POINTS] == 1):
            _add(moved, link, AFTER, world.move_terms, p, part * after)


@lean
def _gather(plan: Plan, kernels: Kernels, world: World, k: int, layer: int) -> None:
    """Complete the moves that began before this step."""
    steps, latest = len(plan.points) - 1, plan.points[k, HIGHEST]
    arrived, moved = world.arrived[layer], world.moved[layer]
    links, kernel, slots, reach, reverse = plan.links, plan.kernel, plan.slots, kernels.reach, kernels.reverse
    share, terms, seen = world.share, world.move_terms, world.seen[layer]
    for link in range(len(links)):
        i = links[link, SOURCE]
        if links[link, USED] == 0 or not seen[i]:
            continue
        for p in range(latest + 1):
            q = kernel[p, link]
            begin = max(slots[p, FIRST], k - reach[q, HIGH])
            end = min(slots[p, LAST], k - max(1, reach[q, LOW]))
            if share[p, link] == 0.0 or end < begin:
                continue
            x0 = slots[p, OFFSET] + begin - slots[p, FIRST]
            mass = _dot(arrived, i, x0, reverse, q, steps - k + begin, end - begin + 1)
            if mass > 0.0:
                _add(moved, link, ALL, terms, p, share[p, link] * mass)
            if reach[q, POINTS] > 0:
                _gather_sharp(plan, kernels, world, k, layer, link, p)


@lean
def _solve(inverse: Floats, landed: Floats, scratch: Floats) -> None:
    """Replace the touchpoints' arrivals that began earlier by all arrivals of this step."""
    n = len(inverse)
    for i in range(n):
        scratch[i] = landed[i]
        landed[i] = 0.0
    for i in range(n):
        if scratch[i] > 0.0:
            for j in range(n):
                landed[j] += scratch[i] * inverse[i, j]


@lean
def _pass_on(plan: Plan, kernels: Kernels, world: World, layer: int, kind: int, p: int) -> None:
    """Complete the same-step moves of the arrivals in `landed`, and land those that reach an outcome.

    Of mass exactly at a point, a short dwell makes mass just after it, and a longer one spreads it.
    """
    zero, moved, terms = kernels.reverse.shape[1] - 1, world.moved[layer], world.move_terms
    for link in range(len(plan.links)):
        x, j, q = world.landed[plan.links[link, SOURCE]], plan.links[link, TARGET], plan.kernel[p, link]
        if x == 0.0 or world.share[p, link] == 0.0:
            continue
        amount = world.share[p, link] * x * kernels.reverse[q, zero]
        if amount == 0.0:
            continue
        _add(moved, link, ALL, terms, p, amount)
        if kind == ALL:
            world.landed[j] += amount if j >= plan.touchpoints else 0.0
        elif stays(kernels, kind, q) > 0.0:
            _add(moved, link, kind, terms, p, amount)
        elif kind == AT and (kernels.reverse[q, zero] > SHORT or kernels.reach[q, POINTS] == 2):
            _add(moved, link, AFTER, terms, p, amount)


@lean
def _carries(plan: Plan, layer: int) -> bool:
    """Say whether a layer carries what customers have done so far instead of customers."""
    return plan.fates <= layer < plan.fates + plan.carried


@lean
def _done_here(plan: Plan, world: World, layer: int, p: int, i: int) -> float:
    """Return what an arrival at touchpoint i adds to what a layer carries: one touch, or its effort."""
    return 1.0 if layer == plan.fates else world.visit_terms[p, i, EFFORT]


@lean
def _enter_layer(plan: Plan, world: World, layer: int) -> None:
    """Let everybody's moves into a layer of places of interest happen there too; those within it are its own."""
    everybody, moved = world.moved[0], world.moved[layer]
    for link in range(len(plan.links)):
        if plan.copied[layer, link]:
            for kind in range(3):
                moved[link, kind, 0] = everybody[link, kind, 0]


@lean
def _collect(plan: Plan, world: World, layer: int, start: Floats) -> None:
    """Set the arrivals at each place and class: entries plus completed moves."""
    base, moved = world.base[layer], world.moved[layer]
    base[:] = 0.0
    if not _carries(plan, layer):
        for j in range(len(start)):
            if not plan.blocked[layer, j]:
                base[ALL, j] = start[j]
                base[AT, j] = start[j]
    for link in range(len(plan.links)):
        j = plan.links[link, TARGET]
        if not plan.blocked[layer, j]:
            for kind in range(3):
                base[kind, j] += moved[link, kind, 0]


@lean
def _land_sharp(plan: Plan, kernels: Kernels, world: World, k: int, layer: int, kind: int) -> None:
    """Land one class of sharp arrivals at the touchpoints and complete its same-step moves."""
    landed, now = world.landed, plan.points[k, NOW]
    solve_same_step(plan, kernels, world, now, kind)
    for j in range(len(landed)):
        landed[j] = world.base[layer, kind, j]
    if _carries(plan, layer):
        for i in range(plan.touchpoints):
            landed[i] += _done_here(plan, world, layer, now, i) * world.sharp[plan.fates - 1, kind, i, k]
    if world.moving[kind, 0]:
        _solve(world.inverse[kind, layer], landed, world.scratch)
    for i in range(plan.touchpoints):
        world.sharp[layer, kind, i, k] = landed[i]
    if world.moving[kind, 1]:
        _pass_on(plan, kernels, world, layer, kind, now)


@lean
def _arrive_sharp(plan: Plan, kernels: Kernels, world: World, k: int, layer: int, start: Floats) -> None:
    """Land the arrivals whose time is known, with the row of that time."""
    base, now, some = world.base[layer], plan.points[k, NOW], 0.0
    _collect(plan, world, layer, start)
    for j in range(len(start)):
        some += base[AT, j] + base[AFTER, j]
    if _carries(plan, layer):
        for i in range(plan.touchpoints):
            some += world.sharp[plan.fates - 1, AT, i, k] + world.sharp[plan.fates - 1, AFTER, i, k]
    if some == 0.0:
        return
    for kind in (AT, AFTER):
        _collect(plan, world, layer, start)
        _land_sharp(plan, kernels, world, k, layer, kind)
    _collect(plan, world, layer, start)
    for i in range(plan.touchpoints):
        known = world.sharp[layer, AT, i, k] + world.sharp[layer, AFTER, i, k]
        world.seen[layer, i] = world.seen[layer, i] or known > 0.0
        world.arrived[layer, i, plan.slots[now, OFFSET] + k - plan.slots[now, FIRST]] += known
    if layer == 0:
        for j in range(len(start)):
            _add(world.booked, j, ALL, world.visit_terms, now, base[AT, j] + base[AFTER, j])
            _add(world.booked, j, AT, world.visit_terms, now, base[AT, j])
            _add(world.booked, j, AFTER, world.visit_terms, now, base[AFTER, j])


@lean
def _spread_at(plan: Plan, world: World, k: int, i: int, p: int, slot: int) -> float:
    """Return the unconverted who arrive at a touchpoint around this point in period p; never below 0 by rounding."""
    layer = plan.fates - 1
    arrived: float = world.arrived[layer, i, slot]
    if p == plan.points[k, NOW]:
        known = world.sharp[layer, AT, i, k] + world.sharp[layer, AFTER, i, k]
        arrived -= known
        return arrived if arrived > ROUNDING * known else 0.0
    return arrived


@lean
def _arrive_spread(plan: Plan, kernels: Kernels, world: World, k: int, layer: int) -> None:
    """Land the arrivals around the point, each part with the row of its period; same-step moves stay in the period."""
    base, landed, n = world.base[layer], world.landed, plan.touchpoints
    for p in range(plan.points[k, LOWEST], plan.points[k, HIGHEST] + 1):
        slot = plan.slots[p, OFFSET] + k - plan.slots[p, FIRST]
        some = False
        for j in range(len(landed)):
            known = base[AT, j] + base[AFTER, j]
            spread = base[ALL, j] - known
            landed[j] = plan.part[slot] * spread if spread > ROUNDING * known else 0.0
            if j < n and _carries(plan, layer):
                landed[j] += _done_here(plan, world, layer, p, j) * _spread_at(plan, world, k, j, p, slot)
            some = some or landed[j] > 0.0
        if not some:
            continue
        solve_same_step(plan, kernels, world, p, ALL)
        if world.moving[ALL, 0]:
            _solve(world.inverse[ALL, layer], landed, world.scratch)
        if world.moving[ALL, 1]:
            _pass_on(plan, kernels, world, layer, ALL, p)
        for i in range(n):
            world.arrived[layer, i, slot] += landed[i]
            world.seen[layer, i] = world.seen[layer, i] or landed[i] > 0.0
        if layer == 0:
            for j in range(len(landed)):
                _add(world.booked, j, ALL, world.visit_terms, p, landed[j])


@lean
def _world(plan: Plan, money: Money, kernels: Kernels, world: World, series: Series, sums: Sums, at: int) -> None:
    """Run one world whose rows are prepared; `at` is its place in the sums."""
    series.rates[:] = 0.0
    start = world.entering
    for k in range(len(plan.points)):
        world.moved[:] = 0.0
        world.booked[:] = 0.0
        for layer in range(plan.layers):
            _gather(plan, kernels, world, k, layer)
            if layer >= plan.fates + plan.carried:
                _enter_layer(plan, world, layer)
            _arrive_sharp(plan, kernels, world, k, layer, start)
            _arrive_spread(plan, kernels, world, k, layer)
        if plan.carried > 0:
            book_paths(plan, world, start, sums, k, at)
        else:
            book_money(plan.links, world.booked, world.moved[0], money, series, sums, k, at)
            book_fates(plan.links, plan.marks, world.moved, start, series, sums, k, at)
        start[:] = 0.0
    if plan.carried == 0:
        finish(plan.step, money, series, sums, at)


@lean
def worlds(
    plan: Plan, money: Money, rows: Rows, kernels: Kernels, world: World, series: Series, sums: Sums, block: Ints
) -> None:
    """Run draws block[0] … block[1] - 1 of every persona."""
    means = kernels.means
    personas = rows.share.shape[1]
    for d in range(block[0], block[1]):
        for g in range(personas):
            place_dwells(plan, rows.family[d], rows.dwell_a[d, g], rows.dwell_b[d, g], kernels, means)
            take_rows(plan, rows, world, d, g)
            _world(plan, money, kernels, world, series, sums, d * personas + g)
