"""Write expected.json of every scenario, or of those named: `python tests/scenarios/refresh.py [NAME...]`.

Only after a change that is meant to move the answers: look at the difference in git before committing it.
"""

from __future__ import annotations

import json
import sys

from golden import DRAWS, SCENARIOS, differences, key_figures, run, samplers


def main(names: list[str]) -> None:
    """Refresh the named scenarios, or all of them, and say what moved."""
    for folder in SCENARIOS:
        if names and folder.name not in names:
            continue
        results, seconds = run(folder)
        file, found = folder / "expected.json", key_figures(results)
        before = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.exists() else {}
        content = {"draws": DRAWS, "made_with": samplers(), "figures": found}
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        moved = differences(found, before)
        sys.stdout.write(f"{folder.name}: {len(found)} figures, {len(moved)} moved, {seconds:.0f} s\n")
        sys.stdout.writelines(f"  {line}\n" for line in moved[:20])


if __name__ == "__main__":
    main(sys.argv[1:])
