"""Take a touchpoint away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.changes.base import Change, Sizes, Terms
from journeysim.model.changes.editing import Links, NewLink, check_shares, edit_links, relabel, row_of, with_values
from journeysim.model.changes.memory import RowsAfter, rows_after, with_rows_after
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, Link, link_id, split_link
from journeysim.model.quantity import Floats, Quantity

Inflow = Literal["bypass", "redistribute", "lost"]
Label = tuple[str, str]


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
        new = relabel(with_values(draws, share=share, entry=entry), places=places, drop_links=drop, add=add)
        for source in dict.fromkeys(split_link(label)[0] for label in sources):
            new = with_rows_after(new, source, self._rows_after(draws, source, onward))
        return self._map(journey, tuple(extra)), new

    def _rows_after(self, draws: Draws, source: str, onward: dict[str, Floats]) -> RowsAfter:
        """Return the source's rows by the place before with the touchpoint's part gone where its inflow goes."""
        rows = {before: row for before, row in rows_after(draws, source).items() if before != self.name}
        for before, row in rows.items():
            flow = row.get(self.name, np.zeros(1))
            others = {target: share for target, share in row.items() if target != self.name}
            rows[before] = self._bypassed(others, flow, self._onward_after(draws, source, onward))
        return rows

    def _onward_after(self, draws: Draws, source: str, onward: dict[str, Floats]) -> dict[str, Floats]:
        """Return the touchpoint's own shares (draw, persona) for those who come from `source`."""
        own = rows_after(draws, self.name).get(source, {target: share[..., -1] for target, share in onward.items()})
        away = {target: share for target, share in own.items() if target != self.name}
        total = np.maximum(sum(away.values(), np.zeros(1)), np.finfo(float).tiny)
        return {target: share / total for target, share in away.items()}

    def _bypassed(self, row: dict[str, Floats], flow: Floats, onward: dict[str, Floats]) -> dict[str, Floats]:
        if self.inflow == "redistribute":
            total = np.maximum(sum(row.values(), np.zeros(1)), np.finfo(float).tiny)
            return {target: share * (1.0 + flow / total) for target, share in row.items()}
        goes = {self.lost_to: np.ones(1)} if self.inflow == "lost" else onward
        return row | {target: row.get(target, np.zeros(1)) + flow * part for target, part in goes.items()}

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
