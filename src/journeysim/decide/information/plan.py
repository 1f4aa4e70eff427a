"""The test plan: which assumption to test first, on how many customers, how long that takes, and what it leaves.

A study of n takes n customers (2 n for the two arms of an A/B test, of a share or of times) as they arrive at the
touchpoint it is about. Its value counts for the months that are left then. While it runs the proposal under test waits,
and the best choice without it is started: what the proposal would have added in those months is lost. So

    net gain(n) = EVSI(n) (1 - T / H) - (E[best now] - E[best now without it]) T / H - set-up - price x customers

with T the months it takes and H those of the money horizon. A test is worth making where its best size leaves more than
the standard error of its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.compare.streams import ASSUMED_ARRIVALS
from journeysim.decide.decision import Experiment, Trial
from journeysim.decide.drivers.groups import Group
from journeysim.decide.drivers.smooth import smooth
from journeysim.decide.information.studies import TWO_ARMS, Study, ab_test, ab_timing, evsi, pilot, survey
from journeysim.decide.information.value import evpi, mean_error
from journeysim.model.arms import Arm
from journeysim.model.changes.base import persona_mask
from journeysim.model.changes.dwells import ScaleDwell
from journeysim.model.changes.rewards import ChangeReward
from journeysim.model.changes.shares import AdjustShare, resized
from journeysim.model.draws import Draws, tables_of
from journeysim.model.dwell import quantile_by_draw
from journeysim.model.journey import link_id, split_link
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money, Proposal
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.tally import Tally

FEWEST: Final = 50
SIZES: Final = 16
#: A study may take half the money horizon at most.
LONGEST: Final = 0.5
#: Spread of single customers' feelings on the scale from -1 to 1 where a survey asks for them (MODEL section 2).
FEELING_SD: Final = 0.5
#: Quantiles that a dwell is taken at, and the shortest time (days) whose log counts.
_POINTS: Final = 200
_SHORTEST: Final = 1e-6


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Testable:
    """A study of one assumption, and how many customers a month it could have."""

    assumption: str
    study: Study
    per_month: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What may be chosen besides today: the members of each bundle, and its net benefit per draw (D, P)."""

    members: tuple[tuple[str, ...], ...]
    nets: Floats

    def best(self, *, without: str = "") -> float:
        """Return the highest expected net benefit, today's 0 among them, of choices without that proposal."""
        means = [
            float(net.mean()) for names, net in zip(self.members, self.nets.T, strict=True) if without not in names
        ]
        return max(0.0, *means, 0.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stakes:
    """What a test is for: the choices, the proposal it is about, months of the horizon, prices."""

    choices: Choices
    proposal: str
    months: int
    money: Money
    seed: int


def tests_of(
    proposal: Proposal, arm: Arm, today: tuple[Draws, Tally], groups: Sequence[Group], stakes: Stakes
) -> Iterator[Experiment]:
    """Yield what a test of each of a proposal's own assumptions could bring, for those that a study can measure."""
    known = {group.name: group for group in groups}
    for item in _testable(proposal, arm, *today):
        if item.assumption in known:
            yield _test(proposal.name, item, known[item.assumption], stakes)


def worth_first(tests: Sequence[Experiment]) -> list[Experiment]:
    """Return the tests by what they leave at their best size, most first; those that leave nothing last."""
    return sorted(tests, key=lambda item: (-(item.best.net_gain if item.best else 0.0), -item.evppi))


def _test(proposal: str, item: _Testable, group: Group, stakes: Stakes) -> Experiment:
    nets = stakes.choices.nets
    fitted = smooth(group.directions, nets)
    means = fitted.values if fitted.explained.any() else np.broadcast_to(nets.mean(axis=0), nets.shape)
    trials = tuple(_trial(item, means, n, stakes) for n in sizes(item, stakes.months))
    best = max(trials, key=lambda trial: trial.net_gain, default=None)
    return Experiment(
        proposal, item.assumption, item.study.kind, min(evpi(means), evpi(nets)), trials,
        best if best is not None and best.net_gain > mean_error(means) else None,
    )  # fmt: skip


def sizes(item: _Testable, months: int) -> list[int]:
    """Return the sizes that are tried: from few to what arrives in the longest time, in round numbers."""
    arms = 2 if item.study.kind in TWO_ARMS else 1
    most = item.per_month * months * LONGEST / arms
    if most < FEWEST:
        return []
    spaced = np.geomspace(FEWEST, most, SIZES)
    return list(dict.fromkeys(_round(n) for n in spaced if _round(n) <= most))


def _round(number: float) -> int:
    """Return a number with two significant digits."""
    step = 10 ** max(0, int(np.floor(np.log10(number))) - 1)
    return int(round(number / step) * step)


def _trial(item: _Testable, means: Floats, n: int, stakes: Stakes) -> Trial:
    customers = n * (2 if item.study.kind in TWO_ARMS else 1)
    months = customers / item.per_month
    part = months / stakes.months
    waits = stakes.choices.best() - stakes.choices.best(without=stakes.proposal)
    value = evsi(item.study, means, n, seed=stakes.seed).evppi
    cost = stakes.money.test_setup + stakes.money.test_per_customer * customers
    return Trial(n, value, months, cost, float(value * (1 - part) - waits * part - cost))


def _testable(proposal: Proposal, arm: Arm, draws: Draws, tally: Tally) -> Iterator[_Testable]:
    """Yield the studies that can measure a proposal's numbers: by the change they belong to."""
    numbers = {item.name: item.values for item in arm.assumptions}
    for change in proposal.changes:
        for setting in change.quantities:
            name = f"{proposal.name}: {change.title}, {setting}"
            if name in numbers and isinstance(change, AdjustShare):
                yield _of_share(name, change, numbers[name], draws, tally)
            elif name in numbers and isinstance(change, ScaleDwell):
                yield _of_dwell(name, change, numbers[name], draws, tally)
            elif name in numbers and isinstance(change, ChangeReward) and change.what == "feeling":
                arriving = _per_month(draws, tally, change.target, change.terms.personas)
                yield _Testable(name, survey(numbers[name], FEELING_SD), arriving)
    for exposure in arm.exposures:
        name = f"{proposal.name}: for whom ({exposure.name})"
        if name in numbers:
            yield _Testable(name, pilot(numbers[name]), float(_arrivals(draws).mean()))


def _of_share(name: str, change: AdjustShare, sizes: Floats, draws: Draws, tally: Tally) -> _Testable:
    """Return the A/B test of a changed share: those whom it is for, at the touchpoint, before and after."""
    at = draws.links.index(link_id(change.source, change.target))
    weight = draws.values("persona_share") * persona_mask(draws, change.terms.personas)
    share = draws.values("share")[:, :, -1:, at]
    new = resized(share, change.how, sizes)
    control, treated = ((part[..., 0] * weight).sum(axis=1) / weight.sum(axis=1) for part in (share, new))
    return _Testable(name, ab_test(control, treated), _per_month(draws, tally, change.source, change.terms.personas))


def _of_dwell(name: str, change: ScaleDwell, factor: Floats, draws: Draws, tally: Tally) -> _Testable:
    """Return the A/B test of a dwell: customers who leave the touchpoint, by that link where one is named."""
    links = [k for k, label in enumerate(draws.links) if change.target in (None, split_link(label)[1])
             and split_link(label)[0] == change.source]  # fmt: skip
    reached = draws.values("persona_share") * persona_mask(draws, change.terms.personas)
    weight = reached[..., None] * draws.values("share")[:, :, -1, links]
    leaving = float((weight.sum(axis=(1, 2)) / reached.sum(axis=1)).mean())
    arriving = _per_month(draws, tally, change.source, change.terms.personas)
    return _Testable(name, ab_timing(factor, _sd_of_logs(draws, links, weight)), arriving * min(leaving, 1.0))


def _sd_of_logs(draws: Draws, links: Sequence[int], weight: Floats) -> Floats:
    """Return how far the log of single customers' dwells spreads over links, by draw (D,); `weight` is (D, G, L)."""
    at = (np.arange(_POINTS) + 0.5) / _POINTS
    families, tables = np.asarray(draws.data["family"].values), tables_of(draws.data)
    scale, shape = (draws.values(name)[:, :, -1, :, None] for name in ("dwell_a", "dwell_b"))
    days = [quantile_by_draw(families[:, k], scale[:, :, k], shape[:, :, k], at, tables) for k in links]
    logs = np.log(np.maximum(np.stack(days, axis=2), _SHORTEST))
    part = np.broadcast_to((weight / weight.sum(axis=(1, 2), keepdims=True))[..., None] / _POINTS, logs.shape)
    mean = (part * logs).sum(axis=(1, 2, 3))
    return np.asarray(np.sqrt(np.maximum((part * logs**2).sum(axis=(1, 2, 3)) - mean**2, 0.0)))


def _per_month(draws: Draws, tally: Tally, place: str, personas: tuple[str, ...]) -> float:
    """Return how many customers a month come to a touchpoint; one who comes again counts once."""
    chance = np.minimum(tally.visits[..., tally.touchpoints.index(place)], 1.0)
    weight = draws.values("persona_share") * persona_mask(draws, personas)
    return float((_arrivals(draws) * (chance * weight).sum(axis=1)).mean())


def _arrivals(draws: Draws) -> Floats:
    per_day = draws.values("arrivals")
    return np.where(np.isnan(per_day), ASSUMED_ARRIVALS, per_day * DAYS_PER_MONTH)
