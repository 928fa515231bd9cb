"""The app does not trust what a request says about its host and its client."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import documents

ADA = "ada@example.com"
LIES = [
    {"Host": "evil.example"},
    {"Host": "evil.example:80"},
    {"X-Forwarded-Host": "evil.example"},
    {"Forwarded": "host=evil.example;proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1"},
    {"X-Original-Host": "evil.example", "X-Host": "evil.example"},
]


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("proxies", ["0", "1"])
def test_links_in_mails_start_with_public_url(
    make_app: MakeApp, lie: dict[str, str], proxies: str
) -> None:
    app = make_app(PUBLIC_URL="https://app.example.org", TRUSTED_PROXIES=proxies)
    _register(app, ADA, lie)
    (mail,) = _delivered(app)
    assert "https://app.example.org/confirm/" in mail
    assert "evil" not in mail


def test_links_keep_the_path_of_public_url(make_app: MakeApp) -> None:
    app = make_app(PUBLIC_URL="https://example.org/accounts/")
    _register(app, ADA, {})
    (mail,) = _delivered(app)
    assert "https://example.org/accounts/confirm/" in mail


@pytest.mark.parametrize("lie", LIES)
def test_a_redirect_never_uses_the_host_that_a_request_names(
    visitor: Visitor, lie: dict[str, str]
) -> None:
    answer = visitor.get("/profile", headers=lie)
    assert answer.location == "/login?next=%2Fprofile"
    assert "evil" not in visitor.get("/", headers=lie).text


@pytest.mark.parametrize("host", ["", "a b", '"><script>alert(1)</script>', "x" * 10_000, "a:b:c"])
def test_an_invalid_host_causes_no_error(app: Flask, host: str) -> None:
    client, headers = app.test_client(), {"Host": host}
    for answer in (
        client.get("/login", headers=headers),
        client.post("/login", json={}, headers=headers),
        client.get("/no/such/page", headers=headers),
    ):
        assert 200 <= answer.status_code < 500
        assert "alert(1)" not in answer.text
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    ("proxies", "seen"), [("0", "127.0.0.1"), ("1", "198.51.100.2"), ("2", "203.0.113.1")]
)
def test_the_client_address_comes_from_the_connection_unless_proxies_are_trusted(
    make_app: MakeApp, proxies: str, seen: str
) -> None:
    app = make_app(TRUSTED_PROXIES=proxies)
    _register(app, ADA, {"X-Forwarded-For": "192.0.2.9, 203.0.113.1, 198.51.100.2"})
    (document,) = documents(app)
    assert document["sessions"][0]["address"] == seen
    assert document["events"][0]["address"] == seen


@pytest.mark.parametrize(("proxies", "secure"), [("0", False), ("1", True)])
def test_x_forwarded_proto_is_used_only_behind_a_trusted_proxy(
    make_app: MakeApp, proxies: str, secure: bool
) -> None:
    visitor = Visitor(make_app(TRUSTED_PROXIES=proxies))
    answer = visitor.get("/", headers={"X-Forwarded-Proto": "https"})
    assert ("Strict-Transport-Security" in answer.headers) is secure


def _register(app: Flask, email: str, headers: dict[str, str]) -> None:
    client = app.test_client()
    page = BeautifulSoup(client.get("/register", headers=headers).text, "html.parser")
    token = page.find("input", attrs={"name": "csrf_token"})
    assert token is not None
    fields = {"email": email, "password": PASSWORD, "confirm": PASSWORD}
    fields["csrf_token"] = str(token["value"])
    answer = client.post("/register", data=fields, headers=headers)
    assert answer.location == app.config["APPLICATION_ROOT"].rstrip("/") + "/unconfirmed"


def _delivered(app: Flask) -> list[str]:
    mails = Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"])).all()
    return [mail.text + mail.html for mail in mails]
