"""Every model that is shipped, as worlds drawn from its own prior."""

from __future__ import annotations

from typing import Final

from journeysim.calibrate.dwell_families import CANDIDATES
from validation.model import Model
from validation.models.dwells import family_given
from validation.models.entries import entries
from validation.models.shares import one_persona, pooled

_SHARES = (
    Model(
        "Shares, one persona",
        "Four links stated at 50, 30, 15 and 5 % by 8 customers; 3, 30 or 300 customers seen.",
        one_persona, maps=8, per_map=250,
    ),
    Model(
        "Shares, three personas",
        "The same links; 12, 300 and 60 customers, the last persona with a row of its own in the map.",
        pooled, maps=2, per_map=500,
    ),
    Model(
        "Entry and persona shares",
        "Two personas (80 and 20 %) and three first touchpoints (60, 30, 10 %) stated by 8 customers; 40 customers seen.",
        entries, maps=4, per_map=250,
    ),
)  # fmt: skip
_DWELLS = tuple(
    Model(
        f"Dwell, {family.name.lower()}",
        "One link, the family given; personas of 6 and 60 customers, half of whom arrived within the last 6 days of the log "
        "(typical dwell 1.3 days, stated by 4 customers). Read from `fit_dwell`, since `calibrate` chooses the family itself.",
        family_given(family), maps=4, per_map=500,
    )
    for family in CANDIDATES
)  # fmt: skip

MODELS: Final = (*_SHARES, *_DWELLS)
