from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import Link, Row, Tenure
from journeysim.model.observations import observe
from journeysim.model.observed.moves_after import FOLDS, MovesAfter, folds_of, grams
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import ENTER, OPEN, dwell_edges
from journeysim.model.visits import visits_of
from maps import shop

MOVES = {"visit": ("cart", "help", "left"), "help": ("visit", "left"), "cart": ("paid", "help", "left")}
FAR = 7 * 10**15 + 1  # microseconds, over two centuries
DAY = np.timedelta64(86_400_000_000, "us")


def random_paths(customers: int, seed: int) -> list[list[tuple[str, int]]]:
    """Paths of (place, day); some are not over at the cut-off."""
    stream = np.random.default_rng(seed)
    paths = []
    for _ in range(customers):
        at, day = str(stream.choice(list(MOVES))), int(stream.integers(0, 50))
        path = [(at, day)]
        while at in MOVES and len(path) < 30:
            at, day = str(stream.choice(MOVES[at])), day + int(stream.integers(0, 20))
            path.append((at, day))
        paths.append([event for event in path if event[1] <= 100])
    return paths


def log_of(paths: list[list[tuple[str, int]]], order: np.ndarray | None = None) -> EventLog:
    rows = [(f"c{c}", place, day) for c, path in enumerate(paths) for place, day in path]
    customer, place, day = zip(*([rows[k] for k in order] if order is not None else rows), strict=True)
    start = np.datetime64("2026-01-01", "us")
    return EventLog(
        Names.of(customer), Names.of(place), start + np.array(day) * DAY, start + 100 * DAY,
        persona=Names.of([("old", "young")[int(name[1:]) % 2] for name in customer]),
    )  # fmt: skip


def counted(table: MovesAfter) -> Counter[tuple[str, ...]]:
    columns = (table.persona, table.before, table.source, table.target)
    found: Counter[tuple[str, ...]] = Counter()
    for k, count in enumerate(table.count):
        found[tuple(column.labels[column.codes[k]] for column in columns)] += int(count)
    return found


@pytest.fixture(scope="module")
def paths() -> list[list[tuple[str, int]]]:
    return random_paths(400, 3)


def test_second_order_is_every_trigram_of_the_paths(paths):
    expected: Counter[tuple[str, ...]] = Counter()
    for c, path in enumerate(paths):
        places = [ENTER, *(place for place, _ in path)]
        places += [] if places[-1] not in MOVES else [OPEN]
        expected.update((("old", "young")[c % 2], *places[k - 2 : k + 1]) for k in range(2, len(places)))
    table = observe(log_of(paths), shop()).second_order
    assert counted(table) == expected
    found = grams(table)
    keys = zip(found.persona, found.before, found.source, found.target, strict=True)
    assert dict(zip(keys, found.count, strict=True)) == {k: n for k, n in expected.items() if k[-1] != OPEN}


def test_by_visit_counts_earlier_visits_up_to_three(paths):
    expected: Counter[tuple[str, ...]] = Counter()
    for c, path in enumerate(paths):
        places = [place for place, _ in path]
        for k, place in enumerate(places):
            if place in MOVES:
                earlier = ("0", "1", "2", "3+")[min(places[:k].count(place), 3)]
                expected[("old", "young")[c % 2], earlier, place, [*places, OPEN][k + 1]] += 1
    assert counted(observe(log_of(paths), shop()).by_visit) == expected


def test_open_spells_carry_how_long_they_have_been_silent(paths):
    table = observe(log_of(paths), shop()).second_order
    still = table.target.recoded((OPEN,)) == 0
    assert np.all(table.still_from[still] < table.still_to[still])
    assert np.all(np.isnan(table.still_from[~still]))


def test_folds_follow_the_name_of_the_customer_alone(paths):
    straight = log_of(paths)
    order = np.random.default_rng(1).permutation(len(straight.time))
    mixed = log_of(paths, order)

    def by_name(log: EventLog) -> dict[str, int]:
        visits = visits_of(log, shop())
        names = [log.customer.labels[code] for code in visits.customer]
        return dict(zip(names, folds_of(visits, log).tolist(), strict=True))

    assert by_name(straight) == by_name(mixed)
    sizes = np.bincount(list(by_name(straight).values()), minlength=FOLDS)
    assert sizes.min() >= 8  # 20 expected; below 8 with probability 0.002 per fold
    assert sizes.max() <= 36


def test_tables_do_not_grow_with_the_customers(paths):
    once, thrice = (observe(log_of(paths * k), shop()).second_order for k in (5, 15))
    assert len(thrice.count) < 1.5 * len(once.count)


def test_tenure_is_time_since_entry_at_arrival():
    journey = shop()
    renewal = Row(links=(Link("paid", Fixed(0.9)), Link("left", Fixed(0.1))))
    cart = replace(journey.touchpoint("cart"), by_tenure=(Tenure(10.0, renewal), Tenure(20.0, renewal)))
    journey = replace(journey, touchpoints=tuple(cart if tp.name == "cart" else tp for tp in journey.touchpoints))
    paths = [[("visit", 0), ("cart", after), ("paid", after + 1)] for after in (0, 9, 10, 19, 20, 90)]
    paths.append([("visit", 0), ("cart", 95)])
    found = observe(log_of(paths), journey).by_tenure
    assert found.ends == (10.0, 20.0, float("inf"))
    going = [
        sorted(
            f"{t.source.labels[i]} {t.target.labels[j]}" for i, j in zip(t.source.codes, t.target.codes, strict=True)
        )
        for t in found.tables
    ]
    assert going == [["cart paid"] * 2, ["cart paid"] * 2, [f"cart {OPEN}", *["cart paid"] * 2]]


def test_a_map_without_tenure_has_no_table_of_it(paths):
    assert observe(log_of(paths), shop()).by_tenure is None


@pytest.mark.parametrize("year", [1900, 1969, 2026, 2250])
@pytest.mark.parametrize(("micro", "edge"), [(999_999, 0), (1_000_000, 1), (1_000_001, 1)])
def test_a_silence_that_is_exactly_a_bins_edge_is_in_the_bin_that_begins_there(year, micro, edge):
    """To the microsecond, wherever the cut-off lies, and two centuries before it, where days are too coarse for one."""
    cut_off = np.datetime64(f"{year}-03-01T12:34:56.789012", "us")
    events = [
        ("a", "visit", FAR),
        ("b", "visit", FAR + micro),
        ("b", "help", micro),
        ("c", "help", FAR + micro),
    ]
    events.append(("c", "visit", FAR))
    customer, place, before = zip(*events, strict=True)
    persona = Names.of(["old"] * len(events))
    log = EventLog(
        Names.of(customer), Names.of(place), cut_off - np.array(before).astype("timedelta64[us]"), cut_off, persona
    )
    found = observe(log, shop())
    for table in (found.second_order, found.by_visit):
        at_help = np.array([table.source.labels[code] == "help" for code in table.source.codes])
        still = at_help & ~np.isnan(table.still_from)
        assert table.still_from[still].tolist() == [dwell_edges(0.0)[edge]]
    moved = found.transitions.target.recoded(("visit",)) == 0
    moved &= found.transitions.source.recoded(("help",)) == 0
    assert found.transitions.dwell_from[moved].tolist() == [dwell_edges(0.0)[edge]]
