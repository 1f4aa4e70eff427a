"""The shape of changes in scenario files, as pydantic models: one per change, found by the setting that names it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, final

from pydantic import Field, ValidationInfo, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from journeysim.files.did_you_mean import closest, did_you_mean
from journeysim.files.file_model import FileModel, JsonSchema, Raw, Skipped, refuse, required_in_editors
from journeysim.files.journey_shape import TouchpointSettings
from journeysim.files.quantities import counts_of
from journeysim.files.shapes import (
    Arrivals,
    Duration,
    Factor,
    LinkName,
    LinkNames,
    Open,
    PartOfCustomers,
    Points,
    RealNumber,
    Share,
    Staff,
    Start,
    Sum,
    Text,
    Texts,
    Time,
    one_of,
    reads,
    required_text,
)
from journeysim.model.quantity import Counts

BASES: Final = ("measured", "analogue", "expert", "guess")


@final
class TestFile(FileModel):
    """A test."""

    __test__: ClassVar[bool] = False
    model_config = required_in_editors("control", "treated")
    control: Annotated[Counts, *reads(lambda raw, _: counts_of(required_text(raw)), {"type": "string"})] | None = None
    treated: Annotated[Counts, *reads(lambda raw, _: counts_of(required_text(raw)), {"type": "string"})] | None = None


@final
class BasisFile(FileModel):
    """A basis."""

    word: SkipJsonSchema[Annotated[str, *one_of(*BASES, "test", what="basis")]] = "guess"
    test: TestFile | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Raw) -> Raw:
        if raw == "test":
            refuse("J056", "a test shows its counts: {test: {control: 41 of 510, treated: 58 of 498}}")
        return {"word": raw} if isinstance(raw, str) else raw


BASIS_SCHEMA: JsonSchema = {
    "anyOf": [
        {"enum": list(BASES)},
        {
            "type": "object",
            "required": ["test"],
            "additionalProperties": False,
            "properties": {
                "test": {
                    "type": "object",
                    "required": ["control", "treated"],
                    "additionalProperties": False,
                    "properties": {"control": {"type": "string"}, "treated": {"type": "string"}},
                }
            },
        },
    ]
}


class ChangeFile(FileModel):
    """Abstract: what every change says about whom it reaches, when, and what it rests on."""

    personas: Texts = ()
    for_: PartOfCustomers | None = None
    starts: Start = 0.0
    ramp: Duration = 0.0
    decay: Duration | None = None
    basis: Annotated[BasisFile, WithJsonSchema(BASIS_SCHEMA)] | None = None

    @classmethod
    def title_in_file(cls) -> str:
        """Return the setting that names this change."""
        return next((f'"{verb}"' for verb, model in CHANGES.items() if model is cls), "a change")


@final
class AddTouchpointFile(ChangeFile, TouchpointSettings):
    """What "add touchpoint" says."""

    model_config = required_in_editors("add touchpoint", "on")
    add_touchpoint: Text
    on: LinkNames = ()
    divert: Share | None = None
    dwell: Time | None = None


@final
class RemoveTouchpointFile(ChangeFile):
    """What "remove touchpoint" says."""

    model_config = required_in_editors("remove touchpoint", "inflow")
    remove_touchpoint: Text
    inflow: Annotated[str, *one_of("bypass", "redistribute", "lost", what="inflow")] | None = None
    lost_to: Text = ""


@final
class ChangeShareFile(ChangeFile):
    """What "change share" says."""

    model_config = required_in_editors("change share")
    change_share: LinkName
    odds_x: Factor | None = None
    relative_x: Factor | None = None
    points: Points | None = None
    set_to: Share | None = None
    paid_by: LinkName | None = None


@final
class RerouteFile(ChangeFile):
    """What "reroute" says."""

    model_config = required_in_editors("reroute", "to", "part")
    reroute: LinkName
    to: Text = ""
    part: Share | None = None


@final
class ChangeDwellFile(ChangeFile):
    """What "change dwell" says."""

    model_config = required_in_editors("change dwell", "times")
    change_dwell: Text
    times: Factor | None = None


class RewardChange(ChangeFile):
    """Abstract: a change of a sum, of effort or of feeling."""

    times: Factor | None = None


class ElasticChange(RewardChange):
    """Abstract: a change of a sum that customers may answer to."""

    elasticity: RealNumber | None = None
    elasticity_on: LinkName | None = None


@final
class ChangeValueFile(ElasticChange):
    """What "change value" says."""

    change_value: Text
    set_to: Sum | None = None
    plus: Sum | None = None


@final
class ChangeCostFile(RewardChange):
    """What "change cost" says."""

    change_cost: Text
    set_to: Sum | None = None
    plus: Sum | None = None


@final
class ChangePriceFile(ElasticChange):
    """What "change price" says."""

    change_price: Text
    set_to: Sum | None = None
    plus: Sum | None = None


@final
class ChangeEffortFile(RewardChange):
    """What "change effort" says."""

    change_effort: Text
    set_to: RealNumber | None = None
    plus: RealNumber | None = None


@final
class ChangeFeelingFile(RewardChange):
    """What "change feeling" says."""

    change_feeling: Text
    set_to: RealNumber | None = None
    plus: RealNumber | None = None


@final
class AudienceSettings(FileModel):
    """The audience."""

    personas: dict[str, Share] = Field(default_factory=dict)
    enter: dict[str, Share] = Field(default_factory=dict)
    arrivals: Arrivals | None = None


@final
class AudienceFile(ChangeFile):
    """What "audience" says."""

    audience: AudienceSettings


@final
class ChangeStaffFile(ChangeFile):
    """What "change staff" says."""

    model_config = required_in_editors("change staff")
    change_staff: Text
    staff: Staff | None = None
    open: Open | None = None
    time_x: Factor | None = None


CHANGES: dict[str, type[ChangeFile]] = {
    "add touchpoint": AddTouchpointFile,
    "remove touchpoint": RemoveTouchpointFile,
    "change share": ChangeShareFile,
    "reroute": RerouteFile,
    "change dwell": ChangeDwellFile,
    "change value": ChangeValueFile,
    "change cost": ChangeCostFile,
    "change price": ChangePriceFile,
    "change effort": ChangeEffortFile,
    "change feeling": ChangeFeelingFile,
    "change staff": ChangeStaffFile,
    "audience": AudienceFile,
}
AnyChangeFile = (
    AddTouchpointFile
    | RemoveTouchpointFile
    | ChangeShareFile
    | RerouteFile
    | ChangeDwellFile
    | ChangeValueFile
    | ChangeCostFile
    | ChangePriceFile
    | ChangeEffortFile
    | ChangeFeelingFile
    | ChangeStaffFile
    | AudienceFile
)


def read_change(raw: Raw, info: ValidationInfo) -> ChangeFile:
    """Return a change by the one setting that names it."""
    if isinstance(raw, Skipped):
        return ChangeFile.model_construct()
    if not isinstance(raw, dict):
        refuse(
            "J058",
            f'a change starts with what it does, for example "change share: cart -> paid"; it does not say so: "{raw}"',
        )
    named = [verb for verb in CHANGES if verb in raw]
    if not named:
        near = next((verb for key in raw if (verb := closest(str(key), CHANGES)) is not None), None)
        meant = f'; did you mean "{near}"?' if near else did_you_mean("", CHANGES)
        refuse("J058", f'no change is called "{next(iter(raw), "")}"{meant}')
    if len(named) > 1:
        refuse("J058", f'one change does one thing: "{named[0]}" and "{named[1]}" are two; start each with a dash')
    return CHANGES[named[0]].model_validate(raw, context=info.context)
