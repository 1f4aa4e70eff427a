"""Processes simulated by others with Prosimos, whose gateway probabilities, service times and added timer are known.

Arrivals are the starts of tasks and the end of the case (`prosimos.write_events`): so the dwell at a touchpoint is its own
service plus the wait for the next, and journeys are as long as the cases were. With ends as arrivals the first task, and
the wait for it, would be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from journeysim.calibrate import Calibration, calibrate
from journeysim.files.events import read_events
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint
from journeysim.model.draws import TABLE_SIZE, tables_of
from journeysim.model.dwell import Family, by_family
from journeysim.model.dwell import mean as mean_dwell
from journeysim.model.journey import Touchpoint, link_id
from journeysim.model.observations import observe
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.transitions import ENTER
from journeysim.model.visits import visits_of
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from prosimos import SECONDS_PER_DAY, Process, cycle_days, journey_of, read_process, write_events
from validation.page import KNOWN_TRUTH, stamp

pytestmark = pytest.mark.realdata
HORIZON = {"Insurance_Claims": 0.1, "Loan_Application": 40.0}
MEASURES = {"mean": np.mean, "median": np.median, "9 in 10": lambda days, axis: np.quantile(days, 0.9, axis=axis)}
#: Where a queue stands: the dwell holds the wait for staff too, so the service time is not its truth.
QUEUES = ("Check if customer has all required information", "Register Claim")


@dataclass(frozen=True)
class Known:
    """One log with its truth: the process, the calibration, moves as (link label, days), and cycle times."""

    name: str
    process: Process
    fit: Calibration
    moves: tuple[tuple[str, float], ...]
    cycle: np.ndarray

    def interval(self, label: str) -> np.ndarray:
        """Return 5 %, 50 % and 95 % of a link's share."""
        return np.quantile(
            self.fit.draws.values("share")[:, 0, 0, self.fit.draws.links.index(label)], [0.05, 0.5, 0.95]
        )

    def mean_seconds(self, label: str) -> np.ndarray:
        """Return 5 %, 50 % and 95 % of the mean dwell on a link."""
        at, draws = self.fit.draws.links.index(label), self.fit.draws
        a, b = (draws.values(name)[:, 0, 0, at] for name in ("dwell_a", "dwell_b"))
        means = np.empty(draws.count)
        for family, rows in by_family(draws.data["family"].values[:, at]):
            if family is Family.EMPIRICAL:
                means[rows] = a[rows] * np.trapezoid(
                    tables_of(draws.data)[b[rows].astype(int)], dx=1 / (TABLE_SIZE - 1)
                )
            else:
                means[rows] = mean_dwell(family, a[rows], b[rows])
        return np.quantile(means, [0.05, 0.5, 0.95]) * SECONDS_PER_DAY

    @cached_property
    def per_case(self) -> dict[str, tuple[float, float]]:
        """Moves per case and mean days, by link."""
        labels, days = np.array([label for label, _ in self.moves]), np.array([day for _, day in self.moves])
        return {str(label): (float(np.mean(labels == label) * len(labels) / len(self.cycle)), float(days[labels == label].mean()))
                for label in np.unique(labels)}  # fmt: skip


def know(stem: Path, path: Path) -> Known:
    process = read_process(stem)
    journey = journey_of(process)
    write_events(stem, process, path)
    log = read_events(path)
    visits = visits_of(log, journey)
    names, rows = journey.place_names, np.flatnonzero(visits.followed)
    moves = tuple(
        (link_id(names[visits.place[r]], names[visits.place[r + 1]]), float(visits.day[r + 1] - visits.day[r]))
        for r in rows
    )
    return Known(stem.name, process, calibrate(journey, observe(log, journey), seed=1), moves, cycle_days(stem))


@pytest.fixture(scope="module")
def known(shared, tmp_path_factory) -> dict[str, Known]:
    folder = shared / "data" / "known_truth"
    if not folder.is_dir():
        pytest.skip(f"needs the simulated processes in {folder}")
    place = tmp_path_factory.mktemp("known_truth")
    stems = [folder / f"{name}{timer}" for name in HORIZON for timer in ("", "_1_timer")]
    return {stem.name: know(stem, place / f"{stem.name}.csv") for stem in stems}


@dataclass(frozen=True)
class Gateway:
    log: str
    label: str
    truth: float
    low: float
    middle: float
    high: float

    @property
    def hit(self) -> bool:
        return self.low <= self.truth <= self.high


def gateways(known: dict[str, Known]) -> list[Gateway]:
    """Return every decision once, by its first link."""
    found = []
    for each in known.values():
        for source, row in each.process.shares.items():
            target, truth = next(iter(row.items()))
            if truth < 1:
                label = link_id(source, target)
                found.append(Gateway(each.name, label, truth, *each.interval(label)))
    return found


def test_true_gateway_probabilities_lie_in_their_intervals(known):
    """16 decisions in four logs: a right calibration has 10 hits or fewer in 0.3 % of such data sets.

    One miss is known: 313 of the 1,313 checks in Loan_Application came back where the model file says 20 %, which a fair
    coin of 20 % does once in 2,000 logs.
    """
    found = gateways(known)
    assert len(found) == 16
    assert sum(gateway.hit for gateway in found) >= 11, [gateway for gateway in found if not gateway.hit]


def services(known: dict[str, Known]) -> list[tuple[str, str, float, np.ndarray]]:
    """Return (log, link, true seconds, interval) of every link on which nobody waits."""
    found = []
    for each in known.values():
        if each.name.startswith("Insurance"):
            for source, row in each.process.shares.items():
                for target in row:
                    if (source, target) != QUEUES and (source, target) not in each.process.timed_links:
                        label = link_id(source, target)
                        found.append((each.name, label, each.process.service(source), each.mean_seconds(label)))
    return found


def test_service_times_come_back_to_seven_and_a_half_percent(known):
    """Where nobody waits the dwell is the service: a fixed time plus an exponential of 1 % of it.

    Dwells are counted in bins 3.7 % wide, so a time that hardly varies is known to half a bin; asked for is 7.5 %, as such
    a posterior has a cliff on both sides, and how many draws are effective says that it is not to be believed any closer.
    """
    for log, label, truth, (_, middle, _) in services(known):
        assert abs(middle / truth - 1) < 0.075, (log, label, truth, middle)


def test_one_token_loses_no_time(known):
    """Moves per case x mean dwell, summed over links, is the mean cycle time: parallel tasks as one stay leave nothing out."""
    for each in known.values():
        total = sum(count * days for count, days in each.per_case.values())
        assert total == pytest.approx(each.cycle.mean(), rel=1e-9)
        entries = each.fit.draws.data["entry"].values[:, 0]
        assert entries[:, 0].min() > 0.9, ENTER


@dataclass(frozen=True)
class Forecast:
    """A measure of the cycle time in hours: predicted logs of 1,000 cases, the log, and its own standard error."""

    measure: str
    arm: str
    predicted: np.ndarray
    actual: float
    error: float

    @property
    def z(self) -> float:
        return float((self.predicted.mean() - self.actual) / np.hypot(self.predicted.std(), self.error))


def predicted_logs(known: dict[str, Known], name: str) -> list[np.ndarray]:
    """Return cycle times in hours, shape (log, 1000), without and with the timer as a proposal to the base calibration."""
    base, changed = known[name], known[f"{name}_1_timer"]
    ((link, timer),) = changed.process.timed_links.items()
    add = AddTouchpoint(Touchpoint("waiting timer", ()), on=(link,), dwell=timer.dwell)
    proposal, horizon = Proposal("timer", (add,), realism=(1.0,)), HORIZON[name]
    scenario = Scenario(name, journey_of(base.process), (proposal,), horizon=horizon)
    arms = build_arms(scenario, base.fit.draws.take(np.arange(40)), seed=2)
    found = simulate(arms, settings=Settings(horizon), seed=3, engine="walk", customers=100).arms
    ends = [24 * np.nan_to_num(arm.lives[-1].end_time, nan=horizon) for arm in found]
    return [np.concatenate([hours[:, :1000], hours[:, 1000:2000]]) for hours in ends]


def forecasts(known: dict[str, Known], name: str) -> list[Forecast]:
    """Return base log, changed log and change, each against its forecast.

    Cases wait in one queue and are not independent. The error of a change is that of ten differences between batches of
    100 cases in order of arrival, which meet the same hours and the same length of the queue in both logs.
    """
    logs, found = predicted_logs(known, name), []
    actual = [24 * known[name].cycle, 24 * known[f"{name}_1_timer"].cycle]
    rng = np.random.default_rng(1)
    for measure, of in MEASURES.items():
        for arm, log, hours in zip(("base", "timer"), logs, actual, strict=True):
            error = float(np.std(of(rng.choice(hours, (400, len(hours))), axis=1)))
            found.append(Forecast(measure, arm, of(log, axis=1), float(of(hours, axis=0)), error))
        batches = np.subtract(*(of(hours.reshape(10, 100), axis=1) for hours in reversed(actual)))
        change = float(np.subtract(*(of(hours, axis=0) for hours in reversed(actual))))
        predicted = np.subtract(*(of(log, axis=1) for log in reversed(logs)))
        found.append(Forecast(measure, "change", predicted, change, float(batches.std(ddof=1) / np.sqrt(10))))
    return found


@pytest.mark.parametrize("name", HORIZON)
def test_cycle_times_of_the_base_come_back(known, name: str):
    """Mean, median and 9 in 10 within 4 standard errors of prediction and log (independent cases): false alarm 0.02 %."""
    for forecast in forecasts(known, name):
        assert forecast.arm != "base" or abs(forecast.z) < 4, forecast


@pytest.mark.parametrize("name", HORIZON)
def test_the_timer_as_a_proposal_predicts_the_change(known, name: str):
    """Mean, median and 9 in 10: within 4.8 errors, as ten batches have a t of 9 degrees: false alarm 0.3 %.

    A change of the mean that is off by 0.045 hours shows in Insurance_Claims (a third of it), one that is off by 8.5 hours
    in Loan_Application, where two appraisers serve everybody and cases queue for days.
    """
    for forecast in forecasts(known, name):
        assert forecast.arm != "change" or abs(forecast.z) < 4.8, forecast


@pytest.mark.parametrize("name", HORIZON)
def test_the_change_is_the_timer_where_it_stands(known, name: str):
    """The predicted change of the mean is the timer's mean times how many pass it, to 4 %."""
    base, changed = known[name], known[f"{name}_1_timer"]
    ((link, timer),) = changed.process.timed_links.items()
    passing = base.per_case[link_id(*link)][0]
    change = next(f for f in forecasts(known, name) if f.measure == "mean" and f.arm == "change")
    assert change.predicted.mean() == pytest.approx(passing * timer.mean / 3600, rel=0.04)


def parts(known: dict[str, Known], name: str) -> tuple[float, float, float]:
    """Split the actual change of the mean (hours): dwell on the timer's link, other dwells, how often links were taken."""
    base, changed = known[name].per_case, known[f"{name}_1_timer"].per_case
    (link,) = (link_id(*link) for link in known[f"{name}_1_timer"].process.timed_links)
    dwell = {k: 24 * (changed[k][1] - base[k][1]) * (changed[k][0] + base[k][0]) / 2 for k in base}
    count = sum(24 * (changed[k][0] - base[k][0]) * (changed[k][1] + base[k][1]) / 2 for k in base)
    return dwell[link], sum(dwell.values()) - dwell[link], count


def gateway_lines(known: dict[str, Known]) -> list[str]:
    found = gateways(known)
    hits = f"True gateway probabilities in their 90 % intervals: {sum(g.hit for g in found)} of {len(found)} (14.4 expected)."
    rows = (
        f"| {g.log} | {g.label} | {g.truth:.2f} | {g.low:.3f} to {g.high:.3f} | {'' if g.hit else 'miss'} |"
        for g in found
    )
    return [hits, "", "| log | link | truth | 90 % interval | |", "|---|---|---|---|---|", *rows]


def service_lines(known: dict[str, Known]) -> list[str]:
    head = ["Service times in seconds, where nobody waits (dwells are counted in bins 3.7 % wide):", "",
            "| log | link | truth | mean dwell, 90 % |", "|---|---|---|---|"]  # fmt: skip
    return head + [
        f"| {log} | {label} | {truth:.0f} | {middle:.0f} ({low:.0f} to {high:.0f}) |"
        for log, label, truth, (low, middle, high) in services(known)
    ]


def cycle_lines(known: dict[str, Known], name: str) -> list[str]:
    here, elsewhere, counts = parts(known, name)
    head = (f"{name}, cycle time in hours. Of the actual change of the mean, {here:+.3f} is on the timer's link, "
            f"{elsewhere:+.3f} on other links, {counts:+.3f} because links were taken more or less often.")  # fmt: skip
    rows = []
    for f in forecasts(known, name):
        low, high = np.quantile(f.predicted, [0.05, 0.95])
        predicted = f"{f.predicted.mean():.3f} ({low:.3f} to {high:.3f})"
        rows.append(f"| {f.arm} | {f.measure} | {predicted} | {f.actual:.3f} +- {f.error:.3f} |")
    return [head, "", "| | | predicted, 90 % | actual +- its error |", "|---|---|---|---|", *rows]


@pytest.mark.validation
def test_page(known, record_property):
    """Leave what was found for the page that `make validate` writes: 16 decisions, all service times, 9 forecasts a process.

    Every process's actual change of the mean has to be the sum of the three parts that the page takes it into.
    """
    about = (
        f"Two processes simulated by others (Prosimos), 1,000 cases each, without and with a waiting timer. {stamp()}"
    )
    parts_of = [[about], gateway_lines(known), service_lines(known), *(cycle_lines(known, name) for name in HORIZON)]
    record_property("validation", f"## {KNOWN_TRUTH}\n" + "\n\n".join("\n".join(lines) for lines in parts_of))
    rows = [sum(line.startswith("| ") for line in lines) - 1 for lines in parts_of[1:]]
    assert rows == [16, len(services(known)), *[9] * len(HORIZON)]
    for name in HORIZON:
        change = 24 * (known[f"{name}_1_timer"].cycle.mean() - known[name].cycle.mean())
        assert sum(parts(known, name)) == pytest.approx(change, rel=1e-9)
