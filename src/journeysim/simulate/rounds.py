"""Walking in rounds: all worlds of all arms, the same customers in each, until the differences are precise enough.

The number of customers follows from sums over whole blocks of addressed customers, so it is the same whatever walks
them; and a run in rounds has the bits of one walk of as many customers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.precision import (
    FIRST,
    PART,
    Batches,
    Part,
    Precision,
    Reached,
    more_customers,
    most_customers,
    parts_of,
    reached,
)
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.walk import Crowd, Look, crowd_tally, empty_crowd, walk_crowds
from journeysim.simulate.walk.sums import FIELDS

VALUE, COST = FIELDS.index("value_pv"), FIELDS.index("cost_pv")
#: What a decision rests on where money moves, and where none does.
MONEY, SHARE = "clv", "conversion"


def walk_worlds(
    arms: Sequence[Arm], chains: Mapping[int, Chain], *, settings: Settings, seed: int, customers: int | None,
    executor: Executor = HERE,
) -> tuple[dict[int, Tally], Precision]:  # fmt: skip
    """Return the tally of each chain, and how precisely that tells every proposal from today.

    Parameters
    ----------
    arms : sequence of Arm
        Today first.
    chains : mapping
        The chain of each world's draws, by the identity of the draws.
    settings : Settings
        Horizon, discount rates, counting rules.
    seed : int
        Addresses every customer-level uniform.
    customers : int, optional
        Customers per draw; left out, as many as it takes (see `precision`).
    executor : Executor
        Does the blocks of draws that a round consists of.
    """
    crowds = {key: empty_crowd(chain, settings, seed=seed) for key, chain in chains.items()}
    sizes, looks, more = list[int](), list[dict[int, Look]](), customers or FIRST
    while True:
        batches = parts_of(more)
        crowds, seen = walk_crowds(crowds, batches, executor=executor)
        sizes += batches
        looks += seen
        found = Precision(
            sum(sizes), customers is None, PART, most_customers(_moves(crowds.values())),
            tuple(_reached(arms, looks, sizes)),
        )  # fmt: skip
        more = more_customers(found)
        if more == 0:
            return {key: crowd_tally(crowd)[0] for key, crowd in crowds.items()}, found


def _moves(crowds: Collection[Crowd]) -> float:
    """Return the moves that one customer of every draw makes in all worlds together."""
    return float(sum(crowd.books.moves.sum() / crowd.customers for crowd in crowds))


def _reached(arms: Sequence[Arm], looks: Sequence[Mapping[int, Look]], sizes: Sequence[int]) -> Iterator[Reached]:
    """Yield how precisely each proposal's difference from today is known at its full effect."""
    metric = MONEY if any(_moves_money(look) for look in looks[-1].values()) else SHARE
    batches = {key: _batches([look[key] for look in looks], metric) for key in looks[-1]}
    today = list(_parts(arms[0], batches, 1.0, -1.0))
    for arm in arms[1:]:
        yield reached(arm.name, metric, [*_parts(arm, batches, max(arm.realism), 1.0), *today], sizes)


def _parts(arm: Arm, batches: Mapping[int, Batches], realism: float, sign: float) -> Iterator[Part]:
    for world, weight in zip(arm.worlds, ArmOutcomes(arm, (), ()).joint(realism), strict=True):
        yield Part(sign * weight, batches[id(world.draws)])


def _moves_money(look: Look) -> bool:
    return bool(look.total[..., [VALUE, COST]].any())


def _batches(looks: Sequence[Look], metric: str) -> Batches:
    """Return what came with each look; sums are those of everybody so far."""
    totals = np.stack([_quantity(look, metric) for look in looks])
    customers = np.stack([look.customers for look in looks])
    return Batches(np.diff(customers, axis=0, prepend=0), np.diff(totals, axis=0, prepend=0.0))


def _quantity(look: Look, metric: str) -> Floats:
    """Return the sum of the decision quantity over customers, (D, G)."""
    if metric == SHARE:
        return look.converted.astype(np.float64)
    return look.total[..., VALUE] - look.total[..., COST]
