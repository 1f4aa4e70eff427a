"""Outcomes without an engine: a small bank journey whose tallies follow from the fundamental matrix alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from journeysim.model.arms import Arm, World, build_arms
from journeysim.model.changes import AdjustShare, Terms
from journeysim.model.draws import Assumption, Draws, new_data
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint, split_link
from journeysim.model.quantity import Fixed, Quantity
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally

VALUE_PROFILE = (0.2, 0.5, 0.3)
COST_PROFILE = (0.7, 0.2, 0.1)
LIVES_DRAWS = (0, 3)
CUSTOMERS = 400


def bank() -> JourneyMap:
    day = Dwell(Family.FIXED, Fixed(1.0))
    return JourneyMap(
        name="bank",
        personas=(Persona("small", Fixed(0.6)), Persona("large", Fixed(0.4))),
        touchpoints=(
            Touchpoint("form", (Link("call", Fixed(0.6), day), Link("left", None, day))),
            Touchpoint(
                "call", (Link("signed", Fixed(0.5), day), Link("form", Fixed(0.1), day), Link("left", None, day))
            ),
        ),
        outcomes=(Outcome("signed", conversion=True), Outcome("left", churn=True)),
        entry=(("form", Fixed(1.0)),),
    )


def bank_draws(count: int = 40, *, seed: int = 1, arrivals: float = 20.0, source: str = "posterior") -> Draws:
    """Return draws in which both personas differ in shares, values and costs."""
    rng = np.random.default_rng(seed)
    journey = bank()
    links = ("form -> call", "form -> left", "call -> signed", "call -> form", "call -> left")
    slots = tuple(split_link(link)[1] for link in links)
    data = new_data(
        personas=journey.persona_names, places=journey.place_names, links=links, slots=slots,
        period_ends=(np.inf,), draws=count,
    )  # fmt: skip
    for persona, (first, second) in enumerate([((30, 20), (20, 5, 15)), ((20, 40), (10, 2, 30))]):
        data["share"].values[:, persona, 0, :2] = rng.dirichlet(first, count)
        data["share"].values[:, persona, 0, 2:] = rng.dirichlet(second, count)
    data["dwell_a"].values[...] = 1.0
    data["visit_value"].values[..., 2] = np.array([90.0, 250.0])[None, :, None] * rng.lognormal(0, 0.1, (count, 1, 1))
    data["visit_cost"].values[..., :2] = np.array([[1.0, 7.0], [2.0, 11.0]])[None, :, None, :]
    data["effort"].values[..., :2] = np.array([2.0, 3.0])
    data["entry"].values[..., 0] = 1.0
    data["persona_share"].values[...] = [0.6, 0.4]
    data["arrivals"].values[...] = arrivals
    ledger = tuple(
        Assumption(f"share: {link}", "measured", data["share"].values[:, 0, 0, k]) for k, link in enumerate(links)
    )
    return Draws(data, source, ledger)


def tally_of(world: World) -> Tally:
    """Return a world's tally: visits by the fundamental matrix, time by fixed profiles over three months."""
    journey, draws = world.journey, world.draws
    places, links = journey.place_names, draws.links
    order = [draws.places.index(name) for name in places]
    index = {name: k for k, name in enumerate(places)}
    share, entry = draws.values("share")[:, :, 0], draws.values("entry")[..., order]
    count, personas, n = len(share), share.shape[1], len(journey.touchpoints)
    matrix = np.zeros((count, personas, n, len(places)))
    ends = [tuple(index[name] for name in split_link(link)) for link in links]
    for k, (source, target) in enumerate(ends):
        matrix[..., source, target] += share[..., k]
    inner = np.eye(n) - np.swapaxes(matrix[..., :n], -1, -2)
    at_points = np.linalg.solve(inner, entry[..., :n, None])[..., 0]
    at_ends = np.einsum("dgn,dgnm->dgm", at_points, matrix[..., n:])
    visits = np.concatenate([at_points, at_ends], axis=-1)
    money = {name: visits * draws.values(name)[:, :, 0][..., order] for name in ("visit_value", "visit_cost", "effort")}
    value, cost = money["visit_value"].sum(-1), money["visit_cost"].sum(-1)
    signs = np.array([end.conversion for end in journey.outcomes])
    converted, lost = at_ends[..., signs].sum(-1), at_ends[..., ~signs].sum(-1)
    marks = DAYS_PER_MONTH * np.arange(4.0)
    cumulative = np.concatenate([[0.0], np.cumsum(VALUE_PROFILE)])
    return Tally(
        converted=converted, churned=lost, lost=lost, active=np.zeros_like(lost), ends=at_ends, visits=visits,
        moves=np.stack([visits[..., source] * share[..., k] for k, (source, _) in enumerate(ends)], axis=-1),
        effort=money["effort"].sum(-1), value=value, cost=cost, value_pv=0.95 * value, cost_pv=0.98 * cost,
        value_at=money["visit_value"], cost_at=money["visit_cost"], marks=marks,
        converted_by=converted[..., None] * cumulative, active_at=np.ones((count, personas, 1)) * (1 - cumulative),
        value_month=value[..., None] * VALUE_PROFILE, cost_month=cost[..., None] * COST_PROFILE,
        converted_month=converted[..., None] * VALUE_PROFILE, links=links, touchpoints=journey.touchpoint_names,
        outcomes=journey.outcome_names, personas=journey.persona_names,
    )  # fmt: skip


def lives_of_world(world: World, *, seed: int = 5) -> Lives:
    """Return lives in which the same customers have the same luck in every world: converts when luck < P(converts)."""
    rng, tally = np.random.default_rng(seed), tally_of(world)
    draws = np.array(LIVES_DRAWS)
    shape = (len(draws), CUSTOMERS)
    persona = (rng.random(shape) >= world.draws.values("persona_share")[draws, :1]).astype(np.int16)
    rows = np.broadcast_to(draws[:, None], shape)
    converts = rng.random(shape) < tally.converted[rows, persona]
    places = world.journey.place_names
    end = np.where(converts, places.index("signed"), places.index("left")).astype(np.int16)
    value = np.where(
        converts, world.draws.values("visit_value")[rows, persona, 0, world.draws.places.index("signed")], 0.0
    )
    touches = rng.integers(1, 6, shape).astype(np.int32)
    return Lives(
        draws=draws, customers=np.arange(CUSTOMERS), persona=persona, end=end, end_time=np.full(shape, 20.0),
        convert_time=np.where(converts, 20.0, np.nan), touches=touches, touches_to_convert=touches * converts,
        effort=2.0 * touches, value=value, cost=3.0 * touches, value_pv=0.95 * value, cost_pv=2.9 * touches,
        places=places,
    )  # fmt: skip


def outcomes_of(arms: Sequence[Arm], *, seed: int = 5, engine: str = "exact") -> Outcomes:
    found = tuple(
        ArmOutcomes(
            arm, tuple(tally_of(w) for w in arm.worlds), tuple(lives_of_world(w, seed=seed) for w in arm.worlds)
        )
        for arm in arms
    )
    return Outcomes(found, Settings(3 * DAYS_PER_MONTH, 0.1, 0.03), seed, Engine(engine, "built by hand"))


def more_calls(
    odds: float | Quantity = 1.5, *, name: str = "more calls", terms: Terms | None = None, **changes
) -> Proposal:
    """Return a proposal that multiplies the odds of form -> call (1: it changes nothing)."""
    size = Fixed(odds) if isinstance(odds, float) else odds
    change = AdjustShare("form", "call", "odds x", size, None, terms or Terms())
    return replace(Proposal(name, (change,)), **changes)


def bank_arms(*proposals: Proposal, draws: Draws | None = None, seed: int = 2) -> tuple[Arm, ...]:
    found = bank_draws() if draws is None else draws
    return build_arms(Scenario("bank", bank(), proposals), found, seed=seed)


def bank_outcomes(*proposals: Proposal, draws: Draws | None = None, engine: str = "exact") -> Outcomes:
    return outcomes_of(bank_arms(*proposals, draws=draws), engine=engine)
