"""Posterior draws as plain arrays in the order of the map, ready to be walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.draws import names_on, tables_of
from journeysim.model.event_log import Bools, Ints
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER

if TYPE_CHECKING:
    import xarray as xr

#: Between the place before and the move in a label of `order2`: "previous | source -> target".
_AFTER: Final = " | "


@final
@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """Draws of one map. `links` (touchpoint, slot) holds positions of links, -1 where a row is shorter.

    `silent` says which links leave no event. `frailty` and `rate_frailty` (draw, touchpoint), `visit_start` (draw, persona,
    link) and `visit_effect` (draw, link), and `order2_share` (draw, persona, row) are None where the layer is off;
    `order2_row` (place before, link) is the row of `order2_share`, -1 where order 1 holds.
    """

    touchpoints: int
    links: Ints
    source: Ints
    target: Ints
    silent: Bools
    period_end: Floats
    share: Floats
    dwell_a: Floats
    dwell_b: Floats
    family: NDArray[np.int8]
    tables: Floats
    entry: Floats
    persona_share: Floats
    frailty: Floats | None = None
    rate_frailty: Floats | None = None
    visit_start: Floats | None = None
    visit_effect: Floats | None = None
    order2_share: Floats | None = None
    order2_row: Ints | None = None

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.share)

    @property
    def counts_visits(self) -> bool:
        """Whether a customer's past visits or moves matter."""
        return any(layer is not None for layer in (self.frailty, self.rate_frailty, self.visit_effect))

    @property
    def rated(self) -> Bools:
        """At which touchpoints customers have a rate of their own, shape (touchpoint,)."""
        if self.rate_frailty is None:
            return np.zeros(self.touchpoints, dtype=bool)
        return np.asarray(np.isfinite(self.rate_frailty[0]))


def predictor_of(journey: JourneyMap, data: xr.Dataset, silent: frozenset[str]) -> Predictor:
    """Return a dataset of draws as arrays; `silent` are the outcomes that leave no event."""
    places, labels = names_on(data, "place"), names_on(data, "link")
    pairs = [split_link(label) for label in labels]
    source = np.array([places.index(name) for name, _ in pairs], dtype=np.int64)
    target = np.array([places.index(name) for _, name in pairs], dtype=np.int64)
    n = len(journey.touchpoints)
    rows, where = _order2(data, places[:n], labels)
    return Predictor(
        touchpoints=n,
        links=_padded(source, n),
        source=source,
        target=target,
        silent=np.array([name in silent for _, name in pairs], dtype=bool),
        period_end=np.asarray(data["period_end"].values, dtype=np.float64),
        share=np.asarray(data["share"].values),
        dwell_a=np.asarray(data["dwell_a"].values),
        dwell_b=np.asarray(data["dwell_b"].values),
        family=np.asarray(data["family"].values),
        tables=tables_of(data),
        entry=np.asarray(data["entry"].values)[..., :n],
        persona_share=np.asarray(data["persona_share"].values),
        frailty=np.asarray(data["frailty"].values)[:, :n] if "frailty" in data else None,
        rate_frailty=np.asarray(data["rate_frailty"].values)[:, :n] if "rate_frailty" in data else None,
        visit_start=np.nan_to_num(data["visit_start"].values) if "visit_start" in data else None,
        visit_effect=np.asarray(data["visit_effect"].values) if "visit_effect" in data else None,
        order2_share=rows,
        order2_row=where,
    )


def _padded(source: Ints, touchpoints: int) -> Ints:
    own = [np.flatnonzero(source == i) for i in range(touchpoints)]
    made = np.full((touchpoints, max(map(len, own), default=1)), -1, dtype=np.int64)
    for row, links in zip(made, own, strict=True):
        row[: len(links)] = links
    return made


def _order2(
    data: xr.Dataset, touchpoints: tuple[str, ...], labels: tuple[str, ...]
) -> tuple[Floats | None, Ints | None]:
    """Return order-2 shares and, for every (place before, link), their row; None where the layer is off."""
    if "order2_share" not in data:
        return None, None
    before = {name: i for i, name in enumerate((*touchpoints, ENTER))}
    link = {label: k for k, label in enumerate(labels)}
    where = np.full((len(before), len(labels)), -1, dtype=np.int64)
    for row, label in enumerate(names_on(data, "order2")):
        previous, _, move = label.partition(_AFTER)
        where[before[previous], link[move]] = row
    return np.asarray(data["order2_share"].values), where
