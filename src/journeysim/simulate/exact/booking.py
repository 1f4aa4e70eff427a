"""Compiled: what one step of the recursion adds to the sums, and how sums by time are read off the grid.

Amounts come in three classes (0 all, 1 exactly at the grid point, 2 just after it; the rest is spread around it); see
`state`. Columns of what a move or an arrival adds: 0 count, 1 value, 2 cost, 3 and 4 value and cost per day that end
(moves) or begin (arrivals), 5 effort (arrivals only).
"""

from __future__ import annotations

from typing import NamedTuple

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints
from journeysim.simulate.exact._compiled import lean
from journeysim.simulate.exact.state import (
    AFTER,
    ALL,
    AT,
    FIRST,
    HIGHEST,
    LOWEST,
    NOW,
    OFFSET,
    TARGET,
    Plan,
    World,
)
from journeysim.simulate.exact.state import EFFORT as EFFORT_TERM

CONVERTING, ENDING, EARNING, SPENDING = 0, 1, 2, 3
CONVERTED, CHURNED, LOST, EFFORT, VALUE_PV, COST_PV = 0, 1, 2, 3, 4, 5
VISITS, VALUE_AT, COST_AT = 0, 1, 2


class Money(NamedTuple):
    """How money of cycle k counts: within-cycle weight, discount factors, and their integrals up to the next cycle."""

    weight: Floats  # (steps + 1,)
    factor: Floats  # (2, steps + 1) value, cost
    span: Floats  # (2, steps + 1)
    days: Floats  # (steps + 1,) time from this point to the next or the horizon
    marks: Floats  # (T,)
    month_ends: Floats  # (M,)
    keeps_means: bool  # count spread mass at the entry point at entry: sums by time keep its mean, if not its place


class Series(NamedTuple):
    """One world's history by grid point, overwritten by the next world."""

    amounts: Floats  # (4, 3, steps + 1) converting, ending, earning, spending, by class
    flowing: Floats  # (4, steps + 1) per day, after the point (earning and spending only)
    rates: Floats  # (s, 2) value and cost per day now
    outcomes: int


class Sums(NamedTuple):
    """Where the results go; the first axis is draws x personas."""

    world: Floats  # (W, 6) converted, churned, lost, effort, value_pv, cost_pv
    place: Floats  # (W, 3, s) visits, value_at, cost_at
    moves: Floats  # (W, L)
    ends: Floats  # (W, s) by place
    by_mark: Floats  # (W, 2, T) converted, ended
    by_month: Floats  # (W, 4, M) converted, ended, value, cost up to each month's end
    first: Floats  # (W, layers) who came to the layer's places of interest by a move, for the first time
    until: Floats  # (W, 2) touches and effort up to and including conversion


@lean
def _counted(amounts: Floats, row: int, term: int, until: int) -> float:
    """Return what counts by the horizon of amounts booked at one point; half of the spread mass at the last one.

    `until` is the number of points still to come. The table comes whole with a row number, because handing over a
    view of it costs more than the sum.
    """
    everything: float = amounts[row, ALL, term]
    if until > 0:
        return everything
    return float(0.5 * (everything + amounts[row, AT, term] - amounts[row, AFTER, term]))


@lean
def book_money(
    links: Ints, visits: Floats, moves: Floats, money: Money, series: Series, sums: Sums, k: int, at: int
) -> None:
    """Add the money of this step, and of the time up to the next one, to places, series and present values.

    `visits` is overwritten: a link's money counts at its target, so the moves are added to the visits first.
    """
    until, places, world = len(money.weight) - 1 - k, sums.place[at], sums.world[at]
    for link in range(len(links)):
        i, j = links[link, 0], links[link, 1]
        for term in (1, 2):
            for kind in range(3):
                visits[j, kind, term] += moves[link, kind, term]
        series.rates[i, 0] -= moves[link, ALL, 3]
        series.rates[i, 1] -= moves[link, ALL, 4]
    for side in range(2):
        for kind in range(3):
            series.amounts[EARNING + side, kind, k] = 0.0
        series.flowing[EARNING + side, k] = 0.0
    for j in range(len(visits)):
        places[VISITS, j] += _counted(visits, j, 0, until)
        world[EFFORT] += _counted(visits, j, 5, until)
        for side in range(2):
            series.rates[j, side] += visits[j, ALL, 3 + side]
            lump = _counted(visits, j, 1 + side, until) * money.weight[k]
            rate = series.rates[j, side] * money.weight[k]
            places[VALUE_AT + side, j] += lump + rate * money.days[k]
            world[VALUE_PV + side] += lump * money.factor[side, k] + rate * money.span[side, k]
            series.flowing[EARNING + side, k] += rate
            for kind in range(3):
                series.amounts[EARNING + side, kind, k] += visits[j, kind, 1 + side] * money.weight[k]


@lean
def book_fates(
    links: Ints, marks: Bools, moved: Floats, start: Floats, series: Series, sums: Sums, k: int, at: int
) -> None:
    """Count moves, ends, conversions, churn and loss of this step; the last layer of `moved` has not converted yet."""
    until, touchpoints = series.amounts.shape[2] - 1 - k, len(series.rates) - series.outcomes
    everybody, before = moved[0], moved[len(moved) - 1]
    world = sums.world[at]
    series.amounts[CONVERTING, :, k] = 0.0
    series.amounts[ENDING, :, k] = 0.0
    for j in range(len(start)):
        if start[j] > 0.0:
            _book_entry(marks[j], j - touchpoints, start[j], series.amounts[:, :, k], world)
            sums.ends[at, j] += start[j]
    for link in range(len(links)):
        j = links[link, 1]
        all_moves, first_moves = _counted(everybody, link, 0, until), _counted(before, link, 0, until)
        sums.moves[at, link] += all_moves
        sums.ends[at, j] += all_moves
        for kind in range(3):
            series.amounts[CONVERTING, kind, k] += before[link, kind, 0] if marks[j, 0] else 0.0
            series.amounts[ENDING, kind, k] += everybody[link, kind, 0] if j >= touchpoints else 0.0
        world[CONVERTED] += first_moves if marks[j, 0] else 0.0
        if j >= touchpoints:
            counts_as_churn = marks[j, 1] and not marks[j, 2]
            world[LOST] += 0.0 if marks[j, 0] or counts_as_churn else first_moves
            if marks[j, 1]:
                world[CHURNED] += all_moves - first_moves if marks[j, 2] else all_moves


@lean
def _book_entry(marks: Bools, ends: int, mass: float, amounts: Floats, world: Floats) -> None:
    """Count those who enter at a conversion mark, or enter straight into an outcome (number `ends`, else negative)."""
    for kind in (ALL, AT):
        amounts[CONVERTING, kind] += mass if marks[0] else 0.0
        amounts[ENDING, kind] += mass if ends >= 0 else 0.0
    world[CONVERTED] += mass if marks[0] else 0.0
    world[LOST] += mass if ends >= 0 and not marks[0] and not (marks[1] and not marks[2]) else 0.0
    world[CHURNED] += mass if ends >= 0 and marks[1] and not marks[2] else 0.0


@lean
def book_paths(plan: Plan, world: World, start: Floats, sums: Sums, k: int, at: int) -> None:
    """Count first arrivals at places of interest, and what converters have done when they convert."""
    until, last = len(plan.points) - 1 - k, plan.fates - 1
    for layer in range(plan.fates + plan.carried, plan.layers):
        for link in range(len(plan.links)):
            if plan.wanted[layer, plan.links[link, TARGET]]:
                sums.first[at, layer] += _counted(world.moved[layer], link, 0, until)
    for link in range(len(plan.links)):
        j = plan.links[link, TARGET]
        if plan.marks[j, 0]:
            for what in range(2):
                sums.until[at, what] += _counted(world.moved[plan.fates + what], link, 0, until)
            sums.until[at, 0] += _counted(world.moved[last], link, 0, until) if j < plan.touchpoints else 0.0
            sums.until[at, 1] += _effort_on_arrival(plan, world, world.moved[last, link], k, j)
    for j in range(len(start)):
        if plan.marks[j, 0] and start[j] > 0.0:
            sums.until[at, 0] += start[j] if j < plan.touchpoints else 0.0
            sums.until[at, 1] += start[j] * world.visit_terms[plan.points[k, NOW], j, EFFORT_TERM]


@lean
def _effort_on_arrival(plan: Plan, world: World, moved: Floats, k: int, j: int) -> float:
    """Return the effort of moves just completed at place j, counted by the horizon; spread mass by its periods."""
    sharp, within = moved[AT, 0] + moved[AFTER, 0], k < len(plan.points) - 1
    spread = (moved[ALL, 0] - sharp) * (1.0 if within else 0.5)
    effort: float = world.visit_terms[plan.points[k, NOW], j, EFFORT_TERM] * (sharp if within else moved[AT, 0])
    for p in range(plan.points[k, LOWEST], plan.points[k, HIGHEST] + 1):
        slot = plan.slots[p, OFFSET] + k - plan.slots[p, FIRST]
        effort += plan.part[slot] * spread * world.visit_terms[p, j, EFFORT_TERM]
    return effort


@lean
def _spread_until_next(amounts: Floats, k: int) -> float:
    """Return the spread mass between point k and the next one; at entry the hat has only its right half."""
    here = amounts[ALL, k] - amounts[AT, k] - amounts[AFTER, k]
    following = amounts[ALL, k + 1] - amounts[AT, k + 1] - amounts[AFTER, k + 1]
    return float((here if k == 0 else 0.5 * here) + 0.5 * following)


@lean
def _count_at_entry(amounts: Floats) -> None:
    """Count the spread mass at the entry point at entry."""
    amounts[AT, 0] = amounts[ALL, 0] - amounts[AFTER, 0]


@lean
def _up_to(amounts: Floats, flowing: Floats, step: float, times: Floats, out: Floats) -> None:
    """Fill out with what has been booked up to each time (ascending), plus the integral of what flows per day."""
    last, k, total = amounts.shape[1] - 1, 0, amounts[AT, 0]
    for place in range(len(times)):
        while k < last and (k + 1) * step <= times[place] + 1e-9 * step:
            total += amounts[AFTER, k] + _spread_until_next(amounts, k) + flowing[k] * step
            k += 1
            total += amounts[AT, k]
        out[place] = total
        beyond = times[place] / step - k
        if beyond > 1e-9:
            out[place] += amounts[AFTER, k] + flowing[k] * beyond * step
            if k < last:
                out[place] += beyond * _spread_until_next(amounts, k)


@lean
def finish(step: float, money: Money, series: Series, sums: Sums, at: int) -> None:
    """Read the finished world's curves and months off the grid."""
    for what in range(4):
        amounts, flowing = series.amounts[what], series.flowing[what]
        if what <= ENDING:
            _up_to(amounts, flowing, step, money.marks, sums.by_mark[at, what])
        if money.keeps_means:
            _count_at_entry(amounts)
        _up_to(amounts, flowing, step, money.month_ends, sums.by_month[at, what])
