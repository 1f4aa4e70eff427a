"""The exact engine: expected metrics without Monte Carlo noise.

`exact_tally` follows customers up to a horizon, `exact_in_steps` on a grid that is given; `exact_money` tells how much they
differ in money by then; `absorption` and `discounted_worth` follow them to the end.
"""

from journeysim.simulate.exact.absorption import (
    Absorption,
    Ends,
    Worth,
    absorption,
    discounted_worth,
    end_probabilities,
    fundamental_matrix,
)
from journeysim.simulate.exact.by_blocks import exact_tallies
from journeysim.simulate.exact.long_run import long_run
from journeysim.simulate.exact.paths import exact_paths
from journeysim.simulate.exact.recursion import ExactReport, exact_in_steps, exact_tally
from journeysim.simulate.exact.spread import exact_money

__all__ = [
    "Absorption",
    "Ends",
    "ExactReport",
    "Worth",
    "absorption",
    "discounted_worth",
    "end_probabilities",
    "exact_in_steps",
    "exact_money",
    "exact_paths",
    "exact_tallies",
    "exact_tally",
    "fundamental_matrix",
    "long_run",
]
