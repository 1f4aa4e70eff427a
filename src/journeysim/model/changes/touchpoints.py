"""Changes of structure: a touchpoint added on links, or taken away with its inflow accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, final

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
    row_of,
    with_values,
)
from journeysim.model.changes.shares import missing_link
from journeysim.model.draws import TABLE_SIZE, Draws
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Touchpoint, link_id, split_link
from journeysim.model.quantity import Fixed, Floats, Quantity

Inflow = Literal["bypass", "redistribute", "lost"]
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
        return self._rewards(new, sizes)

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


@final
@dataclass(frozen=True, slots=True)
class RemoveTouchpoint(Change):
    """Take a touchpoint away and say what becomes of those who would have come there.

    bypass: they go on along its own links, without the time it took; redistribute: the other links of each source
    take them in proportion; lost: they end in the outcome `lost_to`.
    """

    name: str
    inflow: Inflow
    lost_to: str = ""
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"remove touchpoint: {self.name}"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        return {}

    @property
    def edits(self) -> tuple[str, ...]:
        return (f"remove {self.name}",)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        problems: tuple[Problem, ...] = ()
        if self.name not in journey.touchpoint_names:
            message = f'change has no effect: there is no touchpoint "{self.name}"'
            problems += (Problem("J043", message, path=("remove touchpoint",)),)
        if self.terms.personas:
            message = (
                f'"{self.name}" can only be removed for everybody; for some personas, set the shares that lead to it'
            )
            problems += (Problem("J048", message, path=("personas",)),)
        if self.inflow == "lost" and self.lost_to not in journey.outcome_names:
            message = f'say where the inflow of "{self.name}" is lost to: "lost to:" one of {", ".join(journey.outcome_names)}'
            problems += (Problem("J049", message, path=("lost to",)),)
        return problems

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:  # noqa: ARG002 - no sizes
        share, entry = draws.values("share").copy(), draws.values("entry").copy()
        sources = [
            label for label in draws.links if split_link(label)[1] == self.name and split_link(label)[0] != self.name
        ]
        onward = self._onward(draws, share)
        extra: dict[Label, tuple[str, Floats]] = {}
        for label in sources:
            source, _ = split_link(label)
            self._redirect(draws, share, label, self._targets(draws, share, source, onward), extra)
        self._redirect_entry(draws, entry, onward)
        add = [NewLink(*key, key[1], like=like, values={"share": size}) for key, (like, size) in extra.items()]
        drop = [label for label in draws.links if self.name in split_link(label)]
        places = tuple(place for place in draws.places if place != self.name)
        draws = relabel(with_values(draws, share=share, entry=entry), places=places, drop_links=drop, add=add)
        return self._map(journey, tuple(extra)), draws

    def _onward(self, draws: Draws, share: Floats) -> dict[str, Floats]:
        """Return the touchpoint's own shares (draw, persona, period) by target, returns to itself left out."""
        row = row_of(draws, self.name)
        targets = [split_link(draws.links[k])[1] for k in row]
        away = {target: share[..., k] for k, target in zip(row, targets, strict=True) if target != self.name}
        total = sum(away.values(), np.zeros(share.shape[:-1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            return {target: np.where(total > 0, part / total, 0.0) for target, part in away.items()}

    def _targets(self, draws: Draws, share: Floats, source: str, onward: dict[str, Floats]) -> dict[str, Floats]:
        """Return where the inflow from `source` goes, as shares that add up to 1."""
        if self.inflow == "bypass":
            return onward
        if self.inflow == "lost":
            return {self.lost_to: np.ones(share.shape[:-1])}
        others = [k for k in row_of(draws, source) if split_link(draws.links[k])[1] != self.name]
        total = share[..., others].sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {split_link(draws.links[k])[1]: np.where(total > 0, share[..., k] / total, 0.0) for k in others}

    def _redirect(
        self,
        draws: Draws,
        share: Floats,
        label: str,
        targets: dict[str, Floats],
        extra: dict[Label, tuple[str, Floats]],
    ) -> None:
        """Move the share of one link into the touchpoint to where it goes now; links that do not exist yet land in `extra`."""
        source, _ = split_link(label)
        flow = share[..., draws.links.index(label)]
        rows = flow > 0
        placed = sum(targets.values(), np.zeros(flow.shape))
        check_shares(
            f"{self.title} ({self.inflow}): nothing else leads on from {source}",
            np.where(rows & (placed < 0.5), 2.0, 0.5),
        )
        for target, part in targets.items():
            key = link_id(source, target)
            if key in draws.links:
                share[..., draws.links.index(key)] += flow * part
            else:
                extra[source, target] = (label, flow * part)

    def _redirect_entry(self, draws: Draws, entry: Floats, onward: dict[str, Floats]) -> None:
        at = draws.places.index(self.name)
        mass = entry[..., at].copy()
        entry[..., at] = 0.0
        if self.inflow == "lost":
            entry[..., draws.places.index(self.lost_to)] += mass
        elif self.inflow == "bypass":
            for target, part in onward.items():
                entry[..., draws.places.index(target)] += mass * part[..., 0]
        elif (mass > 0).any():
            left = entry.sum(axis=-1, keepdims=True)
            check_shares(f"{self.title}: everybody enters there", np.where(left <= 0, 2.0, 0.5))
            entry /= left

    def _map(self, journey: JourneyMap, extra: tuple[Label, ...]) -> JourneyMap:
        def cut(links: Links, source: str) -> Links:
            into = next((link for link in links if link.target == self.name), None)
            kept = tuple(link for link in links if link.target != self.name)
            if into is None:
                return kept
            known = {link.target for link in kept}
            new = tuple(
                Link(target, into.share, into.dwell) for of, target in extra if of == source and target not in known
            )
            return kept + new

        left = [item for item in journey.touchpoints if item.name != self.name]
        touchpoints = tuple(edit_links(item, partial(cut, source=item.name)) for item in left)
        entry = tuple((place, size) for place, size in journey.entry if place != self.name)
        by_persona = tuple(
            (persona, tuple((place, size) for place, size in sizes if place != self.name))
            for persona, sizes in journey.entry_by_persona
        )
        return replace(journey, touchpoints=touchpoints, entry=entry, entry_by_persona=by_persona)
