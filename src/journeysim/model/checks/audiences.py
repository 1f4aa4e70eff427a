"""Rules about a changed audience: its shares lie in [0, 1], and what is named leaves room for what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from journeysim.errors import Problem
from journeysim.model.changes import ChangeAudience
from journeysim.model.checks.rows import TOLERANCE, add_up, check_share, off_by, percent
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Quantity

Shares = Sequence[tuple[str, Quantity]]


def check_audience(change: ChangeAudience, journey: JourneyMap) -> Iterator[Problem]:
    """Yield shares outside [0, 1] (J030), sums that cannot be (J037, J038) and arrivals of nobody (J070)."""
    today = [(persona.name, persona.share) for persona in journey.personas]
    yield from _shares(change.personas, [today], "J037", "personas")
    yield from _shares(change.entry, _entries(change, journey), "J038", "enter")
    if change.arrivals is not None and not change.arrivals.mean > 0:
        yield Problem("J070", "arrivals must lie above 0", path=("audience", "arrivals"))


def _entries(change: ChangeAudience, journey: JourneyMap) -> list[Shares]:
    """Return today's entry shares of each persona that the change reaches."""
    own = dict(journey.entry_by_persona)
    return [own.get(name, journey.entry) for name in change.terms.personas or journey.persona_names]


def _shares(named: Shares, todays: Sequence[Shares], code: str, part: str) -> Iterator[Problem]:
    outside = [
        problem
        for name, share in named
        for problem in check_share(share, f'the share of "{name}"', ("audience", part, name))
    ]
    yield from outside
    why = None if outside or not named else _wrong_sum(named, todays, part)
    if why is not None:
        yield Problem(code, why, path=("audience", part))


def _wrong_sum(named: Shares, todays: Sequence[Shares], part: str) -> str | None:
    """Return why the named shares cannot stand, or None: with nobody else to take the rest they are the whole."""
    total = add_up(list(named))
    everybody = any(not _others(named, today) for today in todays)
    if total > 1 + TOLERANCE or (everybody and total < 1 - TOLERANCE):
        cure = "name all but one, which takes what they leave" if everybody else "names left out share what remains"
        return off_by(total, list(named), f'shares under "{part}"', cure)
    if everybody and not all(share.certain for _, share in named):
        return (
            f'the shares under "{part}" name all there are and are uncertain: they add up to {percent(total)} on '
            f"average only; name all but one, which takes what they leave"
        )
    return None


def _others(named: Shares, today: Shares) -> list[str]:
    """Return who else there is today to take what the named shares leave."""
    names = {name for name, _ in named}
    return [name for name, share in today if name not in names and share.mean > 0]
