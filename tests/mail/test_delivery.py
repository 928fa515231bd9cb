"""The worker against a mail server that is real, and at times bad-tempered."""

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
from tests.mail.conftest import MakePost, Post
from tests.mail.smtp_server import CERTIFICATE, HANG_UP, SAY_NOTHING, SmtpServer, tls_context
from tests.processes import wait_until
from tests.visitor import Visitor, alert

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
NOON = "2026-11-24 12:00:00Z"
HOUR = 3600


def test_a_mail_that_is_taken_is_no_longer_owed_and_its_page_says_so(post: Post) -> None:
    visitor = post.register(ADA)
    assert "on its way" in alert(visitor.get("/unconfirmed"), "info")
    assert post.worker.run_once() is False, "nothing is left"
    (taken,) = post.server.taken
    assert (taken.sender, taken.recipients) == ("no-reply@latchkey.test", [ADA])
    assert post.letters() == []
    assert "was sent" in alert(visitor.get("/unconfirmed"), "info")
    assert visitor.submit(taken.mail.link).location == "/"


def test_several_mails_go_over_one_connection(post: Post) -> None:
    post.register(ADA, BOB, EVE)
    post.worker.run_once()
    assert [taken.recipients for taken in post.server.taken] == [[ADA], [BOB], [EVE]]
    assert post.server.connections == 1
    assert post.server.heard[-1] == "QUIT"


class TestRefusedForNow:
    """4xx: the mail server asks to come back."""

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "354"])
    def test_the_letter_is_tried_again_and_arrives(self, post: Post, command: str) -> None:
        post.server.answers[command] = ["451 4.3.0 busy", ""]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA)
            assert post.worker.run_once() is True, "a letter is left"
            assert post.server.taken == []
            (letter,) = post.letters()
            assert "busy" in letter["trouble"]
            clock.shift(6.1)
            assert post.worker.run_once() is False
        assert _message_ids(post) == [f"<{letter['message_id']}@latchkey.test>"]

    def test_pauses_double_from_5_seconds_to_5_minutes_give_or_take_a_fifth(
        self, post: Post
    ) -> None:
        post.server.answers["RCPT"] = ["450 greylisted"]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA)
            for seconds in (5, 10, 20, 40, 80, 160, 300, 300, 300):
                post.worker.run_once()
                due_on = post.letters()[0]["due_on"]
                pause = due_on - datetime.now(UTC)
                assert 0.8 * seconds <= pause.total_seconds() <= 1.2 * seconds
                clock.move_to(due_on - timedelta(milliseconds=1))
                tried = post.server.heard.count("RCPT")
                post.worker.run_once()
                assert post.server.heard.count("RCPT") == tried, "too early"
                clock.move_to(due_on)

    def test_letters_that_failed_together_do_not_come_back_together(self, post: Post) -> None:
        post.server.answers["RCPT"] = ["450 later"]
        with time_machine.travel(NOON, tick=False):
            post.register(ADA, BOB, EVE)
            post.worker.run_once()
        assert len({letter["due_on"] for letter in post.letters()}) == 3

    def test_after_three_days_it_is_given_up_and_the_page_says_why(self, post: Post) -> None:
        post.server.answers["RCPT"] = ["450 mailbox busy"]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA)
            post.worker.run_once()
            clock.shift(71 * HOUR)
            assert post.worker.run_once() is True
            clock.shift(1 * HOUR + 1)
            assert post.worker.run_once() is False
            visitor = Visitor(post.app)
            visitor.sign_in(ADA)
            page = visitor.get("/unconfirmed")
            assert "tried for three days" in alert(page, "danger")
            assert "mailbox busy" not in page.text
            assert "mailbox busy" in post.letters()[0]["trouble"]

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_a_server_that_closes_the_channel_is_connected_to_again(
        self, post: Post, command: str
    ) -> None:
        """RFC 5321 3.8: 421 comes to any command, and the connection is over."""
        post.server.answers[command] = ["421 closing", ""]
        post.register(ADA, BOB)
        post.worker.run_once()
        assert [taken.recipients for taken in post.server.taken] == [[BOB]]
        assert post.server.connections == 2
        assert len(post.letters()) == 1


class TestRefusedForGood:
    """5xx: this recipient will never get it."""

    @pytest.mark.parametrize("command", ["RCPT", "DATA"])
    def test_it_is_kept_with_the_servers_words_and_not_tried_again(
        self, post: Post, command: str
    ) -> None:
        post.server.answers[command] = ["550 5.1.1 no such mailbox"]
        with time_machine.travel(NOON, tick=False) as clock:
            visitor = post.register(ADA)
            assert post.worker.run_once() is False, "refused for good is not left"
            (letter,) = post.letters()
            assert letter["due_on"] is None
            assert letter["trouble"] == "550 5.1.1 no such mailbox"
            said = alert(visitor.get("/unconfirmed"), "danger")
            assert said == "There is no such mailbox at example.com."
            assert visitor.get("/unconfirmed/status").get_json()["mail"] == "failed"
            clock.shift(5 * HOUR)
            post.worker.run_once()
        assert post.server.heard.count("RCPT") == 1

    def test_a_resend_tries_again(self, make_post: MakePost) -> None:
        post = make_post(RESEND_COOLDOWN="0")
        post.server.answers["RCPT"] = ["550 no such mailbox", ""]
        visitor = post.register(ADA)
        post.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        assert visitor.get("/unconfirmed/status").get_json()["mail"] == "queued"
        post.worker.run_once()
        (taken,) = post.server.taken
        assert visitor.get("/unconfirmed/status").get_json()["mail"] == "sent"
        assert visitor.submit(taken.mail.link).location == "/"

    def test_words_of_a_server_are_kept_in_measure_and_visitors_never_read_them(
        self, post: Post
    ) -> None:
        post.server.answers["RCPT"] = ["550 <script>alert(1)</script> " + "x" * 400]
        visitor = post.register(ADA)
        post.worker.run_once()
        assert len(post.letters()[0]["trouble"]) == 300
        page = visitor.get("/unconfirmed")
        assert "There is no such mailbox" in page.text
        assert "alert(1)" not in page.text
        assert "xxx" not in page.text


@pytest.mark.parametrize("answer", ["550 never", "451 later", HANG_UP])
def test_one_bad_letter_does_not_hold_up_the_others(post: Post, answer: str) -> None:
    post.server.answers[f"RCPT {BOB}"] = [answer]
    post.register(ADA, BOB, EVE)
    post.worker.run_once()
    assert [taken.recipients for taken in post.server.taken] == [[ADA], [EVE]]


def test_a_letter_that_cannot_be_written_does_not_hold_up_the_others(post: Post) -> None:
    post.register(ADA, BOB)
    with post.app.app_context():
        current_mongo().users.update_one({"email_key": ADA}, {"$set": {"email": "no address"}})
    post.worker.run_once()
    assert [taken.recipients for taken in post.server.taken] == [[BOB]]
    assert len(post.letters()) == 1


def test_a_letter_from_a_newer_version_of_the_app_does_not_end_the_worker(post: Post) -> None:
    post.register(ADA)
    with post.app.app_context():
        current_mongo().users.update_one({}, {"$set": {"outbox.0.kind": "from the future"}})
    stop = Event()
    running = Thread(target=post.worker.run, args=(stop,))
    running.start()
    try:
        post.register(BOB)
        wait_until(lambda: post.server.taken, 10)
    finally:
        stop.set()
        running.join()
    assert [taken.recipients for taken in post.server.taken] == [[BOB]]
    assert len(post.letters()) == 1


class TestLostConnection:
    """The line goes dead, here and there."""

    @pytest.mark.parametrize("moment", ["EHLO", "MAIL", "RCPT", "354", "DATA"])
    def test_the_letter_is_sent_again_as_the_same_mail(self, post: Post, moment: str) -> None:
        """ "DATA": after the final dot, when nobody knows whether it was taken."""
        post.server.answers[moment] = [HANG_UP, ""]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA)
            assert post.worker.run_once() is True
            (letter,) = post.letters()
            clock.shift(6.1)
            assert post.worker.run_once() is False
        assert _message_ids(post) == [f"<{letter['message_id']}@latchkey.test>"]

    def test_after_the_server_has_taken_it_a_lost_goodbye_changes_nothing(self, post: Post) -> None:
        post.server.answers["QUIT"] = [HANG_UP]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA)
            assert post.worker.run_once() is False
            clock.shift(HOUR)
            post.worker.run_once()
        assert len(post.server.taken) == 1
        assert post.letters() == []

    def test_a_kept_connection_that_the_server_has_closed_costs_no_delay(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post.register(ADA)
        post.worker.deliver_one()
        post.server.hang_up()
        monkeypatch.setattr(transport, "monotonic", lambda: time.monotonic() + 60)
        post.register(BOB)
        post.worker.deliver_one()
        assert [taken.recipients for taken in post.server.taken] == [[ADA], [BOB]]
        assert post.server.connections == 2

    @pytest.mark.parametrize("answer", ["421 idle for too long", HANG_UP])
    @pytest.mark.parametrize("command", ["MAIL", "RCPT"])
    def test_the_letter_that_finds_a_kept_connection_closed_goes_out_over_a_new_one_at_once(
        self, post: Post, command: str, answer: str
    ) -> None:
        """Before the server says so, or between its last word and ours."""
        post.server.answers[command] = ["", answer, ""]
        post.register(ADA, BOB, EVE)
        assert post.worker.run_once() is False
        assert [taken.recipients for taken in post.server.taken] == [[ADA], [BOB], [EVE]]
        assert post.server.connections == 2

    def test_a_letter_that_closes_every_connection_waits_like_any_other(self, post: Post) -> None:
        post.server.answers[f"RCPT {BOB}"] = [HANG_UP]
        post.register(ADA, BOB, EVE)
        assert post.worker.run_once() is True
        assert post.server.heard.count(f"RCPT {BOB}") == 2
        assert [taken.recipients for taken in post.server.taken] == [[ADA], [EVE]]

    @pytest.mark.parametrize(
        ("moment", "answer", "said"),
        [
            ("greeting", "421 too many connections", "refuses our login, sender or messages (421)"),
            ("EHLO", HANG_UP, "cannot be reached"),
            ("AUTH", "454 try later", "does not let us sign in (454)"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    def test_while_no_connection_can_be_made_one_letter_knocks_for_all(
        self, server: SmtpServer, make_post: MakePost, moment: str, answer: str, said: str
    ) -> None:
        server.start(auth_required=True, auth_require_tls=False)
        post = make_post(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        server.answers[moment] = [answer]
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA, BOB, EVE)
            assert post.worker.run_once() is True
            assert [letter["attempts"] for letter in post.letters()] == [0, 0, 0], "it cost none"
            assert [bool(letter["trouble"]) for letter in post.letters()] == [True, False, False]
            assert said in post.ready()["blocked"]
            server.answers.clear()
            clock.shift(6.1)
            assert post.worker.run_once() is False
        assert {taken.recipients[0] for taken in server.taken} == {ADA, BOB, EVE}

    def test_a_kept_connection_that_is_alive_is_used_again(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post.register(ADA)
        post.worker.deliver_one()
        monkeypatch.setattr(transport, "monotonic", lambda: time.monotonic() + 60)
        post.register(BOB)
        post.worker.deliver_one()
        assert len(post.server.taken) == 2
        assert post.server.connections == 1

    @pytest.mark.parametrize("moment", ["EHLO", "RCPT"])
    def test_a_server_that_says_nothing_is_given_up_after_the_timeout(
        self, make_post: MakePost, moment: str
    ) -> None:
        post = make_post(MAIL_TIMEOUT="1")
        post.server.answers[moment] = [SAY_NOTHING]
        post.register(ADA)
        start = time.monotonic()
        assert post.worker.run_once() is True
        # Once for the answer, and once for the goodbye.
        assert 1 <= time.monotonic() - start < 4
        assert "timed out" in post.letters()[0]["trouble"]

    def test_while_the_server_is_away_pages_work_and_the_queue_waits(self, post: Post) -> None:
        port = post.server.port
        post.server.stop()
        with time_machine.travel(NOON, tick=False) as clock:
            visitor = post.register(ADA, BOB, EVE)
            assert post.worker.run_once() is True
            assert [letter["attempts"] for letter in post.letters()] == [0, 0, 0]
            assert [bool(letter["trouble"]) for letter in post.letters()] == [True, False, False]
            assert "cannot be reached" in post.ready()["blocked"]
            assert "on its way" in alert(visitor.get("/unconfirmed"), "info")
            assert post.ready()["due"] == 2

            post.server.start(port)
            clock.shift(6.1)
            assert post.worker.run_once() is False
        assert {taken.recipients[0] for taken in post.server.taken} == {ADA, BOB, EVE}


class TestBlocked:
    """No letter can leave until somebody fixes the server or the settings."""

    def _refuses_then_delivers(self, post: Post, words: str) -> None:
        """Nothing is dropped however long it takes, operators see it, and it all leaves."""
        with time_machine.travel(NOON, tick=False) as clock:
            post.register(ADA, BOB)
            assert post.worker.run_once() is True
            assert post.server.taken == []
            assert words in post.ready()["blocked"]
            clock.shift(100 * HOUR)
            assert post.worker.run_once() is True, "dropped after three days"
            assert words in post.ready()["blocked"]

            post.server.password = "right"
            post.server.answers.clear()
            clock.shift(HOUR)
            assert post.worker.run_once() is False
            assert post.ready() == {"due": 0, "oldest_due_seconds": None, "blocked": None}
        assert {taken.recipients[0] for taken in post.server.taken} == {ADA, BOB}

    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    def test_by_a_refused_login(self, server: SmtpServer, make_post: MakePost) -> None:
        server.start(auth_required=True, auth_require_tls=False)
        server.password = "changed without telling"
        post = make_post(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        self._refuses_then_delivers(post, "535")
        assert "MAIL" in server.heard

    def test_by_a_server_that_takes_no_mail_at_all(self, post: Post) -> None:
        post.server.answers["greeting"] = ["554 no mail from your network"]
        self._refuses_then_delivers(post, "refuses our login, sender or messages (554)")

    @pytest.mark.parametrize("answer", ["550 5.7.1 not your address", "553 unknown sender"])
    def test_by_a_refused_sender(self, post: Post, answer: str) -> None:
        post.server.answers["MAIL"] = [answer]
        self._refuses_then_delivers(post, f"refuses our login, sender or messages ({answer[:3]})")

    def test_the_person_sees_a_mail_on_its_way_and_not_our_trouble(self, post: Post) -> None:
        post.server.answers["MAIL"] = ["550 5.7.1 not your address"]
        visitor = post.register(ADA)
        post.worker.run_once()
        page = visitor.get("/unconfirmed")
        assert "on its way" in alert(page, "info")
        assert "not your address" not in page.text

    def test_it_is_logged_for_the_operator(
        self, post: Post, caplog: pytest.LogCaptureFixture
    ) -> None:
        post.server.answers["MAIL"] = ["550 5.7.1 not your address"]
        post.register(ADA)
        post.worker.run_once()
        (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "not your address" in record.getMessage()

    def test_by_a_login_that_the_server_does_not_offer(self, make_post: MakePost) -> None:
        post = make_post(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="right")
        post.register(ADA)
        assert post.worker.run_once() is True
        assert post.ready()["blocked"]


class TestEncryption:
    """Nothing goes out in the clear, or to a server that cannot prove its name."""

    LOGIN: ClassVar = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": "right"}

    def _sends_nothing(self, post: Post) -> None:
        post.register(ADA, BOB)
        assert post.worker.run_once() is True
        assert post.server.taken == []
        assert not {"AUTH", "MAIL", "RCPT"} & set(post.server.heard)
        assert [letter["due_on"] is not None for letter in post.letters()] == [True, True]
        assert post.ready()["blocked"], "operators see it"

    def test_starttls_with_a_certificate_that_nobody_signed(
        self, server: SmtpServer, make_post: MakePost
    ) -> None:
        server.start(tls_context=tls_context())
        self._sends_nothing(make_post(APP_MAIL_USE_TLS="true", **self.LOGIN))

    def test_starttls_that_is_not_offered(self, server: SmtpServer, make_post: MakePost) -> None:
        server.start(auth_require_tls=False)
        self._sends_nothing(make_post(APP_MAIL_USE_TLS="true", **self.LOGIN))

    def test_ssl_with_a_certificate_that_nobody_signed(
        self, server: SmtpServer, make_post: MakePost
    ) -> None:
        server.start(ssl_context=tls_context())
        self._sends_nothing(make_post(APP_MAIL_USE_SSL="true", **self.LOGIN))

    def test_a_certificate_for_another_name(
        self, server: SmtpServer, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        server.start(host="127.0.0.2", tls_context=tls_context())
        self._sends_nothing(make_post(APP_MAIL_USE_TLS="true", APP_MAIL_SERVER="127.0.0.2"))

    @pytest.mark.parametrize("setting", ["APP_MAIL_USE_TLS", "APP_MAIL_USE_SSL"])
    def test_a_server_that_proves_its_name_gets_the_mail_encrypted(
        self,
        server: SmtpServer,
        make_post: MakePost,
        monkeypatch: pytest.MonkeyPatch,
        setting: str,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        kind = "tls_context" if setting == "APP_MAIL_USE_TLS" else "ssl_context"
        encrypted: dict[str, Any] = {kind: tls_context()}
        server.start(auth_required=setting == "APP_MAIL_USE_TLS", **encrypted)
        login = self.LOGIN if setting == "APP_MAIL_USE_TLS" else {}
        post = make_post(**{"APP_MAIL_USE_SSL": "false", setting: "true"}, **login)
        post.register(ADA)
        assert post.worker.run_once() is False
        (taken,) = server.taken
        assert taken.encrypted or setting == "APP_MAIL_USE_SSL"  # aiosmtpd notes STARTTLS only


def test_a_letter_that_a_resend_has_overtaken_is_dropped_unsent(make_post: MakePost) -> None:
    post = make_post(RESEND_COOLDOWN="0")
    visitor = post.register(ADA)
    earlier = post.letters()[0]
    visitor.submit("/resend", on="/unconfirmed")
    post.worker.run_once()
    (message_id,) = _message_ids(post)
    assert earlier["message_id"] not in message_id
    assert post.letters() == []


def test_a_letter_that_waits_for_its_retry_is_dropped_when_a_resend_overtakes_it(
    make_post: MakePost,
) -> None:
    post = make_post(RESEND_COOLDOWN="0")
    post.server.answers["RCPT"] = ["451 later", ""]
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = post.register(ADA)
        post.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        post.worker.run_once()
        clock.shift(HOUR)
        assert post.worker.run_once() is False
    assert len(post.server.taken) == 1


def test_a_letter_dropped_after_trouble_does_not_stop_the_queue(make_post: MakePost) -> None:
    """What the server refused a while ago says nothing about now."""
    post = make_post(RESEND_COOLDOWN="0")
    post.server.answers["MAIL"] = ["550 not your address", ""]
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = post.register(ADA)
        post.worker.run_once()
        visitor.submit("/resend", on="/unconfirmed")
        post.register(BOB)
        clock.shift(HOUR)
        assert post.worker.run_once() is False
    assert {taken.recipients[0] for taken in post.server.taken} == {ADA, BOB}


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C raises, also where the shell ignores it for the tests, as shells do for jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_a_worker_that_dies_while_sending_loses_nothing(post: Post) -> None:
    post.server.before_data = lambda: os.kill(os.getpid(), signal.SIGINT)
    post.server.answers["DATA"] = [HANG_UP, ""]
    with time_machine.travel(NOON, tick=False) as clock:
        post.register(ADA)
        with pytest.raises(KeyboardInterrupt):
            post.worker.run_once()
        post.server.before_data = lambda: None
        (letter,) = post.letters()

        successor = Worker(post.app)
        clock.shift(59)
        assert successor.run_once() is True, "the lease is not over"
        assert post.server.taken == []
        clock.shift(1)
        assert successor.run_once() is False
    assert _message_ids(post) == [f"<{letter['message_id']}@latchkey.test>"]


def test_a_worker_that_was_thought_dead_cannot_settle_what_another_has_in_hand(
    post: Post,
) -> None:
    with time_machine.travel(NOON, tick=False) as clock, post.app.app_context():
        post.register(ADA)
        lost = outbox.lease(datetime.now(UTC), timedelta(seconds=60))
        assert lost is not None
        clock.shift(60)
        post.server.answers["RCPT"] = ["451 later", ""]
        post.worker.run_once()
        assert outbox.settle(lost, datetime.now(UTC)) is False
        clock.shift(HOUR)
        post.worker.run_once()
    assert len(post.server.taken) == 1


def test_two_workers_send_every_letter_once(post: Post) -> None:
    post.register(ADA, BOB, EVE)
    other = Worker(post.app)
    while post.worker.deliver_one() | other.deliver_one():
        pass
    assert sorted(taken.recipients[0] for taken in post.server.taken) == [ADA, BOB, EVE]
    assert post.server.connections == 2


def _message_ids(post: Post) -> list[str]:
    return [str(taken.mail.message["Message-ID"]) for taken in post.server.taken]
