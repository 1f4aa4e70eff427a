"""`journeysim score`: a run's forecast against a later log."""

from __future__ import annotations

import numpy as np
import pytest

MONTH = 365.25 / 12


def write_log(path, per_month, share, months=3, seed=1):
    """Write a log in which customers enter at a steady rate and a share of them pays two days later, loyal ones more often."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2026-06-01T00:00:00", "s")
    lines = ["customer,touchpoint,time,persona"]
    for k, day in enumerate(np.sort(rng.uniform(0, months * MONTH, int(per_month * months)))):
        persona = "new" if rng.random() < 0.6 else "loyal"
        lines.append(f"c{k},cart,{start + np.timedelta64(int(day * 86_400), 's')},{persona}")
        if rng.random() < share + (-0.08 if persona == "new" else 0.12) and day + 2 < months * MONTH:
            lines.append(f"c{k},paid,{start + np.timedelta64(int((day + 2) * 86_400), 's')},{persona}")
    end = start + np.timedelta64(int(months * MONTH * 86_400) + 60, "s")
    lines.append(f"last,cart,{end},new")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def run(project, call):
    done = call("run", "scenario.yaml", "--json")
    assert done.code == 0, done.people
    return project / done.document["runs"][0]["folder"]


def test_a_forecast_is_held_against_what_came(run, call, project):
    """The shop's cart pays 50 % of new and 70 % of loyal customers: 58 % of 100 a month."""
    assert (run / "forecast.parquet").is_file()
    write_log(project / "log.csv", 100, 0.58)
    done = call("score", run, "log.csv", "--from", "2026-06-01", "--json")
    assert done.code == 0, done.people
    found = done.document
    assert found["schema"] == "journeysim/score/1"
    assert {(item["metric"], item["month"]) for item in found["months"] if item["month"]} == {
        (metric, month) for metric in ("entrants", "conversions") for month in (1, 2, 3)
    }
    became = {(item["metric"], item["persona"], item["place"]): item for item in found["months"] if not item["month"]}
    assert {persona for _, persona, _ in became} == {"new", "loyal"}
    assert {metric for metric, _, _ in became} >= {"converted", "reached", "days_to_convert"}
    assert "converted: over 2 figures" in done.people
    assert sum(item["actual"] for item in found["months"] if item["metric"] == "entrants") == 300
    assert "conversions: over 3 months" in done.people
    assert all(gate["passed"] for gate in found["gates"]), found["gates"]

    write_log(project / "poor.csv", 100, 0.2)
    poor = call("score", run, "poor.csv", "--from", "2026-06-01", "--arm", "push")
    assert poor.code == 3
    assert "conversions" in poor.people


def test_the_next_calibration_and_the_next_trust_grade_start_from_a_score(run, call, project):
    """The run's beliefs (40 customers seen at the cart) become a map; with 58 more customers it rests on 98 or so."""
    write_log(project / "log.csv", 100, 0.58)
    done = call("score", run, "log.csv", "--from", "2026-06-01", "--arm", "nudge", "--weight", "50", "--json")
    folder = project / done.document["folder"]
    assert {item.name for item in folder.iterdir()} == {"score.json", "journey.yaml"}
    text = (folder / "journey.yaml").read_text(encoding="utf-8")
    assert "the proposal nudge, counted at 50%" in text
    assert f"journeysim calibrate log.csv --journey {folder.relative_to(project)}/journey.yaml" in done.people
    next_fit = call(
        "calibrate",
        "log.csv",
        "--journey",
        folder / "journey.yaml",
        "--entered-from",
        "2026-07-01",
        "--out",
        "next",
        "--json",
    )
    assert next_fit.code in (0, 3), next_fit.people
    aside = {item["reason"]: item["count"] for item in next_fit.document["rows"]["set_aside"]}
    assert aside["of a journey that began earlier, as asked (entered from)"] > 50

    scenario = project / "scenario.yaml"
    relative = folder.relative_to(project)
    scenario.write_text(
        scenario.read_text(encoding="utf-8") + f"backtest: {relative}\ncalibration: next\n", encoding="utf-8"
    )
    again = call("run", "scenario.yaml", "--json")
    reasons = again.document["runs"][0]["results"]["trust"]["reasons"]
    assert not any("backtest" in reason for reason in reasons), reasons


def test_what_cannot_be_scored_says_why(run, call, project):
    write_log(project / "log.csv", 100, 0.58)
    late = call("score", run, "log.csv", "--from", "2026-08-20")
    assert (late.code, "B004" in late.people) == (2, True)
    other = call("score", run, "log.csv", "--from", "2026-06-01", "--arm", "puhs")
    assert other.code == 2
    assert 'did you mean "push"' in other.people
    (run / "forecast.parquet").unlink()
    none = call("score", run, "log.csv", "--from", "2026-06-01")
    assert (none.code, "nothing was foretold" in none.people) == (2, True)
