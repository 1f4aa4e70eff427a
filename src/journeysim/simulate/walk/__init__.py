"""The walk: single customers, followed from entry to their end, by a compiled kernel over blocks of customers."""

from journeysim.simulate.walk.crowd import Crowd, WalkError, crowd_tally, empty_crowd, merge_walks, walk_on, walk_tally
from journeysim.simulate.walk.singles import life_story, walk_lives

__all__ = [
    "Crowd",
    "WalkError",
    "crowd_tally",
    "empty_crowd",
    "life_story",
    "merge_walks",
    "walk_lives",
    "walk_on",
    "walk_tally",
]
