"""Changes of structure: a touchpoint added on links, or taken away with its inflow accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

import numpy as np

from journeysim.errors import Problem
from journeysim.model import dwell as dwells
from journeysim.model.changes.base import Change, Sizes, Terms, per_draw, persona_mask
from journeysim.model.changes.editing import (
    Links,
    NewLink,
    check_shares,
    edit_links,
    edit_touchpoint,
    position,
    relabel,
    with_values,
)
from journeysim.model.changes.memory import RowsAfter, rows_after, with_rows_after
from journeysim.model.changes.shares import missing_link
from journeysim.model.draws import TABLE_SIZE, Draws
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.journey import ZERO, JourneyMap, Link, Touchpoint, link_id
from journeysim.model.quantity import Fixed, Floats, Quantity

Label = tuple[str, str]
_PLACE_REWARDS: Final = {
    "visit_value": "value", "visit_cost": "cost", "effort": "effort", "feeling": "feeling",
    "value_per_day": "value per day", "cost_per_day": "cost per day",
}  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class AddTouchpoint(Change):
    """Put a new touchpoint on links, diverting part of their flow (all of it by default).

    A diverted customer reaches the new touchpoint when they would have reached the old target, stays there for
    `dwell`, and goes on to the old target, unless the touchpoint states links of its own. Where several links of one
    touchpoint are diverted, the move takes the dwell of the first.
    """

    touchpoint: Touchpoint
    on: tuple[Label, ...]
    divert: Quantity = Fixed(1.0)
    dwell: Dwell = INSTANT
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"add touchpoint: {self.touchpoint.name}"

    @property
    def links(self) -> Links:
        """Links that leave the new touchpoint."""
        return self.touchpoint.links or (Link(self.on[0][1], Fixed(1.0), self.dwell),)

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        point = self.touchpoint
        rewards = (
            point.value.mean,
            point.cost.mean,
            point.effort,
            point.feeling,
            point.value_per_day,
            point.cost_per_day,
        )
        found = {"divert": self.divert} | dict(zip(_PLACE_REWARDS.values(), rewards, strict=True))
        for link in self.links:
            found |= {f"dwell to {link.target}": link.dwell.scale, f"dwell shape to {link.target}": link.dwell.shape}
            found |= {f"sensitivity to {link.target}": link.sensitivity} if link.sensitivity != ZERO else {}
            if link.share is not None:
                found[f"share to {link.target}"] = link.share
        return found

    @property
    def edits(self) -> tuple[str, ...]:
        return (f"add {self.touchpoint.name}", *(link_id(*label) for label in self.on))

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        problems: tuple[Problem, ...] = ()
        name = self.touchpoint.name
        if name in journey.place_names:
            problems += (
                Problem(
                    "J046",
                    f'the map already has "{name}"; give the new touchpoint another name',
                    path=("add touchpoint",),
                ),
            )
        for source, target in self.on:
            problems += missing_link(journey, source, target, "on")
        if not self.touchpoint.links and len({target for _, target in self.on}) > 1:
            message = f'the links "{name}" stands on lead to different touchpoints; say with "next:" where customers go from it'
            problems += (Problem("J047", message, path=("on",)),)
        unknown = [link.target for link in self.touchpoint.links if link.target not in (*journey.place_names, name)]
        return problems + tuple(
            Problem("J043", f'"{name}" leads to "{target}", which is not on the map', path=("next", target))
            for target in unknown
        )

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        whole = self.divert == Fixed(1.0) and not self.terms.personas
        point = replace(self.touchpoint, links=self.links)
        changed = self._map(journey, point, whole=whole)
        return changed, self._draws(changed, draws, sizes, whole=whole)

    def _map(self, journey: JourneyMap, point: Touchpoint, *, whole: bool) -> JourneyMap:
        for source, target in self.on:
            journey = edit_touchpoint(journey, source, partial(self._rows, target=target, whole=whole))
        after = 1 + max(journey.touchpoint_names.index(source) for source, _ in self.on)
        touchpoints = (*journey.touchpoints[:after], point, *journey.touchpoints[after:])
        return replace(journey, touchpoints=touchpoints)

    def _rows(self, point: Touchpoint, *, target: str, whole: bool) -> Touchpoint:
        return edit_links(point, partial(self._row, target=target, whole=whole))

    def _row(self, links: Links, *, target: str, whole: bool) -> Links:
        name, changed = self.touchpoint.name, []
        known = any(link.target == name for link in links)
        for link in links:
            if link.target == target and not known:
                changed.append(replace(link, target=name, slot=link.place if whole else name))
            if link.target != target or not whole:
                changed.append(link)
        return tuple(changed)

    def _draws(self, journey: JourneyMap, draws: Draws, sizes: Sizes, *, whole: bool) -> Draws:
        name, personas = self.touchpoint.name, persona_mask(draws, self.terms.personas)
        part = per_draw(sizes["divert"])[..., 0] * personas[:, None]
        share = draws.values("share").copy()
        diverted: dict[str, NewLink] = {}
        drop = []
        for source, target in self.on:
            at, label = position(draws, source, target), link_id(source, target)
            flow = share[..., at] * part
            if source in diverted:
                flow = flow + diverted[source].values["share"]
            slot = str(draws.data["slot"].values[at]) if whole else name
            like, slot = (diverted[source].like, diverted[source].slot) if source in diverted else (label, slot)
            diverted[source] = NewLink(source, name, slot, like=like, values={"share": flow})
            share[..., at] = share[..., at] * (1.0 - part)
            check_shares(self.title, share[..., at])
            drop += [label] if whole else []
        add = list(diverted.values())
        add += self._own_links(draws, sizes)
        new = relabel(with_values(draws, share=share), places=journey.place_names, drop_links=drop, add=add)
        for source in diverted:
            new = with_rows_after(new, source, self._rows_after(draws, source, part[..., 0], whole=whole))
        return self._sensitivities(self._rewards(new, sizes), sizes)

    def _sensitivities(self, draws: Draws, sizes: Sizes) -> Draws:
        """Write how the new touchpoint's links answer to satisfaction, where it says so."""
        stated = {link.target: f"sensitivity to {link.target}" for link in self.links}
        asked = {target: sizes[name] for target, name in stated.items() if name in sizes}
        if not asked:
            return draws
        none = np.full((draws.count, len(draws.links)), np.nan)
        values = draws.values("sensitivity").copy() if "sensitivity" in draws.data else none
        for target, size in asked.items():
            values[:, position(draws, self.touchpoint.name, target)] = size
        return draws.with_data(draws.data.assign(sensitivity=(("draw", "link"), values)))

    def _rows_after(self, draws: Draws, source: str, part: Floats, *, whole: bool) -> RowsAfter:
        """Return the source's rows by the place before with the same part of the same links diverted."""
        targets, rows = {target for of, target in self.on if of == source}, rows_after(draws, source)
        for before, row in rows.items():
            flow = sum((share * part for target, share in row.items() if target in targets), np.zeros(part.shape))
            stays = {target: share * (1.0 - part) if target in targets else share for target, share in row.items()}
            kept = {target: share for target, share in stays.items() if not (whole and target in targets)}
            rows[before] = kept | {self.touchpoint.name: flow}
        return rows

    def _own_links(self, draws: Draws, sizes: Sizes) -> list[NewLink]:
        """Return the links that leave the new touchpoint, the rest resolved and the row normalised."""
        stated = {link.target: sizes[f"share to {link.target}"] for link in self.links if link.share is not None}
        left = 1.0 - sum(stated.values(), np.zeros(draws.count))
        shares = {link.target: stated.get(link.target, left) for link in self.links}
        check_shares(self.title, np.stack(list(shares.values()), axis=-1).round(12))
        total = sum(shares.values(), np.zeros(draws.count))
        return [self._own_link(link, shares[link.target] / total, sizes) for link in self.links]

    def _own_link(self, link: Link, share: Floats, sizes: Sizes) -> NewLink:
        values = {
            "share": per_draw(share)[..., 0],
            "dwell_a": per_draw(sizes[f"dwell to {link.target}"])[..., 0],
            "dwell_b": per_draw(sizes[f"dwell shape to {link.target}"])[..., 0],
            "link_value": np.full((1, 1, 1), link.value.mean.mean),
            "link_cost": np.full((1, 1, 1), link.cost.mean.mean),
        }
        table = None
        if link.dwell.family is Family.EMPIRICAL:
            table = dwells.quantile_table(link.dwell, TABLE_SIZE)
        return NewLink(
            self.touchpoint.name, link.target, link.place, family=int(link.dwell.family), table=table, values=values
        )

    def _rewards(self, draws: Draws, sizes: Sizes) -> Draws:
        at, changed = draws.places.index(self.touchpoint.name), {}
        for field, setting in _PLACE_REWARDS.items():
            changed[field] = draws.values(field).copy()
            changed[field][..., at] = per_draw(sizes[setting])[..., 0]
        changed["visit_value_sd"] = draws.values("visit_value_sd").copy()
        changed["visit_value_sd"][..., at] = self.touchpoint.value.spread
        return with_values(draws, **changed)
