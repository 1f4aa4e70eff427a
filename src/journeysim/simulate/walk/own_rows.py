"""The stage of a step that chooses links by own rows, and the one that lets customers wait at own rates.

A customer's own shares at a touchpoint are Dirichlet(kappa x share): gamma variates, one per link, divided by their sum.
A variate of shape a is G(a + 1) U^(1/a) (Marsaglia and Tsang 2000, section 6), so that every shape above 0 has its
exact law and the variates move smoothly with the share: a changed row keeps the customer's own luck. They are
addressed by touchpoint and slot, without a visit number: the same at every visit, for life.

What is remembered and felt multiplies: weight = variate x exp(start + visits x effect + sensitivity x satisfaction),
the variate being the share itself, or the share after the place before, where customers are alike. The choice is by
inverse distribution function, coupled maximally to the row the customer would have had today (MODEL section 7).
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools
from journeysim.simulate.streams import (
    BLOCK,
    OWN_RATE,
    OWN_SHARE,
    PURPOSE_SHIFT,
    RESIDUAL,
    VISIT,
    compiled_inner,
    compiled_into,
    uniform_at,
    unit,
    visit_words,
)
from journeysim.simulate.walk.lanes import (
    CUSTOMER,
    DWELL,
    KEEP,
    KEY,
    LINK,
    VISIT_NUMBER,
    Carried,
    Indices,
    Lanes,
    normal_quantiles,
)
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.own_layout import MOST_EARLIER, OwnPlan, OwnRoom, OwnTruth, own_gamma
from journeysim.simulate.walk.quantiles import exp_of, gamma_of, log_of, normal_of

_OWN_TAG = np.uint32(OWN_SHARE << PURPOSE_SHIFT)


@compiled_inner
def choose_own(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, own: OwnTruth, carried: Carried,
    lanes: Lanes,
) -> None:  # fmt: skip
    """Choose the link of every lane at a touchpoint with own rows; `carried` is by slot."""
    room = lanes.own
    room.first[0] = 0
    coupled = _list_members(count, layout, lanes.place, room, 0, True) if layout.own.couples else 0  # noqa: FBT003
    members = _list_members(count, layout, lanes.place, room, coupled, False)  # noqa: FBT003 - compiled
    drawn = _list_drawn(members, layout, lanes.place, room) if layout.own.tables > 0 else 0
    _draw_variates(drawn, layout, draw, lanes, room)
    _weigh(0, members, drawn, layout, parameters, row, own, carried, lanes, room, room.weight)
    if coupled > 0:
        _weigh(1, coupled, drawn, layout, parameters, row, own, carried, lanes, room, room.today)
    for m in range(members):
        k, start, end = room.member[m], room.first[m], room.first[m + 1]
        base = room.today if m < coupled else room.weight
        total = _sum(base, start, end)
        if total > 0.0:
            entry = _pick(base, start, end, unit(lanes.words[LINK + k]) * total)
            if m < coupled:
                entry = _stay_or_move(k, entry, start, end, total, layout, draw, lanes, room)
            lanes.link[k] = layout.row_start[lanes.place[k]] + entry - start


@compiled_inner
def _list_members(count: int, layout: Layout, place: Indices, room: OwnRoom, start: int, coupled: bool) -> int:  # noqa: FBT001
    """List the lanes at coupled or other touchpoints with own rows from position `start` on; return the end."""
    plan = layout.own
    for k in range(count):
        if plan.at[place[k]] and plan.coupled[place[k]] == coupled:
            room.member[start] = k
            room.first[start + 1] = room.first[start] + layout.row_start[place[k] + 1] - layout.row_start[place[k]]
            start += 1
    return start


@compiled_inner
def _list_drawn(members: int, layout: Layout, place: Indices, room: OwnRoom) -> int:
    """List the entries that have a variate of the customer's own; return how many."""
    drawn = 0
    for m in range(members):
        k = room.member[m]
        first = layout.row_start[place[k]]
        if layout.own.table[first] >= 0:
            for entry in range(room.first[m], room.first[m + 1]):
                room.lane[drawn] = k
                room.link[drawn] = first + entry - room.first[m]
                room.drawn[drawn] = entry
                drawn += 1
    return drawn


@compiled_inner
def _draw_variates(drawn: int, layout: Layout, draw: np.uint64, lanes: Lanes, room: OwnRoom) -> None:
    """Fill the two numbers behind each own variate, in the order of `room.drawn`."""
    words = room.words
    for start in range(0, drawn, BLOCK):
        size = min(BLOCK, drawn - start)
        for e in range(size):
            words[CUSTOMER + e] = lanes.words[CUSTOMER + room.lane[start + e]]
            words[KEY + e] = layout.own.slot_key[room.link[start + e]]
            words[VISIT_NUMBER + e] = _OWN_TAG
        visit_words(size, layout.seed_low, layout.seed_high, draw, words)
        for e in range(size):
            lanes.gathered[e] = unit(words[LINK + e])
        normal_quantiles(size, lanes.gathered, lanes.other)
        for e in range(size):
            room.normal[start + e] = lanes.gathered[e]
        for e in range(size):
            room.boost[start + e] = log_of(unit(words[DWELL + e]))


@compiled_inner
def _weigh(
    side: int, members: int, drawn: int, layout: Layout, parameters: Parameters, row: int, own: OwnTruth,
    carried: Carried, lanes: Lanes, room: OwnRoom, weight: Floats,
) -> None:  # fmt: skip
    """Fill the weights of the first members' rows, up to a factor per row; side 0 is the world's own, 1 is today's."""
    _look_up(side, members, layout, own, carried.before, lanes, room, weight)
    if not (drawn > 0 or layout.felt.acts):
        return
    entries = room.first[members]
    for e in range(entries):
        room.level[e] = 0.0
    if layout.felt.acts:
        for m in range(members):
            k = room.member[m]
            mood, first = carried.mood[side, lanes.slot[k]], layout.row_start[lanes.place[k]] - room.first[m]
            period = lanes.cell[k] % layout.periods
            for e in range(room.first[m], room.first[m + 1]):
                room.level[e] = parameters.felt.sensitivity[row, side, period, first + e] * mood
    if drawn > 0:
        _add_variates(drawn, entries, side * layout.personas * layout.periods, layout.own, own, lanes, room)
        _lower(members, room, weight)
    for e in range(entries):
        weight[e] *= exp_of(room.level[e])


@compiled_inner
def _look_up(
    side: int, members: int, layout: Layout, own: OwnTruth, before: Indices, lanes: Lanes, room: OwnRoom, weight: Floats
) -> None:
    """Fill what a draw's tables say: by visits so far and cell, and by the place before where that has rows."""
    links, cells = layout.target.size, layout.personas * layout.periods
    afters = layout.own.entry_link.size
    for m in range(members):
        k = room.member[m]
        visits = np.int64(lanes.words[VISIT_NUMBER + k])
        if visits > MOST_EARLIER:
            visits = np.int64(MOST_EARLIER)
        visits += side * (MOST_EARLIER + 1)
        first = np.int32(-1)
        if layout.own.order2:
            first = layout.own.first[before[lanes.slot[k]] * layout.touchpoints + lanes.place[k]]
        start, end = np.uint64(room.first[m]), np.uint64(room.first[m + 1])
        if first >= 0:
            at = np.uint64((visits * cells + lanes.cell[k]) * afters + first)
            for e in range(start, end):
                weight[e] = own.after[at + e - start]
        else:
            at = np.uint64((visits * cells + lanes.cell[k]) * links + layout.row_start[lanes.place[k]])
            for e in range(start, end):
                weight[e] = own.factor[at + e - start]


@compiled_inner
def _add_variates(
    drawn: int, entries: int, first_cell: int, plan: OwnPlan, own: OwnTruth, lanes: Lanes, room: OwnRoom
) -> None:
    """Add the logs of the customers' own variates."""
    for d in range(drawn):
        entry = room.drawn[d]
        if entry >= entries:
            break
        at = (first_cell + lanes.cell[room.lane[d]]) * plan.tables + plan.table[room.link[d]]
        inverse = own.inverse[at]
        if inverse > 0.0:
            room.level[entry] += own_gamma(room.normal[d], at, own.gamma) + room.boost[d] * inverse


@compiled_inner
def _lower(members: int, room: OwnRoom, weight: Floats) -> None:
    """Subtract each row's highest level that counts, so that no exponential overflows and not all vanish."""
    for m in range(members):
        highest = -np.inf
        for e in range(room.first[m], room.first[m + 1]):
            if weight[e] > 0.0:
                highest = max(highest, room.level[e])
        for e in range(room.first[m], room.first[m + 1]):
            room.level[e] = room.level[e] - highest if weight[e] > 0.0 else 0.0


@compiled_into
def _sum(weight: Floats, start: int, end: int) -> float:
    total = 0.0
    for e in range(start, end):
        total += weight[e]
    return total


@compiled_into
def _pick(weight: Floats, start: int, end: int, level: float) -> int:
    """Return the first entry whose running sum lies above the level, the last one with any weight if none does."""
    found, part = start, 0.0
    for e in range(start, end):
        if weight[e] > 0.0:
            found = e
            part += weight[e]
            if part > level:
                return found
    return found


@compiled_into
def _stay_or_move(
    k: int, entry: int, start: int, end: int, total: float, layout: Layout, draw: np.uint64, lanes: Lanes, room: OwnRoom
) -> int:
    """Keep a choice by today's row with chance min(1, share / today's), else draw from what the row gained."""
    own = _sum(room.weight, start, end)
    stays = own <= 0.0 or unit(lanes.words[KEEP + k]) * room.today[entry] * own < room.weight[entry] * total
    gain = 0.0
    for e in range(start, end):
        room.level[e] = max(0.0, room.weight[e] * total - room.today[e] * own)
        gain += room.level[e]
    if stays or gain <= 0.0:
        return entry
    words, gone = lanes.words, layout.gone[layout.row_start[lanes.place[k]] + entry - start]
    key, purpose = (gone, VISIT) if gone > 0 else (words[KEY + k], RESIDUAL)
    u = uniform_at(layout.seed_low, layout.seed_high, draw, words[CUSTOMER + k], key, words[VISIT_NUMBER + k], purpose)
    return _pick(room.level, start, end, u[0] * gain)


@compiled_inner
def own_scores(size: int, layout: Layout, draw: np.uint64, customer: np.ndarray, score: Floats) -> None:
    """Fill the normal score of each customer's own rate: one for all touchpoints, for life."""
    for k in range(size):
        u = uniform_at(layout.seed_low, layout.seed_high, draw, customer[k], np.uint32(0), np.uint32(0), OWN_RATE)
        score[k] = normal_of(u[0])


@compiled_inner
def wait_at_own_rate(count: int, plan: OwnPlan, own: OwnTruth, score: Floats, lanes: Lanes) -> None:
    """Divide dwells by the customer's own rate, gamma with mean 1, where customers have one."""
    for k in range(count):
        table = plan.rate_table[lanes.place[k]]
        if table >= 0 and not plan.silent[lanes.link[k]] and own.log_rate[table] < np.inf:
            level = gamma_of(score[lanes.slot[k]], own.rate, 0, table) - own.log_rate[table]
            lanes.arrival[k] = lanes.day[k] + (lanes.arrival[k] - lanes.day[k]) * exp_of(-level)


@compiled_inner
def remember(count: int, passed: Bools, lanes: Lanes, before: Indices) -> None:
    """Write down the place each lane leaves, unless it is one that is not remembered."""
    for k in range(count):
        if not passed[lanes.place[k]]:
            before[lanes.slot[k]] = lanes.place[k]
