"""Walking in rounds: all worlds of all arms, the same customers in each, until the differences are precise enough.

The number of customers follows from sums over whole blocks of addressed customers, so it is the same whatever walks
them; and a run in rounds has the bits of one that is asked for as many customers. The first round also says whether
the exact engine is worth having as a control variate (see `control`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.control import FINER, NO_CONTROL, Control, control_of, controlled, without_layers
from journeysim.simulate.exact import exact_tallies
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.precision import (
    FIRST,
    MONEY,
    PART,
    SHARE,
    Batches,
    Part,
    Precision,
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
    run = _begun(arms, chains, settings, seed)
    sizes = [min(customers or FIRST, FIRST)]
    sizes += [customers - FIRST] if customers is not None and customers > FIRST else []
    run = _controlled(_walked(run, sizes[0], executor), settings, executor)
    for size in sizes[1:]:
        run = _walked(run, size, executor)
    found = _precision(run, given=customers is not None)
    while more := more_customers(found):
        run = _walked(run, more, executor)
        found = _precision(run, given=False)
    return {key: _tally(run, key) for key in chains}, found


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """How far a run has come: every world's customers with the map's layers, and without them as a control.

    `plain` is empty where there is no control; `known` are its expectations, once it is clear that it is worth it.
    """

    arms: Sequence[Arm]
    crowds: Mapping[int, Crowd]
    plain: Mapping[int, Crowd]
    sizes: tuple[int, ...] = ()
    looks: tuple[Mapping[int, Look], ...] = ()
    plain_looks: tuple[Mapping[int, Look], ...] = ()
    known: Mapping[int, Tally] = field(default_factory=dict)
    control: Control = NO_CONTROL


def _begun(arms: Sequence[Arm], chains: Mapping[int, Chain], settings: Settings, seed: int) -> _Run:
    layered = any(chain.layers.names for chain in chains.values())
    bare = {key: without_layers(chain) for key, chain in chains.items()} if layered else {}
    crowds, plain = (
        {key: empty_crowd(chain, settings, seed=seed) for key, chain in own.items()} for own in (chains, bare)
    )
    return _Run(arms, crowds, plain)


def _walked(run: _Run, customers: int, executor: Executor) -> _Run:
    """Return the run with the next customers of every world."""
    batches = parts_of(customers)
    crowds, looks = walk_crowds(run.crowds, batches, executor=executor)
    plain, plain_looks = walk_crowds(run.plain, batches, executor=executor)
    return replace(
        run, crowds=crowds, plain=plain, sizes=(*run.sizes, *batches), looks=(*run.looks, *looks),
        plain_looks=(*run.plain_looks, *plain_looks),
    )  # fmt: skip


def _controlled(run: _Run, settings: Settings, executor: Executor) -> _Run:
    """Return the run with its control where the first customers show that one is worth it, else without any."""
    first, control = _precision(run, given=False), None
    if run.plain and first.worst is not None:
        metric = _metric(run)
        pairs = [(_difference(run, arm, metric), _difference(run, arm, metric, plain=True)) for arm in run.arms[1:]]
        control = control_of(pairs, run.sizes, first.arms.index(first.worst))
    if control is None:
        return replace(run, plain={}, plain_looks=())
    finer = replace(settings, tolerance=settings.tolerance * FINER)
    found = exact_tallies([crowd.chain for crowd in run.plain.values()], finer, executor=executor)
    if not all(report.error <= settings.tolerance for _, report in found):
        return replace(run, plain={}, plain_looks=())
    return replace(run, known={key: tally for key, (tally, _) in zip(run.plain, found, strict=True)}, control=control)


def _tally(run: _Run, key: int) -> Tally:
    layered = crowd_tally(run.crowds[key])[0]
    if not run.known:
        return layered
    return controlled(layered, crowd_tally(run.plain[key])[0], run.known[key], run.control.slope)


def _precision(run: _Run, *, given: bool) -> Precision:
    metric, most = _metric(run), most_customers(_moves([*run.crowds.values(), *run.plain.values()]))
    arms = (
        reached(arm.name, metric, [*_difference(run, arm, metric), *_taken_off(run, arm, metric)], run.sizes)
        for arm in run.arms[1:]
    )
    return Precision(sum(run.sizes), not given, PART, most, tuple(arms), run.control.slope, run.control.gain)


def _moves(crowds: Collection[Crowd]) -> float:
    """Return the moves that one customer of every draw makes in all worlds together."""
    return float(sum(crowd.books.moves.sum() / crowd.customers for crowd in crowds))


def _metric(run: _Run) -> str:
    """Return what the decision rests on."""
    moves_money = any(look.total[..., [VALUE, COST]].any() for look in run.looks[-1].values())
    return MONEY if moves_money else SHARE


def _difference(run: _Run, arm: Arm, metric: str, *, plain: bool = False) -> list[Part]:
    """Return what a proposal's difference from today consists of at its full effect."""
    looks = run.plain_looks if plain else run.looks
    today = _parts(run.arms[0], looks, metric, 1.0, -1.0)
    return [*_parts(arm, looks, metric, max(arm.realism), 1.0), *today]


def _taken_off(run: _Run, arm: Arm, metric: str) -> list[Part]:
    """Return the control's part in a proposal's difference."""
    if not run.known:
        return []
    parts, worlds = _difference(run, arm, metric, plain=True), [*arm.worlds, *run.arms[0].worlds]
    known = [_of_tally(run.known[id(world.draws)], metric) for world in worlds]
    slope = run.control.slope
    return [Part(-slope * part.weight, part.batches, mean) for part, mean in zip(parts, known, strict=True)]


def _of_tally(tally: Tally, metric: str) -> Floats:
    return tally.converted if metric == SHARE else tally.value_pv - tally.cost_pv


def _parts(arm: Arm, looks: Sequence[Mapping[int, Look]], metric: str, realism: float, sign: float) -> Iterator[Part]:
    for world, weight in zip(arm.worlds, ArmOutcomes(arm, (), ()).joint(realism), strict=True):
        yield Part(sign * weight, _batches([look[id(world.draws)] for look in looks], metric))


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
