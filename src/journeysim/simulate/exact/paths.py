"""What whole lives tell, without walking any: who was where at all, who bounces, what converting takes.

A set of places counts as reached by those whose first arrival there is within the horizon. Customers who have not been
there are followed in a layer of the recursion of their own, but only where that can differ from everybody: at
touchpoints that can be come to from the set and that lead back to it (tabu probabilities; Kemeny & Snell 1976, 3.5).
Where there are none, first arrivals are moves from outside into the set, which the tally has already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.model.dwell import cdf_by_draw
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain
from journeysim.simulate.exact.by_blocks import DRAWS
from journeysim.simulate.exact.grid import MOST_STEPS, cohort_step, fewest_steps
from journeysim.simulate.exact.recursion import path_sums, trial_draws
from journeysim.simulate.executors import HERE, Arrays, Executor, draw_blocks, in_order
from journeysim.simulate.seasons import unrolled
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Paths, Tally

#: Links followed once more for all sets together; beyond it walking customers is cheaper.
MOST_LINKS: Final = 1_500
_FIRST_STEPS: Final = 15


@final
@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A set of touchpoints, and where those who have not been there must be followed apart from everybody."""

    wanted: Bools  # (n,)
    apart: Bools  # (n,)


def exact_paths(chain: Chain, settings: Settings, tally: Tally, *, executor: Executor = HERE) -> Paths | None:
    """Return what whole lives tell within the horizon, exactly; None where walking them is cheaper.

    Promoters and detractors are NaN: satisfaction at the end depends on the whole way.

    Parameters
    ----------
    chain
        The world of the tally; no layer may act on what its customers do.
    settings
        As for the tally.
    tally
        What `exact_tally` gave.
    executor
        Does the blocks of draws; the bits of the result do not depend on it.
    """
    layers = [_layer_of(chain, wanted) for wanted in _sets_of(chain)]
    if _links_of(chain, layers) > MOST_LINKS or not _feelings_are_steady(chain):
        return None
    followed = [layer for layer in layers if layer.apart.any()]
    first, until = _settled(chain, settings, followed, executor)
    by_layer = iter(np.moveaxis(first, -1, 0))
    came = [next(by_layer) if layer.apart.any() else _moves_into(chain, tally, layer.wanted) for layer in layers]
    reached = [found + _enters(chain, layer.wanted) for found, layer in zip(came, layers, strict=True)]
    n = len(chain.touchpoints)
    return Paths(
        reached=np.concatenate([np.stack(reached[:n], axis=-1), tally.ends], axis=-1),
        staged=np.stack(reached[n:], axis=-1) if chain.stages else np.zeros((*tally.converted.shape, 0)),
        bounced=_bounced(chain, settings),
        touches_to_convert=until[..., 0],
        effort_to_convert=until[..., 1],
        satisfied=_satisfied(chain, tally),
        promoters=np.full_like(tally.converted, np.nan),
        detractors=np.full_like(tally.converted, np.nan),
        stages=chain.stages,
        felt=_felt(chain),
    )


def _sets_of(chain: Chain) -> list[Bools]:
    """Return the sets of interest: every touchpoint, then every stage."""
    n = len(chain.touchpoints)
    stage = np.full(n, -1) if chain.stage is None else chain.stage
    return [*np.eye(n, dtype=np.bool_), *(stage == k for k in range(len(chain.stages)))]


def _layer_of(chain: Chain, wanted: Bools) -> Layer:
    """Return a set with the touchpoints outside it that it leads to and that lead back."""
    leads = _leads_to(chain)
    return Layer(wanted, leads[wanted].any(axis=0) & leads[:, wanted].any(axis=1) & ~wanted)


def _leads_to(chain: Chain) -> Bools:
    """Return whether one touchpoint (row) can lead to another (column), by one move or more (Warshall's algorithm)."""
    n = len(chain.touchpoints)
    used = (chain.share > 0).any(axis=(0, 1, 2)) & (chain.target < n)
    found = np.zeros((n, n), dtype=np.bool_)
    found[chain.source[used], chain.target[used]] = True
    for k in range(n):
        found |= found[:, k : k + 1] & found[k : k + 1]
    return found


def _links_of(chain: Chain, layers: list[Layer]) -> int:
    return sum(int(layer.apart[chain.source].sum()) for layer in layers)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some draws of a chain, their grid, and whom to follow apart (`path_sums`)."""

    chain: Chain
    settings: Settings
    step: float
    steps: int
    lattice: bool
    apart: Bools  # (sets, n)
    wanted: Bools  # (sets, n)


def part_of_paths(part: Part) -> Arrays:
    """Return first arrivals and what converting takes in some draws."""
    first, until = _sums(part)
    return {"first": first, "until": until}


def _sums(part: Part) -> tuple[Floats, Floats]:
    return path_sums(
        part.chain, part.settings, part.step, part.steps,
        lattice=part.lattice, apart=part.apart, wanted=part.wanted, threads=1,
    )  # fmt: skip


def _settled(chain: Chain, settings: Settings, layers: list[Layer], executor: Executor) -> tuple[Floats, Floats]:
    """Return `path_sums` on a grid on which a few draws are within the tolerance of twice as many steps."""
    shape = (len(layers), len(chain.touchpoints))
    apart, wanted = (
        np.array([getattr(layer, name) for layer in layers], dtype=np.bool_).reshape(shape)
        for name in ("apart", "wanted")
    )

    def on_grid(part: Chain, steps: int) -> Part:
        return Part(part, settings, settings.horizon / steps, steps, lattice=False, apart=apart, wanted=wanted)

    step = cohort_step(chain, settings.horizon)
    if step is None:
        few, fewest = trial_draws(chain), fewest_steps(chain, settings)
        first = fewest * -(-_FIRST_STEPS // fewest)
        whole = on_grid(chain, _enough(lambda n: _sums(on_grid(few, n)), first, settings.tolerance))
    else:
        steps = int(np.floor(settings.horizon / step + 1e-9))
        whole = Part(chain, settings, step, steps, lattice=True, apart=apart, wanted=wanted)
    parts = [replace(whole, chain=chain.take(rows)) for rows in draw_blocks(chain.draws, DRAWS)]
    found = in_order(executor, part_of_paths, parts)
    return np.concatenate([item["first"] for item in found]), np.concatenate([item["until"] for item in found])


def _enough(on_grid: Callable[[int], tuple[Floats, Floats]], steps: int, tolerance: float) -> int:
    """Return the first number of steps whose sums twice as many do not change by more than the tolerance."""
    now = on_grid(steps)
    while 2 * steps <= MOST_STEPS:
        finer = on_grid(2 * steps)
        if all(
            np.abs(a - b).max(initial=0.0) <= tolerance * np.abs(b).max(initial=1e-300)
            for a, b in zip(now, finer, strict=True)
        ):
            return steps
        now, steps = finer, 2 * steps
    return steps


def _moves_into(chain: Chain, tally: Tally, wanted: Bools) -> Floats:
    """Return the expected moves from outside into a set that nobody comes back to, (D, G)."""
    n = len(chain.touchpoints)
    inside = np.append(wanted, np.zeros(len(chain.outcomes), dtype=np.bool_))
    into = inside[chain.target] & ~inside[:n][chain.source]
    return np.asarray(tally.moves[..., into].sum(axis=-1))


def _enters(chain: Chain, wanted: Bools) -> Floats:
    return np.asarray(chain.entry[..., : len(wanted)][..., wanted].sum(axis=-1))


def _bounced(chain: Chain, settings: Settings) -> Floats:
    """Return P(ends without converting after at most one touchpoint), (D, G), from dwells as they are, without a grid."""
    found = [_bounced_from(part, settings) for part in unrolled(chain, settings.horizon)]
    return found[0] if len(found) == 1 else np.asarray(sum(found)) / len(found)


def _bounced_from(chain: Chain, settings: Settings) -> Floats:
    n, first = len(chain.touchpoints), int(np.searchsorted(chain.period_end, 0.0, side="right"))
    a, b = chain.dwell_a[:, :, first], chain.dwell_b[:, :, first]
    within = cdf_by_draw(chain.family, a, b, settings.horizon * (1 + 1e-12), chain.dwell_table)
    lost = (chain.target >= n) & ~chain.converts[chain.target] & ~chain.converts[chain.source]
    share = np.where(chain.share[:, :, first] > 0, chain.share[:, :, first] * within, 0.0)
    leaving = (chain.entry[..., chain.source] * share)[..., lost].sum(axis=-1)
    return np.asarray(leaving + chain.entry[..., n:][..., ~chain.converts[n:]].sum(axis=-1))


def _felt(chain: Chain) -> frozenset[str]:
    moods = chain.layers.moods
    if moods is None:
        return frozenset()
    return frozenset(name for name, at in zip(chain.touchpoints, moods.at, strict=False) if at)


def _feelings_are_steady(chain: Chain) -> bool:
    """Say whether feelings are the same in all tenure periods, so that visits need no telling apart."""
    moods = chain.layers.moods
    return moods is None or bool((moods.feeling == moods.feeling[:, :, :1]).all())


def _satisfied(chain: Chain, tally: Tally) -> Floats:
    """Return the expected visits whose feeling is answered with 4 or 5 of 5: visits times P(feeling above the cut)."""
    moods = chain.layers.moods
    if moods is None:
        return np.zeros_like(tally.visits)
    cut, mean = moods.csat[-2], moods.feeling[:, :, 0]
    if not -1.0 <= cut < 1.0:
        return np.where(moods.at & (cut < 1.0), tally.visits, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(moods.spread > 0, special.ndtr((mean - cut) / moods.spread), mean > cut)
    return np.asarray(np.where(moods.at, tally.visits * above, 0.0))
