"""The headers and cookies of every answer; pages load nothing from other sites."""

import re
from http.cookies import SimpleCookie
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import config
from app import create_app
from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import Visitor
from tests.web.pages import PRODUCTION, foreign_content

HTTPS = "https://app.example.org"
_STATIC = Path(__file__).parents[2] / "app" / "static"


def _answers(visitor: Visitor) -> dict[str, TestResponse]:
    """Answers of every kind: pages, forms, refusals."""
    return {
        "home": visitor.get("/"),
        "form": visitor.get("/register"),
        "redirect": visitor.get("/profile"),
        "status": visitor.get("/health/live"),
        "422": visitor.forge("/login"),
        "400": visitor.client.post("/login"),
        "404": visitor.get("/no/such/page"),
        "405": visitor.get("/logout"),
        "413": visitor.client.post("/login", data={"a": "a" * 70_000}),
        "415": visitor.client.post("/login", json={}),
        "damaged link": visitor.get("/confirm/x"),
        "static": visitor.get("/static/css/latchkey.css"),
    }


def test_every_answer_has_the_security_headers(visitor: Visitor) -> None:
    for name, answer in _answers(visitor).items():
        headers = answer.headers
        policy = dict(
            directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'", name
        assert policy["script-src"] == policy["style-src"] == "'self'", name
        for closed in ("object-src", "base-uri", "frame-ancestors"):
            assert policy[closed] == "'none'", name
        assert "unsafe" not in headers["Content-Security-Policy"], name
        assert headers["X-Content-Type-Options"] == "nosniff", name
        assert headers["Referrer-Policy"] == "no-referrer", name
        assert len(headers.getlist("Content-Security-Policy")) == 1, name


def test_only_static_files_may_be_cached(visitor: Visitor, confirmed: Visitor) -> None:
    for person in (visitor, confirmed):
        for name, answer in _answers(person).items():
            kept = answer.headers.get("Cache-Control") != "no-store"
            assert kept is (name == "static"), name
    assert confirmed.get("/profile").headers["Cache-Control"] == "no-store"


def test_hsts_lasts_a_year_and_is_sent_over_https_only(app: Flask, visitor: Visitor) -> None:
    for path in ("/", "/login", "/no/such/page"):
        hsts = app.test_client().get(path, base_url=HTTPS).headers["Strict-Transport-Security"]
        assert "max-age=31536000" in hsts
        assert "Strict-Transport-Security" not in visitor.get(path).headers


def test_the_session_cookie_of_production_is_bound_to_its_host() -> None:
    app = create_app(config.load(PRODUCTION))
    answer = app.test_client().get("/login", base_url=HTTPS)
    (cookie,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert cookie.key == "__Host-session"
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""


def _cookies_of_registering(client: FlaskClient) -> dict[str, str]:
    """The cookies that registering sets, by their names."""
    page = client.get("/register", base_url=HTTPS)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    password = "correct horse battery staple"
    fields = {"email": "ada@example.com", "password": password, "confirm": password}
    answer = client.post("/register", base_url=HTTPS, data={"csrf_token": token.group(1), **fields})
    assert answer.status_code == 302
    cookies = answer.headers.getlist("Set-Cookie")
    return {cookie.partition("=")[0]: cookie for cookie in cookies}


def test_the_cookies_of_a_signed_in_person_are_bound_to_the_host(make_app: MakeApp) -> None:
    cookies = _cookies_of_registering(make_app(SESSION_COOKIE_SECURE="true").test_client())
    assert set(cookies) == {"__Host-session", "__Host-device"}
    for cookie in cookies.values():
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in cookie
        assert "Domain" not in cookie


def test_a_shared_session_leaves_the_cookie_of_a_known_browser_bound_to_its_host(
    make_app: MakeApp,
) -> None:
    shared = {"PUBLIC_URL": HTTPS, "SESSION_COOKIE_DOMAIN": "example.org"}
    client = make_app(SESSION_COOKIE_SECURE="true", **shared).test_client()
    cookies = _cookies_of_registering(client)
    assert set(cookies) == {"__Secure-session", "__Host-device"}
    assert "Domain=example.org" in cookies["__Secure-session"]
    assert "Domain" not in cookies["__Host-device"]
    for cookie in cookies.values():
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in cookie
    assert client.get("/unconfirmed", base_url=HTTPS).status_code == 200


def test_forms_may_lead_to_trusted_apps_only_where_there_are_some(
    visitor: Visitor, make_app: MakeApp
) -> None:
    assert "form-action 'self';" in visitor.get("/").headers["Content-Security-Policy"]
    apps = create_app(config.load(PRODUCTION | {"TRUSTED_APPS": "wiki.example.org,a.test:8443"}))
    policy = apps.test_client().get("/login").headers["Content-Security-Policy"]
    assert "form-action 'self' https://wiki.example.org https://a.test:8443;" in policy


def test_pages_without_a_form_set_no_cookie(visitor: Visitor) -> None:
    for path in ("/", "/health/live", "/health/ready", "/no/such/page", "/static/css/latchkey.css"):
        assert "Set-Cookie" not in visitor.get(path).headers, path


def test_pages_have_no_inline_code_and_load_nothing_from_other_sites(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    ada = "ada@example.com"
    pages = [*_answers(visitor).values(), visitor.sign_in(ada, "wrong")]
    visitor.register(ada)
    link = mailbox.newest(ada).link
    pages += [visitor.get("/"), visitor.get("/unconfirmed"), visitor.get(link)]
    pages += [Visitor(visitor.app).get(link)]
    visitor.submit(link)
    pages += [visitor.get("/"), visitor.get("/profile"), visitor.get(link)]
    for page in pages:
        if page.mimetype == "text/html" and page.status_code not in {301, 302, 308}:
            assert foreign_content(page) == [], page.request.path


def test_the_development_mailbox_has_no_inline_code_and_loads_nothing_from_other_sites(
    development: Flask,
) -> None:
    visitor = Visitor(development)
    visitor.register("ada@example.com")
    Worker(development).run_once()
    assert foreign_content(visitor.get("/dev/mail")) == []


def test_style_sheets_and_scripts_load_nothing_from_other_sites(visitor: Visitor) -> None:
    page = visitor.page("/")
    files = [str(tag["href"]) for tag in page.select("link[href]")]
    files += [str(tag["src"]) for tag in page.select("script[src]")]
    assert len(files) >= 4
    for path in files:
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        if answer.mimetype in {"text/css", "text/javascript", "application/javascript"}:
            elsewhere = (
                r"""(url\(\s*["']?|@import\s+["']?|import\s+["']|fetch\(\s*["'])(https?:)?//"""
            )
            assert not re.search(elsewhere, answer.text), path
