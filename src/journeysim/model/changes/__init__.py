"""Changes: one final class per thing a proposal may do, each editing the journey and its draws together."""

from journeysim.model.changes.audience import ChangeAudience
from journeysim.model.changes.base import Change, Terms
from journeysim.model.changes.dwells import ScaleDwell
from journeysim.model.changes.removal import RemoveTouchpoint
from journeysim.model.changes.rewards import ChangeReward
from journeysim.model.changes.shares import AdjustShare, Reroute
from journeysim.model.changes.staff import ChangeStaff
from journeysim.model.changes.touchpoints import AddTouchpoint

__all__ = [
    "AddTouchpoint",
    "AdjustShare",
    "Change",
    "ChangeAudience",
    "ChangeReward",
    "ChangeStaff",
    "RemoveTouchpoint",
    "Reroute",
    "ScaleDwell",
    "Terms",
]
