"""Where chains are, and the shelf of dwells they may take, for the compiled `moves`: arrays and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.silence.moves import Shelf
from journeysim.calibrate.silence.proposals import Codes, Dwells, Proposal
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Where chains are: theta (…, link), kappa (…,), shares (…, persona, link), row of the shelf (…, link).

    The leading axes are the chain's, or the sweep's and the chain's.
    """

    theta: Floats
    kappa: Floats
    shares: Floats
    rows: Ints

    def at(self, which: int | slice) -> Chains:
        """Return some of the first axis."""
        return Chains(self.theta[which], self.kappa[which], self.shares[which], self.rows[which])

    def repeated(self, sweeps: int) -> Chains:
        """Return room for so many sweeps after these chains, which stand first."""
        theta, kappa, shares = (np.repeat(x[None], sweeps + 1, axis=0) for x in (self.theta, self.kappa, self.shares))
        return Chains(theta, kappa, shares, np.repeat(self.rows[None], sweeps + 1, axis=0))

    def odds(self, j: int) -> Floats:
        """Return log kappa and the log odds of a link's theta, shape (…, 2)."""
        theta = self.theta[..., j]
        logs = [np.log(np.maximum(x, 1e-300)) for x in (theta, 1 - theta)]
        return np.stack([np.log(self.kappa), logs[0] - logs[1]], axis=-1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Shelves:
    """Dwells that chains may take: drawn ones by learned link, then every chain's own, and those that stay as they are.

    A chain's own dwell of a link is where it began, or where a step led it. Rows: the drawn ones, link after link; own
    ones, link after link and chain after chain; fixed ones likewise; then what a step tries, chain after chain.
    """

    proposals: tuple[Proposal, ...]
    own: tuple[Dwells, ...]
    fixed: Floats  # (link that is not learned, chain, spell)
    still: Floats  # (row, spell) drawn rows, and room for the others
    left: Floats  # (drawn row,)
    first: Ints  # the first row of every learned link, and the first own row

    @classmethod
    def of(cls, proposals: Sequence[Proposal], own: Sequence[Dwells], fixed: Floats) -> Shelves:
        """Return the shelves of proposals, with the chains' own dwells by learned link."""
        kept, chains, spells = len(proposals) + len(fixed) + 1, fixed.shape[1], fixed.shape[2]
        still = np.concatenate([*(each.cloud.still for each in proposals), np.zeros((kept * chains, spells))])
        left = np.concatenate([np.empty(0), *(each.cloud.left for each in proposals)])
        first = np.cumsum([0, *(len(each.cloud.left) for each in proposals)], dtype=np.int64)
        return cls(tuple(proposals), tuple(own), fixed, np.ascontiguousarray(still), left, first)

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return int(self.fixed.shape[1])

    def own_rows(self, k: int) -> Ints:
        """Return the rows of the chains' own dwells of learned link k; those that stay come after the learned links."""
        return np.asarray(self.first[-1] + k * self.chains + np.arange(self.chains), dtype=np.int64)

    @property
    def tried_rows(self) -> Ints:
        """The rows of what a step tries."""
        return self.own_rows(len(self.own) + len(self.fixed))

    def shelf(self, tried: Dwells | None = None) -> Shelf:
        """Return the shelf, with what a step tries.

        All stand in one table, so that a compiled move reads any row alike; the drawn ones are too many to be laid out once
        more for every sweep. So the others are written behind them, here and nowhere else.
        """
        more = () if tried is None else (tried,)
        behind, stay = self.still[self.first[-1] :], self.fixed.shape[0] * self.chains
        fixed = self.fixed.reshape(stay, self.fixed.shape[-1])
        others = [*(each.still for each in self.own), fixed, *(each.still for each in more)]
        np.concatenate(others, out=behind[: sum(map(len, others))])
        return Shelf(
            self.still,
            np.concatenate(
                [self.left, *(each.left for each in self.own), np.zeros(stay), *(each.left for each in more)]
            ),
            np.array([each.position for each in self.proposals], dtype=np.int64),
            self.first[:-1],
            np.diff(self.first),
        )

    def where(self, chains: Chains, k: int) -> tuple[Codes, Floats]:
        """Return families (…,) and coordinates (…, persona, 2) of learned link k."""
        cloud, own = self.proposals[k].cloud, self.own[k]
        rows = chains.rows[..., self.proposals[k].position]
        drawn = rows < self.first[-1]
        if drawn.all():
            return cloud.family[rows - self.first[k]], cloud.phi[rows - self.first[k]]
        here, there = (np.where(drawn, rows - self.first[k], 0), np.where(drawn, 0, rows - self.own_rows(k)[0]))
        return (
            np.where(drawn, cloud.family[here], own.family[there]),
            np.where(drawn[..., None, None], cloud.phi[here], own.phi[there]),
        )

    def dwells(self, chains: Chains, k: int) -> Dwells:
        """Return the dwells of learned link k where the chains are."""
        shelf, rows = self.shelf(), chains.rows[:, self.proposals[k].position]
        return Dwells(*self.where(chains, k), shelf.still[rows], shelf.left[rows])

    def stepped(self, chains: Chains, k: int, tried: Dwells) -> tuple[Shelves, Chains]:
        """Return shelves and chains after a step, where what was tried and taken became the chain's own."""
        position, rows = self.proposals[k].position, chains.rows.copy()
        taken: NDArray[np.bool_] = rows[:, position] >= self.tried_rows[0]
        rows[:, position] = np.where(taken, self.own_rows(k), rows[:, position])
        own = tuple(each.where(taken, tried) if i == k else each for i, each in enumerate(self.own))
        return replace(self, own=own), replace(chains, rows=rows)

    def begun(self, chains: Chains) -> Chains:
        """Return the chains at their own dwells."""
        rows, learned = chains.rows.copy(), [each.position for each in self.proposals]
        stay = [j for j in range(rows.shape[-1]) if j not in learned]
        for i, j in enumerate((*learned, *stay)):
            rows[:, j] = self.own_rows(i)
        return replace(chains, rows=rows)
