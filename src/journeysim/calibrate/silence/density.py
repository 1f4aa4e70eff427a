"""Compiled: log density of a touchpoint's exact posterior and its gradient, for any links, personas, bins and families.

The model is `silence.target`'s. Families are rows of `dwells.scores`' tables, so they are data like everything else. Arrays:

    at       theta's log shares (links), the personas' (persona, link), locations and log shapes (persona, learned)
    points   where survival is needed: which location (persona * learned + j) and log time; positions 0 and 1 of the
             survival stand for "never longer" (0) and "always longer" (1), position 2 + p is point p
    low, high, in_bin                                bins of completed moves: positions of their ends, and counts
    open_persona, open_point, open_known, in_open    open spells: survival of every link = known + survival[position]
"""

from __future__ import annotations

import math

import numpy as np

from journeysim.calibrate.dwells.fit import TAU_VALUES
from journeysim.calibrate.dwells.scores import LEAST_SHAPE, LEFT, NODES, SHAPE_STEP, SHAPES, STEP
from journeysim.calibrate.numerics.compiled import compiled
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SCORES, KAPPA_SPREAD
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: kappa of the personas' rows on a grid of its log-normal prior.
_KAPPA = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * KAPPA_SCORES)
_TAU = TAU_VALUES
_MOST_SHAPE = LEAST_SHAPE + SHAPE_STEP * (SHAPES - 1)
_LEAST = 1e-300
_FARTHEST = 37.0
_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@compiled
def value_and_gradient(  # noqa: PLR0913, PLR0917  the inputs of the model, one by one
    at: Floats, alpha: Floats, log_tilt: Floats, taken: Floats, single: Floats,
    mean: Floats, precision: Floats, free: Floats, pooled: Floats, kappas: Floats, taus: Floats,
    tables: Floats, row: Ints, stride: Ints, form: Floats, point_link: Ints, point_time: Floats,
    low: Ints, high: Ints, in_bin: Floats,
    open_persona: Ints, open_point: Ints, open_known: Floats, in_open: Floats,
) -> tuple[float, Floats]:  # fmt: skip
    """Return the log density up to a constant, and its gradient by `at`."""
    personas, links = taken.shape
    learned = len(row)
    theta = _log_normalised(at[:links])
    logs, by_logs = np.empty((personas, links)), np.empty((personas, links))
    total, by_theta = 0.0, np.zeros(links)
    for g in range(personas):
        logs[g] = _log_normalised(at[links * (g + 1) : links * (g + 2)])
        for j in range(links):
            total += taken[g, j] * logs[g, j]
            by_logs[g, j] = taken[g, j]
    if single[0] > 0.5:
        for j in range(links):
            total += alpha[j] * logs[0, j]
            by_logs[0, j] += alpha[j]
    else:
        total += _pooled_shares(theta, logs, alpha, log_tilt, kappas, by_theta, by_logs)
    first = links * (personas + 1)
    phi = at[first:].copy().reshape((2, personas, learned))
    by_phi = np.zeros((2, personas, learned))
    total += _dwells_prior(phi, mean, precision, free, pooled, taus, by_phi)
    score, by_location, by_shape = _scores(phi, tables, row, stride, form, point_link, point_time)
    still, over = _tails(score)
    by_still = np.zeros(len(still))
    total += _bins(still, over, low, high, in_bin, by_still)
    total += _open(still, logs, open_persona, open_point, open_known, in_open, by_still, by_logs)
    for p in range(len(score)):
        if abs(score[p]) < _FARTHEST:
            push = -by_still[p + 2] * math.exp(-0.5 * score[p] ** 2) / _ROOT_TWO_PI
            g, j = divmod(point_link[p], learned)
            by_phi[0, g, j] += push * by_location[p]
            by_phi[1, g, j] += push * by_shape[p]
    gradient = np.empty(len(at))
    _unnormalise(theta, by_theta, gradient[:links])
    for g in range(personas):
        _unnormalise(logs[g], by_logs[g], gradient[links * (g + 1) : links * (g + 2)])
    gradient[first:] = by_phi.reshape(-1)
    return total, gradient


@compiled
def _log_normalised(raw: Floats) -> Floats:
    top = raw.max()
    return np.asarray(raw - top - math.log(np.exp(raw - top).sum()))


@compiled
def _unnormalise(logs: Floats, by_logs: Floats, out: Floats) -> None:
    """Write the gradient by raw log shares, given the one by normalised log shares."""
    total = by_logs.sum()
    for j in range(len(logs)):
        out[j] = by_logs[j] - math.exp(logs[j]) * total


@compiled
def _digamma(x: float) -> float:
    """Return the digamma function of x > 0: recurrence, then the asymptotic series (Abramowitz & Stegun 6.3.18)."""
    below = 0.0
    while x < 8.0:
        below -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (5 / 660 - r * 691 / 32760)))))
    return below + math.log(x) - 0.5 / x - series


@compiled
def _pooled_shares(
    theta: Floats, logs: Floats, alpha: Floats, log_tilt: Floats, weights: Floats, by_theta: Floats, by_logs: Floats
) -> float:
    """Return the log prior of theta and the personas' rows, kappa summed out; add its gradients."""
    personas, links = logs.shape
    tilted = np.empty((personas, links))
    for g in range(personas):
        tilted[g] = np.exp(_log_normalised(theta + log_tilt[g]))
    each = np.empty(len(_KAPPA))
    for k in range(len(_KAPPA)):
        each[k] = weights[k] + personas * math.lgamma(_KAPPA[k])
        for g in range(personas):
            for j in range(links):
                weight = _KAPPA[k] * tilted[g, j]
                each[k] += weight * logs[g, j] - math.lgamma(weight)
    top = each.max()
    parts = np.exp(each - top)
    total = float(top) + math.log(parts.sum())
    parts /= parts.sum()
    for g in range(personas):
        by_tilted = np.zeros(links)
        for j in range(links):
            for k in range(len(_KAPPA)):
                weight = _KAPPA[k] * tilted[g, j]
                by_logs[g, j] += parts[k] * weight
                by_tilted[j] += parts[k] * weight * (logs[g, j] - _digamma(weight))
        whole = by_tilted.sum()
        for j in range(links):
            by_theta[j] += by_tilted[j] - tilted[g, j] * whole
    for j in range(links):
        total += alpha[j] * theta[j]
        by_theta[j] += alpha[j]
    return total


@compiled
def _dwells_prior(
    phi: Floats, mean: Floats, precision: Floats, free: Floats, pooled: Floats, taus: Floats, by_phi: Floats
) -> float:
    """Return the log prior of the dwell coordinates, mu and tau summed out where personas pool; add its gradient."""
    personas, learned = phi.shape[1:]
    off = phi - mean
    total = 0.0
    for j in range(learned):
        if pooled[j] < 0.5:
            for k in range(2):
                for g in range(personas):
                    by_phi[k, g, j] -= free[k, j] * precision[k, g, j] * off[k, g, j]
                    total -= 0.5 * free[k, j] * precision[k, g, j] * off[k, g, j] ** 2
        else:
            total += _exchangeable(off[:, :, j], precision[:, 0, j], free[:, j], taus, by_phi[:, :, j])
    return total


@compiled
def _exchangeable(off: Floats, precision: Floats, free: Floats, taus: Floats, by_off: Floats) -> float:
    """Return the log density of one link's coordinates (2, persona) around a common mean; add its gradient."""
    personas = off.shape[1]
    each = taus.copy()
    centre, within, whole = np.zeros(2), np.zeros(2), np.empty((len(_TAU), 2))
    for k in range(2):
        centre[k] = off[k].sum() / personas
        within[k] = ((off[k] - centre[k]) ** 2).sum()
        for t in range(len(_TAU)):
            whole[t, k] = _TAU[t] ** 2 + personas / precision[k]
            logs = (personas - 1) * math.log(_TAU[t] ** 2) + math.log(whole[t, k])
            each[t] -= 0.5 * free[k] * (logs + within[k] / _TAU[t] ** 2 + personas * centre[k] ** 2 / whole[t, k])
    top = each.max()
    parts = np.exp(each - top)
    total = float(top) + math.log(parts.sum())
    parts /= parts.sum()
    for k in range(2):
        for g in range(personas):
            for t in range(len(_TAU)):
                pull = (off[k, g] - centre[k]) / _TAU[t] ** 2 + centre[k] / whole[t, k]
                by_off[k, g] -= free[k] * parts[t] * pull
    return total


@compiled
def _scores(
    phi: Floats, tables: Floats, row: Ints, stride: Ints, form: Floats, link: Ints, time: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the normal score of every point, and its derivatives by location and by log shape."""
    learned, count = len(row), len(time)
    score, by_location, by_shape = np.empty(count), np.empty(count), np.empty(count)
    w, dw = np.empty(4), np.empty(4)
    slopes, by_slopes, lines, v, dv = _shapes(phi[1], form)
    for p in range(count):
        g, j = divmod(link[p], learned)
        slope, apart = slopes[g, j], time[p] - phi[0, g, j]
        at, inside = _taps((apart * slope + form[3, j] - LEFT) / STEP, NODES, w, dw)
        value, by_y, along = 0.0, 0.0, 0.0
        for a in range(4 if stride[j] else 1):
            line = tables[row[j] + stride[j] * (lines[g, j] + a)]
            part, part_y = 0.0, 0.0
            for b in range(4):
                part += w[b] * line[at + b]
                part_y += dw[b] * line[at + b]
            value += part * (v[g, j, a] if stride[j] else 1.0)
            by_y += part_y * (v[g, j, a] if stride[j] else 1.0)
            along += part * (dv[g, j, a] if stride[j] else 0.0)
        by_y *= inside / STEP
        score[p] = value
        by_location[p] = -by_y * slope
        free = LEAST_SHAPE <= phi[1, g, j] <= _MOST_SHAPE
        by_shape[p] = (by_y * apart * by_slopes[g, j] + along / SHAPE_STEP) if free else 0.0
    return score, by_location, by_shape


@compiled
def _shapes(shapes: Floats, form: Floats) -> tuple[Floats, Floats, Ints, Floats, Floats]:
    """Return what points of a location share, (persona, learned): slope, its derivative, first line and taps of the shape."""
    slopes, by_slopes = np.empty(shapes.shape), np.empty(shapes.shape)
    lines, v, dv = np.zeros(shapes.shape, dtype=np.int64), np.empty((*shapes.shape, 4)), np.empty((*shapes.shape, 4))
    for g in range(shapes.shape[0]):
        for j in range(shapes.shape[1]):
            shape = min(max(shapes[g, j], LEAST_SHAPE), _MOST_SHAPE)
            bent = math.exp(form[1, j] * shape)
            base = form[0, j] + bent
            slopes[g, j] = base ** form[2, j]
            by_slopes[g, j] = slopes[g, j] / base * form[2, j] * form[1, j] * bent
            lines[g, j], _ = _taps((shape - LEAST_SHAPE) / SHAPE_STEP, SHAPES, v[g, j], dv[g, j])
    return slopes, by_slopes, lines, v, dv


@compiled
def _taps(at: float, count: int, weights: Floats, slopes: Floats) -> tuple[int, float]:
    """Write the four weights of the cubic B-spline and their derivatives; return the first node, and 0 if off the grid."""
    inside = 1.0 if 0.0 <= at <= count - 1.0 else 0.0
    at = min(max(at, 0.0), count - 1.0)
    node = min(int(at), count - 2)
    f = at - node
    weights[0], slopes[0] = (1 - f) ** 3 / 6, -((1 - f) ** 2) / 2
    weights[1], slopes[1] = (3 * f**3 - 6 * f**2 + 4) / 6, (3 * f**2 - 4 * f) / 2
    weights[2], slopes[2] = (-3 * f**3 + 3 * f**2 + 3 * f + 1) / 6, (-3 * f**2 + 2 * f + 1) / 2
    weights[3], slopes[3] = f**3 / 6, f**2 / 2
    return node, inside


@compiled
def _tails(score: Floats) -> tuple[Floats, Floats]:
    """Return P(dwell > t) and P(dwell <= t), after the two entries for "never longer" and "always longer"."""
    still, over = np.empty(len(score) + 2), np.empty(len(score) + 2)
    still[0], over[0], still[1], over[1] = 0.0, 1.0, 1.0, 0.0
    for p in range(len(score)):
        tail = 0.5 * math.erfc(min(abs(score[p]), _FARTHEST) * _ROOT_HALF)
        still[p + 2], over[p + 2] = (tail, 1.0 - tail) if score[p] > 0 else (1.0 - tail, tail)
    return still, over


@compiled
def _bins(still: Floats, over: Floats, low: Ints, high: Ints, count: Floats, by_still: Floats) -> float:
    """Return the log likelihood of completed moves in bins, differences taken in the nearer tail; add its gradient."""
    total = 0.0
    for b in range(len(low)):
        lo, hi = low[b], high[b]
        inside = still[lo] - still[hi] if still[lo] < 0.5 else over[hi] - over[lo]
        if inside > _LEAST:
            by_still[lo] += count[b] / inside
            by_still[hi] -= count[b] / inside
        total += count[b] * math.log(max(inside, _LEAST))
    return total


@compiled
def _open(
    still: Floats, logs: Floats, persona: Ints, point: Ints, known: Floats, count: Floats,
    by_still: Floats, by_logs: Floats,
) -> float:  # fmt: skip
    """Return the log likelihood of open spells, the links' survival summed as probabilities; add its gradients."""
    shares = np.exp(logs)
    total = 0.0
    for o in range(len(persona)):
        g, waiting = persona[o], 0.0
        for j in range(shares.shape[1]):
            waiting += shares[g, j] * (known[o, j] + still[point[o, j]])
        total += count[o] * math.log(max(waiting, _LEAST))
        push = count[o] / waiting if waiting > _LEAST else 0.0
        for j in range(shares.shape[1]):
            by_logs[g, j] += push * shares[g, j] * (known[o, j] + still[point[o, j]])
            by_still[point[o, j]] += push * shares[g, j]
    return total
