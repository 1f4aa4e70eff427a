"""All problems at once, positions, schema, codes: what readers promise beyond single faults."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import journeysim
from files_under_test import JOURNEY, SCENARIO, with_fault, write_project
from journeysim.errors import BadInput
from journeysim.files import CODES, check_files, explanation, json_schema, read_journey, read_scenario
from journeysim.files.places import beside, inside, project_folder, slug
from journeysim.files.yaml_positions import parse
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    ChangeAudience,
    ChangeReward,
    RemoveTouchpoint,
    Reroute,
    ScaleDwell,
    Terms,
)
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import Link, Reward, Touchpoint
from journeysim.model.quantity import Counts, Fixed, Range, Scale, Trialled
from journeysim.model.scenario import Investment
from journeysim.model.units import DAYS_PER_MONTH

SOURCES = Path(journeysim.__file__).parent
REPOSITORY = SOURCES.parents[1]


def codes_and_lines(problems):
    return [(Path(item.place.file).name, item.code, item.place.line) for item in problems]


def test_one_pass_names_the_faults_of_both_files(tmp_path):
    journey = with_fault(
        JOURNEY,
        ("    owner: shop", "    ownr: shop"),
        ("lost: 20%", "lost: 30%"),
        ("dwell: 1 h}", "dwell: 1}"),
        ("share: 90%, dwell: 1 min", "share: 95%, dwell: 1 min"),
        ("loyal: {share: 40%}", "loyal: {share: 41%}"),
        ("bought: {conversion: true", "bought: {conversion: maybe"),
    )
    scenario = with_fault(
        SCENARIO, ("odds x:", "odd x:"), ("8% per year", "8%"), ("seed: 7", "seed: seven"), ("EUR 1.20", "USD 1.20")
    )
    found = codes_and_lines(check_files([write_project(tmp_path, journey=journey, scenario=scenario)]))
    assert found == [
        ("scenario.yaml", "J024", 11),
        ("scenario.yaml", "J014", 14),
        ("scenario.yaml", "J026", 20),
        ("scenario.yaml", "J020", 22),
        ("journey.yaml", "J037", 4),
        ("journey.yaml", "J014", 11),
        ("journey.yaml", "J022", 15),
        ("journey.yaml", "J031", 27),
        ("journey.yaml", "J029", 31),
    ]


def test_problems_look_as_promised(tmp_path):
    journey = with_fault(JOURNEY, ("lost: 20%", "lost: 24%"))
    with pytest.raises(BadInput) as error:
        read_journey(write_project(tmp_path, journey=journey).parent / "journey.yaml")
    lines = str(error.value).splitlines()
    message = 'shares of "cart" add up to 104 % (pay 50 %, help 30 %, lost 24 %); lower one, or write "lost: rest"'
    assert lines[0].startswith("error[J031] ")
    assert lines[0].endswith("journey.yaml:13:5")
    assert lines[1:] == [
        "   13 |     next:",
        f"      |     ^^^^ {message}",
    ]


def test_a_fault_hides_what_follows_from_it_and_nothing_else(tmp_path):
    journey = with_fault(JOURNEY, ("      lost: rest\n  pay", "      lost: rest\n      pay: {share: soon}\n  pay"))
    found = codes_and_lines(check_files([write_project(tmp_path, journey=journey)]))
    assert found == [("journey.yaml", "J020", 24)]


def test_every_missing_section_is_named(tmp_path):
    path = tmp_path / "journey.yaml"
    path.write_text("journeysim: 1\njourney: Shop\nstages: [a]\n")
    found = check_files([path])
    assert [item.code for item in found] == ["J013"] * 3
    assert [item.message.split('"')[1] for item in found] == ["touchpoints", "outcomes", "enter"]


def test_a_journey_named_twice_is_reported_once(tmp_path):
    path = write_project(tmp_path, journey=with_fault(JOURNEY, ("lost: 20%", "lost: 24%")))
    assert len(check_files([path, path.parent / "journey.yaml", path.parent / ".." / "shop" / "journey.yaml"])) == 1


def test_files_that_are_neither_kind_or_not_there(tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("name: x\n")
    assert [item.code for item in check_files([other, tmp_path / "missing.yaml"])] == ["J053", "J001"]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\na: 2\n", "J006", 2, 1),
        ("a: [1,\n", "J004", 2, 1),
        ("a: b: c\n", "J004", 1, 5),
        ("a: *b\n", "J004", 1, 4),
        ("a: !!python/object x\n", "J004", 1, 4),
        ("a: \x01\n", "J004", 1, 4),
        ("? [k]\n: 1\n", "J004", 1, 3),
        ("<<: 1\n", "J004", 1, 1),
        ("a: 1\n---\nb: 1\n", "J010", 2, 1),
        ("", "J010", 1, 1),
        ("[" * 60 + "]" * 60, "J007", 1, 52),
        ("a: '12:30'\nb: 12:30\n", "J009", 2, 4),
        ("a: {b: 3,000 per month}\n", "J011", 1, 10),
        ("a: '010'\nb: -010\n", "J008", 2, 4),
    ],
)
def test_yaml_faults_have_a_place(text, code, line, column):
    _, problems = parse(text, "a.yaml")
    assert [(item.code, item.place.line, item.place.column) for item in problems] == [(code, line, column)]


def test_positions_of_keys_and_values():
    document, problems = parse("a:\n  b c: [1, {d: 60% }]\n  e:\n", "a.yaml")
    assert problems == ()
    assert document is not None
    assert document.tree == {"a": {"b c": ["1", {"d": "60%"}], "e": None}}
    spot = {path: document.place(path) for path in [("a",), ("a", "b c"), ("a", "b c", 1, "d"), ("a", "e"), ("a", "x")]}
    assert [(place.line, place.column, place.width) for place in spot.values()] == [
        (1, 1, 1),
        (2, 3, 3),
        (2, 16, 3),
        (3, 3, 1),
        (1, 1, 1),
    ]


CHANGES = """\
      - remove touchpoint: help
        inflow: lost
        lost to: lost
      - change share: cart -> pay
        points: 1 to 3
        paid by: cart -> lost
        personas: [new]
        for: 70% of customers
      - reroute: pay -> lost
        to: bought
        part: 30%
      - change dwell: pay
        times: 0.5 to 0.8
      - change price: bought
        plus: EUR 2
        elasticity: -1.5 to -0.5
        elasticity on: pay -> bought
      - change cost: cart -> pay
        set to: EUR 1
      - change feeling: cart
        plus: 0.1
      - audience: {personas: {new: 70%}, enter: {pay: 10%}, arrivals: "3,000 per month"}
        starts: in 6 weeks
        decay: 1 year
"""


def test_every_change_becomes_its_class(tmp_path):
    start, end = SCENARIO.index("      - add"), SCENARIO.index("    realism")
    (proposal,) = read_scenario(write_project(tmp_path)).proposals
    chat = Touchpoint("chat", (), cost=Reward(Fixed(1.2)))
    added, shared = proposal.changes
    assert isinstance(added, AddTouchpoint)
    assert (added.touchpoint, added.on, added.divert) == (chat, (("cart", "help"),), Fixed(1.0))
    assert (added.dwell.family, added.terms) == (Family.LOGNORMAL, Terms(basis="expert"))
    tested = Trialled(Counts(41, 510), Counts(58, 498), Range(1.05, 1.3, Scale.POSITIVE))
    terms = Terms(start=DAYS_PER_MONTH, ramp=3 * DAYS_PER_MONTH, basis="test")
    assert shared == AdjustShare("pay", "bought", "odds x", tested, None, terms)
    assert proposal.realism == (0.25, 0.5, 1.0)
    assert proposal.invest == Investment(Fixed(180_000.0), Fixed(6000 / DAYS_PER_MONTH))

    others = SCENARIO[:start] + CHANGES + SCENARIO[end:]
    (proposal,) = read_scenario(write_project(tmp_path / "others", scenario=others)).proposals
    for_some = Terms(personas=("new",), reach=Fixed(0.7))
    assert proposal.changes == (
        RemoveTouchpoint("help", "lost", "lost"),
        AdjustShare("cart", "pay", "points", Range(0.01, 0.03, Scale.REAL), "lost", for_some),
        Reroute("pay", "lost", "bought", Fixed(0.3)),
        ScaleDwell("pay", None, Range(0.5, 0.8, Scale.POSITIVE)),
        ChangeReward("price", "bought", "plus", Fixed(2.0), Range(-1.5, -0.5, Scale.REAL), ("pay", "bought")),
        ChangeReward("cost", "cart -> pay", "set to", Fixed(1.0)),
        ChangeReward("feeling", "cart", "plus", Fixed(0.1)),
        ChangeAudience(
            (("new", Fixed(0.7)),),
            (("pay", Fixed(0.1)),),
            Fixed(pytest.approx(3000 / DAYS_PER_MONTH)),
            Terms(start=42.0, decay=365.25),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("odds x: 1.05 to 1.30", "points: 2", "J056", "odds ratio"),
        ("odds x: 1.05 to 1.30", "relative x: 1.1\n        points: 2", "J059", "two sizes"),
        ("on: cart -> help", "on: cart, help", "J020", "from -> to"),
        ("basis: expert", "basis: test", "J056", "counts"),
        ("basis: expert", "basis: hunch", "J016", '"expert"'),
        ("basis: expert", "personas: [nw]", "J042", 'did you mean "new"?'),
        ("add touchpoint: chat", "add touchpoint: pay", "J046", "another name"),
        ("odds x: 1.05 to 1.30", "odds x: 1.1 to 1.2\n        paid by: cart -> lost", "J059", "another link"),
        ("starts: month 2", "starts: 2 months", "J020", "month 2"),
        ("invest: {upfront", "invest: {by month: {zero: EUR 1}, upfront", "J020", "not a month"),
        ("succeed if: P(net benefit > 0) >= 80%", "succeed if: [conversion]", "J057", "conversion +2 points"),
        ("horizon: 12 months", "horizon: 0 days", "J070", "horizon"),
        ("horizon: 12 months", "events: journey.yaml\ncalibration: .", "J052", "keep one"),
        ("horizon: 12 months", "two way: [odds x]", "J102", "two different numbers"),
        ("horizon: 12 months", "events: log.parquet", "J051", "does not exist"),
        ("horizon: 12 months", "calibration: journey.yaml", "J051", "is a file"),
    ],
)
def test_faults_of_changes_and_settings(tmp_path, old, new, code, words):
    problems = check_files([write_project(tmp_path, scenario=with_fault(SCENARIO, (old, new)))])
    assert [item.code for item in problems if item.code != "J043"] == [code]
    assert any(words in item.message for item in problems)


def test_changes_see_what_earlier_changes_added(tmp_path):
    later = "      - change share: cart -> chat\n        odds x: 1.2\n"
    later += "      - change dwell: chat -> help\n        times: 0.5\n"
    scenario = with_fault(SCENARIO, ("    realism", f"{later}    realism"))
    assert check_files([write_project(tmp_path, scenario=scenario)]) == ()


def test_a_test_without_a_stated_range_stands_alone(tmp_path):
    scenario = with_fault(SCENARIO, ("        odds x: 1.05 to 1.30\n", ""))
    change = read_scenario(write_project(tmp_path, scenario=scenario)).proposals[0].changes[1]
    assert isinstance(change, AdjustShare)
    assert change.size == Trialled(Counts(41, 510), Counts(58, 498), None)


def test_rows_by_persona_and_tenure_take_what_they_leave_out_from_the_base(tmp_path):
    more = """\
    personas:
      loyal: {next: {pay: 60%, lost: rest}, cost: EUR 0.20}
    tenure:
      - until: 2 years
        next: {pay: {share: 70%, dwell: 1 day}, lost: rest}
    seen: 240
"""
    path = write_project(tmp_path, journey=with_fault(JOURNEY, ("    seen: 240\n", more)))
    cart = read_scenario(path).journey.touchpoint("cart")
    ((_, loyal),) = cart.by_persona
    assert loyal.links == (Link("pay", Fixed(0.6), Dwell(Family.FIXED, Fixed(2.0))), Link("lost", None))
    assert (loyal.cost, loyal.value) == (Reward(Fixed(0.2)), None)
    (period,) = cart.by_tenure
    assert period.until == 730.5
    assert period.row.links is not None
    assert period.row.links[0].dwell == Dwell(Family.FIXED, Fixed(1.0))


def test_one_link_has_one_dwell_family(tmp_path):
    more = "    personas: {loyal: {next: {pay: {share: 60%, dwell: 1 h to 2 h}, lost: rest}}}\n    seen: 240\n"
    problems = check_files([write_project(tmp_path, journey=with_fault(JOURNEY, ("    seen: 240\n", more)))])
    assert [item.code for item in problems] == ["J075"]
    assert "fixed and as lognormal" in problems[0].message


def test_paths_stay_inside_the_project(tmp_path):
    deep = tmp_path / "a" / "b" / "c" / "scenario.yaml"
    deep.parent.mkdir(parents=True)
    deep.touch()
    assert project_folder(deep) == tmp_path / "a"
    (tmp_path / "a" / "b" / ".journeysim").mkdir()
    assert project_folder(deep) == tmp_path / "a" / "b"
    assert inside("../c/scenario.yaml", deep, "it") == deep
    assert beside("../x.yaml", "scenarios/shop/scenario.yaml") == str(Path("scenarios/x.yaml"))
    assert [slug(text) for text in ("../x", "Loan Application", "loan_application", "…")] == [
        "x",
        "loan-application",
        "loan_application",
        "scenario",
    ]


def test_the_real_example_reads_without_a_word():
    folder = REPOSITORY / "scenarios" / "loan_application"
    assert check_files([folder / "scenario.yaml", folder / "journey.yaml"]) == ()


def test_every_code_in_the_sources_is_explained():
    used = {code for path in SOURCES.rglob("*.py") for code in re.findall(r'"([CEFJ]\d{3})"', path.read_text("utf-8"))}
    assert used - set(CODES) == set()
    assert len(used) > 50
    found = explanation("j031")
    assert found is not None
    assert "add up to 100 %" in found.rule
    assert found.example == "lost: rest"
    assert explanation("J999") is None


def test_the_json_schema_names_every_setting_and_forbids_others():
    schema = json_schema()
    text = json.dumps(schema)
    groups = schema["$defs"]
    assert groups["TouchpointFile"]["additionalProperties"] is False
    assert groups["TouchpointFile"]["required"] == ["next"]
    assert {"moment of truth", "staffed by", "pain points"} <= set(groups["TouchpointFile"]["properties"])
    assert "odds x" in groups["ChangeShareFile"]["properties"]
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) <= set(groups)
    assert "win-back" not in text


def test_checking_loads_nothing_heavy():
    heavy = ("pymc", "arviz", "matplotlib", "numba", "scipy.stats", "pandas", "xarray", "duckdb")
    script = "import sys; from journeysim.files import check_files; check_files([])"
    script += f"; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
