from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from journeysim.calibrate import calibrate
from journeysim.calibrate.counts import count_transitions
from journeysim.calibrate.layers.memory import learn_memory, order2_label, previous_of
from journeysim.calibrate.layers.memory.scores import base_rows, score_second_order, score_visits
from journeysim.calibrate.layers.memory.second_order import CentreTarget
from journeysim.calibrate.layers.memory.seen import Seen, seen_at
from journeysim.calibrate.layers.memory.visit_fit import fit_visits, visit_rows
from journeysim.files.draws_store import load_draws, save_draws
from journeysim.model.changes.editing import NewLink, relabel
from journeysim.model.journey import Persona
from journeysim.model.observations import Observations, observe
from journeysim.model.observed.moves_after import FOLDS
from journeysim.model.quantity import Fixed
from memory_worlds import AFTER, FORGETFUL, SHIFT, forgetful, hubs, log_of, second_order, tiring


def seen_of(rows: np.ndarray, sizes: list[int], seed: int = 1, personas: int = 1) -> Seen:
    """Return counts of independent customers, without open spells."""
    stream = np.random.default_rng(seed)
    done = np.zeros((FOLDS, personas, *rows.shape))
    for c, size in enumerate(sizes):
        for f in range(FOLDS):
            done[f, :, c] = stream.multinomial(size // FOLDS, rows[c], size=personas)
    links = rows.shape[1]
    return Seen(
        "hub", tuple("abcd"[: len(sizes)]), tuple("wxyz"[:links]), done, np.zeros((FOLDS, personas, len(sizes), 0)),
        np.empty(0), np.ones((personas, 0, links)), np.full(links, 8 / links), np.ones((personas, links)),
    )  # fmt: skip


ROWS = np.stack(list(AFTER.values()))


def test_rows_without_open_spells_are_the_conjugate_mean():
    seen = seen_of(ROWS, [400, 100, 60])
    centre = np.array([0.1, 0.2, 0.3, 0.4])
    rows = seen.whole.settle(centre, 20.0)
    counts = seen.done.sum(axis=0)
    assert np.allclose(rows[0], (20 * centre + counts) / (20 + counts.sum(axis=-1, keepdims=True)))


def test_order_2_is_scored_on_the_customers_left_out_by_the_closed_form():
    seen = seen_of(ROWS, [400, 100, 60])
    score = score_second_order(seen)
    total = seen.done.sum(axis=0)[0]
    for fold in (0, 7):
        rest = total - seen.done[fold, 0]
        base = (seen.alpha + rest.sum(axis=0)) / (seen.alpha.sum() + rest.sum())
        rows = (score.kappa * base + rest) / (score.kappa + rest.sum(axis=-1, keepdims=True))
        expected = np.sum(seen.done[fold, 0] * (np.log(rows) - np.log(base)))
        assert score.ahead[fold] == pytest.approx(expected, abs=1e-9)


def test_the_density_of_the_common_row_is_dirichlet_multinomial():
    counts = np.array([[[3.0, 1.0, 0.0], [0.0, 2.0, 5.0]]])
    target = CentreTarget(counts, np.ones((1, 3)), np.array([1.0, 2.0, 1.0]))
    points = np.array([[0.2, -0.4, 0.3], [1.0, 0.5, -1.0]])
    logs, kappa = target.parts(points)
    for k in range(2):
        weights = kappa[k] * np.exp(logs[k])
        expected = logs[k] @ target.alpha - 0.5 * points[k, -1] ** 2
        for row in counts[0]:
            expected += np.sum(special.gammaln(weights + row) - special.gammaln(weights))
            expected += special.gammaln(kappa[k]) - special.gammaln(kappa[k] + row.sum())
        assert target.log_density(points)[k] == pytest.approx(expected)


def test_open_spells_are_shared_by_share_times_survival():
    seen = replace(
        seen_of(ROWS[:1, :2] / ROWS[:1, :2].sum(), [0]),
        still=np.full((FOLDS, 1, 1, 1), 10.0), times=np.array([5.0]), curves=np.array([[[0.5, 1.0]]]),
    )  # fmt: skip
    spread = seen.spread(np.array([[[[0.4, 0.6]]]]))
    assert np.allclose(spread[0, 0, 0], [10 * 0.2 / 0.8, 10 * 0.6 / 0.8])


def test_the_visit_effect_is_found_where_counts_are_exact():
    rows = FORGETFUL * np.exp(np.arange(4)[:, None] * SHIFT)
    rows /= rows.sum(axis=1, keepdims=True)
    seen = seen_of(rows, [0, 0, 0, 0])
    exact = np.zeros_like(seen.done)
    exact[:, 0] = 1e4 * rows
    fit = fit_visits(replace(seen, done=exact).whole, 0)
    assert np.allclose(fit.rows[0], rows, atol=1e-3)


def test_a_link_that_a_persona_does_not_have_stays_impossible():
    tilt = np.array([[1.0, 1.0, 0.0]])
    rows = visit_rows(np.array([[0.3, 0.1]]), np.array([0.2, -0.1]), tilt, 3)
    assert np.all(rows[..., 2] == 0)
    assert np.allclose(rows.sum(axis=-1), 1.0)


def test_a_persona_with_few_customers_leans_on_the_others():
    seen = seen_of(ROWS, [4000, 1000, 600], personas=2)
    few = seen.done.copy()
    few[:, 1] = 0
    few[0, 1, 1] = [0, 0, 0, 3]
    rows = base_rows(replace(seen, done=few).whole)[0, :, 0]
    assert np.all(np.abs(rows[1] - rows[0]) < 0.05)


@pytest.fixture(scope="module")
def worlds():
    """Return the map and, by true memory: observations, the order-1 posterior, what the layer found, and both together."""
    journey = hubs(2)
    found = {}
    for name, row in (("order 2", second_order), ("visit effect", tiring), ("order 1", forgetful)):
        observed = observe(log_of(2, 1500, row, seed=4), journey)
        first = calibrate(journey, observed.transitions, seed=1, draws=300).draws
        layer = learn_memory(journey, observed, first.data, seed=1)
        found[name] = observed, first, layer, first.with_data(first.data.assign(layer.variables))
    return journey, found


@pytest.mark.parametrize("name", ["order 2", "visit effect", "order 1"])
def test_the_memory_that_is_there_is_chosen(worlds, name):
    layer = worlds[1][name][2]
    choices = {choice.subject: choice.chosen for choice in layer.choices}
    assert {choices[f'memory at "hub {k}"'] for k in range(2)} == {name}
    assert all(gate.passed for gate in layer.gates)


def test_order_1_is_bit_for_bit_what_it_was(worlds):
    """The layer writes variables of its own, and none at all where nothing is chosen."""
    names = {name: set(found[2].variables) for name, found in worlds[1].items()}
    assert names == {
        "order 2": {"order2_share", "order2"},
        "visit effect": {"visit_start", "visit_effect"},
        "order 1": set(),
    }
    for observed, first, _, _ in worlds[1].values():
        assert first.data.equals(calibrate(worlds[0], observed.transitions, seed=1, draws=300).draws.data)


def test_order_2_rows_add_up_to_one_and_notes_say_that_engines_do_not_use_them(worlds):
    _, _, layer, found = worlds[1]["order 2"]
    rows = found.data["order2_share"]
    labels = [order2_label("shop 0", "hub 0", target) for target in ("ask 0", "shop 0", "buy", "left")]
    assert np.allclose(rows.sel(order2=labels).sum("order2"), 1.0)
    assert any("is ahead of order 1 by" in note for note in layer.notes)


def test_shares_after_visits_are_share_times_shifts(worlds):
    data = worlds[1]["visit effect"][3].data
    at = [f"hub 0 -> {target}" for target in ("ask 0", "shop 0", "buy", "left")]
    share = data["share"].sel(link=at).values[:, 0, 0]
    start, effect = data["visit_start"].sel(link=at).values[:, 0], data["visit_effect"].sel(link=at).values
    assert np.allclose(effect.sum(axis=1), 0.0)
    for earlier in range(4):
        row = share * np.exp(start + earlier * effect)
        row /= row.sum(axis=1, keepdims=True)
        assert np.all(np.abs(row.mean(axis=0) - tiring("", earlier, 0)) < 5 * row.std(axis=0))
    assert np.all(np.isnan(data["visit_effect"].sel(link="ask 0 -> hub 0")))


def test_a_transition_table_alone_has_no_memory(worlds):
    observed, first, _, _ = worlds[1]["order 2"]
    layer = learn_memory(worlds[0], Observations(observed.transitions), first.data, seed=1)
    assert layer.variables == {}


def test_where_customers_differ_for_good_memory_is_not_used_beside_it(worlds):
    observed, first, _, _ = worlds[1]["order 2"]
    data = first.data
    frailty = np.full((data.sizes["draw"], data.sizes["place"]), np.nan)
    frailty[:, [str(name) for name in data["place"].values].index("hub 0")] = 3.0
    layer = learn_memory(worlds[0], observed, data.assign(frailty=(("draw", "place"), frailty)), seed=1)
    assert [choice.chosen for choice in layer.choices] == ["order 1", "order 2"]
    assert any('at "hub 0" order 2 is ahead' in note and "differ for good" in note for note in layer.notes)


def test_only_ways_that_the_map_has_count_as_previous(worlds):
    journey, counts = worlds[0], count_transitions(worlds[1]["order 2"][0].transitions, worlds[0])
    assert previous_of(journey, counts, journey.touchpoint("hub 0")) == ("ask 0", "shop 0", "(enter)")
    assert previous_of(journey, counts, journey.touchpoint("ask 0")) == ("hub 0",)


def test_memory_survives_disk_choice_of_draws_and_a_touchpoint_that_goes(worlds, tmp_path):
    found = worlds[1]["order 2"][3]
    save_draws(tmp_path, found, {})
    again, _ = load_draws(tmp_path)
    assert again.data["order2_share"].equals(found.data["order2_share"])
    assert again.take(np.array([3, 1])).data["order2_share"].shape[0] == 2
    gone = [label for label in found.links if "ask 0" in label]
    fewer = relabel(found, places=[name for name in found.places if name != "ask 0"], drop_links=gone)
    labels = [str(label) for label in fewer.data["order2"].values]
    assert labels
    assert not any("ask 0" in label for label in labels)
    kept = order2_label("shop 0", "hub 0", "buy")
    assert np.array_equal(fewer.data["order2_share"].sel(order2=kept), found.data["order2_share"].sel(order2=kept))


def test_a_new_link_has_no_visit_effect(worlds):
    found = worlds[1]["visit effect"][3]
    more = relabel(found, places=found.places, add=[NewLink("ask 0", "left", "left")])
    assert np.all(np.isnan(more.data["visit_effect"].sel(link="ask 0 -> left")))
    assert np.array_equal(
        more.data["visit_effect"].sel(link="hub 0 -> buy"), found.data["visit_effect"].sel(link="hub 0 -> buy")
    )


def test_counts_of_a_persona_by_fold_add_up_to_the_table():
    journey = replace(hubs(1, personas=2), personas=(Persona("p0", Fixed(0.5)), Persona("p1", Fixed(0.5))))
    observed = observe(log_of(1, 200, second_order, seed=1, personas=2), journey)
    counts = count_transitions(observed.transitions, journey)
    hub = journey.touchpoint("hub 0")
    seen = seen_at(observed.second_order, journey, counts, hub, previous_of(journey, counts, hub))
    for g, persona in enumerate(journey.persona_names):
        for j, target in enumerate(seen.targets):
            assert seen.done[:, g, :, j].sum() == counts.dwells(persona, ("hub 0", target)).size


def test_a_visit_score_needs_no_visit_effect_to_be_finite():
    rows = np.tile(FORGETFUL, (4, 1))
    score = score_visits(seen_of(rows, [400, 100, 60, 20]))
    assert np.all(np.isfinite(score.ahead))
    assert score.margin < 4.0
