"""A flood of sign-ins, with a real gunicorn, a real MongoDB and the bcrypt cost of production."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from app.users import indexes
from tests.browser_on_http import Answer, Browser
from tests.processes import children, cpu_seconds, wait_until
from tests.test_gunicorn import Gunicorn
from tests.visitor import PASSWORD

FLOOD, PAGES = 64, 40


@pytest.fixture
def server(real_uri: str, tmp_path: Path) -> Iterator[Gunicorn]:
    """A server with two processes."""
    server = _serve(real_uri, tmp_path, WEB_CONCURRENCY="2")
    yield server
    server.process.terminate()
    assert server.process.wait(30) == 0


def _serve(uri: str, folder: Path, **settings: str) -> Gunicorn:
    """Starts gunicorn with the settings of production, but plain HTTP and no rate limits."""
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
        RATELIMIT_ENABLED="false",  # the sign-ins must reach the hash queue
        **settings,
    )
    wait_until(lambda: server.output.count("Booting worker") == int(settings["WEB_CONCURRENCY"]))
    return server


@pytest.fixture
def ada(server: Gunicorn) -> Browser:
    """An unconfirmed person who is signed in."""
    ada = Browser(server.port)
    ada.get("/register")
    answer = ada.post("/register", email="ada@example.com", password=PASSWORD, confirm=PASSWORD)
    assert answer.headers["Location"] == "/unconfirmed"
    return ada


def test_a_flood_of_sign_ins_blocks_no_page_and_a_refusal_says_when_to_retry(
    server: Gunicorn, ada: Browser
) -> None:
    end, answers = threading.Event(), list[Answer]()
    crowd = [Browser(server.port) for _person in range(FLOOD)]
    for person in crowd:
        person.get("/login")

    def sign_in_repeatedly(person: Browser, email: str) -> None:
        while not end.is_set():
            answers.append(person.post("/login", email=email, password="not the password"))

    threads = [
        threading.Thread(
            target=sign_in_repeatedly,
            args=(person, "ada@example.com" if number % 2 else f"nobody{number}@example.com"),
        )
        for number, person in enumerate(crowd)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: any(answer.status == 503 for answer in answers))
    pages = [ada.get("/unconfirmed") for _page in range(PAGES)]
    wait_until(lambda: any(answer.status == 422 for answer in answers))
    end.set()
    for thread in threads:
        thread.join()

    assert {page.status for page in pages} == {200}
    assert {answer.status for answer in answers} == {422, 503}, "a wrong password, or a refusal"
    refused = [answer for answer in answers if answer.status == 503]
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert all("Too many people at once" in answer.text for answer in refused)


def test_sigterm_lets_a_hash_finish_and_answers_its_request(real_uri: str, tmp_path: Path) -> None:
    server = _serve(real_uri, tmp_path, WEB_CONCURRENCY="1", BCRYPT_LOG_ROUNDS="14")
    bob = Browser(server.port)
    bob.get("/register")
    # The first password that is rated loads the dictionaries, which takes CPU time, too.
    weak = bob.post("/register", email="bob@example.com", password="a" * 8, confirm="a" * 8)
    assert weak.status == 422
    (worker,) = children(server.process.pid)
    before, answers = cpu_seconds(worker), list[Answer]()
    fields = {"email": "bob@example.com", "password": PASSWORD, "confirm": PASSWORD}
    thread = threading.Thread(target=lambda: answers.append(bob.post("/register", **fields)))
    thread.start()
    # All other work of the request takes a hundredth of this CPU time.
    wait_until(lambda: cpu_seconds(worker) > before + 0.3)
    assert answers == [], "the hash has not finished"
    server.process.terminate()
    assert server.process.wait(30) == 0
    thread.join()
    (answer,) = answers
    assert (answer.status, answer.headers["Location"]) == (302, "/unconfirmed")
    with MongoClient[dict[str, Any]](real_uri) as client:
        account = client.get_default_database()["users"].find_one({"email_key": fields["email"]})
    assert account is not None
    assert [letter["kind"] for letter in account["outbox"]] == ["confirm"]
