"""Crowds walked on by an executor: some draws of one crowd a block, all their next customers at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.executors import Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import seed_of
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.by_blocks import LIVES
from journeysim.simulate.walk.crowd import Crowd, empty_crowd, walk_on
from journeysim.simulate.walk.sums import Sums


class Look(NamedTuple):
    """What everybody so far adds up to, of what tells how precise that is; the first axes are draw and persona."""

    customers: Ints  # (D, G)
    converted: Ints  # (D, G)
    total: Floats  # (D, G, 5)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Some draws of a crowd, as far as they have been walked, and the batches of customers that come next."""

    chain: Chain
    settings: Settings
    seed: int
    numbers: Ints
    first: int
    customers: int
    books: Books | None
    sums: Sums | None
    sizes: tuple[int, ...]


def walk_crowds(
    crowds: Mapping[int, Crowd], sizes: Sequence[int], *, executor: Executor
) -> tuple[dict[int, Crowd], list[dict[int, Look]]]:
    """Return each crowd with the next customers, and how it looked after each batch of them.

    The bits are those of `walk_on` batch by batch, whoever walks.
    """
    stretches = {key: list(_stretches(crowd, tuple(sizes))) for key, crowd in crowds.items()}
    found = iter(in_order(executor, walk_stretch, [item for own in stretches.values() for item in own]))
    joined = {key: _joined([next(found) for _ in own]) for key, own in stretches.items()}
    looks = [
        {key: Look(*(arrays[f"look {name}"][k] for name in Look._fields)) for key, arrays in joined.items()}
        for k in range(len(sizes))
    ]
    return {key: _walked(crowd, joined[key], sum(sizes)) for key, crowd in crowds.items()}, looks


def walk_stretch(stretch: Stretch) -> Arrays:
    """Return a stretch's books and sums at its end, and its looks, batch by batch."""
    crowd = empty_crowd(
        stretch.chain, stretch.settings, seed=stretch.seed, first_customer=stretch.first, draw_numbers=stretch.numbers
    )
    if stretch.books is not None and stretch.sums is not None:
        crowd = replace(crowd, customers=stretch.customers, books=stretch.books, sums=stretch.sums)
    looks = []
    for size in stretch.sizes:
        crowd = walk_on(crowd, size, threads=1)
        looks.append(Look(crowd.sums.customers, crowd.sums.converted, crowd.sums.total))
    found: Arrays = {f"look {name}": np.stack([getattr(look, name) for look in looks]) for name in Look._fields}
    found |= {f"books {name}": item for name, item in crowd.books._asdict().items()}
    return found | {f"sums {name}": item for name, item in crowd.sums._asdict().items()}


def _stretches(crowd: Crowd, sizes: tuple[int, ...]) -> Iterator[Stretch]:
    seed = seed_of(crowd.layout.seed_low, crowd.layout.seed_high)
    for rows in draw_blocks(crowd.chain.draws, max(1, LIVES // max(sum(sizes), 1))):
        begun = crowd.customers > 0
        yield Stretch(
            crowd.chain.take(rows), crowd.settings, seed, crowd.numbers[rows], crowd.first, crowd.customers,
            Books._make(item[rows] for item in crowd.books) if begun else None,
            Sums._make(item[rows] for item in crowd.sums) if begun else None,
            sizes,
        )  # fmt: skip


def _joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arrays of a crowd's stretches one after the other, along the draws; looks have them second."""
    return {
        name: np.concatenate([part[name] for part in parts], axis=int(name.startswith("look "))) for name in parts[0]
    }


def _walked(crowd: Crowd, found: Mapping[str, Any], customers: int) -> Crowd:
    return replace(
        crowd,
        customers=crowd.customers + customers,
        books=Books._make(found[f"books {name}"] for name in Books._fields),
        sums=Sums._make(found[f"sums {name}"] for name in Sums._fields),
    )
