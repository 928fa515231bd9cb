"""The worker delivers to a real mail server, which answers as each test says."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
import time_machine

from app.mail import transport
from app.mail.worker import Worker
from app.mongo import current_mongo, outbox
from tests.mail.conftest import Delivery, MakeDelivery
from tests.mail.smtp_server import CERTIFICATE, HANG_UP, SAY_NOTHING, SmtpServer, tls_context
from tests.processes import wait_until
from tests.visitor import Visitor, alert

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
NOON = "2026-11-24 12:00:00Z"
HOUR = 3600


def test_a_delivered_mail_is_no_longer_owed_and_the_page_says_so(delivery: Delivery) -> None:
    visitor = delivery.register(ADA)
    assert "on its way" in alert(visitor.get("/unconfirmed"), "info")
    assert delivery.server.connections == 0, "only the worker sends mail"
    assert delivery.worker.run_once() is False, "nothing is left"
    (taken,) = delivery.server.taken
    assert (taken.sender, taken.recipients) == ("no-reply@latchkey.test", [ADA])
    assert delivery.letters() == []
    assert "was sent" in alert(visitor.get("/unconfirmed"), "info")
    assert visitor.submit(taken.mail.link).location == "/"


def test_several_mails_go_over_one_connection(delivery: Delivery) -> None:
    delivery.register(ADA, BOB, EVE)
    delivery.worker.run_once()
    assert [taken.recipients for taken in delivery.server.taken] == [[ADA], [BOB], [EVE]]
    assert delivery.server.connections == 1
    assert delivery.server.heard[-1] == "QUIT"


class TestTemporaryRefusal:
    """4xx: the mail server asks to try again later."""

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "354"])
    def test_the_letter_is_tried_again_and_arrives(self, delivery: Delivery, command: str) -> None:
        delivery.server.answers[command] = ["451 4.3.0 busy", ""]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            assert delivery.worker.run_once() is True, "a letter is left"
            assert delivery.server.taken == []
            (letter,) = delivery.letters()
            assert "busy" in letter["trouble"]
            clock.shift(6.1)
            assert delivery.worker.run_once() is False
        assert _message_ids(delivery) == [f"<{letter['message_id']}@latchkey.test>"]

    def test_retry_delays_double_from_5_seconds_to_5_minutes_with_20_percent_jitter(
        self, delivery: Delivery
    ) -> None:
        delivery.server.answers["RCPT"] = ["450 greylisted"]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            for seconds in (5, 10, 20, 40, 80, 160, 300, 300, 300):
                delivery.worker.run_once()
                due_on = delivery.letters()[0]["due_on"]
                pause = due_on - datetime.now(UTC)
                assert 0.8 * seconds <= pause.total_seconds() <= 1.2 * seconds
                clock.move_to(due_on - timedelta(milliseconds=1))
                tried = delivery.server.heard.count("RCPT")
                delivery.worker.run_once()
                assert delivery.server.heard.count("RCPT") == tried, "too early"
                clock.move_to(due_on)

    def test_letters_that_failed_together_are_retried_at_different_times(
        self, delivery: Delivery
    ) -> None:
        delivery.server.answers["RCPT"] = ["450 later"]
        with time_machine.travel(NOON, tick=False):
            delivery.register(ADA, BOB, EVE)
            delivery.worker.run_once()
        assert len({letter["due_on"] for letter in delivery.letters()}) == 3

    def test_after_three_days_the_worker_gives_up_and_the_page_says_why(
        self, delivery: Delivery
    ) -> None:
        delivery.server.answers["RCPT"] = ["450 mailbox busy"]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            delivery.worker.run_once()
            clock.shift(71 * HOUR)
            assert delivery.worker.run_once() is True
            clock.shift(1 * HOUR + 1)
            assert delivery.worker.run_once() is False
            visitor = Visitor(delivery.app)
            visitor.sign_in(ADA)
            page = visitor.get("/unconfirmed")
            assert "tried for three days" in alert(page, "danger")
            assert "mailbox busy" not in page.text
            assert "mailbox busy" in delivery.letters()[0]["trouble"]

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_the_worker_reconnects_after_a_421(self, delivery: Delivery, command: str) -> None:
        """RFC 5321 3.8: a server may answer any command with 421 and closes the connection."""
        delivery.server.answers[command] = ["421 closing", ""]
        delivery.register(ADA, BOB)
        delivery.worker.run_once()
        assert [taken.recipients for taken in delivery.server.taken] == [[BOB]]
        assert delivery.server.connections == 2
        assert len(delivery.letters()) == 1


class TestPermanentRefusal:
    """5xx: the mail server refuses the letter permanently."""

    @pytest.mark.parametrize("command", ["RCPT", "DATA"])
    def test_a_permanent_refusal_is_kept_with_its_text_and_not_retried(
        self, delivery: Delivery, command: str
    ) -> None:
        delivery.server.answers[command] = ["550 5.1.1 no such mailbox"]
        with time_machine.travel(NOON, tick=False) as clock:
            visitor = delivery.register(ADA)
            assert delivery.worker.run_once() is False, "a refused letter is not left to send"
            (letter,) = delivery.letters()
            assert letter["due_on"] is None
            assert letter["trouble"] == "550 5.1.1 no such mailbox"
            expected = alert(visitor.get("/unconfirmed"), "danger")
            assert expected == "There is no such mailbox at example.com."
            assert visitor.get("/unconfirmed/status").get_json()["mail"] == "failed"
            clock.shift(5 * HOUR)
            delivery.worker.run_once()
        assert delivery.server.heard.count("RCPT") == 1

    def test_a_resend_tries_again(self, make_delivery: MakeDelivery) -> None:
        delivery = make_delivery(RESEND_COOLDOWN="0")
        delivery.server.answers["RCPT"] = ["550 no such mailbox", ""]
        visitor = delivery.register(ADA)
        delivery.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        assert visitor.get("/unconfirmed/status").get_json()["mail"] == "queued"
        delivery.worker.run_once()
        (taken,) = delivery.server.taken
        assert visitor.get("/unconfirmed/status").get_json()["mail"] == "sent"
        assert visitor.submit(taken.mail.link).location == "/"

    def test_the_words_of_a_server_are_shortened_and_visitors_never_see_them(
        self, delivery: Delivery
    ) -> None:
        delivery.server.answers["RCPT"] = ["550 <script>alert(1)</script> " + "x" * 400]
        visitor = delivery.register(ADA)
        delivery.worker.run_once()
        assert len(delivery.letters()[0]["trouble"]) == 300
        page = visitor.get("/unconfirmed")
        assert "There is no such mailbox" in page.text
        assert "alert(1)" not in page.text
        assert "xxx" not in page.text


@pytest.mark.parametrize("answer", ["550 never", "451 later", HANG_UP])
def test_one_failing_letter_does_not_delay_the_others(delivery: Delivery, answer: str) -> None:
    delivery.server.answers[f"RCPT {BOB}"] = [answer]
    delivery.register(ADA, BOB, EVE)
    delivery.worker.run_once()
    assert [taken.recipients for taken in delivery.server.taken] == [[ADA], [EVE]]


def test_a_letter_that_cannot_be_rendered_does_not_delay_the_others(delivery: Delivery) -> None:
    delivery.register(ADA, BOB)
    with delivery.app.app_context():
        current_mongo().users.update_one({"email_key": ADA}, {"$set": {"email": "no address"}})
    delivery.worker.run_once()
    assert [taken.recipients for taken in delivery.server.taken] == [[BOB]]
    assert len(delivery.letters()) == 1


def test_a_letter_of_an_unknown_kind_does_not_stop_the_worker(delivery: Delivery) -> None:
    delivery.register(ADA)
    with delivery.app.app_context():
        current_mongo().users.update_one({}, {"$set": {"outbox.0.kind": "from the future"}})
    stop = Event()
    running = Thread(target=delivery.worker.run, args=(stop,))
    running.start()
    try:
        delivery.register(BOB)
        wait_until(lambda: delivery.server.taken, 10)
    finally:
        stop.set()
        running.join()
    assert [taken.recipients for taken in delivery.server.taken] == [[BOB]]
    assert len(delivery.letters()) == 1


class TestLostConnection:
    """The connection breaks at different moments."""

    @pytest.mark.parametrize("moment", ["EHLO", "MAIL", "RCPT", "354", "DATA"])
    def test_the_letter_is_sent_again_with_the_same_message_id(
        self, delivery: Delivery, moment: str
    ) -> None:
        """ "DATA" is after the final dot: the server may have the mail or not."""
        delivery.server.answers[moment] = [HANG_UP, ""]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            assert delivery.worker.run_once() is True
            (letter,) = delivery.letters()
            clock.shift(6.1)
            assert delivery.worker.run_once() is False
        assert _message_ids(delivery) == [f"<{letter['message_id']}@latchkey.test>"]

    def test_a_connection_that_breaks_at_quit_changes_nothing(self, delivery: Delivery) -> None:
        delivery.server.answers["QUIT"] = [HANG_UP]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA)
            assert delivery.worker.run_once() is False
            clock.shift(HOUR)
            delivery.worker.run_once()
        assert len(delivery.server.taken) == 1
        assert delivery.letters() == []

    def test_a_closed_idle_connection_causes_no_delay(
        self, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        delivery.register(ADA)
        delivery.worker.deliver_one()
        delivery.server.hang_up()
        monkeypatch.setattr(transport, "monotonic", lambda: time.monotonic() + 60)
        delivery.register(BOB)
        delivery.worker.deliver_one()
        assert [taken.recipients for taken in delivery.server.taken] == [[ADA], [BOB]]
        assert delivery.server.connections == 2

    @pytest.mark.parametrize("answer", ["421 idle for too long", HANG_UP])
    @pytest.mark.parametrize("command", ["MAIL", "RCPT"])
    def test_the_letter_that_finds_a_kept_connection_closed_goes_out_over_a_new_one_at_once(
        self, delivery: Delivery, command: str, answer: str
    ) -> None:
        """The server closes an idle connection with 421, or without a word."""
        delivery.server.answers[command] = ["", answer, ""]
        delivery.register(ADA, BOB, EVE)
        assert delivery.worker.run_once() is False
        assert [taken.recipients for taken in delivery.server.taken] == [[ADA], [BOB], [EVE]]
        assert delivery.server.connections == 2

    def test_a_letter_that_breaks_two_connections_is_retried_later(
        self, delivery: Delivery
    ) -> None:
        delivery.server.answers[f"RCPT {BOB}"] = [HANG_UP]
        delivery.register(ADA, BOB, EVE)
        assert delivery.worker.run_once() is True
        assert delivery.server.heard.count(f"RCPT {BOB}") == 2
        assert [taken.recipients for taken in delivery.server.taken] == [[ADA], [EVE]]

    @pytest.mark.parametrize(
        ("moment", "answer", "expected"),
        [
            ("greeting", "421 too many connections", "refuses our login, sender or messages (421)"),
            ("EHLO", HANG_UP, "cannot be reached"),
            ("AUTH", "454 try later", "does not let us sign in (454)"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    def test_while_no_connection_can_be_made_only_one_letter_is_tried(
        self,
        server: SmtpServer,
        make_delivery: MakeDelivery,
        moment: str,
        answer: str,
        expected: str,
    ) -> None:
        server.start(auth_required=True, auth_require_tls=False)
        delivery = make_delivery(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        server.answers[moment] = [answer]
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA, BOB, EVE)
            assert delivery.worker.run_once() is True
            assert [letter["attempts"] for letter in delivery.letters()] == [0, 0, 0], (
                "it cost none"
            )
            assert [bool(letter["trouble"]) for letter in delivery.letters()] == [
                True,
                False,
                False,
            ]
            assert expected in delivery.ready()["blocked"]
            server.answers.clear()
            clock.shift(6.1)
            assert delivery.worker.run_once() is False
        assert {taken.recipients[0] for taken in server.taken} == {ADA, BOB, EVE}

    def test_an_open_connection_is_used_again(
        self, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        delivery.register(ADA)
        delivery.worker.deliver_one()
        monkeypatch.setattr(transport, "monotonic", lambda: time.monotonic() + 60)
        delivery.register(BOB)
        delivery.worker.deliver_one()
        assert len(delivery.server.taken) == 2
        assert delivery.server.connections == 1

    @pytest.mark.parametrize("moment", ["EHLO", "RCPT"])
    def test_a_server_that_does_not_answer_is_given_up_after_the_timeout(
        self, make_delivery: MakeDelivery, moment: str
    ) -> None:
        delivery = make_delivery(MAIL_TIMEOUT="1")
        delivery.server.answers[moment] = [SAY_NOTHING]
        delivery.register(ADA)
        start = time.monotonic()
        assert delivery.worker.run_once() is True
        # The worker waits once for the answer and once for the answer to QUIT.
        assert 1 <= time.monotonic() - start < 4
        assert "timed out" in delivery.letters()[0]["trouble"]

    def test_pages_work_and_letters_wait_while_the_server_is_away(self, delivery: Delivery) -> None:
        port = delivery.server.port
        delivery.server.stop()
        with time_machine.travel(NOON, tick=False) as clock:
            visitor = delivery.register(ADA, BOB, EVE)
            assert delivery.worker.run_once() is True
            assert [letter["attempts"] for letter in delivery.letters()] == [0, 0, 0]
            assert [bool(letter["trouble"]) for letter in delivery.letters()] == [
                True,
                False,
                False,
            ]
            assert "cannot be reached" in delivery.ready()["blocked"]
            assert "on its way" in alert(visitor.get("/unconfirmed"), "info")
            assert delivery.ready()["due"] == 2

            delivery.server.start(port)
            clock.shift(6.1)
            assert delivery.worker.run_once() is False
        assert {taken.recipients[0] for taken in delivery.server.taken} == {ADA, BOB, EVE}


class TestBlocked:
    """No letter can leave until somebody fixes the server or the settings."""

    def _refuses_then_delivers(self, delivery: Delivery, words: str) -> None:
        """No letter is dropped, operators see the reason, and a fix lets all letters leave."""
        with time_machine.travel(NOON, tick=False) as clock:
            delivery.register(ADA, BOB)
            assert delivery.worker.run_once() is True
            assert delivery.server.taken == []
            assert words in delivery.ready()["blocked"]
            clock.shift(100 * HOUR)
            assert delivery.worker.run_once() is True, "not dropped after three days"
            assert words in delivery.ready()["blocked"]

            delivery.server.password = "right"
            delivery.server.answers.clear()
            clock.shift(HOUR)
            assert delivery.worker.run_once() is False
            assert delivery.ready() == {"due": 0, "oldest_due_seconds": None, "blocked": None}
        assert {taken.recipients[0] for taken in delivery.server.taken} == {ADA, BOB}

    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    def test_a_refused_login_blocks_all_mail(
        self, server: SmtpServer, make_delivery: MakeDelivery
    ) -> None:
        server.start(auth_required=True, auth_require_tls=False)
        server.password = "changed"
        delivery = make_delivery(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        self._refuses_then_delivers(delivery, "535")
        assert "MAIL" in server.heard

    def test_a_server_that_accepts_no_mail_at_all_blocks_all_mail(self, delivery: Delivery) -> None:
        delivery.server.answers["greeting"] = ["554 no mail from your network"]
        self._refuses_then_delivers(delivery, "refuses our login, sender or messages (554)")

    @pytest.mark.parametrize("answer", ["550 5.7.1 not your address", "553 unknown sender"])
    def test_a_refused_sender_blocks_all_mail(self, delivery: Delivery, answer: str) -> None:
        delivery.server.answers["MAIL"] = [answer]
        self._refuses_then_delivers(
            delivery, f"refuses our login, sender or messages ({answer[:3]})"
        )

    def test_the_person_sees_that_the_mail_is_on_its_way(self, delivery: Delivery) -> None:
        delivery.server.answers["MAIL"] = ["550 5.7.1 not your address"]
        visitor = delivery.register(ADA)
        delivery.worker.run_once()
        page = visitor.get("/unconfirmed")
        assert "on its way" in alert(page, "info")
        assert "not your address" not in page.text

    def test_blocked_mail_is_logged_for_the_operator(
        self, delivery: Delivery, caplog: pytest.LogCaptureFixture
    ) -> None:
        delivery.server.answers["MAIL"] = ["550 5.7.1 not your address"]
        delivery.register(ADA)
        delivery.worker.run_once()
        (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "not your address" in record.getMessage()

    def test_a_login_that_the_server_does_not_offer_blocks_all_mail(
        self, make_delivery: MakeDelivery
    ) -> None:
        delivery = make_delivery(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        delivery.register(ADA)
        assert delivery.worker.run_once() is True
        assert delivery.ready()["blocked"]


class TestEncryption:
    """The worker sends nothing without TLS, and nothing to a server with an invalid certificate."""

    LOGIN: ClassVar[dict[str, str]] = {
        "APP_MAIL_USERNAME": "latchkey",
        "APP_MAIL_PASSWORD": "right",
    }

    def _sends_nothing(self, delivery: Delivery) -> None:
        delivery.register(ADA, BOB)
        assert delivery.worker.run_once() is True
        assert delivery.server.taken == []
        assert not {"AUTH", "MAIL", "RCPT"} & set(delivery.server.heard)
        assert [letter["due_on"] is not None for letter in delivery.letters()] == [True, True]
        assert delivery.ready()["blocked"], "operators see it"

    def test_starttls_with_a_self_signed_certificate_sends_nothing(
        self, server: SmtpServer, make_delivery: MakeDelivery
    ) -> None:
        server.start(tls_context=tls_context())
        self._sends_nothing(make_delivery(APP_MAIL_USE_TLS="true", **self.LOGIN))

    def test_a_server_without_starttls_gets_nothing(
        self, server: SmtpServer, make_delivery: MakeDelivery
    ) -> None:
        server.start(auth_require_tls=False)
        self._sends_nothing(make_delivery(APP_MAIL_USE_TLS="true", **self.LOGIN))

    def test_ssl_with_a_self_signed_certificate_sends_nothing(
        self, server: SmtpServer, make_delivery: MakeDelivery
    ) -> None:
        server.start(ssl_context=tls_context())
        self._sends_nothing(make_delivery(APP_MAIL_USE_SSL="true", **self.LOGIN))

    def test_a_certificate_for_another_name_sends_nothing(
        self, server: SmtpServer, make_delivery: MakeDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        server.start(host="127.0.0.2", tls_context=tls_context())
        self._sends_nothing(make_delivery(APP_MAIL_USE_TLS="true", APP_MAIL_SERVER="127.0.0.2"))

    @pytest.mark.parametrize("setting", ["APP_MAIL_USE_TLS", "APP_MAIL_USE_SSL"])
    def test_a_server_with_a_valid_certificate_gets_the_mail_encrypted(
        self,
        server: SmtpServer,
        make_delivery: MakeDelivery,
        monkeypatch: pytest.MonkeyPatch,
        setting: str,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        kind = "tls_context" if setting == "APP_MAIL_USE_TLS" else "ssl_context"
        encrypted: dict[str, Any] = {kind: tls_context()}
        server.start(auth_required=setting == "APP_MAIL_USE_TLS", **encrypted)
        login = self.LOGIN if setting == "APP_MAIL_USE_TLS" else {}
        delivery = make_delivery(**{"APP_MAIL_USE_SSL": "false", setting: "true"}, **login)
        delivery.register(ADA)
        assert delivery.worker.run_once() is False
        (taken,) = server.taken
        assert taken.encrypted or setting == "APP_MAIL_USE_SSL"  # aiosmtpd records only STARTTLS


def test_a_superseded_letter_is_dropped_unsent(make_delivery: MakeDelivery) -> None:
    delivery = make_delivery(RESEND_COOLDOWN="0")
    visitor = delivery.register(ADA)
    earlier = delivery.letters()[0]
    visitor.submit("/resend", on="/unconfirmed")
    delivery.worker.run_once()
    (message_id,) = _message_ids(delivery)
    assert earlier["message_id"] not in message_id
    assert delivery.letters() == []


def test_a_superseded_letter_in_retry_is_dropped(
    make_delivery: MakeDelivery,
) -> None:
    delivery = make_delivery(RESEND_COOLDOWN="0")
    delivery.server.answers["RCPT"] = ["451 later", ""]
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = delivery.register(ADA)
        delivery.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        delivery.worker.run_once()
        clock.shift(HOUR)
        assert delivery.worker.run_once() is False
    assert len(delivery.server.taken) == 1


def test_dropping_a_letter_in_retry_does_not_stop_the_queue(make_delivery: MakeDelivery) -> None:
    """An earlier refusal does not block other letters."""
    delivery = make_delivery(RESEND_COOLDOWN="0")
    delivery.server.answers["MAIL"] = ["550 not your address", ""]
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = delivery.register(ADA)
        delivery.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        delivery.register(BOB)
        clock.shift(HOUR)
        assert delivery.worker.run_once() is False
    assert {taken.recipients[0] for taken in delivery.server.taken} == {ADA, BOB}


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Makes SIGINT raise KeyboardInterrupt, even if the shell ignores it for background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_a_worker_killed_while_sending_loses_no_letter(delivery: Delivery) -> None:
    delivery.server.before_data = lambda: os.kill(os.getpid(), signal.SIGINT)
    delivery.server.answers["DATA"] = [HANG_UP, ""]
    with time_machine.travel(NOON, tick=False) as clock:
        delivery.register(ADA)
        with pytest.raises(KeyboardInterrupt):
            delivery.worker.run_once()
        delivery.server.before_data = lambda: None
        (letter,) = delivery.letters()

        successor = Worker(delivery.app)
        clock.shift(59)
        assert successor.run_once() is True, "the lease has not ended"
        assert delivery.server.taken == []
        clock.shift(1)
        assert successor.run_once() is False
    assert _message_ids(delivery) == [f"<{letter['message_id']}@latchkey.test>"]


def test_a_worker_that_lost_its_lease_cannot_settle_the_letter(
    delivery: Delivery,
) -> None:
    with time_machine.travel(NOON, tick=False) as clock, delivery.app.app_context():
        delivery.register(ADA)
        lost = outbox.lease(datetime.now(UTC), timedelta(seconds=60))
        assert lost is not None
        clock.shift(60)
        delivery.server.answers["RCPT"] = ["451 later", ""]
        delivery.worker.run_once()
        assert outbox.settle(lost, datetime.now(UTC)) is False
        clock.shift(HOUR)
        delivery.worker.run_once()
    assert len(delivery.server.taken) == 1


def test_two_workers_send_every_letter_once(delivery: Delivery) -> None:
    delivery.register(ADA, BOB, EVE)
    other = Worker(delivery.app)
    while delivery.worker.deliver_one() | other.deliver_one():
        pass
    assert sorted(taken.recipients[0] for taken in delivery.server.taken) == [ADA, BOB, EVE]
    assert delivery.server.connections == 2


def _message_ids(delivery: Delivery) -> list[str]:
    return [str(taken.mail.message["Message-ID"]) for taken in delivery.server.taken]
