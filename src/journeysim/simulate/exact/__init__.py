"""The exact engine: expected metrics without Monte Carlo noise.

`exact_tally` follows the customers of a chain up to a horizon; `absorption` and `discounted_worth` follow them to the end.
"""

from journeysim.simulate.exact.recursion import ExactReport, exact_tally

__all__ = ["ExactReport", "exact_tally"]
