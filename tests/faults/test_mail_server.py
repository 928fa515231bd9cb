"""A faulty mail server and real processes: pages work, no letter is lost, and none is repeated
without need. tests/mail/test_delivery.py has each answer of a server on its own."""

import signal
from threading import Event
from typing import Any

import pytest

from tests.faults.conftest import Make, Users, skip_pauses
from tests.faults.real_processes import MailWorker, Person, Web
from tests.mail.smtp_server import HANG_UP, SAY_NOTHING, SmtpServer, tls_context
from tests.processes import wait_until
from tests.visitor import alert

ADA, BOB, DAN, EVE, FAY, GUS = (
    f"{name}@example.com" for name in ("ada", "bob", "dan", "eve", "fay", "gus")
)


def _recipients(server: SmtpServer) -> list[str]:
    return [taken.recipients[0] for taken in list(server.taken)]


def _retried(users: Users, server: SmtpServer) -> list[str]:
    """The recipients so far. What is left is tried again at once."""
    skip_pauses(users)
    return _recipients(server)


def _letter(users: Users, email: str) -> dict[str, Any]:
    account = users.find_one({"email_key": email})
    assert account is not None
    letter: dict[str, Any] = account["outbox"][-1]
    return letter


def _register(web: Web, email: str) -> Person:
    person = Person(web)
    assert person.register(email).location == "/unconfirmed"
    return person


def test_a_faulty_mail_server_delays_no_page_and_no_other_letter(
    web: Web, make_worker: Make[MailWorker], users: Users, server: SmtpServer
) -> None:
    """The server is away first. Then it refuses one letter permanently and one for now, hangs up
    before and after the final dot of two others, and does not answer to another one."""
    port, worker = server.port, make_worker(MAIL_TIMEOUT="1")
    server.stop()
    worker.start()
    bob = _register(web, BOB)
    for email in (EVE, DAN, FAY, GUS, ADA):
        _register(web, email)
    wait_until(lambda: "letter_blocked" in worker.output)
    server.answers |= {
        f"RCPT {BOB}": ["550 5.1.1 no such mailbox", ""],
        f"RCPT {EVE}": ["451 4.7.1 greylisted", ""],
        f"RCPT {DAN}": [HANG_UP, HANG_UP, ""],
        f"DATA {FAY}": [HANG_UP, HANG_UP, ""],
        f"RCPT {GUS}": [SAY_NOTHING, ""],
    }
    message_id = _letter(users, FAY)["message_id"]
    server.start(port)
    wait_until(lambda: ADA in _retried(users, server))
    wait_until(lambda: bob.get("/unconfirmed/status").get_json()["mail"] == "failed")
    page = bob.get("/unconfirmed")
    assert "no such mailbox at example.com" in alert(page, "danger")
    assert "550" not in page.text
    assert _letter(users, BOB)["due_on"] is None

    assert bob.submit("/resend", on="/unconfirmed").location == "/unconfirmed"
    wait_until(lambda: len(_retried(users, server)) == 6)
    assert sorted(_recipients(server)) == [ADA, BOB, DAN, EVE, FAY, GUS], "one mail each"
    (to_fay,) = (taken for taken in server.taken if taken.recipients == [FAY])
    assert to_fay.mail.message["Message-ID"] == f"<{message_id}@example.org>"


def test_a_mail_is_not_sent_again_when_the_connection_breaks_at_quit(
    web: Web, make_worker: Make[MailWorker], users: Users, server: SmtpServer
) -> None:
    server.answers["QUIT"] = [HANG_UP]
    worker, next_worker = make_worker(), make_worker()
    worker.start()
    _register(web, ADA)
    wait_until(lambda: users.find_one({"outbox": []}))
    worker.signal_all(signal.SIGTERM)
    assert worker.wait() == 0
    assert server.heard[-1] == "QUIT"
    next_worker.start()
    _register(web, BOB)
    wait_until(lambda: BOB in _recipients(server))
    assert _recipients(server) == [ADA, BOB]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("trouble", ["login", "sender", "relay", "certificate"])
def test_what_an_operator_must_fix_sends_nothing_drops_nothing_and_is_told(
    web: Web, make_worker: Make[MailWorker], users: Users, trouble: str
) -> None:
    server = SmtpServer()
    options: dict[str, dict[str, Any]] = {
        "login": {"auth_required": True, "auth_require_tls": False},
        "sender": {},
        "relay": {},
        "certificate": {"tls_context": tls_context()},
    }
    server.password = "changed without telling"
    server.answers["MAIL"] = ["550 5.7.1 not your address" if trouble == "sender" else ""]
    server.answers["RCPT"] = ["554 5.7.1 Relay access denied" if trouble == "relay" else ""]
    server.start(**options[trouble])
    login = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": "right"}
    settings: dict[str, str] = {
        "login": login,
        "sender": {},
        "relay": {},
        "certificate": login | {"APP_MAIL_USE_TLS": "true"},
    }[trouble]
    worker = make_worker(APP_MAIL_PORT=str(server.port), **settings)
    try:
        worker.start()
        ada = _register(web, ADA)
        words = {
            "login": "535",
            "sender": "not your address",
            "relay": "Relay access denied",
            "certificate": "certificate verify",
        }
        wait_until(lambda: words[trouble] in worker.output)
        status, body = web.answer("/health/ready")
        kinds = {
            "login": "(535)",
            "sender": "(550)",
            "relay": "(554)",
            "certificate": "not trusted",
        }
        assert (status, kinds[trouble] in body) == (200, True)
        assert server.taken == []
        assert ("AUTH" in server.heard) is (trouble == "login")
        assert _letter(users, ADA)["due_on"] is not None
        assert "on its way" in alert(ada.get("/unconfirmed"), "info")
    finally:
        server.stop()


def test_a_slow_server_gets_one_copy_even_with_other_workers(
    web: Web, make_worker: Make[MailWorker], users: Users, server: SmtpServer
) -> None:
    """A content filter takes longer than the lease between the final dot and its 250."""
    server.go_on = go_on = Event()
    for worker in (make_worker(MAIL_LEASE="1", MAIL_TIMEOUT="1") for _worker in range(2)):
        worker.start()
    _register(web, ADA)
    wait_until(lambda: _letter(users, ADA)["lease"])
    lease, due_on = _letter(users, ADA)["lease"], _letter(users, ADA)["due_on"]
    wait_until(lambda: (_letter(users, ADA)["due_on"] - due_on).total_seconds() > 3)
    assert _letter(users, ADA)["lease"] == lease, "another worker has taken it"
    go_on.set()
    wait_until(lambda: users.find_one({"outbox": []}))
    assert _recipients(server) == [ADA]
    assert server.heard.count("MAIL") == 1
