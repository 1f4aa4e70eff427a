"""README's Python example runs as it stands there, and says what a reader can believe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = [pytest.mark.scenarios, pytest.mark.slow]


def test_python_example_runs_as_printed(monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(REPOSITORY)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own README
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for line in lines:
        low, high, chance = map(float, line.split()[-3:])
        assert low <= high
        assert 0 <= chance <= 1
