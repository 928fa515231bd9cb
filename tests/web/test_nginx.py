"""The app behind a real nginx with the configuration of docs/operations.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.http_browser import HttpBrowser, listening
from tests.journeys.test_below_a_path import assert_below, travel
from tests.mailbox import Mailbox
from tests.nginx import nginx
from tests.processes import wait_until
from tests.test_gunicorn import Gunicorn, serving
from tests.web.pages import documents

PATH = "/accounts"


@pytest.mark.parametrize("path", [PATH, ""])
def test_the_whole_journey_behind_nginx(make_app: MakeApp, tmp_path: Path, path: str) -> None:
    with listening() as server, nginx(tmp_path, server.port, path) as port:
        url = f"https://localhost:{port}{path}"
        server.app = app = make_app(
            PUBLIC_URL=url, TRUSTED_PROXIES="1", SESSION_COOKIE_SECURE="true"
        )
        ada = HttpBrowser()
        travel(ada, url, Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"])))
        prefix = "__Secure-" if path else "__Host-"
        assert {cookie.name for cookie in ada.cookies} == {f"{prefix}session", f"{prefix}device"}
        assert all(cookie.secure for cookie in ada.cookies)
        if path:
            assert_below(ada, url)
        assert {cookie.path for cookie in ada.cookies} == {path or "/"}
        assert ada.pages[-1].headers["Strict-Transport-Security"]
        (document,) = documents(app)
        assert document["events"][0]["address"] == "127.0.0.1"
        for private in ("metrics", "health/ready"):
            assert ada.open(f"{url}/{private}").status == 403
        assert ada.open(f"{url}/health/live").status == 200


class Behind:
    """A gunicorn behind nginx."""

    def __init__(self, gunicorn: Gunicorn, port: int) -> None:
        self.gunicorn, self.url = gunicorn, f"https://localhost:{port}"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One gunicorn behind nginx for all tests of this file."""
    folder = tmp_path_factory.mktemp("nginx")
    with (
        serving(folder, TRUSTED_PROXIES="1") as gunicorn,
        nginx(folder, gunicorn.port) as port,
    ):
        yield Behind(gunicorn, port)


@pytest.mark.parametrize("size", [9_000, 32_000, 60_000])
def test_too_many_cookies_get_our_page(behind: Behind, size: int) -> None:
    page = HttpBrowser().open(f"{behind.url}/login", Cookie="a=" + "x" * size)
    assert page.status == 431
    assert "delete those of this site" in page.text
    assert "nginx" not in page.text


@pytest.mark.parametrize("size", [70_000, 1_500_000])
def test_a_form_that_is_too_large_gets_our_page(behind: Behind, size: int) -> None:
    page = HttpBrowser().open(f"{behind.url}/login", {"email": "x" * size})
    assert page.status == 413
    assert "more than any form here accepts" in page.text


@pytest.mark.parametrize("size", [9_000, 60_000])
def test_a_link_that_is_too_long_is_not_refused_by_nginx(behind: Behind, size: int) -> None:
    page = HttpBrowser().open(f"{behind.url}/confirm/" + "x" * size)
    assert page.status == 414
    assert "This link is too long" in page.text


def test_a_client_cannot_choose_its_request_id_address_host_or_path(behind: Behind) -> None:
    browser = HttpBrowser()
    page = browser.open(
        f"{behind.url}/profile",
        X_Request_ID="forged-request-id",
        X_Forwarded_For="203.0.113.7",
        X_Forwarded_Host="evil.example",
        X_Forwarded_Prefix="/evil",
    )
    assert page.url == f"{behind.url}/login?next=%2Fprofile"
    assert "evil" not in page.text
    name = page.headers["X-Request-ID"]
    assert name != "forged-request-id"
    wait_until(lambda: name in behind.gunicorn.output)
    assert "forged-request-id" not in behind.gunicorn.output
    assert {line["address"] for line in behind.gunicorn.answered} == {"127.0.0.1"}
