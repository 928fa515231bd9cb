"""Every error is a page of the app with a next step."""

import socket
from collections.abc import Iterator
from http import HTTPStatus
from time import monotonic

import pytest
from flask import Flask, abort

import config
from app import create_app
from tests.conftest import MakeApp
from tests.visitor import PASSWORD, Visitor, alert, soup
from tests.web.pages import assert_our_page

CODES = [400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504]


@pytest.fixture
def breaking(make_app: MakeApp) -> Flask:
    """An app with pages that fail in every way."""
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False  # as in production
    app.add_url_rule("/fail/<int:code>", "fail", lambda code: abort(code))
    app.add_url_rule("/crash", "crash", lambda: 1 // 0)
    return app


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_is_a_page_of_ours(breaking: Flask, code: int) -> None:
    page = Visitor(breaking).get(f"/fail/{code}")
    assert_our_page(page, code)
    assert str(code) in page.text
    assert soup(page).select_one("main a[href]"), "there is no next step"


def test_a_crash_is_a_page_that_shows_nothing_of_the_inside(breaking: Flask) -> None:
    page = Visitor(breaking).get("/crash")
    assert_our_page(page, 500)
    assert "ZeroDivisionError" not in page.text
    assert alert(page, "danger")


def test_a_crash_is_logged(breaking: Flask, caplog: pytest.LogCaptureFixture) -> None:
    Visitor(breaking).get("/crash")
    assert "ZeroDivisionError" in caplog.text


def test_refusals_as_they_really_happen(visitor: Visitor) -> None:
    assert_our_page(visitor.client.post("/login", data={"email": "x"}), 400)
    assert_our_page(visitor.get("/no/such/page"), 404)
    assert_our_page(visitor.get("/static/no/such/file"), 404)
    refused = visitor.get("/logout")
    assert_our_page(refused, 405)
    assert "POST" in refused.headers["Allow"]
    assert_our_page(visitor.client.post("/login", data={"email": "x" * 70_000}), 413)
    assert_our_page(visitor.client.post("/login", json={"email": "x"}), 415)
    assert_our_page(visitor.sign_in("ada@example.com"), 422)
    visitor.register("ada@example.com")
    too_soon = visitor.submit("/resend", on="/unconfirmed")
    assert_our_page(too_soon, 429)
    assert 0 < int(too_soon.headers["Retry-After"]) <= 60


def test_an_error_page_is_the_same_for_the_signed_in(confirmed: Visitor) -> None:
    assert_our_page(confirmed.get("/no/such/page"), 404)
    assert confirmed.get("/profile").status_code == 200


class TestWithoutDatabase:
    """MongoDB does not answer."""

    @pytest.fixture
    def visitor(self) -> Visitor:
        return Visitor(_app("mongodb://127.0.0.1:1/latchkey?timeoutMS=200"))

    def test_pages_that_need_no_database_are_there(self, visitor: Visitor) -> None:
        for path in ("/", "/login", "/register", "/health/live", "/static/css/latchkey.css"):
            assert visitor.get(path).status_code == 200, path
        assert_our_page(visitor.get("/no/such/page"), 404)

    def test_what_needs_it_says_so_and_when_to_try_again(self, visitor: Visitor) -> None:
        fields = {"email": "ada@example.com", "password": PASSWORD, "confirm": PASSWORD}
        for path in ("/login", "/register"):
            page = visitor.forge(path, fields)
            assert_our_page(page, 503)
            assert int(page.headers["Retry-After"]) > 0
            assert "127.0.0.1" not in page.text

    def test_the_signed_in_see_the_same_page(self, visitor: Visitor) -> None:
        _sign_in_without_database(visitor)
        for path in ("/", "/profile", "/unconfirmed", "/login"):
            assert_our_page(visitor.get(path), 503)
        assert_our_page(visitor.get("/no/such/page"), 404)
        assert visitor.get("/health/live").status_code == 200

    def test_no_trace_of_it_is_left_in_the_log_but_a_line(
        self, visitor: Visitor, caplog: pytest.LogCaptureFixture
    ) -> None:
        _sign_in_without_database(visitor)
        visitor.get("/profile")
        assert "MongoDB" in caplog.text
        assert "Traceback" not in caplog.text


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_database_that_keeps_silent_is_given_up_within_5_seconds(silent_port: int) -> None:
    visitor = Visitor(_app(f"mongodb://127.0.0.1:{silent_port}/latchkey"))
    _sign_in_without_database(visitor)
    start = monotonic()
    assert_our_page(visitor.get("/profile"), 503)
    assert monotonic() - start < 5


def _app(uri: str) -> Flask:
    app = create_app(config.load({"APP_SETTINGS": "config.TestingConfig", "MONGODB_URI": uri}))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def _sign_in_without_database(visitor: Visitor) -> None:
    with visitor.client.session_transaction() as session:
        session["_user_id"] = f"{'a' * 24}.{'b' * 22}"


def test_every_error_that_we_name_has_words_of_its_own() -> None:
    from app.web.error_pages import _WORDS

    named = {400, 403, 404, 405, 413, 415, 422, 429, 500, 503}
    assert set(_WORDS) >= named
    assert len({words.title for words in _WORDS.values()}) == len(_WORDS)
    assert all(HTTPStatus(code).phrase != words.title for code, words in _WORDS.items())
