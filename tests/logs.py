"""Event logs made by hand or by chance, that tests across the house share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journeysim.calibrate import Calibration
from journeysim.model.event_log import EventLog, Names

START = np.datetime64("2020-01-01T00:00:00", "us")
DAY = 86_400_000_000


def tell(text: str) -> None:
    """Print what a test found; `pytest -rP` shows it."""
    print(text)  # noqa: T201


def failed_draws(found: Calibration) -> list[str]:
    """Return the failed gates on the draws, leaving out the checks against replicas of the log.

    Replicas know a customer's entry to 15 % only. Where all enter at once and renew at fixed times, that moves renewals
    across the end of the log.
    """
    checks = {check.gate.name for check in found.checks}
    return [str(gate) for gate in found.failed if gate.name not in checks]


def event_log(
    events: Iterable[tuple[str, str, float]], *, cut_off: float | None = None, personas: dict[str, str] | None = None
) -> EventLog:
    """Return a log of (customer, touchpoint, day) events, recorded until a day (by default the last event)."""
    customer, touchpoint, day = zip(*events, strict=True)
    time = START + np.rint(np.array(day) * DAY).astype("timedelta64[us]")
    end = time.max() if cut_off is None else START + np.timedelta64(round(cut_off * DAY), "us")
    persona = Names.of([personas[name] for name in customer]) if personas else None
    return EventLog(Names.of(customer), Names.of(touchpoint), time, end, persona=persona)


def survivors_log(survivors: Iterable[float], *, name: str = "c", year: float = 365.0) -> list[tuple[str, str, float]]:
    """Return a cohort's events: "subscribed" at every renewal, "left" at the renewal that did not come."""
    found, alive = [], [int(n) for n in survivors]
    ends = [*alive[1:], 0]
    for last, (before, after) in enumerate(zip(alive, ends, strict=True)):
        for i in range(before - after):
            customer = f"{name} {last} {i}"
            found += [(customer, "subscribed", year * k) for k in range(last + 1)]
            if last + 1 < len(alive):
                found.append((customer, "left", year * (last + 1)))
    return found
