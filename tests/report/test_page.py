"""`report.html` as a person sees it, in a real browser: nothing runs, nothing is fetched, everything fits.

The pages are visited once, on a loop of their own (Playwright's synchronous door would keep a loop running in
this thread, and campaigns of other tests start theirs), and what was seen of them is looked at here.
"""

import asyncio
import os
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from playwright.async_api import async_playwright

from overheard.report.html import to_html

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEWS = [(width, scheme) for width in (400, 1200) for scheme in ("light", "dark")]
PAGES = ("held", "violated", "inconclusive", "hostile", "sample")
SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "raced" / "report.html"

# Whatever stands out of the window to the right, unless it is in a part that scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll("body *")]
    .filter(one => !one.closest(".scroll, .unseen, thead") && one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 200))"""
# Cut off by a box that neither wraps nor scrolls: what a reader cannot get at.
CUT_OFF = """() => [...document.querySelectorAll("h1, h2, h3, li, td, th, dd, p, figcaption, caption")]
    .filter(one => !one.closest("thead") && one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 200))"""
ELEMENTS = "() => [...new Set([...document.querySelectorAll('*')].map(one => one.tagName))]"
HANDLERS = """() => [...document.querySelectorAll("*")].flatMap(one => [...one.attributes])
    .map(one => one.name).filter(name => name.startsWith("on") || name === "style" || name === "src")"""
LINKS = "() => [...document.querySelectorAll('a')].map(one => one.href)"
BREACH = """
<script>document.title = "ran"; new Image().src = "<SERVER>/script"</script>
<img src="<SERVER>/image" onerror="document.title = 'ran'">
<link rel="stylesheet" href="<SERVER>/style"><iframe src="<SERVER>/frame"></iframe>
<style>body { background: url(<SERVER>/background) }</style>
<p style="background: url(<SERVER>/attribute)">x</p>
<svg><script>document.title = "ran"</script><image href="<SERVER>/svg"/></svg>
<form action="<SERVER>/form"><input autofocus onfocus="document.title = 'ran'"></form>
<base href="<SERVER>/"><meta http-equiv="refresh" content="0; url=javascript:document.title='ran'">
"""


class Visit(NamedTuple):
    """What a browser said and did at one page."""

    title: str
    said: list[str]
    asked_for: list[str]
    reached: list[str]
    wide: int
    sticking_out: list[str]
    cut_off: list[str]
    elements: set[str]
    handlers: list[str]
    links: list[str]
    text: str
    barriers: list[str]
    closed_on_paper: int


@pytest.fixture(scope="module")
def chromium():
    """The path of a Chromium. Without one, skips on a developer's machine; under CI that is a failure."""
    named = os.environ.get("OVERHEARD_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        why = f"no Chromium here ({', '.join(NAMES)}): install one to test report.html, or name it in OVERHEARD_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    return found


@pytest.fixture(scope="module")
def visits(chromium, held, violated, inconclusive, hostile, tmp_path_factory):
    """Each page in each view; and one into which an attacker got markup all the same, with its policy and
    without."""
    pages = {
        "held": to_html(held),
        "violated": to_html(violated),
        "inconclusive": to_html(inconclusive),
        "hostile": to_html(hostile, show=True),
        "sample": SAMPLE.read_text(encoding="utf-8"),
        # Letters that join into one: there is no place at which a line could be broken.
        "endless": to_html(replace(violated, target="\u1100" * 3_000, scenarios=("\u1100" * 3_000,))),
    }
    return asyncio.run(_visit_all(chromium, tmp_path_factory.mktemp("pages"), pages))


async def _visit_all(chromium, folder, pages):
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    async with async_playwright() as playwright, _Server() as server:
        browser = await playwright.chromium.launch(executable_path=chromium)
        breached = pages["violated"].replace("<main>", f"<main>{BREACH.replace('<SERVER>', server.url)}")
        pages = pages | {
            "breached": breached,
            "unguarded": re.sub("<meta http-equiv=.*?>", "", breached, count=1),
        }
        seen = {}
        try:
            for name, text in pages.items():
                path = folder / f"{name}.html"
                path.write_text(text, encoding="utf-8")
                for width, scheme in VIEWS if name in PAGES else VIEWS[:1]:
                    seen[name, width, scheme] = await _visit(browser, path, width, scheme, axe, server)
        finally:
            await browser.close()
        return seen


class _Server:
    """Whom an attacker would send a page's readers to. `reached` are the paths that were asked for."""

    async def __aenter__(self):
        self.reached = []
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def _serve(self, reader, writer):
        words = (await reader.readline()).split()
        self.reached += [words[1].decode()] if len(words) > 1 else []
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def __aexit__(self, *_error):
        self._server.close()
        await self._server.wait_closed()


async def _visit(browser, path, width, scheme, axe, server):
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    said, asked_for = [], []
    server.reached = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: asked_for.append(request.url))
    await page.goto(path.as_uri())
    await page.wait_for_timeout(100)
    seen = [await page.evaluate(what) for what in (STICKING_OUT, CUT_OFF, ELEMENTS, HANDLERS, LINKS)]
    visit = Visit(
        title=await page.title(),
        said=said,
        asked_for=asked_for,
        reached=list(server.reached),
        wide=await page.evaluate("document.documentElement.scrollWidth"),
        sticking_out=seen[0],
        cut_off=seen[1],
        elements=set(seen[2]),
        handlers=seen[3],
        links=seen[4],
        text=await page.inner_text("body"),
        barriers=await _barriers(page, axe),
        closed_on_paper=await _closed_on_paper(page),
    )
    await context.close()
    return visit


async def _barriers(page, axe):
    """What keeps somebody from reading it, by axe-core: structure, names, contrast."""
    await page.evaluate(axe)
    found = await page.evaluate(
        "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
    )
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


async def _closed_on_paper(page):
    """How many programs are folded away where nobody can unfold them."""
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
    await page.emulate_media(media="print")
    return await page.evaluate(
        "[...document.querySelectorAll('details pre')].filter(one => !one.getBoundingClientRect().height).length"
    )


@pytest.fixture(
    params=[(name, *view) for name in PAGES for view in VIEWS], ids=lambda each: "-".join(map(str, each))
)
def visit(request, visits):
    return visits[request.param]


def test_nothing_runs_and_nothing_is_fetched(visit):
    assert visit.said == []
    (only,) = visit.asked_for
    assert only.startswith("file://")


def test_everything_fits_into_the_window(visit, request):
    width = request.node.callspec.params["visit"][1]
    assert visit.wide <= width
    assert visit.sticking_out == []
    assert visit.cut_off == []


def test_nobody_is_kept_from_reading_it(visit):
    assert visit.barriers == []


def test_programs_are_on_paper_also_where_they_were_folded(visit):
    assert visit.closed_on_paper == 0


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_what_a_target_said_is_text(visits, width, scheme):
    hostile, plain = visits["hostile", width, scheme], visits["violated", width, scheme]
    assert hostile.elements <= plain.elements
    assert hostile.handlers == plain.handlers == []
    assert [
        link
        for link in hostile.links
        if not re.match(r"(file://|https://(cwe\.mitre|owasp|genai\.owasp)\.org/)", link)
    ] == []
    assert "<script>alert(1)</script>" in hostile.text
    assert "\\x1b]8;;https://evil.example\\x1b\\click" in hostile.text
    assert "\\u202ereversed\\u202c" in hostile.text
    assert not re.search(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", hostile.text
    )


def test_markup_that_got_in_all_the_same_does_nothing(visits):
    """The policy alone: the same page with markup in the middle of it."""
    breached = visits["breached", *VIEWS[0]]
    assert "SCRIPT" in breached.elements
    assert breached.title.startswith("violated: ")
    assert breached.reached == []
    assert any("Content Security Policy" in line for line in breached.said)


def test_a_browser_would_have_shown_it(visits):
    """The tests above can fail: without the policy the same markup runs, and sends for everything."""
    unguarded = visits["unguarded", *VIEWS[0]]
    assert unguarded.title == "ran"
    assert {"/script", "/image", "/style", "/frame", "/svg"} <= set(unguarded.reached)
    assert unguarded.handlers
    assert unguarded.barriers
    assert not unguarded.elements <= visits["violated", *VIEWS[0]].elements


def test_what_cannot_be_wrapped_is_cut(visits):
    assert visits["endless", *VIEWS[0]].wide <= VIEWS[0][0]
