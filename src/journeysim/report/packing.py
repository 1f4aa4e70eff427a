"""Values as plain data and back: JSON that names their classes, arrays beside it. Nothing read is ever executed.

Only the frozen dataclasses and enums of the modules named here can be made from a file, and only by their own fields;
a class or a field of another version of journeysim is refused instead of guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from inspect import isclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from journeysim.report.results import Json

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[Any]
_MODULES: Final = (
    "compare.comparison", "decide.decision", "model.arms", "model.changes.audience", "model.changes.base",
    "model.changes.dwells", "model.changes.removal", "model.changes.rewards", "model.changes.shares",
    "model.changes.staff",
    "model.changes.touchpoints", "model.draws", "model.dwell", "model.journey", "model.log_settings", "model.log_shape",
    "model.quantity", "model.remark", "model.satisfaction", "model.scenario", "model.seasons",
    "simulate.outcomes", "simulate.precision", "simulate.settings",
    "simulate.tally",
)  # fmt: skip


@cache
def classes() -> Mapping[str, type]:
    """Return every class that may be packed, by name."""
    modules = [import_module(f"journeysim.{name}") for name in _MODULES]
    own = [item for module in modules for item in vars(module).values() if _is_value(item, module.__name__)]
    return {item.__name__: item for item in own}


def _is_value(item: object, module: str) -> bool:
    return isclass(item) and item.__module__ == module and (is_dataclass(item) or issubclass(item, Enum))


def packed(value: object, arrays: list[Array]) -> Json:
    """Return a value as JSON; its arrays are appended to `arrays` and stand in it by number.

    TypeError for what is neither plain, a sequence, an array nor an instance of `classes()`.
    """
    match value:
        case tuple() | list():
            return [packed(item, arrays) for item in value]
        case np.ndarray():
            return {"array": _number(value, arrays)}
        case np.generic():
            return _packed_plain(value.item())
        case None | bool() | int() | float() | str() | Enum():
            return _packed_plain(value)
    return _packed_object(value, arrays)


def _number(value: Array, arrays: list[Array]) -> int:
    """Return an array's number; one that several values share is kept once."""
    known = next((number for number, item in enumerate(arrays) if item is value), None)
    if known is None:
        arrays.append(value)
    return len(arrays) - 1 if known is None else known


def _packed_plain(value: float | str | Enum | None) -> Json:
    """Return a plain value; numbers that JSON lacks and members of enums are marked."""
    if isinstance(value, Enum):
        return {"enum": _known(type(value)), "name": value.name}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"number": repr(float(value))}
    return value


def _packed_object(value: object, arrays: list[Array]) -> Json:
    import xarray as xr

    if isinstance(value, xr.Dataset):
        return {"dataset": _variables(value.data_vars, arrays), "coords": _variables(value.coords, arrays)}
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} is no value of the model")
    content = {item.name: packed(getattr(value, item.name), arrays) for item in fields(value)}
    return {"class": _known(type(value)), **content}


def _known(kind: type) -> str:
    if classes().get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__module__}.{kind.__name__} is not among the classes that may be packed")
    return kind.__name__


def _variables(items: Mapping[Any, xr.DataArray], arrays: list[Array]) -> Json:
    return {str(name): [list(map(str, item.dims)), _content(item, arrays)] for name, item in items.items()}


def _content(item: xr.DataArray, arrays: list[Array]) -> Json:
    """Return an array by number, and names as themselves: an array of texts could need pickle."""
    texts = item.dtype.kind in "OUS"
    return [str(name) for name in item.values.tolist()] if texts else packed(item.values, arrays)


def unpacked(item: Json, arrays: Sequence[Array]) -> object:
    """Return the value that `packed` was given, sequences as tuples; KeyError, TypeError or ValueError if it cannot."""
    if isinstance(item, Mapping):
        return _unpacked_object(item, arrays)
    return tuple(unpacked(part, arrays) for part in item) if isinstance(item, list) else item


def _unpacked_object(item: Mapping[str, Json], arrays: Sequence[Array]) -> object:
    match item:
        case {"array": int(number)}:
            return arrays[number]
        case {"number": str(text)}:
            return float(text)
        case {"enum": str(kind), "name": str(name)}:
            return _member(classes()[kind], name)
        case {"dataset": Mapping() as data, "coords": Mapping() as coords}:
            return _dataset(data, coords, arrays)
        case {"class": str(kind)}:
            parts = {name: unpacked(part, arrays) for name, part in item.items() if name != "class"}
            return classes()[kind](**parts)
    raise ValueError(f"not a value: {', '.join(item)}")


def _member(kind: type, name: str) -> Enum:
    if not issubclass(kind, Enum):
        raise TypeError(f"{kind.__name__} has no members")
    return kind[name]


def _dataset(data: Mapping[str, Json], coords: Mapping[str, Json], arrays: Sequence[Array]) -> xr.Dataset:
    import xarray as xr

    return xr.Dataset(_filled(data, arrays), coords=_filled(coords, arrays))


def _filled(items: Mapping[str, Json], arrays: Sequence[Array]) -> dict[str, xr.Variable]:
    import xarray as xr

    made = {}
    for name, item in items.items():
        dimensions, values = _pair(unpacked(item, arrays))
        made[name] = xr.Variable(dimensions, list(values) if isinstance(values, tuple) else values)
    return made


def _pair(item: object) -> tuple[Any, Any]:
    if not isinstance(item, tuple) or len(item) != 2:
        raise ValueError("a variable is its dimensions and its values")
    return item
