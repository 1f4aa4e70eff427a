"""The loan application's event log, labelled by the script that makes the project's transition table."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np

from journeysim.model.event_log import EventLog, Names

REPOSITORY = Path(__file__).parents[1]
BUILD = REPOSITORY / "calibration" / "loan_application" / "build.py"


def build_script() -> ModuleType:
    """Return calibration/loan_application/build.py as a module."""
    spec = importlib.util.spec_from_file_location("build_loan_application", BUILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loan_log(raw: Path) -> EventLog:
    """Return one event per stay of every application, outcomes among them, up to the log's last event.

    Unlike in the shipped table no application is set aside for a rare link: which links are rare is known at the end
    only. Moves over links that the map does not have are set aside one by one.
    """
    build, connection = build_script(), duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    build.read_log(connection, raw)
    build.label_events(connection)
    build.fold_repeats(connection)
    rows = connection.execute("""
        SELECT customer, label, epoch_us(happened), persona
        FROM visit JOIN application USING (customer) ORDER BY happened, customer, stay
    """).fetchall()
    (last,) = connection.execute("SELECT max(epoch_us(happened)) FROM event").fetchone() or (0,)
    customer, label, when, persona = zip(*rows, strict=True)
    times = np.array(when, dtype=np.int64).astype("datetime64[us]")
    cut_off = np.datetime64(last, "us")
    return EventLog(Names.of(customer), Names.of(label), times, cut_off, Names.of(persona))
