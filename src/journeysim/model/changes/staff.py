"""Change of staff: how many there are, when, and how long they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.changes.base import Change, Sizes, Terms
from journeysim.model.draws import Draws, names_on
from journeysim.model.journey import Hours, JourneyMap, Resource
from journeysim.model.quantity import Fixed, Floats, Quantity


@final
@dataclass(frozen=True, slots=True)
class ChangeStaff(Change):
    """Set how many of a resource there are or when they are there, or scale the service times of all it serves.

    Staff are there for everybody, so the change reaches everybody.
    """

    resource: str
    staff: Quantity | None = None
    open: str = ""
    hours: Hours = ()
    factor: Quantity | None = None
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"change staff: {self.resource}"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        sizes = {"staff": self.staff, "time x": self.factor}
        return {name: size for name, size in sizes.items() if size is not None}

    @property
    def edits(self) -> tuple[str, ...]:
        parts = ("staff", *(("open",) if self.hours else ()), "time x")
        return tuple(f"{self.resource} {part}" for part in parts if part == "open" or part in self.quantities)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        known = [item.name for item in journey.resources]
        path = ("change staff",)
        if self.resource not in known:
            cure = f"the map has {', '.join(known)}" if known else "the map has none"
            message = f'change has no effect: no resource "{self.resource}"; {cure}'
            return (Problem("J043", message, path=path),)
        if not self.edits:
            message = 'change has no effect: say what is new with "staff", "open" or "time x"'
            return (Problem("J043", message, path=path),)
        if self.terms.personas or self.terms.reach != Fixed(1.0):
            message = "staff are there for everybody: leave out whom the change is for"
            return (Problem("J059", message, path=path),)
        return ()

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        if self.hours:
            journey = replace(journey, resources=tuple(self._opened(item) for item in journey.resources))
        if "staff" in sizes:
            draws = _with_resource(draws, journey, "staff", self.resource, sizes["staff"])
        if "time x" in sizes:
            before = draws.of_resource("service_factor", self.resource)
            factor = sizes["time x"] if before is None else before * sizes["time x"]
            draws = _with_resource(draws, journey, "service_factor", self.resource, factor)
        return journey, draws

    def _opened(self, item: Resource) -> Resource:
        if item.name != self.resource:
            return item
        days = sum(end - start for start, end in self.hours)
        return replace(item, open=self.open, hours=self.hours, open_days_per_week=days)


def _with_resource(draws: Draws, journey: JourneyMap, name: str, resource: str, values: Floats) -> Draws:
    """Return the draws with a resource's variable set; other resources keep what they had, or NaN."""
    resources = tuple(item.name for item in journey.resources)
    table = np.full((draws.count, len(resources)), np.nan)
    if name in draws.data:
        old = names_on(draws.data, "resource")
        for k, known in enumerate(resources):
            if known in old:
                table[:, k] = draws.data[name].values[:, old.index(known)]
    table[:, resources.index(resource)] = values
    data = draws.data.assign_coords(resource=list(resources))
    return draws.with_data(data.assign({name: (("draw", "resource"), table)}))
