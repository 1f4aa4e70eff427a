"""What draws know, written back as a map: it reads back as the same belief, and the next calibration starts from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate import calibrate, prior_draws
from journeysim.calibrate.carried import carried, equivalent_size
from journeysim.files import read_journey
from journeysim.files.journey_writer import write_journey
from journeysim.model.changes.rewards import ChangeReward
from journeysim.model.dwell import Family
from journeysim.model.event_log import EventLog
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import to_transitions
from maps import shop
from worlds import world_log


def test_a_prior_comes_back_through_a_file_as_the_same_prior(tmp_path):
    """Of 4,000 draws: means within a quarter of a standard deviation, spreads within a tenth (errors are 1/60 of it)."""
    draws = prior_draws(shop(), draws=4_000, seed=1)
    known = carried(shop(), draws)
    file = tmp_path / "journey.yaml"
    file.write_text(write_journey(known), encoding="utf-8")
    assert read_journey(file) == known
    again = prior_draws(known, draws=4_000, seed=2)
    for name in ("share", "entry", "persona_share", "dwell_a", "visit_value", "visit_cost", "effort"):
        before, after = draws.values(name), again.values(name)
        spread = before.std(axis=0)
        free = spread > 1e-9
        assert np.allclose(after[:, ~free], before[:, ~free], atol=1e-6), name
        assert np.all(np.abs(after.mean(axis=0) - before.mean(axis=0))[free] < 0.25 * spread[free]), name
        assert np.all(np.abs(np.log(after.std(axis=0)[free] / spread[free])) < 0.1), name


def test_size_of_a_dirichlet_is_found_again():
    row = np.random.default_rng(1).dirichlet(np.array([60.0, 30.0, 10.0]), 20_000)
    assert equivalent_size(row) == pytest.approx(100.0, rel=0.03)
    assert equivalent_size(np.ones((5, 1))) == np.inf


def test_half_the_weight_is_half_the_customers():
    draws = prior_draws(shop(), draws=400, seed=1)
    whole, half = carried(shop(), draws), carried(shop(), draws, weight=0.5)
    for one, other in zip(whole.touchpoints, half.touchpoints, strict=True):
        assert other.seen == pytest.approx(one.seen / 2, rel=1e-3)
        assert other.links == one.links
    with pytest.raises(ValueError, match="above 0"):
        carried(shop(), draws, weight=0.0)


def test_two_halves_one_after_the_other_know_what_the_whole_log_knows():
    """Shares of 4,000 customers in two halves: means within half a posterior sd, sds within a fifth of the whole's."""
    journey = replace(shop(), personas=shop().personas[:1])
    journey = replace(
        journey,
        touchpoints=tuple(replace(item, by_persona=(), seen=8.0) for item in journey.touchpoints),
        personas=(replace(journey.personas[0], share=Fixed(1.0)),),
    )
    log = world_log(journey, 4_000, 200.0, seed=3)
    first = log.customer.codes < 2_000
    whole, early = (calibrate(journey, to_transitions(item, journey)[0], seed=1) for item in (log, _where(log, first)))
    start = carried(journey, early.draws)
    late = calibrate(start, to_transitions(_where(log, ~first), start)[0], seed=1)
    for place in journey.touchpoints:
        at = [k for k, name in enumerate(whole.draws.links) if name.startswith(f"{place.name} -> ")]
        one, other = (item.draws.values("share")[:, 0, 0, at] for item in (whole, late))
        assert np.all(np.abs(one.mean(axis=0) - other.mean(axis=0)) < 0.5 * one.std(axis=0)), place.name
        assert np.all(np.abs(np.log(other.std(axis=0) / one.std(axis=0))) < 0.2), place.name
        alone = early.draws.values("share")[:, 0, 0, at].std(axis=0)
        assert np.all(other.std(axis=0) < 0.85 * alone), place.name


def test_a_changed_reward_and_the_dwell_most_draws_have_are_carried():
    draws = prior_draws(shop(), draws=200, seed=1)
    changed = ChangeReward("cost", "help", "set to", Fixed(9.0)).apply(shop(), draws, {"set to": np.full(200, 9.0)})[1]
    families = np.asarray(changed.data["family"].values).copy()
    at = changed.links.index("cart -> paid")
    families[:90, at] = Family.GAMMA
    changed = replace(changed, data=changed.data.assign(family=(("draw", "link"), families)))
    known = carried(shop(), changed)
    assert known.touchpoint("help").cost.mean == Fixed(9.0)
    assert (
        next(link for link in known.touchpoint("cart").links if link.target == "paid").dwell.family is Family.LOGNORMAL
    )


def _where(log: EventLog, customers: np.ndarray) -> EventLog:
    """Return the log's rows of some customers; what the others did is not known of."""
    keep = {name: replace(value, codes=value.codes[customers]) for name, value in
            (("customer", log.customer), ("touchpoint", log.touchpoint), ("persona", log.persona)) if value}  # fmt: skip
    return replace(log, time=log.time[customers], **keep)
