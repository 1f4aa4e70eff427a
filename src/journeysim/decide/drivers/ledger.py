"""The evidence ledger: every assumption with its basis, its share of the decision's variance and what it can do alone.

Shares add up. The net benefit is written as a sum of one smooth function per assumption (backfitting; Hastie and
Tibshirani 1990, section 4.4), and the variance that sum explains is divided by the Shapley value of the functions:
what each adds to R^2, averaged over the orders in which they may enter (Lindeman, Merenda and Gold 1980; Owen 2014).
What the sum does not explain, assumptions acting together, stands in a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from journeysim.decide.decision import Curve, Evidence
from journeysim.decide.drivers.groups import Group
from journeysim.decide.drivers.smooth import smooth
from journeysim.decide.information.value import Worth
from journeysim.decide.money.cases import Gains, even_at
from journeysim.model.quantity import Floats

TOGETHER: Final = "assumptions acting together"
INTERPLAY: Final = "interplay"
SWEEPS: Final = 4
ORDERS: Final = 100
CURVE: Final = 21
_SEED: Final = 20_200


def evidence_of(proposal: str, groups: Sequence[Group], net: Floats, worth: Sequence[Worth]) -> Iterator[Evidence]:
    """Yield the evidence of one proposal, most decisive first; variance shares add up to 1 (0 where nothing varies).

    Parameters
    ----------
    proposal : str
        Whose net benefit (D,) `net` is.
    groups, worth : sequences of the same length
        What it rests on, and what knowing each would be worth.
    """
    parts = additive(groups, net)
    shares = shapley_shares(parts, net)
    rows = [
        Evidence(
            proposal, group.name, group.basis, float(share), known.evppi, known.error, group.prior_share,
            *one_way(group, net),
        )
        for group, share, known in zip(groups, shares, worth, strict=True)
    ]  # fmt: skip
    yield from sorted(rows, key=lambda row: -row.variance_share)
    if net.var() > 0:
        rest = max(0.0, 1.0 - float(shares.sum()))
        yield Evidence(proposal, TOGETHER, INTERPLAY, rest, 0.0, 0.0, None, None, None)


def additive(groups: Sequence[Group], net: Floats) -> Floats:
    """Return the function of each group in every draw, (D, G), each with mean 0, that add up to the net's smooth part."""
    parts = np.zeros((len(net), len(groups)))
    left = net - net.mean()
    for _ in range(SWEEPS):
        for k, group in enumerate(groups):
            own = left + parts[:, k]
            fitted = smooth(group.directions, own[:, None]).values[:, 0]
            parts[:, k] = fitted - fitted.mean()
            left = own - parts[:, k]
    return parts


def shapley_shares(parts: Floats, net: Floats) -> Floats:
    """Return each column's share of the variance of `net` (D,), averaged over orders of entry and their reversals."""
    centred = net - net.mean()
    total = float(centred @ centred)
    used = np.flatnonzero((parts**2).sum(axis=0) > 1e-12 * max(total, 1e-300))
    shares = np.zeros(parts.shape[1])
    if total == 0 or len(used) == 0:
        return shares
    scaled = parts[:, used] / np.linalg.norm(parts[:, used], axis=0)
    gram, with_net = scaled.T @ scaled + 1e-9 * np.eye(len(used)), scaled.T @ centred
    rng = np.random.Generator(np.random.Philox(key=[_SEED, len(used)]))
    for _ in range(ORDERS):
        order = rng.permutation(len(used))
        for way in (order, order[::-1]):
            # Row k of L^-1 b is what column k adds beyond those before it.
            added = np.linalg.solve(np.linalg.cholesky(gram[np.ix_(way, way)]), with_net[way])
            shares[used[way]] += added**2
    return np.asarray(shares / (2 * ORDERS * total))


def one_way(group: Group, net: Floats) -> tuple[float, float] | tuple[None, None]:
    """Return E[net] with this assumption at its 5 % and at its 95 % value, all others as they are.

    For a group of numbers: at the 5 and 95 % points of what the group does. None where there is nothing to tell.
    """
    if group.directions.empty:
        return None, None
    fitted = smooth(group.directions, net[:, None]).values[:, 0]
    if group.values is None:
        low, high = np.quantile(fitted, [0.05, 0.95])
        return float(low), float(high)
    at = np.quantile(group.values, [0.05, 0.95])
    low, high = np.interp(at, *_increasing(group.values, fitted))
    return float(low), float(high)


def _increasing(values: Floats, fitted: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(values, kind="stable")
    return values[order], fitted[order]


def curve_of(
    proposal: str, group: Group, net: Floats, investment: float, realism: float, gains: Gains = ()
) -> Curve | None:
    """Return E[net | the number] over its range, where it crosses 0, and the realism that breaks even at each value.

    `net` is that at `realism`, in proportion to which the gain grows, unless `gains` say what it is in between. None for a
    group of several numbers, or one that explains nothing of the net.
    """
    if group.values is None:
        return None
    found = smooth(group.directions, net[:, None])
    if found.explained[0] <= 0:
        return None
    first, last = np.quantile(group.values, [0.01, 0.99]).tolist()
    sizes = np.linspace(first, last, CURVE)
    nets = np.interp(sizes, *_increasing(group.values, found.values[:, 0]))
    at_sizes: Gains = tuple((part, _at_sizes(group, gain, sizes)) for part, gain in gains)
    if not gains:
        at_sizes = (0.0, 0.0 * nets), (1.0, (nets + investment) / realism if realism > 0 else 0.0 * nets)
    never = np.logical_and.reduce([gain <= 0 for _, gain in at_sizes])
    even = np.where(never, np.nan, even_at(at_sizes, np.full(CURVE, investment)))
    threshold, beyond = _threshold(group.values, sizes, nets)
    return Curve(proposal, group.name, sizes, nets, even, threshold, beyond)


def _at_sizes(group: Group, gain: Floats, sizes: Floats) -> Floats:
    """Return E[gain | the number] at each of its sizes."""
    if group.values is None or not gain.any():
        return np.zeros_like(sizes)
    return np.asarray(
        np.interp(sizes, *_increasing(group.values, smooth(group.directions, gain[:, None]).values[:, 0]))
    )


def _threshold(values: Floats, sizes: Floats, nets: Floats) -> tuple[float | None, float]:
    """Return where the curve crosses 0 (None where not exactly once), and P(the number lies on the paying side)."""
    turns = np.flatnonzero(np.sign(nets[1:]) * np.sign(nets[:-1]) < 0)
    if len(turns) != 1:
        return None, float(np.mean(np.interp(values, sizes, nets) > 0))
    k = turns[0]
    at = sizes[k] - nets[k] * (sizes[k + 1] - sizes[k]) / (nets[k + 1] - nets[k])
    above = values > at if nets[-1] > 0 else values < at
    return float(at), float(np.mean(above))
