"""The shape of journey files, as pydantic models.

The first line of each docstring is how problems call that group of settings ("no setting "x" for a touchpoint").
"""

from __future__ import annotations

from typing import Annotated, Final, final, get_args

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from journeysim.files.file_model import FileModel, Raw, refuse, required_in_editors, short_form
from journeysim.files.numbers import REAL
from journeysim.files.shapes import (
    Arrivals,
    Balks,
    CertainShare,
    Confidence,
    Cuts,
    Days,
    Duration,
    Effort,
    Feeling,
    Flag,
    Number,
    Open,
    Part,
    Patience,
    PerTime,
    RealNumber,
    RewardSum,
    SeasonParts,
    ServiceTime,
    ShareOrRest,
    Staff,
    SumPerTime,
    Text,
    Texts,
    Time,
    WholeNumber,
    one_of,
    reads,
    required_text,
)
from journeysim.model.journey import Discipline, MapKind

Priority = Annotated[
    tuple[tuple[str, float], ...],
    *reads(
        lambda raw, _: _priority(raw),
        {"anyOf": [{"type": ["number", "string"]}, {"type": "object", "additionalProperties": {"type": "number"}}]},
    ),
]
#: Whose priority it is where all personas share one.
ALL: Final = ""


def _priority(raw: Raw) -> tuple[tuple[str, float], ...]:
    """Return priorities by persona, or one for all; the larger is served first."""
    if isinstance(raw, dict):
        return tuple((str(name), REAL.read(required_text(value))) for name, value in raw.items())
    return ((ALL, REAL.read(required_text(raw))),)


@final
class PersonaFile(FileModel):
    """A persona."""

    model_config = short_form("share")
    share: ShareOrRest = None
    about: Text = ""
    mood: RealNumber | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Raw) -> Raw:
        return {"share": raw} if isinstance(raw, str) else raw


@final
class SeasonFile(FileModel):
    """A season."""

    odds_x: SeasonParts = ()
    dwell_x: SeasonParts = ()


@final
class LinkFile(FileModel):
    """A link."""

    model_config = short_form("share")
    share: ShareOrRest = None
    dwell: Time | None = None
    value: RewardSum | None = None
    cost: RewardSum | None = None
    sensitivity: RealNumber | None = None
    season: SeasonFile | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Raw) -> Raw:
        raw = {"share": raw} if isinstance(raw, str) else raw
        if raw is None or (isinstance(raw, dict) and "share" not in raw):
            refuse("J013", 'how many go there? give a share, for example "share: 60%", or "rest"')
        return raw


Links = dict[str, LinkFile]


class RowSettings(FileModel):
    """Abstract: what may differ by persona or tenure."""

    next: Links | None = None
    value: RewardSum | None = None
    cost: RewardSum | None = None
    fee: SumPerTime | None = None
    upkeep: SumPerTime | None = None
    effort: Effort | None = None
    feeling: Feeling | None = None


@final
class RowFile(RowSettings):
    """A persona at a touchpoint."""


@final
class TenureFile(RowSettings):
    """A tenure period."""

    model_config = required_in_editors("until")
    until: Duration | None = None


@final
class StaffingFile(FileModel):
    """Staffed by."""

    model_config = required_in_editors("resource", "time")
    resource: Text | None = None
    time: ServiceTime = None
    patience: Patience = None
    gives_up_to: Text = ""
    priority: Priority = ()
    balks: Balks = None
    called_back: CertainShare = 0.0
    waiting_feels: PerTime = 0.0


class TouchpointSettings(RowSettings):
    """Abstract: everything a touchpoint says about itself, but for personas and tenure."""

    stage: Text = ""
    channel: Text = ""
    owner: Text = ""
    goal: Text = ""
    action: Text = ""
    thought: Text = ""
    pain_points: Texts = ()
    opportunities: Texts = ()
    root_causes: Texts = ()
    solutions: Texts = ()
    moment_of_truth: Flag = False
    magic_moment: Flag = False
    backstage: Flag = False
    conversion: Flag = False
    staffed_by: StaffingFile | None = None
    seen: Number | None = None
    confidence: Confidence | None = None


@final
class TouchpointFile(TouchpointSettings):
    """A touchpoint."""

    model_config = required_in_editors("next")
    personas: dict[str, RowFile] = Field(default_factory=dict)
    tenure: list[TenureFile] = Field(default_factory=list)


@final
class OutcomeRowFile(FileModel):
    """A persona at an outcome."""

    value: RewardSum | None = None
    cost: RewardSum | None = None
    next: SkipJsonSchema[Raw] = None


@final
class OutcomeFile(FileModel):
    """An outcome."""

    conversion: Flag = False
    churn: Flag = False
    after: Annotated[str, *one_of("conversion", what="condition")] | None = None
    silent: Flag = False
    value: RewardSum | None = None
    cost: RewardSum | None = None
    personas: dict[str, OutcomeRowFile] = Field(default_factory=dict)
    next: SkipJsonSchema[Raw] = None
    win_back: SkipJsonSchema[Raw] = Field(default=None, alias="win-back")

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, raw: Raw) -> Raw:
        return {} if raw is None else raw


@final
class ResourceFile(FileModel):
    """A resource."""

    model_config = required_in_editors("staff")
    staff: Staff | None = None
    open: Open | None = None
    closed: Days = ()
    queue: Annotated[Discipline, *one_of(*get_args(Discipline), what="queue")] = "first come"
    room: WholeNumber | None = None


@final
class SatisfactionFile(FileModel):
    """Satisfaction."""

    weight: Part | None = None
    weight_at_moments_of_truth: Part | None = None
    csat: Cuts | None = None
    nps: Cuts | None = None


@final
class JourneyFile(FileModel):
    """A journey file."""

    model_config = required_in_editors("journeysim", "journey", "touchpoints", "outcomes", "enter")
    journeysim: Text = ""
    journey: Text = ""
    kind: Annotated[MapKind, *one_of(*get_args(MapKind), what="kind of map")] = "current state"
    about: Text = ""
    currency: Text = ""
    personas: dict[str, PersonaFile] = Field(default_factory=dict)
    stages: Texts = ()
    touchpoints: dict[str, TouchpointFile] = Field(default_factory=dict)
    outcomes: dict[str, OutcomeFile] = Field(default_factory=dict)
    resources: dict[str, ResourceFile] = Field(default_factory=dict)
    enter: dict[str, ShareOrRest] = Field(default_factory=dict)
    enter_by_persona: dict[str, dict[str, ShareOrRest]] = Field(default_factory=dict)
    enter_seen: Number | None = None
    arrivals: Arrivals | None = None
    arrive: dict[str, CertainShare] = Field(default_factory=dict)
    satisfaction: SatisfactionFile | None = None
    touchpoints_wished_for: Texts = ()
