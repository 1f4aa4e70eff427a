"""What the proposed file says about itself: what was measured, and what only the analyst can decide."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from journeysim.calibrate.discover.discovery import Discovery
from journeysim.calibrate.discover.proposal import usual_channel
from journeysim.calibrate.discover.silence import Silence
from journeysim.model.event_log import EventLog
from journeysim.model.journey import split_link

_MOST_NAMED: Final = 3
_WORTH_A_WORD: Final = 3
_CLEAR: Final = 0.001
_MOST: Final = 0.5


def comments_on(
    found: Discovery, log: EventLog, source: str, *, stand_alone: bool, shaped: bool = False
) -> Mapping[tuple[str, ...], Sequence[str]]:
    """Return the comments of the proposed file, by the path of what they stand above.

    `source` is what the log is called; `shaped` whether its events are not as they stand there.
    """
    comments: dict[tuple[str, ...], Sequence[str]] = {
        (): _head(found, log, source, stand_alone=stand_alone, shaped=shaped)
    }
    for at, name in enumerate(found.passages.touchpoints):
        comments["touchpoints", name] = ["", *_on_touchpoint(found, at), *_on_channel(log, name), *_on_value(log, name)]
    for outcome in found.journey.outcomes:
        comments["outcomes", outcome.name] = [
            *(_on_silent_outcome(found) if outcome.silent else _on_outcome(found, log, outcome.name))
        ]
    comments["personas",] = ["", *_on_personas(found)]
    comments["touchpoints",] = [""]
    comments["outcomes",] = [
        "",
        "DECIDE for each outcome: conversion: true, churn: true, value: EUR … (see docs/files.md)",
    ]
    comments["enter",] = _on_entry(found)
    return comments


def _head(found: Discovery, log: EventLog, source: str, *, stand_alone: bool, shaped: bool) -> list[str]:
    covered = found.coverage
    weight = (
        "The shares weigh as many customers as were counted (`seen`): calibrating on the same log would count them twice."
        if stand_alone
        else "`seen: 1` lets the shares weigh one customer, so that calibrating on the same log does not count it twice."
    )
    asked = f"{100 * found.support.share:g} % of a touchpoint's departures and {found.support.customers} customers"
    whole = f"{covered.journeys_whole:,} of {covered.customers:,} customers"
    kept = f"{covered.moves_kept:,} of {covered.moves:,} moves ({_part(covered.moves_kept, covered.moves)})"
    return [
        f"Proposed by `journeysim discover` from {source}: {len(log.time):,} events of {covered.customers:,} customers,",
        f"{_when(log.time.min())} to {_when(log.cut_off)} UTC. A place to start, not a finding.",
        " ",
        "Measured: touchpoints in the order customers first meet them; links, shares, dwell and entry as counted up to",
        f"the end of the log. {covered.links_kept:,} of {covered.links_seen:,} links are here: those of at least",
        f"{asked}, and {covered.links_without_support} more that a place needs to be reached or left.",
        f"They hold {kept}; the journeys of {whole}",
        f"({_part(covered.journeys_whole, covered.customers)}) fit whole.",
        weight,
        *(
            ["Weights count in shares, dwell, entry, personas and arrivals; customers and moves are as in the log."]
            if log.weight is not None
            else []
        ),
        *(
            ["The log was shaped first: calibrate with the same options (they stand as `shape` in the scenario)."]
            if shaped
            else []
        ),
        " ",
        "DECIDE: which outcome or touchpoint is the conversion, what it is worth, what a touchpoint costs; whether each",
        "touchpoint is one to a customer (merge, rename, drop with `discover --help`); whether silent exits are real.",
        "Not in the log: stages, owners, feelings, effort, cost. Add what you know.",
        "",
    ]


def _when(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")


def _part(number: float, of: float) -> str:
    return f"{100 * number / of:.1f} %" if of else "none"


def _on_touchpoint(found: Discovery, at: int) -> Iterator[str]:
    passages, silence = found.passages, found.silences[at]
    here = passages.source == at
    stays, customers = int(here.sum()), np.unique(passages.customer[here]).size
    again = f", {stays / customers:.1f} times each" if customers and stays > 1.05 * customers else ""
    moved = int(np.sum(here & (passages.target >= 0)))
    yield f"{customers:,} customers{again}; {moved:,} moved on, {stays - moved:,} last seen here"
    folded = [(split_link(link)[1], n) for link, n in found.folded if split_link(link)[0] == passages.touchpoints[at]]
    if folded:
        named = ", ".join(f"{name} {moves:,}" for name, moves in folded[:_MOST_NAMED])
        more = ", …" if len(folded) > _MOST_NAMED else ""
        rare = f"{len(folded)} rare link{'' if len(folded) == 1 else 's'}"
        yield f"not drawn: {sum(moves for _, moves in folded):,} moves over {rare} ({named}{more})"
    yield from _on_silence(found, at, silence)


def _on_silence(found: Discovery, at: int, silence: Silence) -> Iterator[str]:
    leaving, name = found.exits.get(at), found.passages.touchpoints[at]
    if leaving and leaving.shown:
        yield (f"{silence.gone:,.0f} (90 %: {silence.gone_low:,.0f} to {silence.gone_high:,.0f}) of those {silence.silent:,.0f} "
               f"left silently: {_chance(silence.p_value)} if all were slow")  # fmt: skip
        if leaving.share > _MOST:
            yield f"most journeys that come here end here: DECIDE whether it is an outcome (--outcome {shlex.quote(name)})"
    elif leaving:
        yield ("no end was ever seen from here on, so a silent exit is assumed; the log cannot tell leaving from slowness "
               "here. DECIDE")  # fmt: skip
    elif silence.silent >= _WORTH_A_WORD:
        small = silence.p_value < _CLEAR
        why = "too few left silently for a link" if small else "their silence can be slowness"
        yield f"no silent exit: {why} ({_chance(silence.p_value)})"


def _chance(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def _on_channel(log: EventLog, name: str) -> Iterator[str]:
    channel, part = usual_channel(log, name)
    if channel and part < 1:
        yield f"{100 * part:.0f} % of its events came by {channel}; others by other channels. DECIDE whether to split it"


def _on_value(log: EventLog, name: str) -> Iterator[str]:
    if log.value is None or name not in log.touchpoint.labels:
        return
    values = log.value[log.touchpoint.codes == log.touchpoint.labels.index(name)]
    values = values[np.isfinite(values)]
    if len(values):
        yield f"value in the log: mean {values.mean():.4g}, sd {values.std():.4g} over {len(values):,} events. DECIDE"


def _on_outcome(found: Discovery, log: EventLog, name: str) -> Iterator[str]:
    passages = found.passages
    ends = int(np.sum(passages.target == passages.places.index(name)))
    stated = log.outcome is not None and name in log.outcome.labels
    why = "stated in the outcome column" if stated else "last, and never left again but by too few to count"
    if not ends:
        why = "only seen after another outcome, so never reached: leave these events out, and the outcome with them"
    yield f"{ends:,} customers ({_part(ends, len(passages.first))}); {why}"
    yield from _on_value(log, name)


def _on_silent_outcome(found: Discovery) -> Iterator[str]:
    gone = sum(found.silences[at].gone for at in found.exits)
    shown = sum(leaving.shown for leaving in found.exits.values())
    if shown:
        yield (f"leaves no event; about {gone:,.0f} customers ({_part(gone, len(found.passages.first))}) at "
               f"{shown} touchpoints, whose silence is longer than")  # fmt: skip
        yield "any dwell family lets their moves be (nobody chose a time-out). DECIDE what it is called and whether it is churn"
    else:
        yield "leaves no event; assumed so that journeys can end. DECIDE"


def _on_personas(found: Discovery) -> Sequence[str]:
    if len(found.passages.personas) > 1:
        return ["as in the persona column; how they differ at each touchpoint is learned by `journeysim calibrate`"]
    return []


def _on_entry(found: Discovery) -> Sequence[str]:
    began = found.links.entries
    rare = float(began[~found.links.entered].sum())
    ended = len(found.passages.first) - float(began.sum())
    left_out = f"; {rare:,.0f} who began at rarer ones are not drawn" if rare else ""
    at_end = f"; {ended:,.0f} began with an outcome, which is no journey" if ended else ""
    return ["", f"first touchpoint of {began.sum():,.0f} customers{left_out}{at_end}"]
