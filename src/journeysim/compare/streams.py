"""Streams: what the customers who enter a world in one month bring, month by month from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.tally import Tally
from journeysim.simulate.underway import SUMS

ASSUMED_ARRIVALS: Final = 1_000.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One world's arrivals per month (D,), and what those who enter in one month bring: value, cost, conversions.

    `profiles` (D, M) are by month since each customer's entry, `sums` (D, M + 1) by calendar month from that of entry.
    """

    arrivals: Floats
    profiles: dict[str, Floats]
    sums: dict[str, Floats]

    def steady(self, name: str) -> Floats:
        """Return what a month brings once customers have entered for as long as they are followed, (D,)."""
        return np.asarray(self.sums[name].sum(axis=1))


def stream(tally: Tally, draws: Draws) -> Stream:
    """Return one world's stream."""
    return stream_of(tally, draws.values("arrivals"), draws.values("persona_share"))


def stream_of(tally: Tally, per_day: Floats, shares: Floats) -> Stream:
    """Return the stream of customers who do as in a tally, given how many come per day (D,), and who (D, G)."""
    arrivals = np.where(np.isnan(per_day), ASSUMED_ARRIVALS, per_day * DAYS_PER_MONTH)
    by_month = {name: np.einsum("dg,dgm->dm", shares, getattr(tally, source)) for name, source in SUMS.items()}
    return Stream(
        arrivals,
        {name: arrivals[:, None] * profile for name, profile in by_month.items()},
        {name: arrivals[:, None] * _smeared(profile) for name, profile in by_month.items()},
    )


def _smeared(profile: Floats) -> Floats:
    """Return a profile by month since entry (D, M) as seen by calendar months from the month of entry, (D, M + 1)."""
    nothing = np.zeros((len(profile), 1))
    return np.asarray((np.hstack([profile, nothing]) + np.hstack([nothing, profile])) / 2)
