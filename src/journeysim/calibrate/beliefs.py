"""What the map states about every place, persona and tenure period, resolved: which statement holds where.

Three layers may speak about a touchpoint: its base, the row of a persona, the row of a tenure period. They are laid
over each other in this order, field by field; the last one that says something holds. The layer that holds is the
*owner* of the belief: everyone it covers shares one uncertain fact, so the owner's name is part of its address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar, final

import numpy as np
from scipy import special

from journeysim.errors import BadInput, Problem
from journeysim.model.draws import TABLE_SIZE
from journeysim.model.dwell import Dwell, Family, quantile_table
from journeysim.model.journey import (
    NOTHING,
    ZERO,
    JourneyMap,
    Link,
    Outcome,
    Reward,
    Row,
    Touchpoint,
    all_links,
    link_id,
)
from journeysim.model.quantity import Floats, Quantity

T = TypeVar("T")
BASE: Final = ""
RewardField = Literal["value", "cost"]
NumberField = Literal["value_per_day", "cost_per_day", "effort", "feeling"]
_ROUNDING: Final = 1e-12


@final
@dataclass(frozen=True, slots=True)
class Owned(Generic[T]):
    """A belief and the layer it comes from: "" for the base, else "persona …" or "tenure …"."""

    owner: str
    belief: T


def layers(place: Touchpoint | Outcome, persona: str, period_end: float) -> Iterator[Owned[Row]]:
    """Yield the rows that hold besides the base for a persona in the tenure period that ends at `period_end`."""
    for name, row in place.by_persona:
        if name == persona:
            yield Owned(f"persona {name}", row)
    if isinstance(place, Touchpoint):
        holding = [period for period in place.by_tenure if period_end <= period.until]
        if holding:
            first = min(holding, key=lambda period: period.until)
            yield Owned(f"tenure {first.until!r}", first.row)


def links_at(touchpoint: Touchpoint, persona: str, period_end: float) -> Owned[tuple[Link, ...]]:
    """Return the links that hold for a persona in a tenure period."""
    found = Owned(BASE, touchpoint.links)
    for layer in layers(touchpoint, persona, period_end):
        if layer.belief.links is not None:
            found = Owned(layer.owner, layer.belief.links)
    return found


def reward_at(place: Touchpoint | Outcome, field: RewardField, persona: str, period_end: float) -> Owned[Reward]:
    """Return the reward per visit that holds for a persona in a tenure period."""
    found: Owned[Reward] = Owned(BASE, getattr(place, field, NOTHING))
    for layer in layers(place, persona, period_end):
        stated: Reward | None = getattr(layer.belief, field)
        found = found if stated is None else Owned(layer.owner, stated)
    return found


def number_at(place: Touchpoint | Outcome, field: NumberField, persona: str, period_end: float) -> Owned[Quantity]:
    """Return the number (per day, effort, feeling) that holds for a persona in a tenure period; outcomes have none."""
    found: Owned[Quantity] = Owned(BASE, getattr(place, field, ZERO))
    for layer in layers(place, persona, period_end):
        stated: Quantity | None = getattr(layer.belief, field)
        found = found if stated is None else Owned(layer.owner, stated)
    return found


def fallback_link(touchpoint: Touchpoint, target: str) -> Owned[Link]:
    """Return the first statement of a link anywhere at the touchpoint, for layers that do not have the link."""
    stated = [Owned(BASE, touchpoint.links)]
    stated += [Owned(f"persona {name}", row.links) for name, row in touchpoint.by_persona if row.links is not None]
    stated += [Owned(f"tenure {p.until!r}", p.row.links) for p in touchpoint.by_tenure if p.row.links is not None]
    found = (Owned(owned.owner, link) for owned in stated for link in owned.belief if link.target == target)
    return next(found)


def mean_shares(links: tuple[Link, ...]) -> Floats:
    """Return the stated shares of a row at their means, the rest resolved; sums to 1, shape (links,).

    Shares that add up to 1 within rounding stay exactly as written.
    """
    stated = np.array([np.nan if link.share is None else link.share.mean for link in links])
    rest = np.isnan(stated)
    left = max(0.0, 1.0 - float(np.nansum(stated)))
    return normalised(np.where(rest, left / max(1, int(rest.sum())), stated))


def normalised(shares: Floats) -> Floats:
    """Return shares that add up to 1, untouched when they do within rounding."""
    total = float(np.sum(shares))
    return shares if abs(total - 1.0) <= _ROUNDING or total <= 0 else np.asarray(shares / total)


def family_of(touchpoint: Touchpoint, target: str) -> Family:
    """Return the dwell family of a link, one for all personas and tenure periods."""
    return fallback_link(touchpoint, target).belief.dwell.family


def check_dwell_families(journey: JourneyMap) -> None:
    """Raise BadInput when layers of a touchpoint state different dwell families, or tables, for one link."""
    problems = [
        Problem("C001", f'dwell of "{link_id(touchpoint.name, link.target)}" is stated as {" and as ".join(kinds)}; '
                        "personas and tenure periods may differ in scale and shape, not in the family or the quantiles")
        for touchpoint in journey.touchpoints
        for link in all_links(touchpoint)
        if len(kinds := _kinds(touchpoint, link.target)) > 1
    ]  # fmt: skip
    if problems:
        raise BadInput(problems)


def _kinds(touchpoint: Touchpoint, target: str) -> list[str]:
    rows = [row for _, row in touchpoint.by_persona] + [period.row for period in touchpoint.by_tenure]
    stated = [touchpoint.links, *(row.links for row in rows if row.links is not None)]
    dwells = [link.dwell for links in stated for link in links if link.target == target]
    return sorted({d.family.name.lower() + (f" {d.quantiles}" if d.quantiles else "") for d in dwells})


def sd_of_log(dwell: Dwell, shape: float) -> float:  # noqa: PLR0911  one line per family
    """Return the standard deviation of the log of a dwell.

    Exponential pi/sqrt(6), Weibull pi/(b sqrt(6)), gamma sqrt(trigamma(b)), log-normal b, log-logistic pi/(b sqrt(3));
    for a table, that of its positive quantiles; 0 for a fixed dwell (Johnson, Kotz and Balakrishnan, Continuous
    Univariate Distributions, chapters 14, 17, 19, 21, 23).
    """
    match dwell.family:
        case Family.FIXED:
            return 0.0
        case Family.EXPONENTIAL:
            return float(np.pi / np.sqrt(6))
        case Family.GAMMA:
            return float(np.sqrt(special.polygamma(1, shape)))
        case Family.WEIBULL:
            return float(np.pi / (shape * np.sqrt(6)))
        case Family.LOGNORMAL:
            return shape
        case Family.LOGLOGISTIC:
            return float(np.pi / (shape * np.sqrt(3)))
        case Family.EMPIRICAL:
            table = quantile_table(dwell, TABLE_SIZE)
            return float(np.std(np.log(table[table > 0]))) if np.any(table > 0) else 0.0
