"""While too many passwords are being hashed: a page that says so, and everything else works."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from app.users import hash_queue
from app.users.hash_queue import HashQueue
from tests.commands import commands
from tests.conftest import MakeApp
from tests.processes import wait_until
from tests.visitor import PASSWORD, Visitor, alert
from tests.web.pages import assert_our_page


@pytest.fixture(autouse=True)
def _own_hash_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's changes to the hash queue of this process end with it."""
    monkeypatch.setattr(hash_queue, "current", hash_queue.current)


@pytest.fixture
def full(confirmed: Visitor) -> Iterator[None]:
    """The only place is taken, by a hash that takes until the test ends."""
    queue = hash_queue.use(HashQueue(at_once=1, queue=0))
    go, began = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        go.wait(30)

    thread = threading.Thread(target=lambda: queue.run(work))
    thread.start()
    assert began.wait(30)
    yield
    go.set()
    thread.join()


@pytest.mark.usefixtures("full")
def test_the_page_says_busy_when_to_come_back_and_that_nothing_is_lost(visitor: Visitor) -> None:
    page = visitor.sign_in("ada@example.com")
    assert_our_page(page, 503)
    assert int(page.headers["Retry-After"]) >= 1
    assert "Too many people at once" in page.text
    assert "Reload" in alert(page, "danger")
    assert "database" not in page.text
    assert PASSWORD not in page.text


@pytest.mark.usefixtures("full")
def test_it_is_the_same_for_every_address(visitor: Visitor) -> None:
    pages = [visitor.sign_in(email) for email in ("ada@example.com", "nobody@example.com")]
    same = [page.text.replace(page.headers["X-Request-ID"], "") for page in pages]
    assert same[0] == same[1]
    assert pages[0].headers["Retry-After"] == pages[1].headers["Retry-After"]


@pytest.mark.usefixtures("full")
def test_every_form_with_a_password_says_so(confirmed: Visitor, visitor: Visitor) -> None:
    new = {"password": PASSWORD, "confirm": PASSWORD}
    answers = [
        visitor.submit("/register", email="bob@example.com", **new),
        confirmed.submit("/profile/password", current_password=PASSWORD, **new),
        confirmed.submit("/profile/email", email="c@example.com", current_password=PASSWORD),
        confirmed.submit("/profile/delete", current_password=PASSWORD),
    ]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert visitor.client.get_cookie("session") is not None
    assert "_user_id" not in visitor.cookie(), "nobody was signed in by it"


@pytest.mark.usefixtures("full")
def test_pages_and_forms_without_a_password_work(confirmed: Visitor, visitor: Visitor) -> None:
    assert confirmed.get("/profile").status_code == 200
    assert visitor.get("/login").status_code == 200
    assert visitor.submit("/forgot", email="ada@example.com").status_code == 302
    assert confirmed.sign_out().status_code == 302


def test_once_there_is_room_the_same_form_is_taken(app: Flask, visitor: Visitor) -> None:
    queue = hash_queue.use(HashQueue(at_once=1, queue=0))
    go, page = threading.Event(), visitor.page("/register")
    field = page.find("input", attrs={"name": "csrf_token"})
    assert field is not None
    form = {"csrf_token": field["value"], "email": "ada@example.com"}
    form |= {"password": PASSWORD, "confirm": PASSWORD}
    thread = threading.Thread(target=lambda: queue.run(lambda: go.wait(30)))
    thread.start()
    wait_until(lambda: visitor.client.post("/register", data=form).status_code == 503)
    go.set()
    thread.join()
    assert visitor.client.post("/register", data=form).location == "/unconfirmed"


def test_being_turned_away_costs_no_command(make_app: MakeApp, real_uri: str) -> None:
    visitor = Visitor(make_app(MONGODB_URI=real_uri))
    visitor.get("/login")
    hash_queue.use(HashQueue(at_once=1, queue=-1))  # always full
    with commands.recorded() as sent:
        assert visitor.sign_in("ada@example.com").status_code == 503
    assert sent == []
