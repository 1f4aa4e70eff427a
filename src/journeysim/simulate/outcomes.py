"""Outcomes: everything a run computed, arm by arm, world by world, with the engine that was used and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.long_run import LongRun, mixed
from journeysim.simulate.money import MoneyMoments
from journeysim.simulate.money import mixed as mixed_money
from journeysim.simulate.precision import Precision
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally, mix_worlds
from journeysim.simulate.underway import Sums, Underway

EngineName = Literal["exact", "walk", "service"]


@final
@dataclass(frozen=True, slots=True)
class Engine:
    """Which engine gave the expected metrics, why, and how accurate it says it is: see `ExactReport`.

    `luck` is the relative error of standard deviations between customers of their money (`MoneyMoments`).
    """

    name: EngineName
    why: str
    step_days: float = 0.0
    error: float = 0.0
    timing: float = 0.0
    luck: float = 0.0


@final
@dataclass(frozen=True, slots=True)
class Agreement:
    """One metric of one world by both engines in the same draws: difference in Monte Carlo standard errors."""

    arm: str
    metric: str
    exact: float
    walk: float
    z: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What customers who share staff do once nothing turns any more: their tally, how many come per day, and who.

    `arrivals` has shape (D,), `persona_shares` (D, G).
    """

    tally: Tally
    arrivals: Floats
    persona_shares: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Crowded:
    """An arm at one realism where customers share staff: fully in force, its customers' lives, and its months.

    `turning` holds what is added to today by calendar month from day 0 until nothing turns any more: value, cost and
    conversions, (D, M) each. From then on a month is as in `end` (None: as today again), or where months differ (`yearly`) as
    the one a year before.
    """

    realism: float
    full: Settled
    lives: Lives
    turning: Sums
    end: Settled | None
    yearly: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class ArmOutcomes:
    """One arm's results: a tally per world (all draws) and lives per world (the same customers, some draws).

    Where customers share staff worlds cannot be told apart: a proposal has `crowds` by realism instead (those of its grid,
    1, and 0 where its staff act on customers who do not answer). `underway` is what customers on the way bring when the
    arm's worlds change; None where they are not followed and live on in the world they entered. `long_runs` is empty where
    a world has no answer without a horizon, `money` where it has none by the exact engine. `year` is what today's customers
    bring in each of twelve months from day 0, where they share staff and months differ.
    """

    arm: Arm
    tallies: tuple[Tally, ...]
    lives: tuple[Lives, ...]
    underway: Underway | None = None
    long_runs: tuple[LongRun, ...] = ()
    crowds: tuple[Crowded, ...] = ()
    year: Sums | None = None
    money: tuple[MoneyMoments, ...] = ()

    def persona_shares(self, realism: float = 1.0) -> Floats:
        """Return the persona mix of entering customers, shape (D, G)."""
        if self.crowds:
            return self.crowd(realism).full.persona_shares
        return np.asarray(sum(self.joint(realism)))

    def crowd(self, realism: float) -> Crowded:
        """Return the crowd that was run at a realism."""
        return next(item for item in self.crowds if item.realism == realism)

    def cohort(self, realism: float = 1.0) -> Tally:
        """Return the tally by persona of customers who enter once the proposal is fully in force (D, G)."""
        return self.crowd(realism).full.tally if self.crowds else mix_worlds(self.tallies, self._parts(realism))

    def long_run(self) -> LongRun | None:
        """Return the long run by persona of customers who enter once the proposal is fully in force; None without one."""
        return mixed(self.long_runs, self._parts(1.0)) if self.long_runs else None

    def money_moments(self) -> MoneyMoments | None:
        """Return the moments of one customer's money by persona, once the proposal is fully in force; None without any."""
        return mixed_money(self.money, self._parts(1.0)) if self.money else None

    def _parts(self, realism: float) -> list[Floats]:
        """Return which part of each persona lives in which world: one (D, G) array per world."""
        joint = self.joint(realism)
        total = sum(joint)
        with np.errstate(divide="ignore", invalid="ignore"):
            return [np.where(total > 0, part / total, 1.0 / len(joint)) for part in joint]

    def world_weights(self, exposed: Sequence[Floats], realism: float) -> list[Floats]:
        """Return each world's weight given exposure shares of one shape; the first world (today) takes what realism leaves."""
        full = self.arm.weights(exposed)
        return [realism * weight + (1.0 - realism if k == 0 else 0.0) for k, weight in enumerate(full)]

    def joint(self, realism: float) -> list[Floats]:
        """Return P(world, persona) per draw: one (D, G) array per world."""
        weights = self.world_weights([exposure.reach for exposure in self.arm.exposures], realism)
        shares = [world.draws.values("persona_share") for world in self.arm.worlds]
        return [weight[:, None] * share for weight, share in zip(weights, shares, strict=True)]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What a run computed; the first arm is today. `warnings` are sentences for people.

    `customers` is how many were asked for per draw, or walked where the walk is what counts; `precision` says how
    precise that made the differences (None where nobody is sampled).
    """

    arms: tuple[ArmOutcomes, ...]
    settings: Settings
    seed: int
    engine: Engine
    agreement: tuple[Agreement, ...] = ()
    warnings: tuple[str, ...] = ()
    customers: int | None = None
    precision: Precision | None = None

    @property
    def today(self) -> ArmOutcomes:
        """Today's arm."""
        return self.arms[0]

    @property
    def proposals(self) -> tuple[ArmOutcomes, ...]:
        """The proposals' arms."""
        return self.arms[1:]
