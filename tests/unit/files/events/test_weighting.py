"""Weights of a log: the same in memory and by the database, and every one that cannot be used is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from journeysim.calibrate.counts import count_transitions
from journeysim.errors import BadInput
from journeysim.files.events import read_events
from journeysim.files.events.relation import opened
from journeysim.files.events.transition_table import read_transitions, transitions_csv
from journeysim.files.events.weighting import weighting_of
from journeysim.files.observing import count_log, observe_log
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed
from journeysim.model.weights import weights_of

DAY = Dwell(Family.EXPONENTIAL, Fixed(1.0))
JOURNEY = JourneyMap(
    "shop", (Touchpoint("a", (Link("end", Fixed(1.0), DAY),)),), (Outcome("end"),), (("a", Fixed(1.0)),)
)
WEIGHTS = LogSettings(columns=(("weight", "weight"),))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def to(rows: str) -> Path:
        path = tmp_path / "log.csv"
        path.write_text("customer,touchpoint,time,weight\n" + "".join(f"{row}\n" for row in rows.split()))
        return path

    return to


def test_weights_that_cannot_be_used_are_told(write):
    path = write(
        "1,a,2026-01-01,2.5 1,end,2026-01-02, 2,a,2026-01-01,0 2,end,2026-01-03,-1 3,a,2026-01-01,x 3,end,2026-01-05,4.5 "
        "4,a,2026-01-02,3 4,end,2026-01-04,2"
    )
    warnings = {item.code: item.message for item in read_events(path, settings=WEIGHTS).warnings}
    assert list(warnings) == ["E032", "E036", "E037", "E038"]
    assert "1 rows have no finite number" in warnings["E032"]
    assert "2 rows have a weight of zero or less" in warnings["E036"]
    assert "(line 4, line 5)" in warnings["E036"]
    assert '1 customers have no usable weight in column "weight"; they count once ("2", line 4)' in warnings["E037"]
    assert (
        '1 customers have different weights in column "weight"; the first one holds ("4", line 8)' in warnings["E038"]
    )


def test_the_database_finds_the_weights_that_the_log_in_memory_has(write):
    """First usable weight of every customer, in the order of the file; sums over customers."""
    rng = np.random.default_rng(1)
    rows = [f"{c},a,2026-01-01T00:{m:02d},{w}" for m in range(60) for c, w in zip(rng.integers(0, 30, 4),
            rng.choice(["", "0", "1e-12", "2.5", "3", "0.1"], 4), strict=True)]  # fmt: skip
    path = write(" ".join(rows))
    log = read_events(path, settings=WEIGHTS)
    own = weights_of(log)
    with opened(path, WEIGHTS) as events:
        found = weighting_of(events)
    assert found is not None
    assert found.stand_for == pytest.approx(own.weight.sum(), rel=1e-12)
    assert found.worth == pytest.approx(own.weight.sum() ** 2 / own.square.sum(), rel=1e-12)
    assert not found.copies


def test_the_account_says_what_customers_stand_for_and_are_worth(write):
    rows = "1,a,2026-01-01,{} 1,end,2026-01-02,{} 2,a,2026-01-01,{} 2,end,2026-01-02,{}"
    copies = observe_log(write(rows.format(3, 3, 1, 1)), JOURNEY, WEIGHTS)[1].weighting
    assert copies is not None
    assert (copies.stand_for, copies.worth, copies.copies) == (4.0, 4.0, True)
    sample = observe_log(write(rows.format(4.5, 4.5, 0.5, 0.5)), JOURNEY, WEIGHTS)[1].weighting
    assert sample is not None
    assert (sample.stand_for, sample.worth, sample.copies) == (5.0, pytest.approx(25 / 20.5), False)
    assert observe_log(write(rows.format(1, 1, 1, 1)), JOURNEY)[1].weighting is None


def test_the_table_of_a_sample_keeps_what_it_is_worth(write, tmp_path):
    rows = " ".join(f"{c},a,2026-01-01,{1 + c % 3 / 2} {c},end,2026-01-0{2 + c % 4}," for c in range(40))
    observed, _ = observe_log(write(rows), JOURNEY, WEIGHTS)
    path = tmp_path / "table.csv"
    path.write_text(transitions_csv(observed.transitions))
    assert path.read_text().startswith("persona,from,to,dwell_from_days,dwell_to_days,count,squares\n")
    read, counted = (count_transitions(table, JOURNEY) for table in (read_transitions(path), observed.transitions))
    assert counted.entered.sum() < 40.0
    assert read.entered == pytest.approx(counted.entered, rel=1e-14)
    for key, bins in counted.moves.items():
        assert read.moves[key].count == pytest.approx(bins.count, rel=1e-14)


def test_squares_of_a_table_are_positive(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "persona,from,to,dwell_from_days,dwell_to_days,count,squares\nall customers,(enter),a,,,2.5,3\n"
        "all customers,a,end,1,2,2.5,-1\nall customers,a,end,2,3,2.5,\n"
    )
    with pytest.raises(BadInput) as caught:
        read_transitions(path)
    assert [(item.code, item.place and item.place.line) for item in caught.value.problems] == [("E022", 3), ("E022", 4)]


@pytest.mark.parametrize("unit", [1.0, 0.7])
def test_a_log_counted_by_parts_has_the_weights_of_one_in_memory(write, unit):
    """Copies and a sample: the same table to the last count, squares included, and the same account."""
    rng = np.random.default_rng(2)
    rows = " ".join(f"{c},a,2026-01-01T0{c % 9}:00,{unit * w:.3f} {c},end,2026-01-0{2 + c % 7},"
                    for c, w in enumerate(rng.integers(1, 6, 60)))  # fmt: skip
    path = write(rows)
    (observed, account), (found, counted) = observe_log(path, JOURNEY, WEIGHTS), count_log(path, JOURNEY, WEIGHTS)
    assert counted.weighting == account.weighting
    assert transitions_csv(found.transitions) == transitions_csv(observed.transitions)
    assert (found.transitions.squares is None) == (unit == 1.0)
