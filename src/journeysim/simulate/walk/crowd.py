"""Tallies by walking: expectations per entering customer with their Monte Carlo errors, memory flat in customers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.executors import usable_cores
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import BLOCK, LARGEST
from journeysim.simulate.tally import PATH_LABELS, Paths, Tally
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.kernel import MOST_MOVES
from journeysim.simulate.walk.layout import (
    Layout,
    Parameters,
    check_chain,
    check_numbers,
    layout_of,
    parameters_of,
    too_many_moves,
)
from journeysim.simulate.walk.sums import FIELDS, Sums, new_books, new_room, new_sums, walk_draws


@final
@dataclass(frozen=True, slots=True, eq=False)
class WalkError:
    """Monte Carlo standard errors of a walked tally's main fields, and how many customers they rest on; all (D, G).

    A persona with a share above 0 that no customer of a draw happened to be is walked by stand-ins (the draw's first
    64 customers as if they were of that persona); one with share 0 has no customers, means 0 and errors 0. A single
    customer gives no standard error: infinite.
    """

    customers: Ints
    converted: Floats
    value: Floats
    cost: Floats
    value_pv: Floats
    cost_pv: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The first `customers` customers of every draw of a chain, from number `first` on, and all they add up to.

    `books` and `sums` are sums over customers in blocks of 512, in order: whoever is added later, and in however many
    parts, the bits are those of one walk of them all (as long as parts are whole blocks).
    """

    chain: Chain
    settings: Settings
    layout: Layout
    parameters: Parameters
    numbers: Ints
    first: int
    customers: int
    books: Books
    sums: Sums


def walk_tally(
    chain: Chain,
    settings: Settings,
    *,
    seed: int,
    customers: int,
    first_customer: int = 0,
    draw_numbers: Ints | None = None,
    threads: int | None = None,
) -> tuple[Tally, WalkError]:
    """Return the tally of `customers` walked customers per draw, and its Monte Carlo errors.

    Customers are numbered from `first_customer`; a customer's life depends on nothing but the chain, the seed, the
    draw's number and their own. `draw_numbers` (default 0 … D-1) are the draws' numbers when the chain is a part of a
    longer one. Sums are formed in blocks of 512 customers in order, so the result has the same bits for any number of
    threads (default: one per processor). Money is booked when it moves; `Settings.within_cycle` must be "none".

    Raises ValueError for unusable numbers, JourneysimError when a customer loops without end.
    """
    nobody = empty_crowd(chain, settings, seed=seed, first_customer=first_customer, draw_numbers=draw_numbers)
    return crowd_tally(walk_on(nobody, customers, threads=threads), threads=threads)


def empty_crowd(
    chain: Chain, settings: Settings, *, seed: int, first_customer: int = 0, draw_numbers: Ints | None = None
) -> Crowd:
    """Return a crowd of nobody yet; see `walk_tally` for what the arguments mean and what is refused."""
    check_chain(chain)
    if settings.within_cycle != "none":
        raise ValueError("within_cycle corrections belong to cohort models; the walk books money when it moves")
    layout = layout_of(chain, settings, seed)
    numbers = check_numbers(np.arange(chain.draws) if draw_numbers is None else draw_numbers)
    if numbers.shape != (chain.draws,):
        raise ValueError(f"draw_numbers must have one number per draw ({chain.draws}), got {numbers.shape}")
    books, sums = new_books(chain.draws, layout), new_sums(chain.draws, layout)
    return Crowd(chain, settings, layout, parameters_of(chain), numbers, first_customer, 0, books, sums)


def walk_on(crowd: Crowd, customers: int, *, threads: int | None = None) -> Crowd:
    """Return the crowd with the next `customers` customers of every draw; the crowd given stays as it is."""
    last = crowd.first + crowd.customers + customers
    if customers < 1 or crowd.first < 0 or last > LARGEST:
        raise ValueError(f"customers must be at least 1 and numbered below {LARGEST}, got {customers}")
    if crowd.customers % BLOCK:
        raise ValueError(f"a crowd of {crowd.customers} ends within a block of {BLOCK}; walk its customers at once")
    more = replace(_own_arrays(crowd), customers=crowd.customers + customers)
    _walk_rows(more, crowd.first + crowd.customers, customers, standing_in=False, threads=threads)
    return more


def crowd_tally(crowd: Crowd, *, threads: int | None = None) -> tuple[Tally, WalkError]:
    """Return a crowd's tally and its Monte Carlo errors, with stand-ins for personas that nobody happened to be."""
    whole = _own_arrays(crowd)
    if bool(((crowd.sums.customers == 0) & (crowd.parameters.persona_share > 0.0)).any()):
        _walk_rows(whole, crowd.first, crowd.customers, standing_in=True, threads=threads)
    return tally_of(crowd.chain, crowd.settings, whole.books, whole.sums), _errors(whole.sums)


def _walk_rows(crowd: Crowd, first: int, customers: int, *, standing_in: bool, threads: int | None) -> None:
    """Walk customers of every draw into a crowd's own books and sums."""
    books, sums = crowd.books, crowd.sums

    def walk(rows: tuple[int, int]) -> None:
        room = new_room(crowd.layout)
        if not walk_draws(
            *rows, crowd.numbers, first, customers, standing_in, crowd.layout, crowd.parameters, books, sums, room
        ):
            row, customer, place = (int(item) for item in room.runaway)
            raise too_many_moves(crowd.chain, customer, int(crowd.numbers[row]), place, MOST_MOVES)

    in_threads(walk, crowd.chain.draws, threads or usable_cores())


def _own_arrays(crowd: Crowd) -> Crowd:
    """Return the crowd with books and sums of its own."""
    books, sums = Books._make(item.copy() for item in crowd.books), Sums._make(item.copy() for item in crowd.sums)
    return replace(crowd, books=books, sums=sums)


def merge_walks(first: tuple[Tally, WalkError], second: tuple[Tally, WalkError]) -> tuple[Tally, WalkError]:
    """Return the tally and errors of both walks' customers together (same chain and settings, other customers)."""
    before, after = first[1].customers, second[1].customers
    part = before / np.maximum(before + after, 1)
    merged: dict[str, Any] = {
        item.name: _mix(getattr(first[0], item.name), getattr(second[0], item.name), part)
        for item in fields(Tally)
        if item.name not in _SAME
    }
    merged["paths"] = _merge_paths(first[0].paths, second[0].paths, part)
    errors = {name: _merge_errors(name, first, second) for name in _WITH_ERROR}
    return replace(first[0], **merged), WalkError(customers=before + after, **errors)


_SAME = ("marks", "links", "touchpoints", "outcomes", "personas", "paths", "resources")
_WITH_ERROR = ("converted", "value", "cost", "value_pv", "cost_pv")


def _merge_paths(first: Paths | None, second: Paths | None, part: Floats) -> Paths | None:
    if first is None or second is None:
        return None
    mixed: dict[str, Any] = {
        item.name: _mix(getattr(first, item.name), getattr(second, item.name), part)
        for item in fields(Paths)
        if item.name not in PATH_LABELS
    }
    return replace(first, **mixed)


def _mix(first: Floats, second: Floats, part: Floats) -> Floats:
    weight = part.reshape(part.shape + (1,) * (first.ndim - 2))
    return weight * first + (1 - weight) * second


def _merge_errors(name: str, first: tuple[Tally, WalkError], second: tuple[Tally, WalkError]) -> Floats:
    """Return the standard error of the merged mean: squared deviations of both, and of their means."""
    a, b = first[1].customers, second[1].customers
    gap = getattr(second[0], name) - getattr(first[0], name)
    squares = _squares(getattr(first[1], name), a) + _squares(getattr(second[1], name), b)
    return _standard_error(squares + gap**2 * a * b / np.maximum(a + b, 1), a + b)


def _squares(error: Floats, count: Ints) -> Floats:
    return np.where(count > 1, np.where(np.isfinite(error), error, 0.0) ** 2 * count * (count - 1), 0.0)


def _standard_error(squares: Floats, count: Ints) -> Floats:
    """Return sqrt(squares / (n - 1) / n); infinite for one customer, 0 for none."""
    error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    return np.where(count == 1, np.inf, np.where(count == 0, 0.0, error))


def in_threads(walk: Callable[[tuple[int, int]], None], draws: int, threads: int) -> None:
    """Run `walk` over slices of the draws; a draw is never split, so slices change nothing but the time it takes."""
    slices = max(1, min(draws, 4 * threads))
    edges = [draws * k // slices for k in range(slices + 1)]
    if threads == 1:
        for rows in pairwise(edges):
            walk(rows)
        return
    with ThreadPoolExecutor(threads) as pool:
        # Going through the results raises what a thread raised.
        list(pool.map(walk, pairwise(edges)))


def tally_of(chain: Chain, settings: Settings, books: Books, sums: Sums) -> Tally:
    """Return counts and sums as means per customer of each persona."""
    draws, personas = sums.customers.shape

    def per_customer(total: Ints | Floats) -> Floats:
        return _per_customer(total, sums.customers)

    moves = books.moves.reshape(draws, personas, -1, chain.target.size).sum(axis=2)
    arrived = books.entries.copy()
    for link, target in enumerate(chain.target):
        arrived[..., target] += moves[..., link]
    money: dict[str, Any] = {name: per_customer(sums.total[..., k]) for k, name in enumerate(FIELDS)}
    ended_by = per_customer(np.cumsum(sums.ended_from, axis=-1))
    return Tally(
        converted=per_customer(sums.converted),
        churned=per_customer(sums.churned),
        lost=per_customer(sums.lost),
        active=per_customer(sums.active),
        ends=per_customer(sums.ends),
        visits=per_customer(arrived),
        moves=per_customer(moves),
        value_at=per_customer(books.value_at),
        cost_at=per_customer(books.cost_at),
        marks=settings.marks,
        converted_by=per_customer(np.cumsum(sums.converted_from, axis=-1)),
        active_at=np.where(sums.customers[..., None] > 0, 1.0 - ended_by, 0.0),
        value_month=per_customer(books.value_month),
        cost_month=per_customer(books.cost_month),
        converted_month=per_customer(sums.converted_month),
        links=chain.links,
        touchpoints=chain.touchpoints,
        outcomes=chain.outcomes,
        personas=chain.personas,
        **money,
        paths=_paths(chain, books, sums),
    )


def _per_customer(total: Ints | Floats, customers: Ints) -> Floats:
    """Return means per customer, shape as `total`, whose first axes are those of `customers`."""
    count = np.maximum(customers, 1).astype(np.float64)
    return np.asarray(total / count.reshape(count.shape + (1,) * (total.ndim - 2)))


def felt_of(chain: Chain) -> frozenset[str]:
    """Return the touchpoints that give a feeling."""
    moods = chain.layers.moods
    return frozenset(name for name, at in zip(chain.touchpoints, () if moods is None else moods.at, strict=False) if at)


def _paths(chain: Chain, books: Books, sums: Sums) -> Paths:
    counted, asked = sums.customers, 1.0 if chain.layers.moods is not None else np.nan
    counts: dict[str, Any] = {
        name: _per_customer(getattr(sums, name), counted)
        for name in ("reached", "staged", "bounced", "touches_to_convert", "effort_to_convert")
    }
    return Paths(
        **counts,
        satisfied=_per_customer(books.satisfied, counted),
        promoters=asked * _per_customer(sums.promoters, counted),
        detractors=asked * _per_customer(sums.detractors, counted),
        stages=chain.stages,
        felt=felt_of(chain),
    )


def _errors(sums: Sums) -> WalkError:
    """Return the standard errors; a share's squared deviations are n p (1 - p)."""
    count = sums.customers
    missed = sums.converted * (count - sums.converted) / np.maximum(count, 1)
    money = {
        name: _standard_error(sums.squares[..., FIELDS.index(name)], count)
        for name in _WITH_ERROR
        if name != "converted"
    }
    return WalkError(customers=count, converted=_standard_error(missed, count), **money)
