"""`examples/single_page_app` on another origin, in Chromium: the whole journey by the API."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.html_checker import invalid_html
from tests.browser.test_every_page import problems, too_wide
from tests.faults.real_processes import ROOT
from tests.planted_factors import plant_app
from tests.visitor import PASSWORD
from tests.web.pages import documents

EMAIL = "ada@example.com"


@dataclass(frozen=True)
class Example:
    """The app's own site, and Latchkey."""

    url: str
    latchkey: AppServer


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    """The example, served from an origin that Latchkey allows."""
    folder = tmp_path / "app"
    shutil.copytree(ROOT / "examples" / "single_page_app", folder)
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    url = f"http://localhost:{site.server_port}"
    with serve_with_mailbox(tmp_path / "mail") as latchkey:
        latchkey.app.config["API_ORIGINS"] = [url]
        index = folder / "index.html"
        index.write_text(index.read_text().replace("http://localhost:5000", latchkey.url))
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield Example(url, latchkey)
        site.shutdown()
        thread.join()
        site.server_close()


@pytest.fixture
def page(chromium: Browser, example: Example) -> Iterator[Page]:
    """The page of the app; the test fails after an error in the console."""
    wrong: list[str] = []
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(10_000)
    page = context.new_page()

    def console(message: ConsoleMessage) -> None:
        # Chromium also reports refusals and lost answers, which the tests check themselves.
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", console)
    page.goto(example.url)
    yield page
    context.close()
    assert wrong == []


def _looks_right(page: Page, name: str) -> None:
    """axe-core finds nothing in light and dark, and large text fits a small screen."""
    faults = problems(page, name) + too_wide(page, name)
    assert not faults, faults
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _send(page: Page, password: str, button: str) -> None:
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=button).click()


def test_the_html_is_valid() -> None:
    found = invalid_html(ROOT / "examples" / "single_page_app" / "index.html")
    # A file on the disk has no origin, so nothing is 'self' for the checker. Chromium applies the
    # policy in the tests below.
    assert [line for line in found if "violates Content Security Policy" not in line] == []


def test_a_person_signs_up_confirms_and_signs_out(page: Page, example: Example) -> None:
    _send(page, "short", "Sign up")
    expect(page.get_by_role("alert")).to_have_text("Use at least 8 characters.")
    expect(page.get_by_role("button", name="Sign up")).to_be_focused()
    _looks_right(page, "refused")
    _send(page, PASSWORD, "Sign up")
    expect(page.get_by_role("status")).to_contain_text("on its way to ada@example.com")
    code = example.latchkey.mailbox.newest(EMAIL).code
    expect(page.get_by_role("status")).to_contain_text("We have sent a mail")
    _looks_right(page, "waiting")
    page.get_by_label("The six digits").fill(f"{int(code) ^ 1:06}")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    page.get_by_label("The six digits").fill(code)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You are signed in as ada@example.com")).to_be_visible()
    _looks_right(page, "home")
    # Nothing that another page of this origin could read.
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [
        *(0, 0, "")
    ]
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in or sign up")).to_be_visible()
    (account,) = documents(example.latchkey.app)
    assert account["sessions"] == []


def test_the_waiting_page_notices_a_link_that_was_opened_elsewhere(
    page: Page, example: Example, chromium: Browser
) -> None:
    _send(page, PASSWORD, "Sign up")
    expect(page.get_by_role("status")).to_be_visible()
    link = example.latchkey.mailbox.newest(EMAIL).link
    elsewhere = chromium.new_page(base_url=example.latchkey.url)
    elsewhere.goto(link)
    elsewhere.get_by_label("Password", exact=True).fill(PASSWORD)
    elsewhere.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You are signed in as")).to_be_visible()
    elsewhere.close()


def test_a_person_who_mistyped_the_address_starts_over(page: Page, example: Example) -> None:
    _send(page, PASSWORD, "Sign up")
    page.get_by_role("button", name="Send a new mail").click()
    expect(page.get_by_role("alert")).to_contain_text("A new mail is on its way.")
    page.get_by_role("button", name="Use another address").click()
    expect(page.get_by_role("heading", name="Sign in or sign up")).to_be_visible()
    assert documents(example.latchkey.app) == []


def test_a_lost_answer_is_asked_for_again_and_nothing_happens_twice(
    page: Page, example: Example
) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/accounts", lose)
    _send(page, PASSWORD, "Sign up")
    expect(page.get_by_role("status")).to_contain_text("on its way to ada@example.com")
    assert lost == [201]
    assert len(example.latchkey.mailbox.subjects(EMAIL)) == 1


def test_the_waiting_page_survives_a_time_without_connection(page: Page, example: Example) -> None:
    _send(page, PASSWORD, "Sign up")
    expect(page.get_by_role("status")).to_contain_text("on its way")
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("There is no connection.")
    example.latchkey.mailbox.all()
    page.context.set_offline(False)
    expect(page.get_by_role("status")).to_contain_text("We have sent a mail")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_second_factor_is_asked_for(page: Page, example: Example) -> None:
    _send(page, PASSWORD, "Sign up")
    expect(page.get_by_role("status")).to_contain_text("on its way")
    page.get_by_label("The six digits").fill(example.latchkey.mailbox.newest(EMAIL).code)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Sign out").click()
    app = plant_app(example.latchkey.app, EMAIL)
    _send(page, PASSWORD, "Sign in")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    _looks_right(page, "second step")
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    page.get_by_label("Code of your authenticator app").fill(app.code())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("You are signed in as")).to_be_visible()
