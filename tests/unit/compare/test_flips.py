from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare.flips import flips_of, kinds_of
from journeysim.compare.luck import lives_of
from journeysim.model.changes import Terms
from journeysim.model.quantity import Fixed
from outcomes_builder import bank_arms, bank_outcomes, lives_of_world, more_calls


@pytest.fixture(scope="module")
def lives():
    return lives_of_world(bank_arms()[0].worlds[0])


def flips(proposal):
    outcomes = bank_outcomes(proposal)
    today, own = (lives_of(arm, seed=5) for arm in outcomes.arms)
    return {item.persona: item for item in flips_of(proposal.name, ("small", "large"), today, own)}


def with_fates(lives, ends, days):
    end = np.broadcast_to(np.array(ends, dtype=np.int16), (1, len(ends)))
    one = {"end": end, "convert_time": np.array([days]), "persona": np.zeros_like(end)}
    return replace(lives, draws=np.array([0]), customers=np.arange(len(ends)), **one)


def test_kinds(lives):
    signed, left = lives.places.index("signed"), lives.places.index("left")
    nan = np.nan
    today = with_fates(lives, [signed, left, left, -1, signed], [3.0, nan, nan, nan, 3.0])
    after = with_fates(lives, [left, signed, left, left, signed], [nan, 5.0, nan, nan, 9.0])
    found = {kind: np.flatnonzero(mask[0]).tolist() for kind, mask in kinds_of(today, after).items()}
    assert found == {"saved": [1], "lost": [0], "changed": [3], "unchanged": [2, 4]}


def test_better_arm_saves_and_its_reversal_loses():
    gain, loss = flips(more_calls(2.0))["all"], flips(more_calls(0.5))["all"]
    assert gain.saved > 0.02 > gain.lost == 0.0
    assert loss.lost > 0.02 > loss.saved == 0.0


def test_flips_add_up_to_everybody_and_personas_differ():
    found = flips(more_calls(2.0))
    assert list(found) == ["all", "small", "large"]
    for item in found.values():
        assert item.saved + item.lost + item.changed + item.unchanged == pytest.approx(1.0)
    assert found["small"].saved != found["large"].saved
    share = (bank_outcomes().today.lives[0].persona == 0).mean()
    assert found["all"].saved == pytest.approx(share * found["small"].saved + (1 - share) * found["large"].saved)


def test_only_the_reached_can_flip():
    saved = [flips(more_calls(2.0, terms=Terms(reach=Fixed(share))))["all"].saved for share in (0.0, 0.4, 1.0)]
    assert 0.0 == saved[0] < saved[1] < saved[2]
