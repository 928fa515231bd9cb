"""MongoDB is away at the start and at run time. No process needs a restart afterwards.

tests/users/test_on_mongod.py shows that every timeout ends within 5 seconds.
"""

from collections.abc import Callable

import pytest

from app.mongo import connect
from app.users import indexes
from scripts.mongod import Mongod
from tests.faults.conftest import Make
from tests.faults.real_processes import MailWorker, Person, Web
from tests.mail.smtp_server import SmtpServer
from tests.parallel import in_parallel
from tests.processes import wait_until

ADA, BOB = "ada@example.com", "bob@example.com"


def _ready(web: Web) -> bool:
    return web.answer("/health/ready")[0] == 200


def test_processes_that_start_without_mongodb_wait_and_recover(
    mongod_of_its_own: Mongod,
    make_web: Make[Web],
    make_worker: Make[MailWorker],
    server: SmtpServer,
) -> None:
    mongod, uri = mongod_of_its_own, mongod_of_its_own.uri("latchkey")
    list(indexes.apply(connect(uri)))
    mongod.stop()
    web, worker = make_web(MONGODB_URI=uri), make_worker(MONGODB_URI=uri)
    web.start()
    worker.start()
    status, body = web.answer("/health/ready")
    assert (status, "mongodb: does not answer" in body) == (503, True)
    assert web.answer("/health/live")[0] == 200
    wait_until(lambda: "MongoDB: ServerSelectionTimeoutError" in worker.output)
    assert worker.running

    mongod.restart()
    wait_until(lambda: _ready(web))
    assert Person(web).register(ADA).location == "/unconfirmed"
    wait_until(lambda: server.taken)


@pytest.mark.parametrize(
    ("away", "back"),
    [(Mongod.pause, Mongod.resume), (Mongod.kill, Mongod.restart)],
    ids=["stopped", "killed"],
)
def test_pages_answer_503_while_mongodb_is_away_and_recover(
    mongod_of_its_own: Mongod,
    make_web: Make[Web],
    make_worker: Make[MailWorker],
    server: SmtpServer,
    away: Callable[[Mongod], None],
    back: Callable[[Mongod], None],
) -> None:
    mongod, uri = mongod_of_its_own, mongod_of_its_own.uri("latchkey")
    users = connect(uri)["users"]
    list(indexes.apply(users.database))
    web, worker = make_web(MONGODB_URI=uri), make_worker(MONGODB_URI=uri)
    web.start()
    worker.start()
    ada, guest = Person(web), Person(web)
    assert ada.register(ADA).location == "/unconfirmed"
    wait_until(lambda: server.taken)
    form = guest.fill(
        "/register", email=BOB, password="a good long phrase", confirm="a good long phrase"
    )

    away(mongod)
    page, refused = in_parallel(
        lambda: ada.get("/unconfirmed"), lambda: guest.client.post("/register", data=form)
    )
    assert page.status_code == refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert guest.get("/login").status_code == 200, "pages that need no database work"

    back(mongod)
    wait_until(lambda: _ready(web))
    assert ada.get("/unconfirmed").status_code == 200, "the acknowledged account exists"
    assert guest.client.post("/register", data=form).location == "/unconfirmed"
    wait_until(lambda: {BOB} <= {taken.recipients[0] for taken in list(server.taken)})
    assert users.count_documents({"outbox.kind": "account_exists"}) == 0
