"""Which metrics can be asked for, and in which unit: the readers need the names, `compare.metrics` the definitions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

MetricUnit = Literal["share", "money", "days", "count"]

#: Unit by name, in the order of the registry in `compare.metrics`; a test holds the two together.
METRIC_UNITS: Final[Mapping[str, MetricUnit]] = MappingProxyType(
    {
        "conversion": "share",
        "churn": "share",
        "loss": "share",
        "active": "share",
        "revenue": "money",
        "cost": "money",
        "margin": "money",
        "clv": "money",
        "effort": "count",
        "touches": "count",
        "touches_to_convert": "count",
        "effort_to_convert": "count",
        "bounce": "share",
        "nps": "count",
        "time_to_convert_median": "days",
        "time_to_convert_p90": "days",
    }
)

#: +1 where more is better, -1 where less is; metrics of which the number alone does not say are left out.
GOOD_METRICS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "conversion": 1,
        "churn": -1,
        "loss": -1,
        "revenue": 1,
        "cost": -1,
        "margin": 1,
        "clv": 1,
        "effort": -1,
        "touches_to_convert": -1,
        "effort_to_convert": -1,
        "bounce": -1,
        "nps": 1,
        "time_to_convert_median": -1,
        "time_to_convert_p90": -1,
    }
)
