"""Compiled: a world made ready for the recursion: its dwells on the grid, its rows side by side, its same-step moves solved."""

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.exact._compiled import lean
from journeysim.simulate.exact.state import (
    AFTER,
    ALL,
    HIGH,
    LOW,
    POINTS,
    SHORT,
    SOURCE,
    TARGET,
    USED,
    Kernels,
    Plan,
    Rows,
    World,
)
from journeysim.simulate.exact.weights import fixed_points, split


@lean
def place_dwells(plan: Plan, families: Ints, a: Floats, b: Floats, kernels: Kernels, means: Floats) -> None:
    """Place each dwell's mass on the grid, unless the world before had the same dwell."""
    last = kernels.reverse.shape[1] - 1
    for p in range(a.shape[0]):
        for link in range(a.shape[1]):
            q, family, scale, shape = plan.kernel[p, link], families[link], a[p, link], b[p, link]
            known = kernels.known[q, 0] == scale and (kernels.known[q, 1] == shape or np.isnan(shape))
            known = known and kernels.known[q, 2] == family
            if plan.links[link, USED] == 0 or known:
                continue
            reverse, low = kernels.reverse[q], 0
            high = split(family, scale, shape, plan.table, plan.step, means, reverse)
            while low < high and reverse[last - low] == 0.0:
                low += 1
            kernels.reach[q, LOW], kernels.reach[q, HIGH] = low, high
            kernels.reach[q, POINTS] = fixed_points(family, scale, shape, plan.step)
            kernels.known[q, 0], kernels.known[q, 1], kernels.known[q, 2] = scale, shape, family


@lean
def take_rows(plan: Plan, rows: Rows, world: World, d: int, g: int) -> None:
    """Copy the world's rows next to each other and forget the customers of the world before."""
    for p in range(world.share.shape[0]):
        for link in range(world.share.shape[1]):
            i = plan.links[link, SOURCE]
            world.share[p, link] = rows.share[d, g, p, link]
            world.move_terms[p, link, 0] = 1.0
            world.move_terms[p, link, 1] = rows.link_value[d, g, p, link]
            world.move_terms[p, link, 2] = rows.link_cost[d, g, p, link]
            world.move_terms[p, link, 3] = rows.value_per_day[d, g, p, i]
            world.move_terms[p, link, 4] = rows.cost_per_day[d, g, p, i]
        for j in range(world.visit_terms.shape[1]):
            stays = 1.0 if j < plan.touchpoints else 0.0
            world.entering[j] = rows.entry[d, g, j]
            world.visit_terms[p, j, 0] = 1.0
            world.visit_terms[p, j, 1] = rows.visit_value[d, g, p, j]
            world.visit_terms[p, j, 2] = rows.visit_cost[d, g, p, j]
            world.visit_terms[p, j, 3] = stays * rows.value_per_day[d, g, p, j]
            world.visit_terms[p, j, 4] = stays * rows.cost_per_day[d, g, p, j]
            world.visit_terms[p, j, 5] = rows.effort[d, g, p, j]
    world.arrived[:] = 0.0
    world.sharp[:] = 0.0
    world.seen[:] = False
    world.ready[:] = -1


@lean
def stays(kernels: Kernels, kind: int, q: int) -> float:
    """Return the part of a move that ends in the step it began in, for mass that keeps its class by it."""
    mass: float = kernels.reverse[q, kernels.reverse.shape[1] - 1]
    on_point = kernels.reach[q, POINTS] == 1 and kernels.reach[q, LOW] == 0
    return mass if kind == ALL or on_point or (kind == AFTER and mass > SHORT) else 0.0


@lean
def invert(matrix: Floats) -> None:
    """Replace a matrix M of same-step shares by (I - M)^-1; no pivots, as I - M is diagonally dominant."""
    n = len(matrix)
    for i in range(n):
        for j in range(n):
            matrix[i, j] = (1.0 if i == j else 0.0) - matrix[i, j]
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


@lean
def solve_same_step(plan: Plan, kernels: Kernels, world: World, p: int, kind: int) -> None:
    """Find how often each touchpoint is visited within a step by same-step moves with the rows of period p."""
    if world.ready[kind] == p:
        return
    n, inverse, moving = plan.touchpoints, world.inverse[kind], world.moving[kind]
    world.ready[kind] = p
    inverse[:] = 0.0
    moving[:] = False
    for link in range(len(plan.links)):
        i, j, q = plan.links[link, SOURCE], plan.links[link, TARGET], plan.kernel[p, link]
        share = world.share[p, link]
        moving[1] = moving[1] or (share > 0.0 and stays(kernels, ALL, q) > 0.0)
        mass = share * stays(kernels, kind, q) if share > 0.0 and j < n else 0.0
        if mass > 0.0:
            moving[0] = True
            for layer in range(plan.layers):
                if not plan.blocked[layer, i] and not plan.blocked[layer, j]:
                    inverse[layer, i, j] += mass
    if moving[0]:
        for layer in range(plan.layers):
            invert(inverse[layer])
