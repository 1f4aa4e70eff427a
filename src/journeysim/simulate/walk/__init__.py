"""The walk: single customers, followed from entry to their end, by a compiled kernel over blocks of customers."""

from journeysim.simulate.walk.by_blocks import lives_of_draws, walk_tallies
from journeysim.simulate.walk.crowd import Crowd, WalkError, crowd_tally, empty_crowd, merge_walks, walk_on, walk_tally
from journeysim.simulate.walk.crowds import Look, walk_crowds
from journeysim.simulate.walk.singles import life_story, walk_lives

__all__ = [
    "Crowd",
    "Look",
    "WalkError",
    "crowd_tally",
    "empty_crowd",
    "life_story",
    "lives_of_draws",
    "merge_walks",
    "walk_crowds",
    "walk_lives",
    "walk_on",
    "walk_tallies",
    "walk_tally",
]
