"""Walks of many chains by an executor, block by block of draws and customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from itertools import groupby
from typing import Any, Final, final

import numpy as np

from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.executors import Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.lives import Lives
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import PATH_LABELS, PER_DRAW, Paths, Tally
from journeysim.simulate.walk.crowd import WalkError, felt_of, merge_walks, walk_tally
from journeysim.simulate.walk.singles import walk_lives

#: Lives of a block: a constant of the method, so that blocks do not depend on who walks them.
LIVES: Final = 2**18
_PATHS: Final = tuple(item.name for item in fields(Paths) if item.name not in PATH_LABELS)
_ERRORS: Final = tuple(item.name for item in fields(WalkError))
_LIVES: Final = tuple(item.name for item in fields(Lives) if item.name not in {"draws", "customers", "places"})


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some customers of some draws of a chain; `numbers` are the draws' numbers in the whole."""

    chain: Chain
    settings: Settings
    seed: int
    numbers: Ints
    first_customer: int
    customers: int


def walk_tallies(
    chains: Sequence[Chain],
    settings: Settings,
    *,
    seed: int,
    customers: int,
    executor: Executor,
    first_customer: int = 0,
) -> list[tuple[Tally, WalkError]]:
    """Return for each chain what `walk_tally` returns for it: bit for bit up to 262,144 customers per draw.

    More are walked in several blocks, whose means are merged in order, so sums are formed in another order than in one
    walk: the same on every executor, and the same but for the last digits.
    """
    whole = [Part(chain, settings, seed, np.arange(chain.draws), first_customer, customers) for chain in chains]
    cut = [list(_cut(part)) for part in whole]
    found = iter(in_order(executor, walk_part, [part for parts in cut for part in parts]))
    return [
        _merged(chain, settings, [(part, next(found)) for part in own]) for chain, own in zip(chains, cut, strict=True)
    ]


def lives_of_draws(
    chains: Sequence[Chain], settings: Settings, *, seed: int, draws: Ints, customers: int, executor: Executor
) -> list[Lives]:
    """Return for each chain what `walk_lives` returns for its first customers in the draws."""
    parts = [Part(chain.take(draws), settings, seed, draws, 0, customers) for chain in chains]
    found = in_order(executor, live_part, parts)
    people = np.arange(customers, dtype=np.int64)
    return [
        Lives(draws=draws, customers=people, places=chain.touchpoints + chain.outcomes, **own)
        for chain, own in zip(chains, found, strict=True)
    ]


def walk_part(part: Part) -> Arrays:
    """Return the fields of a part's tally, of its paths and of its errors."""
    tally, error = walk_tally(
        part.chain, part.settings, seed=part.seed, customers=part.customers, first_customer=part.first_customer,
        draw_numbers=part.numbers, threads=1,
    )  # fmt: skip
    found = {name: getattr(tally, name) for name in PER_DRAW}
    found |= {f"paths {name}": getattr(tally.paths, name) for name in _PATHS}
    return found | {f"error {name}": getattr(error, name) for name in _ERRORS}


def live_part(part: Part) -> Arrays:
    """Return the lives of a part's customers."""
    lives = walk_lives(
        part.chain, part.settings, seed=part.seed, draws=np.arange(part.chain.draws),
        customers=part.first_customer + np.arange(part.customers), draw_numbers=part.numbers,
    )  # fmt: skip
    return {name: getattr(lives, name) for name in _LIVES}


def _cut(part: Part) -> Iterator[Part]:
    """Yield a part in blocks: draws first, and the customers of a draw only where they are more than a block holds."""
    size = min(part.customers, LIVES)
    for rows in draw_blocks(part.chain.draws, max(1, LIVES // max(size, 1))):
        chain = part.chain.take(rows)
        for start in range(0, max(part.customers, 1), LIVES):
            count, first = min(LIVES, part.customers - start), part.first_customer + start
            yield replace(part, chain=chain, numbers=part.numbers[rows], first_customer=first, customers=count)


def _merged(chain: Chain, settings: Settings, answers: Sequence[tuple[Part, Arrays]]) -> tuple[Tally, WalkError]:
    """Return a chain's walk from its blocks: those of the same draws merged in order, then all draws one by one."""
    by_draws = [
        reduce(merge_walks, (_walk(chain, settings, found) for _, found in group))
        for _, group in groupby(answers, key=lambda answer: int(answer[0].numbers[0]))
    ]
    tallies, errors = [tally for tally, _ in by_draws], [error for _, error in by_draws]
    paths = [tally.paths for tally in tallies]
    whole = _tally(chain, settings, _joined(tallies, PER_DRAW), _joined(paths, _PATHS))
    return whole, WalkError(**_joined(errors, _ERRORS))


def _walk(chain: Chain, settings: Settings, found: Arrays) -> tuple[Tally, WalkError]:
    """Return a block's walk from its arrays."""
    named: dict[str, dict[str, Any]] = {"paths": {}, "error": {}, "": {}}
    for key, values in found.items():
        kind, _, name = key.rpartition(" ")
        named[kind][name] = values
    return _tally(chain, settings, named[""], named["paths"]), WalkError(**named["error"])


def _tally(chain: Chain, settings: Settings, values: dict[str, Any], paths: dict[str, Any]) -> Tally:
    return Tally(
        **values,
        marks=settings.marks,
        links=chain.links,
        touchpoints=chain.touchpoints,
        outcomes=chain.outcomes,
        personas=chain.personas,
        paths=Paths(**paths, stages=chain.stages, felt=felt_of(chain)),
    )


def _joined(items: Sequence[object], names: Sequence[str]) -> dict[str, Any]:
    """Return the named arrays of items one after the other, along the draws."""
    return {name: np.concatenate([getattr(item, name) for item in items]) for name in names}
