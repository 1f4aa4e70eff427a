"""Seasons in journey files: what is read, written, refused, and at which place."""

from __future__ import annotations

import pytest

from journeysim.errors import BadInput
from journeysim.files.journey_file import read_journey
from journeysim.files.journey_writer import write_journey
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.seasons import EVEN

FILE = """journeysim: 1
journey: club
touchpoints:
  trial:
    next:
      member:
        share: 30%
        dwell: 5 days to 40 days
        season:
          odds x: {Nov-Jan: 1.2 to 1.5, Jul: 80%}
          dwell x: {"Dec, Feb": 2}
      gone: rest
    personas:
      loyal: {next: {member: 50%, gone: rest}}
  member:
    conversion: true
    next:
      member: {share: 90%, dwell: 1 month}
      left: {share: rest, dwell: 1 month}
personas: {new: 60%, loyal: rest}
outcomes: {gone: {}, left: {churn: true}}
enter: {trial: 100%}
"""


def read(folder, text):
    path = folder / "journey.yaml"
    path.write_text(text)
    return read_journey(path)


def test_a_season_names_months_spans_of_them_and_lists(tmp_path):
    journey = read(tmp_path, FILE)
    link, gone = journey.touchpoint("trial").links
    assert dict(link.season.odds) == {
        **dict.fromkeys(("Nov", "Dec", "Jan"), Range(1.2, 1.5, Scale.POSITIVE)),
        "Jul": Fixed(0.8),
    }
    assert dict(link.season.dwell) == {"Dec": Fixed(2.0), "Feb": Fixed(2.0)}
    assert gone.season == EVEN
    ((_, row),) = journey.touchpoint("trial").by_persona
    assert row.links is not None
    assert row.links[0].season == link.season


def test_a_season_by_weekday(tmp_path):
    text = FILE.replace("{Nov-Jan: 1.2 to 1.5, Jul: 80%}", "{Sat-Mon: 0.5}").replace(
        '          dwell x: {"Dec, Feb": 2}\n', ""
    )
    link = read(tmp_path, text).touchpoint("trial").links[0]
    assert [name for name, _ in link.season.odds] == ["Sat", "Sun", "Mon"]


def test_what_is_written_reads_back_the_same(tmp_path):
    journey = read(tmp_path, FILE)
    assert read(tmp_path, write_journey(journey)) == journey


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("Jul: 80%", "Juli: 80%", "J016", 10, 'did you mean "Jul"?'),
        ("Jul: 80%", "Dec: 80%", "J077", 10, "stated twice"),
        ("Jul: 80%", "Jul: -1", "J070", 10, ""),
        ("Jul: 80%", "Jul-Sun: 80%", "J020", 10, "two months or two weekdays"),
        ('{"Dec, Feb": 2}', "{Sat: 2}", "J077", 9, "one calendar"),
        ('{"Dec, Feb": 2}', "2", "J015", 11, "for example"),
        ("dwell x:", "dwel x:", "J014", 11, 'did you mean "dwell x"?'),
        ("member: 50%", "member: {share: 50%, season: {odds x: {Feb: 2}}}", "J077", 14, "stated again"),
        ("left: {share: rest,", "left: {season: {odds x: {Sun: 2}}, share: rest,", "J077", 19, "goes by days of the week"),
    ],
)  # fmt: skip
def test_a_problem_stands_at_its_place(tmp_path, old, new, code, line, said):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, FILE.replace(old, new))
    assert [(item.code, item.place.line) for item in caught.value.problems] == [(code, line)]
    assert said in caught.value.problems[0].message
