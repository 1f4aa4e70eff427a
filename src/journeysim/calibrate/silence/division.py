"""How two links divide what they have, given everything else: drawn afresh near its most likely value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.silence.density import compiled
from journeysim.calibrate.silence.proposals import Spells
from journeysim.model.quantity import Floats

_STEPS = 6
_LEAST = 1e-300
_DEGREES: Final = 5.0
_STUDENT: Final = float(special.gammaln(3.0) - special.gammaln(2.5) - 0.5 * np.log(_DEGREES * np.pi))


@compiled
def peak(
    start: Floats, a: Floats, b: Floats, rest: Floats, x: Floats, y: Floats, who: NDArray[np.intp], count: Floats
) -> tuple[Floats, Floats]:
    """Return mode and sd of u, shape (chain, persona), after a few of Newton's steps, the same number from the same start.

    The log density is a log p + b log(1 - p) + sum n log(rest + x p + y (1 - p)), p = expit(u): the last two by spell.
    """
    chains, personas = a.shape
    mode, sd = np.empty((chains, personas)), np.empty((chains, personas))
    first, second = np.empty(personas), np.empty(personas)
    for c in range(chains):
        mode[c] = start[c]
        for _ in range(_STEPS):
            first[:] = 0.0
            second[:] = 0.0
            for s in range(len(who)):
                p = 1.0 / (1.0 + math.exp(-mode[c, who[s]]))
                pull = (x[c, s] - y[c, s]) / max(rest[c, s] + p * x[c, s] + (1.0 - p) * y[c, s], _LEAST)
                first[who[s]] += count[s] * pull
                second[who[s]] += count[s] * pull * pull
            for g in range(personas):
                p = 1.0 / (1.0 + math.exp(-mode[c, g]))
                v = p * (1.0 - p)
                bend = (a[c, g] + b[c, g]) * v + v * v * second[g] - v * (1.0 - 2.0 * p) * first[g]
                bend = max(bend, 0.1 * (a[c, g] + b[c, g]) * v)
                step = (a[c, g] * (1.0 - p) - b[c, g] * p + v * first[g]) / bend
                mode[c, g] += min(max(step, -1.5), 1.5)
                sd[c, g] = 1.0 / math.sqrt(bend)
    return mode, sd


def log_of(x: Floats) -> Floats:
    """Return the log, of 0 a very small one."""
    return np.asarray(np.log(np.maximum(x, _LEAST)))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a pair beside open spells: prior weights and completed moves a and b (chain, persona).

    `open_spells` are those that the surrogate counts for either, by persona.
    """

    a: Floats
    b: Floats
    open_spells: tuple[Floats, Floats]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """How a link and another one divide what they have, as log odds u (chain, persona), given one's survival and the rest.

    The log density is a log p + b log(1 - p) + sum n log(rest + x p + y (1 - p)), p = expit(u); it is drawn from, half
    and half, a Student t at its mode and the logit of Beta(a, b + their open spells), which has its tail for small p.
    """

    spells: Spells
    a: Floats
    b: Floats
    rest: Floats
    x: Floats
    y: Floats
    whole: Floats
    mode: Floats
    sd: Floats
    late: Floats

    @classmethod
    def of(cls, spells: Spells, shares: Floats, still: Floats, pair: tuple[int, int], known: Known) -> Division:
        """Return the division of a pair of links; of the shares it knows only what the two have together."""
        (j, other), who = pair, spells.who
        whole = shares[..., j] + shares[..., other]
        x, y = whole[:, who] * still[:, j], whole[:, who] * still[:, other]
        rest = shares[:, who].transpose(0, 2, 1) * still
        rest[:, pair] = 0.0
        total, (late, later) = rest.sum(axis=1), known.open_spells
        mode, sd = peak(np.log((known.a + late) / (known.b + later)), known.a, known.b, total, x, y, who, spells.count)
        return cls(spells, known.a, known.b, total, x, y, whole, mode, sd, late + later)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return log odds, shape (chain, persona)."""
        near = self.mode + self.sd * rng.standard_t(_DEGREES, self.mode.shape)
        small = log_of(rng.standard_gamma(self.a)) - log_of(rng.standard_gamma(self.b + self.late))
        return np.where(rng.uniform(size=near.shape) < 0.5, near, small)

    def log_ratio(self, u: Floats) -> Floats:
        """Return the log of the density over that of the proposal, shape (chain,)."""
        part = special.expit(u)[:, self.spells.who]
        open_spells = np.log(np.maximum(self.rest + part * self.x + (1 - part) * self.y, _LEAST))
        took, left = -np.logaddexp(0, -u), -np.logaddexp(0, u)
        near = _STUDENT - np.log(self.sd) - 3 * np.log1p(((u - self.mode) / self.sd) ** 2 / _DEGREES)
        late = self.b + self.late
        small = self.a * took + late * left - special.betaln(self.a, late)
        own = self.a * took + self.b * left - np.logaddexp(near, small)
        return np.asarray(open_spells @ self.spells.count + own.sum(axis=1))
