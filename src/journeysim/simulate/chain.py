"""Chain: one world as plain arrays, ready for an engine. `compile_world` is the only way in.

Axes: D draws, G personas, P tenure periods, n touchpoints, m outcomes, s = n + m places (touchpoints first),
L links in row order (`row_start[i] : row_start[i + 1]` are the links of touchpoint i).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.addresses import name_key
from journeysim.model.draws import LINK_FIELDS, PLACE_FIELDS, Draws, tables_of
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats
from journeysim.simulate.compile_layers import Rows, compile_layers
from journeysim.simulate.layers import NO_LAYERS, Bools, Ints, Layers
from journeysim.simulate.seasons import Seasons, factors_of, seasons_of, with_seasons

#: What a visit, a day and a move bring in money.
MONEY_FIELDS: Final = (
    "visit_value", "visit_value_sd", "visit_cost", "value_per_day", "cost_per_day", "link_value", "link_cost",
)  # fmt: skip

__all__ = ["MONEY_FIELDS", "Bools", "Chain", "Ints", "compile_world"]

Item = TypeVar("Item", bound=np.generic)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """One world's parameters as arrays.

    Links of a row stand in slot order: outcomes first, then by name, never by position in a file (MODEL section 7).
    `today_share` is today's share of the same slot in the same row (0 where today has none): the row a changed row is
    coupled to. `coupled[i]` says whether touchpoint i's row differs from today's anywhere; links that only today has
    are present with share 0, so that sum(today_share) over a row is 1 for every row today has.
    """

    touchpoints: tuple[str, ...]
    outcomes: tuple[str, ...]
    personas: tuple[str, ...]
    links: tuple[str, ...]
    row_start: Ints  # (n + 1,)
    source: Ints  # (L,)
    target: Ints  # (L,) place index
    key: NDArray[np.uint32]  # (n,) address of a touchpoint, from its name
    share: Floats  # (D, G, P, L)
    today_share: Floats  # (D, G, P, L)
    coupled: Bools  # (n,)
    family: NDArray[np.int8]  # (D, L)
    dwell_a: Floats  # (D, G, P, L)
    dwell_b: Floats  # (D, G, P, L)
    dwell_table: Floats  # (T, K) quantiles at 0 … 1; an empirical dwell's `dwell_b` is its row
    entry: Floats  # (D, G, s)
    persona_share: Floats  # (D, G)
    arrivals: Floats  # (D,) per day
    period_end: Floats  # (P,)
    visit_value: Floats  # (D, G, P, s)
    visit_value_sd: Floats  # (D, G, P, s)
    visit_cost: Floats  # (D, G, P, s)
    effort: Floats  # (D, G, P, s)
    value_per_day: Floats  # (D, G, P, s)
    cost_per_day: Floats  # (D, G, P, s)
    link_value: Floats  # (D, G, P, L)
    link_cost: Floats  # (D, G, P, L)
    converts: Bools  # (s,) arriving here is converting
    churns: Bools  # (s,) an outcome that is churn
    after_conversion: Bools  # (s,) … and counts among the converted only
    layers: Layers = NO_LAYERS
    slots: tuple[str, ...] = ()  # (L,) names of the slots; none: those of the targets
    stages: tuple[str, ...] = ()
    stage: Ints | None = None  # (n,) position among `stages`, -1 where a touchpoint has none
    #: (L,) address of the touchpoint that today stands at the end of a link and that this world lacks, 0 elsewhere
    gone: NDArray[np.uint32] | None = None
    #: None: no season. Else periods are those of the first season, then those of the next (`simulate.seasons`)
    season: Seasons | None = None

    @property
    def draws(self) -> int:
        """Number of draws D."""
        return int(self.share.shape[0])

    def take(self, chosen: Ints) -> Chain:
        """Return the chain of the chosen draws only, with the tables of empirical dwells that these use."""
        arrays = {item.name: getattr(self, item.name)[chosen] for item in fields(self) if item.name in _PER_DRAW}
        return _with_used_tables(replace(self, layers=self.layers.take(chosen), **arrays))


_PER_DRAW: Final = frozenset(
    (*LINK_FIELDS, *PLACE_FIELDS, "family", "today_share", "entry", "persona_share", "arrivals"),
)


def _with_used_tables(chain: Chain) -> Chain:
    """Return the chain with the tables that some draw refers to alone: draws have tables of their own, and large ones."""
    row = chain.dwell_b
    refers = (chain.family == Family.EMPIRICAL)[:, None, None, :] & (row >= 0) & (row < len(chain.dwell_table))
    used, renumbered = np.unique(row[refers].astype(np.int64), return_inverse=True)
    if len(used) == len(chain.dwell_table):
        return chain
    dwell_b = row.copy()
    dwell_b[refers] = renumbered
    return replace(chain, dwell_b=dwell_b, dwell_table=chain.dwell_table[used])


@final
@dataclass(frozen=True, slots=True)
class _Slot:
    """One position in a compiled row: where it leads, and which links of this world and of today stand there."""

    source: str
    slot: str
    target: str
    here: int | None
    today: int | None


def compile_world(journey: JourneyMap, draws: Draws, today: Draws | None = None) -> Chain:
    """Return a world as plain arrays.

    Parameters
    ----------
    journey : JourneyMap
        The world's map; its touchpoints and outcomes name the places.
    draws : Draws
        The world's draws, over the same places.
    today : Draws, optional
        Today's draws (same number of draws); rows that differ from theirs are coupled to them. Without it no row is.

    Raises
    ------
    BadInput
        When two touchpoints' names, or two links', fall on one random address (a 32-bit hash): rename one of them.
    """
    touchpoints, outcomes = journey.touchpoint_names, journey.outcome_names
    slots = _slots(touchpoints, outcomes, draws, today)
    links = {name: _spread(draws.values(name), [slot.here for slot in slots]) for name in LINK_FIELDS}
    base = draws if today is None else today
    today_share = _spread(base.values("share"), [slot.here if today is None else slot.today for slot in slots])
    row_of_link = np.array([touchpoints.index(slot.source) for slot in slots], dtype=np.int64)
    order = [draws.places.index(name) for name in (*touchpoints, *outcomes)]
    places = {name: np.ascontiguousarray(draws.values(name)[..., order]) for name in PLACE_FIELDS if name != "feeling"}
    index = {name: k for k, name in enumerate((*touchpoints, *outcomes))}
    arrays: dict[str, Any] = links | places | _marks(journey)
    chain = Chain(
        touchpoints=touchpoints,
        outcomes=outcomes,
        personas=draws.personas,
        links=tuple(f"{slot.source} -> {slot.target}" for slot in slots),
        slots=tuple(slot.slot for slot in slots),
        row_start=np.searchsorted(row_of_link, np.arange(len(touchpoints) + 1)).astype(np.int64),
        source=row_of_link,
        target=np.array([index.get(slot.target, len(touchpoints)) for slot in slots], dtype=np.int64),
        key=_addresses(touchpoints),
        today_share=today_share,
        coupled=_differs(links["share"], today_share, row_of_link, len(touchpoints)),
        family=_spread(draws.data["family"].values, [slot.here for slot in slots]),
        dwell_table=tables_of(draws.data),
        entry=np.ascontiguousarray(draws.values("entry")[..., order]),
        persona_share=draws.values("persona_share"),
        arrivals=draws.values("arrivals"),
        period_end=np.asarray(draws.data["period_end"].values, dtype=np.float64),
        stages=journey.stages,
        stage=_stage_numbers(journey),
        gone=_gone(slots, touchpoints, today),
        layers=compile_layers(journey, draws, today, _rows(slots, touchpoints, first_world=today is None)),
        **arrays,
    )
    return _in_seasons(chain, draws, today, slots)


def _in_seasons(chain: Chain, draws: Draws, today: Draws | None, slots: list[_Slot]) -> Chain:
    """Return the chain in today's seasons, if there are any: no change touches them, so every world has the same."""
    base = draws if today is None else today
    cycle = seasons_of(base)
    if cycle is None:
        return chain
    here = tuple(slot.here for slot in slots)
    then = here if today is None else tuple(slot.today for slot in slots)
    count = len(cycle.names)
    odds, dwell = (factors_of(draws, here, name, count) for name in ("season_odds", "season_dwell"))
    return with_seasons(chain, cycle, odds, factors_of(base, then, "season_odds", count), dwell)


def _stage_numbers(journey: JourneyMap) -> Ints:
    known = {name: k for k, name in enumerate(journey.stages)}
    return np.array([known.get(point.stage, -1) for point in journey.touchpoints], dtype=np.int64)


def _gone(slots: list[_Slot], touchpoints: tuple[str, ...], today: Draws | None) -> NDArray[np.uint32]:
    """Return the addresses of touchpoints that only today has, at the links that lead there today.

    Only of those that are reached from one touchpoint alone: its visit number then tells the visits apart.
    """
    keys = dict[str, int]()
    if today is not None:
        moves = [split_link(label) for label in today.links]
        entered = today.values("entry").max(axis=(0, 1)) > 0.0
        for name in {source for source, _ in moves} - set(touchpoints):
            sources = {source for source, target in moves if target == name and source != name}
            if len(sources) == 1 and not entered[today.places.index(name)]:
                keys[name] = name_key("touchpoint", name) & 0xFFFFFFFF
    return np.array([keys.get(slot.target, 0) for slot in slots], dtype=np.uint32)


def _rows(slots: list[_Slot], touchpoints: tuple[str, ...], *, first_world: bool) -> Rows:
    here = tuple(slot.here for slot in slots)
    return Rows(
        touchpoints=touchpoints,
        source=tuple(touchpoints.index(slot.source) for slot in slots),
        slots=tuple(slot.slot for slot in slots),
        targets=tuple(slot.target for slot in slots),
        here=here,
        today=here if first_world else tuple(slot.today for slot in slots),
    )


def _slots(touchpoints: tuple[str, ...], outcomes: tuple[str, ...], draws: Draws, today: Draws | None) -> list[_Slot]:
    """Return the compiled links, row by row, each row in slot order: outcomes first, then by name."""
    here, then = _by_slot(draws), _by_slot(today) if today is not None else {}
    found = []
    for source in touchpoints:
        names = {slot for of, slot in (*here, *then) if of == source}
        for slot in sorted(names, key=lambda name: (name not in outcomes, name)):
            at, was = here.get((source, slot)), then.get((source, slot))
            label = draws.links[at] if at is not None else today.links[was]  # type: ignore[union-attr,index]
            found.append(_Slot(source, slot, split_link(label)[1], at, was))
    return found


def _by_slot(draws: Draws) -> dict[tuple[str, str], int]:
    """Return the position of each link by (source, slot)."""
    slots = draws.data["slot"].values
    return {(split_link(label)[0], str(slots[k])): k for k, label in enumerate(draws.links)}


def _spread(values: NDArray[Item], positions: list[int | None]) -> NDArray[Item]:
    """Return values (…, link) rearranged to compiled positions, zero where a position has no link."""
    out = np.zeros((*values.shape[:-1], len(positions)), dtype=values.dtype)
    filled = {k: at for k, at in enumerate(positions) if at is not None}
    out[..., list(filled)] = values[..., list(filled.values())]
    return out


def _differs(share: Floats, today: Floats, row_of_link: Ints, rows: int) -> Bools:
    """Return which rows differ from a row that today has."""
    changed = (share != today).any(axis=(0, 1, 2))
    exists = today.sum(axis=(0, 1, 2)) > 0
    by_row = np.zeros((2, rows), dtype=bool)
    np.logical_or.at(by_row[0], row_of_link, changed)
    np.logical_or.at(by_row[1], row_of_link, exists)
    return np.asarray(by_row[0] & by_row[1])


def _addresses(touchpoints: tuple[str, ...]) -> NDArray[np.uint32]:
    keys = np.array([name_key("touchpoint", name) & 0xFFFFFFFF for name in touchpoints], dtype=np.uint32)
    values, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        names = [name for name, key in zip(touchpoints, keys, strict=True) if key == values[counts > 1][0]]
        raise BadInput([Problem("J063", f"{names} fall on one random address; rename one of them")])
    return keys


def _marks(journey: JourneyMap) -> dict[str, Bools]:
    """Return which places convert, churn, and count churn among the converted only."""
    ends = journey.outcomes
    none = [False] * len(journey.touchpoints)
    return {
        "converts": np.array([point.conversion for point in journey.touchpoints] + [end.conversion for end in ends]),
        "churns": np.array(none + [end.churn for end in ends]),
        "after_conversion": np.array(none + [end.after_conversion for end in ends]),
    }
