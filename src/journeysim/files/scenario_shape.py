"""The shape of scenario files, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Final, final

from pydantic import Field, PlainValidator, model_validator

from journeysim.files.changes_shape import AnyChangeFile, ChangeFile, read_change
from journeysim.files.events import ROLES
from journeysim.files.file_model import FileModel, Raw, required_in_editors
from journeysim.files.log_shape_file import ShapeFile
from journeysim.files.numbers import SHARE, UnreadableError
from journeysim.files.shapes import (
    AtLeastOne,
    Day,
    Duration,
    Flag,
    Moment,
    Number,
    Reading,
    Sum,
    SumPerTime,
    Text,
    Texts,
    WholeNumber,
    YearlyRate,
    one_of,
    reads,
    required_text,
)
from journeysim.model.log_settings import EPOCHS, Decimal, Epoch
from journeysim.model.scenario import DEFAULT_REALISM

_PAIR: Final = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}


@final
class InvestFile(FileModel):
    """An investment."""

    upfront: Sum | None = None
    running: SumPerTime | None = None
    by_month: dict[str, Sum] = Field(default_factory=dict)


def _realism(raw: Raw, _: Reading) -> tuple[float, ...]:
    values = tuple(SHARE.read(required_text(item)) for item in (raw if isinstance(raw, list) else [raw]))
    if not values or not all(0 < value <= 1 for value in values):
        raise UnreadableError("J070", "realism lies above 0 % and at most at 100 %, for example [25%, 50%, 100%]")
    return values


def _pair(raw: Raw, _: Reading) -> tuple[str, ...]:
    names = tuple(required_text(item) for item in (raw if isinstance(raw, list) else [raw]))
    if len(names) != 2 or names[0] == names[1]:
        raise UnreadableError("J102", 'two way takes two different numbers, for example ["odds x", "invest upfront"]')
    return names


@final
class ProposalFile(FileModel):
    """A proposal."""

    about: Text = ""
    changes: list[Annotated[ChangeFile, PlainValidator(read_change, json_schema_input_type=AnyChangeFile)]] = Field(
        default_factory=list
    )
    realism: Annotated[tuple[float, ...], *reads(_realism, {"type": "array"})] = DEFAULT_REALISM
    invest: InvestFile | None = None
    effort: Number | None = None

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, raw: Raw) -> Raw:
        return {} if raw is None else raw


@final
class RatesFile(FileModel):
    """A pair of discount rates."""

    value: YearlyRate = 0.0
    cost: YearlyRate = 0.0


@final
class TestingFile(FileModel):
    """What a test costs."""

    setup: Sum | None = None
    per_customer: Sum | None = None


@final
class MoneyFile(FileModel):
    """Money."""

    discount_rate: RatesFile | None = None
    value_horizon: Duration | None = None
    testing: TestingFile | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_rate(cls, raw: Raw) -> Raw:
        if isinstance(raw, dict) and isinstance(raw.get("discount rate"), str):
            return raw | {"discount rate": {"value": raw["discount rate"], "cost": raw["discount rate"]}}
        return raw


@final
class LimitsFile(FileModel):
    """What all chosen proposals together may take."""

    budget: Sum | None = None
    effort: Number | None = None


@final
class ScenarioFile(FileModel):
    """A scenario file."""

    model_config = required_in_editors("journeysim", "journey")
    journeysim: Text = ""
    question: Text = ""
    journey: Text = ""
    calibration: Text | None = None
    events: Text | None = None
    backtest: Text | None = None
    columns: dict[str, Text] = Field(default_factory=dict, json_schema_extra={"propertyNames": {"enum": list(ROLES)}})
    zone: Text = "UTC"
    time_format: Text = ""
    epoch: Annotated[Epoch | None, *one_of(*EPOCHS, what="epoch")] = None
    decimal: Annotated[Decimal, *one_of(".", ",", what="decimal")] = "."
    reactivation: Flag = False
    cut_off: Moment | None = None
    shape: ShapeFile | None = None
    horizon: Duration | None = None
    first_day: Day | None = None
    customers: AtLeastOne | None = None
    draws: AtLeastOne | None = None
    proposals: dict[str, ProposalFile] = Field(default_factory=dict)
    money: MoneyFile | None = None
    limits: LimitsFile | None = None
    succeed_if: Texts = ()
    two_way: Annotated[tuple[str, ...], *reads(_pair, _PAIR)] = ()
    seed: WholeNumber = 0
