"""Dwells that no family describes: a hazard for every stretch of time, around a log-normal, drawn as curves.

Time is cut into cells, and at every level of detail neighbouring cells are joined to stretches. For a link:

    phi         ~ the map's belief about a log-normal G (location and log shape, see `mode.prior_normal`)
    level       one of LEVELS, how wide a stretch is; M one of STRENGTHS, how many customers G counts for
    hazard_s    ~ Beta(M G(stretch s), M G(later))     the chance of moving, of those still there
    within a stretch as G has it

a beta-Stacy process (Walker and Muliere 1997, Beta-Stacy processes and a generalisation of the Polya-urn scheme), the
Dirichlet process of dwells that may be cut short: whoever is still there as a stretch ends counts as one who did not move in
it, and hazards stay beta. Stretches go on beyond the longest dwell, where nothing but those still there is known: curves differ
there as much as the process lets them. An open spell that ends within a stretch keeps no hazard beta, but nearly (`hazards`).
So the likelihood of the data, hazards summed out, is a product of beta functions; phi, level and M are summed out by
importance weights. It pays for every stretch it tells apart, so that where a family fits, that family is more likely. Personas
are all alike or each on its own, each with probability 1/2.
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
