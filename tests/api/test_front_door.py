"""An app behind real proxies with the configurations of docs/front-door.md."""

import json
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import pytest
from mongomock.collection import Collection
from pymongo.errors import AutoReconnect

from app.mongo import current_mongo
from tests.conftest import MakeApp
from tests.front_door import (
    COOKIE,
    WIKI,
    Door,
    Ports,
    RunProxy,
    by_caddy,
    by_nginx,
    open_door,
    running_wiki,
    store_account,
)
from tests.http_browser import HttpBrowser, Page
from tests.planted_factors import ADA, account
from tests.processes import free_port
from tests.visitor import PASSWORD

FORGED = {
    "Remote-User": "0" * 24,
    "Remote-Email": "root@example.com",
    "Remote-Groups": "users,admin",
    "Remote_User": "0" * 24,
    "Remote_Groups": "users,admin",
    "REMOTE-USER": "0" * 24,
}


def ada_s_identity(door: Door) -> list[tuple[str, str]]:
    """The headers that say who Ada is."""
    user = str(account(door.app).id)
    return [("remote-email", ADA), ("remote-groups", "users"), ("remote-user", user)]


def open_page(browser: HttpBrowser, url: str) -> Page:
    """Opens a page as a browser does."""
    return browser.open(url, Sec_Fetch_Mode="navigate")


def seen_by_wiki(page: Page) -> dict[str, Any]:
    """What the wiki has received. It answers with that."""
    assert page.status == 200, page.text[:300]
    assert urlsplit(page.url).hostname == WIKI
    seen: dict[str, Any] = json.loads(page.text)
    return seen


def sign_in(door: Door, email: str = ADA) -> HttpBrowser:
    """A browser that was led from the wiki to the form, and back."""
    browser = HttpBrowser()
    form = open_page(browser, f"{door.wiki}/")
    seen_by_wiki(browser.submit(form, "/login", email=email, password=PASSWORD))
    return browser


@pytest.fixture(autouse=True)
def _hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hosts of the document are this machine."""
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        local = str(host).endswith(".example.org")
        return real("127.0.0.1" if local else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture(params=[by_nginx, by_caddy])
def door(request: pytest.FixtureRequest, make_app: MakeApp, tmp_path: Path) -> Iterator[Door]:
    """Latchkey and the wiki behind each proxy."""
    with open_door(make_app, tmp_path, request.param) as opened:
        yield opened


def test_a_visitor_is_led_to_the_form_and_back(door: Door) -> None:
    browser, wanted = HttpBrowser(), "/a%20page?b=c&d=%C3%BC//&e"
    form = open_page(browser, f"{door.wiki}{wanted}")
    assert form.url.startswith(f"{door.accounts}/login?next=https%3A")
    seen = seen_by_wiki(browser.submit(form, "/login", email=ADA, password=PASSWORD))
    assert browser.pages[-1].url == f"{door.wiki}{wanted}"
    assert seen["url"].endswith("?b=c&d=%C3%BC//&e")
    headers = dict(seen["headers"])
    assert headers["remote-user"] == str(account(door.app).id)
    assert (headers["remote-email"], headers["remote-groups"]) == (ADA, "users")
    assert COOKIE in {cookie.name for cookie in browser.cookies}


def test_a_person_who_is_signed_in_gets_in(door: Door) -> None:
    browser = HttpBrowser()
    browser.submit(browser.open(f"{door.accounts}/login"), email=ADA, password=PASSWORD)
    before = len(browser.locations)
    seen = seen_by_wiki(open_page(browser, f"{door.wiki}/x?y=z"))
    assert len(browser.locations) == before
    assert seen["url"] == "/x?y=z"
    sent = seen_by_wiki(browser.open(f"{door.wiki}/form", {"text": "a form of the wiki"}))
    assert (sent["method"], sent["body"]) == ("POST", "text=a+form+of+the+wiki")


def test_the_groups_of_an_administrator_reach_the_app(door: Door) -> None:
    store_account(door.app, "root@example.com", admin=True)
    seen = seen_by_wiki(open_page(sign_in(door, "root@example.com"), f"{door.wiki}/"))
    assert dict(seen["headers"])["remote-groups"] == "users,admin"


def test_a_forged_identity_does_not_get_through(door: Door) -> None:
    refused = HttpBrowser().open(f"{door.wiki}/", headers=FORGED)
    assert (refused.status, json.loads(refused.text)["code"]) == (401, "authentication_required")
    browser = sign_in(door)
    seen = seen_by_wiki(browser.open(f"{door.wiki}/", headers=FORGED))
    identity = [(name, value) for name, value in seen["headers"] if name.startswith("remote")]
    assert sorted(identity) == ada_s_identity(door)


def test_a_client_can_at_most_remove_its_own_identity(door: Door) -> None:
    """A proxy may remove the headers that `Connection` names (RFC 9110, 7.6.1). Caddy does."""
    (session,) = (cookie for cookie in sign_in(door).cookies if cookie.name == COOKIE)
    wiki = urlsplit(door.wiki)
    context = ssl._create_unverified_context()  # noqa: S323
    connection = HTTPSConnection(WIKI, wiki.port or 443, timeout=30, context=context)
    headers = {"Cookie": f"{COOKIE}={session.value}", "Connection": "Remote-User, Remote-Groups"}
    connection.request("GET", "/", headers=FORGED | headers)
    seen = json.loads(connection.getresponse().read())
    connection.close()
    identity = {(name, value) for name, value in seen["headers"] if name.startswith("remote")}
    assert identity <= set(ada_s_identity(door))


def test_forged_forwarded_headers_neither_open_the_door_nor_lead_elsewhere(door: Door) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Uri": "//evil.example/",
        "X-Forwarded-Method": "OPTIONS",
        "X-Forwarded-Prefix": "/evil",
        "X-Original-URL": "/evil",
        "Sec-Fetch-Mode": "navigate",
    }
    page = HttpBrowser().open(f"{door.wiki}/x", headers=forged)
    wanted = quote(f"{door.wiki}/x", safe="")
    assert page.url == f"{door.accounts}/login?next={wanted}"
    assert "evil" not in page.text


def test_a_revoked_session_is_out_at_once(door: Door) -> None:
    browser = sign_in(door)
    seen_by_wiki(open_page(browser, f"{door.wiki}/"))
    with door.app.app_context():
        current_mongo().users.update_one({"email_key": ADA}, {"$set": {"sessions": []}})
    assert browser.open(f"{door.wiki}/").status == 401
    assert open_page(browser, f"{door.wiki}/").path == "/login"


def test_signing_out_closes_the_door_at_once(door: Door) -> None:
    browser = sign_in(door)
    thief = HttpBrowser()
    for cookie in browser.cookies:
        thief.cookies.set_cookie(cookie)
    seen_by_wiki(thief.open(f"{door.wiki}/"))
    browser.submit(browser.open(f"{door.accounts}/"), "/logout")
    for person in (browser, thief):
        assert person.open(f"{door.wiki}/").status == 401


def test_programs_and_scripts_get_a_problem_in_json(door: Door) -> None:
    as_script = {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}
    for headers in ({}, {"Accept": "application/json"}, as_script):
        answer = HttpBrowser().open(f"{door.wiki}/", headers=headers)
        assert answer.status == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.text)["code"] == "authentication_required"
    sent = HttpBrowser().open(f"{door.wiki}/", {"a": "b"}, headers={"Accept": "text/html"})
    assert sent.status == 401


@pytest.mark.parametrize("run_proxy", [by_nginx, by_caddy])
def test_nobody_passes_while_latchkey_is_away(tmp_path: Path, run_proxy: RunProxy) -> None:
    with running_wiki() as wiki_port:
        ports = Ports(free_port(), free_port(), wiki_port)
        with run_proxy(tmp_path, ports):
            answer = HttpBrowser().open(f"https://{WIKI}:{ports.proxy}/")
    assert answer.status in {500, 502}


def test_nobody_passes_while_mongodb_is_away(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = sign_in(door)
    monkeypatch.setattr(Collection, "find_one", _raise_outage)
    assert open_page(browser, f"{door.wiki}/").status in {500, 503}


def _raise_outage(*_arguments: object) -> NoReturn:
    raise AutoReconnect("away")


def test_an_unconfirmed_person_is_led_to_the_waiting_page(door: Door) -> None:
    browser = HttpBrowser()
    form = browser.open(f"{door.accounts}/register")
    browser.submit(form, email="bob@example.com", password=PASSWORD, confirm=PASSWORD)
    assert open_page(browser, f"{door.wiki}/").url == f"{door.accounts}/unconfirmed"
    assert browser.open(f"{door.wiki}/").status == 403


def test_the_app_gets_no_cookie_and_no_token_of_latchkey(door: Door) -> None:
    browser = sign_in(door)
    (session,) = (cookie for cookie in browser.cookies if cookie.name == COOKIE)
    ours = f"{COOKIE}={session.value}"
    for given in (
        ours,
        f"a=b; {ours}",
        f"{ours}; c=d",
        f"a=b; {ours}; c=d",
        f"{ours}; {ours}",
        f"a=b; {ours}; {ours}",
    ):
        headers = {"Cookie": given, "Authorization": "Basic eDp5"}
        seen = dict(seen_by_wiki(HttpBrowser().open(f"{door.wiki}/", headers=headers))["headers"])
        assert str(session.value) not in str(seen)
        assert "authorization" not in seen
        kept = {part.strip() for part in seen.get("cookie", "").split(";")} - {"", "removed="}
        # Where there are two, nginx removes all cookies.
        assert kept == set(given.split("; ")) - {ours} or (given.count(ours) == 2 and not kept)


def test_the_internal_paths_of_nginx_are_closed(door: Door) -> None:
    browser = sign_in(door)
    for path in ("/_latchkey/verify", "/_latchkey/sign-in"):
        page = browser.open(f"{door.wiki}{path}")
        # Caddy has no such paths: they are the wiki's.
        assert page.status == 404 or seen_by_wiki(page)["url"] == path
