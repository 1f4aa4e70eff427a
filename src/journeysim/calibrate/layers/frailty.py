"""Customers who differ for good: the layer that learns how much, touchpoint by touchpoint.

Wherever some customers came back to a touchpoint, the urn of `polya` competes with the process whose customers are
alike, and has to earn its place: it is used where it predicts customers it was not fitted to (leave one out) better,
the gain in likelihood being at least LEAST_GAIN (which customers who are in truth alike reach 2.3 % of the time: half a
chi-square of one degree of freedom). Then the touchpoint gets a `frailty` (kappa), and its shares become those of an
average new customer, estimated together with kappa; elsewhere nothing changes.

Dwells stay as they are. Where open last visits tell links apart, they enter with the posterior mean of P(dwell > t). At
touchpoints with a silent outcome that would not do: there dwells are weighted anew together with kappa (`with_dwells`), and
draws of shares, kappa and dwells belong together. Customers who differ are left out where those weights are poor, and where
`repeats` has asked the question already, rates included.

Customers who differ come back to what they like, which looks like memory, and the other way round. Of the two the one is
used that predicts customers left out better: memory where it is ahead by as much as it has to be ahead of nothing, else
customers who differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import Counts, count_transitions, observed_touchpoints, share_rows, silent_outcomes
from journeysim.calibrate.differing.open_visits import OpenVisits
from journeysim.calibrate.differing.polya import Polya, PolyaSums, log_likelihood
from journeysim.calibrate.differing.polya_target import PolyaMode, PolyaTarget, find_polya_mode
from journeysim.calibrate.differing.with_dwells import JointTarget, sample_joint
from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.layers.memory import beyond_luck, clear_memory
from journeysim.calibrate.layers.memory.scores import Score
from journeysim.calibrate.numerics.student import resample, sample_weighted
from journeysim.model.addresses import uniforms
from journeysim.model.draws import names_on, tables_of
from journeysim.model.dwell import Family
from journeysim.model.event_log import Bools, Ints
from journeysim.model.journey import JourneyMap, Touchpoint, all_links, link_id
from journeysim.model.observations import Observations
from journeysim.model.observed.patterns import Patterns
from journeysim.model.observed.repeats import repeated
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Below this gain in log likelihood the question is closed without sampling.
LEAST_GAIN: Final = 2.0
_WORKING_DRAWS: Final = 4000
_DWELL: Final = ("family", "dwell_a", "dwell_b")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A touchpoint to which customers came back: its patterns, its links' positions in the draws, its density.

    `joint` is the density with every draw's own dwells, where some may have left without an event.
    """

    name: str
    polya: Polya
    links: NDArray[np.intp]
    target: PolyaTarget
    mode: PolyaMode
    joint: JointTarget | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Draws of kappa (draw,) and of the rows of new customers (draw, persona, link), equally weighted; and the gates.

    `dwells` (draw,) are the draws of the dwells that belong to them; None where dwells stay as they are.
    """

    kappa: Floats
    rows: Floats
    gates: tuple[Gate, ...]
    dwells: Ints | None = None

    @property
    def poor(self) -> bool:
        """Whether the weights behind draws with dwells of their own are not to be trusted."""
        return self.dwells is not None and not all(gate.passed for gate in self.gates)


def learn_frailty(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return `frailty`, and shares and dwells of the touchpoints where customers differ; see the module."""
    if observed.patterns is None or not len(observed.patterns.customers):
        return NOTHING_LEARNED
    places, notes = places_of(journey, observed, observed.patterns, data)
    written = {name: data[name].values.copy() for name in ("share", *_DWELL)}
    kappa = _frailty(data)
    gates: list[Gate] = []
    choices = []
    for place in places:
        found = draw_place(place, draws=data.sizes["draw"], seed=seed)
        if found.poor:
            notes.append(f'customers at "{place.name}" may differ, but how much cannot be told together with its dwells: they '
                         "are treated as alike")  # fmt: skip
            continue
        choices.append(_choose(place, found, (journey, observed), data))
        if choices[-1].chosen == "differing":
            _write(written, place, found)
            kappa[:, names_on(data, "place").index(place.name)] = found.kappa
            gates += found.gates
            notes.append(_note(place.name, found.kappa))
    if not gates:
        return Layer(notes=tuple(notes), choices=tuple(choices))
    variables = {name: (data[name].dims, values) for name, values in written.items()}
    return Layer(variables | {"frailty": (("draw", "place"), kappa)}, tuple(gates), tuple(notes), tuple(choices))


def _choose(place: Place, found: Found, seen: tuple[JourneyMap, Observations], data: xr.Dataset) -> Choice:
    """Return what predicts best at a touchpoint: alike customers, those who differ, or a memory."""
    choice = compare_place(place, found, data)
    if choice.chosen == "alike":
        return choice
    journey, observed = seen
    counts = count_transitions(observed.transitions, journey)
    return against_memory(choice, clear_memory(journey, observed, counts, journey.touchpoint(place.name), data))


def _write(written: dict[str, Floats], place: Place, found: Found) -> None:
    """Write the rows of new customers, and the dwells that belong to them."""
    written["share"][..., place.links] = found.rows[:, :, None]
    if found.dwells is not None:
        for name in _DWELL:
            written[name][..., place.links] = written[name][found.dwells][..., place.links]


def _frailty(data: xr.Dataset) -> Floats:
    """Return what is known of kappa so far; NaN where customers do not differ."""
    if "frailty" in data:
        return np.array(data["frailty"].values)
    return np.full((data.sizes["draw"], data.sizes["place"]), np.nan)


def places_of(
    journey: JourneyMap, observed: Observations, patterns: Patterns, data: xr.Dataset
) -> tuple[list[Place], list[str]]:
    """Return the touchpoints where differing customers gain likelihood, and a note for each that cannot be judged."""
    counts = count_transitions(observed.transitions, journey)
    names, known = journey.touchpoint_names, names_on(data, "place")
    settled = {name for name in known if not np.isnan(_frailty(data)[0, known.index(name)])}
    again = [tp for tp in observed_touchpoints(counts, journey) if patterns.first_visits[names.index(tp.name)]]
    found, notes = [], []
    for touchpoint in (tp for tp in again if tp.name not in settled):
        if _asked_with_rates(journey, touchpoint):
            notes.append(f'whether customers differ at "{touchpoint.name}" in their shares alone is not estimated: seldom '
                         "seen can then mean gone or slow")  # fmt: skip
            continue
        place = place_at(touchpoint, patterns.at(names.index(touchpoint.name)), counts, journey, data)
        if place.mode.gain > LEAST_GAIN:
            found.append(place)
    return found, notes


def _asked_with_rates(journey: JourneyMap, touchpoint: Touchpoint) -> bool:
    """Return whether `repeats` asks how customers differ: they only ever come again, at rates that may be their own."""
    if touchpoint.name not in repeated(journey):
        return False
    again = next(link for link in all_links(touchpoint) if link.target == touchpoint.name)
    return again.dwell.family is not Family.FIXED


def place_at(
    touchpoint: Touchpoint, patterns: Patterns, counts: Counts, journey: JourneyMap, data: xr.Dataset
) -> Place:
    """Return one touchpoint, given its patterns."""
    rows, labels = share_rows(counts, journey, (touchpoint,)), names_on(data, "link")
    links = np.array([labels.index(link_id(touchpoint.name, target)) for target in rows.targets[0]], dtype=np.intp)
    leaves = silent_outcomes(counts, journey)
    silent = np.array([target in leaves for target in rows.targets[0]])
    polya, opened = polya_of(patterns, links, data, silent)

    def target_of(seen: Polya) -> PolyaTarget:
        return PolyaTarget(PolyaSums.of(seen, len(rows.personas)), rows.alpha[0], rows.tilt[0])

    target = target_of(polya)
    joint = None
    if silent.any() and len(opened.customers):
        joint = JointTarget(target_of(polya.shut), opened, target)
    return Place(touchpoint.name, polya, links, target, find_polya_mode(target), joint)


def polya_of(patterns: Patterns, links: NDArray[np.intp], data: xr.Dataset, silent: Bools) -> tuple[Polya, OpenVisits]:
    """Return one touchpoint's patterns, and those with an open visit with every draw's P(dwell > silent time).

    In the former they have its average over the posterior. Over links that leave no event it is 1 (`silent`, (link,)).
    """
    is_open = ~np.isnan(patterns.still_from)
    low, high = patterns.still_from[is_open], patterns.still_to[is_open]
    times, which = np.unique(np.where(low > 0, np.sqrt(low * high), high / 2), return_inverse=True)
    persona, taken = patterns.persona[is_open], patterns.taken[:, : len(links)]
    curves = _curves(data, links, silent, times)
    still = np.ones(taken.shape)
    still[is_open] = curves.mean(axis=0)[persona, which]
    row = persona * len(times) + which.reshape(-1)
    opened = OpenVisits.of(row, taken[is_open], patterns.customers[is_open], curves)
    return Polya(patterns.persona, taken, is_open, still, patterns.customers), opened


def _curves(data: xr.Dataset, links: NDArray[np.intp], silent: Bools, times: Floats) -> Floats:
    """Return P(dwell > t), shape (draw, persona, time, link)."""
    found = np.ones((data.sizes["draw"], data.sizes["persona"], len(times), len(links)))
    for j in np.flatnonzero(~silent):
        a, b = (data[name].values[:, :, -1, links[j], None] for name in ("dwell_a", "dwell_b"))
        found[..., j] = survival_by_draw(data["family"].values[:, links[j]], a, b, times, tables_of(data))
    return found


def draw_place(place: Place, *, draws: int, seed: int) -> Found:
    """Return equally weighted posterior draws of one touchpoint."""
    target, what = place.target, f'customers who differ at "{place.name}"'
    names = ("customers who differ", place.name)
    if place.joint is None:
        start = target.flat(place.mode.rows, place.mode.log_kappa)
        weighted = sample_weighted(target.log_density, start, draws=_WORKING_DRAWS, seed=seed, names=names)
        dwells = None
    else:
        drawn = sample_joint(place.joint, place.mode, seed=seed, name=place.name)
        weighted, dwells = drawn.weighted, drawn.dwells
    order = np.argsort(uniforms(seed, draws, *names, "order"))
    chosen = resample(weighted.logs, draws, float(uniforms(seed, 1, *names, "resample")[0]))[order]
    at = weighted.at[chosen]
    own = None if dwells is None else dwells[chosen]
    return Found(np.exp(at[:, 0]), np.exp(target.log_rows(at)), weighted.gates(what), own)


def compare_place(place: Place, found: Found, data: xr.Dataset) -> Choice:
    """Return the choice between differing and alike customers by leave-one-out prediction of a customer's links."""
    base = np.asarray(data["share"].values[:, :, -1])[..., place.links]
    alike = left_out(_log_each(place, Found(np.full(len(base), np.inf), base, (), np.arange(len(base)))))
    gap = left_out(_log_each(place, found)) - alike
    customers = place.polya.customers
    margin, mean = float(customers @ gap), float(np.average(gap, weights=customers))
    error = float(np.sqrt(customers @ (gap - mean) ** 2))
    subject = f'customers at "{place.name}"'
    if margin > 0:
        return Choice(subject, "differing", "alike", margin, error)
    return Choice(subject, "alike", "differing", -margin, error)


def against_memory(choice: Choice, memory: Score | None) -> Choice:
    """Return the choice, or that of a memory which predicts better than customers who differ.

    Both margins are ahead of customers who are alike and remember nothing. Their errors are added as if independent.
    """
    if memory is None or choice.margin_error is None:
        return choice
    ahead, error = memory.margin - choice.margin, float(np.hypot(memory.error, choice.margin_error))
    return Choice(choice.subject, memory.name, "differing", ahead, error) if beyond_luck(ahead, error) else choice


def _log_each(place: Place, found: Found) -> Floats:
    """Return the log likelihood of one customer of each pattern, each draw with its own dwells where they matter."""
    if place.joint is None or found.dwells is None:
        return log_likelihood(place.polya, found.kappa, found.rows)
    logs = log_likelihood(place.polya.shut, found.kappa, found.rows)
    logs[:, place.polya.open] += place.joint.open.log_each(found.kappa, found.rows, found.dwells)
    return logs


def left_out(logs: Floats) -> Floats:
    """Return the log predictive density of a customer given all others, from log likelihoods (draw, pattern).

    1 / E[1 / p] over the posterior (Gelfand, Dey and Chang 1992).
    """
    return np.asarray(np.log(len(logs)) - special.logsumexp(-logs, axis=0))


def _note(name: str, kappa: Floats) -> str:
    low, middle, high = np.quantile(kappa, [0.05, 0.5, 0.95])
    return (f'customers differ at "{name}" (kappa {middle:.3g}, 90 %: {low:.3g} to {high:.3g}): its shares are those of '
            "an average new customer, and every simulated customer has shares of their own")  # fmt: skip
