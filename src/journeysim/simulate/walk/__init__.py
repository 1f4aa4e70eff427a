"""The walk: single customers, followed from entry to their end, by a compiled kernel over blocks of customers."""

from journeysim.simulate.walk.crowd import WalkError, merge_walks, walk_tally
from journeysim.simulate.walk.singles import life_story, walk_lives

__all__ = ["WalkError", "life_story", "merge_walks", "walk_lives", "walk_tally"]
