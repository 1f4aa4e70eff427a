"""Ratings: an ordered logit on the log of the wait, how late it was, the touchpoint and the persona.

How lateness acts is chosen by leave one out among: not at all; in proportion to the days early and the days late; to
their logs; and to the log with bends at the quartiles of the days late, so that a delay may hurt most in between.
Weights are worth as many answers as they are within a touchpoint's answers of one persona with (or without) a known
lateness (Kish): the model is conditional on these, so that what differs between strata of a sample needs no weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.numerics.addressed import dirichlet
from journeysim.calibrate.rewards.ordinal import Answers, OrdinalFit, fit_answers, left_out
from journeysim.model.addresses import name_key
from journeysim.model.draws import names_on
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations
from journeysim.model.observed.ratings import Ratings
from journeysim.model.quantity import Floats
from journeysim.model.rating import late_scale

if TYPE_CHECKING:
    import xarray as xr

#: Fewest answers from which something is learned, and fewest late ones for bends.
_LEAST_ANSWERS, _LEAST_LATE = 30, 40
_CHAINS, _TUNE, _DRAWS = 4, 500, 4000
_LATE_SD, _OTHER_SD = 2.0, 1.0
_GRID: Final = 121


@final
@dataclass(frozen=True, slots=True, eq=False)
class Lateness:
    """One way in which lateness may act: its name, and where the days early and late are cut (days, or log days)."""

    name: str
    scale: float = 1.0
    bends: tuple[float, ...] = ()

    def columns(self, days: Floats) -> Floats:
        """Return the columns for days late, shape (days, columns); 0 where lateness is not known."""
        known = np.nan_to_num(days)
        if self.name == "no effect":
            return np.empty((len(days), 0))
        if self.name == "days":
            return np.stack([np.minimum(known, 0), np.maximum(known, 0)], axis=1) / self.scale
        early, late = np.minimum(late_scale(known), 0), np.maximum(late_scale(known), 0)
        return np.stack([early, late, *(np.maximum(late - bend, 0) for bend in self.bends)], axis=1)


def learn_ratings(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return how answers depend on wait, lateness, touchpoint and persona; off without ratings.

    Writes the `rating_…` variables (see `model.draws`), which `model.rating` reads: the link, and who rated what.
    """
    ratings = observed.ratings
    if ratings is None:
        return NOTHING_LEARNED
    aside = tuple(f"{item.rows} rows: {item.reason}" for item in ratings.set_aside)
    if len(ratings.levels) < 2 or ratings.count.sum() < _LEAST_ANSWERS:
        few = f"ratings are not learned: they need {_LEAST_ANSWERS} answers on a scale of at least two levels"
        return Layer(notes=(*aside, few))
    forms = tuple(forms_of(ratings))
    models = {form.name: answers_of(ratings, form) for form in forms}
    form, choices = _chosen(forms, models, seed)
    draws = data.sizes["draw"]
    fit = fit_answers(
        models[form.name], seed=seed ^ name_key("ratings"), draws=max(draws, _DRAWS), chains=_CHAINS, tune=_TUNE
    )
    chosen = np.linspace(0, len(fit.cuts) - 1, draws).astype(np.int64)
    fit = OrdinalFit(fit.cuts[chosen], fit.effects[chosen], fit.gates)
    variables = _variables(journey, data, ratings, form, fit, seed)
    return Layer(variables, fit.gates, (*aside, *_notes(ratings, fit, form)), choices)


def forms_of(ratings: Ratings) -> Iterator[Lateness]:
    """Yield the ways in which lateness may act, as far as the ratings tell them apart."""
    yield Lateness("no effect")
    late, weight = ratings.late, ratings.count.sum(axis=1)
    known = np.isfinite(late)
    if not known.any() or np.ptp(late[known]) == 0:
        return
    yield Lateness("days", float(np.average(np.abs(late[known]), weights=weight[known])) or 1.0)
    yield Lateness("log days")
    behind = np.nan_to_num(late) > 0
    if _worth(ratings)[behind].sum() >= _LEAST_LATE:
        order = np.argsort(late[behind])
        part = np.cumsum(weight[behind][order]) / weight[behind].sum()
        bends = late[behind][order][np.searchsorted(part, [0.25, 0.5, 0.75])]
        yield Lateness("log days with bends", bends=tuple(float(x) for x in np.unique(late_scale(bends))))


def _worth(ratings: Ratings) -> Floats:
    """Return how many unweighted answers each cell is worth, shape (cell,)."""
    return np.asarray(_effective(ratings).sum(axis=1))


def _effective(ratings: Ratings) -> Floats:
    """Return counts scaled to what they are worth within persona, touchpoint and whether lateness is known."""
    keys = np.stack([ratings.persona, ratings.place, np.isfinite(ratings.late)], axis=1)
    group = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    total = np.bincount(group, weights=ratings.count.sum(axis=1))
    squares = np.bincount(group, weights=ratings.squares)
    return np.asarray(ratings.count * (total / squares)[group][:, None])


def answers_of(ratings: Ratings, form: Lateness) -> Answers:
    """Return the answers of every cell, scaled to what they are worth, with the columns of the model."""
    parts = _columns(ratings, form)
    sd = np.concatenate(
        [np.full(part.shape[1], _LATE_SD if name == "late" else _OTHER_SD) for name, part in parts.items()]
    )
    return Answers(_effective(ratings), np.concatenate(list(parts.values()), axis=1), sd)


def _columns(ratings: Ratings, form: Lateness) -> dict[str, Floats]:
    """Return the columns of the model by what they stand for; parts that do not vary have none."""
    none = np.empty((len(ratings.wait), 0))
    waited = np.isfinite(ratings.wait)
    logs = np.log(np.where(waited, ratings.wait, _usual_wait(ratings)) / _usual_wait(ratings))
    known = np.isfinite(ratings.late)
    mixed = known.any() and not known.all()
    return {
        "wait": logs[:, None] if waited.any() and np.ptp(logs) > 0 else none,
        "late": form.columns(ratings.late),
        "unknown": 1.0 * ~known[:, None] if mixed else none,
        "touchpoint": _dummies(ratings.place),
        "persona": _dummies(ratings.persona),
    }


def _dummies(codes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Floats:
    found = np.unique(codes)
    return np.asarray(codes[:, None] == found, dtype=np.float64) if len(found) > 1 else np.empty((len(codes), 0))


def _usual_wait(ratings: Ratings) -> float:
    """Return the geometric mean of the waits, in days."""
    waited = np.isfinite(ratings.wait)
    if not waited.any():
        return 1.0
    return float(np.exp(np.average(np.log(ratings.wait[waited]), weights=_worth(ratings)[waited])))


def _chosen(
    forms: tuple[Lateness, ...], models: Mapping[str, Answers], seed: int
) -> tuple[Lateness, tuple[Choice, ...]]:
    if len(forms) == 1:
        return forms[0], ()
    points = {form.name: left_out(models[form.name], seed=seed, name=form.name) for form in forms}
    count = models[forms[0].name].count
    order = sorted(forms, key=lambda form: -float(np.sum(count * points[form.name])))
    gap = points[order[0].name] - points[order[1].name]
    mean = float(np.sum(count * gap) / count.sum())
    error = float(np.sqrt(np.sum(count * (gap - mean) ** 2)))
    choice = Choice("how lateness acts on ratings", order[0].name, order[1].name, mean * float(count.sum()), error)
    return order[0], (choice,)


def _variables(
    journey: JourneyMap, data: xr.Dataset, ratings: Ratings, form: Lateness, fit: OrdinalFit, seed: int
) -> dict[str, tuple[object, ...]]:
    draws = len(fit.cuts)
    parts, at, effects = _columns(ratings, form), 0, {}
    for name, part in parts.items():
        effects[name] = fit.effects[:, at : at + part.shape[1]]
        at += part.shape[1]
    days = _grid(ratings.late) if effects["late"].shape[1] else np.empty(0)
    links = np.array([*names_on(data, "link"), ""], dtype=object)
    share = _shares(ratings, seed, draws)
    return {
        "rating_answers": (("rating_answer",), ratings.levels),
        "rating_cut": (("draw", "rating_cuts"), fit.cuts),
        "rating_dwell": (("draw",), effects["wait"].sum(axis=1)),
        "rating_usual_wait": ((), np.float64(_usual_wait(ratings))),
        "rating_late": (
            ("draw", "rating_days"),
            effects["late"] @ form.columns(days).T if len(days) else np.zeros((draws, 0)),
        ),
        "rating_late_days": (("rating_days",), days),
        "rating_late_unknown": (("draw",), effects["unknown"].sum(axis=1)),
        "rating_touchpoint": (
            ("draw", "place"),
            _spread(effects["touchpoint"], ratings.place, len(journey.place_names)),
        ),
        "rating_persona": (("draw", "persona"), _spread(effects["persona"], ratings.persona, len(journey.personas))),
        "rating_share": (("draw", "rating_cell"), share),
        "rating_wait_of": (("rating_cell",), ratings.wait),
        "rating_late_of": (("rating_cell",), ratings.late),
        "rating_persona_of": (("rating_cell",), np.array(journey.persona_names, dtype=object)[ratings.persona]),
        "rating_place_of": (("rating_cell",), np.array(journey.place_names, dtype=object)[ratings.place]),
        "rating_link_of": (("rating_cell",), links[ratings.link]),
    }


def _shares(ratings: Ratings, seed: int, draws: int) -> Floats:
    """Return the share of each cell among ratings: the Bayesian bootstrap (Rubin 1981) of what the weights are worth."""
    total = ratings.count.sum(axis=1)
    weights = total * total.sum() / ratings.squares.sum()
    return dirichlet(weights, seed, draws, [("rating cell", str(i)) for i in range(len(weights))])


def _spread(effects: Floats, codes: np.ndarray[tuple[int, ...], np.dtype[np.int64]], size: int) -> Floats:
    """Return effects at their positions, 0 elsewhere, shape (draw, size)."""
    out = np.zeros((len(effects), size))
    if effects.shape[1]:
        out[:, np.unique(codes)] = effects
    return out


def _grid(late: Floats) -> Floats:
    """Return days late at which the effect is tabulated, evenly on its own scale, 0 among them."""
    known = late_scale(late[np.isfinite(late)])
    grid = np.union1d(np.linspace(known.min(), known.max(), _GRID), [0.0])
    return np.asarray(np.sign(grid) * np.expm1(np.abs(grid)))


def _notes(ratings: Ratings, fit: OrdinalFit, form: Lateness) -> Iterator[str]:
    answers = ratings.count.sum()
    mean = float(ratings.count.sum(axis=0) @ ratings.levels / answers)
    scale = f"{ratings.levels[0]:g} to {ratings.levels[-1]:g}"
    weighted = "" if np.allclose(ratings.count, np.round(ratings.count)) else " (weighted)"
    yield f"{answers:.0f} ratings{weighted} from {scale}, {mean:.2f} on average"
    if form.name == "no effect" and np.isfinite(ratings.late).any():
        yield "how late something came makes no difference to ratings that would predict them better"
    if _columns(ratings, form)["wait"].shape[1]:
        low, high = np.quantile(fit.effects[:, 0] * np.log(2.0), [0.05, 0.95])
        yield f"twice the wait multiplies the odds of a better rating by {np.exp(low):.2f} to {np.exp(high):.2f} (90 %)"
    yield ("a comparison gives the expected rating of every arm: waits change with the arm's dwells, while who rates what "
           "stays as in the log")  # fmt: skip
