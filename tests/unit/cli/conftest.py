"""What the tests of the command line share: a caller, and small projects to run it in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from journeysim.cli.app import journeysim

REPOSITORY = Path(__file__).parents[3]
JOURNEY = """\
journeysim: 1
journey: Shop
currency: EUR
personas:
  new: {share: 60%}
  loyal: {share: 40%}
touchpoints:
  cart:
    seen: 40
    cost: EUR 1
    personas:
      loyal:
        next:
          paid: {share: 70%, dwell: 1 day to 3 days}
          lost: rest
    next:
      paid: {share: 50%, dwell: 1 day to 3 days}
      lost: rest
outcomes:
  paid: {conversion: true, value: EUR 20}
  lost: {silent: true}
enter: {cart: 100%}
arrivals: 100 per month
"""
SCENARIO = """\
journeysim: 1
question: More payments?
journey: journey.yaml
horizon: 1 month
proposals:
  nudge:
    changes:
      - change share: cart -> paid
        odds x: 1.1 to 1.5
        basis: expert
    invest: {upfront: EUR 100}
  push:
    changes:
      - change share: cart -> paid
        odds x: 1.8 to 2.2
        basis: expert
    invest: {upfront: EUR 300}
money: {discount rate: 8% per year, value horizon: 6 months}
succeed if: P(net benefit > 0) >= 80%
seed: 7
draws: 40
"""


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, what people and machines read, and the files."""

    code: int
    people: str
    machines: str

    @property
    def document(self):
        return json.loads(self.machines)


@pytest.fixture
def call():
    """Return a function that calls the command line in this process."""

    def calling(*arguments, **settings) -> Done:
        found = CliRunner().invoke(journeysim, [str(item) for item in arguments], prog_name="journeysim", **settings)
        return Done(found.exit_code, found.stderr, found.stdout)

    return calling


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Return a marked project with one small scenario, as the current folder."""
    made = new_project(tmp_path)
    monkeypatch.chdir(made)
    return made


def new_project(above: Path) -> Path:
    """Make a marked project `shop` with one small scenario, and return it."""
    made = above / "shop"
    (made / ".journeysim").mkdir(parents=True)
    write_project(made)
    return made


def write_project(folder: Path, journey: str = JOURNEY, scenario: str = SCENARIO) -> None:
    """Write a journey and a scenario."""
    (folder / "journey.yaml").write_text(journey, encoding="utf-8")
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
