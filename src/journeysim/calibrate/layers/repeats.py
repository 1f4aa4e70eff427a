"""Customers who come again, each at a rate of their own, and stop without a word: the layer that learns both spreads.

It looks at touchpoints that are left only for themselves or for a silent outcome (`model.observed.repeats`), where
seldom seen may mean gone or slow, and tells the two apart by how often and how evenly each customer came before. It has
to earn its place: it is used where leaving one customer out it predicts better than customers who are alike, and no
worse than the shares and dwells that were fitted without it. Then the touchpoint gets `rate_frailty` (r) and `frailty`
(kappa), and its shares and dwells are those of an average new customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import Bins, Counts, count_transitions, share_rows, silent_outcomes
from journeysim.calibrate.differing.repeat_target import RepeatTarget
from journeysim.calibrate.differing.repeats import Rates, log_likelihood
from journeysim.calibrate.dwells.beliefs import dwell_belief
from journeysim.calibrate.dwells.choice import choose_family
from journeysim.calibrate.dwells.families import bin_probability, from_log_moments, survival_by_draw
from journeysim.calibrate.dwells.fit import fit_dwell
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.frailty import LEAST_GAIN, left_out
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.numerics.student import WeightedDraws, resample, sample_weighted
from journeysim.model.addresses import uniforms
from journeysim.model.draws import Draws, names_on, tables_of
from journeysim.model.dwell import Family, by_family
from journeysim.model.journey import JourneyMap, all_links, link_id, split_link
from journeysim.model.observations import Observations
from journeysim.model.observed.repeats import Repeats, repeated
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

_WORKING_DRAWS: Final = 4000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A touchpoint of repeats: its name, those before it, its silent outcomes, its density."""

    name: str
    before: tuple[str, ...]
    silent: tuple[str, ...]
    target: RepeatTarget
    beliefs: dict[str, DwellBelief]  # by link, of the moves

    @property
    def moves(self) -> list[str]:
        """Labels of the links whose dwell is the customer's own."""
        return [link_id(source, self.name) for source in (self.name, *self.before)]


def learn_repeats(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return rate_frailty, frailty, shares and dwells of the touchpoints where customers differ; see the module."""
    if observed.repeats is None or not len(observed.repeats.customers):
        return NOTHING_LEARNED
    counts = count_transitions(observed.transitions, journey)
    written = {name: data[name].values.copy() for name in ("share", "dwell_a", "dwell_b", "family")}
    blank = np.full((data.sizes["draw"], data.sizes["place"]), np.nan)
    kappa, rate = blank.copy(), blank.copy()
    gates: list[Gate] = []
    notes, choices = [], []
    for place in _places(journey, observed.repeats, counts):
        weighted, choice = fit_place(place, counts, data, seed=seed)
        choices.append(choice)
        if choice.chosen == "differing":
            rates = _write(written, data, place, weighted, seed)
            kappa[:, names_on(data, "place").index(place.name)] = rates.a[:, 0] + rates.b[:, 0]
            rate[:, [names_on(data, "place").index(name) for name in (place.name, *place.before)]] = rates.r[:, None]
            gates += weighted.gates(f'customers who repeat "{place.name}"')
            notes.append(_note(place.name, rates))
    if not gates:
        return Layer(notes=tuple(notes), choices=tuple(choices))
    variables = {name: (data[name].dims, values) for name, values in written.items()}
    added = {"frailty": (("draw", "place"), kappa), "rate_frailty": (("draw", "place"), rate)}
    return Layer(variables | added, tuple(gates), tuple(notes), tuple(choices))


def _places(journey: JourneyMap, repeats: Repeats, counts: Counts) -> Iterator[Place]:
    """Yield the touchpoints whose dwell may vary and whose outcomes nobody was seen to reach."""
    silent = silent_outcomes(counts, journey)
    for name, before in repeated(journey).items():
        touchpoint, rows = journey.touchpoint(name), repeats.at(journey.touchpoint_names.index(name))
        links = {link.target: link for link in all_links(touchpoint)}
        exits = tuple(target for target in links if target != name)
        fixed = links[name].dwell.family is Family.FIXED
        if fixed or touchpoint.by_tenure or not set(exits) <= silent or rows.repeats @ rows.customers == 0:
            continue
        belief = dwell_belief(journey, touchpoint, name)
        means = [from_log_moments(Family.EXPONENTIAL, belief.mean_log + off, belief.sd_log)[0] for off in belief.apart]
        prior = share_rows(counts, journey, (touchpoint,))
        alpha = np.where(prior.tilt[0] > 0, prior.alpha[0] * prior.tilt[0], 0.1)
        gone = np.array([target in exits for target in prior.targets[0]])
        leaving = np.stack([alpha[:, gone].sum(axis=1), alpha[:, ~gone].sum(axis=1)], axis=1)
        dwell = np.stack([means, np.full(len(means), max(1.0, belief.log_scale_sd))], axis=1)
        beliefs = {link_id(source, name): dwell_belief(journey, journey.touchpoint(source), name)
                   for source in (name, *before)}  # fmt: skip
        yield Place(name, before, exits, RepeatTarget(rows, dwell, leaving), beliefs)


def fit_place(place: Place, counts: Counts, data: xr.Dataset, *, seed: int) -> tuple[WeightedDraws, Choice]:
    """Return weighted draws of a touchpoint, and the choice between differing and alike customers."""
    target, customers = place.target, place.target.repeats.customers
    alike = target.best_alike()
    names = ("customers who repeat", place.name)
    weighted = sample_weighted(target.log_density, alike, draws=_WORKING_DRAWS, seed=seed, names=names)
    chosen = weighted.at[_chosen(weighted, 1000, seed, place.name)]
    score = left_out(log_likelihood(target.repeats, target.rates(chosen)))
    gap = score - target.log_alike(alike[None])[0]
    margin = float(customers @ gap)
    error = float(np.sqrt(customers @ (gap - margin / customers.sum()) ** 2))
    subject = f'customers who repeat "{place.name}"'
    if margin > LEAST_GAIN and float(customers @ score) > base_score(place, counts, data):
        return weighted, Choice(subject, "differing", "alike", margin, error)
    return weighted, Choice(subject, "alike", "differing", -margin, error)


def _chosen(weighted: WeightedDraws, draws: int, seed: int, name: str) -> NDArray[np.intp]:
    names = ("customers who repeat", name)
    order = np.argsort(uniforms(seed, draws, *names, "order"))
    return resample(weighted.logs, draws, float(uniforms(seed, 1, *names, "resample")[0]))[order]


def base_score(place: Place, counts: Counts, data: xr.Dataset) -> float:
    """Return the log predictive density that shares and dwells fitted without this layer give the same moves.

    The density of a dwell is taken as constant over its bin, and the fit's own data are not left out. So a table of
    quantiles is no fair rival (it follows every lump of whole days): a dwell that has one enters with its best family.
    """
    data = _without_tables(place, counts, data)
    found = np.zeros(data.sizes["draw"])
    for g, persona in enumerate(names_on(data, "persona")):
        for source in (place.name, *place.before):
            done = counts.dwells(persona, (source, place.name))
            label = link_id(source, place.name)
            found += _log_done(data, g, label, done) @ done.count
            still = counts.silent(persona, source)
            gone = [link_id(source, target) for target in place.silent] if source == place.name else []
            found += _log_still(data, g, label, gone, still) @ still.count
    return float(special.logsumexp(found) - np.log(len(found)))


def _without_tables(place: Place, counts: Counts, data: xr.Dataset) -> xr.Dataset:
    """Return the data with a family for every move of the place whose dwell is a table in some draw."""
    at = {label: names_on(data, "link").index(label) for label in place.moves}
    tabled = [label for label in place.moves if np.any(data["family"].values[:, at[label]] == Family.EMPIRICAL)]
    names = ("family", "dwell_a", "dwell_b")
    values = {name: data[name].values.copy() for name in names}
    for label in tabled:
        source, target = split_link(label)
        pairs = [(counts.dwells(g, (source, target)), counts.silent(g, source)) for g in names_on(data, "persona")]
        family = choose_family(place.beliefs[label], pairs).family
        fit = fit_dwell(family, place.beliefs[label], pairs, seed=0, draws=data.sizes["draw"], name=label)
        values["family"][:, at[label]] = family
        values["dwell_a"][..., at[label]], values["dwell_b"][..., at[label]] = fit.a[:, :, None], fit.b[:, :, None]
    return data.assign({name: (data[name].dims, values[name]) for name in names})


def _column(data: xr.Dataset, variable: str, g: int, label: str) -> Floats:
    return np.asarray(data[variable].values[:, g, -1, names_on(data, "link").index(label), None])


def _log_done(data: xr.Dataset, g: int, label: str, done: Bins) -> Floats:
    families, tables = data["family"].values[:, names_on(data, "link").index(label)], tables_of(data)
    a, b, share = (_column(data, name, g, label) for name in ("dwell_a", "dwell_b", "share"))
    density = np.empty((len(a), len(done.count)))
    for family, rows in by_family(families):
        density[rows] = bin_probability(family, a[rows, 0], b[rows, 0], done.low, done.high, tables)
    return np.asarray(np.log(np.maximum(share * density / (done.high - done.low), 1e-300)))


def _log_still(data: xr.Dataset, g: int, label: str, gone: list[str], still: Bins) -> Floats:
    at = names_on(data, "link").index(label)
    a, b, share = (_column(data, name, g, label) for name in ("dwell_a", "dwell_b", "share"))
    slow = share * survival_by_draw(data["family"].values[:, at], a, b, still.middle, tables_of(data))
    left = sum((_column(data, "share", g, name) for name in gone), np.zeros_like(share))
    return np.asarray(np.log(np.maximum(slow + left, 1e-300)))


def _write(written: dict[str, Floats], data: xr.Dataset, place: Place, weighted: WeightedDraws, seed: int) -> Rates:
    """Write shares and dwells of new customers; return the parameters of the draws."""
    rates = place.target.rates(weighted.at[_chosen(weighted, data.sizes["draw"], seed, place.name)])
    labels, leaving = names_on(data, "link"), rates.a / (rates.a + rates.b)
    exits = [labels.index(link_id(place.name, target)) for target in place.silent]
    among = written["share"][..., exits]
    written["share"][..., exits] = leaving[:, :, None, None] * among / among.sum(axis=-1, keepdims=True)
    written["share"][..., labels.index(place.moves[0])] = 1.0 - leaving[:, :, None]
    for at in (labels.index(label) for label in place.moves):
        written["family"][:, at] = Family.EXPONENTIAL
        written["dwell_a"][..., at] = (rates.alpha / rates.r[:, None])[:, :, None]
        written["dwell_b"][..., at] = 1.0
    return rates


def rates_at(draws: Draws, touchpoint: str) -> Rates:
    """Return the customers' rates and shares of leaving at a touchpoint, from a posterior that has them.

    Raises KeyError when customers were not found to differ there.
    """
    if "rate_frailty" not in draws.data:
        raise KeyError(touchpoint)
    place, link = draws.places.index(touchpoint), draws.links.index(link_id(touchpoint, touchpoint))
    r, kappa = (draws.values(name)[:, place] for name in ("rate_frailty", "frailty"))
    if np.isnan(r[0]):
        raise KeyError(touchpoint)
    coming, dwell = (draws.values(name)[:, :, -1, link] for name in ("share", "dwell_a"))
    return Rates(r, r[:, None] * dwell, kappa[:, None] * (1 - coming), kappa[:, None] * coming)


def _note(name: str, rates: Rates) -> str:
    (low, middle, high), (few, some, many) = (
        np.quantile(x, [0.05, 0.5, 0.95]) for x in (rates.r, rates.a[:, 0] + rates.b[:, 0])
    )
    return (
        f'customers who repeat "{name}" differ in their rate (r {middle:.3g}, 90 %: {low:.3g} to {high:.3g}) and in their '
        f"share of leaving (kappa {some:.3g}, 90 %: {few:.3g} to {many:.3g}): share and dwell are those of an average new "
        "customer, and every simulated customer has a rate and a share of their own"
    )
