"""Every error is a page of the app with a next step."""

import socket
from collections.abc import Iterator
from http import HTTPStatus

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
    """An app with pages that answer each error, and one that crashes."""
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False  # as in production
    app.add_url_rule("/fail/<int:code>", "fail", lambda code: abort(code))
    app.add_url_rule("/crash", "crash", lambda: str(1 // 0))
    return app


@pytest.mark.parametrize("code", CODES)
def test_every_error_is_a_page_of_the_app(breaking: Flask, code: int) -> None:
    page = Visitor(breaking).get(f"/fail/{code}")
    assert_our_page(page, code)
    assert str(code) in page.text
    assert soup(page).select_one("main a[href]"), "the page has a next step"


def test_an_unexpected_error_is_a_page_without_internal_details(breaking: Flask) -> None:
    page = Visitor(breaking).get("/crash")
    assert_our_page(page, 500)
    assert "ZeroDivisionError" not in page.text
    assert alert(page, "danger")


def test_an_unexpected_error_is_logged(breaking: Flask, caplog: pytest.LogCaptureFixture) -> None:
    Visitor(breaking).get("/crash")
    assert "ZeroDivisionError" in caplog.text


def test_real_refusals_are_pages_of_the_app(visitor: Visitor) -> None:
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

    def test_pages_that_need_no_database_work(self, visitor: Visitor) -> None:
        for path in ("/", "/login", "/register", "/health/live", "/static/css/latchkey.css"):
            assert visitor.get(path).status_code == 200, path
        assert_our_page(visitor.get("/no/such/page"), 404)

    def test_forms_answer_503_with_retry_after(self, visitor: Visitor) -> None:
        fields = {"email": "ada@example.com", "password": PASSWORD, "confirm": PASSWORD}
        for path in ("/login", "/register"):
            page = visitor.forge(path, fields)
            assert_our_page(page, 503)
            assert int(page.headers["Retry-After"]) > 0
            assert "127.0.0.1" not in page.text

    def test_a_signed_in_person_gets_a_503(self, visitor: Visitor) -> None:
        _sign_in_without_database(visitor)
        for path in ("/", "/profile", "/unconfirmed", "/login"):
            assert_our_page(visitor.get(path), 503)
        assert_our_page(visitor.get("/no/such/page"), 404)
        assert visitor.get("/health/live").status_code == 200

    def test_a_stale_form_of_a_signed_in_person_is_a_400(self, visitor: Visitor) -> None:
        _sign_in_without_database(visitor)
        for path in ("/login", "/profile/email", "/logout"):
            assert_our_page(visitor.client.post(path, data={"email": "a@example.com"}), 400)

    def test_an_outage_is_one_line_in_the_log_without_a_traceback(
        self, visitor: Visitor, caplog: pytest.LogCaptureFixture
    ) -> None:
        _sign_in_without_database(visitor)
        visitor.get("/profile")
        assert "MongoDB" in caplog.text
        assert "Traceback" not in caplog.text


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_silent_database_is_a_503(silent_port: int) -> None:
    visitor = Visitor(_app(f"mongodb://127.0.0.1:{silent_port}/latchkey"))
    _sign_in_without_database(visitor)
    assert_our_page(visitor.get("/profile"), 503)


def _app(uri: str) -> Flask:
    app = create_app(config.load({"APP_SETTINGS": "config.TestingConfig", "MONGODB_URI": uri}))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def _sign_in_without_database(visitor: Visitor) -> None:
    with visitor.client.session_transaction() as session:
        session["_user_id"] = f"{'a' * 24}.{'b' * 22}"


def test_every_common_error_has_its_own_title(breaking: Flask) -> None:
    visitor, titles = Visitor(breaking), {}
    for code in (400, 403, 404, 405, 413, 415, 422, 429, 500, 503):
        heading = soup(visitor.get(f"/fail/{code}")).find("h1")
        assert heading
        titles[code] = heading.get_text(strip=True)
        assert titles[code] != HTTPStatus(code).phrase
    assert len(set(titles.values())) == len(titles)
