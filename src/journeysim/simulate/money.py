"""Money moments: how much one customer's money differs from another's by the horizon, world by world and mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats

#: Of a second moment; a variance below it is rounding.
_ROUNDING: Final = 1e-12


@final
@dataclass(frozen=True, slots=True, eq=False)
class MoneyMoments:
    """First and second moments of what one customer brings up to the horizon, so that worlds and personas mix linearly.

    `moments` has shape (D, G, 2, 5): undiscounted, then discounted; E[v], E[c], E[v^2], E[v c], E[c^2] of value v and
    cost c. `error` is the largest relative error of a standard deviation that follows from them, as far as the engine
    states one.
    """

    moments: Floats
    error: float = 0.0


def mixed(parts: Sequence[MoneyMoments], weights: Sequence[Floats]) -> MoneyMoments:
    """Return the moments of customers who live in several worlds; weights (D, G) of the worlds add up to 1."""
    found = sum(part.moments * weight[:, :, None, None] for part, weight in zip(parts, weights, strict=True))
    return MoneyMoments(np.asarray(found), max(part.error for part in parts))


def of_everybody(found: MoneyMoments, shares: Floats) -> MoneyMoments:
    """Return the whole population's moments given persona shares (D, G); its persona axis has length 1."""
    return MoneyMoments((found.moments * shares[:, :, None, None]).sum(axis=1, keepdims=True), found.error)


def variances(found: MoneyMoments) -> Mapping[str, Floats]:
    """Return the variance between customers of each metric of one customer's money, (D, G); not below 0."""
    value, cost, margin = np.moveaxis(variances_of(found.moments), -1, 0)
    return {"revenue": value[..., 0], "cost": cost[..., 0], "margin": margin[..., 0], "clv": margin[..., 1]}


def variances_of(moments: Floats) -> Floats:
    """Return the variances of value, cost and value - cost, (…, 3), from moments (…, 5)."""
    v, c, vv, vc, cc = np.moveaxis(moments, -1, 0)
    size = np.stack([vv, cc, vv + cc], axis=-1)
    found = np.stack([vv - v**2, cc - c**2, vv + cc - 2.0 * vc - (v - c) ** 2], axis=-1)
    return np.where(found <= _ROUNDING * size, 0.0, found)
