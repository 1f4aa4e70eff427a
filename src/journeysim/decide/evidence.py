"""Which uncertain numbers the decision hangs on, and what knowing each of them would be worth.

Every assumption is one group of numbers x with a value in each draw. E[net | x] is estimated by regression on the
draws (Strong, Oakley and Brennan, Medical Decision Making 34, 2014): for a single number on a cubic polynomial of its
normal scores, for a group of today's numbers (a row of shares, the dwells of a touchpoint) linearly on their log-odds
or logs. Fitted values are pulled towards their mean until their variance is the adjusted R^2 of the net's, so that a
number that explains nothing beyond chance is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.decide.decision import Evidence
from journeysim.model.draws import Assumption, Draws
from journeysim.model.journey import split_link
from journeysim.model.quantity import Floats, Scale

MEASURED: Final = "measured"
BELIEFS: Final = "map beliefs"
_EDGE: Final = 1e-12
_ROUNDING: Final = 1e-12
_MONEY_LINKS: Final = ("link_value", "link_cost")
_MONEY_PLACES: Final = ("visit_value", "visit_cost", "value_per_day", "cost_per_day")
_MONEY_KINDS: Final = ("value", "cost", "value per day", "cost per day")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Numbers that one would get to know together: name, what they rest on, and their directions (D, p).

    Directions are orthonormal columns, each with mean 0: what a regression on the numbers can explain.
    """

    name: str
    basis: str
    directions: Floats


def evpi(nets: Floats) -> float:
    """Return the expected value of perfect information between today (0) and proposals with net benefits (D, P).

    E[max(0, net_1, …, net_P)] - max(0, E net_1, …, E net_P), in money.
    """
    best = max(0.0, float(nets.mean(axis=0).max(initial=0.0)))
    gain = float(nets.max(axis=1, initial=0.0).mean()) - best
    return gain if gain > _ROUNDING * float(np.abs(nets).max(initial=0.0)) else 0.0


def evidence_of(proposal: str, groups: Sequence[Group], nets: Floats, column: int) -> Iterator[Evidence]:
    """Yield the evidence of one proposal, most decisive first.

    Parameters
    ----------
    proposal : str
        Whose net benefit stands in `column` of `nets`.
    groups : sequence of Group
        What it rests on.
    nets : array (D, P)
        Net benefits of all proposals at full effect. The choice that knowing helps with is the whole one, between
        today and every proposal; so 0 <= EVPPI <= `evpi(nets)` holds for each.
    """
    most = evpi(nets)
    rows = []
    for group in groups:
        fitted, shares = conditional_means(group.directions, nets)
        rows.append(Evidence(proposal, group.name, group.basis, float(shares[column]), min(evpi(fitted), most)))
    yield from sorted(rows, key=lambda row: -row.variance_share)


def conditional_means(directions: Floats, nets: Floats) -> tuple[Floats, Floats]:
    """Return E[net | directions] (D, P) by least squares, and the adjusted R^2 of each net, clipped to [0, 1] (P,)."""
    count, means = len(nets), nets.mean(axis=0)
    free = count - directions.shape[1] - 1
    centred = nets - means
    total = (centred**2).sum(axis=0)
    if directions.shape[1] == 0 or free < 1:
        return np.broadcast_to(means, nets.shape), np.zeros(nets.shape[1])
    fitted = directions @ (directions.T @ centred)
    explained = (fitted**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(total > 0, explained / total, 0.0)
        adjusted = np.clip(1 - (1 - plain) * (count - 1) / free, 0.0, 1.0)
        pull = np.where(plain > 0, np.sqrt(adjusted / plain), 0.0)
    return means + fitted * pull, np.where(total > 0, adjusted, 0.0)


def directions_of(features: Floats) -> Floats:
    """Return orthonormal directions of regressors (D, p), centred and scaled: at most one per ten draws."""
    centred = features - features.mean(axis=0)
    scale = centred.std(axis=0)
    used = scale > _EDGE * np.maximum(np.abs(features).max(axis=0, initial=0.0), 1.0)
    if not used.any():
        return np.zeros((len(features), 0))
    left, sizes, _ = np.linalg.svd(centred[:, used] / scale[used], full_matrices=False)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    return np.asarray(left[:, : min(rank, max(1, len(features) // 10))])


def of_assumption(assumption: Assumption) -> Group:
    """Return a single number as a group: the first three powers of its normal scores (ties share their mean rank)."""
    _, which, counts = np.unique(assumption.values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[which]
    scores = special.ndtri(ranks / len(ranks))
    return Group(assumption.name, assumption.basis, directions_of(np.stack([scores, scores**2, scores**3], 1)))


def of_today(draws: Draws) -> tuple[Group, ...]:
    """Return today's numbers as groups: shares, dwell and money of each place, entry, personas, arrivals.

    Groups that do not vary between draws are left out. The basis is "measured" where draws are a posterior (unless
    the ledger of the draws says that none of the group's numbers was seen in data) and "map beliefs" otherwise.
    """
    ledger = {item.name: item.basis for item in draws.assumptions}
    found = []
    for name, scale, arrays, entries in _today(draws):
        directions = directions_of(_scaled(arrays, scale))
        if directions.shape[1] > 0:
            found.append(Group(f"today: {name}", _basis(draws.source, ledger, entries), directions))
    return tuple(found)


def _basis(source: str, ledger: dict[str, str], entries: Sequence[str]) -> str:
    if source != "posterior":
        return BELIEFS
    seen = {ledger[entry] for entry in entries if entry in ledger}
    return MEASURED if not seen or MEASURED in seen else BELIEFS


def _today(draws: Draws) -> Iterator[tuple[str, Scale, list[Floats], list[str]]]:
    """Yield each group's name, its scale, its arrays (D, …) and its names in the ledger."""
    for place in draws.places:
        yield from _at_place(draws, place)
    yield "entry", Scale.SHARE, [draws.values("entry")], [f"entry: {place}" for place in draws.places]
    personas = [f"persona share: {name}" for name in draws.personas]
    yield "personas", Scale.SHARE, [draws.values("persona_share")], personas
    if not np.isnan(draws.values("arrivals")).any():
        yield "arrivals", Scale.POSITIVE, [draws.values("arrivals")], ["arrivals"]


def _at_place(draws: Draws, place: str) -> Iterator[tuple[str, Scale, list[Floats], list[str]]]:
    own = [k for k, link in enumerate(draws.links) if split_link(link)[0] == place]
    at, labels = draws.places.index(place), [draws.links[k] for k in own]
    shares = [draws.values("share")[..., own]]
    yield f"shares at {place}", Scale.SHARE, shares, [f"share: {link}" for link in labels]
    dwell = [draws.values(name)[..., own] for name in ("dwell_a", "dwell_b")]
    yield f"dwell at {place}", Scale.POSITIVE, dwell, [f"dwell: {link}" for link in labels]
    money = [draws.values(name)[..., own] for name in _MONEY_LINKS]
    money += [draws.values(name)[..., at] for name in _MONEY_PLACES]
    entries = [f"{kind}: {name}" for kind in _MONEY_KINDS for name in (place, *labels)]
    yield f"value and cost at {place}", Scale.POSITIVE, money, entries


def _scaled(arrays: Sequence[Floats], scale: Scale) -> Floats:
    """Return the columns that vary, on their scale (positive numbers that reach 0 as they are), shape (D, p)."""
    flat = np.hstack([array.reshape(len(array), -1) for array in arrays])
    varying = flat[:, np.ptp(flat, axis=0) > 0]
    if scale is Scale.SHARE:
        return scale.forward(np.clip(varying, _EDGE, 1 - _EDGE))
    positive = (varying > 0).all(axis=0)
    varying[:, positive] = scale.forward(varying[:, positive])
    return varying
