"""Rows by the place before: what a change of shares does to them as well.

A calibration may find that where customers go from a touchpoint depends on where they came from (`order2_share`). A
change that edits the touchpoint's row edits each of these rows alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from journeysim.model.draws import Draws, names_on
from journeysim.model.journey import link_id, split_link
from journeysim.model.quantity import Floats

#: Between the place before and the link in a label of `order2`.
AFTER: Final = " | "
RowsAfter = dict[str, dict[str, Floats]]


def rows_after(draws: Draws, source: str) -> RowsAfter:
    """Return a touchpoint's rows by the place before: target -> share (draw, persona); empty where there are none."""
    found: RowsAfter = {}
    if "order2_share" in draws.data:
        values = draws.values("order2_share")
        for k, label in enumerate(names_on(draws.data, "order2")):
            before, _, link = label.partition(AFTER)
            if split_link(link)[0] == source:
                found.setdefault(before, {})[split_link(link)[1]] = values[..., k]
    return found


def with_rows_after(draws: Draws, source: str, rows: RowsAfter) -> Draws:
    """Return the draws with a touchpoint's rows by the place before replaced."""
    if not rows:
        return draws
    old = names_on(draws.data, "order2")
    kept = [k for k, label in enumerate(old) if split_link(label.partition(AFTER)[2])[0] != source]
    labels = [f"{before}{AFTER}{link_id(source, target)}" for before, row in rows.items() for target in row]
    shape = (draws.count, len(draws.personas))
    added = np.stack([np.broadcast_to(share, shape) for row in rows.values() for share in row.values()], axis=-1)
    values = np.concatenate([draws.values("order2_share")[..., kept], added], axis=-1)
    data = draws.data.drop_vars(["order2_share", "order2"])
    data = data.assign_coords(order2=[*(old[k] for k in kept), *labels])
    return draws.with_data(data.assign(order2_share=(("draw", "persona", "order2"), values)))


def edit_rows_after(draws: Draws, source: str, edit: Callable[[Mapping[str, Floats]], dict[str, Floats]]) -> Draws:
    """Return the draws with `edit` applied to each of a touchpoint's rows by the place before."""
    return with_rows_after(draws, source, {before: edit(row) for before, row in rows_after(draws, source).items()})
