"""Prosimos models: a process as BPMN with its parameters as JSON, read as a journey whose true shares and times are known.

A customer journey is one token at a time. Tasks between a diverging and a converging parallel gateway run side by side, so
they become one touchpoint, entered when the first of them starts and left when the last one ends; chained in the order in
which they happened to start, they would make customers wander between them, which nobody did.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from scipy import stats

from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed

DONE = "done"
SECONDS_PER_DAY = 86_400.0
#: What the map believes before it sees a log: an hour, give or take a lot, as eight customers would say it.
BELIEVED = Dwell(Family.LOGNORMAL, Fixed(1 / 24), Fixed(1.5))
_BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"


@dataclass(frozen=True)
class Timed:
    """A duration in seconds as Prosimos states it: `norm` (mean, sd, min, max), `expon` (mean, min, max) or `fix`."""

    name: str
    values: tuple[float, ...]

    @classmethod
    def of(cls, stated: Mapping[str, object]) -> Timed:
        return cls(stated["distribution_name"], tuple(float(p["value"]) for p in stated["distribution_params"]))

    def ppf(self, u: np.ndarray) -> np.ndarray:
        match self.name:
            case "fix":
                return self.values[0] + 0.0 * u
            case "norm":
                mean, sd, low, high = self.values
                return stats.truncnorm.ppf(u, (low - mean) / sd, (high - mean) / sd, mean, sd)
            case "expon":
                mean, low, high = self.values
                return stats.truncexpon.ppf(u, (high - low) / (mean - low), low, mean - low)
        raise ValueError(self.name)

    @property
    def mean(self) -> float:
        return float(np.mean(self.ppf((np.arange(20_000) + 0.5) / 20_000)))

    @property
    def dwell(self) -> Dwell:
        """The same as a table of quantiles in days."""
        u = np.linspace(0, 1, 201)
        return Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=tuple(zip(u, self.ppf(u) / SECONDS_PER_DAY, strict=True)))


@dataclass(frozen=True)
class Process:
    """A process model; nodes and flows by id."""

    kinds: Mapping[str, tuple[str, str]]  # id -> (kind, name)
    flows: Mapping[str, tuple[str, str]]  # id -> (from, to)
    chances: Mapping[str, float]  # flow -> probability
    services: Mapping[str, Timed]  # task -> service time
    timers: Mapping[str, Timed]

    @cached_property
    def touchpoint_of(self) -> dict[str, str]:
        """Touchpoint of every task, by id."""
        found = {node: name for node, (kind, name) in self.kinds.items() if kind == "task"}
        for node, (kind, _) in self.kinds.items():
            if kind == "parallelGateway" and len(self._after(node)) > 1:
                block = self._block(node)
                found |= dict.fromkeys(block, "; ".join(self.kinds[task][1] for task in block))
        return found

    @cached_property
    def shares(self) -> dict[str, dict[str, float]]:
        """True shares of every touchpoint's links."""
        found: dict[str, dict[str, float]] = {}
        for task, name in self.touchpoint_of.items():
            for target, chance, _ in self._leads(task):
                if target != name:
                    found.setdefault(name, {})[target] = chance
        return found

    @cached_property
    def timed_links(self) -> dict[tuple[str, str], Timed]:
        """Timers by the link they stand on."""
        return {(name, target): self.timers[timer] for task, name in self.touchpoint_of.items()
                for target, _, timer in self._leads(task) if timer and target != name}  # fmt: skip

    @cached_property
    def first(self) -> str:
        """Where everybody starts."""
        start = next(node for node, (kind, _) in self.kinds.items() if kind == "startEvent")
        return next(iter(self._leads(start)))[0]

    def service(self, touchpoint: str) -> float:
        """Return the mean time in seconds that serving a touchpoint takes when nobody has to wait: the longest branch."""
        tasks = [task for task, name in self.touchpoint_of.items() if name == touchpoint]
        inner = {flow for flow in self.flows.values() if flow[0] in tasks and flow[1] in tasks}
        rng = np.random.default_rng(1)
        taken = {task: self.services[task].ppf(rng.uniform(size=20_000)) for task in tasks}
        heads = [task for task in tasks if task not in {target for _, target in inner}]
        follow = dict(inner)
        branches = [sum(taken[t] for t in _chain(head, follow)) for head in heads]
        return float(np.mean(np.max(branches, axis=0)))

    def _after(self, node: str) -> list[tuple[str, str]]:
        return [(flow, target) for flow, (source, target) in self.flows.items() if source == node]

    def _block(self, gateway: str) -> list[str]:
        found, left = [], [target for _, target in self._after(gateway)]
        while left:
            node = left.pop(0)
            if self.kinds[node][0] == "task" and node not in found:
                found.append(node)
                left += [target for _, target in self._after(node)]
        return found

    def _leads(self, node: str, chance: float = 1.0, timer: str = "") -> Iterator[tuple[str, float, str]]:
        """Yield where a node leads: touchpoint or end, with which probability, past which timer."""
        after = self._after(node)
        splits = self.kinds[node][0] == "exclusiveGateway" and len(after) > 1
        for flow, target in after:
            part = chance * (self.chances[flow] if splits else 1.0)
            kind = self.kinds[target][0]
            if kind == "task":
                yield self.touchpoint_of[target], part, timer
            elif kind == "endEvent":
                yield DONE, part, timer
            elif kind == "parallelGateway" and len(self._after(target)) > 1:
                yield self.touchpoint_of[self._after(target)[0][1]], part, timer
            else:
                yield from self._leads(target, part, target if target in self.timers else timer)


def _chain(head: str, follow: Mapping[str, str]) -> Iterator[str]:
    yield head
    if head in follow:
        yield from _chain(follow[head], follow)


def read_process(stem: Path) -> Process:
    """Read STEM.bpmn and STEM.json."""
    root = ET.parse(stem.with_suffix(".bpmn")).getroot().find(f"{_BPMN}process")  # noqa: S314  our own copy
    stated = json.loads(stem.with_suffix(".json").read_text())
    nodes = {e.get("id"): (e.tag.removeprefix(_BPMN), e.get("name") or "") for e in root}
    flows = {e.get("id"): (e.get("sourceRef"), e.get("targetRef")) for e in root.iter(f"{_BPMN}sequenceFlow")}
    chances = {
        p["path_id"]: float(p["value"]) for g in stated["gateway_branching_probabilities"] for p in g["probabilities"]
    }
    services = {t["task_id"]: Timed.of(t["resources"][0]) for t in stated["task_resource_distribution"]}
    timers = {t["event_id"]: Timed.of(t) for t in stated["event_distribution"]}
    return Process(nodes, flows, chances, services, timers)


def journey_of(process: Process) -> JourneyMap:
    """Return the map of a process: its touchpoints and links, all links equally likely, all dwells a guess."""
    touchpoints = tuple(
        Touchpoint(name, tuple(Link(target, Fixed(1 / len(row)), BELIEVED) for target in row))
        for name, row in process.shares.items()
    )
    return JourneyMap("process", touchpoints, (Outcome(DONE, conversion=True),), ((process.first, Fixed(1.0)),))


def write_events(stem: Path, process: Process, path: Path) -> None:
    """Write a log as arrivals: every start of a task at its touchpoint, and the end of the case when its last task ended."""
    names = {process.kinds[task][1]: touchpoint for task, touchpoint in process.touchpoint_of.items()}
    ends: dict[str, str] = {}
    with gzip.open(stem.with_suffix(".csv.gz"), "rt") as source, path.open("w", newline="") as target:
        out = csv.writer(target)
        out.writerow(("customer", "touchpoint", "time"))
        for row in csv.DictReader(source):
            out.writerow((row["case_id"], names[row["activity"]], row["start_time"]))
            ends[row["case_id"]] = max(ends.get(row["case_id"], ""), row["end_time"])
        out.writerows((case, DONE, time) for case, time in ends.items())


def cycle_days(stem: Path) -> np.ndarray:
    """Return each case's days from its first start to its last end."""
    first, last = {}, {}
    with gzip.open(stem.with_suffix(".csv.gz"), "rt") as source:
        for row in csv.DictReader(source):
            case = row["case_id"]
            first[case] = min(first.get(case, row["start_time"]), row["start_time"])
            last[case] = max(last.get(case, ""), row["end_time"])
    moment = lambda text: np.datetime64(text.removesuffix("+00:00"), "us")  # noqa: E731
    return np.array([(moment(last[c]) - moment(first[c])) / np.timedelta64(1, "D") for c in first])
