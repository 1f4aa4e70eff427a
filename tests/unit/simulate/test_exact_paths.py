"""What whole lives tell, by the exact engine: against maps that remember where customers were, and against walked lives."""

import numpy as np
import pytest

from chains import build_chain, fixed, random_chain, with_arrays
from journeysim.model.dwell import Family
from journeysim.simulate.exact import exact_paths, exact_tally
from journeysim.simulate.exact import paths as module
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_tally
from walk_reference import rich_chain

ROWS = {
    "a": {"b": (0.5, Family.LOGNORMAL, 5, 0.8), "c": (0.2, Family.FIXED, 3.0), "lost": (0.3, Family.WEIBULL, 20, 1.3)},
    "b": {"a": (0.5, Family.GAMMA, 3, 2.5), "c": (0.3, Family.LOGLOGISTIC, 4, 2.5), "lost": (0.2, Family.FIXED, 0.01)},
    "c": {"b": (0.4, Family.EXPONENTIAL, 2), "c": (0.1, Family.FIXED, 0.0), "won": (0.5, Family.LOGNORMAL, 2, 0.5)},
}
EFFORT = {"a": 1.0, "b": 2.5, "c": 0.5, "won": 4.0}
#: Fine, so that paths and the spelled-out map, each on a grid of its own, differ by less than 1e-6.
FINE = Settings(40.0, tolerance=1e-8)


def spelled(place):
    """Return the map with every touchpoint twice: before and after the first visit to a place."""
    rows = {}
    for name, row in ROWS.items():
        if name != place:
            rows[name] = {to + "!" if to == place else to: move for to, move in row.items()}
        rows[name + "!"] = {to if to in ("won", "lost") else to + "!": move for to, move in row.items()}
    return rows


@pytest.mark.parametrize("place", ["b", "c"])
def test_reach_equals_a_map_that_remembers_the_visit(place):
    chain = build_chain(ROWS, outcomes=["won", "lost"], converts=["won"])
    tally, _ = exact_tally(chain, FINE)
    found = exact_paths(chain, FINE, tally).reached[0, 0, list(ROWS).index(place)]
    other = build_chain(spelled(place), outcomes=["won", "lost"], converts=[place + "!"])
    np.testing.assert_allclose(found, exact_tally(other, FINE)[0].converted.item(), rtol=1e-6)


def walked_and_exact(chain, settings, customers):
    tally, _ = exact_tally(chain, settings)
    walked, error = walk_tally(chain, settings, seed=20261126, customers=customers)
    return exact_paths(chain, settings, tally), walked.paths, error.customers


@pytest.mark.parametrize("world", ["plain", "converts on the way", "tenure and personas", "cohort"])
def test_paths_are_those_of_walked_lives(world):
    """|z| < 4.75 of about 40 figures a world: false alarm below 1e-4 each; 1 % of a reach of a half is 6 errors off."""
    marks = {"outcomes": ["won", "lost"], "effort": EFFORT}
    rows = (
        ROWS if world != "cohort" else {n: {to: fixed(m[0], 1.0) for to, m in row.items()} for n, row in ROWS.items()}
    )
    if world == "tenure and personas":
        chain = rich_chain(5)
        chain = with_arrays(chain, today_share=chain.share, coupled=np.zeros_like(chain.coupled))
    else:
        chain = build_chain(
            rows, converts=["c" if world == "converts on the way" else "won"], entry={"a": 0.7, "b": 0.3}, **marks
        )
    found, lived, count = walked_and_exact(chain, Settings(12.0), 300_000)
    for name in ("reached", "bounced"):
        p, seen = getattr(found, name), getattr(lived, name)
        size = count.reshape(count.shape + (1,) * (p.ndim - 2))
        assert (np.abs(p - seen) <= 4.75 * np.sqrt((p * (1 - p)).clip(0) / size) + 2e-4 * p + 1e-9).all(), name
    for name, spread in (("touches_to_convert", 4.0), ("effort_to_convert", 12.0)):
        e, seen = getattr(found, name), getattr(lived, name)
        assert (np.abs(e - seen) <= 4.75 * spread / np.sqrt(count) + 1e-9).all(), name


def test_a_touchpoint_nobody_comes_back_to_needs_no_layer_and_a_stage_is_reached_once(monkeypatch):
    line = {"a": {"b": 0.8, "lost": 0.2}, "b": {"c": 0.5, "lost": 0.5}, "c": {"won": 1.0}}
    chain = build_chain(line, outcomes=["won", "lost"], converts=["won"])
    chain = with_arrays(chain, stages=("first", "then"), stage=np.array([0, 0, 1]))
    asked = []
    real = module.path_sums
    monkeypatch.setattr(
        module, "path_sums", lambda *args, **rest: asked.append(len(rest["apart"])) or real(*args, **rest)
    )
    tally, _ = exact_tally(chain, Settings(10.0))
    found = exact_paths(chain, Settings(10.0), tally)
    assert set(asked) == {0}
    np.testing.assert_allclose(found.reached[0, 0], [1.0, 0.8, 0.4, 0.4, 0.6], rtol=1e-12)
    np.testing.assert_allclose(found.staged[0, 0], [1.0, 0.4], rtol=1e-12)
    np.testing.assert_allclose([found.bounced.item(), found.touches_to_convert.item()], [0.2, 1.2], rtol=1e-12)


def test_maps_where_walking_is_cheaper_are_walked(monkeypatch):
    chain = random_chain(3, draws=2, personas=1, touchpoints=6, out_degree=3)
    tally, _ = exact_tally(chain, Settings(30.0))
    assert exact_paths(chain, Settings(30.0), tally) is not None
    monkeypatch.setattr(module, "MOST_LINKS", 10)
    assert exact_paths(chain, Settings(30.0), tally) is None
