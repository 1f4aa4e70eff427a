"""Compiled: first and second moments of what one customer brings up to the horizon, from the horizon back to the entry.

R_i(t), what an arrival at touchpoint i at time t since entry still brings, is a visit's value and cost, then what the stay
brings by day, then a move's own and R_j at the next place; past the horizon nothing. With A the integral of what a day
counts up to a time (discounted or not), and T the dwell, what a stay and all after it bring is
r A(t + T) + (move) + R_j(t + T) - r A(t), if the move is completed by the horizon, else r A(H) - r A(t). But for the last
term it depends on the time of arrival t + T alone, and so do its second moments, E[(b + R)^2] = b^2 + 2 b E[R] + E[R^2]: one
sum over dwells each. No kernel is weighted by time, and stays that the horizon cuts are a term of their own.

Values just before, at and just after a point (`money_state`) differ at the horizon, and from there back by fixed dwells, and
where rows change with tenure.
"""

from __future__ import annotations

from journeysim.model.quantity import Floats
from journeysim.simulate.exact._compiled import lean, summing
from journeysim.simulate.exact.halves import place_halves
from journeysim.simulate.exact.money_state import AFTER, AT, BEFORE, COST, FIVE, NEAR, VALUE, Given, Room, Terms
from journeysim.simulate.exact.readying import invert
from journeysim.simulate.exact.state import (
    FIRST,
    HIGH,
    HIGHEST,
    LOW,
    LOWEST,
    NOW,
    OFFSET,
    POINTS,
    SOURCE,
    TARGET,
    USED,
    Rows,
)

ROUNDING = 1e-12


@lean
def _bend(room: Room, link: int, a: int, k: int, value: float, cost: float) -> tuple[float, float, float]:
    """Return the squares and product of how far means go from point k, where they are known, to the next one."""
    up, more = room.ahead[BEFORE, link, a, k + 1] - value, room.ahead[BEFORE, link, a + 1, k + 1] - cost
    return up * up, up * more, more * more


@summing
def _later(given: Given, room: Room, i: int, link: int, p: int, a: int, k: int) -> None:
    """Add to a stay five moments, from a on, of a link's moves that arrive after point k: by hats, and by half hats at jumps."""
    q, j, share = given.plan.kernel[p, link], given.plan.links[link, TARGET], given.terms.share[p, link]
    hat, below, ahead = given.halves.hat, given.halves.below, room.ahead
    m0, m1, m2, m3, m4 = 0.0, 0.0, 0.0, 0.0, 0.0
    for u in range(1, min(given.halves.reach[q, HIGH], len(given.plan.points) - 1 - k) + 1):
        weight = hat[q, u]
        m0 += weight * ahead[AFTER, link, a, k + u]
        m1 += weight * ahead[AFTER, link, a + 1, k + u]
        m2 += weight * ahead[AFTER, link, a + 2, k + u]
        m3 += weight * ahead[AFTER, link, a + 3, k + u]
        m4 += weight * ahead[AFTER, link, a + 4, k + u]
    for n in range(room.known[j]):
        at = room.jumps[j, n]
        weight = below[q, at - k]
        m0 += weight * (ahead[BEFORE, link, a, at] - ahead[AFTER, link, a, at])
        m1 += weight * (ahead[BEFORE, link, a + 1, at] - ahead[AFTER, link, a + 1, at])
        m2 += weight * (ahead[BEFORE, link, a + 2, at] - ahead[AFTER, link, a + 2, at])
        m3 += weight * (ahead[BEFORE, link, a + 3, at] - ahead[AFTER, link, a + 3, at])
        m4 += weight * (ahead[BEFORE, link, a + 4, at] - ahead[AFTER, link, a + 4, at])
    for u in range(1, min(NEAR, len(given.plan.points) - 1 - k)):
        weight = given.halves.bent[q, u]
        vv, vc, cc = _bend(room, link, a, k + u, ahead[AFTER, link, a, k + u], ahead[AFTER, link, a + 1, k + u])
        m2, m3, m4 = m2 - weight * vv, m3 - weight * vc, m4 - weight * cc
    room.stay[i, a] += share * m0
    room.stay[i, a + 1] += share * m1
    room.stay[i, a + 2] += share * m2
    room.stay[i, a + 3] += share * m3
    room.stay[i, a + 4] += share * m4


@lean
def _plus(x: Floats, kind: int, j: int, a: int, value: float, cost: float) -> tuple[float, float, float, float, float]:
    """Return five moments of what has those of place j after adding a certain value and cost."""
    v, c = x[kind, j, a], x[kind, j, a + 1]
    square, product = x[kind, j, a + 2] + (2.0 * v + value) * value, x[kind, j, a + 3] + v * cost + (c + cost) * value
    return v + value, c + cost, square, product, x[kind, j, a + 4] + (2.0 * c + cost) * cost


@lean
def _by_move(given: Given, pair: int, side: int, p: int, link: int, k: int) -> float:
    """Return what a move that arrives at a point adds for certain: its own, and its stay's as if it began at entry."""
    terms, clock, i = given.terms, given.clock, given.plan.links[link, SOURCE]
    own: float = terms.link[p, link, side] * clock.factor[pair, side, k]
    return own + float(terms.daily[p, i, side] * clock.accrued[pair, side, k])


@lean
def _alike(terms: Terms, i: int, p: int, other: int) -> bool:
    """Say whether moves from a touchpoint bring the same in two periods."""
    for side in range(2):
        if terms.daily[p, i, side] != terms.daily[other, i, side]:
            return False
        for link in range(terms.row_start[i], terms.row_start[i + 1]):
            if terms.link[p, link, side] != terms.link[other, link, side]:
                return False
    return True


@lean
def _look_ahead(given: Given, room: Room, i: int, p: int, k: int) -> None:
    """Fill in what moves from a touchpoint bring that arrive later than point k, and stays that the horizon cuts."""
    plan, clock, terms = given.plan, given.clock, given.terms
    if room.built[i] < 0 or not _alike(terms, i, p, room.built[i]):
        room.lowest[i] = len(plan.points)
    room.built[i] = p
    for point in range(room.lowest[i] - 1, k, -1):
        for link in range(terms.row_start[i], terms.row_start[i + 1]):
            if plan.links[link, USED] > 0:
                _bring(given, room, link, p, point)
    room.lowest[i] = min(room.lowest[i], k + 1)
    for pair in range(clock.pairs):
        a = FIVE * pair
        value = terms.daily[p, i, VALUE] * clock.whole[pair, VALUE]
        cost = terms.daily[p, i, COST] * clock.whole[pair, COST]
        room.cut[i, a], room.cut[i, a + 1] = value, cost
        room.cut[i, a + 2], room.cut[i, a + 3], room.cut[i, a + 4] = value * value, value * cost, cost * cost


@lean
def _bring(given: Given, room: Room, link: int, p: int, point: int) -> None:
    """Fill in what one move brings that arrives around a point; just after the horizon none arrives."""
    j, x, ahead = given.plan.links[link, TARGET], room.place, room.ahead
    for pair in range(given.clock.pairs):
        a = FIVE * pair
        value, cost = _by_move(given, pair, VALUE, p, link, point), _by_move(given, pair, COST, p, link, point)
        for kind in range(3):
            some = 0.0 if kind == AFTER and point == len(given.plan.points) - 1 else 1.0
            v, c = x[kind, j, a, point], x[kind, j, a + 1, point]
            ahead[kind, link, a, point] = some * (v + value)
            ahead[kind, link, a + 1, point] = some * (c + cost)
            ahead[kind, link, a + 2, point] = some * (x[kind, j, a + 2, point] + (2.0 * v + value) * value)
            ahead[kind, link, a + 3, point] = some * (x[kind, j, a + 3, point] + v * cost + (c + cost) * value)
            ahead[kind, link, a + 4, point] = some * (x[kind, j, a + 4, point] + (2.0 * c + cost) * cost)


@lean
def _add(out: Floats, i: int, weight: float, ahead: Floats, kind: int, link: int, at: int) -> None:
    """Add to all moments of row i those of a move that arrives at one point."""
    for m in range(out.shape[1]):
        out[i, m] += weight * ahead[kind, link, m, at]


@lean
def _stays(given: Given, room: Room, p: int, k: int) -> None:
    """Fill in what stays bring that begin around point k, of any class: by moves that end later and do not keep the class."""
    plan, halves, terms, last = given.plan, given.halves, given.terms, len(given.plan.points) - 1
    room.stay[:] = 0.0
    for i in range(plan.touchpoints):
        _look_ahead(given, room, i, p, k)
        cut = 0.0
        for link in range(terms.row_start[i], terms.row_start[i + 1]):
            share, q = terms.share[p, link], plan.kernel[p, link]
            at, beyond = k + halves.reach[q, LOW], halves.beyond[q]
            if share == 0.0 or halves.reach[q, POINTS] == 1:
                continue
            if halves.reach[q, POINTS] == 0:
                cut += share * halves.alive[q, last - k]
                for pair in range(given.clock.pairs):
                    _later(given, room, i, link, p, FIVE * pair, k)
            elif at >= last:
                cut += share
            else:
                _add(room.stay, i, share * beyond, room.ahead, BEFORE, link, at + 1)
                if at > k:
                    _add(room.stay, i, share * (1.0 - beyond), room.ahead, AFTER, link, at)
                    for pair in range(given.clock.pairs):
                        a, weight = FIVE * pair, share * halves.bent[q, 0]
                        held = room.ahead[AFTER, link]
                        vv, vc, cc = _bend(room, link, a, at, held[a, at], held[a + 1, at])
                        room.stay[i, a + 2] -= weight * vv
                        room.stay[i, a + 3] -= weight * vc
                        room.stay[i, a + 4] -= weight * cc
        for m in range(room.stay.shape[1]):
            room.stay[i, m] += cut * room.cut[i, m]


@lean
def _at_once(given: Given, p: int, link: int) -> float:
    """Return the share of a touchpoint's stays that end over a link in the step they began in."""
    halves, q = given.halves, given.plan.kernel[p, link]
    share = given.terms.share[p, link]
    if halves.reach[q, POINTS] == 0:
        return float(share * halves.hat[q, 0])
    if halves.reach[q, LOW] > 0:
        return 0.0
    return float(share * (1.0 - halves.beyond[q]))


@lean
def _keeps(given: Given, p: int, link: int) -> bool:
    """Say whether moves over a link take a whole number of steps, and so keep the class of an arrival."""
    return bool(given.halves.reach[given.plan.kernel[p, link], POINTS] == 1)


@lean
def _ready(given: Given, room: Room, p: int) -> None:
    """Find how often each touchpoint is visited within a step: just after a point, and by moves that take no time."""
    plan, terms = given.plan, given.terms
    if room.ready[0] == p:
        return
    room.ready[0] = p
    room.inverse[:] = 0.0
    room.moving[:] = False
    for i in range(plan.touchpoints):
        for link in range(terms.row_start[i], terms.row_start[i + 1]):
            mass = _at_once(given, p, link)
            if mass > 0.0 and plan.links[link, TARGET] < plan.touchpoints:
                for sharp in range(2 if _keeps(given, p, link) else 1):
                    room.moving[sharp] = True
                    room.inverse[sharp, i, plan.links[link, TARGET]] += mass
    for sharp in range(2):
        if room.moving[sharp]:
            invert(room.inverse[sharp])


@lean
def _within(given: Given, room: Room, kind: int, p: int, k: int) -> None:
    """Fill in what stays bring by all moves, given what arrivals at this point bring that they lead to at once."""
    terms, last = given.terms, len(given.plan.points) - 1
    for i in range(given.plan.touchpoints):
        for m in range(room.found.shape[1]):
            room.found[i, m] = room.stay[i, m]
        for link in range(terms.row_start[i], terms.row_start[i + 1]):
            share, keeps = terms.share[p, link], _keeps(given, p, link)
            at = k + given.halves.reach[given.plan.kernel[p, link], LOW]
            if share == 0.0:
                continue
            if not keeps or at == k:
                if keeps or k < last:
                    _move_at_once(given, room, kind if keeps else AFTER, p, link, k)
            elif at < last or (at == last and kind != AFTER):
                _add(room.found, i, share, room.ahead, kind, link, at)
            else:
                for m in range(room.found.shape[1]):
                    room.found[i, m] += share * room.cut[i, m]


@lean
def _move_at_once(given: Given, room: Room, kind: int, p: int, link: int, k: int) -> None:
    """Add moves over a link that end in the step they began in: just after the point, or in the class they began in."""
    mass, i, j = _at_once(given, p, link), given.plan.links[link, SOURCE], given.plan.links[link, TARGET]
    weight = given.terms.share[p, link] * given.halves.bent[given.plan.kernel[p, link], 0]
    if _keeps(given, p, link):
        weight = 0.0
    for pair in range(given.clock.pairs if mass > 0.0 else 0):
        a, value = FIVE * pair, _by_move(given, pair, VALUE, p, link, k)
        v, c, vv, vc, cc = _plus(room.now, kind, j, a, value, _by_move(given, pair, COST, p, link, k))
        room.found[i, a] += mass * v
        room.found[i, a + 1] += mass * c
        room.found[i, a + 2] += mass * vv
        room.found[i, a + 3] += mass * vc
        room.found[i, a + 4] += mass * cc
        if weight > 0.0:
            vv, vc, cc = _bend(room, link, a, k, v, c)
            room.found[i, a + 2] -= weight * vv
            room.found[i, a + 3] -= weight * vc
            room.found[i, a + 4] -= weight * cc


@lean
def _visits(given: Given, room: Room, kind: int, p: int, k: int, known: int) -> None:
    """Fill in what arrivals bring: a visit, and of what `found` has of the stay after it the first `known` moments of five."""
    terms, clock, now, found = given.terms, given.clock, room.now, room.found
    for j in range(now.shape[1]):
        i = min(j, given.plan.touchpoints - 1)
        means = 1.0 if i == j and known > 0 else 0.0
        squares = 1.0 if i == j and known == FIVE else 0.0
        for pair in range(clock.pairs):
            a, factor = FIVE * pair, clock.factor[pair, VALUE, k]
            value = terms.visit[p, j, VALUE] * factor - terms.daily[p, j, VALUE] * clock.accrued[pair, VALUE, k]
            cost = terms.visit[p, j, COST] * clock.factor[pair, COST, k]
            cost -= terms.daily[p, j, COST] * clock.accrued[pair, COST, k]
            v, c = means * found[i, a], means * found[i, a + 1]
            varied = factor * factor * terms.varied[p, j]
            now[kind, j, a], now[kind, j, a + 1] = v + value, c + cost
            now[kind, j, a + 2] = squares * found[i, a + 2] + (2.0 * v + value) * value + varied
            now[kind, j, a + 3] = squares * found[i, a + 3] + v * cost + (c + cost) * value
            now[kind, j, a + 4] = squares * found[i, a + 4] + (2.0 * c + cost) * cost


@lean
def _solve(room: Room, sharp: int, m: int) -> None:
    """Replace one moment of stays without same-step moves by that with them."""
    n = len(room.found)
    for i in range(n):
        room.scratch[i] = room.found[i, m]
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += room.inverse[sharp, i, j] * room.scratch[j]
        room.found[i, m] = total


@lean
def _settle(given: Given, room: Room, kind: int, p: int, k: int) -> None:
    """Fill in what arrivals of one class at this point still bring, with the rows of one period.

    Where they lead to one another at once, means are solved first: squares go by them.
    """
    sharp = 0 if kind == AFTER else 1
    _visits(given, room, kind, p, k, 0)
    _within(given, room, kind, p, k)
    for power in range(2 if room.moving[sharp] else 0):
        for m in range(room.found.shape[1]):
            if (m % FIVE > 1) == (power == 1):
                _solve(room, sharp, m)
        if power == 0:
            _visits(given, room, kind, p, k, 2)
            _within(given, room, kind, p, k)
    _visits(given, room, kind, p, k, FIVE)


@lean
def _weight(given: Given, kind: int, p: int, k: int) -> float:
    """Return which part of the arrivals of a class at a point goes by the rows of a period."""
    plan = given.plan
    if kind == AT:
        return 1.0 if plan.points[k, NOW] == p else 0.0
    return float(given.terms.parts[0 if kind == BEFORE else 1, plan.slots[p, OFFSET] + k - plan.slots[p, FIRST]])


@lean
def _point(given: Given, room: Room, k: int) -> None:
    """Go back to one more point."""
    plan, place, last = given.plan, room.place, len(given.plan.points) - 1
    place[:, :, :, k] = 0.0
    for p in range(plan.points[k, LOWEST], plan.points[k, HIGHEST] + 1):
        _ready(given, room, p)
        _stays(given, room, p, k)
        for kind in (AFTER, BEFORE, AT):
            if kind == AFTER and k == last:
                room.now[AFTER] = 0.0  # just after the horizon nobody arrives
            else:
                _settle(given, room, kind, p, k)
        for kind in range(3):
            weight = _weight(given, kind, p, k)
            for j in range(place.shape[1] if weight > 0.0 else 0):
                for m in range(place.shape[2]):
                    place[kind, j, m, k] += weight * room.now[kind, j, m]
    for j in range(place.shape[1]):
        if _jumps(place, j, k):
            room.jumps[j, room.known[j]] = k
            room.known[j] += 1


@lean
def _jumps(place: Floats, j: int, k: int) -> bool:
    """Say whether arriving just after a point brings something else than arriving just before it."""
    if k == place.shape[3] - 1:
        return True
    for m in range(place.shape[2]):
        if abs(place[BEFORE, j, m, k] - place[AFTER, j, m, k]) > ROUNDING * abs(place[AFTER, j, m, k]):
            return True
    return False


@lean
def _take(given: Given, rows: Rows, varied: Floats, room: Room, d: int, g: int) -> None:
    """Copy a world's rows and forget the world before."""
    terms = given.terms
    for p in range(terms.share.shape[0]):
        for link in range(terms.share.shape[1]):
            terms.share[p, link] = rows.share[d, g, p, link]
            terms.link[p, link, VALUE] = rows.link_value[d, g, p, link]
            terms.link[p, link, COST] = rows.link_cost[d, g, p, link]
        for j in range(terms.visit.shape[1]):
            stays = 1.0 if j < given.plan.touchpoints else 0.0
            terms.entry[j] = rows.entry[d, g, j]
            terms.varied[p, j] = varied[d, g, p, j]
            terms.visit[p, j, VALUE] = rows.visit_value[d, g, p, j]
            terms.visit[p, j, COST] = rows.visit_cost[d, g, p, j]
            terms.daily[p, j, VALUE] = stays * rows.value_per_day[d, g, p, j]
            terms.daily[p, j, COST] = stays * rows.cost_per_day[d, g, p, j]
    room.known[:] = 0
    room.built[:] = -1
    room.ready[:] = -1


@lean
def remaining(given: Given, rows: Rows, varied: Floats, room: Room) -> None:
    """Fill in the moments of every draw and persona."""
    plan, personas = given.plan, rows.share.shape[1]
    for d in range(len(rows.share)):
        for g in range(personas):
            place_halves(plan, rows.family[d], rows.dwell_a[d, g], rows.dwell_b[d, g], given.halves)
            _take(given, rows, varied, room, d, g)
            for k in range(len(plan.points) - 1, -1, -1):
                _point(given, room, k)
            for j in range(room.place.shape[1]):
                for m in range(room.place.shape[2]):
                    room.sums[d * personas + g, m] += given.terms.entry[j] * room.place[AT, j, m, 0]
