"""Memory: where customers came from (order 2), and how often they had been there (visit effect), where it predicts.

At every touchpoint three models predict whole customers left out (`scores`): order 1, order 2, and the visit effect. A
memory is kept where it is ahead of order 1 by more than LEAST_MARGIN and by more than twice the margin's error; of two
that are, the one further ahead, so that what they share is not counted twice. Otherwise nothing is written.

    order2_share (draw, persona, order2)     the row after "previous", instead of `share`; order2 = "previous | a -> b"
    visit_effect (draw, link)                shift of the link's log weight per earlier visit, at most MOST_EARLIER of them
    visit_start (draw, persona, link)        shift of the log weight at a first visit: the row after v earlier visits is
                                             share x exp(visit_start + v x visit_effect), divided by its sum

Where a touchpoint has no memory, the last two are NaN and the first has no entries. `share` stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from journeysim.calibrate.counts import Counts, count_transitions, observed_touchpoints, silent_outcomes
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.layers.memory.scores import Score, score_second_order, score_visits
from journeysim.calibrate.layers.memory.second_order import draw_second_order
from journeysim.calibrate.layers.memory.seen import Seen, curves_of, seen_at, shares_of
from journeysim.calibrate.layers.memory.visit_effect import draw_visits
from journeysim.model.draws import names_on
from journeysim.model.journey import JourneyMap, Touchpoint, all_links, link_id
from journeysim.model.observations import Observations
from journeysim.model.observed.by_visit import EARLIER
from journeysim.model.transitions import ENTER

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LEAST_MARGIN", "learn_memory", "order2_label"]

#: Log predictive density that a memory must be ahead by: less is noise (Sivula, Magnusson and Vehtari 2020).
LEAST_MARGIN: Final = 4.0
_ERRORS: Final = 2.0
_WORDS: Final = {"order 2": "where they came from", "visit effect": "how often they had been there"}
_DRAWS: Final = 200
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The choice at a touchpoint, the score of what was chosen, what it saw (None: order 1 stays), and a sentence."""

    choice: Choice
    score: Score
    seen: Seen | None = None
    note: str = ""


def order2_label(before: str, source: str, target: str) -> str:
    """Return the label of a row's entry on the axis `order2`: "previous | source -> target"."""
    return f"{before} | {link_id(source, target)}"


def learn_memory(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return order-2 rows and visit effects of the touchpoints where they predict better than order 1."""
    if observed.second_order is None or observed.by_visit is None:
        return NOTHING_LEARNED
    counts = count_transitions(observed.transitions, journey)
    silent = silent_outcomes(counts, journey)
    found = []
    for touchpoint in observed_touchpoints(counts, journey):
        if len(all_links(touchpoint)) > 1:
            differ = touchpoint.name in touchpoints_with_frailty(data)
            found += _choose(_seen(observed, journey, counts, touchpoint, data), differ=differ)
    return _layer(data, found, silent, seed)


def clear_memory(
    journey: JourneyMap, observed: Observations, counts: Counts, touchpoint: Touchpoint, data: xr.Dataset
) -> Score | None:
    """Return the score of the memory that would be kept at a touchpoint if customers did not differ; None if none would."""
    kept = _kept(_scored(_seen(observed, journey, counts, touchpoint, data)))
    return kept[0][0] if kept else None


def _seen(
    observed: Observations, journey: JourneyMap, counts: Counts, touchpoint: Touchpoint, data: xr.Dataset
) -> list[Seen]:
    """Return what was seen after each touchpoint before, and after so many earlier visits; nothing where it is not known."""
    if observed.second_order is None or observed.by_visit is None:
        return []
    tables = (observed.second_order, previous_of(journey, counts, touchpoint)), (observed.by_visit, EARLIER)
    seen = [seen_at(table, journey, counts, touchpoint, labels) for table, labels in tables]
    return [_with_dwells(data, each, silent_outcomes(counts, journey)) for each in seen]


def previous_of(journey: JourneyMap, counts: Counts, touchpoint: Touchpoint) -> tuple[str, ...]:
    """Return where customers can come from on the map: touchpoints with a link here, and "(enter)" if some enter here."""
    known = tuple(
        tp.name for tp in journey.touchpoints if any(link.target == touchpoint.name for link in all_links(tp))
    )
    stated = [*journey.entry, *(pair for _, entry in journey.entry_by_persona for pair in entry)]
    enters = np.any(counts.entries[:, journey.touchpoint_names.index(touchpoint.name)] > 0)
    enters |= any(name == touchpoint.name and share.mean > 0 for name, share in stated)
    return (*known, ENTER) if enters else known


def _with_dwells(data: xr.Dataset, seen: Seen, silent: frozenset[str]) -> Seen:
    rows = np.unique(np.linspace(0, data.sizes["draw"] - 1, _DRAWS).astype(np.intp))
    return replace(seen, curves=curves_of(data, seen, silent, rows).mean(axis=0))


def touchpoints_with_frailty(data: xr.Dataset) -> frozenset[str]:
    """Return the touchpoints where an earlier layer found that customers differ for good."""
    if "frailty" not in data:
        return frozenset()
    found = ~np.all(np.isnan(data["frailty"].values), axis=0)
    return frozenset(name for name, is_one in zip(names_on(data, "place"), found, strict=True) if is_one)


def _choose(tables: Sequence[Seen], *, differ: bool) -> list[Found]:
    """Return the choice between order 1, order 2 and the visit effect; nothing where there is nothing to choose from.

    Customers who `differ` for good come back to what they like, which looks like memory: there order 1 stays. (Where memory
    predicts better than that, `frailty` has left customers alike.)
    """
    scored = _scored(tables)
    if not scored:
        return []
    kept = _kept(scored)
    order1 = Score("order 1", np.zeros(len(scored[0][0].ahead)))
    best, seen = kept[0] if kept and not differ else (order1, None)
    rivals = [*(score for score, _ in scored), order1]
    second_best = max((rival for rival in rivals if rival.name != best.name), key=lambda rival: rival.margin)
    ahead = Score("", best.ahead - second_best.ahead)
    touchpoint = tables[0].touchpoint
    subject = f'memory at "{touchpoint}"'
    note = _note(kept[0][0], touchpoint, differ=differ) if kept else ""
    return [Found(Choice(subject, best.name, second_best.name, ahead.margin, ahead.error), best, seen, note)]


def _scored(tables: Sequence[Seen]) -> list[tuple[Score, Seen]]:
    """Return order 2 and the visit effect with what they saw, the one that predicts best first."""
    pairs = zip((score_second_order, score_visits), tables, strict=False)  # without tables there is nothing to score
    found = [(score(seen), seen) for score, seen in pairs if _told_apart(seen)]
    return sorted(found, key=lambda pair: -pair[0].margin)


def _kept(scored: Sequence[tuple[Score, Seen]]) -> list[tuple[Score, Seen]]:
    """Return those that are ahead of order 1 by more than luck."""
    return [pair for pair in scored if beyond_luck(pair[0].margin, pair[0].error)]


def beyond_luck(margin: float, error: float) -> bool:
    """Return whether a margin is enough for a memory to be kept: by LEAST_MARGIN, and by two errors."""
    return margin > max(LEAST_MARGIN, _ERRORS * error)


def _note(score: Score, touchpoint: str, *, differ: bool) -> str:
    ahead = f"{score.name} is ahead of order 1 by {score.margin:.1f} +- {score.error:.1f}"
    if differ:
        return (f'at "{touchpoint}" {ahead}, but customers were found to differ for good, which looks like memory: it is not '
                "used beside that")  # fmt: skip
    return f'where customers go from "{touchpoint}" depends on {_WORDS[score.name]}: {ahead}'


def _told_apart(seen: Seen) -> bool:
    """Return whether customers were seen after two different things at least."""
    return int(np.sum(seen.done.sum(axis=(0, 1, 3)) > 0)) > 1


def _layer(data: xr.Dataset, found: Sequence[Found], silent: frozenset[str], seed: int) -> Layer:
    personas = tuple(str(name) for name in data["persona"].values)
    draws, links = data.sizes["draw"], [str(label) for label in data["link"].values]
    labels: list[str] = []
    rows = [np.zeros((draws, len(personas), 0))]
    effect, start = np.full((draws, len(links)), np.nan), np.full((draws, len(personas), len(links)), np.nan)
    gates: list[Gate] = []
    for score, seen in ((item.score, item.seen.whole) for item in found if item.seen is not None):
        shares = shares_of(data, seen)
        if score.name == "order 2":
            drawn = draw_second_order(seen, shares, curves_of(data, seen, silent), score.kappa, personas, seed)
            rows.append(drawn.rows.reshape(draws, len(personas), -1))
            gates += drawn.gates
            labels += [
                order2_label(before, seen.touchpoint, target) for before in seen.before for target in seen.targets
            ]
        else:
            visits = draw_visits(seen, draws=draws, seed=seed)
            at = [links.index(link_id(seen.touchpoint, target)) for target in seen.targets]
            effect[:, at] = visits.shift
            start[..., at] = np.where(seen.tilt > 0, visits.first - np.log(np.maximum(shares, _LEAST)), 0.0)
            gates += visits.gates
    variables: dict[str, tuple[Any, ...]] = {}
    if labels:
        variables |= {
            "order2_share": (("draw", "persona", "order2"), np.concatenate(rows, axis=-1)),
            "order2": (("order2",), np.array(labels)),
        }
    if not np.all(np.isnan(effect)):
        variables |= {"visit_effect": (("draw", "link"), effect), "visit_start": (("draw", "persona", "link"), start)}
    notes = tuple(item.note for item in found if item.note)
    return Layer(variables, tuple(gates), notes, tuple(item.choice for item in found))
