"""How chains of a touchpoint's exact posterior move: all of them at once, each accepted or refused by itself.

    swap    a link's dwell, for all personas, becomes one of its proposal's draws
    rows    all shares: theta and kappa stay or are a draw of the surrogate, P_g from the Dirichlet that has the open
            spells spread as the shares of now spread them (what data augmentation would draw, without drawing it)
    pair    a link's dwell, and how it and one other link divide what they have: the dwell is a draw of its proposal, or
            moved by the difference of two other chains (ter Braak 2006, differential evolution Markov chain); the
            division is drawn given that dwell and all else, so that slow and gone may change places in one step
    scale   the share of a link nobody was seen to take, pooled and of every persona: small shares differ by factors
    pool    kappa and theta of such a link are new, drawn around where chains were, and every persona divides anew: with
            a large kappa all personas are alike and small shares are small together, a needle that no step leads into

Every proposal but the difference is independent of what it replaces or has an explicit density both ways, and is
weighed on the exact likelihood (Metropolis and Hastings); the difference is symmetric, between halves of the chains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.numerics.addressed import softmax
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.silence.division import Division, Known, log_of
from journeysim.calibrate.silence.proposals import Dwells, Places, Proposal, Spells
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

#: Where the theta and kappa of new shares come from: as they are, a step away, or a draw of the surrogate.
Source = Literal["now", "near", "surrogate"]

_LEAST: Final = 1e-300
#: Steps of `scale`: sds of the common factor's log, and of what every persona adds to it.
_COMMON, _OWN = np.array([0.5, 3.0]), np.array([0.0, 0.3, 1.5])
#: Part of the differences that are taken whole, which leads from hump to hump.
_WHOLE: Final = 0.1
#: Lengths of the steps of theta and kappa from where they are.
_POOLED: Final = np.array([0.3, 1.0])
_JITTER: Final = 0.02


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is known of a touchpoint's rows: prior weights, completed moves, the surrogate's open spells by link.

    `theta` (n, link) and `kappa` (n,) are the surrogate's draws of what pools the personas, and `weighed` (n,) the log
    likelihood it gave them. With one persona there is nothing to pool: kappa t is the prior's weights, in every draw.
    """

    alpha: Floats
    tilt: Floats  # (persona, link)
    counts: Floats  # (persona, link)
    spread: Floats  # (persona, link)
    factor: float
    theta: Floats
    kappa: Floats

    def weights(self, theta: Floats, kappa: Floats) -> Floats:
        """Return kappa t of every persona, shape (n, persona, link)."""
        if len(self.counts) == 1:
            return np.tile(self.alpha, (len(kappa), 1))[:, None]
        raw = theta[:, None] * self.tilt
        return np.asarray(kappa[:, None, None] * raw / raw.sum(axis=-1, keepdims=True))

    @property
    def root(self) -> Floats:
        """Return the root of the surrogate's covariance of log theta, for steps of optimal length (Roberts and others 1997)."""
        spread = np.cov(log_of(self.theta).T) * 2.38**2 / len(self.alpha)
        return np.asarray(np.linalg.cholesky(spread + 1e-9 * np.eye(len(self.alpha))), dtype=np.float64)

    def log_prior(self, theta: Floats, kappa: Floats) -> Floats:
        """Return the log prior of log theta and log kappa, up to a constant."""
        score = (np.log(kappa) - np.log(KAPPA_MEDIAN)) / KAPPA_SPREAD
        return np.asarray(log_of(theta) @ self.alpha - 0.5 * score**2)

    def surrogate(self, weights: Floats) -> Floats:
        """Return the surrogate's log likelihood of the weights, up to a constant."""
        return log_polya(self.factor * (self.counts + self.spread), weights)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Where the chains are: theta and kappa, shares (chain, persona, link), survival (chain, link, spell), dwells."""

    theta: Floats
    kappa: Floats
    weights: Floats
    shares: Floats
    still: Floats
    dwells: tuple[Dwells, ...]
    row: NDArray[np.intp]

    def taken(self, yes: NDArray[np.bool_], k: int, j: int, new: Dwells, shares: Floats) -> Chains:
        """Return the chains with another dwell of learned link k, at position j, and other shares, where `yes`."""
        dwells, still = list(self.dwells), self.still.copy()
        dwells[k] = self.dwells[k].where(yes, new)
        still[yes, j] = new.still[yes]
        return replace(
            self, dwells=tuple(dwells), still=still, shares=np.where(yes[:, None, None], shares, self.shares)
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """Moves chains; `spells` and `rows` say what was observed, `proposals` (by learned link) where dwells may go."""

    spells: Spells
    rows: Rows
    proposals: tuple[Proposal, ...]
    rng: np.random.Generator
    pooled: Mapping[int, Places] = field(default_factory=dict)  # by link: log kappa and log odds of theta

    def waiting(self, shares: Floats, still: Floats) -> Floats:
        """Return P(still there after t) of every spell, shape (chain, spell)."""
        return np.asarray(np.maximum(np.einsum("ksj,kjs->ks", shares[:, self.spells.who], still), _LEAST))

    def accepted(self, gain: Floats) -> NDArray[np.bool_]:
        """Return which chains take a step of these log gains."""
        return np.log(self.rng.uniform(size=len(gain))) < gain

    def swap(self, at: Chains, k: int) -> Chains:
        """Return the chains after new dwells of learned link k were tried."""
        proposal, was = self.proposals[k], at.dwells[k]
        j, who = proposal.position, self.spells.who
        new = proposal.cloud.take(self.rng.integers(len(proposal.cloud.left), size=len(at.kappa)))
        before = self.waiting(at.shares, at.still)
        after = np.maximum(before + at.shares[:, who, j] * (new.still - was.still), _LEAST)
        yes = self.accepted(np.log(after / before) @ self.spells.count + new.left - was.left)
        return at.taken(yes, k, j, new, at.shares)

    def renew(self, at: Chains, source: Source) -> Chains:
        """Return the chains after new shares were tried, with theta and kappa from a source."""
        theta, kappa, gain = self._pooled(at, source)
        weights = self.rows.weights(theta, kappa)
        there = self._spread(at.shares, at.still)
        shares = _dirichlet(weights + self.rows.counts + there, self.rng)
        back = self._spread(shares, at.still)
        gain += self._kept(weights, shares, at.still, there) - self._kept(at.weights, at.shares, at.still, back)
        yes = self.accepted(gain)
        wide = yes[:, None, None]
        return replace(
            at, theta=np.where(yes[:, None], theta, at.theta), kappa=np.where(yes, kappa, at.kappa),
            weights=np.where(wide, weights, at.weights), shares=np.where(wide, shares, at.shares),
        )  # fmt: skip

    def _pooled(self, at: Chains, source: Source) -> tuple[Floats, Floats, Floats]:
        """Return theta, kappa, and the log of prior over proposal, of these over those of now."""
        rows, count = self.rows, len(at.kappa)
        if source == "now" or len(rows.counts) == 1:
            return at.theta, at.kappa, np.zeros(count)
        if source == "surrogate":
            pick = self.rng.integers(len(rows.kappa), size=count)
            theta, kappa = rows.theta[pick], rows.kappa[pick]
            return theta, kappa, rows.surrogate(at.weights) - rows.surrogate(rows.weights(theta, kappa))
        which, length = self.rng.uniform(size=(count, 1)) < 0.5, self.rng.choice(_POOLED, (count, 1))
        kappa = at.kappa * np.exp(np.where(which, 1.5 * length * self.rng.standard_normal((count, 1)), 0.0)[:, 0])
        steps = self.rng.standard_normal(at.theta.shape) @ rows.root.T
        theta = softmax(log_of(at.theta) + np.where(which, 0.0, length * steps))
        return theta, kappa, rows.log_prior(theta, kappa) - rows.log_prior(at.theta, at.kappa)

    def _spread(self, shares: Floats, still: Floats) -> Floats:
        """Return how many open spells count for each link, shape (chain, persona, link)."""
        joint = shares[:, self.spells.who].transpose(0, 2, 1) * still
        joint /= np.maximum(joint.sum(axis=1, keepdims=True), _LEAST)
        return self.spells.by_persona(joint).transpose(0, 2, 1)

    def _kept(self, weights: Floats, shares: Floats, still: Floats, spread: Floats) -> Floats:
        """Return the log of the posterior of the shares over Dirichlet(weights + counts + spread), up to a constant."""
        logs = np.sum(np.where(weights > 0, spread * log_of(shares), 0.0), axis=(1, 2))
        exact = np.log(self.waiting(shares, still)) @ self.spells.count
        return np.asarray(log_polya(self.rows.counts + spread, weights) - logs + exact)

    def pair(self, at: Chains, k: int, other: int) -> Chains:
        """Return the chains after new dwells of learned link k, and its share beside another one's, were tried."""
        proposal = self.proposals[k]
        new = proposal.cloud.take(self.rng.integers(len(proposal.cloud.left), size=len(at.kappa)))
        everyone = np.ones(len(at.kappa), dtype=bool)
        return self._divide(at, k, other, new, new.left - at.dwells[k].left, everyone)

    def step(self, at: Chains, k: int, other: int) -> Chains:
        """Return the chains after half of them moved the dwell of link k by a difference of two of the other half."""
        proposal, now = self.proposals[k], at.dwells[k]
        order = self.rng.permutation(len(at.kappa))
        mine, theirs = np.array_split(order, 2)
        first = self.rng.integers(len(theirs), size=len(mine))
        second = (first + self.rng.integers(1, len(theirs), size=len(mine))) % len(theirs)
        a, b = theirs[first], theirs[second]
        alike = (now.family[a] == now.family[mine]) & (now.family[b] == now.family[mine])
        size = now.phi[0].size
        length = np.where(self.rng.uniform(size=len(mine)) < _WHOLE, 1.0, 2.38 / np.sqrt(2 * size))
        length = np.where(alike, length * self.rng.uniform(0.2, 1.1, len(mine)), 0.0)[:, None, None]
        length = length * self._personas(len(mine), now.phi.shape[1])[..., None]
        wobble = 1 + _JITTER * self.rng.standard_normal((len(mine), *now.phi.shape[1:]))
        phi, moved = now.phi.copy(), np.zeros(len(at.kappa), dtype=bool)
        phi[mine] += length * (now.phi[a] - now.phi[b]) * wobble
        phi[now.family == Family.EXPONENTIAL, :, 1] = 0.0
        moved[mine] = alike
        new, height = proposal.at(now.family, phi)
        return self._divide(at, k, other, new, height - proposal.at(now.family, now.phi)[1], moved)

    def _personas(self, count: int, personas: int) -> NDArray[np.bool_]:
        """Return whom a step moves: in half of the chains everybody, in half one persona."""
        one = self.rng.integers(personas, size=(count, 1)) == np.arange(personas)
        return np.asarray(one | (self.rng.uniform(size=(count, 1)) < 0.5))

    def _divide(self, at: Chains, k: int, other: int, new: Dwells, gain: Floats, moved: NDArray[np.bool_]) -> Chains:
        """Try new dwells of link k with a new division of what it and another link have; `gain` is the dwells' own."""
        j = self.proposals[k].position
        then = at.still.copy()
        then[:, j] = new.still
        there, here = (self._division(at, (j, other), still) for still in (then, at.still))
        now = log_of(at.shares[..., j]) - log_of(at.shares[..., other])
        u = there.draw(self.rng)
        yes = self.accepted(gain + there.log_ratio(u) - here.log_ratio(now)) & moved
        part, shares = special.expit(u), at.shares.copy()
        shares[..., j], shares[..., other] = there.whole * part, there.whole * (1 - part)
        return at.taken(yes, k, j, new, shares)

    def _division(self, at: Chains, pair: tuple[int, int], still: Floats) -> Division:
        a, b = (at.weights[..., j] + self.rows.counts[:, j] for j in pair)
        j, other = pair
        known = Known(a, b, (self.rows.spread[:, j], self.rows.spread[:, other]))
        return Division.of(self.spells, at.shares, still, pair, known)

    def pool(self, at: Chains, j: int, other: int) -> Chains:
        """Return the chains after kappa, theta of link j, and its shares beside another link's, were tried anew."""
        places, pair = self.pooled[j], (j, other)
        new, now = places.draw(len(at.kappa), self.rng), pooled_odds(at, j)
        kappa, theta = np.exp(new[:, 0]), _multiplied(at.theta, j, new[:, 1] - now[:, 1])
        to = replace(at, kappa=kappa, theta=theta, weights=self.rows.weights(theta, kappa))
        there, here = (self._division(chains, pair, at.still) for chains in (to, at))
        u = there.draw(self.rng)
        gain = there.log_ratio(u) - here.log_ratio(log_of(at.shares[..., j]) - log_of(at.shares[..., other]))
        gain += self._pool_density(to, pair) - self._pool_density(at, pair)
        yes = self.accepted(gain + places.log_density(now) - places.log_density(new))
        part, shares, wide = special.expit(u), at.shares.copy(), yes[:, None, None]
        shares[..., j], shares[..., other] = there.whole * part, there.whole * (1 - part)
        return replace(
            at, theta=np.where(yes[:, None], theta, at.theta), kappa=np.where(yes, kappa, at.kappa),
            weights=np.where(wide, to.weights, at.weights), shares=np.where(wide, shares, at.shares),
        )  # fmt: skip

    def _pool_density(self, at: Chains, pair: tuple[int, int]) -> Floats:
        """Return the log density of log kappa, theta's log odds and the shares, but for how the pair divides its own."""
        whole, logs = np.log(at.shares[..., pair].sum(axis=-1)), log_of(at.shares)
        logs[..., pair] = whole[..., None]
        row = np.sum(at.weights * logs - special.gammaln(np.maximum(at.weights, _LEAST)), axis=-1)
        row += special.gammaln(at.weights.sum(axis=-1))
        row = row.sum(axis=1) + self.rows.log_prior(at.theta, at.kappa) - log_of(at.theta).sum(axis=1)
        return np.asarray(row + _log_measure(at.theta, pair[0]))

    def scale(self, at: Chains, j: int) -> Chains:
        """Return the chains after the share of link j, pooled and of every persona, was multiplied."""
        count, personas = len(at.kappa), at.shares.shape[1]
        common = self.rng.standard_normal(count) * self.rng.choice(_COMMON, count)
        own = self.rng.standard_normal((count, personas)) * self.rng.choice(_OWN, (count, 1))
        theta = _multiplied(at.theta, j, common) if personas > 1 else at.theta
        shares, weights = _multiplied(at.shares, j, common[:, None] + own), self.rows.weights(theta, at.kappa)
        yes = self.accepted(
            self._scaled(theta, weights, shares, at.still, j)
            - self._scaled(at.theta, at.weights, at.shares, at.still, j)
        )
        wide = yes[:, None, None]
        return replace(
            at, theta=np.where(yes[:, None], theta, at.theta), weights=np.where(wide, weights, at.weights),
            shares=np.where(wide, shares, at.shares),
        )  # fmt: skip

    def _scaled(self, theta: Floats, weights: Floats, shares: Floats, still: Floats, j: int) -> Floats:
        """Return the log posterior on the scale of log odds of link j, the other shares in proportion."""
        rows, on = self.rows, weights > 0
        logs = np.sum(np.where(on, (weights + rows.counts - 1) * log_of(shares), 0.0), axis=(1, 2))
        logs += np.sum(_log_measure(shares, j), axis=1) + np.log(self.waiting(shares, still)) @ self.spells.count
        if len(rows.counts) == 1:
            return np.asarray(logs)
        whole = special.gammaln(weights.sum(axis=-1)) - np.where(on, special.gammaln(np.where(on, weights, 1)), 0).sum(
            -1
        )
        return np.asarray(logs + whole.sum(axis=1) + log_of(theta) @ (rows.alpha - 1) + _log_measure(theta, j))


def pooled_odds(at: Chains, j: int) -> Floats:
    """Return log kappa and the log odds of a link's theta, shape (chain, 2)."""
    return np.stack([np.log(at.kappa), log_of(at.theta[:, j]) - log_of(1 - at.theta[:, j])], axis=1)


def log_polya(counts: Floats, weights: Floats) -> Floats:
    """Return the log of the Dirichlet-multinomial of counts, summed over personas, up to a constant: (…, persona, link)."""
    on = weights > 0
    safe = np.where(on, weights, 1.0)
    each = np.where(on, special.gammaln(safe + counts) - special.gammaln(safe), 0.0).sum(axis=-1)
    whole = weights.sum(axis=-1)
    total = np.where(on, counts, 0.0).sum(axis=-1)
    return np.asarray((each + special.gammaln(whole) - special.gammaln(whole + total)).sum(axis=-1))


def _dirichlet(weights: Floats, rng: np.random.Generator) -> Floats:
    raw = np.where(weights > 0, np.maximum(rng.standard_gamma(weights), 1e-290), 0.0)
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


def _multiplied(shares: Floats, j: int, logs: Floats) -> Floats:
    """Return shares with the odds of link j multiplied by exp(logs), the others in proportion."""
    rest = np.maximum(1 - shares[..., j], 1e-12)
    odds = shares[..., j] / rest * np.exp(logs)
    new = shares / (rest * (1 + odds))[..., None]
    new[..., j] = odds / (1 + odds)
    return np.asarray(new)


def _log_measure(shares: Floats, j: int) -> Floats:
    """Return the log of d shares / d (log odds of j, proportions of the others): P_j (1 - P_j)^(J - 1)."""
    return np.asarray(log_of(shares[..., j]) + (shares.shape[-1] - 1) * log_of(1 - shares[..., j]))
