"""The stage of a step that lets customers wait at rates of their own: one score for life, a gamma rate per touchpoint."""

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.streams import (
    OWN_RATE,
    PURPOSE_SHIFT,
    Words,
    compiled_inner,
    compiled_into,
    unit,
    visit_words,
)
from journeysim.simulate.walk.lanes import CUSTOMER, KEY, LINK, VISIT_NUMBER, Lanes, eights, normal_quantiles
from journeysim.simulate.walk.layout import Layout
from journeysim.simulate.walk.own_layout import OwnPlan, OwnTruth
from journeysim.simulate.walk.quantiles import exp_of, gamma_of

_RATE_TAG = np.uint32(OWN_RATE << PURPOSE_SHIFT)


@compiled_inner
def own_scores(size: int, layout: Layout, draw: np.uint64, customer: Words, lanes: Lanes, score: Floats) -> None:
    """Fill the normal score of each customer's own rate: one for all touchpoints, for life."""
    words = lanes.own.words
    for k in range(size):
        words[CUSTOMER + k] = customer[k]
        words[KEY + k] = np.uint32(0)
        words[VISIT_NUMBER + k] = _RATE_TAG
    visit_words(size, layout.seed_low, layout.seed_high, draw, words)
    for k in range(size):
        lanes.gathered[k] = unit(words[LINK + k])
    normal_quantiles(size, lanes.gathered, lanes.other, lanes.tail)
    for k in range(size):
        score[k] = lanes.gathered[k]


@compiled_inner
def wait_at_own_rate(count: int, plan: OwnPlan, own: OwnTruth, score: Floats, lanes: Lanes) -> None:
    """Divide dwells by the customer's own rate, gamma with mean 1, where customers have one."""
    members = _list_rated(count, plan, own, lanes)
    for m in range(members):
        k = np.uint64(lanes.own.member[m])
        table = plan.rate_table[np.uint64(lanes.place[k])]
        lanes.gathered[m] = gamma_of(score[np.uint64(lanes.slot[k])], own.rate, 0, table) - own.log_rate[table]
    for m in range(eights(members)):
        lanes.gathered[m] = exp_of(-lanes.gathered[m])
    for m in range(members):
        k = np.uint64(lanes.own.member[m])
        lanes.arrival[k] = lanes.day[k] + (lanes.arrival[k] - lanes.day[k]) * lanes.gathered[m]


@compiled_into
def _list_rated(count: int, plan: OwnPlan, own: OwnTruth, lanes: Lanes) -> int:
    """List the lanes that move at an own rate; every lane is written and the next one takes its place if it has none."""
    members = np.uint64(0)
    for k in range(count):
        table = plan.rate_table[np.uint64(lanes.place[k])]
        rated = (table >= 0) & (not plan.silent[np.uint64(lanes.link[k])])
        lanes.own.member[members] = k
        members += np.uint64(rated & (own.log_rate[np.uint64(max(table, 0))] < np.inf))
    return int(np.int64(members))
