"""Compiled: absorbing chains solved without a single subtraction.

State reduction of Grassmann, Taksar & Heyman (Operations Research 33, 1985): touchpoints are taken out one after the
other, last first, and 1 - p[k, k] is always the sum of the other shares of the row. Every number is a sum, product or
quotient of positive ones, so results keep their relative precision however rarely customers leave.
"""

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.exact._compiled import compiled


@compiled
def _reduce(table: Floats, n: int) -> None:
    """Take out touchpoints n - 1 … 0 in place.

    Rows of `table` are the touchpoints and, last, the entry; columns are touchpoints, then outcomes. Afterwards row k
    holds, for columns below k and outcomes, the moves by way of touchpoints above k, divided by the row's sum.
    """
    entry = table.shape[0] - 1
    for k in range(n - 1, -1, -1):
        leaving = 0.0
        for j in range(table.shape[1]):
            leaving += table[k, j] if j < k or j >= n else 0.0
        for j in range(table.shape[1]):
            table[k, j] /= leaving if j < k or j >= n else 1.0
        for i in range(k):
            _bypass(table, n, k, i, leaving)
        _bypass(table, n, k, entry, leaving)


@compiled
def _bypass(table: Floats, n: int, k: int, i: int, leaving: float) -> None:
    """Lead row i past touchpoint k; its column k keeps the visits to k per visit of i."""
    part = table[i, k]
    if part > 0.0:
        table[i, k] = part / leaving
        for j in range(k):
            table[i, j] += part * table[k, j]
        for j in range(n, table.shape[1]):
            table[i, j] += part * table[k, j]


@compiled
def _fill(table: Floats, share: Floats, source: Ints, target: Ints, entry: Floats) -> None:
    table[:] = 0.0
    for link in range(len(source)):
        table[source[link], target[link]] += share[link]
    for j in range(table.shape[1]):
        table[table.shape[0] - 1, j] = entry[j]


@compiled
def _visits(table: Floats, n: int, out: Floats) -> None:
    """Fill out (n,) with the expected visits from entry of a reduced table."""
    for k in range(n):
        out[k] = table[n, k]
        for i in range(k):
            out[k] += out[i] * table[i, k]


@compiled
def solve(share: Floats, source: Ints, target: Ints, entry: Floats, visits: Floats, ends: Floats) -> None:
    """Fill visits (W, n) and end probabilities (W, n + 1, m) from each touchpoint and, last, from entry.

    `share` is (W, L), `entry` (W, n + m); W counts worlds (draws x personas).
    """
    n, m = visits.shape[1], ends.shape[2]
    table = np.zeros((n + 1, n + m))
    for world in range(len(share)):
        _fill(table, share[world], source, target, entry[world])
        _reduce(table, n)
        _visits(table, n, visits[world])
        for o in range(m):
            for k in range(n):
                total = table[k, n + o]
                for j in range(k):
                    total += table[k, j] * ends[world, j, o]
                ends[world, k, o] = total
            ends[world, n, o] = table[n, n + o]


@compiled
def accumulate(share: Floats, source: Ints, target: Ints, rest: Floats, rewards: Floats, out: Floats) -> None:
    """Fill out (W, n, R) with the expected sums of R non-negative rewards per visit, from each touchpoint to the end.

    `rewards` is (W, n, R). `rest` (W, n) is the share of each row that ends the count without a link (discounting).
    """
    n = rewards.shape[1]
    places = 1 + (target.max() if len(target) else 0)
    table = np.zeros((n + 1, max(places, n) + 1))
    entry = np.zeros(table.shape[1])
    for world in range(len(share)):
        _fill(table, share[world], source, target, entry)
        for i in range(n):
            table[i, table.shape[1] - 1] += rest[world, i]
        _accumulate_one(table, rewards[world], out[world])


@compiled
def _accumulate_one(table: Floats, rewards: Floats, out: Floats) -> None:
    """Reduce the table together with the rewards earned on the way, then substitute back."""
    n, kinds = rewards.shape
    for k in range(n):
        for r in range(kinds):
            out[k, r] = rewards[k, r]
    for k in range(n - 1, -1, -1):
        _take_out(table, n, k, out)
    for k in range(n):
        for j in range(k):
            for r in range(kinds):
                out[k, r] += table[k, j] * out[j, r]


@compiled
def _take_out(table: Floats, n: int, k: int, earned: Floats) -> None:
    """Take out touchpoint k, leaving each lower row with its way past k and what is earned on it."""
    leaving = 0.0
    for j in range(table.shape[1]):
        leaving += table[k, j] if j < k or j >= n else 0.0
    for j in range(table.shape[1]):
        table[k, j] /= leaving
    for r in range(earned.shape[1]):
        earned[k, r] /= leaving
    for i in range(k):
        part = table[i, k]
        if part > 0.0:
            for r in range(earned.shape[1]):
                earned[i, r] += part * earned[k, r]
            for j in range(k):
                table[i, j] += part * table[k, j]
            for j in range(n, table.shape[1]):
                table[i, j] += part * table[k, j]
