"""Processes are killed and stopped while they work; acknowledged registrations survive."""

import random
import signal
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from pymongo import MongoClient

from app.mongo import connect
from app.users import indexes
from scripts.mongod import MongodUnavailableError
from tests.faults.conftest import Make, Users, skip_pauses
from tests.faults.real_processes import ROUNDS, MailWorker, Person, ReplicaSet, Web
from tests.mail.smtp_server import SmtpServer
from tests.mongo import missing
from tests.processes import wait_until

CROWD = 6
SILENCE = (OSError, HTTPException)


class Crowd:
    """People who register new addresses in parallel until `stop`."""

    def __init__(self, web: Web, name: str, *, patient: bool = False) -> None:
        self.acknowledged: list[str] = []
        self.unanswered: list[str] = []
        self._web, self._name, self._patient = web, name, patient
        self._stop, self._lock = Event(), Lock()
        self._pool = ThreadPoolExecutor(CROWD)
        self._at_work = [self._pool.submit(self._register, n) for n in range(CROWD)]

    def _register(self, person: int) -> None:
        number = 0
        while not self._stop.is_set():
            email = f"{self._name}-{person}-{number}@example.com"
            number += 1
            if self._registered(email):
                with self._lock:
                    self.acknowledged.append(email)
            else:
                self.unanswered.append(email)
                if not self._patient:
                    return

    def _registered(self, email: str) -> bool:
        """Whether the registration was acknowledged; a patient person tries again after a 503."""
        visitor = Person(self._web)
        while not self._stop.is_set():
            try:
                answer = visitor.register(email)
            except (*SILENCE, AssertionError):
                return False  # no answer, or a page without the form
            if answer.status_code == 302:
                return True
            assert answer.status_code == 503, answer.text
            if not self._patient:
                return False
        return False

    def wait_for(self, acknowledged: int) -> None:
        """Waits until so many registrations are acknowledged."""
        wait_until(lambda: len(self.acknowledged) >= acknowledged, 60)

    def stop(self) -> None:
        """Waits until everyone has the last answer; fails if an answer was wrong."""
        self._stop.set()
        for work in self._at_work:
            work.result()
        self._pool.shutdown()


def assert_no_account_is_lost(users: Users, acknowledged: Iterable[str]) -> None:
    """Every acknowledged account exists once, and each account is owed its letter or has got it."""
    accounts = list(users.find())
    keys = [account["email_key"] for account in accounts]
    assert len(keys) == len(set(keys))
    assert set(acknowledged) <= set(keys)
    for account in accounts:
        mail = account["confirm_mail"]
        owed = {letter["id"] for letter in account["outbox"]}
        assert mail["sent_on"] or mail["id"] in owed, account["email_key"]


def assert_all_delivered(users: Users, server: SmtpServer) -> None:
    """Every account has got its mail; a repeated mail has the same Message-ID."""
    wait_until(lambda: users.find_one({"outbox.0": {"$exists": True}}) is None, 60)
    ids: dict[str, set[str]] = defaultdict(set)
    for taken in list(server.taken):
        ids[taken.recipients[0]].add(str(taken.mail.message["Message-ID"]))
    for account in users.find():
        assert len(ids[account["email_key"]]) == 1, account["email_key"]


def test_killing_web_and_worker_loses_no_acknowledged_registration(
    make_web: Make[Web],
    make_worker: Make[MailWorker],
    uri: str,
    users: Users,
    server: SmtpServer,
) -> None:
    web, worker = make_web(MONGODB_URI=uri), make_worker()
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        web.start()
        worker.start()
        crowd = Crowd(web, f"round{number}")
        enough = random.randint(1, 25)  # noqa: S311
        crowd.wait_for(enough)
        web.kill()
        worker.kill()
        crowd.stop()
        acknowledged += crowd.acknowledged
        assert_no_account_is_lost(users, acknowledged)
    assert len(acknowledged) >= ROUNDS
    worker.start()
    assert_all_delivered(users, server)


def test_a_worker_that_lost_its_lease_cannot_settle_the_letter(
    make_worker: Make[MailWorker], web: Web, users: Users, server: SmtpServer
) -> None:
    """The first worker is stopped after it has sent the mail. The second one leases the letter and
    must retry. The first one wakes up, cannot settle the letter, and the mail is sent again."""
    sleeper, other = make_worker(), make_worker()
    server.answers["DATA"] = ["", "451 later", ""]
    server.before_data = lambda: sleeper.signal_all(signal.SIGSTOP)
    sleeper.start()
    Person(web).register("ada@example.com")
    wait_until(lambda: server.taken)
    server.before_data = lambda: None
    other.start()
    wait_until(lambda: users.find_one({"outbox.trouble": "451 later"}))
    taken_over = users.find_one()
    sleeper.signal_all(signal.SIGCONT)
    wait_until(lambda: "sent after its lease was lost" in sleeper.output)
    assert users.find_one() == taken_over
    skip_pauses(users)
    wait_until(lambda: users.find_one({"outbox": []}))
    first, second = server.taken
    assert first.mail.message["Message-ID"] == second.mail.message["Message-ID"]


@pytest.fixture
def replica_set(tmp_path: Path) -> Any:
    """A replica set of three mongods."""
    members = ReplicaSet(tmp_path)
    try:
        members.start()
    except MongodUnavailableError as error:
        missing(f"no MongoDB: {error}")
    yield members
    members.stop()


def test_killing_the_primary_loses_no_acknowledged_registration(
    replica_set: ReplicaSet, make_web: Make[Web]
) -> None:
    """People who got a 503 try again, and none is told that the address is taken."""
    uri = replica_set.uri("latchkey")
    users = connect(uri + "&serverSelectionTimeoutMS=30000&timeoutMS=30000")["users"]
    list(indexes.apply(users.database))
    web = make_web(MONGODB_URI=uri)
    web.start()
    crowd = Crowd(web, "failover", patient=True)
    crowd.wait_for(20)
    primary = replica_set.member(_primary(uri))
    primary.kill()
    before = len(crowd.acknowledged)
    crowd.wait_for(before + 30)
    crowd.stop()
    assert _primary(uri) != primary.port
    assert_no_account_is_lost(users, crowd.acknowledged)
    assert users.count_documents({"outbox.kind": "account_exists"}) == 0
    primary.restart()
    assert_no_account_is_lost(users, crowd.acknowledged)


def _primary(uri: str) -> int:
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri) as client:
        client.admin.command("ping")
        primary = client.primary
    assert primary is not None
    return int(primary[1])
