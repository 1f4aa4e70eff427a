"""The journey map: structure and stated beliefs. Estimates live in `Draws`, never here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, final

from journeysim.model.dwell import INSTANT, Dwell
from journeysim.model.quantity import Fixed, Quantity
from journeysim.model.satisfaction import Satisfaction
from journeysim.model.seasons import EVEN, Season

MapKind = Literal["current state", "future state", "day in the life", "service blueprint"]
ZERO: Final = Fixed(0.0)

#: How many customers a stated belief counts for, when the map gives a confidence instead of `seen`.
CONFIDENCE: Final[Mapping[str, float]] = {"guess": 8.0, "workshop": 30.0, "interviews": 80.0, "measured": 400.0}


@final
@dataclass(frozen=True, slots=True)
class Reward:
    """A sum per visit or per move: its expected value, and its standard deviation between customers."""

    mean: Quantity = ZERO
    spread: float = 0.0

    @property
    def none(self) -> bool:
        """Whether it is zero for certain."""
        return self.mean == ZERO and self.spread == 0.0


NOTHING: Final = Reward()


@final
@dataclass(frozen=True, slots=True)
class Link:
    """A possible move: where to, with which share, taking how long. `share=None` means "the rest".

    `slot` is the place the link takes in its row when customers' fates are drawn (MODEL section 7): normally the
    target's own name; a link that replaces another keeps the other's slot. `sensitivity` is the shift of the link's log
    weight per unit of satisfaction, `season` how share and dwell go up and down over the year or week.
    """

    target: str
    share: Quantity | None
    dwell: Dwell = INSTANT
    value: Reward = NOTHING
    cost: Reward = NOTHING
    slot: str = ""
    sensitivity: Quantity = ZERO
    season: Season = EVEN

    @property
    def place(self) -> str:
        """The slot: the stated one, or the target's name."""
        return self.slot or self.target


@final
@dataclass(frozen=True, slots=True)
class Row:
    """What may differ by persona or tenure at a touchpoint or outcome: links and rewards. `None` keeps the base's."""

    links: tuple[Link, ...] | None = None
    value: Reward | None = None
    cost: Reward | None = None
    value_per_day: Quantity | None = None
    cost_per_day: Quantity | None = None
    effort: Quantity | None = None
    feeling: Quantity | None = None


@final
@dataclass(frozen=True, slots=True)
class Tenure:
    """A row that holds for customers whose time since entry is below `until` days (the earliest such period wins)."""

    until: float
    row: Row


@final
@dataclass(frozen=True, slots=True)
class Balking:
    """Customers who do not even queue: this share of those who find so many (or more) waiting."""

    share: float
    waiting: int


@final
@dataclass(frozen=True, slots=True)
class Staffing:
    """Who serves a touchpoint: a resource, the time it takes, and what customers do who have to wait.

    `time` None: staff are held as long as the dwell of the link the customer takes. `patience` None: waits without
    limit. `gives_up_to` is the place of those who leave unserved ("" lets `gives_up_to` decide). `priority` counts where
    the resource's queue goes by priority, the larger first. `called_back` is the share of those out of patience who
    leave their number instead: they keep their turn and wait without limit. A day of waiting lowers the visit's feeling
    by `waiting_feels`.
    """

    resource: str
    time: Dwell | None
    patience: Dwell | None = None
    gives_up_to: str = ""
    priority: float = 0.0
    priority_by_persona: tuple[tuple[str, float], ...] = ()
    balks: Balking | None = None
    called_back: float = 0.0
    waiting_feels: float = 0.0


@final
@dataclass(frozen=True, slots=True)
class Touchpoint:
    """A moment of contact, or a backstage step, that a customer can be at.

    `value` and `cost` are booked at each visit, on arrival; `value_per_day` and `cost_per_day` while the customer is
    there. `seen` is how many customers the stated shares rest on. `conversion` marks arriving here as converting.
    """

    name: str
    links: tuple[Link, ...]
    stage: str = ""
    seen: float = CONFIDENCE["guess"]
    basis: str = "guess"
    conversion: bool = False
    value: Reward = NOTHING
    cost: Reward = NOTHING
    value_per_day: Quantity = ZERO
    cost_per_day: Quantity = ZERO
    effort: Quantity = ZERO
    feeling: Quantity = ZERO
    feeling_spread: float = 0.0
    by_persona: tuple[tuple[str, Row], ...] = ()
    by_tenure: tuple[Tenure, ...] = ()
    staffed_by: Staffing | None = None
    channel: str = ""
    owner: str = ""
    goal: str = ""
    action: str = ""
    thought: str = ""
    pain_points: tuple[str, ...] = ()
    opportunities: tuple[str, ...] = ()
    root_causes: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()
    moment_of_truth: bool = False
    magic_moment: bool = False
    backstage: bool = False


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """An end of the journey. `silent` leaves no event; `after_conversion` counts churn among the converted only."""

    name: str
    conversion: bool = False
    churn: bool = False
    after_conversion: bool = False
    silent: bool = False
    value: Reward = NOTHING
    cost: Reward = NOTHING
    by_persona: tuple[tuple[str, Row], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Persona:
    """A named part of the customers, with its share, what the map says about it, and the satisfaction it comes with."""

    name: str
    share: Quantity
    about: str = ""
    mood: Quantity = ZERO


#: Opening or arrival hours of a week: (from, to) in days from Monday 00:00, in order, not touching.
Hours = tuple[tuple[float, float], ...]
ALWAYS: Final[Hours] = ((0.0, 7.0),)
Discipline = Literal["first come", "last come", "priority", "random"]


@final
@dataclass(frozen=True, slots=True)
class Resource:
    """Staff behind touchpoints: how many, when they are there, and how their queue goes.

    `open` is the text of the file and `hours` what it means; `closed` are dates (YYYY-MM-DD) on which nobody is there;
    at most `room` customers can wait, more are turned away.
    """

    name: str
    staff: Quantity
    open: str = ""
    open_days_per_week: float = 7.0
    hours: Hours = ALWAYS
    closed: tuple[str, ...] = ()
    queue: Discipline = "first come"
    room: float = float("inf")


@final
@dataclass(frozen=True, slots=True)
class ArrivalHours:
    """A part of the customers who come at certain hours of the week: the text of the file, what it means, the share."""

    text: str
    hours: Hours
    share: float


@final
@dataclass(frozen=True)
class JourneyMap:
    """Stages, touchpoints, links, personas, outcomes and resources, in the order the file gives them.

    `entry` is (touchpoint, share) pairs for all personas; `entry_by_persona` overrides it; `seen_entry` is how many
    customers the stated entry and persona shares rest on; `arrivals_per_day` is the rate at which customers enter, over
    the week as `arrival_hours` say (empty: evenly).
    """

    name: str
    touchpoints: tuple[Touchpoint, ...]
    outcomes: tuple[Outcome, ...]
    entry: tuple[tuple[str, Quantity], ...]
    personas: tuple[Persona, ...] = (Persona("all customers", Fixed(1.0)),)
    stages: tuple[str, ...] = ()
    entry_by_persona: tuple[tuple[str, tuple[tuple[str, Quantity], ...]], ...] = ()
    seen_entry: float = CONFIDENCE["guess"]
    arrivals_per_day: Quantity | None = None
    arrival_hours: tuple[ArrivalHours, ...] = ()
    resources: tuple[Resource, ...] = ()
    currency: str = "EUR"
    kind: MapKind = "current state"
    about: str = ""
    wished: tuple[str, ...] = field(default=())
    satisfaction: Satisfaction = Satisfaction()

    @cached_property
    def touchpoint_names(self) -> tuple[str, ...]:
        """Names of the touchpoints, in order."""
        return tuple(touchpoint.name for touchpoint in self.touchpoints)

    @cached_property
    def outcome_names(self) -> tuple[str, ...]:
        """Names of the outcomes, in order."""
        return tuple(outcome.name for outcome in self.outcomes)

    @cached_property
    def place_names(self) -> tuple[str, ...]:
        """Touchpoints, then outcomes."""
        return self.touchpoint_names + self.outcome_names

    @cached_property
    def persona_names(self) -> tuple[str, ...]:
        """Names of the personas, in order."""
        return tuple(persona.name for persona in self.personas)

    @cached_property
    def tenure_ends(self) -> tuple[float, ...]:
        """Ends (days since entry) of all tenure periods any touchpoint uses, increasing; the last period is open."""
        ends = {period.until for touchpoint in self.touchpoints for period in touchpoint.by_tenure}
        return (*sorted(ends), float("inf"))

    def touchpoint(self, name: str) -> Touchpoint:
        """Return the touchpoint of that name; KeyError when there is none."""
        return self._touchpoint_by_name[name]

    def outcome(self, name: str) -> Outcome:
        """Return the outcome of that name; KeyError when there is none."""
        return self._outcome_by_name[name]

    @cached_property
    def _touchpoint_by_name(self) -> dict[str, Touchpoint]:
        return {touchpoint.name: touchpoint for touchpoint in self.touchpoints}

    @cached_property
    def _outcome_by_name(self) -> dict[str, Outcome]:
        return {outcome.name: outcome for outcome in self.outcomes}


def gives_up_to(journey: JourneyMap, touchpoint: Touchpoint) -> str | None:
    """Return where customers go who leave a touchpoint's queue unserved; None where the map has no such place.

    The place stated, if the map has it (a proposal may take it away), else by name the first of: a silent outcome the
    touchpoint leads to, an outcome it leads to that is no conversion, a silent outcome of the map, an outcome of the map that
    is no conversion.
    """
    stated = touchpoint.staffed_by.gives_up_to if touchpoint.staffed_by is not None else ""
    if stated in journey.place_names:
        return stated
    reached = {link.target for link in all_links(touchpoint)}
    lost = sorted((end for end in journey.outcomes if not end.conversion), key=lambda end: end.name)
    lost.sort(key=lambda end: (end.name not in reached, not end.silent))
    return lost[0].name if lost else None


def limited_resources(journeys: Iterable[JourneyMap]) -> tuple[str, ...]:
    """Return the names of resources somebody may have to wait for: staffed, and not always there for everybody."""
    found: dict[str, None] = {}
    for journey in journeys:
        used = {point.staffed_by.resource for point in journey.touchpoints if point.staffed_by is not None}
        for item in journey.resources:
            unlimited = item.staff.mean == float("inf") and item.hours == ALWAYS and not item.closed
            if item.name in used and not unlimited:
                found.setdefault(item.name)
    return tuple(found)


def link_id(source: str, target: str) -> str:
    """Return the label of a link everywhere in the product: "source -> target"."""
    return f"{source} -> {target}"


def split_link(label: str) -> tuple[str, str]:
    """Return (source, target) of a link's label."""
    source, _, target = label.partition(" -> ")
    return source, target


def all_links(touchpoint: Touchpoint) -> tuple[Link, ...]:
    """Return every link that leaves a touchpoint for any persona at any tenure; the first statement of a target wins."""
    found: dict[str, Link] = {}
    rows = [row for _, row in touchpoint.by_persona] + [period.row for period in touchpoint.by_tenure]
    for links in (touchpoint.links, *(row.links for row in rows if row.links is not None)):
        for link in links:
            found.setdefault(link.target, link)
    return tuple(found.values())


def links_of(journey: JourneyMap) -> Iterator[tuple[Touchpoint, Link]]:
    """Yield every (touchpoint, link) of the map, in the map's order."""
    for touchpoint in journey.touchpoints:
        for link in all_links(touchpoint):
            yield touchpoint, link
