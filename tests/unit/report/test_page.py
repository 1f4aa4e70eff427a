"""report.html: self-contained, escaped, accessible, and every number in its sentences bound to a cell."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from decision_builder import build_decision, renamed, small_scenario
from journeysim.report.answer import said_of
from journeysim.report.html import page_of
from journeysim.report.narrative import UnboundNumber, check_page
from journeysim.report.tables import tables_of
from journeysim.report.words import language

EN = language("en", "EUR")
VOID = {"meta", "br", "link", "img", "input", "col", "path", "rect", "line", "circle", "use"}
NASTY = '</script><script>alert(1)</script><b>"$x$"</b>'


class Outline(HTMLParser):
    """Collects what the tests ask about: headings, links, ids, images with their titles, and unclosed tags."""

    def __init__(self):
        super().__init__()
        self.headings, self.links, self.ids, self.images, self.open, self.tags = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if found.get("role") == "img":
            self.images.append(found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open[-1:] == [tag], f"</{tag}> closes <{self.open[-1:]}>"
            self.open.pop()


@pytest.fixture(scope="module")
def outline(page):
    found = Outline()
    found.feed(page.html)
    return found


def test_tags_nest(outline):
    assert outline.open == []


def test_headings_come_in_order(outline):
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))


def test_ids_are_unique(outline):
    assert len(outline.ids) == len(set(outline.ids))


def test_links_stay_on_the_page_or_beside_it(outline):
    assert all(link.startswith(("#", "tables/")) or link in {"results.json", "money.xlsx"} for link in outline.links)
    inner = {link[1:] for link in outline.links if link.startswith("#")} - {""}
    assert inner <= set(outline.ids)


def test_nothing_comes_from_the_network(page):
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<]*", page.html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in page.html
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page.html)


def test_size_is_below_three_megabytes(page):
    assert len(page.html.encode()) < 3_000_000


def test_every_image_has_a_title_and_a_description(outline, page):
    assert len(outline.images) >= 8 + 3
    for image in outline.images:
        names = image["aria-labelledby"].split()
        assert len(names) == 2
        assert all(re.search(rf'id="{name}">[^<]+<', page.html) for name in names)


def test_every_figure_has_its_table_under_it(page):
    for name in page.figures:
        if not name.startswith("flow"):
            figure = re.search(rf'<figure id="f-{name}">.*?</figure>', page.html, re.DOTALL)
            assert figure, name
            assert "<details>" in figure[0], name
            assert f'<table id="t-{name}">' in figure[0], name
            assert name in page.tables
    assert '<table id="t-moves">' in page.html


def test_figures_carry_text_and_no_date(page):
    for svg in page.figures.values():
        assert "<text" in svg
        assert "dc:date" not in svg
        assert "DejaVu" not in svg
        assert "#0102" not in svg


def test_numbers_in_sentences_are_bound(page):
    assert check_page(page.html, page.tables, EN) > 40


@pytest.mark.parametrize("digit", ["3", "7"])
def test_a_tampered_sentence_is_caught(page, digit):
    bound = re.search(
        r'<p class="said headline">.*?data-cell="decision\|\d+\|npv_mean_eur\|plain">([^<]+)</span>', page.html
    )
    first = next(k for k, letter in enumerate(bound[1]) if letter.isdigit())
    wrong = bound[1][:first] + ("9" if bound[1][first] != "9" else digit) + bound[1][first + 1 :]
    tampered = page.html[: bound.start(1)] + wrong + page.html[bound.end(1) :]
    with pytest.raises(UnboundNumber, match="is bound to decision"):
        check_page(tampered, page.tables, EN)


def test_a_number_without_a_cell_is_caught(page):
    tampered = page.html.replace("is expected to bring", "is expected by 12 experts to bring", 1)
    assert tampered != page.html
    with pytest.raises(UnboundNumber, match="bound to no table cell"):
        check_page(tampered, page.tables, EN)


def test_names_are_shown_literally():
    names = {"video ID": NASTY, "fewer forms": "_hidden $\\alpha$"}
    scenario = renamed(small_scenario(), names)
    scenario = dataclasses.replace(scenario, question=f"What about {NASTY}?", name=NASTY)
    page = page_of(build_decision(scenario, draws=40), scenario, manifest={"command": NASTY})
    assert "<script>alert" not in page.html
    assert "<b>&#34;$x$" not in page.html
    assert "&lt;b&gt;" in page.html
    assert "_hidden $\\alpha$" in page.figures["differences"].replace("\n", "")
    found = Outline()
    found.feed(page.html)
    assert found.tags.count("script") == 2
    assert not any("alert" in link for link in found.links)


def test_a_javascript_address_stays_text():
    scenario = renamed(small_scenario(), {"video ID": "javascript:alert(1)"})
    page = page_of(build_decision(scenario, draws=40), scenario, manifest={})
    assert not re.search(r'(?:href|src)="\s*javascript', page.html, re.IGNORECASE)


def test_grade_e_shows_no_money(scenario):
    page = page_of(build_decision(scenario, draws=40, grade="E"), scenario, manifest={})
    plain = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page.html, flags=re.DOTALL)
    assert "withheld" in plain
    assert not re.search(r"EUR.{0,3}\d", plain)
    assert not {"decision", "realism", "cumulative_net_benefit", "impact_effort"} & set(page.tables)
    assert 'id="money"' not in page.html
    assert "Revenue" not in plain


def test_french(decision, scenario):
    page = page_of(decision, scenario, manifest={}, lang="fr")
    assert '<html lang="fr">' in page.html
    assert "devrait rapporter" in page.html
    assert re.search(r"\d,\d", page.html)
    assert check_page(page.html, page.tables, language("fr", "EUR")) > 40


def test_the_page_stands_without_optional_parts(decision, scenario):
    comparison = dataclasses.replace(decision.comparison, stories=(), flips=())
    fit = dataclasses.replace(decision.fit, source="stated", gates=(), prior_share=None, notes=(), summary=())
    bare = dataclasses.replace(decision, comparison=comparison, fit=fit, best=None, evidence=(), targets=())
    page = page_of(bare, dataclasses.replace(scenario, question=""), manifest={})
    plain = " ".join(re.sub("<[^>]+>", "", page.html).split())
    assert "None of the proposals is expected to beat today" in plain
    net = {item.proposal: float(item.full.net.mean()) for item in decision.verdicts}
    closest = max(net, key=net.get)
    assert f"{closest} comes closest." in plain
    assert f"{closest}: nine times in ten the net benefit lies between" in plain


@pytest.mark.parametrize("members", [("video ID",), ("video ID", "fewer forms")])
def test_the_answer_names_several_proposals_where_they_bring_most_together(decision, scenario, members):
    portfolio = dataclasses.replace(decision.portfolio, best=members)
    decided = dataclasses.replace(decision, portfolio=portfolio)
    told = str(said_of(decided, tables_of(decided, scenario), EN).answer[-1])
    assert told.startswith("Together they are expected to bring more: video ID + fewer forms") == (len(members) > 1)
