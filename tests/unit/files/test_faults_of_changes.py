"""What once passed `check` and failed, or went unsaid, in a run: each is named at its place in the scenario."""

from __future__ import annotations

import pytest

from files_under_test import SCENARIO, with_fault, write_project
from journeysim.files import check_files

CHAT = "      - add touchpoint: chat\n        on: cart -> help\n        dwell: 4 min to 9 min\n"
PRICE = "elasticity: -1\n        elasticity on: pay -> bought"


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "words"),
    [
        ("succeed if: P(net benefit > 0) >= 80%", "succeed if: happiness +2 points", "21:13", "J057", "no metric"),
        ("succeed if: P(net benefit > 0) >= 80%", "succeed if: [churn -1 points, convertion +1%]", "21:31", "J057",
         'did you mean "conversion"?'),
        ("dwell: 4 min to 9 min", "next: {help: 30%, lost: 30%}", "10:9", "J031",
         'shares of "chat" add up to 60 % (help 30 %, lost 30 %); 40 % is missing; raise one, or write "lost: rest"'),
        ("dwell: 4 min to 9 min", "next: {help: rest, lost: rest}", "10:28", "J073", "can take the rest"),
        ("dwell: 4 min to 9 min", "next: {help: 130%}", "10:22", "J030", "130 %"),
        ("dwell: 4 min to 9 min", "stage: lok", "10:16", "J071", 'no stage "lok"; did you mean "look"?'),
        ("dwell: 4 min to 9 min", "staffed by: {resource: dsk, time: 1 h}", "10:32", "J045", 'did you mean "desk"?'),
        ("dwell: 4 min to 9 min", "feeling: -3", "10:18", "J070", "between -1"),
        (CHAT, "      - audience: {personas: {new: 30%, loyal: 30%}}\n", "8:20", "J037", "60 %"),
        (CHAT, "      - audience: {enter: {pay: 80%, help: 30%}}\n", "8:20", "J038", "110 %"),
        (CHAT, "      - audience: {}\n", "8:9", "J043", "no effect"),
        (CHAT, f"      - change price: bought\n        set to: EUR 0\n        {PRICE}\n", "9:17", "J074", "above 0"),
        (CHAT, f"      - change price: bought\n        times: 0\n        {PRICE}\n", "9:16", "J074", "above 0"),
        (CHAT, "      - change cost: bought\n        times: 2\n        elasticity: -1\n", "10:9", "J014",
         'no setting "elasticity" for "change cost"; customers answer to a price'),
        ("odds x: 1.05 to 1.30", "odds x: 1.2", "14:17", "J056", "the range you believed before the test, or leave"),
        ("odds x: 1.05 to 1.30", "odds x: {mean: 1.2, sd: 0}", "14:9", "J056", "or leave it out"),
        ("seed: 7", "columns: {custmer: user_id}", "22:11", "E005", 'did you mean "customer"?'),
    ],
)  # fmt: skip
def test_what_would_only_fail_in_a_run_is_said_at_its_place(tmp_path, old, new, place, code, words):
    scenario = with_fault(SCENARIO, (old, new))
    if old == CHAT:
        scenario = with_fault(scenario, ("        cost: EUR 1.20\n", ""))
    (problem,) = check_files([write_project(tmp_path, scenario=scenario)])
    assert problem.place is not None
    assert (problem.code, f"{problem.place.line}:{problem.place.column}") == (code, place)
    assert words in problem.message
