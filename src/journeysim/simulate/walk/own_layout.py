"""Frailty and memory as the compiled walk takes them: plain named tuples, arrays of zeros where a layer is off.

An *own row* is the row of a customer for whom it is not the persona's: the customer differs for good, or remembers.
Axes as in `simulate.chain`; C = G * P cells; T links, and entries of rows by the place before, leave touchpoints where
customers differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints
from journeysim.simulate.streams import BLOCK, Words

#: In place of 1 / shape where a customer's own share is the persona's.
ALIKE = -1.0
#: Earlier visits beyond this many change nothing more (as `model.observed.by_visit` counts them).
MOST_EARLIER = 3


class OwnPlan(NamedTuple):
    """What holds for every draw."""

    rows: bool  # some touchpoint has own rows
    everywhere: bool  # … every one has
    couples: bool  # some own row differs from today's
    kind: NDArray[np.int32]  # (n,) which rows are handled together; the number of kinds where there are no own rows
    width: Ints  # (kinds,) most links of a row
    apart: Bools  # (kinds,) whether they differ from today's
    table: NDArray[np.int32]  # (L + O,) position of links, then entries, among the T that have a variate, -1 elsewhere
    tables: int  # T
    slot_key: Words  # (L + BLOCK,) zeros beyond the links
    order2: bool  # some row depends on the place before …
    own_after: bool  # … at a touchpoint where customers differ
    start: NDArray[
        np.int32
    ]  # ((n + 1) * n,) where a row starts in a table of links, then entries, by place before and place
    entry_link: NDArray[np.int32]  # (O,) link of each entry in `order2`
    passed: Bools  # (n,) touchpoints that are not remembered
    rates: bool  # some touchpoint is left at an own rate
    rate_table: NDArray[np.int32]  # (n,) position among these touchpoints, -1 elsewhere
    rate_tables: int
    silent: Bools  # (L,) links at nobody's own rate
    entries: int  # lanes by kind that working arrays have to hold


class OwnNumbers(NamedTuple):
    """What a draw says, for all draws; the world's and today's side by side (axis 1)."""

    kappa: Floats  # (D, 2, P, n) NaN where alike
    rate: Floats  # (D, n) NaN where alike
    start: Floats  # (D, 2, C, L)
    effect: Floats  # (D, 2, P, L)
    order2: Floats  # (D, 2, C, O)


class OwnTruth(NamedTuple):
    """One draw, ready: what a variate is multiplied by, and log gamma quantiles at shape kappa x share + 1.

    Here, then today; V = MOST_EARLIER + 1 numbers of earlier visits that are told apart.
    """

    factor: Floats  # (2 * V * C * (L + O),) exp(start + visits x effect), times the share where customers are alike
    gamma: Floats  # (2 * C * T * Z_NODES * 4,) a cubic in the distance from each node of the normal score
    inverse: Floats  # (2 * C * T,) 1 / (kappa x share), ALIKE where customers are alike or the share is 0
    node: Floats  # (2, Z_NODES) scratch
    rate: Floats  # (1, touchpoints with own rates, 2, Z_NODES)
    log_rate: Floats  # (touchpoints with own rates,) log of r


class OwnRoom(NamedTuple):
    """Working arrays: members are lanes whose rows are handled together, entry j * size + m link j of member m of size.

    There are at most BLOCK entries.
    """

    member: NDArray[np.int32]  # ((kinds + 1) * BLOCK,) lanes by kind
    sizes: Ints  # (kinds + 1,)
    lane: NDArray[np.int32]  # each member's lane …
    link: Ints  # … the first link of its row …
    links: Ints  # … how many there are …
    own: Ints  # … of how many there is a variate of the customer's own …
    row: Ints  # … and where the row stands in a table
    customer: Words
    drawn: NDArray[np.int32]  # entries with a variate of the customer's own …
    at: Ints  # … where the variate's numbers stand …
    position: Floats  # … where its normal score lies among the nodes …
    boost: Floats  # … and the log of its other uniform
    weight: Floats  # by entry
    today: Floats  # the same in today's row
    level: Floats  # logs
    total: Floats  # by member
    part: Floats
    chosen: Ints  # the link chosen, counted from the row's first
    words: Words  # (6 * BLOCK,)


def new_own_room(entries: int) -> OwnRoom:
    """Return room for `OwnPlan.entries`."""
    member, sizes = np.zeros(max(entries, BLOCK), dtype=np.int32), np.zeros(entries // BLOCK, dtype=np.int64)
    lane, drawn = (np.zeros(BLOCK, dtype=np.int32) for _ in range(2))
    link, links, own, row, at, chosen = (np.zeros(BLOCK, dtype=np.int64) for _ in range(6))
    position, boost, weight, today, level, total, part = (np.zeros(BLOCK) for _ in range(7))
    customer, words = np.zeros(BLOCK, dtype=np.uint32), np.zeros(6 * BLOCK, dtype=np.uint32)
    return OwnRoom(
        member, sizes, lane, link, links, own, row, customer, drawn, at, position, boost, weight, today, level, total, part,
        chosen, words,
    )  # fmt: skip
