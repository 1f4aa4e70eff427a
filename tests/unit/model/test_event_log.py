from __future__ import annotations

import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.model.event_log import EventLog, Names
from journeysim.model.transitions import (
    ENTER,
    OPEN,
    Transitions,
    coarse_bins,
    coarse_edges,
    dwell_bins,
    dwell_edges,
    dwell_edges_in_microseconds,
    to_transitions,
)
from maps import shop


def log(*events: tuple[str, str, str], persona: str | None = "old", outcomes=None, cut_off="2026-02-01") -> EventLog:
    customer, touchpoint, time = zip(*events, strict=True)
    return EventLog(
        Names.of(customer), Names.of(touchpoint), np.array(time, dtype="datetime64[us]"), np.datetime64(cut_off, "us"),
        persona=None if persona is None else Names.of([persona] * len(events)),
        outcome=None if outcomes is None else Names.of(outcomes),
    )  # fmt: skip


def rows(found: Transitions) -> dict[tuple[str, str, str], list[tuple[float, float, float]]]:
    table: dict[tuple[str, str, str], list[tuple[float, float, float]]] = {}
    for i in range(len(found.count)):
        key = tuple(column.labels[column.codes[i]] for column in (found.persona, found.source, found.target))
        table.setdefault(key, []).append((found.dwell_from[i], found.dwell_to[i], found.count[i]))
    return table


def test_a_journey_becomes_its_moves():
    found, aside = to_transitions(
        log(("1", "visit", "2026-01-01"), ("1", "paid", "2026-01-04"), ("1", "cart", "2026-01-02")), shop()
    )
    table = rows(found)
    assert table.keys() == {("old", ENTER, "visit"), ("old", "visit", "cart"), ("old", "cart", "paid")}
    ((low, high, count),) = table["old", "visit", "cart"]
    assert low <= 1.0 < high
    assert count == 1
    assert aside == ()
    assert found.customers == 1


def test_customers_without_an_outcome_are_open_until_the_cut_off():
    found, _ = to_transitions(log(("1", "visit", "2026-01-01")), shop())
    ((low, high, _),) = rows(found)["old", "visit", OPEN]
    assert low <= 31.0 < high


def test_ties_keep_the_order_of_the_rows():
    found, _ = to_transitions(
        log(("1", "visit", "2026-01-01"), ("1", "help", "2026-01-01"), ("1", "left", "2026-01-01")), shop()
    )
    assert {("old", "visit", "help"), ("old", "help", "left")} <= rows(found).keys()
    assert rows(found)["old", "visit", "help"][0][0] == 0.0


def test_events_after_the_outcome_and_repeats_are_set_aside():
    found, aside = to_transitions(
        log(("1", "visit", "2026-01-01"), ("1", "visit", "2026-01-02"), ("1", "left", "2026-01-03"), ("1", "cart", "2026-01-09"),
            ("2", "cart", "2026-01-01")), shop(),
    )  # fmt: skip
    assert {(item.reason, item.rows) for item in aside} == {
        ("after the outcome", 1),
        ("repeats the touchpoint before (same stay)", 1),
    }
    ((low, high, _),) = rows(found)["old", "visit", "left"]
    assert low <= 2.0 < high
    assert ("old", ENTER, "cart") in rows(found)


def test_moves_the_map_does_not_have_are_set_aside_one_by_one():
    found, aside = to_transitions(
        log(("1", "cart", "2026-01-01"), ("1", "visit", "2026-01-02"), ("1", "left", "2026-01-03")), shop()
    )
    assert [(item.reason, item.rows) for item in aside] == [('the map has no link "cart -> visit"', 1)]
    assert ("old", "visit", "left") in rows(found)


def test_names_the_map_does_not_know_are_refused_all_at_once():
    with pytest.raises(BadInput) as caught:
        to_transitions(log(("1", "vist", "2026-01-01"), ("1", "kart", "2026-01-02"), persona="olde"), shop())
    said = str(caught.value)
    assert all(
        text in said
        for text in ('"vist"', 'did you mean "visit"', '"kart"', 'did you mean "cart"', 'did you mean "old"')
    )


def test_a_log_without_personas_does_not_fit_a_map_with_several():
    with pytest.raises(BadInput, match="does not say who is which"):
        to_transitions(log(("1", "visit", "2026-01-01"), persona=None), shop())


def test_an_outcome_column_ends_the_journey_at_the_last_event():
    found, _ = to_transitions(
        log(("1", "cart", "2026-01-01"), ("1", "help", "2026-01-03"), outcomes=["left", "left"]), shop()
    )
    assert rows(found)["old", "help", "left"][0][0] == 0.0
    assert not any(target == OPEN for _, _, target in rows(found))


def test_events_after_the_cut_off_are_set_aside():
    found, aside = to_transitions(
        log(("1", "visit", "2026-01-01"), ("1", "cart", "2026-01-20"), cut_off="2026-01-10"), shop()
    )
    assert [(item.reason, item.rows) for item in aside] == [("after the cut-off", 1)]
    assert ("old", "visit", OPEN) in rows(found)


def test_bins_reach_beyond_the_longest_dwell():
    edges = dwell_edges(1000.0)
    assert edges[0] == 0.0
    assert edges[-1] > 1000.0
    assert edges[465] == pytest.approx(200.0)
    assert np.all(np.diff(edges) > 0)


@pytest.mark.parametrize("longest", [1, 86_400_000_000, 17_280_000_000_000, 250_000_000_000_000_000])
@pytest.mark.parametrize(("binned", "edges"), [(dwell_bins, dwell_edges), (coarse_bins, coarse_edges)])
def test_a_time_lies_in_the_bin_that_a_search_among_the_edges_finds(longest, binned, edges):
    begins = dwell_edges_in_microseconds(edges(longest / 86_400_000_000))
    near = (begins[:, None] + np.arange(-2, 3)).ravel()
    powers = 2 ** np.arange(1, 60)[:, None] + np.arange(-2, 3)
    micro = np.concatenate([near, powers.ravel(), np.random.default_rng(3).integers(0, longest + 1, 5_000), [longest]])
    micro = micro[(micro >= 0) & (micro <= longest)]
    found, _ = binned(micro)
    np.testing.assert_array_equal(found, np.searchsorted(begins, micro, side="right") - 1)
    assert len(binned(np.empty(0, dtype=np.int64))[0]) == 0
