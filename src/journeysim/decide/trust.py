"""The trust grade: written rules, each one sentence of the report (docs/design/0005-trust-grade.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from journeysim.decide.decision import Evidence, Fit, Grade, Trust
from journeysim.decide.drivers.ledger import INTERPLAY
from journeysim.simulate.outcomes import Agreement

GRADES: Final[tuple[Grade, ...]] = ("A", "B", "C", "D", "E")
GUESS: Final = "guess"
MOST_GUESSED: Final = 0.5
MOST_PRIOR: Final = 0.5
MOST_Z: Final = 4.6


def trust_of(fit: Fit, evidence: Sequence[Evidence], agreement: Sequence[Agreement]) -> Trust:
    """Return the grade and the reason for every step it was lowered; A when no rule applies, never below E."""
    found = [*_source(fit), *_gates(fit), *_guesses(evidence), *_engines(agreement)]
    steps = sum(step for step, _ in found)
    return Trust(GRADES[min(steps, len(GRADES) - 1)], tuple(reason for _, reason in found))


def guessed_share(evidence: Sequence[Evidence], proposal: str) -> float:
    """Return which part of the explained variance of a proposal's net benefit rests on guesses; 0 without any."""
    own = [row for row in evidence if row.proposal == proposal and row.basis != INTERPLAY]
    total = sum(row.variance_share for row in own)
    return sum(row.variance_share for row in own if row.basis == GUESS) / total if total > 0 else 0.0


def _source(fit: Fit) -> Iterator[tuple[int, str]]:
    if fit.source == "stated":
        yield 3, "today's numbers are taken at the map's word, without any range"
    elif fit.source == "prior":
        yield 2, "today's numbers are what the map believes; no data stand behind them"
    elif fit.prior_share is not None and fit.prior_share > MOST_PRIOR:
        yield 1, f"{fit.prior_share:.0%} of what is known about today comes from the map's beliefs, not from data"


def _gates(fit: Fit) -> Iterator[tuple[int, str]]:
    for name, value, limit, passed in fit.gates:
        if not passed:
            yield 1, f"the fit fails its gate {name}: {value:.4g}, asked {limit}"


def _guesses(evidence: Sequence[Evidence]) -> Iterator[tuple[int, str]]:
    for proposal in dict.fromkeys(row.proposal for row in evidence):
        share = guessed_share(evidence, proposal)
        if share > MOST_GUESSED:
            yield 1, f'{share:.0%} of what makes the net benefit of "{proposal}" uncertain rests on guesses'
            return


def _engines(agreement: Sequence[Agreement]) -> Iterator[tuple[int, str]]:
    worst = max(agreement, key=lambda item: abs(item.z), default=None)
    if worst is not None and abs(worst.z) > MOST_Z:
        gap = f"{worst.exact:.6g} and {worst.walk:.6g}, {abs(worst.z):.1f} standard errors apart"
        yield 2, f'the two engines disagree on {worst.metric} of "{worst.arm}": {gap}'
