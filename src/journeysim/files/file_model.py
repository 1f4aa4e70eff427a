"""A group of settings in a file: the base model, and structural problems in our own words."""

from __future__ import annotations

from typing import Any, Final, NoReturn, cast, final

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from journeysim.files.did_you_mean import closest, did_you_mean

JsonSchema = dict[str, Any]
Raw = Any  # what YAML gives, before any field has looked at it


def custom(code: str, message: str, meant: str = "") -> PydanticCustomError:
    """Return a problem in the form pydantic passes on; `meant` is the setting that an unknown one stands for."""
    return PydanticCustomError(cast("Any", code), "{message}", {"message": message, "meant": meant})


@final
class Skipped:
    """Stands in a tree for what was unreadable and is already reported; read as a group without settings."""


SKIPPED: Final = Skipped()


class FileModel(BaseModel):
    """Abstract: a group of settings. Names are written with spaces; every unknown or unreadable one is reported."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # only what a file needs is built, once, when it is read
        alias_generator=lambda name: name.rstrip("_").replace("_", " "),
    )

    @classmethod
    def title_in_file(cls) -> str:
        """Return how problems call this group."""
        return (cls.__doc__ or "").split("\n")[0].rstrip(".").lower()

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Return the names of its settings as written."""
        return tuple(info.alias or name for name, info in cls.model_fields.items())

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, raw: Any, handler: ModelWrapValidatorHandler[FileModel]) -> FileModel:  # noqa: ANN401
        """Replace pydantic's words, and name what was meant by an unknown setting."""
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, Skipped):
            return cls.model_construct()
        try:
            return handler(raw)
        except ValidationError as error:
            lines = [_line(cls, details) for details in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, lines) from None


def _line(model: type[FileModel], details: ErrorDetails) -> InitErrorDetails:
    """Return one problem in our words; those that are ours already pass."""
    code, message = details["type"], details["msg"]
    meant = str(details.get("ctx", {}).get("meant", ""))
    if not code.startswith("J"):
        code, message = _explained(model, details)
        meant = (closest(str(details["loc"][-1]), model.settings()) or "") if code == "J014" else ""
    return InitErrorDetails(type=custom(code, message, meant), loc=details["loc"], input=details["input"])


def _explained(model: type[FileModel], details: ErrorDetails) -> tuple[str, str]:
    """Return our code and message for a structural problem that pydantic found."""
    match details["type"]:
        case "extra_forbidden":
            name = str(details["loc"][-1])
            return "J014", f'no setting "{name}" for {model.title_in_file()}{_hint(name, model)}'
        case "list_type" | "tuple_type":
            return "J015", "a list is expected here: start each line with a dash"
        case "dict_type" | "model_type" | "model_attributes_type":
            found = "a list" if isinstance(details["input"], list) else f'"{details["input"]}"'
            if details["input"] is None:
                return "J015", "settings are expected here (name: value), and there are none"
            return "J015", f"settings are expected here (name: value), not {found}"
        case _:
            return "J015", details["msg"]


def _hint(name: str, model: type[FileModel]) -> str:
    if closest(name, model.settings()) is None and name in {"on", "off", "yes", "no", "true", "false"}:
        return f'; some YAML readers take {name} for true or false, here it is the text "{name}"'
    if name in {"elasticity", "elasticity on"}:
        return "; customers answer to a price or value: it belongs to a change of one of these"
    return did_you_mean(name, model.settings())


def refuse(code: str, message: str) -> NoReturn:
    """Raise a problem from inside a validator."""
    raise custom(code, message)


def required_in_editors(*names: str) -> ConfigDict:
    """Return a configuration whose JSON Schema requires these settings (the readers say so in their own words)."""
    return ConfigDict(json_schema_extra={"required": list(names)})


def short_form(setting: str) -> ConfigDict:
    """Return a configuration whose JSON Schema also accepts one plain value, standing for `setting`."""

    def accept(schema: JsonSchema) -> None:
        full = dict(schema)
        schema.clear()
        schema["anyOf"] = [{"type": ["string", "number"], "description": f"short for {{{setting}: …}}"}, full]

    return ConfigDict(json_schema_extra=accept)
