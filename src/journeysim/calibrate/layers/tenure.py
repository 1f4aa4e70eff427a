"""Touchpoints whose links differ by tenure: rows and dwells by time since entry, learned from a log.

For such a touchpoint every (persona, tenure period) is a cell, and cells are to each other what personas are to each
other elsewhere (`shares`, `dwells`):

    P[g, p, .] ~ Dirichlet(kappa * t_gp)     t_gp: the touchpoint's pooled row, tilted to what the map states for the cell
    dwell coordinates of a cell ~ Normal(mu + d_gp, tau^2)

kappa, the pooled row, mu and tau are learned, so a period with few customers borrows from the others, and more of it the
more alike they are. Open spells count in the period in which they began, as P(still there) over all links, silent ones
among them: the code is that of every other touchpoint, run on a map in which the cells are the personas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.account import notes_on_gone
from journeysim.calibrate.beliefs import links_at
from journeysim.calibrate.counts import count_transitions, learnable, silent_outcomes
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Layer
from journeysim.calibrate.prior import prior_draws, prior_dwells
from journeysim.calibrate.silence.booking import book_silent_exits, gone_silently
from journeysim.calibrate.touchpoint_fit import WORKING_DRAWS, Fit, fit_touchpoints
from journeysim.calibrate.write_draws import write_touchpoint
from journeysim.model.draws import TABLE_AXES, tables_of
from journeysim.model.dwell import Family
from journeysim.model.event_log import Names
from journeysim.model.journey import JourneyMap, Outcome, Persona, Row, Touchpoint, link_id
from journeysim.model.observations import Observations
from journeysim.model.observed.by_tenure import ByTenure
from journeysim.model.quantity import Fixed, Floats
from journeysim.model.transitions import Transitions

if TYPE_CHECKING:
    import xarray as xr

_FIELDS: Final = ("share", "dwell_a", "dwell_b")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A map whose personas are the (persona, period) cells of touchpoints with these periods, and its transitions.

    `period` (period of the whole map,) is the touchpoints' own period that holds in it.
    """

    journey: JourneyMap
    transitions: Transitions
    period: tuple[int, ...]

    @property
    def own_periods(self) -> int:
        """How many periods the touchpoints tell apart."""
        return max(self.period) + 1


def touchpoints_by_tenure(observed: Observations, journey: JourneyMap) -> frozenset[str]:
    """Return the touchpoints that this layer learns: none where only a transition table is given."""
    differing = frozenset(tp.name for tp in journey.touchpoints if not learnable(tp))
    return frozenset() if observed.by_tenure is None else differing


def learn_tenure(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return shares and dwells of the touchpoints whose links differ by tenure, from a log's tables by tenure."""
    if observed.by_tenure is None:
        return NOTHING_LEARNED
    silent = silent_outcomes(count_transitions(observed.transitions, journey), journey)
    variables = {name: data[name].values.copy() for name in (*_FIELDS, "family")}
    whole = data.assign({name: (data[name].dims, values) for name, values in variables.items()})
    tables = [tables_of(data)]
    parts = [_learn(cells, whole, tables, silent, seed) for cells in cells_of(journey, observed.by_tenure, silent)]
    variables |= {"dwell_table": np.concatenate(tables)} if sum(map(len, tables)) else {}
    return Layer(
        {
            name: (TABLE_AXES if name == "dwell_table" else data[name].dims, values)
            for name, values in variables.items()
        },
        gates=tuple(gate for part in parts for gate in part.gates),
        notes=tuple(note for part in parts for note in part.notes),
        measured={kind: frozenset().union(*(part.measured[kind] for part in parts)) for kind in ("share", "dwell")},
        dwells=tuple(account for part in parts for account in part.dwells),
    )


def _learn(cells: Cells, whole: xr.Dataset, tables: list[Floats], silent: frozenset[str], seed: int) -> Layer:
    """Calibrate the cells, write the result into the whole map's data and tables, and say what was found."""
    counts = count_transitions(cells.transitions, cells.journey)
    prior = prior_dwells(cells.journey, draws=max(whole.sizes["draw"], WORKING_DRAWS), seed=seed)
    fit = fit_touchpoints(cells.journey, counts, prior, seed)
    data = prior_draws(cells.journey, draws=whole.sizes["draw"], seed=seed).data.copy(deep=True)
    gates = [*fit.gates]
    for i, touchpoint in enumerate(fit.touchpoints):
        data, found = write_touchpoint(data, fit, i, touchpoint, seed)
        gates += found
    booked = book_silent_exits(data, fit.touchpoints, silent)
    _write(whole, data, cells, fit, sum(map(len, tables)))
    tables.append(tables_of(data))
    gone = {tp.name: gone_silently(data, counts, tp, silent) for tp in fit.touchpoints}
    unseen = [tp.name for tp in cells.journey.touchpoints if tp not in fit.touchpoints]
    notes = [f'"{name}" was never observed: posterior = prior for this row, in every tenure period' for name in unseen]
    named = (Gate(f"{gate.name}, by tenure", gate.value, gate.limit, gate.wanted) for gate in gates)
    return Layer({}, tuple(named), (*notes, *booked, *notes_on_gone(gone)), measured=fit.measured, dwells=fit.accounts)


def _write(whole: xr.Dataset, data: xr.Dataset, cells: Cells, fit: Fit, first_table: int) -> None:
    """Write the cells' links into the whole map's data, whose tables the cells' own follow from row `first_table` on."""
    draws, personas = whole.sizes["draw"], whole.sizes["persona"]
    of, to = ([str(label) for label in each["link"].values] for each in (data, whole))
    for name in (
        link_id(tp.name, target) for tp, row in zip(fit.touchpoints, fit.rows.targets, strict=True) for target in row
    ):
        here, there = of.index(name), to.index(name)
        for field in _FIELDS:
            found = data[field].values[:, :, 0, here].reshape(draws, personas, cells.own_periods)
            whole[field].values[..., there] = found[:, :, list(cells.period)]
        family = data["family"].values[:, here]
        whole["family"].values[:, there] = family
        whole["dwell_b"].values[family == Family.EMPIRICAL, ..., there] += first_table


def cells_of(journey: JourneyMap, observed: ByTenure, silent: frozenset[str]) -> Iterable[Cells]:
    """Yield the cells of all touchpoints whose links differ by tenure, those with the same periods together."""
    differing = [tp for tp in journey.touchpoints if not learnable(tp)]
    for ends in sorted({own_ends(tp) for tp in differing}):
        group = tuple(tp for tp in differing if own_ends(tp) == ends)
        period = tuple(int(np.searchsorted(ends, end)) for end in observed.ends)
        yield Cells(_cell_map(journey, group, ends, silent), _cell_table(journey, group, observed, period), period)


def own_ends(touchpoint: Touchpoint) -> tuple[float, ...]:
    """Return the ends of the tenure periods that a touchpoint tells apart; the last one is open."""
    return (*sorted({period.until for period in touchpoint.by_tenure}), float("inf"))


def _cell_map(
    journey: JourneyMap, group: tuple[Touchpoint, ...], ends: tuple[float, ...], silent: frozenset[str]
) -> JourneyMap:
    """Return the touchpoints of a group alone, a row per cell; all else that they lead to is an outcome."""
    named = {tp.name for tp in group}
    cells = [(persona, end) for persona in journey.personas for end in ends]
    return replace(
        journey,
        touchpoints=tuple(_with_cells(tp, [(persona.name, end) for persona, end in cells]) for tp in group),
        outcomes=tuple(Outcome(name, silent=name in silent) for name in journey.place_names if name not in named),
        personas=tuple(Persona(_cell(p.name, end), Fixed(p.share.mean / len(ends))) for p, end in cells),
        entry=((group[0].name, Fixed(1.0)),),
        entry_by_persona=(), stages=(), resources=(), wished=(), arrivals_per_day=None,
    )  # fmt: skip


def _with_cells(touchpoint: Touchpoint, cells: list[tuple[str, float]]) -> Touchpoint:
    rows = tuple((_cell(persona, end), Row(links=links_at(touchpoint, persona, end).belief)) for persona, end in cells)
    return replace(touchpoint, by_persona=rows, by_tenure=(), staffed_by=None)


def _cell(persona: str, end: float) -> str:
    return f"{persona}, until {end!r}"


def _cell_table(
    journey: JourneyMap, group: tuple[Touchpoint, ...], observed: ByTenure, period: tuple[int, ...]
) -> Transitions:
    own = max(period) + 1
    ends = own_ends(group[0])
    labels = tuple(_cell(persona, end) for persona in journey.persona_names for end in ends)
    names = tuple(tp.name for tp in group)
    kept = [table.source.recoded(names) >= 0 for table in observed.tables]
    pairs = list(zip(observed.tables, kept, strict=True))
    cells = [table.persona.codes[rows] * own + q for (table, rows), q in zip(pairs, period, strict=True)]
    source, target = (
        Names(
            np.concatenate([column.codes[rows] for column, rows in zip(columns, kept, strict=True)]), columns[0].labels
        )
        for columns in ([table.source for table in observed.tables], [table.target for table in observed.tables])
    )
    low, high, count = (
        np.concatenate([getattr(table, name)[rows] for table, rows in pairs])
        for name in ("dwell_from", "dwell_to", "count")
    )
    squares = np.concatenate(
        [table.count[rows] if table.squares is None else table.squares[rows] for table, rows in pairs]
    )
    return Transitions(Names(np.concatenate(cells), labels), source, target, low, high, count, squares)
