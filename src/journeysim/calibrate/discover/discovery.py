"""An event log -> a journey map to start from, with the account of what it keeps and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.calibrate.discover.ends import outcome_names
from journeysim.calibrate.discover.exits import SilentExit, shown_exits, silences_of, with_way_out
from journeysim.calibrate.discover.kept import Links, links_of, returning
from journeysim.calibrate.discover.passages import Passages, in_order, passages_of, reordered
from journeysim.calibrate.discover.proposal import proposed_map
from journeysim.calibrate.discover.settings import USUAL, Support
from journeysim.calibrate.discover.silence import Silence
from journeysim.calibrate.numerics.pymc_adapter import one_thread
from journeysim.errors import BadInput, Problem
from journeysim.model.checks.names import check_names
from journeysim.model.event_log import EventLog, SetAside
from journeysim.model.journey import JourneyMap, Outcome, Persona, link_id
from journeysim.model.quantity import Fixed


@final
@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the log the map holds: moves over its links of all moves, customers all of whose moves it has."""

    customers: int
    moves: int
    moves_kept: int
    journeys_whole: int
    links_seen: int
    links_kept: int
    links_without_support: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Discovery:
    """The proposed map and what it rests on: what was counted, how silence was read, and what was folded away.

    `passages`, `links`, `silences` and the keys of `exits` are in the order of the map's touchpoints. `folded` are
    links without support and their moves, most travelled first. `set_aside` are the rows that were read but not used.
    """

    journey: JourneyMap
    support: Support
    passages: Passages
    links: Links
    silences: tuple[Silence, ...]
    exits: dict[int, SilentExit]
    folded: tuple[tuple[str, int], ...]
    coverage: Coverage
    set_aside: tuple[SetAside, ...]


@one_thread()
def discover(
    log: EventLog,
    *,
    name: str,
    support: Support = USUAL,
    outcomes: Sequence[str] = (),
    stand_alone: bool = False,
) -> Discovery:
    """Return the journey map that a log proposes.

    Outcomes: those named, those the log states, and names that are last and never left again (`ends`). Links: those
    with support, and the few others that every place needs to be reached and left (`kept`). Silent exits: touchpoints
    whose silence cannot be slowness (`silence`), and what it takes to give the map an end. Dwell: see `dwells`.

    Raises BadInput for names that a map cannot hold, and for outcomes that the log does not have.
    """
    _require_usable_names(log, outcomes)
    ends = outcome_names(log, support, outcomes)
    points = tuple(log.touchpoint.labels[code] for code in np.unique(log.touchpoint.codes))
    points = tuple(label for label in points if label not in ends)
    if not points:
        raise BadInput([Problem("E070", "every name of the log is an outcome, so no journey has a touchpoint before its "
                                        "end; name fewer outcomes")])  # fmt: skip
    apart = passages_of(log, points, ends, points)
    after = _never_at(apart)
    if after:
        points, ends = tuple(name for name in points if name not in after), (*ends, *after)
        apart = passages_of(log, points, ends, points)
    passages = passages_of(log, points, ends, returning(apart, support))
    passages = reordered(passages, in_order(passages))
    silences = silences_of(passages, support)
    shown = shown_exits(silences, support)
    links = links_of(passages, support, np.isin(np.arange(len(points)), list(shown)))
    exits = with_way_out(links.kept, links.departures, silences, shown)
    journey = proposed_map(name, log, passages, links, exits, stand_alone=stand_alone)
    return Discovery(
        journey, support, passages, links, silences, exits, _folded(passages, links),
        _coverage(passages, links), (*log.set_aside, *passages.set_aside),
    )  # fmt: skip


def _never_at(passages: Passages) -> tuple[str, ...]:
    """Return the touchpoints that only come after an outcome: the log is to fit the map, so they must be on it."""
    stays = np.bincount(passages.source, minlength=len(passages.touchpoints))
    return tuple(name for name, count in zip(passages.touchpoints, stays, strict=True) if not count)


def _require_usable_names(log: EventLog, outcomes: Sequence[str]) -> None:
    """Raise BadInput for names that no map can hold, so that the log would not fit the map it proposes."""
    known = dict.fromkeys(log.touchpoint.labels) | dict.fromkeys(log.outcome.labels if log.outcome else ())
    problems = [
        Problem("E071", f'no event or outcome of the log is called "{name}"') for name in outcomes if name not in known
    ]
    problems += [
        Problem("E072", f"{problem.message}; rename it on the way in, with --rename")
        for problem in check_names(_named(tuple(known), log.persona.labels if log.persona else ()))
    ]
    if problems:
        raise BadInput(problems)


def _named(places: tuple[str, ...], personas: tuple[str, ...]) -> JourneyMap:
    return JourneyMap(
        "", (), tuple(Outcome(name) for name in places), (), tuple(Persona(name, Fixed(1.0)) for name in personas)
    )


def _folded(passages: Passages, links: Links) -> tuple[tuple[str, int], ...]:
    pairs = np.argwhere((links.moves > 0) & ~links.kept)
    found = [
        (link_id(passages.touchpoints[source], passages.places[target]), int(links.moves[source, target]))
        for source, target in pairs
    ]
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))


def _coverage(passages: Passages, links: Links) -> Coverage:
    went = passages.target >= 0
    known = links.kept[passages.source[went], passages.target[went]]
    strays = np.unique(passages.customer[went][~known]).size
    return Coverage(
        customers=len(passages.first),
        moves=int(went.sum()),
        moves_kept=int(known.sum()),
        journeys_whole=len(passages.first) - strays,
        links_seen=int((links.moves > 0).sum()),
        links_kept=int(links.kept.sum()),
        links_without_support=links.without_support,
    )
