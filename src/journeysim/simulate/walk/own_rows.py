"""The stage of a step that chooses links by own rows.

A customer's own shares at a touchpoint are Dirichlet(kappa x share): gamma variates, one per link, divided by their sum.
A variate of shape a is G(a + 1) U^(1/a) (Marsaglia and Tsang 2000, section 6), so that every shape above 0 has its
exact law and the variates move smoothly with the share: a changed row keeps the customer's own luck. They are
addressed by touchpoint and slot, without a visit number: the same at every visit, for life. Where the row depends on the
place before, so do the shapes, and the luck behind the variates is the same: own shares after each place before are
Dirichlet(kappa x the row after it), and a customer who likes a link likes it wherever they come from.

What is remembered and felt multiplies: weight = variate x exp(start + visits x effect + sensitivity x satisfaction),
the variate being the share itself, or the share after the place before, where customers are alike. The choice is by
inverse distribution function, coupled maximally to the row the customer would have had today (MODEL section 7).

Lanes whose rows have about as many links are handled together: entry j * size + m is link j of member m, without weight
where the row has ended. So loops run over members, with no branch that depends on any of them, and that is where the
time went: of each wrong guess of a branch the processor makes some twenty cycles of nothing.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools
from journeysim.simulate.streams import (
    BLOCK,
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
    couple_link,
    eights,
    link_at,
    normal_quantiles,
)
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.own_layout import MOST_EARLIER, OwnPlan, OwnRoom, OwnTruth
from journeysim.simulate.walk.own_truth import own_gamma
from journeysim.simulate.walk.quantiles import Z_LIMIT, Z_STEP, exp_of, log_of
from journeysim.simulate.walk.truth import Truth

_OWN_TAG = np.uint32(OWN_SHARE << PURPOSE_SHIFT)


@compiled_inner
def choose_own(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    lanes: Lanes,
) -> None:  # fmt: skip
    """Choose the link of every lane at a touchpoint with own rows; `carried` is by slot."""
    plan, room = layout.own, lanes.own
    _sort_by_kind(count, plan, lanes.place, room)
    for kind in range(plan.width.size):
        width, members = plan.width[kind], room.sizes[kind]
        for start in range(0, members, BLOCK // width):
            size = min(BLOCK // width, members - start)
            _gather(size, kind * BLOCK + start, layout, lanes, room)
            drawn = _draw_variates(size, width, layout, draw, carried.before, lanes, room) if plan.tables > 0 else 0
            _weigh(0, size, width, drawn, layout, parameters, row, truth.own, carried, lanes, room, room.weight)
            if plan.apart[kind]:
                _weigh(1, size, width, drawn, layout, parameters, row, truth.own, carried, lanes, room, room.today)
                _pick(size, width, room.today, lanes, room)
                _stay_or_move(size, width, layout, draw, lanes, room)
            else:
                _pick(size, width, room.weight, lanes, room)
            _take(size, layout, draw, truth, lanes, room)


@compiled_into
def _sort_by_kind(count: int, plan: OwnPlan, place: Indices, room: OwnRoom) -> None:
    """List the lanes of each kind in member[kind * BLOCK : …]; those without own rows come last of all."""
    if plan.everywhere and plan.width.size == 1:
        for k in range(count):
            room.member[k] = k
        room.sizes[0] = count
        return
    for kind in range(plan.width.size + 1):
        room.sizes[kind] = 0
    for k in range(count):
        which = np.uint64(plan.kind[np.uint64(place[k])])
        room.member[which * np.uint64(BLOCK) + np.uint64(room.sizes[which])] = k
        room.sizes[which] += 1


@compiled_into
def _gather(size: int, start: int, layout: Layout, lanes: Lanes, room: OwnRoom) -> None:
    """Write down each member's lane, the first link of its row, and how many there are."""
    for m in range(size):
        k = np.uint64(room.member[start + m])
        place = np.uint64(lanes.place[k])
        first = layout.row_start[place]
        room.lane[m] = k
        room.link[m] = first
        room.links[m] = layout.row_start[place + np.uint64(1)] - first


@compiled_into
def _take(size: int, layout: Layout, draw: np.uint64, truth: Truth, lanes: Lanes, room: OwnRoom) -> None:
    """Let members take the links chosen; those whose own row has no weight at all choose by the persona's."""
    for m in range(size):
        k = room.lane[m]
        if room.total[m] > 0.0:
            lanes.link[np.uint64(k)] = room.link[m] + room.chosen[m]
        else:
            links, row = layout.target.size, lanes.cell[k] * layout.touchpoints + lanes.place[k]
            link = link_at(unit(lanes.words[LINK + k]), row, lanes.cell[k] * links, truth.upper, truth.guide)
            lanes.link[k] = couple_link(
                k, link, links, layout.seed_low, layout.seed_high, draw, layout.row_start, truth.keep, truth.rest,
                layout.gone, lanes.place, lanes.cell, lanes.words,
            )  # fmt: skip


@compiled_into
def _draw_variates(
    size: int, width: int, layout: Layout, draw: np.uint64, before: Indices, lanes: Lanes, room: OwnRoom
) -> int:
    """Fill the two numbers behind each variate of a customer's own; return how many there are."""
    drawn = _list_drawn(size, width, layout, before, lanes, room)
    visit_words(drawn, layout.seed_low, layout.seed_high, draw, room.words)
    for d in range(drawn):
        lanes.gathered[d] = unit(room.words[LINK + d])
    normal_quantiles(drawn, lanes.gathered, lanes.other, lanes.tail)
    for d in range(eights(drawn)):
        room.position[d] = (lanes.gathered[d] + Z_LIMIT) / Z_STEP
    for d in range(eights(drawn)):
        room.boost[d] = log_of(unit(room.words[DWELL + d]))
    return drawn


@compiled_into
def _list_drawn(size: int, width: int, layout: Layout, before: Indices, lanes: Lanes, room: OwnRoom) -> int:
    """List the entries that have a variate, with its address and where its numbers stand; return how many.

    Every entry is written down, and the next one takes its place if it has none.
    """
    plan, words, drawn = layout.own, room.words, np.uint64(0)
    for m in range(size):
        k, table, links = np.uint64(room.lane[m]), plan.table[np.uint64(room.link[m])], room.links[m]
        room.own[m] = links if table >= 0 else 0
        room.row[m] = lanes.cell[k] * plan.tables + table
        room.customer[m] = lanes.words[np.uint64(CUSTOMER) + k]
    if plan.own_after:
        for m in range(size):
            k = np.uint64(room.lane[m])
            came = before[np.uint64(lanes.slot[k])] * layout.touchpoints + lanes.place[k]
            room.row[m] = lanes.cell[k] * plan.tables + plan.table[np.uint64(plan.start[np.uint64(came)])]
    for j in range(width):
        for m in range(size):
            words[drawn] = room.customer[m]
            words[drawn + np.uint64(KEY)] = plan.slot_key[np.uint64(room.link[m] + j)]
            room.drawn[drawn] = j * size + m
            room.at[drawn] = room.row[m] + j
            drawn += np.uint64(j < room.own[m])
    for d in range(drawn):
        words[VISIT_NUMBER + d] = _OWN_TAG
    return int(np.int64(drawn))


@compiled_into
def _weigh(
    side: int, size: int, width: int, drawn: int, layout: Layout, parameters: Parameters, row: int, own: OwnTruth,
    carried: Carried, lanes: Lanes, room: OwnRoom, weight: Floats,
) -> None:  # fmt: skip
    """Fill the weights of the members' rows, up to a factor per row; side 0 is the world's own, 1 is today's."""
    _look_up(side, size, width, layout, own, carried.before, lanes, room, weight)
    if not (drawn > 0 or layout.felt.acts):
        return
    if layout.felt.acts:
        _answer(size, width, layout, parameters.felt.sensitivity[row, side], carried.mood[side], lanes, room)
    else:
        for e in range(size * width):
            room.level[e] = 0.0
    if drawn > 0:
        _add_variates(drawn, side * layout.personas * layout.periods * layout.own.tables, own, room)
        _lower(size, width, layout.own.table, room, weight)
    for e in range(eights(size * width)):
        weight[e] *= exp_of(room.level[e])


@compiled_into
def _look_up(
    side: int, size: int, width: int, layout: Layout, own: OwnTruth, before: Indices, lanes: Lanes, room: OwnRoom,
    weight: Floats,
) -> None:  # fmt: skip
    """Fill what a draw's tables say: by visits so far and cell, and by the place before where that has rows."""
    plan, cells = layout.own, layout.personas * layout.periods
    stride, most = layout.target.size + plan.entry_link.size, np.int64(MOST_EARLIER)
    for m in range(size):
        k = np.uint64(room.lane[m])
        visits = min(np.int64(lanes.words[np.uint64(VISIT_NUMBER) + k]), most) + side * (MOST_EARLIER + 1)
        room.row[m] = (visits * cells + lanes.cell[k]) * stride
    if plan.order2:
        for m in range(size):
            k = np.uint64(room.lane[m])
            came = before[np.uint64(lanes.slot[k])] * layout.touchpoints + lanes.place[k]
            room.row[m] += plan.start[np.uint64(came)]
    else:
        for m in range(size):
            room.row[m] += room.link[m]
    for j in range(width):
        for m in range(size):
            # Looked up first, so that there is a choice between two numbers and no branch.
            factor = own.factor[np.uint64(room.row[m] + j)]
            weight[j * size + m] = factor if j < room.links[m] else 0.0


@compiled_into
def _answer(
    size: int, width: int, layout: Layout, sensitivity: Floats, mood: Floats, lanes: Lanes, room: OwnRoom
) -> None:
    """Fill the levels by which links answer to satisfaction; `sensitivity` has shape (P * L,)."""
    last = np.uint64(sensitivity.size - 1)
    for m in range(size):
        k = np.uint64(room.lane[m])
        room.total[m] = mood[np.uint64(lanes.slot[k])]
        room.row[m] = room.link[m]
    if layout.periods > 1:
        for m in range(size):
            room.row[m] += lanes.cell[np.uint64(room.lane[m])] % layout.periods * layout.target.size
    for j in range(width):
        for m in range(size):
            room.level[j * size + m] = sensitivity[min(np.uint64(room.row[m] + j), last)] * room.total[m]


@compiled_into
def _add_variates(drawn: int, first: int, own: OwnTruth, room: OwnRoom) -> None:
    """Add the logs of the customers' own variates."""
    for d in range(drawn):
        at = np.uint64(first + room.at[d])
        inverse = own.inverse[at]
        variate = own_gamma(room.position[d], at, own.gamma) + room.boost[d] * inverse
        room.level[np.uint64(room.drawn[d])] += variate if inverse > 0.0 else 0.0


@compiled_into
def _lower(size: int, width: int, table: Indices, room: OwnRoom, weight: Floats) -> None:
    """Subtract each row's highest level that counts, so that no exponential overflows and not all vanish.

    Rows without variates stay as they are: what a life is must not depend on who is walked with it.
    """
    for m in range(size):
        room.total[m] = -np.inf
    for j in range(width):
        for m in range(size):
            level, highest = room.level[j * size + m], room.total[m]
            level = level if weight[j * size + m] > 0.0 else -np.inf
            room.total[m] = max(highest, level)
    for m in range(size):
        highest = room.total[m]
        room.total[m] = highest if table[np.uint64(room.link[m])] >= 0 else 0.0
    for j in range(width):
        for m in range(size):
            lowered = room.level[j * size + m] - room.total[m]
            room.level[j * size + m] = lowered if weight[j * size + m] > 0.0 else 0.0


@compiled_into
def _pick(size: int, width: int, weight: Floats, lanes: Lanes, room: OwnRoom) -> None:
    """Fill each row's total and the first link at whose end the running sum lies above the lane's part of the total."""
    _add_up(size, width, weight, room.total)
    for m in range(size):
        room.level[m] = unit(lanes.words[np.uint64(LINK) + np.uint64(room.lane[m])]) * room.total[m]
    for m in range(size):
        room.part[m] = 0.0
        room.chosen[m] = 0
    for j in range(width):
        for m in range(size):
            room.part[m] += weight[j * size + m]
            room.chosen[m] += np.int64(room.part[m] <= room.level[m])
    for m in range(size):
        if room.chosen[m] == width:
            _last(m, size, weight, room)


@compiled_into
def _last(m: int, size: int, weight: Floats, room: OwnRoom) -> None:
    """Choose a row's last link with any weight: for totals so small that a part of one is the whole."""
    while room.chosen[m] > 0 and not (room.chosen[m] < room.links[m] and weight[room.chosen[m] * size + m] > 0.0):
        room.chosen[m] -= 1


@compiled_into
def _add_up(size: int, width: int, weight: Floats, total: Floats) -> None:
    for m in range(size):
        total[m] = 0.0
    for j in range(width):
        for m in range(size):
            total[m] += weight[j * size + m]


@compiled_into
def _stay_or_move(size: int, width: int, layout: Layout, draw: np.uint64, lanes: Lanes, room: OwnRoom) -> None:
    """Keep a choice by today's row with chance min(1, share / today's), else draw from what the row gained."""
    _add_up(size, width, room.weight, room.part)
    for m in range(size):
        own, e = room.part[m], room.chosen[m] * size + m
        u = unit(lanes.words[KEEP + room.lane[m]])
        stays = own <= 0.0 or u * room.today[e] * own < room.weight[e] * room.total[m]
        if room.total[m] > 0.0 and not stays:
            _move(m, size, width, own, layout, draw, lanes, room)


@compiled_into
def _move(
    m: int, size: int, width: int, own: float, layout: Layout, draw: np.uint64, lanes: Lanes, room: OwnRoom
) -> None:
    """Draw a member's link from what the row gained against today's, if it gained anything."""
    gain = 0.0
    for e in range(m, width * size, size):
        room.level[e] = max(0.0, room.weight[e] * room.total[m] - room.today[e] * own)
        gain += room.level[e]
    if gain <= 0.0:
        return
    k, words, gone = room.lane[m], lanes.words, layout.gone[room.link[m] + room.chosen[m]]
    key, purpose = (gone, VISIT) if gone > 0 else (words[KEY + k], RESIDUAL)
    u = uniform_at(layout.seed_low, layout.seed_high, draw, words[CUSTOMER + k], key, words[VISIT_NUMBER + k], purpose)
    part = 0.0
    for j in range(width):
        here = room.level[j * size + m]
        if here > 0.0:
            room.chosen[m] = j
            part += here
            if part > u[0] * gain:
                return


@compiled_inner
def remember(count: int, passed: Bools, lanes: Lanes, before: Indices) -> None:
    """Write down the place each lane leaves, unless it is one that is not remembered."""
    for k in range(count):
        slot, place = np.uint64(lanes.slot[k]), lanes.place[k]
        before[slot] = before[slot] if passed[np.uint64(place)] else place
