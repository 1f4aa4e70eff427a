"""One valid journey and scenario, as text, and a folder that holds them with one fault put in."""

from __future__ import annotations

from pathlib import Path

JOURNEY = """\
journeysim: 1
journey: Shop
currency: EUR
personas:
  new: {share: 60%}
  loyal: {share: 40%}
stages: [look, buy]
touchpoints:
  cart:
    stage: look
    owner: shop
    cost: EUR 0.40
    next:
      pay: {share: 50%, dwell: 2 days}
      help: {share: 30%, dwell: 1 h}
      lost: 20%
    seen: 240
  help:
    stage: look
    staffed by: {resource: desk, time: 9 min, patience: 1 h}
    next:
      cart: {share: 40%, dwell: 4 min to 9 min}
      lost: rest
  pay:
    stage: buy
    moment of truth: true
    next:
      bought: {share: 90%, dwell: 1 min}
      lost: {share: 10%, dwell: 1 min}
outcomes:
  bought: {conversion: true, value: EUR 45 (sd 20)}
  lost: {silent: true}
resources:
  desk: {staff: 3, open: "Mon-Fri 08:00-20:00"}
enter: {cart: 100%}
arrivals: 2,600 per month
"""

SCENARIO = """\
journeysim: 1
question: Would a chat bring more sales?
journey: journey.yaml
horizon: 12 months
proposals:
  chat:
    changes:
      - add touchpoint: chat
        on: cart -> help
        dwell: 4 min to 9 min
        cost: EUR 1.20
        basis: expert
      - change share: pay -> bought
        odds x: 1.05 to 1.30
        basis: {test: {control: 41 of 510, treated: 58 of 498}}
        starts: month 2
        ramp: 3 months
    realism: [25%, 50%, 100%]
    invest: {upfront: EUR 180k, running: EUR 6k per month}
money: {discount rate: 8% per year, value horizon: 24 months}
succeed if: P(net benefit > 0) >= 80%
seed: 7
"""


def with_fault(text: str, *faults: tuple[str, str]) -> str:
    """Return the text with each (old, new) put in; the old part must stand there exactly once."""
    for old, new in faults:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the valid text"
        text = text.replace(old, new)
    return text


def write_project(folder: Path, *, journey: str | bytes = JOURNEY, scenario: str | bytes = SCENARIO) -> Path:
    """Write a project of both files and return the scenario's path."""
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").touch()
    home = folder / "scenarios" / "shop"
    home.mkdir(parents=True)
    for name, content in (("journey.yaml", journey), ("scenario.yaml", scenario)):
        (home / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return home / "scenario.yaml"
