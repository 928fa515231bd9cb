"""The time after the final dot: a server that answers late, and one that never answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
import time_machine

from app.mail import smtp_client
from app.mail.worker import Worker
from tests.mail.conftest import Delivery, MakeDelivery
from tests.mail.smtp_server import HANG_UP, SAY_NOTHING
from tests.processes import wait_until
from tests.visitor import alert

ADA, BOB = "ada@example.com", "bob@example.com"
NOON = "2026-11-24 12:00:00Z"
HOUR = 3600


@contextmanager
def working(worker: Worker) -> Iterator[Thread]:
    """Lets the worker deliver once, in a thread."""
    thread = Thread(target=worker.run_once)
    thread.start()
    yield thread
    thread.join()


class TestSlowServer:
    """The worker waits ten minutes for the answer (RFC 5321 4.5.3.2.6)."""

    def test_the_lease_is_renewed_while_the_server_is_slow_so_no_worker_sends_a_copy(
        self, make_delivery: MakeDelivery
    ) -> None:
        delivery = make_delivery(MAIL_LEASE="1", MAIL_TIMEOUT="1")
        delivery.server.go_on = go_on = Event()
        delivery.register(ADA)
        with working(delivery.worker) as thread:
            wait_until(lambda: delivery.letters()[0]["lease"])
            first = delivery.letters()[0]["due_on"]
            # After two leases, a worker that does not wait would have given up twice.
            wait_until(lambda: (delivery.letters()[0]["due_on"] - first).total_seconds() > 2)
            assert Worker(delivery.app).run_once() is True, "the first worker still has the letter"
            assert thread.is_alive()
            go_on.set()
        assert len(delivery.server.taken) == 1
        assert delivery.letters() == []

    def test_a_server_that_never_answers_is_given_up_after_the_time_limit(
        self, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smtp_client, "_AFTER_THE_DOT", 0.2)
        delivery.server.answers["DATA"] = [SAY_NOTHING]
        delivery.register(ADA)
        assert delivery.worker.run_once() is True
        (letter,) = delivery.letters()
        assert letter["trouble"].startswith("no answer after the final dot")
        assert "timed out" in letter["trouble"]


class TestNoAnswer:
    """The server may have taken the mail or not."""

    @pytest.mark.parametrize("answer", [HANG_UP, "what?"])
    def test_after_three_copies_the_letter_counts_as_sent_and_the_log_says_so(
        self, delivery: Delivery, capsys: pytest.CaptureFixture[str], answer: str
    ) -> None:
        delivery.server.answers["DATA"] = [answer]
        with time_machine.travel(NOON, tick=False) as clock:
            visitor = delivery.register(ADA)
            for again in (True, True, False):
                capsys.readouterr()
                assert delivery.worker.run_once() is again
                clock.shift(HOUR)
            assert "letter_taken_for_sent" in capsys.readouterr().err
            clock.shift(72 * HOUR)
            delivery.worker.run_once()
            assert delivery.server.heard.count("DATA") == 3
            visitor.sign_in(ADA)
            assert "was sent" in alert(visitor.get("/unconfirmed"), "info")

    def test_administrators_can_try_such_a_letter_again(self, delivery: Delivery) -> None:
        delivery.server.answers["DATA"] = [HANG_UP, HANG_UP, HANG_UP, ""]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            for _try in range(3):
                delivery.worker.run_once()
                clock.shift(HOUR)
            administrator, (letter,) = delivery.administrator(), delivery.letters()
            page = administrator.page("/admin/mail")
            assert "Perhaps sent" in page.text
            path = next(
                str(form["action"])
                for form in page.find_all("form")
                if letter["id"] in str(form.get("action", ""))
            )
            administrator.submit(path, on="/admin/mail")
            delivery.worker.run_once()
        assert [taken.recipients for taken in delivery.server.taken] == [[ADA]]
        message_id = str(delivery.server.taken[0].mail.message["Message-ID"])
        assert message_id.startswith(f"<{letter['message_id']}@")

    def test_no_copy_is_sent_at_once_over_a_kept_connection(self, delivery: Delivery) -> None:
        delivery.server.answers[f"DATA {BOB}"] = [HANG_UP]
        delivery.register(ADA, BOB)
        delivery.worker.run_once()
        assert delivery.server.heard.count(f"DATA {BOB}") == 1
        assert delivery.letters()[0]["unsure"] == 1

    def test_a_reply_after_the_dot_is_an_answer(self, delivery: Delivery) -> None:
        delivery.server.answers["DATA"] = ["421 4.3.2 shutting down", ""]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            assert delivery.worker.run_once() is True
            assert "unsure" not in delivery.letters()[0]
            clock.shift(HOUR)
            assert delivery.worker.run_once() is False
