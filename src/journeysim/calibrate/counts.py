"""Transition table -> arrays in the order of the map: counts of moves, dwell bins and open spells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from journeysim.calibrate.beliefs import links_at, mean_shares
from journeysim.calibrate.binning import merge_moves, merge_open
from journeysim.calibrate.shares import ShareRows
from journeysim.errors import BadInput, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.journey import JourneyMap, Touchpoint, all_links, link_id
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER, OPEN, Transitions
from journeysim.model.weights import distinct, worth

Key = tuple[str, str]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Counts of dwells (or silent times) in bins [low, high) days; all of shape (bins,).

    A bin is one time to the density of an open spell: `time` where it is given, else the geometric middle.
    """

    low: Floats
    high: Floats
    count: Floats
    time: Floats | None = None

    @property
    def size(self) -> float:
        """How many customers are in the bins."""
        return float(self.count.sum())

    def times(self, factor: float) -> Bins:
        """Return the same bins with all counts multiplied."""
        return self if factor == 1.0 else replace(self, count=self.count * factor)

    @property
    def middle(self) -> Floats:
        """One time per bin: where none is given the geometric middle, or half of the first bin, which starts at 0."""
        return np.where(self.low > 0, np.sqrt(self.low * self.high), self.high / 2) if self.time is None else self.time


NO_BINS = Bins(np.empty(0), np.empty(0), np.empty(0))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was observed, by persona: completed moves by link, open spells by touchpoint, entries.

    In a weighted sample all are numbers of unweighted customers that are worth as much (Kish): one factor for everything
    that a persona did at a touchpoint, as moves and open spells are one likelihood and may not count differently; one for
    a persona's entries; and one for all who entered.
    """

    moves: Mapping[tuple[str, Key], Bins]
    open: Mapping[Key, Bins]
    entries: Floats  # (persona, touchpoint)
    entered: Floats  # (persona,)
    population: float | None = None  # how many customers a sample stands for

    def dwells(self, persona: str, link: Key) -> Bins:
        """Return the dwells of a persona on a link."""
        return self.moves.get((persona, link), NO_BINS)

    def silent(self, persona: str, touchpoint: str) -> Bins:
        """Return the open spells of a persona at a touchpoint."""
        return self.open.get((persona, touchpoint), NO_BINS)


def count_transitions(transitions: Transitions, journey: JourneyMap) -> Counts:
    """Return the table as arrays; raises BadInput for names and moves that the map does not have, all at once."""
    problems = [*_unknown_names(transitions, journey), *_unknown_moves(transitions, journey)]
    if problems:
        raise BadInput(problems)
    grouped: dict[tuple[str, str, str], list[int]] = {}
    for row, key in enumerate(_rows(transitions)):
        grouped.setdefault(key, []).append(row)
    own = _worth(transitions)
    moves, silent = {}, {}
    entries = np.zeros((len(journey.personas), len(journey.touchpoints)))
    for (persona, source, target), rows in grouped.items():
        if source == ENTER:
            at = journey.persona_names.index(persona), journey.touchpoint_names.index(target)
            entries[at] = own[rows].sum()
        elif target == OPEN:
            silent[persona, source] = Bins(*merge_open(*_columns(transitions, own, rows)))
        else:
            moves[persona, (source, target)] = Bins(*merge_moves(*_columns(transitions, own, rows)))
    population = None if transitions.squares is None else transitions.customers
    return Counts(moves, silent, entries, _entered(transitions, journey), population)


def _worth(transitions: Transitions) -> Floats:
    """Return what the count of each row is worth in unweighted customers, by persona and touchpoint (or entering)."""
    if transitions.squares is None:
        return transitions.count
    _, group = distinct(np.stack([transitions.persona.codes, transitions.source.codes], axis=1))
    return worth(group, transitions.count, transitions.squares)


def _entered(transitions: Transitions, journey: JourneyMap) -> Floats:
    """Return how many entered by persona, worth as many as all who entered are, so that the shares are the population's."""
    rows = np.flatnonzero(transitions.source.recoded((ENTER,)) == 0)
    own, squares = transitions.count[rows], transitions.squares
    if squares is not None:
        own = worth(np.zeros(len(rows), dtype=np.int64), own, squares[rows])
    persona = transitions.persona.recoded(journey.persona_names)[rows]
    return np.asarray(np.bincount(persona, weights=own, minlength=len(journey.personas)))


def _columns(transitions: Transitions, own: Floats, rows: list[int]) -> tuple[Floats, Floats, Floats]:
    return transitions.dwell_from[rows], transitions.dwell_to[rows], own[rows]


def _rows(transitions: Transitions) -> Iterator[tuple[str, str, str]]:
    columns = (transitions.persona, transitions.source, transitions.target)
    yield from zip(*([column.labels[code] for code in column.codes] for column in columns), strict=True)


def _unknown_names(transitions: Transitions, journey: JourneyMap) -> Iterator[Problem]:
    rows = list(_rows(transitions))
    used = {"persona": {row[0] for row in rows}, "touchpoint": {row[1] for row in rows} - {ENTER},
            "place": {row[2] for row in rows} - {OPEN}}  # fmt: skip
    known = {"persona": journey.persona_names, "touchpoint": journey.touchpoint_names, "place": journey.place_names}
    for kind, names in used.items():
        for name in sorted(names - set(known[kind])):
            yield Problem("C010", f'the transitions name the {kind} "{name}", which is not in the map'
                                  f"{did_you_mean(name, known[kind])}")  # fmt: skip


def _unknown_moves(transitions: Transitions, journey: JourneyMap) -> Iterator[Problem]:
    known = {(tp.name, link.target) for tp in journey.touchpoints for link in all_links(tp)}
    enterable = set(journey.touchpoint_names)
    missing: dict[Key, float] = {}
    for (_, source, target), count in zip(_rows(transitions), transitions.count, strict=True):
        inside = source in enterable and target in journey.place_names
        if (source == ENTER and target in journey.outcome_names) or (inside and (source, target) not in known):
            missing[source, target] = missing.get((source, target), 0.0) + float(count)
    for (source, target), count in sorted(missing.items()):
        yield Problem("C011", f'{count:g} customers took "{link_id(source, target)}", which the map does not have; '
                              "add the link to the map, or take these rows out of the table")  # fmt: skip


def learnable(touchpoint: Touchpoint) -> bool:
    """Return whether a table without time since entry can inform a touchpoint: not when its links differ by tenure."""
    return all(period.row.links is None for period in touchpoint.by_tenure)


def silent_outcomes(counts: Counts, journey: JourneyMap) -> frozenset[str]:
    """Return the outcomes that leave no event: marked `silent`, and indeed nobody was seen reaching them."""
    reached = {target for (_, (_, target)), bins in counts.moves.items() if bins.size > 0}
    return frozenset(outcome.name for outcome in journey.outcomes if outcome.silent) - reached


def observed_touchpoints(counts: Counts, journey: JourneyMap) -> tuple[Touchpoint, ...]:
    """Return the touchpoints whose rows are estimated: the table can inform them, and someone left them.

    Where a silent outcome can be reached, someone still there is enough: staying away is evidence about it.
    """
    seen = {source for (_, (source, _)), bins in counts.moves.items() if bins.size > 0}
    hidden = silent_outcomes(counts, journey)
    still = {name for (_, name), bins in counts.open.items() if bins.size > 0}
    seen |= {tp.name for tp in journey.touchpoints if tp.name in still and _leads_to(tp, hidden)}
    return tuple(tp for tp in journey.touchpoints if tp.name in seen and learnable(tp))


def _leads_to(touchpoint: Touchpoint, targets: frozenset[str]) -> bool:
    return any(link.target in targets for link in all_links(touchpoint))


def share_rows(counts: Counts, journey: JourneyMap, touchpoints: tuple[Touchpoint, ...]) -> ShareRows:
    """Return counts and prior of the touchpoints' rows, padded."""
    targets = tuple(tuple(link.target for link in all_links(tp)) for tp in touchpoints)
    n, personas, width = len(touchpoints), journey.persona_names, max(map(len, targets), default=1)
    observed, tilt = np.zeros((n, len(personas), width)), np.ones((n, len(personas), width))
    weight, present = np.zeros((n, width)), np.zeros((n, width), dtype=bool)
    importance = np.array([persona.share.mean for persona in journey.personas])
    for i, (touchpoint, names) in enumerate(zip(touchpoints, targets, strict=True)):
        k = len(names)
        stated = np.stack([stated_row(touchpoint, persona, names, journey.tenure_ends[-1]) for persona in personas])
        pooled = importance @ stated / importance.sum()
        weight[i, :k], present[i, :k] = touchpoint.seen * pooled, True
        tilt[i, :, :k] = np.divide(stated, pooled, out=np.ones_like(stated), where=pooled > 0)
        for g, persona in enumerate(personas):
            observed[i, g, :k] = [counts.dwells(persona, (touchpoint.name, name)).size for name in names]
    tilt = np.where(tilt > 0, tilt, np.where(observed > 0, 1e-3, tilt))
    return ShareRows(tuple(tp.name for tp in touchpoints), targets, personas, observed, weight, tilt, present)


def stated_row(touchpoint: Touchpoint, persona: str, targets: tuple[str, ...], period_end: float) -> Floats:
    """Return the map's shares of a row at their means, in the order of `targets`; 0 for links the row does not have."""
    links = links_at(touchpoint, persona, period_end).belief
    stated = dict(zip((link.target for link in links), mean_shares(links), strict=True))
    return np.array([stated.get(target, 0.0) for target in targets])
