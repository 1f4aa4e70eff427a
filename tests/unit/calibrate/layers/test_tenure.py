from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import calibrate
from journeysim.calibrate.layers.tenure import cells_of, learn_tenure
from journeysim.calibrate.prior import prior_draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Row, Tenure, Touchpoint
from journeysim.model.observations import Observations
from journeysim.model.observed.by_tenure import ByTenure
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import Transitions

WEEK = Dwell(Family.EXPONENTIAL, Fixed(7.0))
INF = float("inf")


def row(buy: float) -> tuple[Link, ...]:
    """Return links of `use`; nobody buys where buy is 0."""
    links = (Link("buy", Fixed(buy), WEEK), Link("help", Fixed(0.3), WEEK), Link("gone", Fixed(0.7 - buy), WEEK))
    return links if buy else links[1:]


def journey() -> JourneyMap:
    early, late = Tenure(30.0, Row(links=row(0.0))), Tenure(90.0, Row(links=row(0.2)))
    other = Tenure(60.0, Row(links=(Link("use", Fixed(0.9), WEEK), Link("gone", Fixed(0.1), WEEK))))
    return JourneyMap(
        "app",
        (
            Touchpoint("use", row(0.5), by_tenure=(early, late)),
            Touchpoint("help", (Link("use", Fixed(0.5), WEEK), Link("gone", Fixed(0.5), WEEK)), by_tenure=(other,)),
        ),
        (Outcome("buy", conversion=True), Outcome("gone")),
        (("use", Fixed(1.0)),),
        personas=(Persona("old", Fixed(0.6)), Persona("new", Fixed(0.4))),
    )


def table(*rows: tuple[str, str, str, float]) -> Transitions:
    persona, source, target, count = zip(*rows, strict=True) if rows else ((), (), (), ())
    one = np.ones(len(rows))
    return Transitions(Names.of(persona), Names.of(source), Names.of(target), 5 * one, 8 * one, np.array(count))


def by_tenure() -> ByTenure:
    """Period ends are 30, 60, 90 and none; nobody buys before day 30."""
    names = journey()
    rows = [
        [("old", "use", "help", 80.0), ("old", "use", "gone", 20.0), ("old", "help", "use", 9.0)],
        [("old", "use", "buy", 30.0), ("old", "use", "gone", 70.0), ("new", "use", "buy", 2.0)],
        [("old", "use", "buy", 30.0), ("old", "use", "gone", 70.0), ("old", "help", "gone", 9.0)],
        [("old", "use", "buy", 90.0), ("old", "use", "gone", 10.0), ("new", "use", "gone", 1.0)],
    ]
    coded = []
    for period in rows:
        found = table(*period)
        places, people = (*names.place_names, "(open)"), names.persona_names
        coded.append(
            Transitions(
                Names(found.persona.recoded(people), people), Names(found.source.recoded(places), places),
                Names(found.target.recoded(places), places), found.dwell_from, found.dwell_to, found.count,
            )
        )  # fmt: skip
    return ByTenure(names.tenure_ends, tuple(coded))


def observed() -> Observations:
    """Return the same moves with and without tenure."""
    whole: dict[tuple[str, str, str], float] = {("old", "(enter)", "use"): 200.0}
    for period in by_tenure().tables:
        columns = (period.persona, period.source, period.target)
        for k, count in enumerate(period.count):
            key = tuple(column.labels[column.codes[k]] for column in columns)
            whole[key] = whole.get(key, 0.0) + count
    return Observations(table(*((*key, count) for key, count in whole.items())), by_tenure=by_tenure())


def test_touchpoints_with_the_same_periods_become_one_map_of_cells():
    first, second = cells_of(journey(), by_tenure(), frozenset({"gone"}))
    assert (first.journey.touchpoint_names, first.period) == (("use",), (0, 1, 1, 2))
    assert (second.journey.touchpoint_names, second.period) == (("help",), (0, 0, 1, 1))
    assert first.journey.persona_names == tuple(
        f"{who}, until {end}" for who in ("old", "new") for end in (30.0, 90.0, INF)
    )
    assert sum(persona.share.mean for persona in first.journey.personas) == pytest.approx(1.0)
    assert {end.name: end.silent for end in first.journey.outcomes} == {"help": False, "buy": False, "gone": True}
    assert first.transitions.count.sum() == 403
    assert second.transitions.count.sum() == 18


def test_a_transition_table_alone_keeps_the_prior_and_says_so():
    found = calibrate(journey(), observed().transitions, seed=1, draws=50)
    prior = prior_draws(journey(), draws=50, seed=1)
    assert np.array_equal(found.draws.values("share"), prior.values("share"))
    assert sum("differ by tenure, which a log can show" in note for note in found.notes) == 2


@pytest.fixture(scope="module")
def found():
    prior = prior_draws(journey(), draws=200, seed=1)
    return prior, learn_tenure(journey(), observed(), prior.data, seed=1)


def test_every_period_has_a_row_of_its_own_that_adds_up_to_one(found):
    prior, layer = found
    shares = layer.variables["share"][1]
    assert shares.shape == prior.values("share").shape
    assert np.allclose(shares[..., :3].sum(axis=-1), 1.0)
    means = shares.mean(axis=0)[0, :, prior.links.index("use -> buy")]
    assert np.all(np.abs(means - [0.0, 0.3, 0.3, 0.9]) < [1e-9, 0.1, 0.1, 0.1])
    assert np.array_equal(shares[:, :, 1, :3], shares[:, :, 2, :3])  # one period of `use`


def test_a_persona_with_three_customers_stays_near_the_others(found):
    prior, layer = found
    buys = layer.variables["share"][1].mean(axis=0)[1, :, prior.links.index("use -> buy")]
    assert np.all((buys[1:] > 0.2) & (buys[1:] < 0.8))


def test_what_was_given_is_left_alone(found):
    prior, layer = found
    assert np.array_equal(prior.values("share"), prior_draws(journey(), draws=200, seed=1).values("share"))
    assert {gate.name for gate in layer.gates} >= {
        "effective draws of pooled shares, by tenure",
        "Pareto k of pooled shares, by tenure",
    }
    assert "use -> buy" in layer.measured["share"]
