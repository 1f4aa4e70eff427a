"""Compiled: how chains of a touchpoint's exact posterior move, one after the other, each step accepted or refused.

    swap    a link's dwell, for all personas, becomes one of its proposal's draws
    rows    all shares: theta and kappa stay or are a draw of the surrogate, P_g from the Dirichlet that has the open
            spells spread as the shares of now spread them (what data augmentation would draw, without drawing it)
    pair    a link's dwell, and how it and one other link divide what they have: the dwell is a draw of its proposal, or
            a given one; the division is drawn given that dwell and all else, so that slow and gone may change places in
            one step
    scale   the share of a link nobody was seen to take, pooled and of every persona: small shares differ by factors
    pool    kappa and theta of such a link are new, drawn around where chains were, and every persona divides anew: with
            a large kappa all personas are alike and small shares are small together, a needle that no step leads into

Every proposal is independent of what it replaces or has an explicit density both ways, and is weighed on the exact
likelihood (Metropolis and Hastings). Arrays of one chain: theta (link,), shares (persona, link), rows (link,): the row of
the shelf where a link's P(longer than each open spell) stands.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.silence.density import compiled
from journeysim.calibrate.silence.division import Division, draw_odds, log_ratio, parts_of, peak
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
#: The smallest gamma variate: shares are never quite 0.
_SMALL: Final = 1e-290
#: Where the theta and kappa of new shares come from: as they are, a step away, or a draw of the surrogate.
_NOW, _NEAR, _SURROGATE = 0, 1, 2
_SOURCES: Final = (_NOW, _NEAR, _SURROGATE, _NEAR)
#: Steps of `scale`: sds of the common factor's log, and of what every persona adds to it.
_COMMON: Final = (0.5, 3.0)
_OWN: Final = (0.0, 0.3, 1.5)
#: Lengths of the steps of theta and kappa from where they are.
_POOLED: Final = (0.3, 1.0)
_KAPPA_STEP: Final = 1.5
#: Of the density around places: degrees of freedom, the two widths, and how often the wide one.
_DEGREES, _WIDTHS, _RARELY = 5.0, (0.5, 2.0), 0.25
_PAIRS: Final = 4


class Known(NamedTuple):
    """Open spells (persona and how many), and what is known of the rows, as in `rows.Rows`."""

    who: Ints
    sizes: Floats
    alpha: Floats
    tilt: Floats
    taken: Floats
    spread: Floats
    factor: float
    theta: Floats
    kappa: Floats
    root: Floats


class Shelf(NamedTuple):
    """Dwells to take: P(longer than each open spell) by row, drawn ones and then the chains' own, and what they leave out.

    Link `position[k]` may take the `size[k]` rows from `first[k]` on.
    """

    still: Floats  # (row, spell)
    own: Floats  # (row, spell)
    left: Floats  # (row + own row,)
    position: Ints
    first: Ints
    size: Ints


class Plan(NamedTuple):
    """Pairs (learned link, other link) to move together with their cumulative chances, and (silent link, other) to scale.

    `places` (scaled, place, 2) are log kappa and log odds of theta where chains were, `roots` of their spread; without any, no
    pool.
    """

    pairs: Ints
    upto: Floats
    scaled: Ints
    places: Floats
    roots: Floats


@compiled
def sweep_all(
    known: Known, shelf: Shelf, plan: Plan, theta: Floats, kappa: Floats, shares: Floats, rows: Ints,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Write what follows the first entry of every array (sweep, chain, …), sweep by sweep."""
    for t in range(1, len(kappa)):
        theta[t], kappa[t], shares[t], rows[t] = theta[t - 1], kappa[t - 1], shares[t - 1], rows[t - 1]
        for c in range(kappa.shape[1]):
            kappa[t, c] = _sweep(known, shelf, plan, theta[t, c], kappa[t, c], shares[t, c], rows[t, c], rng)


@compiled
def _sweep(
    known: Known, shelf: Shelf, plan: Plan, theta: Floats, kappa: float, shares: Floats, rows: Ints,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    waiting = _waiting(known, shelf, shares, rows)
    for k in range(len(shelf.first)):
        _swap(known, shelf, k, shares, rows, waiting, rng)
    for source in _SOURCES:
        kappa = _renew(known, shelf, source, theta, kappa, shares, rows, waiting, rng)
    if len(plan.pairs):
        for _ in range(_PAIRS):
            which = min(int(np.searchsorted(plan.upto, rng.random())), len(plan.upto) - 1)
            k, other = int(plan.pairs[which, 0]), int(plan.pairs[which, 1])
            row = shelf.first[k] + rng.integers(0, shelf.size[k])
            gain = shelf.left[row] - shelf.left[rows[shelf.position[k]]]
            weights = _weights(known, theta, kappa)
            divide(known, shelf, weights, shelf.position[k], other, row, gain, shares, rows, waiting, rng)
    for q in range(len(plan.scaled)):
        j = plan.scaled[q, 0]
        _scale(known, shelf, j, theta, kappa, shares, rows, waiting, rng)
        if plan.places.shape[1]:
            kappa = _pool(known, shelf, plan, q, theta, kappa, shares, rows, waiting, rng)
    return kappa


@compiled
def _row_of(shelf: Shelf, row: int) -> Floats:
    drawn = len(shelf.still)
    return np.asarray(shelf.still[row] if row < drawn else shelf.own[row - drawn])


@compiled
def _waiting(known: Known, shelf: Shelf, shares: Floats, rows: Ints) -> Floats:
    """Return P(still there after t) of every spell."""
    out = np.zeros(len(known.who))
    for j in range(len(rows)):
        still = _row_of(shelf, rows[j])
        for s in range(len(out)):
            out[s] += shares[known.who[s], j] * still[s]
    return np.maximum(out, _LEAST)


@compiled
def _weights(known: Known, theta: Floats, kappa: float) -> Floats:
    """Return kappa t of every persona, (persona, link); with one persona the prior's weights."""
    personas, links = known.tilt.shape
    out = np.empty((personas, links))
    if personas == 1:
        out[0] = known.alpha
        return out
    for g in range(personas):
        whole = 0.0
        for j in range(links):
            out[g, j] = theta[j] * known.tilt[g, j]
            whole += out[g, j]
        for j in range(links):
            out[g, j] *= kappa / whole
    return out


@compiled
def _log(x: float) -> float:
    return math.log(max(x, _LEAST))


@compiled
def _log_waiting(known: Known, waiting: Floats) -> float:
    total = 0.0
    for s in range(len(waiting)):
        total += known.sizes[s] * math.log(waiting[s])
    return total


@compiled
def _swap(
    known: Known, shelf: Shelf, k: int, shares: Floats, rows: Ints, waiting: Floats, rng: np.random.Generator
) -> None:
    j = shelf.position[k]
    row = shelf.first[k] + rng.integers(0, shelf.size[k])
    new, old = _row_of(shelf, row), _row_of(shelf, rows[j])
    gain, then = shelf.left[row] - shelf.left[rows[j]], np.empty(len(waiting))
    for s in range(len(waiting)):
        then[s] = max(waiting[s] + shares[known.who[s], j] * (new[s] - old[s]), _LEAST)
        gain += known.sizes[s] * math.log(then[s] / waiting[s])
    if math.log(rng.random()) < gain:
        rows[j] = row
        waiting[:] = then


@compiled
def _renew(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, source: int, theta: Floats, kappa: float, shares: Floats, rows: Ints, waiting: Floats,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Try new shares, with theta and kappa from a source; return kappa."""
    to_theta, to_kappa, gain = _pooled(known, source, theta, kappa, rng)
    old, new = _weights(known, theta, kappa), _weights(known, to_theta, to_kappa)
    there = _spread(known, shelf, shares, rows, waiting)
    to_shares = _dirichlet(new, known.taken + there, rng)
    then = _waiting(known, shelf, to_shares, rows)
    back = _spread(known, shelf, to_shares, rows, then)
    gain += _kept(known, new, to_shares, then, there) - _kept(known, old, shares, waiting, back)
    if math.log(rng.random()) >= gain:
        return kappa
    theta[:] = to_theta
    shares[:] = to_shares
    waiting[:] = then
    return to_kappa


@compiled
def _pooled(
    known: Known, source: int, theta: Floats, kappa: float, rng: np.random.Generator
) -> tuple[Floats, float, float]:
    """Return theta, kappa, and the log of prior over proposal, of these over those of now."""
    if source == _NOW or len(known.taken) == 1:
        return theta.copy(), kappa, 0.0
    if source == _SURROGATE:
        pick = rng.integers(0, len(known.kappa))
        counts = known.factor * (known.taken + known.spread)
        new = _weights(known, known.theta[pick], known.kappa[pick])
        gain = log_polya(counts, _weights(known, theta, kappa)) - log_polya(counts, new)
        return known.theta[pick].copy(), known.kappa[pick], gain
    length = _POOLED[rng.integers(0, len(_POOLED))]
    to_theta, to_kappa = theta.copy(), kappa
    if rng.random() < 0.5:
        to_kappa = kappa * math.exp(_KAPPA_STEP * length * rng.standard_normal())
    else:
        links = len(theta)
        z = np.empty(links)
        for j in range(links):
            z[j] = rng.standard_normal()
        logs = np.log(np.maximum(theta, _LEAST)) + length * np.dot(known.root, z)
        to_theta = np.exp(logs - logs.max())
        to_theta /= to_theta.sum()
    return to_theta, to_kappa, _log_prior(known, to_theta, to_kappa) - _log_prior(known, theta, kappa)


@compiled
def _log_prior(known: Known, theta: Floats, kappa: float) -> float:
    """Return the log prior of log theta and log kappa, up to a constant."""
    score = (math.log(kappa) - math.log(KAPPA_MEDIAN)) / KAPPA_SPREAD
    total = -0.5 * score * score
    for j in range(len(theta)):
        total += known.alpha[j] * _log(theta[j])
    return total


@compiled
def _spread(known: Known, shelf: Shelf, shares: Floats, rows: Ints, waiting: Floats) -> Floats:
    """Return how many open spells count for each link, shape (persona, link)."""
    out = np.zeros(shares.shape)
    for j in range(len(rows)):
        still = _row_of(shelf, rows[j])
        for s in range(len(waiting)):
            g = known.who[s]
            out[g, j] += known.sizes[s] * shares[g, j] * still[s] / waiting[s]
    return out


@compiled
def _dirichlet(weights: Floats, counts: Floats, rng: np.random.Generator) -> Floats:
    out = np.zeros(weights.shape)
    for g in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                out[g, j] = max(rng.standard_gamma(weights[g, j] + counts[g, j]), _SMALL)
        out[g] /= out[g].sum()
    return out


@compiled
def _kept(known: Known, weights: Floats, shares: Floats, waiting: Floats, spread: Floats) -> float:
    """Return the log of the posterior of the shares over Dirichlet(weights + counts + spread), up to a constant."""
    total = log_polya(known.taken + spread, weights) + _log_waiting(known, waiting)
    for g in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                total -= spread[g, j] * _log(shares[g, j])
    return total


@compiled
def log_polya(counts: Floats, weights: Floats) -> float:
    """Return the log of the Dirichlet-multinomial of counts, summed over personas, up to a constant."""
    total = 0.0
    for g in range(weights.shape[0]):
        whole, size = 0.0, 0.0
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                whole += weights[g, j]
                size += counts[g, j]
                total += math.lgamma(weights[g, j] + counts[g, j]) - math.lgamma(weights[g, j])
        total += math.lgamma(whole) - math.lgamma(whole + size)
    return total


@compiled
def divide_all(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, k: int, other: int, tried: Ints, gain: Floats,
    theta: Floats, kappa: Floats, shares: Floats, rows: Ints, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a row of the shelf for learned link k in every chain, with a new division; a row below 0 is not tried."""
    for c in range(len(kappa)):
        if tried[c] >= 0:
            waiting, weights = _waiting(known, shelf, shares[c], rows[c]), _weights(known, theta[c], kappa[c])
            divide(known, shelf, weights, shelf.position[k], other, tried[c], gain[c], shares[c], rows[c], waiting, rng)


@compiled
def divide(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, weights: Floats, j: int, other: int, row: int, gain: float,
    shares: Floats, rows: Ints, waiting: Floats, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a new dwell of link j with a new division of what it and another link have; `gain` is the dwell's own."""
    here = _division(known, shelf, weights, j, other, shares, rows)
    then = rows.copy()
    then[j] = row
    there = _division(known, shelf, weights, j, other, shares, then)
    u, gained = _new_odds(known, there, here, shares, j, other, rng)
    if math.log(rng.random()) < gain + gained:
        rows[j] = row
        _take(known, there, u, j, other, shares, waiting)


@compiled
def _new_odds(
    known: Known, there: Division, here: Division, shares: Floats, j: int, other: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Return new log odds of a pair by persona, and the log of density over proposal, of these over those of now."""
    mode, sd = peak(there, known.who, known.sizes)
    u = draw_odds(there, mode, sd, rng)
    gain = log_ratio(there, mode, sd, u, known.who, known.sizes)
    now = np.empty(len(u))
    for g in range(len(u)):
        now[g] = _log(shares[g, j]) - _log(shares[g, other])
    mode, sd = peak(here, known.who, known.sizes)
    return u, gain - log_ratio(here, mode, sd, now, known.who, known.sizes)


@compiled
def _take(known: Known, parts: Division, u: Floats, j: int, other: int, shares: Floats, waiting: Floats) -> None:
    """Divide what a pair has by log odds."""
    part = parts_of(u)
    for g in range(len(u)):
        whole = shares[g, j] + shares[g, other]
        shares[g, j], shares[g, other] = whole * part[g], whole * (1.0 - part[g])
    for s in range(len(waiting)):
        p = part[known.who[s]]
        waiting[s] = max(parts.rest[s] + p * parts.x[s] + (1.0 - p) * parts.y[s], _LEAST)


@compiled
def _division(known: Known, shelf: Shelf, weights: Floats, j: int, other: int, shares: Floats, rows: Ints) -> Division:
    spells = len(known.who)
    rest, x, y = np.zeros(spells), np.empty(spells), np.empty(spells)
    for i in range(len(rows)):
        if i not in (j, other):
            still = _row_of(shelf, rows[i])
            for s in range(spells):
                rest[s] += shares[known.who[s], i] * still[s]
    one, two = _row_of(shelf, rows[j]), _row_of(shelf, rows[other])
    for s in range(spells):
        whole = shares[known.who[s], j] + shares[known.who[s], other]
        x[s], y[s] = whole * one[s], whole * two[s]
    a, b = weights[:, j] + known.taken[:, j], weights[:, other] + known.taken[:, other]
    late = known.spread[:, j].copy()
    return Division(a, b, late, late + known.spread[:, other], rest, x, y)


@compiled
def _scale(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, j: int, theta: Floats, kappa: float, shares: Floats, rows: Ints, waiting: Floats,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try the share of link j, pooled and of every persona, multiplied."""
    common = rng.standard_normal() * _COMMON[rng.integers(0, len(_COMMON))]
    width = _OWN[rng.integers(0, len(_OWN))]
    to_theta, to_shares = theta.copy(), shares.copy()
    if len(shares) > 1:
        _multiply(to_theta, j, common)
    for g in range(len(shares)):
        _multiply(to_shares[g], j, common + width * rng.standard_normal())
    then = _waiting(known, shelf, to_shares, rows)
    gain = _scaled(known, to_theta, _weights(known, to_theta, kappa), to_shares, then, j)
    gain -= _scaled(known, theta, _weights(known, theta, kappa), shares, waiting, j)
    if math.log(rng.random()) < gain:
        theta[:] = to_theta
        shares[:] = to_shares
        waiting[:] = then


@compiled
def _multiply(shares: Floats, j: int, by: float) -> None:
    """Multiply the odds of link j by exp(by), the others staying in proportion."""
    rest = max(1.0 - shares[j], 1e-12)
    odds = shares[j] / rest * math.exp(by)
    for i in range(len(shares)):
        shares[i] /= rest * (1.0 + odds)
    shares[j] = odds / (1.0 + odds)


@compiled
def _log_measure(shares: Floats, j: int) -> float:
    """Return the log of d shares / d (log odds of j, proportions of the others): P_j (1 - P_j)^(J - 1)."""
    return _log(shares[j]) + (len(shares) - 1) * _log(1.0 - shares[j])


@compiled
def _scaled(known: Known, theta: Floats, weights: Floats, shares: Floats, waiting: Floats, j: int) -> float:
    """Return the log posterior on the scale of log odds of link j, the other shares in proportion."""
    total = _log_waiting(known, waiting)
    for g in range(shares.shape[0]):
        total += _log_measure(shares[g], j)
        for i in range(shares.shape[1]):
            if weights[g, i] > 0:
                total += (weights[g, i] + known.taken[g, i] - 1.0) * _log(shares[g, i])
    return total + _pooling(known, theta, weights, j) if len(shares) > 1 else total


@compiled
def _pooling(known: Known, theta: Floats, weights: Floats, j: int) -> float:
    """Return what normalises the rows of personas, and the log prior of theta on the scale of log odds of link j."""
    total = _log_measure(theta, j)
    for i in range(len(theta)):
        total += (known.alpha[i] - 1.0) * _log(theta[i])
    for g in range(weights.shape[0]):
        total += math.lgamma(weights[g].sum())
        for i in range(weights.shape[1]):
            if weights[g, i] > 0:
                total -= math.lgamma(weights[g, i])
    return total


@compiled
def _pool(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, plan: Plan, q: int, theta: Floats, kappa: float, shares: Floats, rows: Ints,
    waiting: Floats, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Try kappa, theta of a link, and its shares beside another link's, all anew; return kappa."""
    j, other = plan.scaled[q, 0], plan.scaled[q, 1]
    new = _near_place(plan.places[q], plan.roots[q], rng)
    now = np.array([math.log(kappa), _log(theta[j]) - _log(1.0 - theta[j])])
    to_kappa, to_theta = math.exp(new[0]), theta.copy()
    _multiply(to_theta, j, new[1] - now[1])
    to, at = _weights(known, to_theta, to_kappa), _weights(known, theta, kappa)
    there = _division(known, shelf, to, j, other, shares, rows)
    here = _division(known, shelf, at, j, other, shares, rows)
    u, gain = _new_odds(known, there, here, shares, j, other, rng)
    gain += _pool_density(known, to_theta, to_kappa, to, shares, j, other)
    gain -= _pool_density(known, theta, kappa, at, shares, j, other)
    gain += log_places(plan.places[q], plan.roots[q], now) - log_places(plan.places[q], plan.roots[q], new)
    if math.log(rng.random()) >= gain:
        return kappa
    theta[:] = to_theta
    _take(known, there, u, j, other, shares, waiting)
    return to_kappa


@compiled
def _pool_density(
    known: Known, theta: Floats, kappa: float, weights: Floats, shares: Floats, j: int, other: int
) -> float:
    """Return the log density of log kappa, theta's log odds and the shares, but for how the pair divides its own."""
    total = _log_prior(known, theta, kappa) + _log_measure(theta, j)
    for i in range(len(theta)):
        total -= _log(theta[i])
    for g in range(weights.shape[0]):
        whole = _log(shares[g, j] + shares[g, other])
        total += math.lgamma(weights[g].sum())
        for i in range(weights.shape[1]):
            total += weights[g, i] * (whole if i in (j, other) else _log(shares[g, i]))
            total -= math.lgamma(max(weights[g, i], _LEAST))
    return total


@compiled
def _near_place(places: Floats, root: Floats, rng: np.random.Generator) -> Floats:
    width = _WIDTHS[1] if rng.random() < _RARELY else _WIDTHS[0]
    width /= math.sqrt(2.0 * rng.standard_gamma(_DEGREES / 2.0) / _DEGREES)
    place, first, second = places[rng.integers(0, len(places))], rng.standard_normal(), rng.standard_normal()
    return np.array(
        [place[0] + width * root[0, 0] * first, place[1] + width * (root[1, 0] * first + root[1, 1] * second)]
    )


@compiled
def log_places(places: Floats, root: Floats, at: Floats) -> float:
    """Return the log density around places, two coordinates, up to a constant; as `proposals.Places` has it."""
    total = 0.0
    for p in range(len(places)):
        first = (at[0] - places[p, 0]) / root[0, 0]
        second = (at[1] - places[p, 1] - root[1, 0] * first) / root[1, 1]
        square = first * first + second * second
        near = (1.0 + square / (_DEGREES * _WIDTHS[0] ** 2)) ** (-(_DEGREES + 2.0) / 2.0) / _WIDTHS[0] ** 2
        far = (1.0 + square / (_DEGREES * _WIDTHS[1] ** 2)) ** (-(_DEGREES + 2.0) / 2.0) / _WIDTHS[1] ** 2
        total += (1.0 - _RARELY) * near + _RARELY * far
    return math.log(total)
