"""docs/files.md keeps up with the readers: its examples read without problems, its tables name every setting."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from journeysim.files import changes_shape as change
from journeysim.files import check_files, json_schema, log_shape_file, read_journey
from journeysim.files import journey_shape as journey
from journeysim.files import scenario_shape as scenario
from journeysim.files.dwells import dwell
from journeysim.files.events import read_events, read_transitions
from journeysim.files.events.roles import USUAL
from journeysim.files.events.transition_table import SQUARES, TABLE_COLUMNS
from journeysim.files.file_model import FileModel
from journeysim.files.numbers import (
    ARRIVALS,
    DURATION,
    FACTOR,
    PLAIN,
    POINTS,
    REAL,
    SHARE,
    YEARLY_RATE,
    CurrencyBook,
    UnreadableError,
    money,
    month_start,
)
from journeysim.files.phrases import open_days_per_week, success_rule
from journeysim.files.quantities import NAMED, quantity
from journeysim.files.yaml_positions import parse
from journeysim.model.journey import CONFIDENCE
from journeysim.model.metric_units import METRIC_UNITS
from journeysim.model.transitions import to_transitions

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "docs" / "files.md").read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].strip("# "): part for part in re.split(r"\n(?=##+ )", PAGE)}

#: Which groups of settings each section's table lists.
TABLES: dict[str, tuple[type[FileModel], ...]] = {
    "Journey file": (journey.JourneyFile,),
    "Personas and links": (journey.PersonaFile, journey.LinkFile),
    "Touchpoints": (journey.TouchpointFile,),
    "Seasons": (journey.SeasonFile,),
    "Satisfaction": (journey.SatisfactionFile,),
    "By persona and by tenure": (journey.RowFile, journey.TenureFile),
    "Outcomes": (journey.OutcomeFile, journey.OutcomeRowFile),
    "Staff": (journey.ResourceFile, journey.StaffingFile),
    "Scenario file": (scenario.ScenarioFile,),
    "Shape of the log": (log_shape_file.ShapeFile, log_shape_file.AfterFile),
    "Proposals and money": (scenario.ProposalFile, scenario.InvestFile, scenario.MoneyFile),
    "Terms": (change.ChangeFile,),
    "Basis": (change.BasisFile, change.TestFile),
}
#: Settings that a shape has only to refuse them in its own words, or that hold what is written without a name.
NOT_WRITTEN = {
    journey.OutcomeFile: {"next", "win-back"},
    journey.OutcomeRowFile: {"next"},
    change.BasisFile: {"word"},
}
UNITS = {
    "share": SHARE,
    "factor": FACTOR,
    "points": POINTS,
    "number": PLAIN,
    "signed number": REAL,
    "time": DURATION,
    "sum": money(CurrencyBook("EUR")),
    "sum per time": money(CurrencyBook("EUR"), rate=True),
    "customers per time": ARRIVALS,
    "yearly rate": YEARLY_RATE,
}


def coded(text):
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def rows(section, first):
    """Return the cells of a section's rows in tables whose first column is called `first`."""
    found, inside = [], False
    for line in SECTIONS[section].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if cells and not inside:
            inside = True
            wanted = cells[0] == first
        elif cells and wanted:
            found.append(cells)
        elif not line.startswith("|"):
            inside = False
    assert found, f'no table of "{first}" in section "{section}"'
    return found


def written(*models):
    return {name for model in models for name in set(model.settings()) - NOT_WRITTEN.get(model, set())}


def shapes(model=FileModel):
    """Return every group of settings that is read, found by itself and not by a list."""
    below = [found for child in model.__subclasses__() for found in shapes(child)]
    own = [model] if not (model.__doc__ or "").startswith("Abstract") else []
    return [item for item in (*own, *below) if item.__module__.startswith("journeysim.")]


def blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def tree_of(text):
    document, problems = parse(text, "block")
    assert problems == ()
    return document.tree


def value_of(code):
    return tree_of(f"x: {code}")["x"]


WHOLE = [tree_of(block) for block in blocks(PAGE, "yaml") if block.startswith("journeysim:")]
MAP = next(tree for tree in WHOLE if "touchpoints" in tree)
YAML = [(name, block) for name, text in (("files.md", PAGE), ("README.md", README)) for block in blocks(text, "yaml")]


def as_files(block):
    """Return the journey and the scenario a block belongs to: itself when whole, changes one proposal each."""
    tree = tree_of(block)
    if isinstance(tree, list):
        proposals = {f"proposal {k}": {"changes": [item]} for k, item in enumerate(tree)}
        return MAP, {"journeysim": "1", "journey": "journey.yaml", "proposals": proposals}
    assert "journeysim" in tree, "a block is a whole file or a list of changes, so that it can be checked"
    return (tree, None) if "touchpoints" in tree else (MAP, tree)


@pytest.mark.parametrize(("page", "block"), YAML, ids=[f"{name}-{k}" for k, (name, _) in enumerate(YAML)])
def test_every_yaml_block_reads_without_a_problem(page, block, tmp_path):  # noqa: ARG001 - named in the test's id
    assert problems_of(block, tmp_path) == []


def problems_of(block, folder):
    (folder / ".journeysim").mkdir()
    files = []
    for name, tree in zip(("journey.yaml", "scenario.yaml"), as_files(block), strict=True):
        if tree is not None:
            files.append(folder / name)
            files[-1].write_text(json.dumps(tree), encoding="utf-8")  # JSON is YAML
    return [(item.code, item.message) for item in check_files(files)]


def test_a_block_with_a_fault_is_noticed(tmp_path):
    assert [code for code, _ in problems_of("- change share: cart -> pay\n  odd x: 1.2\n", tmp_path)] == ["J014"]


def test_the_page_has_both_whole_files_and_changes():
    kinds = [type(tree_of(block)) for block in blocks(PAGE, "yaml")]
    assert (kinds.count(dict), kinds.count(list)) == (2, 1)


@pytest.mark.parametrize("section", TABLES)
def test_a_table_lists_exactly_the_settings_that_are_read(section):
    listed = [name for cells in rows(section, "setting") for name in coded(cells[0])]
    assert sorted(listed) == sorted(written(*TABLES[section]))


@pytest.mark.parametrize("verb", change.CHANGES)
def test_a_change_lists_exactly_the_settings_that_are_its_own(verb):
    model = change.CHANGES[verb]
    common = {*change.ChangeFile.settings(), *journey.TouchpointSettings.settings()}
    own = set(model.settings()) - (common - {"dwell"}) - {verb}
    if verb == "audience":
        own |= set(change.AudienceSettings.settings())
    (cells,) = [cells for cells in rows("What each change does", "change") if verb in coded(cells[0])]
    named = {name for name in coded(cells[1]) if name not in {"bypass", "redistribute", "lost", "next", "tenure"}}
    assert named == own


def test_every_group_of_settings_has_its_table():
    listed = {model for models in TABLES.values() for model in models} | set(change.CHANGES.values())
    nested = {
        change.AudienceSettings,
        scenario.RatesFile,
        scenario.TestingFile,
        scenario.LimitsFile,
    }  # inside "audience", "discount rate", "testing", "limits"
    assert [model.__name__ for model in shapes() if model not in listed | nested] == []


def test_both_discount_rates_are_named():
    (cells,) = [cells for cells in rows("Proposals and money", "setting") if "discount rate" in coded(cells[0])]
    assert written(scenario.RatesFile) <= set(coded(cells[1]))


def names_and_words(schema, definitions, seen):
    """Yield every setting and every word out of a list that a JSON Schema leads to."""
    if isinstance(schema, list):
        for part in schema:
            yield from names_and_words(part, definitions, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name and name not in seen:
        seen.add(name)
        yield from names_and_words(definitions[name], definitions, seen)
    yield from schema.get("properties", {})
    yield from schema.get("enum", [])
    for part in schema.values():
        yield from names_and_words(part, definitions, seen)


def test_every_name_and_word_of_the_schema_is_on_the_page():
    schema = json_schema()
    words = set(names_and_words([schema["then"], schema["else"]], schema["$defs"], set()))
    code = " ".join(coded(re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)))
    assert {"touchpoints", "loglogistic", "p10", "bypass", "odds x", "analogue"} <= words
    assert [word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code)] == []


@pytest.mark.parametrize("kind", UNITS)
def test_numbers_are_read_as_the_page_writes_them(kind):
    (cells,) = [cells for cells in rows("Numbers", "kind") if cells[0] == kind]
    for code in coded(cells[1]):
        UNITS[kind].read(code)


def test_every_kind_of_number_and_start_has_a_row():
    assert [cells[0] for cells in rows("Numbers", "kind")] == [*UNITS, "start"]
    (start,) = [cells for cells in rows("Numbers", "kind") if cells[0] == "start"]
    assert month_start("month 2") == pytest.approx(30.4, abs=0.05)
    assert [month_start(code) >= 0 for code in coded(start[1])] == [True] * 3


def readable(raw):
    """Return whether any kind of number is written so."""
    for unit in UNITS.values():
        try:
            quantity(raw, unit)
        except UnreadableError:
            continue
        return True
    return False


def test_uncertain_numbers_and_dwells_are_read_as_the_page_writes_them():
    forms = [code for cells in rows("Uncertain numbers", "form") for code in coded(cells[0])]
    assert [code for code in forms if not readable(value_of(code))] == []
    assert set(NAMED) <= {key for code in forms if isinstance(value_of(code), dict) for key in value_of(code)}
    for cells in rows("Dwell", "dwell"):
        dwell(value_of(*coded(cells[0])))


def test_rules_opening_hours_and_weights_are_as_the_page_says():
    for cells in rows("Rules of `succeed if`", "rule"):
        for code in coded(cells[0]):
            success_rule(code, CurrencyBook("EUR"))
    metrics = [(name, cells) for cells in rows("Rules of `succeed if`", "metrics") for name in coded(cells[0])]
    assert [name for name, _ in metrics] == list(METRIC_UNITS)
    for name, cells in metrics:
        for size in coded(cells[1]):
            assert success_rule(f"{name} {size}", CurrencyBook("EUR")).metric == name
    (hours,) = [cells for cells in rows("Staff", "setting") if coded(cells[0]) == ["open"]]
    assert [open_days_per_week(code.strip('"')) for code in coded(hours[1]) if code != "resources"] == pytest.approx(
        [2.5 + 1 / 6, 7.0]
    )
    (weights,) = [cells for cells in rows("Touchpoints", "setting") if coded(cells[0]) == ["confidence"]]
    assert {word: float(size) for word, size in re.findall(r"`(\w+)` (\d+)", weights[1])} == dict(CONFIDENCE)


def test_columns_are_those_that_are_read():
    found = {coded(cells[0])[0]: tuple(coded(cells[2])) for cells in rows("Event log", "column")}
    assert found == dict(USUAL)
    assert [name for cells in rows("Transition table", "column") for name in coded(cells[0])] == [
        *TABLE_COLUMNS,
        SQUARES,
    ]


def test_the_event_log_and_the_transition_table_fit_the_map(tmp_path):
    (tmp_path / "journey.yaml").write_text(json.dumps(MAP), encoding="utf-8")
    for name in ("Event log", "Transition table"):
        (block,) = blocks(SECTIONS[name], "csv")
        (tmp_path / f"{name}.csv").write_text(block, encoding="utf-8")
    _, aside = to_transitions(read_events(tmp_path / "Event log.csv"), read_journey(tmp_path / "journey.yaml"))
    table = read_transitions(tmp_path / "Transition table.csv")
    assert (aside, table.customers) == ((), 120)
    assert set(table.source.labels) - {"(enter)"} <= set(MAP["touchpoints"])
    assert set(table.target.labels) - {"(open)"} <= {*MAP["touchpoints"], *MAP["outcomes"]}
