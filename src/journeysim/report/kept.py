"""page.npz: all that a run's page is made of, so that it can be rendered again without computing anything.

Kept whole: the scenario, every spread, chance and reason, the journeys and example lives. Of the arrays only those the
page draws: the flows, the money case month by month at full effect, feelings. The others come back empty; metrics and
net benefit in every draw stand in the run's Parquet files. At trust grade E money figures are left out here too.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from journeysim.compare.comparison import Contrast, Flow, Level, Loss, Spread
from journeysim.decide.decision import Decision, MeanMonths, MoneyCase, Portfolio, Verdict
from journeysim.decide.targets import about_money
from journeysim.errors import BadInput, Place, Problem
from journeysim.model.arms import Arm, World
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Scenario
from journeysim.report.packing import Array, packed, unpacked
from journeysim.report.results import WITHHELD
from journeysim.report.tables import money_shown
from journeysim.report.tables.effects import MONEY_METRICS
from journeysim.simulate.outcomes import Agreement, ArmOutcomes
from journeysim.simulate.tally import Tally

FILE: Final = "page.npz"
SCHEMA: Final = "journeysim/page/2"
_CONTENT: Final = "content"
_FLOW: Final = frozenset({"visits", "moves", "value_at", "cost_at", "marks", "converted_by"})
_FLOW_MONEY: Final = ("value_at", "cost_at")
_FELT: Final = ("persona_share", "feeling")
_EMPTY: Final[Floats] = np.zeros(0)
_NONE: Final = Spread(None, None, None, None, None, None, WITHHELD)
_NAN: Final = float("nan")


@final
@dataclass(frozen=True, slots=True)
class Kept:
    """What a page is made of, and the language it was written in."""

    decision: Decision
    scenario: Scenario
    lang: str


def keep(decision: Decision, scenario: Scenario, path: Path, *, lang: str) -> None:
    """Write what the page of a decision is made of; the same bytes for the same values."""
    arrays: list[Array] = []
    lean = lean_decision(decision if money_shown(decision) else _without_money(decision))
    # The page names the scenario's own files; where its data lay is nobody else's business.
    asked = replace(scenario, calibration=None, events=None, backtest=None)
    content = {"decision": packed(lean, arrays), "scenario": packed(asked, arrays), "lang": lang}
    text = json.dumps({"schema": SCHEMA, **content}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    named = {f"a{number}": item for number, item in enumerate(arrays)}
    with path.open("xb") as stream:
        np.savez_compressed(stream, **{_CONTENT: np.frombuffer(text.encode(), dtype=np.uint8)}, **named)  # type: ignore[arg-type]


def read_kept(path: Path) -> Kept:
    """Return what `keep` wrote; BadInput when the file is missing, damaged or of another version."""
    try:
        return _read(path)
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror or error})") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise _refused(path, f"is damaged or of another version ({why})") from error


def _read(path: Path) -> Kept:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        document = json.loads(stored[_CONTENT].tobytes().decode())
        if document["schema"] != SCHEMA:
            raise ValueError(f"made for {document['schema']}, this journeysim reads {SCHEMA}")
        arrays = [stored[f"a{number}"] for number in range(len(stored.files) - 1)]
    decision, scenario = (unpacked(document[name], arrays) for name in ("decision", "scenario"))
    if not isinstance(decision, Decision) or not isinstance(scenario, Scenario):
        raise TypeError("it holds no decision")
    return Kept(decision, scenario, str(document["lang"]))


def _refused(path: Path, why: str) -> BadInput:
    message = f"{path.name} {why}: the page cannot be rendered from it; run the scenario again"
    return BadInput([Problem("J092", message, Place(str(path), text=str(path), width=len(str(path))))])


def lean_decision(decision: Decision) -> Decision:
    """Return a decision with what its page and results.json show and no more; other arrays are empty."""
    comparison = decision.comparison
    arms = tuple(ArmOutcomes(_lean_arm(item.arm), (), ()) for item in comparison.outcomes.arms)
    lean = replace(
        comparison,
        outcomes=replace(comparison.outcomes, arms=arms),
        levels=tuple(replace(item, values=_EMPTY) for item in comparison.levels),
        contrasts=tuple(replace(item, values=_EMPTY) for item in comparison.contrasts),
        calendars=(),
        unanswered=(),
        flows=tuple(Flow(item.arm, _only(item.tally, _FLOW)) for item in comparison.flows),
    )
    bundles = tuple(replace(item, net=_EMPTY, cost=None, gained=()) for item in decision.portfolio.bundles)
    return replace(
        decision,
        comparison=lean,
        verdicts=tuple(_lean_verdict(item) for item in decision.verdicts),
        portfolio=replace(decision.portfolio, bundles=bundles),
    )


def _lean_arm(arm: Arm) -> Arm:
    """Return an arm with the world in which all its changes hold: that is the one the page draws."""
    world = arm.worlds[-1]
    data = world.draws.data[list(_FELT)].reset_coords(drop=True)
    data = data.drop_vars([name for name in data.coords if name not in {"persona", "place"}])
    draws = Draws(data, world.draws.source)
    return replace(arm, worlds=(World(world.exposed, world.journey, draws),), exposures=(), assumptions=())


def _lean_verdict(verdict: Verdict) -> Verdict:
    last = len(verdict.cases) - 1
    cases = (
        replace(case, net=_EMPTY, cumulative=case.cumulative if at == last else _EMPTY)
        for at, case in enumerate(verdict.cases)
    )
    return replace(verdict, cases=tuple(cases), gains=())


def _only(tally: Tally, kept: frozenset[str]) -> Tally:
    """Return a tally whose other arrays are empty."""
    arrays = [item.name for item in fields(Tally) if isinstance(getattr(tally, item.name), np.ndarray)]
    empty: dict[str, Any] = {name: _EMPTY for name in arrays if name not in kept}
    return replace(tally, paths=None, **empty)


def _without_money(decision: Decision) -> Decision:
    """Return a decision without its money figures, as the page at trust grade E has none."""
    comparison = decision.comparison
    lean = replace(
        comparison,
        outcomes=replace(comparison.outcomes, agreement=_agreement(comparison.outcomes.agreement)),
        levels=tuple(_level(item) for item in comparison.levels),
        contrasts=tuple(_contrast(item) for item in comparison.contrasts),
        flows=tuple(Flow(item.arm, _nothing_earned(item.tally)) for item in comparison.flows),
        friction=replace(comparison.friction, losses=tuple(_loss(item) for item in comparison.friction.losses)),
    )
    return replace(
        decision,
        comparison=lean,
        verdicts=tuple(_verdict(item) for item in decision.verdicts),
        evidence=tuple(
            replace(item, evppi=_NAN, evppi_error=_NAN, net_low=None, net_high=None) for item in decision.evidence
        ),
        targets=tuple(
            replace(item, result=_NAN, met=False) if about_money(item.rule) else item for item in decision.targets
        ),
        evpi=_NAN,
        best=None,
        curves=(),
        surfaces=(),
        tests=(),
        portfolio=Portfolio(),
        tasks=(),
        contributions=(),
        frontiers=(),
    )


def _loss(item: Loss) -> Loss:
    return replace(item, stake=_NONE, per_point=_NONE, recoverable=_NONE)


def _level(item: Level) -> Level:
    if item.unit != "money":
        return item
    return replace(item, spread=_NONE, sd_not_knowing=None, sd_luck=None, mc_error=_NAN)


def _contrast(item: Contrast) -> Contrast:
    return replace(item, spread=_NONE, p_better=None, p_worse=None, mc_error=_NAN) if item.unit == "money" else item


def _nothing_earned(tally: Tally) -> Tally:
    return replace(tally, **{name: np.zeros_like(getattr(tally, name)) for name in _FLOW_MONEY})


def _verdict(item: Verdict) -> Verdict:
    return replace(item, cases=tuple(_case(case) for case in item.cases), break_even_realism=None, p_break_even=_NONE)


def _case(case: MoneyCase) -> MoneyCase:
    nothing = MeanMonths(_EMPTY, _EMPTY, _NAN, _EMPTY, _EMPTY)
    return MoneyCase(
        case.proposal, case.realism, _NONE, _NONE, _NONE, _NONE, _NAN, _NAN, _NAN, (), (), nothing, _NAN, _EMPTY, _EMPTY
    )


def _agreement(items: Sequence[Agreement]) -> tuple[Agreement, ...]:
    return tuple(replace(item, exact=_NAN, walk=_NAN) if item.metric in MONEY_METRICS else item for item in items)
