"""axe-core finds no fault on any page, in any of its states, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import tour
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage

# Those of WCAG, and what axe-core itself thinks good; its experiments are none of ours.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A mail is read inside another page, which has the landmarks.
MAIL_RULES = RULES[:-1]
# All that a colour scheme can break.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app; mail leaves when a test looks into the mailbox."""
    with serve_with_mailbox(tmp_path) as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """Where `new_page` opens its pages."""
    return server.url


def problems(page: Page, name: str) -> str:
    """What axe-core finds on a page, or nothing."""
    report = ""
    for scheme, rules in {
        "light": MAIL_RULES if name.startswith("mail-") else RULES,
        "dark": COLOUR_RULES,
    }.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        if found.violations_count:
            report += f"{name}, {scheme}: {found.generate_report()}\n"
    page.emulate_media(color_scheme="light")
    return report


@pytest.mark.parametrize("part", tour.PARTS, ids=lambda part: part.__name__)
def test_axe_finds_no_problem_on_any_page(
    server: AppServer, new_page: NewPage, part: tour.Part
) -> None:
    def still(**options: object) -> Page:
        """A page without transitions: its colours are what they are at once."""
        return new_page(reduced_motion="reduce", **options)

    report = "".join(problems(page, name) for name, page in tour.walk(part, server, still))
    assert not report, report
