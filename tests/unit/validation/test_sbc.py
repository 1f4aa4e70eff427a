"""Simulation-based calibration finds nothing in a right posterior, and finds one too narrow, too wide or shifted.

Worlds with a closed form: truth ~ Normal(0, 1), one observation of sd 1, posterior Normal(y / 2, 1/2).
"""

from __future__ import annotations

import numpy as np
import pytest

from validation.model import Model
from validation.models import MODELS
from validation.models.shares import one_persona
from validation.page import ORDER, PAGE, section, sections, stamp, written
from validation.sbc import RANKED, Worlds, checked, power, ranks, wrong

WORLDS = 600


def worlds(seed: int, *, narrow: float = 1.0, shift: float = 0.0, count: int = WORLDS) -> Worlds:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=count)
    mean, sd = (truth + rng.normal(size=count)) / 2, np.sqrt(0.5)
    return Worlds(truth, mean + sd * (shift + narrow * rng.normal(size=(RANKED, count))))


def test_a_right_posterior_passes():
    """50 runs at a false-alarm rate of 0.1 %: one or more fails in at most 5 %, two or more in 0.12 %."""
    assert sum(bool(wrong(checked({"x": worlds(seed)}))) for seed in range(50)) <= 1


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        pytest.param({"narrow": 0.8}, None, id="20 % too narrow"),
        pytest.param({"narrow": 1.25}, None, id="25 % too wide"),
        pytest.param({"shift": 0.3}, -1, id="0.3 sd too high"),
        pytest.param({"shift": -0.3}, 1, id="0.3 sd too low"),
    ],
)
def test_a_wrong_posterior_is_caught_among_many_right_ones(fault, sign):
    """Beside 19 right quantities, in each of 6 runs: the fault is 7 sd of the mean, or 5 and more of the spread."""
    right = {f"right {i}": worlds(i + 1) for i in range(19)}
    for seed in range(6):
        found = checked(right | {"x": worlds(100 * (seed + 1), **fault)})
        assert any(text.startswith("x: ") for text in wrong(found)), seed
        assert sign is None or np.sign(found[-1].mean) == sign


def test_the_power_is_what_the_page_says():
    """100 runs of 200 worlds, 4 right quantities beside: 90 of 100 caught, 78 to 99 in all but 0.1 % of seeds."""
    says, right = power(200, 5), {f"right {i}": worlds(i + 1, count=200) for i in range(4)}
    for fault in ({"narrow": 1 - says.narrow}, {"shift": says.shift}):
        caught = sum(
            bool(wrong(checked(right | {"x": worlds(seed, count=200, **fault)}))) for seed in range(1000, 1100)
        )
        assert 78 <= caught <= 99, fault


def test_the_figures_say_what_is_wrong():
    narrow, shifted = (
        checked({"x": worlds(1, count=20_000, **fault)})[0] for fault in ({"narrow": 0.8}, {"shift": 0.3})
    )
    # 1 / 0.8 = 1.25, but no truth ranks further out than the last draw: 1.22
    assert narrow.spread == pytest.approx(1.22, abs=0.015)
    # erf(0.8 z / sqrt 2) at z = 0.674, 1.282 and 1.645
    assert narrow.coverage == pytest.approx((0.410, 0.695, 0.812), abs=0.012)
    assert narrow.bias == pytest.approx(0.0, abs=0.04)
    assert shifted.bias == pytest.approx(0.3, abs=0.03)
    assert shifted.spread == pytest.approx(1.0, abs=0.03)


def test_intervals_end_between_two_ranks():
    exact = Worlds(np.arange(RANKED + 1) - 0.5, np.tile(np.arange(float(RANKED))[:, None], (1, RANKED + 1)))
    assert checked({"x": exact})[0].coverage == (0.5, 0.8, 0.9)


def test_ties_are_broken_evenly():
    tied = Worlds(np.zeros(4000), np.zeros((RANKED, 4000)))
    assert checked({"x": tied})[0].p_values[0] > 1e-3
    assert np.ptp(ranks(tied, 1)) > 190


def test_a_calibration_made_too_narrow_is_caught():
    """The product's own draws of 50 worlds, pulled to their median by half, fail; as they are, they pass."""
    found = one_persona(50, seed=1)
    assert wrong(checked(found)) == ()
    middle = {name: np.median(each.draws, axis=0) for name, each in found.items()}
    narrow = {name: Worlds(each.truth, (each.draws + middle[name]) / 2) for name, each in found.items()}
    assert wrong(checked(narrow))


def test_the_page_replaces_what_was_run_and_keeps_the_rest():
    models = [Model(model.name, "About.", model.simulate, 1, 2) for model in MODELS[:2]]
    first, second = (section(model, checked({"x": worlds(i)}), stamp(90.0)) for i, model in enumerate(models))
    page = written({models[1].name: second, models[0].name: first}, "")
    assert list(sections(page)) == [model.name for model in models]
    assert written({models[0].name: first}, page) == page
    assert first.strip() in page
    assert "add up to 3.0 CPU minutes" in page
    assert list(sections(written({}, "## Somebody else's\n" + page))) == [model.name for model in models] + [
        "Somebody else's"
    ]


def test_the_page_has_every_section_in_its_order():
    assert list(sections(PAGE.read_text())) == list(ORDER)
