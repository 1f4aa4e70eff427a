"""Event logs and transition tables: any form a log comes in, as arrays or as one relation that can be queried."""

from journeysim.files.events.reading import read_events
from journeysim.files.events.roles import ROLES, unknown_role
from journeysim.files.events.sources import columns_of
from journeysim.files.events.transition_table import read_transitions

__all__ = ["ROLES", "columns_of", "read_events", "read_transitions", "unknown_role"]
