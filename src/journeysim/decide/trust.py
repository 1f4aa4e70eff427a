"""The trust grade: written rules, each one sentence of the report (docs/design/0005-trust-grade.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from journeysim.decide.decision import Evidence, Fit, Grade, Trust
from journeysim.decide.drivers.ledger import INTERPLAY
from journeysim.simulate.outcomes import Agreement
from journeysim.simulate.tally import Tally

GRADES: Final[tuple[Grade, ...]] = ("A", "B", "C", "D", "E")
GUESS: Final = "guess"
MOST_GUESSED: Final = 0.5
MOST_PRIOR: Final = 0.5
MOST_Z: Final = 4.6
MOST_MOVED: Final = 0.3
MONEY: Final = frozenset({"revenue", "cost", "margin", "clv"})


def trust_of(
    fit: Fit, evidence: Sequence[Evidence], agreement: Sequence[Agreement], distances: Mapping[str, float]
) -> Trust:
    """Return the grade and the reason for every step it was lowered; A when no rule applies, never below E.

    `distances` says how far each proposal leads from what was seen, see `distance`.
    """
    found = [
        *_source(fit), *_gates(fit), *_backtest(fit), *_far(fit, distances), *_guesses(evidence), *_engines(agreement),
    ]  # fmt: skip
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


def _backtest(fit: Fit) -> Iterator[tuple[int, str]]:
    """Yield one step for a backtest that failed, whatever its gates, or is missing; none without data to test against."""
    if fit.source != "posterior":
        return
    if fit.backtest is None:
        yield (
            1,
            "no backtest or scored forecast stands behind it: whether the fit would have predicted the past is not known",
        )
        return
    failed = [name for name, passed in fit.backtest if not passed]
    if failed:
        yield 1, f"the backtest fails {len(failed)} of {len(fit.backtest)} gates, {failed[0]} among them"


def _far(fit: Fit, distances: Mapping[str, float]) -> Iterator[tuple[int, str]]:
    """Yield one step for the proposal that leads farthest from what data have shown, where that is far."""
    name = max(distances, key=lambda item: distances[item], default=None)
    if fit.source == "posterior" and name is not None and distances[name] > MOST_MOVED:
        yield 1, f'"{name}" sends {distances[name]:.0%} of all moves elsewhere: that far the data say nothing'


def distance(today: Tally, proposal: Tally) -> float:
    """Return which part of all moves goes over other links in a proposal than today, at full effect.

    The total variation distance between the shares of links in all moves, (1/2) sum |q - p|, of the mean draw: 0 where
    every link carries what it carries today, 1 where no customer makes a move that anybody makes today.
    """
    shares = [
        dict(zip(tally.links, (moves / moves.sum()).tolist(), strict=True))
        for tally in (today, proposal)
        if (moves := tally.moves.mean(axis=0)[0]).sum() > 0
    ]
    if len(shares) < 2:
        return 0.0
    labels = dict.fromkeys((*shares[0], *shares[1]))
    return float(0.5 * sum(abs(shares[0].get(label, 0.0) - shares[1].get(label, 0.0)) for label in labels))


def _guesses(evidence: Sequence[Evidence]) -> Iterator[tuple[int, str]]:
    for proposal in dict.fromkeys(row.proposal for row in evidence):
        share = guessed_share(evidence, proposal)
        if share > MOST_GUESSED:
            yield 1, f'{share:.0%} of what makes the net benefit of "{proposal}" uncertain rests on guesses'
            return


def _engines(agreement: Sequence[Agreement]) -> Iterator[tuple[int, str]]:
    worst = max(agreement, key=lambda item: abs(item.z), default=None)
    if worst is not None and abs(worst.z) > MOST_Z:
        # Sums of money stay out of it: the reason is printed at grade E too.
        sizes = "" if worst.metric in MONEY else f"{worst.exact:.6g} and {worst.walk:.6g}, "
        gap = f"{sizes}{abs(worst.z):.1f} standard errors apart"
        yield 2, f'the two engines disagree on {worst.metric} of "{worst.arm}": {gap}'
