"""Every page, in each of its states, error pages and refused forms included: axe-core finds no
problem in light and dark, large text fits a small screen, and the HTML is valid."""

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Response
from playwright.sync_api import Page

from tests.browser import tour
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage
from tests.browser.html_checker import invalid_html

# The rules of WCAG and the best practices of axe-core, without its experimental rules.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A mail is shown inside a page that has the landmarks.
MAIL_RULES = RULES[:-1]
# The rules that depend on the colour scheme.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]

# WCAG 1.4.10 wants 320 pixels, 1.4.4 text of 200 %.
SMALL_SCREEN = {"width": 320, "height": 640}
LARGE_TEXT = "200%"
# The elements that stick out, without those in a container that scrolls. A parent
# that clips its content would hide words, so it counts too.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => element && (
    ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)
    || scrolls(element.parentElement));
  const all = [...document.body.querySelectorAll('*')];
  const out = all.filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > width + 1 || box.left < -1)
      && !scrolls(element.parentElement) && !element.closest('.visually-hidden, svg');
  });
  const names = out.map((element) => `<${element.localName} class="${element.className}">`
    + ` to ${Math.round(element.getBoundingClientRect().right)}`);
  const page = document.documentElement.scrollWidth - width;
  return page > 0 ? [`the page by ${page}`, ...names] : names;
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app; mail is sent when a test reads the mailbox."""
    with serve_with_mailbox(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """The address that `new_page` opens."""
    return server.url


@pytest.fixture(scope="module")
def all_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all answers: Java starts once for the whole tour."""
    return tmp_path_factory.mktemp("answers")


@pytest.fixture
def answers(server: AppServer, all_answers: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with every page that the app answers, named by method, route and status."""
    folder = all_answers / str(request.node.callspec.id)
    folder.mkdir()

    def keep(response: Response) -> Response:
        # A mail is written for mail programs, some of which know no HTML of this century.
        sent = flask.request
        if response.mimetype == "text/html" and sent.endpoint != "mailbox.html":
            name = f"{sent.method}-{sent.endpoint}-{response.status_code}"
            number = len(list(folder.iterdir()))
            (folder / f"{number:03}-{name}.html").write_bytes(response.get_data())
        return response

    server.app.after_request(keep)
    return folder


def problems(page: Page, name: str) -> str:
    """The report of axe-core about a page; empty if it finds nothing."""
    report = ""
    light = MAIL_RULES if name.startswith("mail-") else RULES
    # The page keeps axe-core, whose half a megabyte is not loaded again.
    for scheme, axe, rules in (("light", Axe(), light), ("dark", Axe(""), COLOUR_RULES)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = axe.run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        if found.violations_count:
            report += f"{name}, {scheme}: {found.generate_report()}\n"
    page.emulate_media(color_scheme="light")
    return report


def too_wide(page: Page, name: str) -> str:
    """What sticks out of a small screen with large text; empty if nothing does."""
    if name.startswith("mail-"):
        return ""  # it is shown in a frame of its own width
    size = page.viewport_size
    assert size
    page.set_viewport_size(SMALL_SCREEN)  # type: ignore[arg-type]
    page.evaluate("size => { document.documentElement.style.fontSize = size }", LARGE_TEXT)
    found = page.evaluate(TOO_WIDE)
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")
    page.set_viewport_size(size)
    return f"{name}: {'; '.join(found)}\n" if found else ""


def test_the_checker_finds_faults(tmp_path: Path) -> None:
    page = '<!doctype html><html lang="en"><head><title>x</title></head><body>{}</body></html>'
    faults = {
        "sound": "<p>x</p>",
        "time": '<p><time datetime="2026-11-27T00:44:15.907000+00:00">x</time></p>',
        "nested": "<p><div>x</div></p>",
        "id": '<p id="a">x</p><p id="a">y</p>',
    }
    for name, body in faults.items():
        (tmp_path / f"{name}.html").write_text(page.format(body))
    found = invalid_html(tmp_path)
    assert {line.partition(".")[0] for line in found} == {"time", "nested", "id"}


@pytest.mark.parametrize("part", tour.PARTS, ids=lambda part: part.__name__)
def test_no_page_has_a_problem_or_is_too_wide_for_a_small_screen(
    server: AppServer, new_page: NewPage, answers: Path, part: tour.Part
) -> None:
    def still(**options: object) -> Page:
        """A page without transitions, which has its final colours at once."""
        return new_page(reduced_motion="reduce", **options)

    report = "".join(
        problems(page, name) + too_wide(page, name) for name, page in tour.walk(part, server, still)
    )
    assert not report, report
    assert list(answers.iterdir())


def test_the_html_of_every_page_is_valid(all_answers: Path) -> None:
    """It follows the tour, whose pages it checks."""
    assert invalid_html(all_answers) == []
