"""Every scenario of the project, end to end, against its expected figures."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)


def test_there_are_scenarios():
    assert golden.SCENARIOS


@pytest.mark.scenarios
@pytest.mark.parametrize("folder", golden.SCENARIOS, ids=lambda folder: folder.name)
def test_scenario_gives_what_is_expected(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert expected["draws"] == golden.DRAWS
    results, _ = golden.run(folder)
    failed = [gate["gate"] for gate in results["fit"]["gates"] if not gate["passed"]]
    assert not failed, f"a run of it would end with exit code 3: {failed}"
    same = expected["made_with"] == golden.samplers()
    moved = golden.differences(golden.key_figures(results), expected["figures"], same_draws=same)
    assert not moved, "\n".join(["refresh with `python tests/scenarios/refresh.py` if this is meant:", *moved])


def test_a_moved_or_missing_figure_is_found():
    expected = {"conversion": 0.2, "payback": None, "npv": 1000.0}
    assert golden.differences(dict(expected), expected) == []
    assert len(golden.differences({"conversion": 0.2011, "payback": 3.0, "other": 1.0}, expected)) == 4


def test_other_draws_have_room_for_their_sampling_error_and_no_more():
    expected = {"x | mean": 0.2, "x | q05": 0.1, "x | q95": 0.3, "x | p_better": 0.5}
    near = {"x | mean": 0.21, "x | q05": 0.12, "x | q95": 0.28, "x | p_better": 0.6}
    far = {"x | mean": 0.23, "x | q05": 0.14, "x | q95": 0.34, "x | p_better": 0.7}
    assert golden.differences(near, expected, same_draws=False) == []
    assert len(golden.differences(near, expected)) == 4
    assert len(golden.differences(far, expected, same_draws=False)) == 4
