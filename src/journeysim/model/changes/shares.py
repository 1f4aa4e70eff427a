"""Changes of shares: adjust one, or send part of a link elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.changes.base import Change, Sizes, Terms, per_draw, persona_mask
from journeysim.model.changes.editing import (
    Links,
    NewLink,
    check_shares,
    edit_links,
    edit_touchpoint,
    has_link,
    position,
    relabel,
    row_of,
    with_values,
)
from journeysim.model.changes.memory import edit_rows_after
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, Link, link_id, split_link
from journeysim.model.quantity import Floats, Quantity

How = Literal["odds x", "relative x", "points", "set to"]


def missing_link(journey: JourneyMap, source: str, target: str, *path: str) -> tuple[Problem, ...]:
    """Return the problem of a change whose link is not on the map, or nothing."""
    if has_link(journey, source, target):
        return ()
    if source not in journey.touchpoint_names:
        what = f'there is no touchpoint "{source}"'
    else:
        leads = ", ".join(f'"{link.target}"' for link in journey.touchpoint(source).links)
        what = f'no link leads from "{source}" to "{target}" (it leads to {leads})'
    return (Problem("J043", f"change has no effect: {what}; name a link of the map", path=path),)


@final
@dataclass(frozen=True, slots=True)
class AdjustShare(Change):
    """Change the share of one link; the row's other links shrink or grow in proportion, or `paid_by` alone pays."""

    source: str
    target: str
    how: How
    size: Quantity
    paid_by: str | None = None
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"change share: {link_id(self.source, self.target)}"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        return {self.how: self.size}

    @property
    def edits(self) -> tuple[str, ...]:
        return (link_id(self.source, self.target),)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        problems = missing_link(journey, self.source, self.target, "change share")
        if self.paid_by is not None:
            problems += missing_link(journey, self.source, self.paid_by, "paid by")
        return problems

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        share, row = draws.values("share").copy(), row_of(draws, self.source)
        targets = [split_link(draws.links[k])[1] for k in row]
        reached = persona_mask(draws, self.terms.personas)
        share[..., row] = self._resized_row(share[..., row], targets, reached, sizes)

        def edit(after: Mapping[str, Floats]) -> dict[str, Floats]:
            known = list(after)
            if self.target not in known or (self.paid_by or self.target) not in known:
                return dict(after)
            changed = self._resized_row(np.stack(list(after.values()), axis=-1)[:, :, None], known, reached, sizes)
            return {target: changed[:, :, 0, k] for k, target in enumerate(known)}

        return journey, edit_rows_after(with_values(draws, share=share), self.source, edit)

    def _resized_row(self, row: Floats, targets: Sequence[str], reached: NDArray[np.bool_], sizes: Sizes) -> Floats:
        """Return a row (draw, persona, period, link) with the change made."""
        at = targets.index(self.target)
        old, stands = row[..., at], row.sum(axis=-1) > 0.0
        new = np.where(reached[:, None] & stands, resized(old, self.how, sizes[self.how]), old)
        check_shares(self.title, new)
        changed = self._paid(row, targets, old, new)
        changed[..., at] = new
        return changed

    def _paid(self, row_shares: Floats, targets: Sequence[str], old: Floats, new: Floats) -> Floats:
        """Return the row with everything but the changed link paying for it."""
        if self.paid_by is not None:
            paid = row_shares.copy()
            paid[..., targets.index(self.paid_by)] += old - new
            check_shares(self.title, paid)
            return paid
        nothing_left = (old >= 1.0) & (new < 1.0)
        if nothing_left.any():
            raise BadInput(
                [
                    Problem(
                        "J061", f'"{self.title}" lowers the only link "{self.source}" has; reroute part of it instead'
                    )
                ]
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(old < 1.0, (1.0 - new) / (1.0 - old), 1.0)
        return np.asarray(row_shares * factor[..., None])


def resized(share: Floats, how: How, size: Floats) -> Floats:
    """Return a share (draw, persona, period) after an effect of one size per draw (draw,)."""
    by = per_draw(size)[..., 0]
    match how:
        case "odds x":
            return np.asarray(share * by / (1.0 - share + share * by))
        case "relative x":
            return np.asarray(share * by)
        case "points":
            return np.asarray(share + by)
        case "set to":
            return np.broadcast_to(by, share.shape).astype(np.float64)


@final
@dataclass(frozen=True, slots=True)
class Reroute(Change):
    """Send part of a link's flow to another target; a link that is new takes the dwell of the one it comes from."""

    source: str
    target: str
    to: str
    part: Quantity
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"reroute: {link_id(self.source, self.target)} to {self.to}"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        return {"part": self.part}

    @property
    def edits(self) -> tuple[str, ...]:
        return (link_id(self.source, self.target),)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        problems = missing_link(journey, self.source, self.target, "reroute")
        if self.to not in journey.place_names:
            problems += (
                Problem("J043", f'change has no effect: there is no touchpoint or outcome "{self.to}"', path=("to",)),
            )
        return problems

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        if link_id(self.source, self.to) not in draws.links:
            journey, draws = self._with_link(journey, draws)
        share, reached = draws.values("share").copy(), persona_mask(draws, self.terms.personas)
        of, to = position(draws, self.source, self.target), position(draws, self.source, self.to)
        moved = share[..., of] * per_draw(sizes["part"])[..., 0] * reached[:, None]
        share[..., of] -= moved
        share[..., to] += moved
        check_shares(self.title, share[..., [of, to]])
        part = (per_draw(sizes["part"])[..., 0] * reached[:, None])[..., 0]

        def edit(after: Mapping[str, Floats]) -> dict[str, Floats]:
            flow = after.get(self.target, np.zeros(1)) * part
            row = {**after, self.to: after.get(self.to, np.zeros(1)) + flow}
            return row | ({self.target: after[self.target] - flow} if self.target in after else {})

        return journey, edit_rows_after(with_values(draws, share=np.clip(share, 0.0, 1.0)), self.source, edit)

    def _with_link(self, journey: JourneyMap, draws: Draws) -> tuple[JourneyMap, Draws]:
        def add(links: Links) -> Links:
            like = next((link for link in links if link.target == self.target), None)
            return (*links, Link(self.to, self.part, like.dwell)) if like else links

        journey = edit_touchpoint(journey, self.source, lambda point: edit_links(point, add))
        zero = {name: np.zeros(1) for name in ("share", "link_value", "link_cost")}
        new = NewLink(self.source, self.to, self.to, like=link_id(self.source, self.target), values=zero)
        return journey, relabel(draws, places=draws.places, add=[new])
