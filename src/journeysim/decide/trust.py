"""The trust grade: written rules, each one sentence of the report (docs/design/0005-trust-grade.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from journeysim.decide.decision import Evidence, Fit, Grade, Trust
from journeysim.decide.drivers.ledger import INTERPLAY
from journeysim.model.remark import Remark, remark
from journeysim.simulate.outcomes import Agreement
from journeysim.simulate.tally import Tally

GRADES: Final[tuple[Grade, ...]] = ("A", "B", "C", "D", "E")
GUESS: Final = "guess"
MOST_GUESSED: Final = 0.5
MOST_PRIOR: Final = 0.5
MOST_Z: Final = 4.6
MOST_MOVED: Final = 0.3
MONEY: Final = frozenset({"revenue", "cost", "margin", "clv", "discounted_revenue", "discounted_cost"})


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


def _source(fit: Fit) -> Iterator[tuple[int, Remark]]:
    if fit.source == "stated":
        yield 3, remark("stated")
    elif fit.source == "prior":
        yield 2, remark("prior")
    elif fit.prior_share is not None and fit.prior_share > MOST_PRIOR:
        yield 1, remark("mostly_prior", prior_share=fit.prior_share)


def _gates(fit: Fit) -> Iterator[tuple[int, Remark]]:
    for name, value, limit, passed in fit.gates:
        if not passed:
            yield 1, remark("gate", gate=name, value=value, limit=limit)


def _backtest(fit: Fit) -> Iterator[tuple[int, Remark]]:
    """Yield one step for a backtest that failed, whatever its gates, or is missing; none without data to test against."""
    if fit.source != "posterior":
        return
    if fit.backtest is None:
        yield 1, remark("no_backtest")
        return
    failed = [name for name, passed in fit.backtest if not passed]
    if failed:
        yield 1, remark("backtest", failed=len(failed), all=len(fit.backtest), first=failed[0])


def _far(fit: Fit, distances: Mapping[str, float]) -> Iterator[tuple[int, Remark]]:
    """Yield one step for the proposal that leads farthest from what data have shown, where that is far."""
    name = max(distances, key=lambda item: distances[item], default=None)
    if fit.source == "posterior" and name is not None and distances[name] > MOST_MOVED:
        yield 1, remark("far", proposal=name, moved_share=distances[name])


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


def _guesses(evidence: Sequence[Evidence]) -> Iterator[tuple[int, Remark]]:
    for proposal in dict.fromkeys(row.proposal for row in evidence):
        share = guessed_share(evidence, proposal)
        if share > MOST_GUESSED:
            yield 1, remark("guesses", proposal=proposal, guessed_share=share)
            return


def _engines(agreement: Sequence[Agreement]) -> Iterator[tuple[int, Remark]]:
    worst = max(agreement, key=lambda item: abs(item.z), default=None)
    if worst is not None and abs(worst.z) > MOST_Z:
        # Sums of money stay out of it: the reason is printed at grade E too.
        found = remark("engines_on_money", metric=worst.metric, arm=worst.arm, errors=abs(worst.z))
        sizes = (("exact", worst.exact), ("walk", worst.walk))
        yield 2, found if worst.metric in MONEY else Remark("engines", found.blanks + sizes)
