"""What the validation leaves: the page of the models that were run."""

from __future__ import annotations

import pytest

from validation.page import PAGE, sections, written


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the sections that the tests recorded; with several processes only the one with the terminal does this."""
    reports = [report for outcome in ("passed", "failed", "xfailed") for report in terminalreporter.getreports(outcome)]
    texts = [text for report in reports for name, text in report.user_properties if name == "validation"]
    if texts:
        new = {name: text for found in texts for name, text in sections(str(found)).items()}
        PAGE.write_text(written(new, PAGE.read_text() if PAGE.exists() else ""))
        terminalreporter.write_line(f"{len(new)} models written to {PAGE}")
