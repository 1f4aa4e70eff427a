"""An event log -> a proposed journey map: what an analyst starts from, and what it rests on."""

from journeysim.calibrate.discover.discovery import Coverage, Discovery, discover
from journeysim.calibrate.discover.settings import Support

__all__ = ["Coverage", "Discovery", "Support", "discover"]
