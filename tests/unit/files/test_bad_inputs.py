"""Every scenario item of the collection of bad inputs: one file with exactly that fault, and what the user sees."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from files_under_test import JOURNEY, SCENARIO, with_fault, write_project
from journeysim.errors import BadInput, Problem
from journeysim.files import check_files, read_journey, read_scenario, read_scenario_with_warnings
from journeysim.files.yaml_positions import MAX_BYTES


def only(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, "\n".join(str(problem) for problem in problems)
    return problems[0]


def check_fault(folder: Path, journey: str, scenario: str, place: str, code: str, words: tuple[str, ...]) -> Problem:
    """Check the two files and compare the one problem with what is expected."""
    path = write_project(folder, journey=journey, scenario=scenario)
    problem = only(check_files([path]))
    found = problem.place
    assert found is not None
    assert f"{Path(found.file).name}:{found.line}:{found.column}" == place
    assert problem.code == code
    for word in words:
        assert word in problem.message
    assert found.text == (path.parent / Path(found.file).name).read_text("utf-8-sig").splitlines()[found.line - 1]
    return problem


# number in the collection, what is put in, the place, the code, and words the message must hold
IN_JOURNEY = [
    (3, [("    stage: look\n    owner", "\tstage: look\n    owner")], "10:1", "J005", ("tabs", "spaces")),
    (6, [("    owner: shop", "    on: click")], "11:5", "J014", ('no setting "on"', "true or false", "text")),
    (8, [('"Mon-Fri 08:00-20:00"', "12:30")], "34:26", "J009", ("clock times must be quoted", '"12:30"')),
    (9, [("seen: 240", "seen: 010")], "17:11", "J008", ("leading zero", "quote")),
    (13, [("dwell: 2 days", "dwell: .nan")], "14:32", "J021", ("must be finite",)),
    (13, [("staff: 3", "staff: .inf")], "34:17", "J021", ("must be finite", "unlimited")),
    (13, [("EUR 0.40", "EUR 1e999")], "12:11", "J021", ("must be finite",)),
    (22, [("moment of truth", "convertion")], "26:5", "J014", ("convertion", 'did you mean "conversion"?')),
    (25, [("journeysim: 1", "journeysim: 99")], "1:13", "J012", ("newer journeysim", "99")),
    (26, [("lost: 20%", "lost: 19.9%")], "13:5", "J031", ("cart", "99.9 %", "0.1 % is missing", '"lost: rest"')),
    (26, [("share: 50%", "share: 0.499")], "13:5", "J031", ("99.9 %", "(pay 49.9 %, help 30 %, lost 20 %)")),
    (27, [("lost: 20%", "lost: 21%")], "13:5", "J031", ('"cart"', "101 %", "lower one", '"lost: rest"')),
    (29, [("lost: 20%", "lost: -10%")], "16:13", "J030", ("cart -> lost", "-10 %", "between 0 % and 100 %")),
    (29, [("share: 50%", "share: 120%")], "14:20", "J030", ("cart -> pay", "120 %")),
    (34, [("      lost: rest", "      help: rest"), ("cart: {share: 40%, dwell: 4 min to 9 min}", "cart: 0%")],
     "21:5", "J035", ('"help"', "zero time")),
    (35, [("{silent: true}", "{silent: true, next: {cart: 100%}}")], "32:24", "J036", ('"lost"', "win-back")),
    (35, [("{silent: true}", "{silent: true, win-back: true}")], "32:24", "J036", ('"lost"', "win-back", "touchpoint")),
    (38, [("dwell: 2 days", "dwell: -2 days")], "14:32", "J039", ("negative",)),
    (38, [("dwell: 2 days", "dwell: {family: gamma, mean: -3 days, shape: 2}")], "14:25", "J039", ("-3 days",)),
    (39, [("dwell: 2 days", "dwell: 3")], "14:32", "J022", ("give a unit", '"3 days"')),
    (41, [("EUR 45", "USD 45")], "31:37", "J024", ("USD", "EUR", "one currency per scenario")),
    (42, [("loyal: {share: 40%}", "loyal: {share: 50%}")], "4:1", "J037", ("110 %", "new 60 %", "loyal 50 %")),
]  # fmt: skip


@pytest.mark.parametrize(("number", "faults", "place", "code", "words"), IN_JOURNEY)
def test_a_fault_in_the_journey_is_named_at_its_place(tmp_path, number, faults, place, code, words):
    assert number
    journey = with_fault(JOURNEY, *faults)
    check_fault(tmp_path, journey, SCENARIO, f"journey.yaml:{place}", code, words)


IN_SCENARIO = [
    (13, [("starts: month 2", "starts: in .inf")], "16:17", "J021", ("must be finite",)),
    (22, [("odds x:", "odd x:")], "14:9", "J014", ('no setting "odd x" for "change share"', 'did you mean "odds x"?')),
    (22, [("change share:", "chnge share:")], "13:9", "J058", ("chnge share", 'did you mean "change share"?')),
    (23, [("journey: journey.yaml\n", "")], "1:1", "J013", ("which journey",)),
    (25, [("journeysim: 1", "journeysim: 2")], "1:13", "J012", ("newer journeysim",)),
    (29, [("[25%, 50%, 100%]", "[25%, 150%]")], "18:5", "J070", ("realism", "at most at 100 %")),
    (40, [("8% per year", "10%")], "20:24", "J026", ("needs a period", '"10% per year"', "213.8% a year")),
    (41, [("EUR 1.20", "USD 1.20")], "11:15", "J024", ("one currency per scenario",)),
    (43, [("pay -> bought", "pay -> bougth")], "13:23", "J043", ("change has no effect", "bougth", '"bought"')),
    (43, [("cart -> help", "basket -> help")], "9:13", "J043", ("change has no effect", "basket")),
    (51, [("seed: 7", "events: ../../../etc/passwd")], "22:9", "J050", ("outside the project folder",)),
    (51, [("seed: 7", "events: /etc/passwd")], "22:9", "J050", ("outside the project folder",)),
    (51, [("seed: 7", "calibration: ../../..")], "22:14", "J050", ("outside the project folder",)),
    (51, [("journey.yaml", "/etc/hostname")], "3:10", "J050", ("outside the project folder",)),
]


@pytest.mark.parametrize(("number", "faults", "place", "code", "words"), IN_SCENARIO)
def test_a_fault_in_the_scenario_is_named_at_its_place(tmp_path, number, faults, place, code, words):
    assert number
    scenario = with_fault(SCENARIO, *faults)
    check_fault(tmp_path, JOURNEY, scenario, f"scenario.yaml:{place}", code, words)


def test_every_scenario_item_of_the_collection_has_a_test(shared):
    items = json.loads((shared / "bad_inputs" / "bad_inputs.json").read_text())
    numbers = {item["n"] for item in items if item["area"] == "scenario"}
    of_a_run = {47, 52}
    written_below = {5, 11, 12, 16, 19, 20, 30, 31, 37, 44, 45}
    tested = {case[0] for case in IN_JOURNEY + IN_SCENARIO}
    assert numbers - of_a_run == tested | written_below


def test_05_no_stays_the_text_no(tmp_path):
    path = write_project(tmp_path, journey=with_fault(JOURNEY, ("owner: shop", "owner: no")))
    assert read_scenario(path).journey.touchpoint("cart").owner == "no"


@pytest.mark.parametrize(("written", "value"), [("5%", 0.05), ("0.05", 0.05), ("1/3", 1 / 3), ("62.5%", 0.625)])
def test_11_12_percent_and_fractions_are_shares(tmp_path, written, value):
    faults = [("share: 50%", f"share: {written}"), ("lost: 20%", "lost: rest")]
    path = write_project(tmp_path, journey=with_fault(JOURNEY, *faults))
    assert read_scenario(path).journey.touchpoint("cart").links[0].share.mean == value


def test_12_three_thirds_make_a_whole(tmp_path):
    faults = [("share: 50%", "share: 1/3"), ("share: 30%", "share: 1/3"), ("lost: 20%", "lost: 1/3")]
    assert read_scenario(write_project(tmp_path, journey=with_fault(JOURNEY, *faults))).seed == 7


@pytest.mark.parametrize("levels", [7, 30])
def test_16_nested_aliases_are_refused_in_little_time_and_memory(tmp_path, levels):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 10)}]" for k in range(1, levels)]
    path = write_project(tmp_path, journey="\n".join(lines))
    started = time.perf_counter()
    tracemalloc.start()
    problem = only(check_files([path.parent / "journey.yaml"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problem.code == "J007"
    assert "more than 100,000 values" in problem.message
    assert peak < 50e6
    assert time.perf_counter() - started < 10  # guards against reading it at all: level 7 alone has a million leaves


def test_16_an_alias_used_as_people_do_is_read(tmp_path):
    faults = [
        ("share: 50%, dwell: 2 days", "share: 50%, dwell: &slow 2 days"),
        ("dwell: 1 h}\n      lost", "dwell: *slow}\n      lost"),
    ]
    links = (
        read_scenario(write_project(tmp_path, journey=with_fault(JOURNEY, *faults))).journey.touchpoint("cart").links
    )
    assert links[0].dwell == links[1].dwell


def test_19_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = write_project(tmp_path)
    huge = path.parent / "journey.yaml"
    with huge.open("r+b") as file:
        file.truncate(2_000_000_000)  # sparse: reading it would take seconds and 2 GB
    tracemalloc.start()
    problem = only(check_files([huge]))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert problem.code == "J002"
    assert "2,000,000,000 bytes" in problem.message
    assert f"{MAX_BYTES // 10**6} MB" in problem.message


def test_20_latin_1_is_named_by_its_byte(tmp_path):
    journey = with_fault(JOURNEY, ("owner: shop", "owner: Gen\u00e8ve")).encode("latin-1")
    problem = only(check_files([write_project(tmp_path, journey=journey)]))
    assert problem.code == "J003"
    assert f"byte {journey.index(0xE8)} (0xe8)" in problem.message
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (11, 15)


def test_20_utf_16_is_refused_at_its_first_byte(tmp_path):
    problem = only(check_files([write_project(tmp_path, journey=JOURNEY.encode("utf-16"))]))
    assert problem.code == "J003"
    assert "byte 0" in problem.message


def test_20_a_byte_order_mark_is_accepted_and_moves_nothing(tmp_path):
    path = write_project(tmp_path, journey=b"\xef\xbb\xbf" + JOURNEY.encode())
    assert read_scenario(path).journey == read_scenario(write_project(tmp_path / "plain")).journey


@pytest.mark.parametrize("name", ["touchpoints", "outcomes", "enter"])
def test_23_a_missing_section_is_named(tmp_path, name):
    start = JOURNEY.index(f"{name}:")
    end = JOURNEY.find(
        "\nresources" if name == "outcomes" else "\noutcomes" if name == "touchpoints" else "\narrivals", start
    )
    path = write_project(tmp_path, journey=JOURNEY[:start] + JOURNEY[end + 1 :])
    problem = only(check_files([path]))
    assert (problem.code, problem.place and problem.place.line) == ("J013", 1)
    assert f'needs "{name}"' in problem.message


def test_30_a_loop_without_exit_can_never_be_left(tmp_path):
    journey = with_fault(
        JOURNEY,
        ("      lost: rest", "      faq: rest\n  faq:\n    next: {help: {share: 100%, dwell: 1 day}}"),
        ("cart: {share: 40%, dwell: 4 min to 9 min}", "faq: 40%"),
        ("      faq: 40%\n", ""),
        ("enter: {cart: 100%}", "enter: {cart: 50%, faq: 50%}"),
    )
    problems = check_files([write_project(tmp_path, journey=journey)])
    assert [(problem.code, problem.place and problem.place.line) for problem in problems] == [
        ("J033", 21),
        ("J033", 24),
    ]
    assert 'customers who reach "help" can never leave' in problems[0].message
    assert 'customers entering "faq" can never leave' in problems[1].message
    assert "expected time infinite" in problems[1].message


def test_31_an_orphan_touchpoint_is_a_warning(tmp_path):
    journey = with_fault(JOURNEY, ("outcomes:", "  orphan:\n    next: {lost: 100%}\noutcomes:"))
    scenario, warnings = read_scenario_with_warnings(write_project(tmp_path, journey=journey))
    problem = only(warnings)
    assert (problem.code, problem.severity, problem.place and problem.place.line) == ("J034", "warning", 30)
    assert '"orphan" is never reached' in problem.message
    assert "orphan" in scenario.journey.touchpoint_names


def test_34_a_touchpoint_that_only_leads_to_itself(tmp_path):
    journey = with_fault(JOURNEY, ("help: {share: 30%, dwell: 1 h}\n      lost: 20%", "help: 50%"))
    journey = with_fault(journey, ("cart: {share: 40%, dwell: 4 min to 9 min}\n      lost: rest", "help: 100%"))
    problem = only(check_files([write_project(tmp_path, journey=journey)]))
    assert problem.code == "J035"
    assert "infinite loop in zero time" in problem.message


def test_37_an_overloaded_desk_without_patience_is_a_loud_warning(tmp_path):
    faults = [("staff: 3", "staff: 1"), ("time: 9 min, patience: 1 h", "time: 3 h")]
    scenario, warnings = read_scenario_with_warnings(write_project(tmp_path, journey=with_fault(JOURNEY, *faults)))
    problem = only(warnings)
    # 2,600 a month / 30.4375 days, 0.3 / (1 - 0.3 * 0.4) visits each, 3 h each; one person, 60 of 168 hours
    load = 2600 / 30.4375 * 0.3 / (1 - 0.12) * 3 / (24 * 60 / 168)
    assert (problem.code, problem.severity, problem.place and problem.place.line) == ("J072", "warning", 34)
    assert f"load {load:.2f}" in problem.message
    assert "grows without bound" in problem.message
    assert scenario.journey.resources[0].open_days_per_week == 2.5


def test_44_a_proposal_without_changes_is_a_warning(tmp_path):
    scenario = with_fault(SCENARIO, ("money:", "  nothing: {}\nmoney:"))
    read, warnings = read_scenario_with_warnings(write_project(tmp_path, scenario=scenario))
    problem = only(warnings)
    assert (problem.code, problem.severity, problem.place and problem.place.line) == ("J054", "warning", 20)
    assert "identical to today" in problem.message
    assert [proposal.name for proposal in read.proposals] == ["chat", "nothing"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("      - remove touchpoint: pay\n        inflow: bypass\n", '"pay" is removed and also edited'),
        ("      - add touchpoint: chat\n        on: cart -> lost\n", 'both add "chat"'),
    ],
)
def test_45_contradictory_changes_name_both_lines(tmp_path, change, why):
    scenario = with_fault(SCENARIO, ("    realism", f"{change}    realism"))
    with pytest.raises(BadInput) as error:
        read_scenario(write_project(tmp_path, scenario=scenario))
    found = [problem for problem in error.value.problems if problem.code == "J055"]
    problem = only(tuple(found))
    first = 13 if "remove" in change else 8
    assert f"line {first} and line 18 contradict each other" in problem.message
    assert why in problem.message
    assert problem.place is not None
    assert problem.place.line == 18


def test_45_setting_one_share_twice(tmp_path):
    twice = "".join(f"      - change share: cart -> pay\n        set to: {share}\n" for share in ("50%", "55%"))
    scenario = with_fault(SCENARIO, ("    realism", f"{twice}    realism"))
    problem = only(check_files([write_project(tmp_path, scenario=scenario)]))
    assert problem.code == "J055"
    assert "line 18 and line 20" in problem.message


def test_51_a_link_out_of_the_project_is_followed_and_refused(tmp_path):
    (tmp_path / "secret.csv").write_text("customer\n")
    path = write_project(tmp_path / "project", scenario=with_fault(SCENARIO, ("seed: 7", "events: log.csv")))
    (path.parent / "log.csv").symlink_to(tmp_path / "secret.csv")
    assert only(check_files([path])).code == "J050"


def test_nothing_is_run_when_the_valid_files_are_valid(tmp_path):
    path = write_project(tmp_path)
    assert check_files([path, path.parent / "journey.yaml"]) == ()
    assert read_journey(path.parent / "journey.yaml") == read_scenario(path).journey
