"""What became of those who entered since: a run's arm, run again for as long as each customer has been watched.

Given who entered and when, every customer of a persona has by their age come to each touchpoint, ended in each outcome that
leaves an event, converted, and paid, with a chance (or an expected sum) that the arm's draws give at a few ages; between
these it is a straight line. What a month of entries brings is then a sum over customers: binomial for counts, and for
sums and days about normal with the spread of single customers. Ends that leave no event are not seen, so not held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import numpy as np

from journeysim.decide.forecast import SAMPLE, Came, came_of
from journeysim.model.addresses import name_key
from journeysim.model.event_log import Bools, EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.paths import conversions
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.visits import Visits, visits_of
from journeysim.simulate.tally import Tally

#: Ages at which the arm is run again.
AGES: Final = 9
#: The first of them, as part of the oldest: who has just entered is where the map lets them enter.
JUST_ENTERED: Final = 1e-4
#: Cells of like age that customers are counted in.
CELLS: Final = 10
#: Customers of a persona below which nothing is held against what came.
FEWEST: Final = 20
REACHED, ENDED, CONVERTED, PAID, DAYS = "reached", "ended", "converted", "paid", "days_to_convert"

#: An age in days in, the arm's tally up to then out.
UpTo = Callable[[float], Tally]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Entered:
    """Customers whose first visit falls on or after a day, one row each, watched until the log's end.

    `age` are days watched, `weight` how many customers each stands for, `reached` (n, places) where they were seen,
    `convert` the day since entry on which they converted (NaN: not yet) and `paid` the sum of their values (NaN without any
    value in the log).
    """

    persona: Ints
    age: Floats
    weight: Floats
    reached: Floats
    convert: Floats
    paid: Floats


def entered_since(log: EventLog, journey: JourneyMap, start: np.datetime64) -> Entered:
    """Return the customers who entered since a moment."""
    visits = visits_of(log, journey)
    whose, first = np.cumsum(visits.first) - 1, np.flatnonzero(visits.first)
    since = float((log.cut_off - start.astype("datetime64[us]")) / np.timedelta64(86_400_000_000, "us"))
    kept = np.flatnonzero((visits.day[first] >= -since) & (visits.place[first] < len(journey.touchpoints)))
    reached = np.zeros((len(first), len(journey.place_names)))
    reached[whose, visits.place] = 1.0
    convert = np.full(len(first), np.nan)
    rows = np.flatnonzero(conversions(journey)[visits.place])[::-1]
    convert[whose[rows]] = visits.day[rows] - visits.day[first][whose[rows]]
    paid = _paid(log, journey, visits, whose)
    return Entered(
        visits.persona[first][kept], -visits.day[first][kept], visits.weight[first][kept], reached[kept],
        convert[kept], paid[kept],
    )  # fmt: skip


def _paid(log: EventLog, journey: JourneyMap, visits: Visits, whose: Ints) -> Floats:
    """Return the sum of each customer's values, NaN where the log has no values."""
    customers = int(whose.max(initial=-1)) + 1
    if log.value is None:
        return np.full(customers, np.nan)
    visit = visit_of_rows(visits, log, journey)
    told = (visit >= 0) & np.isfinite(log.value)
    return np.bincount(whose[visit[told]], log.value[told], minlength=customers).astype(np.float64)


def became(entered: Entered, journey: JourneyMap, up_to: UpTo, *, horizon: float, seed: int) -> Iterator[Came]:
    """Yield what became of the customers of each persona, beside what the arm foretold.

    Parameters
    ----------
    up_to : callable
        The arm's tally within a horizon of so many days, personas in the map's order.
    horizon : float
        Days that the run followed a customer for: who has been watched longer is left out.
    """
    watched = entered.age <= horizon
    oldest = float(entered.age[watched].max(initial=0.0))
    if oldest <= 0.0:
        return
    ages = oldest * np.maximum(np.linspace(0.0, 1.0, AGES) ** 2, JUST_ENTERED)
    tallies = [up_to(float(age)) for age in ages]
    for number, persona in enumerate(journey.persona_names):
        own = np.flatnonzero(watched & (entered.persona == number))
        if len(own) >= FEWEST:
            part = Entered(*(getattr(entered, name)[own] for name in Entered.__slots__))
            yield from _of_persona(part, _Ages(ages, tallies, number), journey, persona, seed=seed)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Ages:
    """One persona's expected figures at a few ages."""

    ages: Floats
    tallies: Sequence[Tally]
    persona: int

    def at(self, age: Floats, figure: Callable[[Tally], Floats]) -> Floats:
        """Return a figure (D, G) of tallies at each customer's age, (D, n)."""
        known = np.stack([figure(tally)[:, self.persona] for tally in self.tallies], axis=1)
        above = np.clip(np.searchsorted(self.ages, age), 1, len(self.ages) - 1)
        part = (age - self.ages[above - 1]) / (self.ages[above] - self.ages[above - 1])
        part = np.clip(part, 0.0, 1.0)
        return np.asarray(known[:, above - 1] + part * (known[:, above] - known[:, above - 1]))

    def converted_before(self, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Return P(converts by each age), and the integrals of t and of t squared over those who do, (D, n) each."""
        last = self.tallies[-1]
        days, curve = last.marks, last.converted_by[:, self.persona]
        width = np.diff(days)
        middle, new = (days[1:] + days[:-1]) / 2, np.diff(curve, axis=1)
        moments = [np.hstack([curve[:, :1] * 0, np.cumsum(new * middle**power, axis=1)]) for power in (0, 1, 2)]
        moments[0] = moments[0] + curve[:, :1]
        low = np.clip(np.searchsorted(days, age, side="right") - 1, 0, len(width) - 1)
        part = np.clip((age - days[low]) / width[low], 0.0, 1.0)
        chance, first, second = (
            np.asarray(item[:, low] + part * (item[:, low + 1] - item[:, low])) for item in moments
        )
        return chance, first, second


def _of_persona(own: Entered, ages: _Ages, journey: JourneyMap, persona: str, *, seed: int) -> Iterator[Came]:
    def rng(*names: str) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("became", persona, *names)]))

    chances = ages.at(own.age, lambda tally: tally.converted)
    came = _total(np.isfinite(own.convert), own)
    yield came_of(CONVERTED, _counted(chances, own, rng(CONVERTED)), came, persona=persona)
    for metric, place, figure in _places(ages.tallies[-1], journey):
        sample = _counted(ages.at(own.age, figure), own, rng(metric, place))
        came = _total(own.reached[:, journey.place_names.index(place)], own)
        yield came_of(metric, sample, came, persona=persona, place=place)
    if np.isfinite(own.paid).all():
        sums = ages.at(own.age, lambda tally: tally.value)
        yield came_of(PAID, _summed(sums, own, rng(PAID)), _total(own.paid, own), persona=persona)
    if np.isfinite(own.convert).sum() >= FEWEST:
        converted = np.isfinite(own.convert)
        mean = float(np.average(own.convert[converted], weights=own.weight[converted]))
        yield came_of(DAYS, _mean_days(own, ages, rng(DAYS)), mean, persona=persona)


def _places(last: Tally, journey: JourneyMap) -> Iterator[tuple[str, str, Callable[[Tally], Floats]]]:
    """Yield what is held of each place: its metric, its name, and the figure of a tally."""
    silent = {outcome.name for outcome in journey.outcomes if outcome.silent}
    for k, place in enumerate(last.touchpoints):
        if last.paths is not None and place in journey.place_names:
            yield REACHED, place, partial(_reached, place=k)
    for k, outcome in enumerate(last.outcomes):
        if outcome not in silent:
            yield ENDED, outcome, partial(_ended, end=k)


def _reached(tally: Tally, place: int) -> Floats:
    return tally.visits[..., place] if tally.paths is None else tally.paths.reached[..., place]


def _ended(tally: Tally, end: int) -> Floats:
    return tally.ends[..., end]


def _total(values: Floats | Bools, own: Entered) -> float:
    return float(np.asarray(values, dtype=np.float64) @ own.weight)


def _counted(chances: Floats, own: Entered, rng: np.random.Generator) -> Floats:
    """Return sums of customers to whom it happens, given their chances (D, n): binomial in cells of like age.

    Where customers stand for several, in numbers of their mean weight.
    """
    cells = np.array_split(np.argsort(own.age, kind="stable"), min(CELLS, len(own.age)))
    times = -(-SAMPLE // len(chances))
    found = np.zeros((times, len(chances)))
    for cell in cells:
        found += rng.binomial(len(cell), np.clip(chances[:, cell].mean(axis=1), 0.0, 1.0), size=found.shape)
    return np.asarray(found.ravel() * own.weight.mean())


def _summed(sums: Floats, own: Entered, rng: np.random.Generator) -> Floats:
    """Return sums of what customers pay, given what each is expected to (D, n): normal, single payments as the log has them."""
    paid = float(own.paid.sum())
    size = float((own.paid**2).sum()) / paid if paid > 0 else 0.0
    mean, spread = sums @ own.weight, np.sqrt(np.maximum(sums, 0.0) @ own.weight**2 * size)
    return np.asarray((mean + spread * rng.standard_normal((-(-SAMPLE // len(sums)), len(sums)))).ravel())


def _mean_days(own: Entered, ages: _Ages, rng: np.random.Generator) -> Floats:
    """Return mean days until conversion of so many who have converted by their age, in every draw that lets any convert."""
    chance, first, second = (part @ own.weight for part in ages.converted_before(own.age))
    some = chance > 0
    mean = first[some] / chance[some]
    spread = np.sqrt(np.maximum(second[some] / chance[some] - mean**2, 0.0) / np.isfinite(own.convert).sum())
    return np.asarray((mean + spread * rng.standard_normal((-(-SAMPLE // len(mean)), len(mean)))).ravel())
