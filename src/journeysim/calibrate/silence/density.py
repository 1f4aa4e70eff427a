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
from journeysim.calibrate.numerics.compiled import compiled, compiled_inner
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SCORES, KAPPA_SPREAD
from journeysim.calibrate.silence.told import FARTHEST, LEAST, Told, coordinates, nothing, tell
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: kappa of the personas' rows on a grid of its log-normal prior.
_KAPPA = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * KAPPA_SCORES)
_TAU = TAU_VALUES
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@compiled
def value_and_gradients(  # noqa: PLR0913, PLR0917  the inputs of the model, one by one
    at: Floats, alpha: Floats, log_tilt: Floats, taken: Floats, single: Floats,
    mean: Floats, precision: Floats, free: Floats, pooled: Floats, kappas: Floats, taus: Floats,
    tables: Floats, row: Ints, stride: Ints, form: Floats, point_link: Ints, point_time: Floats,
    low: Ints, high: Ints, in_bin: Floats,
    open_persona: Ints, open_point: Ints, open_known: Floats, in_open: Floats,
) -> tuple[float, Floats]:  # fmt: skip
    """Return the log density at the first of some places up to a constant, and the gradient by `at` at all, (place, row).

    A dwell whose location and shape are those of the first place has the same tails at its points there, and the same bins.
    """
    personas, links = taken.shape
    found, first = np.empty(at.shape), coordinates(at[0], personas, links, len(row))
    value, before = 0.0, nothing(len(point_link))
    for i in range(len(at)):
        phi = coordinates(at[i], personas, links, len(row))
        moved = np.empty(personas * len(row), dtype=np.bool_)
        for k in range(len(moved)):
            g, j = divmod(k, len(row))
            moved[k] = i == 0 or phi[0, g, j] != first[0, g, j] or phi[1, g, j] != first[1, g, j]
        told, in_bins = tell(phi, tables, row, stride, form, point_link, point_time, low, high, in_bin, moved, before)
        here = _joined(
            at[i], phi, told, in_bins, alpha, log_tilt, taken, single, mean, precision, free, pooled, kappas, taus,
            point_link, open_persona, open_point, open_known, in_open, found[i],
        )  # fmt: skip
        if i == 0:
            value, before = here, told
    return value, found


@compiled_inner
def _joined(  # noqa: PLR0913, PLR0917
    at: Floats, phi: Floats, told: Told, in_bins: float, alpha: Floats, log_tilt: Floats, taken: Floats, single: Floats,
    mean: Floats, precision: Floats, free: Floats, pooled: Floats, kappas: Floats, taus: Floats, link: Ints,
    open_persona: Ints, open_point: Ints, open_known: Floats, in_open: Floats, gradient: Floats,
) -> float:  # fmt: skip
    """Return the log density of shares, dwells and open spells, with that of bins; write its gradient."""
    personas, links = taken.shape
    theta = _log_normalised(at[:links])
    logs, by_logs = np.empty((personas, links)), np.empty((personas, links))
    total, by_theta = 0.0, np.zeros(links)
    for g in range(personas):
        raw = _log_normalised(at[links * (g + 1) : links * (g + 2)])
        for j in range(links):
            logs[g, j] = raw[j]
            total += taken[g, j] * logs[g, j]
            by_logs[g, j] = taken[g, j]
    if single[0] > 0.5:
        for j in range(links):
            total += alpha[j] * logs[0, j]
            by_logs[0, j] += alpha[j]
    else:
        total += _pooled_shares(theta, logs, alpha, log_tilt, kappas, by_theta, by_logs)
    by_phi = np.zeros(phi.shape)
    total += _dwells_prior(phi, mean, precision, free, pooled, taus, by_phi)
    by_still = told.by_still.copy()
    total += in_bins
    total += _open(told.still, logs, open_persona, open_point, open_known, in_open, by_still, by_logs)
    for p in range(len(link)):
        if abs(told.score[p]) < FARTHEST:
            push = -by_still[p + 2] * told.height[p] / _ROOT_TWO_PI
            g, j = divmod(link[p], phi.shape[2])
            by_phi[0, g, j] += push * told.by_location[p]
            by_phi[1, g, j] += push * told.by_shape[p]
    _unnormalise(theta, by_theta, gradient[:links])
    for g in range(personas):
        _unnormalise(logs[g], by_logs[g], gradient[links * (g + 1) : links * (g + 2)])
    flat, first = by_phi.ravel(), links * (personas + 1)
    for i in range(len(flat)):
        gradient[first + i] = flat[i]
    return total


@compiled_inner
def _log_normalised(raw: Floats) -> Floats:
    top, total, out = raw.max(), 0.0, np.empty(len(raw))
    for j in range(len(raw)):
        total += math.exp(raw[j] - top)
    for j in range(len(raw)):
        out[j] = raw[j] - top - math.log(total)
    return out


@compiled_inner
def _unnormalise(logs: Floats, by_logs: Floats, out: Floats) -> None:
    """Write the gradient by raw log shares, given the one by normalised log shares."""
    total = by_logs.sum()
    for j in range(len(logs)):
        out[j] = by_logs[j] - math.exp(logs[j]) * total


@compiled_inner
def _digamma(x: float) -> float:
    """Return the digamma function of x > 0: recurrence, then the asymptotic series (Abramowitz & Stegun 6.3.18)."""
    below = 0.0
    while x < 8.0:
        below -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (5 / 660 - r * 691 / 32760)))))
    return below + math.log(x) - 0.5 / x - series


@compiled_inner
def _tilted(theta: Floats, log_tilt: Floats) -> Floats:
    """Return t of every persona: what pools them, tilted."""
    out = np.empty(log_tilt.shape)
    for g in range(len(out)):
        raw = np.empty(len(theta))
        for j in range(len(theta)):
            raw[j] = theta[j] + log_tilt[g, j]
        raw = _log_normalised(raw)
        for j in range(len(theta)):
            out[g, j] = math.exp(raw[j])
    return out


@compiled_inner
def _pooled_shares(
    theta: Floats, logs: Floats, alpha: Floats, log_tilt: Floats, weights: Floats, by_theta: Floats, by_logs: Floats
) -> float:
    """Return the log prior of theta and the personas' rows, kappa summed out; add its gradients."""
    personas, links = logs.shape
    tilted = _tilted(theta, log_tilt)
    each = np.empty(len(_KAPPA))
    for k in range(len(_KAPPA)):
        each[k] = weights[k] + personas * math.lgamma(_KAPPA[k])
        for g in range(personas):
            for j in range(links):
                weight = _KAPPA[k] * tilted[g, j]
                each[k] += weight * logs[g, j] - math.lgamma(weight)
    top = each.max()
    parts, whole = _parts(each, top)
    total = float(top) + math.log(whole)
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


@compiled_inner
def _parts(logs: Floats, top: float) -> tuple[Floats, float]:
    """Return exp(logs - top), each over their sum, and the sum."""
    parts, whole = np.empty(len(logs)), 0.0
    for k in range(len(logs)):
        parts[k] = math.exp(logs[k] - top)
        whole += parts[k]
    for k in range(len(logs)):
        parts[k] /= whole
    return parts, whole


@compiled_inner
def _dwells_prior(
    phi: Floats, mean: Floats, precision: Floats, free: Floats, pooled: Floats, taus: Floats, by_phi: Floats
) -> float:
    """Return the log prior of the dwell coordinates, mu and tau summed out where personas pool; add its gradient."""
    personas, learned = phi.shape[1:]
    off, total = np.empty(phi.shape), 0.0
    for k in range(2):
        for g in range(personas):
            for j in range(learned):
                off[k, g, j] = phi[k, g, j] - mean[k, g, j]
    for j in range(learned):
        if pooled[j] < 0.5:
            for k in range(2):
                for g in range(personas):
                    by_phi[k, g, j] -= free[k, j] * precision[k, g, j] * off[k, g, j]
                    total -= 0.5 * free[k, j] * precision[k, g, j] * off[k, g, j] ** 2
        else:
            total += _exchangeable(off, precision, free, j, taus, by_phi)
    return total


@compiled_inner
def _exchangeable(off: Floats, precision: Floats, free: Floats, j: int, taus: Floats, by_off: Floats) -> float:
    """Return the log density of the coordinates (2, persona) of link j around a common mean; add its gradient."""
    personas = off.shape[1]
    each = taus.copy()
    centre, within, whole = np.zeros(2), np.zeros(2), np.empty((len(_TAU), 2))
    for k in range(2):
        for g in range(personas):
            centre[k] += off[k, g, j]
        centre[k] /= personas
        for g in range(personas):
            within[k] += (off[k, g, j] - centre[k]) ** 2
        for t in range(len(_TAU)):
            whole[t, k] = _TAU[t] ** 2 + personas / precision[k, 0, j]
            logs = (personas - 1) * math.log(_TAU[t] ** 2) + math.log(whole[t, k])
            each[t] -= 0.5 * free[k, j] * (logs + within[k] / _TAU[t] ** 2 + personas * centre[k] ** 2 / whole[t, k])
    top = each.max()
    parts, all_parts = _parts(each, top)
    total = float(top) + math.log(all_parts)
    for k in range(2):
        for g in range(personas):
            for t in range(len(_TAU)):
                pull = (off[k, g, j] - centre[k]) / _TAU[t] ** 2 + centre[k] / whole[t, k]
                by_off[k, g, j] -= free[k, j] * parts[t] * pull
    return total


@compiled_inner
def _open(
    still: Floats, logs: Floats, persona: Ints, point: Ints, known: Floats, count: Floats,
    by_still: Floats, by_logs: Floats,
) -> float:  # fmt: skip
    """Return the log likelihood of open spells, the links' survival summed as probabilities; add its gradients."""
    personas, links = logs.shape
    shares, total = np.empty((personas, links)), 0.0
    for g in range(personas):
        for j in range(links):
            shares[g, j] = math.exp(logs[g, j])
    for o in range(len(persona)):
        g, waiting = persona[o], 0.0
        for j in range(shares.shape[1]):
            waiting += shares[g, j] * (known[o, j] + still[point[o, j]])
        total += count[o] * math.log(max(waiting, LEAST))
        push = count[o] / waiting if waiting > LEAST else 0.0
        for j in range(shares.shape[1]):
            by_logs[g, j] += push * shares[g, j] * (known[o, j] + still[point[o, j]])
            by_still[point[o, j]] += push * shares[g, j]
    return total
