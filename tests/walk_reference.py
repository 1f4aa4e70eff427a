"""A life of the walk in plain Python, from the contract alone; and random chains that use all of the contract."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import special

from chains import random_chain
from journeysim.model.dwell import Family, ppf
from journeysim.model.satisfaction import CSAT_CUTS, NPS_CUTS
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Chain
from journeysim.simulate.layers import Frailty, Layers, Memory, Moods, Values
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import (
    ENTRY,
    FEELING,
    OWN_RATE,
    OWN_SHARE,
    OWN_VALUE,
    RESIDUAL,
    VISIT,
    place_key,
    uniforms,
)

Money = tuple[float, float]
TABLES = 5


class Who(NamedTuple):
    """Whose life it is."""

    seed: int
    draw: int
    customer: int


@dataclass
class Life:
    """What the reference found."""

    persona: int
    path: list[int] = field(default_factory=list)
    days: list[float] = field(default_factory=list)
    convert_day: float = np.nan
    touches_to_convert: int = 0
    value: float = 0.0
    cost: float = 0.0
    value_pv: float = 0.0
    cost_pv: float = 0.0
    effort: float = 0.0
    effort_to_convert: float = 0.0
    moods: list[float] = field(default_factory=lambda: [0.0, 0.0])
    satisfied: list[int] = field(default_factory=list)


def same_bits(first: object, second: object) -> bool:
    """Return whether two dataclasses of arrays are the same to the last bit."""
    return all(
        np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype.kind == "f")
        for a, b in zip(_arrays_in(first), _arrays_in(second), strict=True)
    )


def _arrays_in(item: object) -> list[object]:
    found = [getattr(item, name.name) for name in dataclasses.fields(item)]
    return [value for part in found for value in (_arrays_in(part) if dataclasses.is_dataclass(part) else [part])]


def rich_chain(seed: int, *, draws: int = 2) -> Chain:
    """Return a random chain with every dwell family by draw, three periods, spread values, coupled rows and idle links."""
    rng = np.random.default_rng(seed)
    chain = random_chain(seed, draws=draws, personas=3, touchpoints=8, out_degree=4)
    links, places = len(chain.links), len(chain.touchpoints) + len(chain.outcomes)
    per_link, per_place = (draws, 3, 3, links), (draws, 3, 3, places)
    mean = rng.gamma(2.0, 5.0, per_place) * (rng.random(per_place) < 0.7)
    family = np.stack([rng.permutation(np.arange(links) % len(Family)) for _ in range(draws)]).astype(np.int8)
    shape = rng.uniform(0.4, 2.5, per_link)
    shape = np.where(family[:, None, None] == Family.EMPIRICAL, rng.integers(0, TABLES, per_link), shape)
    return dataclasses.replace(
        chain,
        touchpoints=tuple(f"step {name}" for name in "gcahbdfe"),
        personas=("young", "old", "middle"),
        key=np.array([place_key("touchpoint", name) for name in "gcahbdfe"], dtype=np.uint32),
        share=random_rows(rng, chain, per_link),
        today_share=random_rows(rng, chain, per_link),
        coupled=rng.random(8) < 0.6,
        family=family,
        dwell_a=rng.gamma(2.0, 3.0, per_link),
        dwell_b=shape,
        dwell_table=np.sort(rng.gamma(1.0, 5.0, (TABLES, 17))),
        entry=rng.dirichlet(np.full(places, 0.3), (draws, 3)),
        persona_share=rng.dirichlet(np.full(3, 3.0), draws),
        period_end=np.array([10.0, 40.0, np.inf]),
        visit_value=mean,
        visit_value_sd=mean * rng.choice([0.0, 0.7], per_place),
        visit_cost=rng.gamma(2.0, 1.0, per_place),
        effort=rng.gamma(2.0, 1.0, per_place),
        value_per_day=rng.choice([0.0, 1.3], per_place),
        cost_per_day=rng.choice([0.0, 0.4], per_place),
        link_value=rng.choice([0.0, 2.0], per_link),
        link_cost=rng.choice([0.0, 0.5], per_link),
        converts=np.arange(places) == places - 2,
        churns=np.arange(places) == places - 1,
    )


def layered_chain(seed: int) -> Chain:
    """Return a rich chain in which customers differ at four touchpoints, remember, and wait at own rates.

    Every row differs from today's. Two touchpoints have rows by the place before, one of them where customers differ.
    """
    chain, rng = rich_chain(seed), np.random.default_rng(seed + 1000)
    draws, personas, _, links = chain.share.shape
    n, frail = 8, np.arange(8) < 4
    kappa = np.where(frail, rng.gamma(2.0, 2.0, (2, draws, n)), np.nan)
    frailty = Frailty(
        kappa=kappa[0],
        today_kappa=kappa[1],
        rate=np.where(rng.random(n) < 0.5, rng.gamma(2.0, 1.0, (draws, n)), np.nan),
        slot_key=np.array([place_key("own share", link) for link in chain.links], dtype=np.uint32),
        silent=rng.random(links) < 0.2,
    )
    first, total = np.full((n + 1, n), -1), 0
    for before, place in ((n, 3), (0, 3), (4, 3), (3, 4), (5, 4)):
        first[before, place], total = total, total + int(np.diff(chain.row_start)[place])
    order2 = np.concatenate(
        [_random_row(rng, (2, draws, personas, int(np.diff(chain.row_start)[place]))) for place in (3, 3, 3, 4, 4)], -1
    )
    memory = Memory(
        *rng.normal(0, 0.5, (2, draws, personas, links)), *rng.normal(0, 0.3, (2, draws, links)),
        first, order2[0], order2[1], np.arange(n) == 5,
    )  # fmt: skip
    return dataclasses.replace(
        chain, coupled=np.ones(n, dtype=bool), layers=Layers(frailty, memory, _moods(rng, chain), _values(rng, chain))
    )


def _moods(rng: np.random.Generator, chain: Chain) -> Moods:
    """Return feelings at most touchpoints, another set of them today, and links that answer to them."""
    draws, personas, periods, links = chain.share.shape
    places, at = (
        len(chain.touchpoints) + len(chain.outcomes),
        np.append(rng.random((2, 8)) < 0.7, np.zeros((2, 2)), 1) > 0,
    )
    return Moods(
        *rng.uniform(-0.6, 0.8, (2, draws, personas, periods, places)), *at, rng.uniform(0, 0.5, places),
        rng.uniform(0.1, 0.7, places), *rng.uniform(-0.5, 0.5, (2, draws, personas)),
        *rng.normal(0, 0.8, (2, draws, links)), csat=CSAT_CUTS, nps=NPS_CUTS,
    )  # fmt: skip


def _values(rng: np.random.Generator, chain: Chain) -> Values:
    """Return values of each kind at five places, none learned at the others."""
    shape = (chain.draws, len(chain.personas), len(chain.touchpoints) + len(chain.outcomes))
    known = np.arange(shape[2]) % 2 == 0
    spend = np.where((np.arange(shape[2]) % 4 == 0)[:, None], rng.uniform(0.8, 4.0, (*shape, 3)), np.nan)
    family = np.where(np.arange(shape[2]) < 3, Family.GAMMA, Family.LOGNORMAL).astype(float)
    return Values(
        np.where(known, rng.uniform(0, 0.6, shape), np.nan),
        np.where(known, rng.uniform(0.3, 2.0, shape), np.nan),
        family,
        spend,
    )


def _random_row(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    raw = rng.gamma(1.0, size=shape)
    return raw / raw.sum(axis=-1, keepdims=True)


def random_rows(rng: np.random.Generator, chain: Chain, shape: tuple[int, ...]) -> np.ndarray:
    """Return shares of which about a fifth are 0, each row adding up to 1."""
    share = rng.gamma(1.0, size=shape) * (rng.random(shape) < 0.8)
    for first, last in zip(chain.row_start, chain.row_start[1:], strict=False):
        share[..., first] += 0.05
        share[..., first:last] /= share[..., first:last].sum(axis=-1, keepdims=True)
    return share


def reference_life(chain: Chain, settings: Settings, seed: int, draw: int, customer: int) -> Life:
    """Follow one customer by the rules of the contract."""
    u = uniforms(seed, draw, customer, 0, 0, ENTRY)
    by_name = sorted(range(len(chain.personas)), key=chain.personas.__getitem__)
    life = Life(persona=by_name[pick(chain.persona_share[draw][by_name], u[0])])
    if chain.layers.moods is not None:
        life.moods = [item[draw, life.persona] for item in (chain.layers.moods.mood, chain.layers.moods.today_mood)]
    n, names = len(chain.touchpoints), chain.touchpoints + chain.outcomes
    slots = sorted(range(len(names)), key=lambda k: (k < n, names[k]))
    place, day = slots[pick(chain.entry[draw, life.persona][slots], u[1])], 0.0
    who = Who(seed, draw, customer)
    period = _arrive(chain, settings, who, life, place, day, (0.0, 0.0))
    while place < n:
        at = (draw, life.persona, period)
        link, dwell = _move(chain, who, at, place, life)
        _stay(chain, settings, life, at, place, day, min(day + dwell, settings.horizon))
        day += dwell
        if not day <= settings.horizon:
            return life
        place = int(chain.target[link])
        brings = (chain.link_value[(*at, link)], chain.link_cost[(*at, link)])
        period = _arrive(chain, settings, who, life, place, day, brings)
    return life


def pick(shares: np.ndarray, u: float) -> int:
    """Return the first position whose cumulative share lies above u."""
    return int(np.argmax(np.cumsum(shares) / np.sum(shares) > u))


def _move(chain: Chain, who: Who, at: tuple[int, int, int], place: int, life: Life) -> tuple[int, float]:
    visit = life.path.count(place) - 1
    share, today = (_own_row(chain, who, at, place, life, side) for side in (0, 1))
    u = uniforms(who.seed, who.draw, who.customer, chain.key[place], visit, VISIT)
    if (chain.coupled[place] or chain.layers.names) and today.sum() > 0:
        chosen = pick(today, u[0])
        if u[3] >= share[chosen] / today[chosen]:
            again = uniforms(who.seed, who.draw, who.customer, chain.key[place], visit, RESIDUAL)[0]
            chosen = pick(np.maximum(share - today, 0.0), again)
    else:
        chosen = pick(share, u[0])
    link = int(chain.row_start[place]) + chosen
    return link, _dwell(chain, (*at, link), u[1]) / _own_rate(chain, who, at[0], place, link)


def _own_row(chain: Chain, who: Who, at: tuple[int, int, int], place: int, life: Life, side: int) -> np.ndarray:
    """Return the row of this customer at this visit; side 0 is the world's, side 1 today's."""
    row, path, moods = slice(chain.row_start[place], chain.row_start[place + 1]), life.path, chain.layers.moods
    share, frailty, memory = (chain.share, chain.today_share)[side][at][row], chain.layers.frailty, chain.layers.memory
    if memory is not None:
        before = next((seen for seen in path[-2::-1] if not memory.passed[seen]), len(chain.touchpoints))
        first = memory.first[before, place]
        if first >= 0:
            share = (memory.order2, memory.today_order2)[side][at[0], at[1], first : first + len(share)]
    if frailty is not None:
        kappa = (frailty.kappa, frailty.today_kappa)[side][at[0], place]
        share = _dirichlet(frailty.slot_key[row], who, kappa * share) if np.isfinite(kappa) else share
    if memory is not None:
        visits = min(path.count(place) - 1, 3)
        shift = (memory.start, memory.today_start)[side][at[0], at[1]][row]
        share = share * np.exp(shift + visits * (memory.effect, memory.today_effect)[side][at[0]][row])
    if moods is not None:
        share = share * np.exp((moods.sensitivity, moods.today_sensitivity)[side][at[0]][row] * life.moods[side])
    return share / share.sum() if share.any() else share


def _dirichlet(keys: np.ndarray, who: Who, shapes: np.ndarray) -> np.ndarray:
    """Return the customer's own shares: gamma variates of shape a as G(a + 1) U^(1 / a), divided by their sum."""
    u = uniforms(who.seed, who.draw, who.customer, keys, 0, OWN_SHARE)
    with np.errstate(divide="ignore"):
        levels = np.log(special.gammaincinv(shapes + 1, u[:, 0])) + np.log(u[:, 1]) / shapes
    levels = np.where(shapes > 0, levels, -np.inf)
    weights = np.exp(levels - levels.max())
    return weights / weights.sum()


def _own_rate(chain: Chain, who: Who, draw: int, place: int, link: int) -> float:
    frailty = chain.layers.frailty
    if frailty is None or frailty.silent[link] or np.isnan(frailty.rate[draw, place]):
        return 1.0
    r = frailty.rate[draw, place]
    return float(special.gammaincinv(r, uniforms(who.seed, who.draw, who.customer, 0, 0, OWN_RATE)[0]) / r)


def _dwell(chain: Chain, at: tuple[int, int, int, int], u: float) -> float:
    family = Family(int(chain.family[at[0], at[-1]]))
    if family is Family.EMPIRICAL:
        table = chain.dwell_table[int(chain.dwell_b[at])]
        return float(chain.dwell_a[at] * np.interp(u, np.linspace(0, 1, len(table)), table))
    return float(ppf(family, chain.dwell_a[at], chain.dwell_b[at], u))


def _arrive(chain: Chain, settings: Settings, who: Who, life: Life, place: int, day: float, link: Money) -> int:
    """Book an arrival with what its link brings, and return the period that holds there."""
    period = int(np.argmax(day < chain.period_end))
    at = (who.draw, life.persona, period, place)
    n, names = len(chain.touchpoints), chain.touchpoints + chain.outcomes
    key = chain.key[place] if place < n else place_key("outcome", names[place])
    words = uniforms(who.seed, who.draw, who.customer, key, life.path.count(place), VISIT)
    own = uniforms(who.seed, who.draw, who.customer, key, 0, OWN_VALUE)[0]
    _book(settings, life, link[0] + _visit_value(chain, at, words[2], own), link[1] + chain.visit_cost[at], day)
    _feel(chain, who, life, at, key)
    life.path.append(place)
    life.days.append(day)
    life.effort += chain.effort[at]
    if chain.converts[place] and np.isnan(life.convert_day):
        life.convert_day, life.touches_to_convert = day, sum(where < n for where in life.path)
        life.effort_to_convert = life.effort
    return period


def _feel(chain: Chain, who: Who, life: Life, at: tuple[int, int, int, int], key: int) -> None:
    """Let an arrival feel something, here and as it would be today."""
    moods, place = chain.layers.moods, at[-1]
    if moods is None:
        return
    u = uniforms(who.seed, who.draw, who.customer, key, life.path.count(place), FEELING)[0]
    sides = ((moods.at, moods.feeling), (moods.today_at, moods.today_feeling))
    felt = [np.clip(mean[at] + moods.spread[place] * special.ndtri(u), -1, 1) for _, mean in sides]
    for side, (where, _) in enumerate(sides):
        if where[place]:
            life.moods[side] += moods.weight[place] * (felt[side] - life.moods[side])
    if moods.at[place] and felt[0] > moods.csat[2]:
        life.satisfied.append(place)


def _visit_value(chain: Chain, at: tuple[int, int, int, int], u: float, own: float) -> float:
    mean, sd, values = chain.visit_value[at], chain.visit_value_sd[at], chain.layers.values
    here = (at[0], at[1], at[3])
    if values is not None and not np.isnan(values.shape[here]) and mean > 0:
        return _learned_value(values, here, u, own) * mean
    if sd == 0 or mean <= 0:
        return float(mean)
    variance = np.log1p((sd / mean) ** 2)
    return float(mean * np.exp(-variance / 2 + np.sqrt(variance) * special.ndtri(u)))


def _learned_value(values: Values, here: tuple[int, int, int], u: float, own: float) -> float:
    """Return the value of a visit as a part of the expected one."""
    zero, shape, (p, q, _) = values.zero[here], values.shape[here], values.spend[here]
    if u < zero:
        return 0.0
    u, paying = (u - zero) / (1 - zero), 1 - zero
    if q > 1:
        return float(special.gammaincinv(p, u) / special.gammaincinv(q, own) * (q - 1) / p / paying)
    if values.family[here[2]] == Family.GAMMA:
        return float(special.gammaincinv(shape, u) / shape / paying)
    return float(np.exp(shape * special.ndtri(u) - shape**2 / 2) / paying)


def _book(settings: Settings, life: Life, value: float, cost: float, day: float) -> None:
    life.value += value
    life.cost += cost
    life.value_pv += value * (1 + settings.discount_value) ** (-day / DAYS_PER_YEAR)
    life.cost_pv += cost * (1 + settings.discount_cost) ** (-day / DAYS_PER_YEAR)


def _stay(
    chain: Chain, settings: Settings, life: Life, at: tuple[int, int, int], place: int, start: float, end: float
) -> None:
    value, cost = chain.value_per_day[(*at, place)], chain.cost_per_day[(*at, place)]
    life.value += value * (end - start)
    life.cost += cost * (end - start)
    life.value_pv += value * _discounted(settings.discount_value, start, end)
    life.cost_pv += cost * _discounted(settings.discount_cost, start, end)


def _discounted(rate: float, start: float, end: float) -> float:
    """Integrate (1 + rate) ** (-t / 365.25) numerically: Gauss-Legendre, so not by the walk's closed form."""
    x, w = np.polynomial.legendre.leggauss(20)
    t = (start + end) / 2 + (end - start) / 2 * x
    return float((end - start) / 2 * np.sum(w * (1 + rate) ** (-t / DAYS_PER_YEAR)))
