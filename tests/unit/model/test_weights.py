"""Weights: whole ones are copies, count for count; all others are a sample, worth as many customers as Kish says."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from journeysim.calibrate.counts import count_transitions
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Row, Tenure, Touchpoint
from journeysim.model.observations import Observations, observe
from journeysim.model.observed.moves_after import MovesAfter, grams
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import OPEN
from journeysim.model.weights import distinct, summed, weights_of, worth
from logs import DAY, START

WEEK = Dwell(Family.EXPONENTIAL, Fixed(7.0))
LOOK = (Link("look", Fixed(0.2), WEEK), Link("order", Fixed(0.5), WEEK), Link("left", Fixed(0.3), WEEK))
JOURNEY = JourneyMap(
    "shop",
    (
        Touchpoint("look", LOOK, by_tenure=(Tenure(30.0, Row(links=LOOK)), Tenure(float("inf"), Row(links=LOOK)))),
        Touchpoint("order", (Link("order", Fixed(0.6), WEEK), Link("gone", None, WEEK))),
    ),
    (Outcome("left"), Outcome("gone", silent=True)),
    (("look", Fixed(1.0)),),
    personas=(Persona("small", Fixed(0.6)), Persona("large", Fixed(0.4))),
)  # fmt: skip


def log_of(customers: int = 60, *, copies: bool = False, weight: np.ndarray | None = None, seed: int = 1) -> EventLog:
    """Return customers who look and order for a while, with values, ratings and delays; with every one of them copied."""
    rng, rows = np.random.default_rng(seed), []
    for c in range(customers):
        places = [*rng.choice(["look", "order"], rng.integers(1, 6)), *(["left"] if rng.random() < 0.4 else [])]
        first = rng.integers(0, 60)
        persona, own = "small" if c % 3 else "large", 1.0 if weight is None else weight[c]
        days = first + np.concatenate([[0.0], np.cumsum(rng.integers(1, 24, len(places) - 1) / 8)])
        values = rng.integers(0, 5, len(places)) * 8.0
        told = [(place, day, value, float(rng.integers(1, 6)), rng.integers(-4, 5) / 2)
                for place, day, value in zip(places, days, values, strict=True)]  # fmt: skip
        for k in range(int(own) if copies else 1):
            rows += [(f"{c}-{k}", *each, persona, 1.0 if copies else own) for each in told]
    name, place, day, value, rating, late, persona, weights = zip(*rows, strict=True)
    return EventLog(
        Names.of(name), Names.of(place), START + np.rint(np.array(day) * DAY).astype("timedelta64[us]"),
        START + np.timedelta64(100, "D"), persona=Names.of(persona), value=np.array(value), rating=np.array(rating),
        late=np.array(late), weight=None if copies or weight is None else np.array(weights),
    )  # fmt: skip


def same(a: object, b: object, where: str, tolerance: float = 0.0) -> None:
    """Assert that two frozen values hold the same arrays; sums of values may be rounded in another order."""
    if isinstance(a, MovesAfter):
        return same_but_for_folds(a, b)
    if isinstance(a, tuple):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{where}[{k}]", tolerance)
    elif isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=tolerance, err_msg=where)
    elif hasattr(a, "__dataclass_fields__"):
        for field in fields(a):
            if field.name != "set_aside":  # rows are rows, whatever they stand for
                rounded = {"values", "ratings"} & {field.name}
                same(
                    getattr(a, field.name),
                    getattr(b, field.name),
                    f"{where}.{field.name}",
                    1e-12 if rounded else tolerance,
                )
    else:
        assert a == b, where
    return None


def same_but_for_folds(a: MovesAfter, b: object) -> None:
    """A customer's fold goes by name, so the copies of one customer are dealt to several folds."""
    assert isinstance(b, MovesAfter)
    same(grams(a), grams(b), "grams")
    for table in (a, b):
        assert np.array_equal(table.count, table.squares)
    assert a.count[a.target.recoded((OPEN,)) == 0].sum() == b.count[b.target.recoded((OPEN,)) == 0].sum()


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return np.random.default_rng(5).integers(1, 5, 60).astype(float)


def test_whole_weights_are_copies_count_for_count(whole):
    weighted, copied = (observe(log_of(weight=whole, copies=copies), JOURNEY) for copies in (False, True))
    assert all(getattr(copied, field.name) is not None for field in fields(Observations))
    assert copied.transitions.customers == whole.sum()
    assert copied.patterns is not None
    assert len(copied.patterns.customers) > 5
    assert copied.repeats is not None
    assert len(copied.repeats.customers) > 5
    same(weighted, copied, "observations")


def test_weights_of_one_are_no_weights():
    plain, ones = log_of(), log_of(weight=np.ones(60))
    same(observe(ones, JOURNEY), observe(replace(plain, weight=None), JOURNEY), "observations")


def test_a_sample_counts_the_population_and_is_worth_what_kish_says():
    """Every table's totals: the weights' sum where the population is counted, (sum)^2 / sum of squares where it is worth."""
    weight = np.random.default_rng(6).gamma(2.0, 3.0, 60)
    observed = observe(log_of(weight=weight), JOURNEY)
    table = observed.transitions
    weight = np.rint(weight * 1e9) / 1e9
    assert table.customers == pytest.approx(weight.sum(), rel=1e-12)
    counts = count_transitions(table, JOURNEY)
    kish = [weight[of].sum() ** 2 / np.sum(weight[of] ** 2) for of in (np.arange(60) % 3 > 0, np.arange(60) % 3 == 0)]
    assert counts.entries.sum(axis=1) == pytest.approx(kish)
    assert counts.entered.sum() == pytest.approx(weight.sum() ** 2 / np.sum(weight**2))
    assert counts.entered / counts.entered.sum() == pytest.approx(
        [weight[np.arange(60) % 3 > 0].sum() / weight.sum(), weight[np.arange(60) % 3 == 0].sum() / weight.sum()]
    )
    assert observed.paths is not None
    assert observed.paths.lengths.sum(axis=1) == pytest.approx(kish)
    assert observed.paths.customers.sum() == pytest.approx(sum(kish))


def test_no_touchpoint_is_worth_more_than_its_customers():
    """Where only the heavy go, one factor for all customers would count each of them 1.9 times; its own counts them once."""
    places = ["look"] * 900 + ["order"] * 10
    weight = np.array([1.0] * 900 + [100.5] * 10)
    rows = len(places)
    log = EventLog(
        Names.of(map(str, range(rows))), Names.of(places), np.repeat(START, rows), START + np.timedelta64(9, "D"),
        persona=Names.of(["small"] * rows), weight=weight,
    )  # fmt: skip
    counts = count_transitions(observe(log, JOURNEY).transitions, JOURNEY)
    assert counts.silent("small", "order").size == pytest.approx(10.0)
    assert counts.silent("small", "look").size == pytest.approx(900.0)
    assert weight.sum() / np.sum(weight**2) * 100.5 > 1.85


def test_scaling_all_weights_of_a_sample_changes_counts_and_not_what_they_are_worth():
    weight = np.random.default_rng(7).gamma(2.0, 3.0, 60)
    tables = [
        count_transitions(observe(log_of(weight=w), JOURNEY).transitions, JOURNEY) for w in (weight, 1000 * weight)
    ]
    assert tables[0].entries == pytest.approx(tables[1].entries, rel=1e-6)
    for key, bins in tables[0].moves.items():
        assert bins.count == pytest.approx(tables[1].moves[key].count, rel=1e-6)


def test_the_first_usable_weight_of_a_customer_holds():
    log = EventLog(
        Names.of(["a", "a", "b", "b", "c"]), Names.of(["look"] * 5), np.repeat(START, 5), START,
        weight=np.array([np.nan, 2.5, -1.0, 0.0, np.inf]),
    )  # fmt: skip
    assert weights_of(log).weight.tolist() == [2.5, 1.0, 1.0]
    assert weights_of(log).square.tolist() == [6.25, 1.0, 1.0]


def test_a_part_of_a_sample_stays_a_sample():
    """All weights of a part may be whole by chance; what the log's weights mean does not change with the part."""
    log = EventLog(
        Names.of(["a", "b"]), Names.of(["look"] * 2), np.repeat(START, 2), START, weight=np.array([2.0, 3.0])
    )
    assert weights_of(log).square.tolist() == [2.0, 3.0]
    assert weights_of(replace(log, copies=False)).square.tolist() == [4.0, 9.0]


def test_sums_do_not_depend_on_the_order():
    rng = np.random.default_rng(8)
    weight, at = rng.gamma(1.0, 3.0, 5000), rng.integers(0, 3, 5000)
    order = rng.permutation(5000)
    assert np.array_equal(summed(at, weight, 3), summed(at[order], weight[order], 3))
    assert worth(at, weight, weight).tolist() == weight.tolist()


@pytest.mark.parametrize("columns", [3, 40])
def test_distinct_rows_are_those_of_numpy(columns):
    rng = np.random.default_rng(9)
    keys = rng.integers(-2, 4, (500, columns))
    keys[250:] = keys[:250]
    found, at = distinct(keys)
    assert np.array_equal(found, np.unique(keys, axis=0))
    assert np.array_equal(found[at], keys)
