"""Dwells that no family describes: a hazard for every stretch of time, around a log-normal, drawn as curves.

Time is cut into cells, and at every level of detail neighbouring cells are joined to stretches, up to the longest dwell
that was completed. For a link:

    phi         ~ the map's belief about a log-normal G (location and log shape, see `mode.prior_normal`)
    level       one of LEVELS, how wide a stretch is; M one of STRENGTHS, how many customers G counts for
    hazard_s    ~ Beta(M G(stretch s), M G(later stretches) + B)     the chance of moving, of those still there
    B           = M G(after the longest dwell), but half a customer at least: somebody may always be slower
    within a stretch, and after the longest dwell, as G has it

a beta-Stacy process (Walker and Muliere 1997, Beta-Stacy processes and a generalisation of the Polya-urn scheme), the
Dirichlet process of dwells that may be cut short: open spells count as those who were still there, and hazards stay
beta. So the likelihood of the data, hazards summed out, is a product of gamma functions; phi, level and M are summed out
by importance weights. It pays for every stretch it tells apart, so that where a family fits, that family is more
likely. Personas are all alike or each on its own, each with probability 1/2.
"""

from journeysim.calibrate.dwells.tables.cells import LEVELS
from journeysim.calibrate.dwells.tables.curves import Curves
from journeysim.calibrate.dwells.tables.drawn import CurveDraws, draw_tables, likely_survival
from journeysim.calibrate.dwells.tables.fit import TableFit, fit_tables
from journeysim.calibrate.dwells.tables.hazards import STRENGTHS

__all__ = [
    "LEVELS",
    "STRENGTHS",
    "CurveDraws",
    "Curves",
    "TableFit",
    "draw_tables",
    "fit_tables",
    "likely_survival",
]
