"""Which family is a dwell of, if of any? One link, nobody tells, some customers are still there."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special

from journeysim.calibrate.binning import merge_moves, merge_open
from journeysim.calibrate.dwells.doubt import POSSIBLE, evidence_by_family
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.model.dwell import Family
from validation.models.dwells import bins_of
from validation.models.truths import draw_true_dwell
from validation.sbc import RANKED, Worlds
from validation.tables import moved, still_there

CUSTOMERS, CUT_OFF = 100, 30.0
BELIEF: Final = DwellBelief(Family.LOGNORMAL, float(np.log(4.0)), 0.9, 0.45, 4.0, ("all customers",), (0.0,))


def family_chosen(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of 100 customers each: the true family among families drawn by their probability.

    They are ranked as numbers, ties at random, so that whatever is more or less probable than it is frequent shows.
    """
    rng = np.random.default_rng(seed)
    truth, draws = np.empty(count), np.empty((RANKED, count))
    for i in range(count):
        family = POSSIBLE[rng.integers(len(POSSIBLE))]
        days = draw_true_dwell(BELIEF, family, rng).days(rng.uniform(size=CUSTOMERS))
        age = rng.uniform(0, CUT_OFF, CUSTOMERS)
        done, still = moved("", "", "", days[days < age]), still_there("", "", age[days >= age])
        data = [(bins_of(done, merge_moves), bins_of(still, merge_open))]
        evidence = evidence_by_family(BELIEF, data, seed=1000 * seed + i, name="link", possible=POSSIBLE)
        truth[i] = family
        draws[:, i] = rng.choice([int(each) for each in evidence], RANKED, p=special.softmax(list(evidence.values())))
    none = float(Family.EMPIRICAL)
    return {"family": Worlds(truth, draws), "no family": Worlds((truth == none) + 0.0, (draws == none) + 0.0)}
