"""Proposals carried out together where customers share staff: every bundle with a queue of its own."""

from __future__ import annotations

from collections.abc import Iterator

from journeysim.model.bundles import Bundles
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.outcomes import Crowded, Outcomes
from journeysim.simulate.service.arms import crowded
from journeysim.simulate.service.crowd import crowd_of_bundle
from journeysim.simulate.service.run import CUSTOMERS, span_of
from journeysim.simulate.service.staging import with_arrivals
from journeysim.simulate.service.turning import Turning


def crowds_together(bundles: Bundles, outcomes: Outcomes, executor: Executor = HERE) -> Iterator[Crowded]:
    """Yield what customers do under each bundle, in the order of `bundles.members`.

    Every proposal is at the highest realism of its grid; a customer answers to each by the same uniforms as to that one
    alone. A bundle of one is what the run has simulated already. The others have as many measured customers as its arms,
    and are lived through by date as they are; the lives of single customers are not kept.
    """
    known = {arm.arm.name: arm.crowd(max(arm.arm.realism)) for arm in outcomes.proposals}
    today = with_arrivals(outcomes.today.arm.worlds[0])
    span = span_of(today.draws, outcomes.settings, customers=outcomes.customers or CUSTOMERS)
    turning = Turning(today, outcomes.settings, outcomes.seed, span.first_day, executor)
    for chosen in bundles.members:
        if len(chosen) == 1:
            yield known[bundles.arms[chosen[0]].name]
        else:
            yield crowded(crowd_of_bundle(bundles, chosen, None), today, outcomes, span, turning, executor)
