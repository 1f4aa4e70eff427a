"""What a log proposes: outcomes, links, order, silent exits, and sense on logs that are hardly logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from journeysim.calibrate import calibrate
from journeysim.calibrate.discover import Discovery, Support, discover
from journeysim.calibrate.discover.comments import comments_on
from journeysim.calibrate.discover.shares import round_shares
from journeysim.errors import BadInput
from journeysim.files import check_files, read_journey, write_journey
from journeysim.model.event_log import EventLog, Names
from journeysim.model.observations import observe
from lived_logs import log_of


def written(found: Discovery, log: EventLog) -> str:
    return write_journey(found.journey, comments_on(found, log, "log.csv", stand_alone=False))


def checked(log: EventLog, folder: Path, **settings) -> Discovery:
    """Propose a map, and check that its file has no problem, reads back as the map, and takes the log."""
    found = discover(log, name="test", **settings)
    path = folder / "journey.yaml"
    path.write_text(written(found, log), encoding="utf-8")
    assert [str(problem) for problem in check_files([path]) if problem.severity == "error"] == []
    assert read_journey(path) == found.journey
    observe(log, found.journey)
    return found


def funnel(customers: int = 40) -> list[tuple[str, str, float]]:
    """Everyone looks, three of four choose after a day, two of these buy after two days; nobody comes back."""
    rows = []
    for n in range(customers):
        start = n / 10
        rows.append((f"c{n}", "look", start))
        if n % 4:
            rows.append((f"c{n}", "choose", start + 1 + n % 3 / 10))
        if n % 4 > 1:
            rows.append((f"c{n}", "buy", start + 3 + n % 5 / 10))
    return rows


def test_touchpoints_come_in_order_of_first_appearance_and_ends_are_outcomes(tmp_path):
    rows = sorted(funnel(), key=lambda row: row[1])  # the order of rows says nothing
    found = checked(log_of(rows, cut_off=60), tmp_path)
    assert found.journey.touchpoint_names == ("look", "choose")
    assert [outcome.name for outcome in found.journey.outcomes if not outcome.silent] == ["buy"]
    assert found.journey.entry == (("look", found.journey.entry[0][1]),)
    assert found.coverage.journeys_whole == found.coverage.customers == 40


def test_shares_are_counts_and_silent_exits_what_is_left(tmp_path):
    found = checked(log_of(funnel(400), cut_off=400), tmp_path)
    shares = {link.target: link.share.mean for link in found.journey.touchpoint("look").links}
    assert shares == pytest.approx({"choose": 0.75, "left silently": 0.25}, abs=0.01)
    assert found.exits[0].shown


def test_a_log_that_ends_early_shows_no_silent_exit(tmp_path):
    """Everyone moves on after ten days; those who came in the last ten days are silent, and nobody left."""
    rows = [(f"c{n}", "start", n / 20) for n in range(800)]
    rows += [(f"c{n}", "end", n / 20 + 10) for n in range(600)]
    found = checked(log_of(rows, cut_off=40), tmp_path)
    assert found.exits == {}
    assert found.silences[0].silent == 200


def test_rare_links_are_folded_and_counted_but_never_the_only_way(tmp_path):
    rows = funnel(400)
    rows += [("odd 1", "look", 1.0), ("odd 1", "buy", 1.5), ("odd 2", "look", 1.0), ("odd 2", "help", 1.5)]
    rows += [("odd 2", "choose", 2.0)]
    found = checked(log_of(rows, cut_off=400), tmp_path)
    assert dict(found.folded) == {"look -> buy": 1}
    assert found.coverage.links_without_support == 2
    assert found.coverage.journeys_whole == 401


def test_support_is_a_share_and_a_number_of_customers(tmp_path):
    log = log_of(funnel(400), cut_off=400)
    assert checked(log, tmp_path, support=Support(0.9, 3)).folded == ()  # the only ways on are kept
    rows = [*funnel(400), *[("hurry", "look", day) for day in range(9)], ("hurry", "buy", 9.5)]
    found = checked(log_of(rows, cut_off=400), tmp_path, support=Support(0.001, 2))
    assert ("look -> look", 8) not in found.folded  # one stay: nobody else comes back, so repeats are folded
    assert ("look -> buy", 1) in found.folded


def test_the_same_log_gives_the_same_bytes_whatever_the_order_of_its_rows():
    rows = funnel(100)
    log, again = (log_of(some, cut_off=60) for some in (rows, rows[::-1]))
    assert written(discover(log, name="x"), log) == written(discover(log, name="x"), log)
    assert written(discover(again, name="x"), again) == written(discover(log, name="x"), log)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("only", "here", 0.0)], id="one event"),
        pytest.param([("only", "a", 0.0), ("only", "b", 1.0), ("only", "c", 1.5)], id="one customer"),
        pytest.param([("only", "a", 0.0), ("only", "a", 1.0), ("only", "a", 9.0)], id="one customer who comes back"),
        pytest.param([(f"c{n}", "buy", n + k) for n in range(9) for k in range(n + 1)], id="one touchpoint"),
        pytest.param([(f"c{n % 7}", "ab"[n % 2], n) for n in range(99)], id="to and fro, no outcome"),
        pytest.param([(f"c{n}", "same", 1.0) for n in range(9)], id="all at one moment"),
        pytest.param([("c", "a", 1.0), ("c", "b", 1.0), ("c", "a", 1.0), ("d", "b", 1.0)], id="no time at all"),
    ],
)
def test_hardly_a_log_gives_a_whole_map_that_calibrates(rows, tmp_path):
    log = log_of(rows)
    found = checked(log, tmp_path)
    assert calibrate(found.journey, observe(log, found.journey), seed=1, draws=20).draws.count == 20


def test_hundreds_of_touchpoints(tmp_path):
    rng = np.random.default_rng(3)
    rows = [
        (f"c{n}", f"page {int(page)}", n + k / 100)
        for n in range(200)
        for k, page in enumerate(np.cumsum(rng.integers(1, 40, 9)))
    ]
    found = checked(log_of(rows), tmp_path)
    assert len(found.journey.touchpoints) + len(found.journey.outcomes) > 200


def test_odd_names_are_written_so_that_they_read_back(tmp_path):
    names = ["no", "12:30", "a: b", "# x", "'", '"', "é", "[x]", "x\\y", "*a", "ende\N{ZERO WIDTH SPACE}"]
    rows = [(f"c{n}", name, n + k) for n in range(8) for k, name in enumerate(names)]
    found = checked(log_of(rows), tmp_path)
    assert {*found.journey.place_names} == {*names}


def test_names_that_no_map_can_hold_are_refused_all_at_once():
    rows = [("c", "a -> b", 0.0), ("c", "rest", 1.0), ("c", "fine", 2.0)]
    with pytest.raises(BadInput) as caught:
        discover(log_of(rows), name="x", outcomes=["lots"])
    assert [problem.code for problem in caught.value.problems] == ["E071", "E072", "E072"]
    assert "--rename" in caught.value.problems[1].message


def test_outcomes_can_be_named_and_stated(tmp_path):
    rows = [(f"c{n}", step, n + k) for n in range(40) for k, step in enumerate(("ask", "yes", "filed"))]
    assert checked(log_of(rows), tmp_path).journey.outcome_names == ("filed",)
    named = checked(log_of(rows), tmp_path, outcomes=["yes"])
    assert named.journey.outcome_names == ("yes", "filed")  # the log must fit, so the name stays, out of reach
    assert [item.rows for item in named.set_aside] == [40]
    stated = Names.of(["" if step != "yes" else "bought" for _, step, _ in rows])
    assert "bought" in checked(log_of(rows, outcome=stated), tmp_path).journey.outcome_names


def test_everything_an_outcome_is_no_journey():
    with pytest.raises(BadInput) as caught:
        discover(log_of([("c", "a", 0.0)]), name="x", outcomes=["a"])
    assert [problem.code for problem in caught.value.problems] == ["E070"]


def test_personas_have_the_shares_of_their_customers(tmp_path):
    rows = funnel(40)
    persona = Names.of(["young" if int(customer[1:]) % 4 == 0 else "old" for customer, _, _ in rows])
    found = checked(log_of(rows, persona=persona), tmp_path)
    assert {item.name: item.share.mean for item in found.journey.personas} == {"young": 0.25, "old": 0.75}


def test_stand_alone_shares_weigh_the_customers_seen():
    log = log_of(funnel(400), cut_off=400)
    light, heavy = (discover(log, name="x", stand_alone=value).journey for value in (False, True))
    assert [point.seen for point in light.touchpoints] == [1.0, 1.0]
    assert [point.seen for point in heavy.touchpoints] == [300.0, 200.0]
    assert heavy.seen_entry == 400


@pytest.mark.parametrize("weights", [[1.0], [1, 1, 1], [997, 2, 1], [1e6, 1, 1], [5, 3, 2], [1] * 300])
def test_round_shares_add_up_and_leave_no_one_out(weights):
    shares = [share.value for share in round_shares(weights)]
    assert sum(shares) == pytest.approx(1.0, abs=1e-12)
    assert min(shares) > 0
    assert np.allclose(shares, np.array(weights) / np.sum(weights), atol=1e-3)


def weighted(rows: list[tuple[str, str, float]], weights: dict[str, float], *, copies: bool) -> EventLog:
    column = np.array([weights.get(customer, 1.0) for customer, _, _ in rows])
    return log_of(rows, cut_off=400, weight=column, copies=copies)


def test_copies_propose_what_the_log_with_each_customer_written_so_often_proposes(tmp_path):
    """Every fifth customer three times: the same map to the last digit, entries and arrivals included."""
    rows = funnel(400)
    weights = {f"c{n}": 3.0 for n in range(0, 400, 5)}
    often = [(f"{name}.{k}", point, day) for name, point, day in rows for k in range(int(weights.get(name, 1.0)))]
    found = checked(weighted(rows, weights, copies=True), tmp_path)
    assert found.journey == discover(log_of(often, cut_off=400), name="test").journey


def test_a_sample_has_the_shares_of_its_population_and_is_no_surer_than_its_customers(tmp_path):
    """Of 400 those who only look weigh 1, the others 2.5: 100 of 850 leave; only ratios matter, but for arrivals."""
    rows = funnel(400)
    log = weighted(rows, {f"c{n}": 2.5 for n in range(400) if n % 4}, copies=False)
    found = checked(log, tmp_path)
    shares = {link.target: link.share.mean for link in found.journey.touchpoint("look").links}
    assert shares == pytest.approx({"choose": 750 / 850, "left silently": 100 / 850}, abs=0.005)
    assert "Weights count in shares" in written(found, log)
    alone = discover(log, name="test", stand_alone=True).journey
    assert alone.seen_entry == pytest.approx(850**2 / (100 + 300 * 2.5**2))
    plain = discover(log_of(rows, cut_off=400), name="test").journey
    twice = discover(weighted(rows, {f"c{n}": 2.5 for n in range(400)}, copies=False), name="test").journey
    assert twice.touchpoints == plain.touchpoints
    assert twice.arrivals_per_day.mean == pytest.approx(2.5 * plain.arrivals_per_day.mean, rel=0.01)
