"""Customers who differ for good: the layer that learns how much, touchpoint by touchpoint.

Wherever some customers came back to a touchpoint, the urn of `polya` competes with the process whose customers are
alike, and has to earn its place: it is used where it predicts customers it was not fitted to (leave one out) better,
the gain in likelihood being at least LEAST_GAIN (which customers who are in truth alike reach 2.3 % of the time: half a
chi-square of one degree of freedom). Then the touchpoint gets a `frailty` (kappa), and its shares become those of an
average new customer, estimated together with kappa; elsewhere nothing changes.

Dwells stay as they are. Where open last visits tell links apart, they enter with the posterior mean of P(dwell > t).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import count_transitions, observed_touchpoints, share_rows, silent_outcomes
from journeysim.calibrate.differing.polya import Polya, PolyaSums, log_likelihood
from journeysim.calibrate.differing.polya_target import PolyaMode, PolyaTarget, find_polya_mode
from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.numerics.student import resample, sample_weighted
from journeysim.model.addresses import uniforms
from journeysim.model.draws import names_on, tables_of
from journeysim.model.journey import JourneyMap, all_links, link_id
from journeysim.model.observations import Observations
from journeysim.model.observed.patterns import Patterns
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Below this gain in log likelihood the question is closed without sampling.
LEAST_GAIN: Final = 2.0
_WORKING_DRAWS: Final = 4000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A touchpoint to which customers came back: its patterns, its links' positions in the draws, its density."""

    name: str
    polya: Polya
    links: NDArray[np.intp]
    target: PolyaTarget
    mode: PolyaMode


@final
@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Draws of kappa (draw,) and of the rows of new customers (draw, persona, link), equally weighted; and the gates."""

    kappa: Floats
    rows: Floats
    gates: tuple[Gate, ...]


def learn_frailty(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return `frailty` and the shares of the touchpoints where customers differ; see the module."""
    if observed.patterns is None or not len(observed.patterns.customers):
        return NOTHING_LEARNED
    places, notes = places_of(journey, observed, observed.patterns, data)
    share, kappa = data["share"].values.copy(), _frailty(data)
    gates: list[Gate] = []
    choices = []
    for place in places:
        found = draw_place(place, draws=data.sizes["draw"], seed=seed)
        choice = compare_place(place, found, data)
        choices.append(choice)
        if choice.chosen == "differing":
            share[..., place.links] = found.rows[:, :, None]
            kappa[:, names_on(data, "place").index(place.name)] = found.kappa
            gates += found.gates
            notes.append(_note(place.name, found.kappa))
    if not gates:
        return Layer(notes=tuple(notes), choices=tuple(choices))
    variables = {"share": (data["share"].dims, share), "frailty": (("draw", "place"), kappa)}
    return Layer(variables, tuple(gates), tuple(notes), tuple(choices))


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
    silent, names = silent_outcomes(counts, journey), journey.touchpoint_names
    known = names_on(data, "place")
    settled = {name for name in known if not np.isnan(_frailty(data)[0, known.index(name)])}
    again = [tp for tp in observed_touchpoints(counts, journey) if patterns.first_visits[names.index(tp.name)]]
    found, notes = [], []
    for touchpoint in (tp for tp in again if tp.name not in settled):
        if any(link.target in silent for link in all_links(touchpoint)):
            notes.append(f'whether customers differ at "{touchpoint.name}" is not estimated: some leave it without an '
                         "event, and seldom seen can then mean gone or slow")  # fmt: skip
            continue
        rows = share_rows(counts, journey, (touchpoint,))
        labels = names_on(data, "link")
        links = np.array([labels.index(link_id(touchpoint.name, target)) for target in rows.targets[0]], dtype=np.intp)
        polya = polya_of(patterns.at(names.index(touchpoint.name)), links, data)
        target = PolyaTarget(PolyaSums.of(polya, len(rows.personas)), rows.alpha[0], rows.tilt[0])
        mode = find_polya_mode(target)
        if mode.gain > LEAST_GAIN:
            found.append(Place(touchpoint.name, polya, links, target, mode))
    return found, notes


def polya_of(patterns: Patterns, links: NDArray[np.intp], data: xr.Dataset) -> Polya:
    """Return one touchpoint's patterns with P(dwell > silent time) of its open visits, averaged over the posterior."""
    is_open = ~np.isnan(patterns.still_from)
    still = np.ones((len(is_open), len(links)))
    low, high = patterns.still_from[is_open], patterns.still_to[is_open]
    times, which = np.unique(np.where(low > 0, np.sqrt(low * high), high / 2), return_inverse=True)
    curves = np.stack([_curve(data, int(k), times) for k in links], axis=-1)
    still[is_open] = curves[patterns.persona[is_open], which]
    return Polya(patterns.persona, patterns.taken[:, : len(links)], is_open, still, patterns.customers)


def _curve(data: xr.Dataset, link: int, times: Floats) -> Floats:
    """Return P(dwell > t) of a link, averaged over draws, shape (persona, time)."""
    a, b = (data[name].values[:, :, -1, link, None] for name in ("dwell_a", "dwell_b"))
    curves = survival_by_draw(data["family"].values[:, link], a, b, times, tables_of(data))
    return np.asarray(curves.mean(axis=0))


def draw_place(place: Place, *, draws: int, seed: int) -> Found:
    """Return equally weighted posterior draws of one touchpoint."""
    target, what = place.target, f'customers who differ at "{place.name}"'
    start = target.flat(place.mode.rows, place.mode.log_kappa)
    names = ("customers who differ", place.name)
    weighted = sample_weighted(target.log_density, start, draws=_WORKING_DRAWS, seed=seed, names=names)
    order = np.argsort(uniforms(seed, draws, *names, "order"))
    chosen = resample(weighted.logs, draws, float(uniforms(seed, 1, *names, "resample")[0]))[order]
    at = weighted.at[chosen]
    return Found(np.exp(at[:, 0]), np.exp(target.log_rows(at)), weighted.gates(what))


def compare_place(place: Place, found: Found, data: xr.Dataset) -> Choice:
    """Return the choice between differing and alike customers by leave-one-out prediction of a customer."""
    base = np.asarray(data["share"].values[:, :, -1])[..., place.links]
    alike = left_out(log_likelihood(place.polya, np.full(len(base), np.inf), base))
    gap = left_out(log_likelihood(place.polya, found.kappa, found.rows)) - alike
    customers = place.polya.customers
    margin, mean = float(customers @ gap), float(np.average(gap, weights=customers))
    error = float(np.sqrt(customers @ (gap - mean) ** 2))
    subject = f'customers at "{place.name}"'
    if margin > 0:
        return Choice(subject, "differing", "alike", margin, error)
    return Choice(subject, "alike", "differing", -margin, error)


def left_out(logs: Floats) -> Floats:
    """Return the log predictive density of a customer given all others, from log likelihoods (draw, pattern).

    1 / E[1 / p] over the posterior (Gelfand, Dey and Chang 1992).
    """
    return np.asarray(np.log(len(logs)) - special.logsumexp(-logs, axis=0))


def _note(name: str, kappa: Floats) -> str:
    low, middle, high = np.quantile(kappa, [0.05, 0.5, 0.95])
    return (f'customers differ at "{name}" (kappa {middle:.3g}, 90 %: {low:.3g} to {high:.3g}): its shares are those of '
            "an average new customer, and every simulated customer has shares of their own")  # fmt: skip
