"""Rules about who comes and where they enter."""

from __future__ import annotations

from journeysim.errors import Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.checks.rows import TOLERANCE, Path, add_up, check_share, off_by
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Quantity


def check_personas(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return persona shares outside [0, 1] (J030) or not adding up to 100 % (J037)."""
    shares = [(persona.name, persona.share) for persona in journey.personas]
    outside = _outside(shares, "the share of persona", ("personas",), "share")
    total = add_up(shares)
    if outside or abs(total - 1) <= TOLERANCE:
        return outside
    cure = "the personas are all of the customers: change one, or leave one to the rest"
    return (Problem("J037", off_by(total, shares, "persona shares", cure), path=("personas",)),)


def check_entry(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return unknown entry points (J047), shares outside [0, 1] (J030) and sums off 100 % (J038)."""
    problems = _check_entry(journey, list(journey.entry), ("enter",), "shares of entering customers")
    for persona, shares in journey.entry_by_persona:
        what = f'shares of entering customers of "{persona}"'
        problems += _check_entry(journey, list(shares), ("enter by persona", persona), what)
    if journey.arrivals_per_day is not None and not journey.arrivals_per_day.mean > 0:
        problems += (Problem("J070", "arrivals must lie above 0, or be left out", path=("arrivals",)),)
    return problems


def _check_entry(journey: JourneyMap, shares: list[tuple[str, Quantity]], at: Path, what: str) -> tuple[Problem, ...]:
    problems = tuple(
        Problem("J047", f'customers cannot enter at "{name}": {_why(journey, name)}', path=(*at, name))
        for name, _ in shares
        if name not in journey.touchpoint_names
    )
    problems += _outside(shares, "the share entering at", at)
    total = add_up(shares)
    if any(problem.code == "J030" for problem in problems) or abs(total - 1) <= TOLERANCE:
        return problems
    if not shares:
        return (*problems, Problem("J013", 'where do customers enter? write "enter: {touchpoint: 100%}"', path=at))
    cure = f'change one, or write "{shares[-1][0]}: rest"'
    return (*problems, Problem("J038", off_by(total, shares, what, cure), path=at))


def _why(journey: JourneyMap, name: str) -> str:
    if name in journey.outcome_names:
        return "it is an outcome"
    return f"there is no such touchpoint{did_you_mean(name, journey.touchpoint_names)}"


def _outside(shares: list[tuple[str, Quantity]], what: str, at: Path, *below: str) -> tuple[Problem, ...]:
    return tuple(
        problem for name, share in shares for problem in check_share(share, f'{what} "{name}"', (*at, name, *below))
    )
