"""The verbs in a row: scenario -> draws -> arms -> outcomes -> comparison -> decision -> a run's folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from journeysim.cli.fit import backtest_of, fit_of
from journeysim.cli.forecast import write_forecast
from journeysim.cli.manifest import command_line, files_in, input_hashes, manifest
from journeysim.cli.money_draws import write_money_draws
from journeysim.cli.places import in_scenario_file
from journeysim.cli.project import inputs_of, project_of
from journeysim.cli.screen import Stages
from journeysim.errors import BadInput, Problem
from journeysim.files import read_scenario_with_warnings
from journeysim.files.block_store import blocks_of
from journeysim.files.run_store import digest_of, existing_run, private_folder, writable, write_run
from journeysim.files.versions import versions
from journeysim.model.scenario import Scenario

if TYPE_CHECKING:
    from journeysim.decide.decision import Decision, Fit
    from journeysim.decide.portfolio.worth import Crowding, Further
    from journeysim.model.draws import Draws
    from journeysim.simulate.executors import Executor
    from journeysim.simulate.outcomes import Outcomes

REPORTS: Final = Path("reports")
STAGES: Final = 5
NOT_APART: Final = "staff is limited: what single changes of a proposal add is not simulated"


@final
@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may set over a scenario's own settings; `command` is how to do it again.

    `executor` says where blocks are computed, which no result depends on.
    """

    draws: int | None = None
    seed: int | None = None
    lang: str = "en"
    out: Path | None = None
    again: bool = False
    command: tuple[str, ...] = ("run",)
    executor: str = "threads"


@final
@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario that has been read, where its run goes, and the digest of all that decides the run's content."""

    scenario: Scenario
    warnings: tuple[Problem, ...]
    project: Path
    reports: Path
    inputs: dict[str, str]
    decided_by: dict[str, object]
    digest: str

    @property
    def existing(self) -> Path | None:
        """The folder of an identical run, if there is one."""
        return existing_run(self.reports, self.scenario.name, self.digest)


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """One scenario's run: its folder, and the decision unless an identical run was already there."""

    prepared: Prepared
    folder: Path
    decision: Decision | None


def prepare(path: Path, options: Options) -> Prepared:
    """Return a scenario ready to be run; BadInput with every problem of its files, or when results cannot go there."""
    scenario, warnings = read_scenario_with_warnings(path)
    scenario = replace(
        scenario,
        seed=scenario.seed if options.seed is None else options.seed,
        draws=options.draws or scenario.draws,
    )
    project = project_of(scenario)
    reports = writable(project, options.out or REPORTS, "the folder for reports (--out)")
    inputs = input_hashes([file for item in inputs_of(scenario) for file in files_in(item)], project)
    decided_by: dict[str, object] = {"seed": scenario.seed, "draws": scenario.draws, "lang": options.lang}
    digest = digest_of({"inputs": inputs, "options": decided_by, "versions": versions()})
    return Prepared(scenario, warnings, project, reports, inputs, decided_by, digest)


def run(prepared: Prepared, options: Options, stages: Stages) -> Finished:
    """Compute a run and write its folder; an identical run that is already there is returned instead of repeated."""
    found = None if options.again else prepared.existing
    if found is not None:
        return Finished(prepared, found, None)
    from journeysim.simulate.executors import Kept, opened

    blocks = blocks_of(prepared.project, prepared.digest)
    with opened(options.executor) as executor:
        try:
            decision = decision_of(prepared, stages, Kept(executor, blocks))
        except BadInput as error:
            raise in_scenario_file(error, prepared.scenario, prepared.scenario.path) from error
    with stages.stage("writing the report"):
        folder = _written(prepared, decision, options, stages)
    blocks.remove()
    return Finished(prepared, folder, decision)


def decision_of(prepared: Prepared, stages: Stages, executor: Executor | None = None) -> Decision:
    """Return the decision of a scenario, all verbs in a row; blocks are computed here unless an executor is given."""
    scenario = prepared.scenario
    with stages.stage("calibrating" if scenario.calibration or scenario.events else "drawing from beliefs"):
        draws, fit = draws_of(prepared)
    with stages.stage("simulating"):
        from journeysim.model.arms import build_arms
        from journeysim.simulate.executors import HERE
        from journeysim.simulate.run import simulate
        from journeysim.simulate.settings import Settings

        arms = build_arms(scenario, draws, seed=scenario.seed)
        money = scenario.money
        settings = Settings(scenario.horizon, money.discount_value, money.discount_cost, first_day=scenario.first_day)
        executor = executor or HERE
        outcomes = simulate(
            arms, settings=settings, seed=scenario.seed, customers=scenario.customers, executor=executor
        )
    with stages.stage("comparing"):
        from journeysim.compare import compare
        from journeysim.decide import decide, horizon_months
        from journeysim.decide.verdicts import over_two

        comparison = compare(outcomes, horizon_months=horizon_months(money))
        if outcomes.engine.name == "service" and any(len(item.changes) > 1 for item in scenario.proposals):
            comparison = replace(comparison, warnings=(*comparison.warnings, NOT_APART))
    with stages.stage("deciding"):
        found = decide(
            comparison,
            proposals=scenario.proposals,
            money=money,
            succeed_if=scenario.succeed_if,
            fit=fit,
            seed=scenario.seed,
            limits=scenario.limits,
            further=further_like(outcomes, scenario, executor),
        )
        return over_two(found, scenario.two_way, proposals=scenario.proposals, money=money, seed=scenario.seed)


def further_like(outcomes: Outcomes, scenario: Scenario, executor: Executor | None = None) -> Further | Crowding:
    """Return how more worlds are simulated just as the run's own were; bundles, where customers wait for each other.

    Worlds may be mixed only while what one customer meets does not depend on how many others are there.
    """
    from journeysim.decide.portfolio.worth import Crowding, Further
    from journeysim.simulate.executors import HERE

    if outcomes.engine.name == "service":
        from journeysim.simulate.service.together import crowds_together

        together = partial(crowds_together, outcomes=outcomes, executor=executor or HERE)
        return Crowding(together, outcomes.today.tallies[0])
    from journeysim.simulate.follow import again
    from journeysim.simulate.precision import FIRST
    from journeysim.simulate.run import PATH_CUSTOMERS
    from journeysim.simulate.tallies import tallies_of, walked_tallies

    simulated = partial(
        tallies_of,
        known=tuple(arm for arm in outcomes.arms if arm.tallies),
        settings=outcomes.settings,
        seed=outcomes.seed,
        engine=outcomes.engine.name,
        customers=outcomes.customers or scenario.customers or FIRST,
        slope=0.0 if outcomes.precision is None else outcomes.precision.slope,
        executor=executor or HERE,
    )
    walked = partial(
        walked_tallies,
        settings=outcomes.settings,
        seed=outcomes.seed,
        customers=PATH_CUSTOMERS,
        executor=executor or HERE,
    )
    exact = outcomes.engine.name == "exact"
    return Further(simulated, again(outcomes, executor or HERE), walked if exact else None)


#: A fit is judged and kept with this many draws; a run takes as many of them as it simulates, evenly spread.
CALIBRATED_DRAWS: Final = 1_000


def draws_of(prepared: Prepared) -> tuple[Draws, Fit]:
    """Return today's draws and what they rest on: data where the scenario names some, else the map's own beliefs.

    A calibration is kept in the project's cache under the content of everything it depends on, and found again there;
    how many of its draws are simulated is not one of these things.
    """
    import numpy as np

    from journeysim.calibrate import load_or_calibrate, prior_draws
    from journeysim.decide.decision import Fit

    scenario = prepared.scenario
    source = scenario.calibration or scenario.events
    if source is None:
        draws = prior_draws(scenario.journey, draws=scenario.draws, seed=scenario.seed)
        return draws, Fit(draws.source)
    found = load_or_calibrate(
        scenario.journey,
        source,
        seed=scenario.seed,
        draws=max(CALIBRATED_DRAWS, scenario.draws),
        cache=private_folder(prepared.project, "cache"),
        kind="transitions" if scenario.calibration else "events",
        settings=scenario.log,
    )
    chosen = np.linspace(0, found.draws.count - 1, scenario.draws).round().astype(np.int64)
    backtest = backtest_of(Path(scenario.backtest)) if scenario.backtest else None
    return found.draws.take(chosen), replace(fit_of(found), backtest=backtest)


def _customers(outcomes: Outcomes) -> dict[str, object] | None:
    """Return how many customers per draw were simulated, and how precise that was; None where nobody is sampled."""
    found = outcomes.precision
    if found is None:
        return None
    noise = None if found.worst is None or isinf(found.worst.part) else found.worst.part
    return {
        "per_draw": found.customers,
        "found": found.found,
        "noise_share": noise,
        "asked": found.asked,
        "control_slope": found.slope,
    }


def _written(prepared: Prepared, decision: Decision, options: Options, stages: Stages) -> Path:
    """Render into the staging folder, add the draws, and move it all into place."""
    from journeysim.report import render

    engine = decision.comparison.outcomes.engine
    about = manifest(
        digest=prepared.digest,
        inputs=prepared.inputs,
        options=prepared.decided_by,
        engine=(engine.name, engine.why),
        customers=_customers(decision.comparison.outcomes),
        seconds=stages.seconds,
        command=command_line(options.command),
    )

    def write(folder: Path) -> None:
        render(decision, prepared.scenario, folder, manifest=about, lang=options.lang)
        write_money_draws(decision, folder)
        write_forecast(decision, folder)
        decision.comparison.outcomes.today.arm.worlds[0].draws.data.to_netcdf(folder / "draws.nc", engine="h5netcdf")

    return write_run(prepared.project, prepared.reports, prepared.scenario.name, prepared.digest, write)
