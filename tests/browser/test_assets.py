"""What people wait for on a phone: few bytes, few requests, and a page that does not move."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from playwright.sync_api import Page, expect

from app.web import assets
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage
from tests.browser.test_journey import sign_up

PHONE = {"viewport": {"width": 360, "height": 740}, "timezone_id": "America/St_Johns"}
SLOW_4G = {
    "offline": False,
    "latency": 150,  # milliseconds
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
ADA = "ada@example.com"
ICON = "/favicon.svg"
WATCH_SHIFTS = """
globalThis.shifts = [];
globalThis.observer = new PerformanceObserver(list => shifts.push(...list.getEntries()));
observer.observe({type: 'layout-shift', buffered: true});
"""
# A shift is known once its frame has been drawn.
SHIFTS = """async () => {
    await document.fonts.ready;
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    shifts.push(...observer.takeRecords());
    return shifts.map(({value, sources}) => [value, sources.map(({node}) => node?.textContent)]);
}"""
LOADED_FONTS = "() => [...document.fonts].filter(font => font.status === 'loaded').length"


class Wire:
    """Notes what a server sends: each path, with the bytes of its headers and its body."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.sent: list[tuple[str, int]] = []
        self.icons = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[..., Any]:
            head = sum(len(name) + len(value) + 4 for name, value in headers)
            self.sent.append((environ["PATH_INFO"], head + int(dict(headers)["Content-Length"])))
            return start_response(status, headers, *error)

        return self.app(environ, start)

    def paths(self) -> list[str]:
        """The paths since the last time. The icon is counted apart: Chromium asks for it at some
        time after the first page has loaded."""
        paths = [path for path, _size in self.sent]
        self.sent.clear()
        self.icons += sum(path.endswith(ICON) for path in paths)
        return [path for path in paths if not path.endswith(ICON)]


@pytest.fixture
def late_script(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script that rewrites times arrives after everything else: it is long."""
    folder = tmp_path_factory.mktemp("late") / "static"
    shutil.copytree(assets._FOLDER, folder)
    with (folder / "js" / "latchkey.js").open("a") as script:
        script.write(f"\n// {secrets.token_hex(150_000)}\n")
    monkeypatch.setattr(assets, "_FOLDER", folder)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app, whose static files browsers keep."""
    with serve_with_mailbox(tmp_path) as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """Where `new_page` opens its pages."""
    return server.url


@pytest.fixture
def wire(server: AppServer) -> Wire:
    """What is sent from now on."""
    wire = Wire(server.app.wsgi_app)
    server.app.wsgi_app = wire  # type: ignore[method-assign]
    return wire


def opened(page: Page, path: str) -> None:
    page.goto(path, wait_until="networkidle")


def signed_in(server: AppServer, page: Page) -> Any:
    """The cookies of somebody whose address is confirmed, for a browser that has seen nothing."""
    sign_up(page, ADA)
    page.goto(server.mailbox.newest(ADA).link)
    expect(page.locator(".alert-success")).to_be_visible()
    return page.context.storage_state()


@pytest.mark.parametrize("path", ["/", "/register", "/login"])
def test_a_first_visit_transfers_at_most_60_kB(new_page: NewPage, wire: Wire, path: str) -> None:
    opened(new_page(**PHONE), path)
    assert sum(size for _path, size in wire.sent) <= 60_000, wire.sent
    assert any(name.endswith(".woff2") for name, _size in wire.sent)


def test_each_further_page_is_one_request_and_in_our_font(new_page: NewPage, wire: Wire) -> None:
    page = new_page(**PHONE)
    opened(page, "/")
    opened(page, "/login")
    assert len(wire.paths()) > 1
    for path in ("/login", "/forgot", "/"):
        opened(page, path)
        # The list of passkeys at the address field needs a challenge.
        assert wire.paths() == ([path, "/login/passkey/options"] if path == "/login" else [path])
        assert page.evaluate(LOADED_FONTS) == 1
    assert wire.icons <= 1


def test_a_script_that_imports_another_does_not_load_it_twice(
    new_page: NewPage, wire: Wire
) -> None:
    page = new_page(**PHONE)
    sign_up(page)
    opened(page, "/unconfirmed")
    scripts = [path for path in wire.paths() if path.endswith(".js")]
    names = sorted(path.rsplit("/", 1)[1] for path in scripts)
    assert names == ["advice.js", "latchkey.js", "waiting.js"]
    assert len({path.split("/")[2] for path in scripts}) == 1, "all have the fingerprint"
    opened(page, "/unconfirmed")
    assert wire.paths() == ["/unconfirmed"]


@pytest.mark.usefixtures("late_script")
def test_nothing_moves_while_the_profile_loads_on_a_phone(
    server: AppServer, new_page: NewPage
) -> None:
    cookies = signed_in(server, new_page())
    page = new_page(storage_state=cookies, locale="de-DE", **PHONE)
    page.add_init_script(WATCH_SHIFTS)
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_4G)
    opened(page, "/profile")
    assert "UTC" not in str(page.locator("time").first.text_content()), "the script has run"
    assert page.evaluate(SHIFTS) == []


# On wider screens the page is centred, and the brand stays at the edge.
@pytest.mark.parametrize("width", [360, 768, 1024])
@pytest.mark.parametrize("path", ["/", "/dev/mail"])
def test_the_brand_and_a_wide_page_start_at_the_same_line(
    new_page: NewPage, path: str, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(path)
    brand, heading = (page.locator(name).bounding_box() for name in (".lk-brand", "h1"))
    assert brand is not None
    assert heading is not None
    assert brand["x"] == pytest.approx(heading["x"], abs=0.5)
