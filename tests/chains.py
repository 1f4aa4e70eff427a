"""Chains built by hand: small worlds for tests of the engines, without files, maps or compilation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from journeysim.model.dwell import Family
from journeysim.simulate.chain import Chain

Move = float | tuple[float, Family, float] | tuple[float, Family, float, float]


def fixed(share: float, days: float) -> tuple[float, Family, float, float]:
    """Return a link that takes exactly `days`."""
    return share, Family.FIXED, days, 1.0


def build_chain(
    rows: Mapping[str, Mapping[str, Move]],
    *,
    outcomes: Sequence[str],
    entry: Mapping[str, float] | None = None,
    converts: Sequence[str] = (),
    churns: Sequence[str] = (),
    after_conversion: Sequence[str] = (),
    period_end: Sequence[float] = (np.inf,),
    table: np.ndarray | None = None,
    **rewards: Mapping[str, float],
) -> Chain:
    """Return a chain of one draw and one persona.

    `rows[touchpoint][place]` is a share (dwell: fixed one day) or (share, family, a[, b]). `rewards` are keyed by
    place (visit_value, visit_cost, effort, value_per_day, cost_per_day) or by "source -> target" (link_value,
    link_cost). An empirical dwell's b is the row of `table`. All is the same in all periods; use `with_arrays` for what differs.
    """
    touchpoints = tuple(rows)
    places = touchpoints + tuple(outcomes)
    moves = [(i, places.index(to), _move(move)) for i, row in enumerate(rows.values()) for to, move in row.items()]
    links = tuple(f"{places[i]} -> {places[j]}" for i, j, _ in moves)
    head = (1, 1, len(period_end))
    entry = entry or {touchpoints[0]: 1.0}

    def per_link(values: Sequence[float]) -> np.ndarray:
        return np.broadcast_to(np.asarray(values, dtype=np.float64), (*head, len(links))).copy()

    def per_place(name: str) -> np.ndarray:
        return np.broadcast_to(
            [float(rewards.get(name, {}).get(place, 0.0)) for place in places], (*head, len(places))
        ).copy()

    def marked(names: Sequence[str]) -> np.ndarray:
        return np.array([place in names for place in places])

    share = per_link([move[0] for _, _, move in moves])
    return Chain(
        touchpoints=touchpoints,
        outcomes=tuple(outcomes),
        personas=("everyone",),
        links=links,
        row_start=np.searchsorted([i for i, _, _ in moves], np.arange(len(touchpoints) + 1)).astype(np.int64),
        source=np.array([i for i, _, _ in moves], dtype=np.int64),
        target=np.array([j for _, j, _ in moves], dtype=np.int64),
        key=np.arange(len(touchpoints), dtype=np.uint32),
        share=share,
        today_share=share.copy(),
        coupled=np.zeros(len(touchpoints), dtype=np.bool_),
        family=np.array([[move[1] for _, _, move in moves]], dtype=np.int8),
        dwell_a=per_link([move[2] for _, _, move in moves]),
        dwell_b=per_link([move[3] for _, _, move in moves]),
        dwell_table=np.empty((0, 2)) if table is None else table,
        entry=np.array([float(entry.get(place, 0.0)) for place in places])[None, None],
        persona_share=np.ones((1, 1)),
        arrivals=np.ones(1),
        period_end=np.asarray(period_end, dtype=np.float64),
        visit_value=per_place("visit_value"),
        visit_value_sd=per_place("visit_value_sd"),
        visit_cost=per_place("visit_cost"),
        effort=per_place("effort"),
        value_per_day=per_place("value_per_day"),
        cost_per_day=per_place("cost_per_day"),
        link_value=per_link([rewards.get("link_value", {}).get(link, 0.0) for link in links]),
        link_cost=per_link([rewards.get("link_cost", {}).get(link, 0.0) for link in links]),
        converts=marked(converts),
        churns=marked(churns),
        after_conversion=marked(after_conversion),
    )


def with_arrays(chain: Chain, **arrays: np.ndarray) -> Chain:
    """Return the chain with whole arrays replaced."""
    return dataclasses.replace(chain, **arrays)


def stack(chains: Sequence[Chain], *, axis: int = 0) -> Chain:
    """Return chains of equal structure as draws (axis 0) or personas (axis 1) of one chain."""
    names = [
        "share",
        "today_share",
        "dwell_a",
        "dwell_b",
        "entry",
        "persona_share",
        "visit_value",
        "visit_value_sd",
        "visit_cost",
        "effort",
        "value_per_day",
        "cost_per_day",
        "link_value",
        "link_cost",
    ]
    arrays = {name: np.concatenate([getattr(chain, name) for chain in chains], axis=axis) for name in names}
    if axis == 0:
        arrays |= {name: np.concatenate([getattr(chain, name) for chain in chains]) for name in ("family", "arrivals")}
        return dataclasses.replace(chains[0], **arrays)
    arrays["persona_share"] = np.full_like(arrays["persona_share"], 1 / len(chains))
    return dataclasses.replace(chains[0], personas=tuple(f"persona {i + 1}" for i in range(len(chains))), **arrays)


def random_chain(seed: int, *, draws: int, personas: int, touchpoints: int, out_degree: int) -> Chain:
    """Return a journey with loops, log-normal and Weibull dwells and rewards, all numbers random."""
    rng = np.random.default_rng(seed)
    names = [f"touchpoint {i:02d}" for i in range(touchpoints)]
    outcomes = ["bought", "lost"]
    rows = {}
    for i, name in enumerate(names):
        others = [other for other in names if other != name]
        forward = names[min(i + 1, touchpoints - 1)]
        chosen = {forward, *rng.choice(others, out_degree - 2, replace=False)} - {name}
        ends = ["bought"] if i == touchpoints - 1 else []
        rows[name] = dict.fromkeys(["lost", *ends, *sorted(chosen)], 0.0)
    chain = build_chain(rows, outcomes=outcomes, converts=["bought"])
    links, head = len(chain.links), (draws, personas, 1)
    share = rng.gamma(2.0, size=(*head, links))
    for i in range(touchpoints):
        row = slice(chain.row_start[i], chain.row_start[i + 1])
        share[..., row] /= share[..., row].sum(axis=-1, keepdims=True)
    places = touchpoints + len(outcomes)
    money = {
        name: rng.gamma(2.0, 5.0, size=(*head, places))
        for name in ("visit_value", "visit_cost", "effort", "value_per_day", "cost_per_day")
    }
    entry = np.zeros((draws, personas, places))
    entry[..., 0] = 1.0
    return dataclasses.replace(
        chain,
        personas=tuple(f"persona {g + 1}" for g in range(personas)),
        share=share,
        today_share=share,
        family=np.tile(np.where(np.arange(links) % 2, Family.WEIBULL, Family.LOGNORMAL).astype(np.int8), (draws, 1)),
        dwell_a=rng.gamma(2.0, 3.0, size=(*head, links)),
        dwell_b=rng.uniform(0.6, 1.4, size=(*head, links)),
        entry=entry,
        persona_share=np.full((draws, personas), 1 / personas),
        arrivals=np.ones(draws),
        visit_value_sd=np.zeros((*head, places)),
        link_value=rng.gamma(2.0, size=(*head, links)),
        link_cost=rng.gamma(2.0, size=(*head, links)),
        **money,
    )


def _move(move: Move) -> tuple[float, Family, float, float]:
    if isinstance(move, (int, float)):
        return fixed(float(move), 1.0)
    share, family, a, *rest = move
    return float(share), family, float(a), float(rest[0]) if rest else 1.0
