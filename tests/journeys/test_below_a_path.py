"""The journey of an account if the app is below a path of its host."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from app.mail.worker import Worker
from app.web.local_redirect import safe_target
from tests.conftest import MakeApp
from tests.http_browser import HttpBrowser, Page, listening
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD

ADA = "ada@example.com"
NEW = "another fine long password"
ROOT = "/accounts"


class Proxy:
    """A proxy in front of the app. Another application has the rest of the host."""

    def __init__(self, app: WSGIApplication, *, removes: bool, **environ: str) -> None:
        self._app, self._removes, self._environ = app, removes, environ

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            start_response("410 Gone", [])
            return [b"another application"]
        if self._removes:
            environ["PATH_INFO"] = path[len(ROOT) :]
        return self._app(environ | self._environ, start_response)


WAYS: dict[str, Callable[[WSGIApplication], Proxy]] = {
    "the proxy passes the path on": lambda app: Proxy(app, removes=False),
    "the proxy removes the path": lambda app: Proxy(app, removes=True),
    "X-Forwarded-Prefix": lambda app: Proxy(app, removes=True, HTTP_X_FORWARDED_PREFIX=ROOT),
    "SCRIPT_NAME": lambda app: Proxy(app, removes=True, SCRIPT_NAME=ROOT),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_journey_stays_below_the_path(make_app: MakeApp, way: str) -> None:
    with listening() as server:
        url = f"http://127.0.0.1:{server.port}{ROOT}"
        app = make_app(PUBLIC_URL=url, TRUSTED_PROXIES="1")
        server.app = WAYS[way](app.wsgi_app)
        ada = HttpBrowser()
        travel(ada, url, Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"])))
        assert_below(ada, url)
        assert {cookie.name for cookie in ada.cookies} == {"session", "device"}


def travel(ada: HttpBrowser, url: str, mailbox: Mailbox) -> None:
    """Registers, confirms, signs out and in again, and sets a new password by mail."""
    _register(ada, url)
    mail = mailbox.newest(ADA)
    home = ada.submit(ada.open(_link(mail.text, f"{url}/confirm/")))
    assert home.path == urlsplit(url).path + "/"
    assert "Sign out" in home.text

    signed_out = ada.submit(home, "/logout")
    assert signed_out.path.endswith("/login")
    asked = ada.open(f"{url}/profile?page=2")
    assert asked.path.endswith("/login")
    profile = ada.submit(asked, email=ADA, password=PASSWORD)
    assert profile.url == f"{url}/profile?page=2"
    assert ADA in profile.text

    _follow_every_link(ada, profile)

    ada.submit(profile, "/logout")
    ada.submit(ada.open(f"{url}/forgot"), email=ADA)
    reset = ada.open(_link(mailbox.newest(ADA, "password").text, f"{url}/reset/"))
    signing_in = ada.submit(reset, password=NEW, confirm=NEW)
    home = ada.submit(signing_in, "/login", email=ADA, password=NEW)
    assert "Sign out" in home.text
    # The link was used, and its page says so.
    assert ada.open(reset.url).status == 410
    # A stale form to sign in leads a person who is signed in to home.
    assert ada.open(f"{url}/login", {"email": ADA, "password": NEW}).url == f"{url}/"


def _follow_every_link(ada: HttpBrowser, start: Page) -> None:
    """Opens each page that links from `start` can reach."""
    left, seen = [start], {start.path}
    while left:
        page = left.pop()
        assert page.status == 200, page.url
        for link in page.soup.select("a[href]:not([href^='otpauth:'])"):
            address = urljoin(page.url, str(link["href"]))
            if urlsplit(address).path not in seen:
                seen.add(urlsplit(address).path)
                left.append(ada.open(address))
    assert len(seen) > 6


def _register(ada: HttpBrowser, url: str) -> None:
    page = ada.open(f"{url}/register")
    waiting = ada.submit(page, email=ADA, password=PASSWORD, confirm=PASSWORD)
    card = waiting.soup.select_one("[data-waiting]")
    assert card is not None
    host = url.removesuffix(urlsplit(url).path)
    assert ada.read(host + str(card["data-waiting"]))["confirmed"] is False
    assets = [address for address in page.links if "/static/" in address]
    assert len(assets) >= 4
    for address in assets:
        assert ada.open(address).status == 200, address


def _link(text: str, start: str) -> str:
    (found,) = set(re.findall(re.escape(start) + r"\S+", text))
    return str(found)


def assert_below(ada: HttpBrowser, url: str) -> None:
    """Checks that all addresses in the pages are below the path, and that cookies have this
    path."""
    named = [link for page in ada.pages for link in page.links]
    assert len(named) > 100
    for address in [*named, *ada.locations]:
        assert address == url or address.startswith(f"{url}/"), address
    assert {cookie.path for cookie in ada.cookies} == {urlsplit(url).path}


@pytest.mark.parametrize(
    "target",
    ["/profile", "/", "/account/profile", "/accounts2/x", "/accounts/../x", "/accounts%2F..%2Fx",
     "/accounts%2Fprofile", "/accounts//evil.example", "/accounts/.//x", "//evil.example/accounts/",
     "https://evil.example/accounts/", "/accounts\\evil", "accounts/profile", ""],
)  # fmt: skip
def test_next_never_leads_out_of_the_path(make_app: MakeApp, target: str) -> None:
    with make_app(PUBLIC_URL=f"https://example.org{ROOT}").test_request_context("/login"):
        assert safe_target(target) == f"{ROOT}/"


@pytest.mark.parametrize(
    "target", ["/accounts", "/accounts/", "/accounts?a=/x", "/accounts#x", "/accounts/profile?a=b"]
)
def test_next_leads_below_the_path(make_app: MakeApp, target: str) -> None:
    with make_app(PUBLIC_URL=f"https://example.org{ROOT}").test_request_context("/login"):
        assert safe_target(target) == target
