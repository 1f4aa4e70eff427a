"""The likelihood of customers whose shares differ for good: Dirichlet-multinomial ("Polya") over unique patterns.

At a touchpoint with links j, a customer's own shares are drawn once, theta ~ Dirichlet(kappa P), and hold for all the
customer's visits. Of a customer who took the links n = (n_1 … n_J), N in all, the log likelihood is

    sum_j sum_{m < n_j} log(kappa P_j + m) - sum_{m < N} log(kappa + m)

whatever the order, and whatever the visits decided about being seen again: the next visit is always drawn from what
the earlier ones say, (kappa P_j + n_j) / (kappa + N) (Polya's urn; Johnson and Kotz 1977, Urn Models, section 4.2).
So P is the row of an average *new* customer. The pooled share of visits is not: where leaving ends the visits, those
who seldom leave are visited more often and count more. With two links and one touchpoint the urn is the
shifted-beta-geometric (Fader and Hardie 2007) with alpha = kappa P_leave, beta = kappa P_renew.

An open last visit, silent for t, counts with sum_j (kappa P_j + n_j) / (kappa + N) S_j(t).

With phi = 1 / kappa all of this is sum_j (n_j log P_j + sum_m log1p(m phi / P_j)) - sum_m log1p(m phi), which at phi = 0
is the process whose customers are alike, digit for digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Bools, Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
_CHUNK: Final = 100
_ALIKE: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, eq=False)
class Polya:
    """One touchpoint's patterns: links taken, shape (pattern, link), by persona, with the number of customers.

    `still` (pattern, link) is P(dwell > silent time) over each link for patterns whose last visit is `open`, else 1.
    """

    persona: Ints
    taken: Ints
    open: Bools
    still: Floats
    customers: Floats

    def take(self, rows: Bools) -> Polya:
        """Return the chosen patterns only."""
        persona, taken, is_open = self.persona[rows], self.taken[rows], self.open[rows]
        return Polya(persona, taken, is_open, self.still[rows], self.customers[rows])

    @property
    def shut(self) -> Polya:
        """The same patterns without their open last visits."""
        return replace(self, open=np.zeros_like(self.open), still=np.ones_like(self.still))

    @property
    def visits(self) -> Ints:
        """How many completed visits a pattern has, shape (pattern,)."""
        return np.asarray(self.taken.sum(axis=1))


def log_likelihood(polya: Polya, kappa: Floats, rows: Floats) -> Floats:
    """Return the log likelihood of one customer of each pattern, shape (draw, pattern).

    `kappa` has shape (draw,), infinite where customers are alike; `rows` (draw, persona, link) adds up to 1.
    """
    parts = [slice(at, at + _CHUNK) for at in range(0, len(kappa), _CHUNK)]
    return np.concatenate([_of_draws(polya, 1.0 / kappa[part], rows[part]) for part in parts])


def _of_draws(polya: Polya, phi: Floats, rows: Floats) -> Floats:
    p = np.maximum(rows, _LEAST)
    most = int(polya.visits.max(initial=0))
    steps = np.arange(most)
    found = -_summed(np.log1p(phi[:, None] * steps))[:, polya.visits]
    for j in range(polya.taken.shape[1]):
        grown = _summed(np.log1p(phi[:, None, None] * steps / p[:, :, j, None]))
        found += np.log(p[:, polya.persona, j]) * polya.taken[:, j] + grown[:, polya.persona, polya.taken[:, j]]
    if np.any(polya.open):
        found[:, polya.open] += _open(polya, phi, p)
    return found


def _summed(values: Floats) -> Floats:
    """Return sums of the first 0, 1, 2 … values of the last axis."""
    return np.concatenate([np.zeros_like(values[..., :1]), np.cumsum(values, axis=-1)], axis=-1)


def _open(polya: Polya, phi: Floats, p: Floats) -> Floats:
    rows = polya.open
    taken, still = polya.taken[rows], polya.still[rows]
    known = np.einsum("drj,rj->dr", p[:, polya.persona[rows]], still) + phi[:, None] * np.sum(taken * still, axis=1)
    return np.asarray(np.log(np.maximum(known / (1.0 + phi[:, None] * polya.visits[rows]), _LEAST)))


@final
@dataclass(frozen=True, slots=True, eq=False)
class PolyaSums:
    """What the likelihood of all customers together needs, whatever their number and that of patterns.

    `more` (persona, link, m) is how many customers took the link more than m times, `came` (m,) how many have more than
    m completed visits; `spells` are the open patterns that tell links apart.
    """

    more: Floats
    came: Floats
    spells: Polya

    @classmethod
    def of(cls, polya: Polya, personas: int) -> PolyaSums:
        """Return the sums over the patterns of a touchpoint."""
        steps = np.arange(int(polya.visits.max(initial=0)))
        more = np.zeros((personas, polya.taken.shape[1], len(steps)))
        np.add.at(more, polya.persona, (polya.taken[:, :, None] > steps) * polya.customers[:, None, None])
        rows = polya.open & (np.ptp(polya.still, axis=1) > _ALIKE)
        return cls(more, polya.customers @ (polya.visits[:, None] > steps), polya.take(rows))

    def log_likelihood(self, kappa: Floats, rows: Floats) -> Floats:
        """Return the log likelihood of all customers, shape (draw,), up to a constant."""
        phi, p, steps = 1.0 / kappa, np.maximum(rows, _LEAST), np.arange(len(self.came))
        found = np.einsum("dgj,gj->d", np.log(p), self.more.sum(axis=-1))
        for j in range(p.shape[2]):
            found += np.einsum("dgm,gm->d", np.log1p(phi[:, None, None] * steps / p[:, :, j, None]), self.more[:, j])
        found -= np.log1p(phi[:, None] * steps) @ self.came
        if len(self.spells.customers):
            found += _open(self.spells, phi, p) @ self.spells.customers
        return np.asarray(found)
