"""How one setting of a file is read: a type of field for each way of writing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from journeysim.files.dwells import dwell
from journeysim.files.file_model import JsonSchema, custom
from journeysim.files.numbers import (
    ARRIVALS,
    DURATION,
    FACTOR,
    PER_TIME,
    PLAIN,
    POINTS,
    REAL,
    SHARE,
    YEARLY_RATE,
    CurrencyBook,
    Unit,
    UnreadableError,
    money,
    month_start,
)
from journeysim.files.phrases import (
    balking,
    calendar_day,
    flag,
    link,
    moment,
    part_of_customers,
    seasons,
    weekly_hours,
    whole,
    word,
)
from journeysim.files.quantities import quantity, spread_quantity
from journeysim.model.dwell import Dwell
from journeysim.model.journey import CONFIDENCE, Balking, Hours, Reward
from journeysim.model.quantity import Fixed, Quantity
from journeysim.model.seasons import Parts

TEXT_SCHEMA: Final[JsonSchema] = {"type": ["string", "number", "boolean"]}


@dataclass(slots=True)
class Reading:
    """What the settings of one file share while they are read."""

    currency: CurrencyBook = field(default_factory=CurrencyBook)


def reading_of(info: ValidationInfo) -> Reading:
    """Return what the settings of this file share."""
    return info.context if isinstance(info.context, Reading) else Reading()


def reads(reader: Callable[[Any, Reading], object], schema: Mapping[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    """Return the annotations of a field whose written form `reader` understands."""

    def validate(raw: Any, info: ValidationInfo) -> object:  # noqa: ANN401 - what YAML gives
        try:
            return reader(raw, reading_of(info))
        except UnreadableError as error:
            raise custom(error.code, error.message) from None

    return PlainValidator(validate), WithJsonSchema(dict(schema))


def required_text(raw: object) -> str:
    """Return a text; raises UnreadableError for lists and mappings."""
    if not isinstance(raw, str):
        kind = "a list" if isinstance(raw, list) else "settings" if isinstance(raw, dict) else "nothing"
        raise UnreadableError(
            "J015", f"text is expected here, not {kind}; put a text with special characters in quotes"
        )
    return raw.strip()


def texts(raw: object) -> tuple[str, ...]:
    """Return a list of texts; one text is a list of one."""
    return tuple(required_text(item) for item in raw) if isinstance(raw, list) else (required_text(raw),)


def number_schema(unit: Unit) -> JsonSchema:
    """Return the JSON Schema of an uncertain number."""
    return {
        "description": f"{unit.name}, for example {unit.example}",
        "anyOf": [
            {"type": ["string", "number"]},
            {
                "type": "object",
                "required": ["mean", "sd"],
                "additionalProperties": False,
                "properties": {"mean": {}, "sd": {}},
            },
            {
                "type": "object",
                "required": ["p10", "p50", "p90"],
                "additionalProperties": False,
                "properties": {"p10": {}, "p50": {}, "p90": {}},
            },
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
                "properties": {
                    name: {"type": "array"}
                    for name in ("normal", "lognormal", "beta", "gamma", "uniform", "triangular")
                },
            },
        ],
    }


DWELL_SCHEMA: Final[JsonSchema] = {
    "description": 'the time it takes: "2 days", "4 min to 9 min", or a family',
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["quantiles"],
            "additionalProperties": False,
            "properties": {"quantiles": {"type": "object"}},
        },
        {
            "type": "object",
            "required": ["family"],
            "additionalProperties": False,
            "properties": {
                "family": {"enum": ["fixed", "exponential", "gamma", "weibull", "lognormal", "loglogistic"]},
                **{name: {} for name in ("mean", "median", "scale", "shape", "sd log")},
            },
        },
    ],
}


def simple(unit: Unit) -> tuple[PlainValidator, WithJsonSchema]:
    """Return the annotations of an uncertain number in a unit that needs no currency."""
    return reads(lambda raw, _: quantity(raw, unit), number_schema(unit))


def one_of(*words: str, what: str) -> tuple[PlainValidator, WithJsonSchema]:
    """Return the annotations of a word out of a list."""
    return reads(lambda raw, _: word(required_text(raw), words, what), {"enum": list(words)})


def _duration(raw: object) -> float:
    return DURATION.read(required_text(raw))


def _staff(raw: object) -> Quantity:
    return Fixed(float("inf")) if raw == "unlimited" else quantity(raw, PLAIN)


def _patience(raw: object) -> Dwell | None:
    return None if raw == "unlimited" else dwell(raw)


def _service_time(raw: object) -> Dwell | None:
    return None if raw == "as the dwell" else dwell(raw)


def _called_back(raw: object) -> float:
    share = SHARE.read(required_text(raw))
    if not 0 <= share <= 1:
        raise UnreadableError("J030", f'"{raw}" is not a share between 0 % and 100 %')
    return share


def _days(raw: object) -> tuple[str, ...]:
    return tuple(calendar_day(text) for text in texts(raw))


def _reward(raw: object, reading: Reading) -> Reward:
    mean, spread = spread_quantity(raw, money(reading.currency))
    return Reward(mean, spread)


def _share_or_rest(raw: object) -> Quantity | None:
    return None if raw == "rest" else quantity(raw, SHARE)


def _cuts(raw: object) -> tuple[float, ...]:
    if not isinstance(raw, list):
        raise UnreadableError("J015", "a list of numbers is expected here, for example [-0.6, -0.2, 0.2, 0.6]")
    return tuple(REAL.read(required_text(item)) for item in raw)


def _part(raw: object) -> float:
    value = SHARE.read(required_text(raw))
    if not 0 < value <= 1:
        raise UnreadableError("J070", f'"{raw}" must lie above 0 and be at most 100 %')
    return value


def _number(raw: object) -> float:
    value = PLAIN.read(required_text(raw))
    if value <= 0:
        raise UnreadableError("J070", f'"{raw}" must lie above 0')
    return value


def _season(raw: object) -> Parts:
    """Return one factor per month or weekday that is named; nothing may be said of one twice."""
    if not isinstance(raw, dict):
        raise UnreadableError("J015", "months or weekdays with a factor each are expected here, for example {Dec: 1.3}")
    found: dict[str, Quantity] = {}
    for text, size in raw.items():
        factor = quantity(size, FACTOR)
        for name in seasons(required_text(text)):
            if name in found:
                raise UnreadableError("J077", f'"{name}" is stated twice; state it once')
            found[name] = factor
    return tuple(found.items())


_dwell, _in_json = reads(lambda raw, _: dwell(raw), DWELL_SCHEMA)
_example = money(CurrencyBook())
Text = Annotated[str, *reads(lambda raw, _: required_text(raw), TEXT_SCHEMA)]
Texts = Annotated[
    tuple[str, ...],
    *reads(lambda raw, _: texts(raw), {"anyOf": [TEXT_SCHEMA, {"type": "array", "items": TEXT_SCHEMA}]}),
]
Flag = Annotated[bool, *reads(lambda raw, _: flag(raw), {"type": "boolean"})]
WholeNumber = Annotated[int, *reads(lambda raw, _: whole(raw), {"type": ["integer", "string"]})]
AtLeastOne = Annotated[int, *reads(lambda raw, _: whole(raw, least=1), {"type": ["integer", "string"]})]
Part = Annotated[float, *reads(lambda raw, _: _part(raw), {"type": ["number", "string"]})]
Cuts = Annotated[
    tuple[float, ...], *reads(lambda raw, _: _cuts(raw), {"type": "array", "items": {"type": ["number", "string"]}})
]
Number = Annotated[float, *reads(lambda raw, _: _number(raw), {"type": ["number", "string"]})]
Share = Annotated[Quantity, *simple(SHARE)]
ShareOrRest = Annotated[
    Quantity | None,
    *reads(lambda raw, _: _share_or_rest(raw), number_schema(SHARE) | {"description": 'a share or "rest"'}),
]
PartOfCustomers = Annotated[Quantity, *reads(lambda raw, _: part_of_customers(raw), number_schema(SHARE))]
Factor = Annotated[Quantity, *simple(FACTOR)]
Points = Annotated[Quantity, *simple(POINTS)]
RealNumber = Annotated[Quantity, *simple(REAL)]
Effort = Annotated[Quantity, *simple(PLAIN)]
Feeling = Annotated[tuple[Quantity, float], *reads(lambda raw, _: spread_quantity(raw, REAL), number_schema(REAL))]
RewardSum = Annotated[Reward, *reads(_reward, number_schema(_example))]
Sum = Annotated[Quantity, *reads(lambda raw, r: quantity(raw, money(r.currency)), number_schema(_example))]
SumPerTime = Annotated[
    Quantity,
    *reads(lambda raw, r: quantity(raw, money(r.currency, rate=True)), number_schema(money(CurrencyBook(), rate=True))),
]
Arrivals = Annotated[Quantity, *simple(ARRIVALS)]
YearlyRate = Annotated[float, *reads(lambda raw, _: YEARLY_RATE.read(required_text(raw)), {"type": "string"})]
Duration = Annotated[float, *reads(lambda raw, _: _duration(raw), {"type": "string"})]
Start = Annotated[float, *reads(lambda raw, _: month_start(required_text(raw)), {"type": "string"})]
Time = Annotated[Dwell, _dwell, _in_json]
Patience = Annotated[Dwell | None, *reads(lambda raw, _: _patience(raw), DWELL_SCHEMA)]
Staff = Annotated[Quantity, *reads(lambda raw, _: _staff(raw), number_schema(PLAIN))]
LinkName = Annotated[tuple[str, str], *reads(lambda raw, _: link(required_text(raw)), {"type": "string"})]
LinkNames = Annotated[
    tuple[tuple[str, str], ...],
    *reads(
        lambda raw, _: tuple(link(text) for text in texts(raw)),
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    ),
]
Confidence = Annotated[str, *one_of(*CONFIDENCE, what="confidence")]
ServiceTime = Annotated[
    Dwell | None,
    *reads(lambda raw, _: _service_time(raw), DWELL_SCHEMA | {"description": 'a time, or "as the dwell"'}),
]
Open = Annotated[
    tuple[str, Hours],
    *reads(lambda raw, _: (required_text(raw), weekly_hours(required_text(raw))), {"type": "string"}),
]
Moment = Annotated[str, *reads(lambda raw, _: moment(required_text(raw)), {"type": "string"})]
Day = Annotated[str, *reads(lambda raw, _: calendar_day(required_text(raw)), {"type": "string"})]
Days = Annotated[
    tuple[str, ...],
    *reads(lambda raw, _: _days(raw), {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
CertainShare = Annotated[float, *reads(lambda raw, _: _called_back(raw), {"type": ["string", "number"]})]
Balks = Annotated[Balking | None, *reads(lambda raw, _: balking(required_text(raw)), {"type": "string"})]
SeasonParts = Annotated[
    Parts, *reads(lambda raw, _: _season(raw), {"type": "object", "additionalProperties": number_schema(FACTOR)})
]
PerTime = Annotated[float, *reads(lambda raw, _: PER_TIME.read(required_text(raw)), {"type": "string"})]
