"""A chain as the compiled walk takes it: plain named tuples of contiguous arrays.

Axes as in `simulate.chain`; C = G * P cells, the pairs of persona and tenure period (cell = persona * P + period).
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from journeysim.errors import JourneysimError
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import LARGEST, Words, place_key, seed_halves
from journeysim.simulate.walk.felt_layout import FeltNumbers, FeltPlan, check_felt, felt_numbers, felt_plan
from journeysim.simulate.walk.own_layout import OwnNumbers, OwnPlan
from journeysim.simulate.walk.own_plan import check_own, own_numbers, own_plan
from journeysim.simulate.walk.quantiles import SMALLEST_SHAPE, Z_NODES, gamma_grid
from journeysim.simulate.walk.value_layout import ValueNumbers, ValuePlan, check_values, value_numbers, value_plan

#: What a dwell is made of before scale and shape: a constant, log E (E exponential), a normal, a logistic, the log of
#: a gamma, or a table.
CONSTANT, LOG_EXPONENTIAL, NORMAL, LOGISTIC, LOG_GAMMA, TABLE = range(6)
BASES: Final = 6
_BASE_OF: Final = {
    Family.FIXED: CONSTANT,
    Family.EXPONENTIAL: LOG_EXPONENTIAL,
    Family.GAMMA: LOG_GAMMA,
    Family.WEIBULL: LOG_EXPONENTIAL,
    Family.LOGNORMAL: NORMAL,
    Family.LOGLOGISTIC: LOGISTIC,
    Family.EMPIRICAL: TABLE,
}
_SHAPED: Final = (Family.GAMMA, Family.WEIBULL, Family.LOGLOGISTIC)
_SUM_TOLERANCE: Final = 1e-6


class Layout(NamedTuple):
    """What holds for every draw: the map's structure, the run's settings, the seed."""

    touchpoints: int
    personas: int
    periods: int
    row_start: Ints  # (n + 1,)
    target: NDArray[np.int32]  # (L,)
    place_key: Words  # (s,)
    persona_order: Ints  # (G,) personas by name
    entry_order: Ints  # (s,) outcomes, then touchpoints, each by name
    period_end: Floats  # (P,)
    seasons: int  # how many seasons a cycle has, 1 where there is none
    season_days: float  # how long each is
    entered: float  # day of the cycle on which everybody enters; below 0: evenly over the cycle
    coupled: Bools  # (n,)
    couples: bool  # some touchpoint is coupled
    gone: Words  # (L,) address of the touchpoint at the end of today's link that this world lacks, 0 elsewhere
    base_of: NDArray[np.int8]  # base of each family
    gamma_place: NDArray[np.int32]  # (L,) position among the links that are gamma in some draw
    gamma_links: int  # how many these are
    gamma_grid: Floats
    dwell_table: Floats  # (T, K)
    converts: Bools
    churns: Bools
    after_conversion: Bools
    horizon: float
    value_force: float  # continuous discount rates per day
    cost_force: float
    month_ends: Floats
    marks: Floats
    books_visits: bool  # some value, cost or effort is booked per visit or link
    books_days: bool  # … or per day
    source: Ints  # (L,)
    own: OwnPlan
    felt: FeltPlan
    values: ValuePlan
    stage: Ints  # (n,) the touchpoint's stage, -1 where it has none
    stages: int
    seed_low: np.uint64
    seed_high: np.uint64


class Parameters(NamedTuple):
    """What a draw says, for all draws; the first axis is the draw."""

    share: Floats  # (D, C, L)
    today_share: Floats  # (D, C, L)
    dwell_a: Floats  # (D, C, L)
    dwell_b: Floats  # (D, C, L)
    family: NDArray[np.int8]  # (D, L)
    entry: Floats  # (D, G, s)
    persona_share: Floats  # (D, G)
    visit_value: Floats  # (D, C, s)
    visit_value_sd: Floats  # (D, C, s)
    visit_cost: Floats  # (D, C, s)
    effort: Floats  # (D, C, s)
    value_per_day: Floats  # (D, C, s)
    cost_per_day: Floats  # (D, C, s)
    link_value: Floats  # (D, C, L)
    link_cost: Floats  # (D, C, L)
    own: OwnNumbers
    felt: FeltNumbers
    values: ValueNumbers


_NUMBERS: Final = tuple(name for name in Parameters._fields if name not in {"own", "felt", "values"})
_PER_CELL: Final = frozenset(_NUMBERS) - {"family", "entry", "persona_share"}


def parameters_of(chain: Chain) -> Parameters:
    """Return the chain's parameters with persona and period folded into cells; no copy where none is needed."""
    draws, personas, periods, _ = chain.share.shape
    arrays = {name: np.asarray(getattr(chain, name)) for name in _NUMBERS if name != "family"}
    cells = (draws, personas * periods, -1)
    folded = {name: item.reshape(cells) if name in _PER_CELL else item for name, item in arrays.items()}
    plain = {name: _plain(item, np.float64) for name, item in folded.items()}
    return Parameters(
        family=_plain(chain.family, np.int8),
        own=own_numbers(chain),
        felt=felt_numbers(chain),
        values=value_numbers(chain),
        **plain,
    )


def layout_of(chain: Chain, settings: Settings, seed: int) -> Layout:
    """Return the chain's structure, the settings and the seed in compiled form."""
    _, personas, periods, _ = chain.share.shape
    low, high = seed_halves(seed)
    gamma, own = (np.asarray(chain.family) == int(Family.GAMMA)).any(axis=0), own_plan(chain)
    values = value_plan(chain)
    return Layout(
        touchpoints=len(chain.touchpoints),
        personas=personas,
        periods=periods,
        row_start=_plain(chain.row_start, np.int64),
        target=_plain(chain.target, np.int32),
        place_key=np.concatenate([_plain(chain.key, np.uint32), _outcome_keys(chain)]),
        persona_order=np.array(sorted(range(personas), key=chain.personas.__getitem__), dtype=np.int64),
        entry_order=_entry_order(chain),
        period_end=_plain(chain.period_end, np.float64),
        seasons=1 if chain.season is None else chain.season.count,
        season_days=1.0 if chain.season is None else chain.season.cycle.season_days,
        entered=_entered(chain),
        coupled=_plain(chain.coupled, np.bool_),
        couples=bool(np.any(chain.coupled)),
        gone=np.zeros(len(chain.links), dtype=np.uint32) if chain.gone is None else _plain(chain.gone, np.uint32),
        base_of=np.array([_BASE_OF[family] for family in Family], dtype=np.int8),
        gamma_place=_plain(np.cumsum(gamma) - 1, np.int32),
        gamma_links=int(gamma.sum()),
        gamma_grid=gamma_grid() if gamma.any() or own.tables or own.rates or values.on else np.zeros((2, 1, Z_NODES)),
        dwell_table=_plain(chain.dwell_table, np.float64),
        converts=_plain(chain.converts, np.bool_),
        churns=_plain(chain.churns, np.bool_),
        after_conversion=_plain(chain.after_conversion, np.bool_),
        horizon=float(settings.horizon),
        value_force=float(np.log1p(settings.discount_value) / DAYS_PER_YEAR),
        cost_force=float(np.log1p(settings.discount_cost) / DAYS_PER_YEAR),
        month_ends=_plain(settings.month_ends, np.float64),
        marks=_plain(settings.marks, np.float64),
        books_visits=_any(chain, "visit_value", "visit_cost", "effort", "link_value", "link_cost"),
        books_days=_any(chain, "value_per_day", "cost_per_day"),
        source=_plain(chain.source, np.int64),
        own=own,
        felt=felt_plan(chain, couples=own.couples),
        values=values,
        stage=_plain(np.full(len(chain.touchpoints), -1) if chain.stage is None else chain.stage, np.int64),
        stages=len(chain.stages),
        seed_low=low,
        seed_high=high,
    )


def check_chain(chain: Chain) -> None:
    """Raise ValueError when the numbers of a chain cannot be walked; the message says which touchpoint or link."""
    _check_shares(chain)
    _check_dwells(chain)
    _check_numbers(chain)
    check_own(chain)
    check_felt(chain)
    check_values(chain)


def check_numbers(customers: ArrayLike) -> Ints:
    """Return customer or draw numbers as int64; ValueError when one does not fit the address (0 … 2**32 - 1)."""
    numbers = np.atleast_1d(np.asarray(customers, dtype=np.int64))
    if numbers.size and (numbers.min() < 0 or numbers.max() >= LARGEST):
        raise ValueError(f"numbers must lie in 0 … {LARGEST - 1}, got {numbers.min()} … {numbers.max()}")
    return numbers


def too_many_moves(chain: Chain, customer: int, draw: int, place: int, limit: int) -> JourneysimError:
    """Return the error for a customer who never gets anywhere."""
    return JourneysimError(
        f"customer {customer} of draw {draw} made {limit} moves within the horizon, the last one to "
        f'"{(chain.touchpoints + chain.outcomes)[place]}": a loop there takes no time; give its links a dwell'
    )


Item = TypeVar("Item", bound=np.generic)


def _plain(values: ArrayLike, dtype: type[Item]) -> NDArray[Item]:
    """Return a contiguous writeable array, the one kind the kernels are compiled for."""
    return np.require(np.asarray(values), dtype=dtype, requirements=["C", "W"])


def _entered(chain: Chain) -> float:
    """Return the day of the cycle on which everybody enters, -1 where that is not one day."""
    if chain.season is None:
        return 0.0
    return -1.0 if chain.season.entered is None else chain.season.entered


def _outcome_keys(chain: Chain) -> Words:
    return np.array([place_key("outcome", name) for name in chain.outcomes], dtype=np.uint32)


def _entry_order(chain: Chain) -> Ints:
    """Return place indices in slot order: outcomes, then touchpoints, each by name."""
    n = len(chain.touchpoints)
    names = chain.touchpoints + chain.outcomes
    return np.array(sorted(range(len(names)), key=lambda place: (place < n, names[place])), dtype=np.int64)


def _any(chain: Chain, *names: str) -> bool:
    return any(bool(np.any(getattr(chain, name))) for name in names)


def _check_shares(chain: Chain) -> None:
    if np.any(np.diff(chain.row_start) < 1):
        where = chain.touchpoints[int(np.argmax(np.diff(chain.row_start) < 1))]
        raise ValueError(f'touchpoint "{where}" has no links; give it one to an outcome')
    for name in ("share", "today_share"):
        _check_rows(chain, name)


def _check_rows(chain: Chain, name: str) -> None:
    values = np.asarray(getattr(chain, name))
    sums = np.add.reduceat(values, chain.row_start[:-1], axis=-1)
    wrong = ~((np.abs(sums - 1) <= _SUM_TOLERANCE) | (sums == 0))
    negative = np.add.reduceat(values < 0, chain.row_start[:-1], axis=-1) > 0
    bad = np.argwhere(wrong | negative)
    if bad.size:
        draw, persona, _, row = bad[0]
        raise ValueError(
            f'{name} of "{chain.touchpoints[row]}" for persona "{chain.personas[persona]}" in draw {draw} must be '
            f"at least 0 and add up to 1 (or all be 0), got {sums[tuple(bad[0])]:.9g}"
        )


def _check_dwells(chain: Chain) -> None:
    family = np.asarray(chain.family)[:, None, None, :]
    shaped = np.isin(family, [int(each) for each in _SHAPED])
    low = np.where(family == int(Family.GAMMA), SMALLEST_SHAPE, 0.0)
    bad = ~(chain.dwell_a >= 0) | np.isnan(chain.dwell_b) | (shaped & ~((chain.dwell_b > 0) & (chain.dwell_b >= low)))
    bad |= (family == int(Family.LOGNORMAL)) & ~(chain.dwell_b >= 0)
    bad |= (family == int(Family.EMPIRICAL)) & ~np.isin(chain.dwell_b, _complete_tables(chain))
    bad &= chain.share > 0
    if bad.any():
        draw, _, _, link = np.argwhere(bad)[0]
        raise ValueError(
            f'dwell of "{chain.links[link]}" in draw {draw} cannot be used: the scale must be at least 0, the shape '
            f"above 0 (gamma: at least {SMALLEST_SHAPE}), a quantile table complete"
        )


def _complete_tables(chain: Chain) -> Ints:
    """Return the rows of the table that have every quantile."""
    return np.flatnonzero(~np.isnan(chain.dwell_table).any(axis=1))


def _check_numbers(chain: Chain) -> None:
    for name in _NUMBERS:
        values = getattr(chain, name)
        if name not in {"dwell_a", "dwell_b", "family"} and not np.all(np.isfinite(values)):
            raise ValueError(f"{name} has a value that is not a finite number")
    if np.any(np.abs(chain.persona_share.sum(-1) - 1) > _SUM_TOLERANCE):
        raise ValueError("persona shares must add up to 1 in every draw")
    if np.any(np.abs(chain.entry.sum(-1) - 1) > _SUM_TOLERANCE):
        raise ValueError("entry shares must add up to 1 for every persona and draw")
