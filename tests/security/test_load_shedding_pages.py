"""While the hash queue is full, forms with a password get a 503 and everything else works."""

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
def own_hash_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restores the hash queue of this process after each test."""
    monkeypatch.setattr(hash_queue, "current", hash_queue.current)


@pytest.fixture
def full(confirmed: Visitor) -> Iterator[None]:
    """The hash queue is full until the test ends."""
    queue = hash_queue.use(HashQueue(at_once=1, queue=0))
    finish, began = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        finish.wait(30)

    thread = threading.Thread(target=lambda: queue.run(work))
    thread.start()
    assert began.wait(30)
    yield
    finish.set()
    thread.join()


@pytest.mark.usefixtures("full")
def test_the_refusal_says_when_to_retry_and_that_the_form_can_be_sent_again(
    visitor: Visitor,
) -> None:
    page = visitor.sign_in("ada@example.com")
    assert_our_page(page, 503)
    assert int(page.headers["Retry-After"]) >= 1
    assert "Too many people at once" in page.text
    assert "Reload" in alert(page, "danger")
    assert "database" not in page.text
    assert PASSWORD not in page.text


@pytest.mark.usefixtures("full")
def test_the_refusal_is_the_same_with_and_without_an_account(visitor: Visitor) -> None:
    pages = [visitor.sign_in(email) for email in ("ada@example.com", "nobody@example.com")]
    same = [page.text.replace(page.headers["X-Request-ID"], "") for page in pages]
    assert same[0] == same[1]
    assert pages[0].headers["Retry-After"] == pages[1].headers["Retry-After"]


@pytest.mark.usefixtures("full")
def test_every_form_with_a_password_is_refused(confirmed: Visitor, visitor: Visitor) -> None:
    new = {"password": PASSWORD, "confirm": PASSWORD}
    answers = [
        visitor.submit("/register", email="bob@example.com", **new),
        confirmed.submit("/profile/password", current_password=PASSWORD, **new),
        confirmed.submit("/profile/email", email="c@example.com", current_password=PASSWORD),
        confirmed.submit("/profile/delete", current_password=PASSWORD),
    ]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert visitor.client.get_cookie("session") is not None
    assert "_user_id" not in visitor.cookie(), "the refused registration signed no one in"


@pytest.mark.usefixtures("full")
def test_pages_and_forms_without_a_password_work(confirmed: Visitor, visitor: Visitor) -> None:
    assert confirmed.get("/profile").status_code == 200
    assert visitor.get("/login").status_code == 200
    assert visitor.submit("/forgot", email="ada@example.com").status_code == 302
    assert confirmed.sign_out().status_code == 302


def test_the_same_form_is_accepted_after_a_refusal(app: Flask, visitor: Visitor) -> None:
    queue = hash_queue.use(HashQueue(at_once=1, queue=0))
    finish, page = threading.Event(), visitor.page("/register")
    field = page.find("input", attrs={"name": "csrf_token"})
    assert field is not None
    form = {"csrf_token": field["value"], "email": "ada@example.com"}
    form |= {"password": PASSWORD, "confirm": PASSWORD}
    thread = threading.Thread(target=lambda: queue.run(lambda: finish.wait(30)))
    thread.start()
    wait_until(lambda: visitor.client.post("/register", data=form).status_code == 503)
    finish.set()
    thread.join()
    assert visitor.client.post("/register", data=form).location == "/unconfirmed"


def test_a_refusal_sends_no_command_to_mongodb(make_app: MakeApp, real_uri: str) -> None:
    visitor = Visitor(make_app(MONGODB_URI=real_uri))
    visitor.get("/login")
    hash_queue.use(HashQueue(at_once=1, queue=-1))  # always full
    with commands.recorded() as sent:
        assert visitor.sign_in("ada@example.com").status_code == 503
    assert sent == []
