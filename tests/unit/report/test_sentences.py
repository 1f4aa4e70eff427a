"""Sentences of fits, engines and runs on a French page: all that the code writes are known, numbers and names stay."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from journeysim.report.sentences import spoken
from journeysim.report.words import language

FRENCH, ENGLISH = language("fr", "EUR"), language("en", "EUR")
SOURCE = Path(__file__).parents[3] / "src" / "journeysim"
FILE = resources.files("journeysim.report.words").joinpath("fr_sentences.toml")
SENTENCES = tomllib.loads(FILE.read_text(encoding="utf-8"))["sentence"]
BLANK = re.compile(r"\{(\w+)\}")


def test_every_sentence_says_in_french_what_stands_in_its_blanks():
    for item in SENTENCES:
        assert sorted(BLANK.findall(item["en"])) == sorted(BLANK.findall(item["fr"])), item["en"]
        assert "  " not in item["fr"]


@pytest.mark.parametrize("item", SENTENCES, ids=lambda item: item["en"][:50])
def test_no_sentence_is_caught_by_another_before_it(item):
    """Every one comes out as its own French, with names in its blanks."""
    names = {name: "7" if name.endswith("_n") else f"<{name}>" for name in BLANK.findall(item["en"])}
    assert spoken(item["en"].format(**names), FRENCH) == item["fr"].format(**names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no sentence of ours", "no sentence of ours"),
        ("customers who differ and memory", "clients qui diffèrent et mémoire"),
        ('R-hat of "trial" (open spells)', 'R-hat de "trial" (séjours ouverts)'),
        ("at least 400", "au moins 400"),
        ("at most 1.25", "au plus 1,25"),
        ("1,217 customers were still on the way at the cut-off; they count as active, not as lost",
         "1\u202f217 clients étaient encore en chemin à la fin du journal\u00a0; ils comptent comme actifs, non comme perdus"),
        ("conversion 36.7%, ending in left 36.7%", "conversion 36,7\u00a0%, fin par left 36,7\u00a0%"),
        ('"a" was never taken: its dwell is the prior', '"a" n’a jamais été emprunté\u00a0: sa durée est celle de la carte'),
    ],
)  # fmt: skip
def test_blanks_are_numbers_of_the_language_names_or_sentences_in_turn(text, said):
    assert spoken(text, FRENCH) == said
    assert spoken(text, ENGLISH) == text


#: Where sentences for a page are written, and what of each stands in a line of code.
WRITTEN = {
    "model/changes/shares.py": ["change share: {", "reroute: {"],
    "model/changes/dwells.py": ["change dwell: {"],
    "model/changes/removal.py": ["remove touchpoint: {"],
    "model/changes/touchpoints.py": ["add touchpoint: {", "dwell to {", "sensitivity to {"],
    "model/changes/staff.py": ["change staff: {"],
    "model/changes/audience.py": ["share of {", "entering at {"],
    "simulate/run.py": ["no queue, no feeling that acts", "what a customer does next depends", "the exact engine cut time into"],
    "simulate/seasons_told.py": ["enter evenly over the week", "months go by the calendar", "is taken for January"],
    "calibrate/seasons.py": ["are as the map states them: the log tells"],
    "simulate/precision.py": ["the most a run takes by itself, are too few for", "nothing but Monte Carlo noise is seen"],
    "simulate/service/arms.py": ["so they share staff day by day", "the map gives no arrivals", "contain past waits"],
    "compare/contrast.py": ["changes nothing, every difference from today is exactly 0"],
    "cli/pipeline.py": ["what single changes of a proposal add is not simulated"],
    "calibrate/account.py": ["was never observed: posterior = prior", "is fixed on the map and stays so",
                             "its dwell is the prior", "still on the way at the cut-off", "have left silently"],
    "calibrate/silence/booking.py": ["leaves no event: its share rests on open spells"],
    "calibrate/checks/fit.py": ["only a transition table is known"],
    "calibrate/layers/arrivals.py": ["nobody entered in the last", "arrivals of whole weeks swing by"],
    "calibrate/layers/frailty.py": ["its shares are those of"],
    "calibrate/layers/swings/__init__.py": ["customers of a week move faster or slower together", "engines do not use them yet"],
    "model/checks/proposals.py": ["is removed and also edited"],
    "cli/fit.py": ["observed moves", "weight of the map's beliefs, in customers", "assumptions that are mostly the map's"],
}  # fmt: skip


@pytest.mark.parametrize("file", WRITTEN)
def test_a_sentence_that_changes_in_the_code_changes_in_the_catalogue(file):
    """What stands in the code stands in the catalogue: a sentence reworded in one place alone fails here."""
    code = re.sub(r'"\s*f?"|"\s*\'|\'\s*f?"', "", (SOURCE / file).read_text(encoding="utf-8"))
    english = " ".join(item["en"] for item in SENTENCES)
    for part in WRITTEN[file]:
        assert part in code, part
        assert part in english, part
