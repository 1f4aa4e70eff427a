"""Journey map + observations -> posterior draws, with gates and an account of where every number comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from journeysim.calibrate.account import (
    DwellAccount,
    TouchpointAccount,
    notes_on,
    notes_on_gone,
    notes_on_waits,
    with_chances,
)
from journeysim.calibrate.checks import FitCheck, check_fit
from journeysim.calibrate.counts import (
    Counts,
    count_transitions,
    learnable,
    silent_outcomes,
)
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers import Choice, joined, learn_layers
from journeysim.calibrate.layers.tenure import touchpoints_by_tenure
from journeysim.calibrate.ledger import assumptions_of
from journeysim.calibrate.numerics.pymc_adapter import one_thread
from journeysim.calibrate.prior import prior_draws, prior_dwells
from journeysim.calibrate.prior_parts import PriorPart, prior_parts
from journeysim.calibrate.seasons import notes_on_seasons
from journeysim.calibrate.silence.booking import book_silent_exits, gone_silently
from journeysim.calibrate.touchpoint_fit import WORKING_DRAWS, fit_touchpoints
from journeysim.calibrate.write_draws import write_arrivals, write_touchpoint
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, Touchpoint
from journeysim.model.log_account import LogAccount
from journeysim.model.observations import Observations
from journeysim.model.observed.patterns import Patterns
from journeysim.model.transitions import Transitions


@final
@dataclass(frozen=True, slots=True)
class Calibration:
    """What a calibration leaves: draws, gates, the account of rows and dwells, and the models chosen for its layers.

    `checks` say how well the draws give back what was observed; each is one of the gates too. `manifest` says what it
    was made from and with (versions, seed, content of the inputs), as (name, text) pairs; `log` is the account of the
    rows of an event log; `prior_parts` say how much of every figure still comes from the map.
    """

    draws: Draws
    gates: tuple[Gate, ...]
    touchpoints: tuple[TouchpointAccount, ...]
    dwells: tuple[DwellAccount, ...]
    notes: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    checks: tuple[FitCheck, ...] = ()
    manifest: tuple[tuple[str, str], ...] = ()
    log: LogAccount | None = None
    prior_parts: tuple[PriorPart, ...] = ()

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)


@one_thread()
def calibrate(
    journey: JourneyMap,
    observed: Observations | Transitions,
    *,
    seed: int,
    draws: int = 1000,
) -> Calibration:
    """Return posterior draws of everything the observations say something about; the rest is as in `prior_draws`.

    A silent outcome leaves no event: its link gets its share from the open spells, its dwell from the map, or, where
    the map states none, the 95th percentile of the touchpoint's other dwells.

    Shares: hierarchical Dirichlet-multinomial over personas (`shares`). Dwells: family by leave-one-out predictive
    density, then location and shape with partial pooling over personas (`dwells.fit`). Open spells belong to the joint
    likelihood of both (`open_spells`). Entry and persona shares: Dirichlet(seen_entry x share + observed). A
    touchpoint nobody was seen to leave keeps its prior, and so does one whose links differ by tenure where only a table
    without time since entry is given (a log has it: `layers.tenure`); so does a dwell that the map fixes or that was
    never observed. `notes` says which. Everything else is a layer (`layers`) and needs more than a transition table.

    Raises BadInput when the table names something the map does not have.
    """
    observed = Observations(observed) if isinstance(observed, Transitions) else observed
    counts = count_transitions(observed.transitions, journey)
    stated = prior_draws(journey, draws=draws, seed=seed)
    data = stated.data.copy(deep=True)
    fit = fit_touchpoints(journey, counts, prior_dwells(journey, draws=max(draws, WORKING_DRAWS), seed=seed), seed)
    gates = list(fit.gates)
    for i, touchpoint in enumerate(fit.touchpoints):
        data, found = write_touchpoint(data, fit, i, touchpoint, seed)
        gates += found
    measured = write_arrivals(data, journey, counts, seed) | fit.measured
    silent = silent_outcomes(counts, journey)
    by_tenure = touchpoints_by_tenure(observed, journey)
    booked = book_silent_exits(data, [tp for tp in journey.touchpoints if tp.name not in by_tenure], silent)
    data, layers = learn_layers(journey, observed, data, seed=seed)
    measured = joined([measured, *(layer.measured for layer in layers)])
    posterior = Draws(data, "posterior", assumptions_of(journey, data, measured))
    dwells = with_chances((*fit.accounts, *(account for layer in layers for account in layer.dwells)), data)
    accounts = tuple(_account(counts, journey, tp, kept=not learnable(tp) and tp.name not in by_tenure)
                     for tp in journey.touchpoints)  # fmt: skip
    seen = {tp.name: _patterns_at(observed, journey, tp) for tp in fit.touchpoints}
    gone = {tp.name: gone_silently(data, counts, tp, silent, seen[tp.name]) for tp in fit.touchpoints}
    notes = [*notes_on(journey, counts, accounts, dwells, silent, by_tenure), *booked, *notes_on_gone(gone)]
    gates += [gate for layer in layers for gate in layer.gates]
    notes += [
        *notes_on_waits(journey, dwells),
        *notes_on_seasons(journey),
        *(note for layer in layers for note in layer.notes),
    ]
    checked = check_fit(journey, observed, data, counts, seed=seed)
    gates += [check.gate for check in checked.checks]
    notes += checked.notes
    choices = tuple(choice for layer in layers for choice in layer.choices)
    parts = prior_parts(journey, stated, posterior)
    return Calibration(
        posterior, tuple(gates), accounts, dwells, tuple(notes), choices, checked.checks, prior_parts=parts
    )


def _patterns_at(observed: Observations, journey: JourneyMap, touchpoint: Touchpoint) -> Patterns | None:
    """Return what each customer did at a touchpoint, where the observations know it."""
    return observed.patterns and observed.patterns.at(journey.touchpoint_names.index(touchpoint.name))


def _account(counts: Counts, journey: JourneyMap, touchpoint: Touchpoint, *, kept: bool) -> TouchpointAccount:
    """Return the account of a touchpoint; where the prior is kept, the moves seen count for nothing."""
    moves = sum(bins.size for (_, (source, _)), bins in counts.moves.items() if source == touchpoint.name)
    silent = sum(counts.silent(persona, touchpoint.name).size for persona in journey.persona_names)
    used = 0.0 if kept else moves
    weight = touchpoint.seen
    return TouchpointAccount(touchpoint.name, moves, silent, weight, weight / (weight + used))
