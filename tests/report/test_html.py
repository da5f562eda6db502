"""`report.html` as text: what is on it, that nothing of a target becomes markup, and how large it gets."""

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.html import to_html
from overheard.report.terminal import to_terminal
from overheard.report.words import verdict_line

LARGEST = 8 << 20
VOID = {"meta", "col", "link", "br", "hr", "img", "input"}
ATTRIBUTES = {
    "accept-charset", "aria-hidden", "aria-label", "aria-labelledby", "charset", "class", "colspan", "content",
    "d", "data-label", "height", "href", "http-equiv", "id", "lang", "name", "open", "points", "rel", "role",
    "rx", "scope", "span", "tabindex", "value", "viewbox", "width", "x", "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
TAGS = {
    "a", "article", "bdi", "body", "caption", "code", "col", "colgroup", "dd", "details", "div", "dl", "dt",
    "figcaption", "figure", "g", "h1", "h2", "h3", "h4", "head", "header", "html", "li", "line", "main", "meta",
    "nav", "ol", "p", "path", "polygon", "pre", "q", "rect", "section", "span", "strong", "style", "summary",
    "sup", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr", "tspan", "ul",
}  # fmt: skip


class Page(HTMLParser):
    """What a parser makes of a page: tags that match, their attributes, and the text between them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.words, self.links = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []
        self.text = "\n".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.links += [value for name, value in attributes if name == "href"]
        if tag not in VOID and tag not in ("line", "rect", "path", "polygon"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")


def said(text):
    """The words of a page on one line, as they are read."""
    return " ".join(" ".join(Page(text).words).split())


@pytest.mark.parametrize("which", ["held", "violated", "inconclusive"])
def test_it_begins_with_the_line_that_every_report_begins_with(request, which):
    judgement = request.getfixturevalue(which)
    text = to_html(judgement)
    first = re.search(r"<h1>.*?</h1>", text).group()
    line = html.unescape(re.sub(r'<span class="sign".*?</span>|<[^>]*>', "", first))
    assert line == verdict_line(judgement)
    assert to_terminal(judgement, colour=False, width=500).startswith(line)
    assert f'<header class="{judgement.verdict}">' in text


def test_what_a_person_looks_for_is_there(violated):
    words = said(to_html(violated))
    for needed in (
        "thread-ownership", "a thread", "✗ violated", "120 240 40 0.073", "thread id is the only key",
        "told by", "r0, in operation 4 at 1.204 s", "'user-3fa9'", "seen by", "of tenant acme", "in the reply",
        "Make the resource part of the key.", "CWE-639", "replayed 2 of 3 times (a leak seen once is a leak)",
        "counterexamples/counterexample-1.py", "from overheard.replay import Stage", "alice", "bob",
        "My locker code is ‹secret›.", "sees ‹secret›, in the reply", "none: it was not made smaller",
        "4 of 4 cells exercised with live controls; 2 not offered.", "its operations never suspend",
        "810 attributed", "Leaks put in on purpose", "production traffic", "declared on the target",
        "scope.search", "--seed 42", "3.11.9",
    ):  # fmt: skip
        assert needed in words, needed


def test_a_promise_that_is_new_needs_no_change_here(violated, finding):
    name = "no-such-promise-yet"
    judgement = replace(
        violated,
        invariants=(*violated.invariants, replace(violated.invariants[0], name=name, title="a new one")),
        findings=(replace(finding, invariant=name, diagnosis="a new mistake", also_rules_out=(name,)),),
        coverage=(
            *violated.coverage,
            replace(violated.coverage[0], relation=f"{name}: of a kind", surface="new"),
        ),
    )
    text = to_html(judgement)
    assert text.count(f"<code>{name}</code>") == 3
    words = said(text)
    assert "1. a new mistake no-such-promise-yet" in words
    assert "new · of a kind" in words
    assert "CWE-653" in words


def test_every_cell_is_there_and_those_not_reached_say_why(inconclusive):
    cells = (
        replace(inconclusive.coverage[0], state="not reached", reason="nothing got there"),
        replace(inconclusive.coverage[1], state="no control", reason="nothing proved it"),
        *inconclusive.coverage[2:],
    )
    text = to_html(replace(inconclusive, coverage=cells))
    assert len(re.findall(r'<td class="cell ', text)) == 6
    words = said(text)
    assert "○ not reached 1" in words
    assert "! no control 2" in words
    assert "nothing got there nothing proved it" in words
    assert "2 of 4 cells exercised with live controls; 1 no control; 1 not reached; 2 not offered." in words


def test_evidence_stays_away_unless_it_is_asked_for(violated):
    assert "dora@example.com" not in to_html(violated)
    assert violated.findings[0].token not in to_html(violated)
    assert "dora@example.com" in to_html(violated, show=True)


def test_one_style_sheet_is_allowed_and_nothing_else(violated):
    text = to_html(violated)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none'; form-action 'none'",
        policy,
    )
    assert "url(" not in text
    assert "@import" not in text
    assert "@font-face" not in text


def test_it_stays_small_whatever_it_is_given(violated, finding):
    wide = "\U000e0041" * 200_000
    absurd = replace(
        violated,
        target=wide,
        scenarios=(wide,) * 500,
        notes=(wide,) * 2_000,
        versions={f"{n}": wide for n in range(50)},
        findings=(replace(finding, diagnosis=wide, advice=wide, evidence=wide, token=wide),) * 400,
        invariants=tuple(
            replace(one, name=wide, title=wide, reasons=(wide,) * 500) for one in violated.invariants
        ),
        coverage=tuple(
            replace(violated.coverage[0], surface=f"{n}{wide}", relation=f"{n}", reason=f"{n}{wide}")
            for n in range(3_000)
        ),
    )
    text = to_html(absurd, show=True)
    assert len(text.encode()) < LARGEST
    assert "And 350 more, cut to keep this page small: report.json has them all." in said(text)


# Not shrunk: a whole judgement takes minutes of it, and says no more afterwards.
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data(), show=st.booleans())
def test_nothing_in_any_judgement_becomes_markup(judgements, data, show):
    judgement = data.draw(judgements)
    text = to_html(judgement, show=show)
    assert text == to_html(judgement, show=show)
    text.encode()
    page = Page(text)
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(
        link.startswith(
            (
                "#",
                "counterexamples/",
                "https://cwe.mitre.org/",
                "https://owasp.org/",
                "https://genai.owasp.org/",
            )
        )
        for link in page.links
    )
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert page.tags.count("article") == len(judgement.findings)
    for word in page.words:
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", word
        )
