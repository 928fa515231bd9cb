"""A flood of sign-ins against a real gunicorn, a real MongoDB and bcrypt at its real cost."""

import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from pymongo import MongoClient

from app.users import indexes
from tests.browser_on_http import Answer, Browser
from tests.processes import children, cpu_seconds, wait_until
from tests.test_gunicorn import Gunicorn
from tests.visitor import PASSWORD

pytestmark = pytest.mark.loud

FLOOD, PAGES = 64, 40
# Seconds: the patience of the queue, and what the rest of a request takes on a busy machine.
BOUND = 3 + 10


@pytest.fixture
def server(real_uri: str, tmp_path: Path) -> Iterator[Gunicorn]:
    """As in production, with its two processes."""
    server = _serve(real_uri, tmp_path, WEB_CONCURRENCY="2")
    yield server
    server.process.terminate()
    assert server.process.wait(30) == 0


def _serve(uri: str, folder: Path, **settings: str) -> Gunicorn:
    """Production's settings and gunicorn.conf.py; plain HTTP is all that differs."""
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as client:
        list(indexes.apply(client.get_default_database()))
    server = Gunicorn(
        folder / "log",
        MONGODB_URI=uri,
        SECRET_KEY="only-for-tests-secret-key-0123456789",
        SECURITY_PASSWORD_SALT="only-for-tests-password-salt-0123456789",
        PUBLIC_URL="http://127.0.0.1",
        SESSION_COOKIE_SECURE="false",
        APP_MAIL_SERVER="127.0.0.1",
        APP_MAIL_DEFAULT_SENDER="no-reply@example.org",
        RATELIMIT_ENABLED="false",  # it is the queue that is looked at
        **settings,
    )
    wait_until(lambda: server.output.count("Booting worker") == int(settings["WEB_CONCURRENCY"]))
    return server


@pytest.fixture
def ada(server: Gunicorn) -> Browser:
    """Somebody who is signed in."""
    ada = Browser(server.port)
    ada.get("/register")
    made = ada.post("/register", email="ada@example.com", password=PASSWORD, confirm=PASSWORD)
    assert made.headers["Location"] == "/unconfirmed"
    return ada


def test_a_flood_of_sign_ins_starves_no_page_and_lets_nobody_wait(
    server: Gunicorn, ada: Browser, record_property: Any
) -> None:
    quiet = [ada.get("/unconfirmed") for _page in range(PAGES)]
    over, answers = threading.Event(), list[Answer]()
    crowd = [Browser(server.port) for _person in range(FLOOD)]
    for person in crowd:
        person.get("/login")

    def sign_in_over_and_over(person: Browser, email: str) -> None:
        while not over.is_set():
            answers.append(person.post("/login", email=email, password="not the password"))

    threads = [
        threading.Thread(
            target=sign_in_over_and_over,
            args=(person, "ada@example.com" if number % 2 else f"nobody{number}@example.com"),
        )
        for number, person in enumerate(crowd)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: any(answer.status == 503 for answer in answers))
    busy = [ada.get("/unconfirmed") for _page in range(PAGES)]
    wait_until(lambda: any(answer.status == 422 for answer in answers))
    over.set()
    for thread in threads:
        thread.join()

    assert {page.status for page in [*quiet, *busy]} == {200}
    turned_away = [answer for answer in answers if answer.status == 503]
    assert {answer.status for answer in answers} == {422, 503}, "the rest were compared"
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in turned_away)
    assert "Too many people at once" in turned_away[0].text
    assert max(answer.seconds for answer in answers) < BOUND
    for name, pages in (("quiet", quiet), ("in the flood", busy)):
        record_property(name, _figures([page.seconds * 1000 for page in pages]))
    record_property("slowest sign-in", max(answer.seconds for answer in answers))


def _figures(milliseconds: list[float]) -> str:
    p95 = quantiles(milliseconds, n=20)[-1]
    return f"median {median(milliseconds):.1f} ms, p95 {p95:.1f} ms"


def test_a_stop_lets_a_password_be_hashed_to_its_end(real_uri: str, tmp_path: Path) -> None:
    """SIGTERM: nothing new is taken, what is in hand gets its answer."""
    server = _serve(real_uri, tmp_path, WEB_CONCURRENCY="1", BCRYPT_LOG_ROUNDS="14")
    bob = Browser(server.port)
    bob.get("/register")
    (worker,) = children(server.process.pid)
    before, answers = cpu_seconds(worker), list[Answer]()
    fields = {"email": "bob@example.com", "password": PASSWORD, "confirm": PASSWORD}
    thread = threading.Thread(target=lambda: answers.append(bob.post("/register", **fields)))
    thread.start()
    # Its other work takes a hundredth of that.
    wait_until(lambda: cpu_seconds(worker) > before + 0.3)
    assert answers == [], "it is still being hashed"
    server.process.terminate()
    assert server.process.wait(30) == 0
    thread.join()
    (answer,) = answers
    assert (answer.status, answer.headers["Location"]) == (302, "/unconfirmed")
    with MongoClient[dict[str, Any]](real_uri) as client:
        account = client.get_default_database()["users"].find_one({"email_key": fields["email"]})
    assert account is not None
    assert [letter["kind"] for letter in account["outbox"]] == ["confirm"]
