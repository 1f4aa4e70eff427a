"""One small decision for all tests of the report."""

import pytest

from decision_builder import build_decision, small_scenario


@pytest.fixture(scope="session")
def scenario():
    return small_scenario()


@pytest.fixture(scope="session")
def decision(scenario):
    return build_decision(scenario, draws=120)


@pytest.fixture(scope="session")
def page(decision, scenario):
    from journeysim.report.html import page_of

    return page_of(decision, scenario, manifest={"command": "journeysim run x.yaml", "versions": {"numpy": "2"}})
