"""Rules about rows: shares lie in [0, 1] and add up, and every link leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.journey import JourneyMap, Link, Touchpoint
from journeysim.model.quantity import Floats, Quantity

Path = tuple[str | int, ...]
TOLERANCE: Final = 1e-9
_TAILS: Final = np.array([1e-6, 0.5, 1 - 1e-6])


@final
@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row of links with its path and what problems call it."""

    touchpoint: Touchpoint
    links: tuple[Link, ...]
    path: Path
    whose: str = ""


def rows_of(journey: JourneyMap) -> Iterator[NamedRow]:
    """Yield every row of links a map states: base, by persona and by tenure."""
    for point in journey.touchpoints:
        at: Path = ("touchpoints", point.name)
        yield NamedRow(point, point.links, (*at, "next"))
        for persona, row in point.by_persona:
            if row.links is not None:
                yield NamedRow(point, row.links, (*at, "personas", persona, "next"), f' for persona "{persona}"')
        for index, period in enumerate(point.by_tenure):
            if period.row.links is not None:
                whose = f" until {period.until:g} days"
                yield NamedRow(point, period.row.links, (*at, "tenure", index, "next"), whose)


def span(quantity: Quantity) -> Floats:
    """Return its values one in a million from below, in the middle and as far from above; NaN where undefined."""
    try:
        with np.errstate(all="ignore"):
            return quantity.ppf(_TAILS)
    except ArithmeticError:  # plain Python floats raise where arrays give NaN
        return np.full(len(_TAILS), np.nan)


def percent(share: float) -> str:
    """Return a share as people read it: 62 %, 25.5 %, 99.9 %."""
    return f"{round(100 * share, 6):.6g} %"


def check_share(share: Quantity, what: str, path: Path) -> tuple[Problem, ...]:
    """Return the problem of a share that is, or in some draws may be, outside 0-100 %."""
    low, middle, high = (float(value) for value in span(share))
    if 0 <= low <= high <= 1:
        return ()
    if share.certain:
        return (Problem("J030", f"{what} is {percent(middle)}; a share lies between 0 % and 100 %", path=path),)
    if not np.isfinite([low, middle, high]).all():
        return (Problem("J030", f"{what} is not a distribution; check its parameters", path=path),)
    span_ = f"from {percent(low)} to {percent(high)}"
    message = f"{what} may leave 0-100 % ({span_}); write a range, counts or a beta distribution"
    return (Problem("J030", message, path=path),)


def add_up(shares: list[tuple[str, Quantity]]) -> float:
    """Return the sum of expected shares."""
    return float(sum(share.mean for _, share in shares))


def off_by(total: float, shares: list[tuple[str, Quantity]], what: str, cure: str) -> str:
    """Return the sentence for shares that do not add up to 100 %."""
    listed = ", ".join(f"{name} {percent(share.mean)}" for name, share in shares)
    gap = f"; {percent(1 - total)} is missing" if total < 1 else ""
    return f"{what} add up to {percent(total)} ({listed}){gap}; {cure}"


def check_targets(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return links that lead to no touchpoint or outcome, twice to the same one, and second `rest`s (J032, J073)."""
    problems: list[Problem] = []
    for row in rows_of(journey):
        for link in row.links:
            if link.target not in journey.place_names:
                hint = did_you_mean(link.target, journey.place_names)
                what = f'"{row.touchpoint.name}" leads to "{link.target}"'
                message = f"{what}, which is neither a touchpoint nor an outcome{hint}"
                problems.append(Problem("J032", message, path=(*row.path, link.target)))
        targets = [link.target for link in row.links]
        rest = [link.target for link in row.links if link.share is None]
        twice = sorted({target for target in targets if targets.count(target) > 1})
        problems += [
            Problem(
                "J073",
                f'"{row.touchpoint.name}" leads twice to "{target}"; add the shares up',
                path=(*row.path, target),
            )
            for target in twice
        ]
        if len(rest) > 1:
            message = (
                f'"rest" is written for {" and ".join(rest)}; one link of "{row.touchpoint.name}" can take the rest'
            )
            problems.append(Problem("J073", message, path=(*row.path, rest[1])))
    return tuple(problems)


def check_sums(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return rows whose shares leave [0, 1] (J030) or do not add up to 100 % within 1e-9 (J031)."""
    return tuple(problem for row in rows_of(journey) if row.links for problem in _check_row(row, journey))


def _check_row(row: NamedRow, journey: JourneyMap) -> tuple[Problem, ...]:
    shares = [(link.target, link.share) for link in row.links if link.share is not None]
    name = row.touchpoint.name
    problems = tuple(
        problem
        for target, share in shares
        for problem in check_share(share, f'the share of "{name} -> {target}"{row.whose}', (*row.path, target, "share"))
    )
    if problems:
        return problems
    total, has_rest = add_up(shares), len(shares) < len(row.links)
    if abs(total - 1) <= TOLERANCE or (has_rest and total < 1):
        return ()
    return (
        Problem(
            "J031", off_by(total, shares, f'shares of "{name}"{row.whose}', _cure(row, journey, total)), path=row.path
        ),
    )


def _cure(row: NamedRow, journey: JourneyMap, total: float) -> str:
    """Return what to do about a row that does not add up."""
    if any(link.share is None for link in row.links):
        return "nothing is left for the rest: lower one"
    outcomes = [link.target for link in row.links if link.target in journey.outcome_names]
    target = (outcomes or [link.target for link in row.links])[-1]
    return f'{"lower" if total > 1 else "raise"} one, or write "{target}: rest"'
