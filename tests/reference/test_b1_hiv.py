"""b1: HIV monotherapy against combination therapy (Chancellor 1997): an effect and a drug that last two years."""

import json
from dataclasses import replace

import pytest

from cohorts import CYCLE, run
from journeysim.model.journey import JourneyMap, Link, Outcome, Reward, Row, Tenure, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.units import DAYS_PER_YEAR

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "b1_hiv_chancellor_briggs.json").read_text())


def row(case, state, *, rr, drugs):
    """One state's links; money and life years are counted at the end of each year, so they belong to the moves."""
    inputs, states = case["inputs"], case["inputs"]["states"]
    counts = inputs["transition_counts"][states.index(state)]
    total, found, staying = sum(counts), [], 1.0
    for target, count in zip(states, counts, strict=True):
        if target != state and count > 0:
            found.append((target, rr * count / total))
            staying -= rr * count / total
    found.append((state, staying))
    return tuple(
        Link(
            target,
            Fixed(share),
            CYCLE,
            value=Reward(Fixed(float(target != "D"))),
            cost=Reward(Fixed(inputs["cost_health"][states.index(target)] + drugs if target != "D" else 0.0)),
        )
        for target, share in found
    )


def therapy(case, *, combined):
    inputs = case["inputs"]
    alone = inputs["cost_zidovudine"]
    both = Tenure(inputs["rr_years"] * DAYS_PER_YEAR, Row())

    def touchpoint(state):
        base = Touchpoint(state, row(case, state, rr=1.0, drugs=alone))
        if not combined:
            return base
        links = row(case, state, rr=inputs["rr"], drugs=alone + inputs["cost_lamivudine"])
        return replace(base, by_tenure=(replace(both, row=Row(links=links)),))

    return JourneyMap(
        name="hiv",
        touchpoints=tuple(touchpoint(state) for state in "ABC"),
        outcomes=(Outcome("D"),),
        entry=(("A", Fixed(1.0)),),
    )


def tally(case, *, combined, cycles=None):
    inputs = case["inputs"]
    years = inputs["cycles"] if cycles is None else cycles
    outcomes = run(
        therapy(case, combined=combined),
        horizon=(years + 0.5) * DAYS_PER_YEAR,
        discount_cost=inputs["discount_cost"],
        discount_value=inputs["discount_effect"],
    )
    return outcomes.today.cohort()


def test_costs_life_years_and_their_ratio(case):
    found = {name: tally(case, combined=name == "comb") for name in ("mono", "comb")}
    for name, figures in found.items():
        assert figures.cost_pv.item() == pytest.approx(case["expected"][name]["cost_total"], rel=1e-9)
        assert figures.value_pv.item() == pytest.approx(case["expected"][name]["life_year"], rel=1e-9)
    extra_cost = found["comb"].cost_pv.item() - found["mono"].cost_pv.item()
    extra_life = found["comb"].value_pv.item() - found["mono"].value_pv.item()
    assert extra_cost / extra_life == pytest.approx(case["expected"]["icer"], rel=1e-9)


@pytest.mark.parametrize("combined", [False, True])
@pytest.mark.parametrize("cycle", [1, 2, 3])
def test_the_trace_while_the_effect_lasts_and_after(case, combined, cycle):
    published = case["expected"]["trace_comb_first4" if combined else "trace_mono_first4"][cycle]
    now, before = (tally(case, combined=combined, cycles=k) for k in (cycle, cycle - 1))
    assert (now.visits - before.visits)[0, 0, :3] == pytest.approx(published[:3], abs=1e-9)
    assert now.ends.item() == pytest.approx(published[3], abs=1e-9)
