"""Refusals over SMTP: what happens to the letter, and what each reader sees."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
import time_machine

from app.mongo import current_mongo
from app.users.clock import utcnow
from tests.mail.conftest import Delivery, MakeDelivery
from tests.visitor import PASSWORD, Visitor, alert

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
NOON = "2026-11-24 12:00:00Z"
HOUR = 3600
DAY = 24 * HOUR

ABOUT_US = [
    ("RCPT", "553 5.7.1 <r@example.net>: Sender address rejected: not owned by user r"),
    ("RCPT", "504 5.5.2 <myhost>: Helo command rejected: need fully-qualified hostname"),
    ("RCPT", "450 4.7.1 <myhost>: Helo command rejected: Host not found"),
    ("RCPT", "554 5.7.1 <ada@example.com>: Relay access denied"),
    ("RCPT", "454 4.7.1 <ada@example.com>: Relay access denied"),
    ("RCPT", "530 5.7.0 Authentication required"),
    ("RCPT", "550 5.7.1 Client host blocked"),
    ("354", "554 5.7.1 not now"),
    ("DATA", "550 5.4.5 Daily sending quota exceeded"),
    ("DATA", "554 Message rejected: Email address is not verified."),
    ("DATA", "550 5.7.26 This mail is unauthenticated"),
]


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    """Stops the clock at noon; a test moves it."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def accounts(delivery: Delivery) -> dict[str, dict[str, Any]]:
    """The stored accounts by address."""
    with delivery.app.app_context():
        return {found["email"]: found for found in current_mongo().users.find({})}


@pytest.mark.parametrize(("command", "answer"), ABOUT_US)
class TestAboutUs:
    """The server would refuse every letter: the queue is blocked, and no letter is lost."""

    def test_one_letter_is_tried_no_attempt_counts_and_all_letters_are_sent_later(
        self, delivery: Delivery, noon: time_machine.Traveller, command: str, answer: str
    ) -> None:
        delivery.server.answers[command] = [answer]
        delivery.register(ADA, BOB, EVE)
        assert delivery.worker.run_once() is True
        assert delivery.server.heard.count("MAIL") == 1
        assert [letter["attempts"] for letter in delivery.letters()] == [0, 0, 0]
        assert f"({answer[:3]})" in delivery.ready()["blocked"]
        noon.shift(10 * DAY // 2)  # longer than the three days after which a letter is given up
        assert delivery.worker.run_once() is True
        assert delivery.server.taken == []

        delivery.server.answers.clear()
        noon.shift(HOUR)
        assert delivery.worker.run_once() is False
        assert {taken.recipients[0] for taken in delivery.server.taken} == {ADA, BOB, EVE}
        assert delivery.ready() == {"due": 0, "oldest_due_seconds": None, "blocked": None}

    def test_administrators_see_the_servers_words_and_visitors_do_not(
        self, delivery: Delivery, capsys: pytest.CaptureFixture[str], command: str, answer: str
    ) -> None:
        delivery.server.answers[command] = [answer]
        visitor = delivery.register(ADA)
        capsys.readouterr()
        delivery.worker.run_once()
        words = answer.rpartition(">")[2].partition(" ")[2].strip(": ")
        assert words in capsys.readouterr().err
        page = visitor.get("/unconfirmed")
        assert "on its way" in alert(page, "info")
        assert words not in page.text
        assert visitor.get("/unconfirmed/status").get_json()["mail"] == "queued"
        assert words not in Visitor(delivery.app).get("/health/ready").text
        page = delivery.administrator().get("/admin/mail")
        assert words in alert(page, "danger")


def test_a_security_notice_that_is_refused_because_of_us_is_sent_later(
    delivery: Delivery, noon: time_machine.Traveller
) -> None:
    visitor = delivery.register(ADA)
    delivery.worker.run_once()
    visitor.submit(delivery.server.taken[0].mail.link)
    new = "a quite different phrase"
    visitor.submit("/profile/password", current_password=PASSWORD, password=new, confirm=new)
    delivery.server.answers["RCPT"] = ["554 5.7.1 <ada@example.com>: Relay access denied", ""]
    assert delivery.worker.run_once() is True
    noon.shift(HOUR)
    assert delivery.worker.run_once() is False
    assert "password was changed" in delivery.server.taken[-1].mail.subject


class FakeStop(Event):
    """A stop event that moves the clock when the worker waits, and is set after `seconds`."""

    def __init__(self, clock: time_machine.Traveller, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._until = utcnow() + timedelta(seconds=seconds)

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.shift(timeout or 0)
        return self.is_set()

    def is_set(self) -> bool:
        return utcnow() >= self._until


def test_a_blocked_queue_is_tried_once_a_minute_and_is_sent_within_five_minutes_of_a_fix(
    delivery: Delivery, noon: time_machine.Traveller
) -> None:
    delivery.server.answers["RCPT"] = ["554 5.7.1 Relay access denied"]
    people = [f"{name}@example.com" for name in "abcdefghijklmnop"]
    delivery.register(*people)
    delivery.worker.run(FakeStop(noon, HOUR))
    assert 60 <= delivery.server.heard.count("RCPT") <= 65
    delivery.server.answers.clear()
    delivery.worker.run(FakeStop(noon, 5 * 60))
    assert sorted(taken.recipients[0] for taken in delivery.server.taken) == people


def test_one_letter_that_is_always_refused_because_of_us_does_not_delay_the_others(
    delivery: Delivery, noon: time_machine.Traveller
) -> None:
    delivery.server.answers[f"DATA {ADA}"] = ["554 5.7.1 rejected by policy"]
    delivery.register(ADA, BOB, EVE)
    delivery.worker.run(FakeStop(noon, 60))
    assert [taken.recipients for taken in delivery.server.taken] == [[BOB], [EVE]]
    delivery.worker.run(FakeStop(noon, 2 * HOUR))
    tries = delivery.server.heard.count(f"DATA {ADA}") + delivery.server.heard.count("DATA")
    assert tries < 36, "at most once in five minutes"
    assert "(554)" in delivery.ready()["blocked"]
    delivery.register("late@example.com")
    delivery.worker.run(FakeStop(noon, 10))
    assert delivery.server.taken[-1].recipients == ["late@example.com"], (
        "the pauses have grown for all letters"
    )


def test_a_letter_is_not_given_up_for_the_time_in_a_blocked_queue(
    delivery: Delivery, noon: time_machine.Traveller
) -> None:
    delivery.server.answers["RCPT"] = ["554 5.7.1 Relay access denied", "450 mailbox busy", ""]
    delivery.register(ADA)
    delivery.worker.run_once()
    noon.shift(4 * DAY)
    assert delivery.worker.run_once() is True, "given up"
    noon.shift(HOUR)
    assert delivery.worker.run_once() is False
    assert len(delivery.server.taken) == 1


class TestFullMailbox:
    """A letter with X.2.2 is tried again for a day."""

    @pytest.mark.parametrize("answer", ["552 5.2.2 over quota", "452 4.2.2 mailbox full"])
    def test_the_mail_arrives_when_the_mailbox_has_room_again(
        self, delivery: Delivery, noon: time_machine.Traveller, answer: str
    ) -> None:
        delivery.server.answers["RCPT"] = [answer, ""]
        delivery.register(ADA)
        assert delivery.worker.run_once() is True
        assert delivery.ready()["blocked"] is None
        noon.shift(HOUR)
        assert delivery.worker.run_once() is False
        assert len(delivery.server.taken) == 1

    def test_after_a_day_the_page_says_that_the_mailbox_is_full(
        self, delivery: Delivery, noon: time_machine.Traveller
    ) -> None:
        delivery.server.answers["DATA"] = ["552 5.2.2 over quota"]
        delivery.register(ADA)
        delivery.worker.run_once()
        noon.shift(DAY - 60)
        assert delivery.worker.run_once() is True
        noon.shift(HOUR)
        assert delivery.worker.run_once() is False
        visitor = Visitor(delivery.app)
        visitor.sign_in(ADA)
        page = visitor.get("/unconfirmed")
        assert "mailbox was always full" in alert(page, "danger")
        assert "quota" not in page.text


@pytest.mark.parametrize("command", ["MAIL", "DATA"])
def test_a_mail_that_is_too_large_is_kept_and_does_not_block_the_queue(
    delivery: Delivery, command: str
) -> None:
    words = "552 5.3.4 Message size exceeds fixed limit"
    delivery.server.answers[command] = [words, ""]
    visitor = delivery.register(ADA)
    delivery.register(BOB)
    assert delivery.worker.run_once() is False
    assert [taken.recipients for taken in delivery.server.taken] == [[BOB]]
    assert delivery.ready()["blocked"] is None
    page = visitor.get("/unconfirmed")
    assert "not your address" in page.text
    assert "Wrong address" not in page.text
    assert "exceeds" not in page.text
    page = delivery.administrator().get("/admin/mail")
    assert words in page.text
    assert "Not sent" in page.text


class TestTheSameRefusalInUnrelatedDomains:
    """Such a refusal is about us, even if its code is about the recipient."""

    REFUSAL = "550 5.1.1 <{0}>: Recipient address rejected: no {0} here"

    def _refuse(self, delivery: Delivery, *emails: str, expected: str = REFUSAL) -> Visitor:
        for email in emails:
            delivery.server.answers[f"RCPT {email}"] = [expected.format(email)]
        visitor = delivery.register(*emails)
        delivery.worker.run_once()
        return visitor

    def test_the_letters_are_put_back_and_the_queue_is_blocked(
        self, delivery: Delivery, noon: time_machine.Traveller
    ) -> None:
        people = ["ada@one.example", "ada@two.example", "ada@three.example"]
        first, second = (self._refuse(delivery, email) for email in people[:2])
        assert first.get("/unconfirmed/status").get_json()["mail"] == "failed"
        assert delivery.ready()["blocked"] is None
        self._refuse(delivery, people[2])
        assert "unrelated domains with the same words (550)" in delivery.ready()["blocked"]
        for visitor in (first, second):
            assert visitor.get("/unconfirmed/status").get_json()["mail"] == "queued"
        noon.shift(4 * DAY)
        assert delivery.worker.run_once() is True, "lost"

        delivery.server.answers.clear()
        noon.shift(HOUR)
        assert delivery.worker.run_once() is False
        assert sorted(taken.recipients[0] for taken in delivery.server.taken) == sorted(people)
        assert delivery.ready()["blocked"] is None

    def test_in_one_organisation_the_refusal_is_about_the_recipients(
        self, delivery: Delivery
    ) -> None:
        self._refuse(delivery, "ada@a.example.com", "ada@b.example.com", "ada@example.com")
        assert delivery.ready()["blocked"] is None
        assert [letter["due_on"] for letter in delivery.letters()] == [None] * 3

    def test_a_refusal_with_other_words_does_not_count(self, delivery: Delivery) -> None:
        self._refuse(delivery, "ada@one.example", "ada@two.example")
        self._refuse(delivery, "ada@three.example", expected="550 5.1.1 user unknown")
        assert delivery.ready()["blocked"] is None

    def test_missing_domains_do_not_count(self, delivery: Delivery) -> None:
        people = ["ada@one.example", "ada@two.example", "ada@three.example"]
        self._refuse(delivery, *people, expected="550 5.1.2 <{0}>: Domain not found")
        assert delivery.ready()["blocked"] is None

    def test_refusals_of_more_than_a_day_ago_do_not_count(
        self, delivery: Delivery, noon: time_machine.Traveller
    ) -> None:
        self._refuse(delivery, "ada@one.example", "ada@two.example")
        noon.shift(25 * HOUR)
        self._refuse(delivery, "ada@three.example")
        assert delivery.ready()["blocked"] is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 5.1.1 unknown at login-name", "There is no such mailbox at example.com."),
        ("550 5.1.2 unknown at login-name", "example.com does not accept mail."),
        (
            "550 5.2.1 disabled at login-name",
            "This mailbox at example.com does not accept our mail.",
        ),
    ],
)
def test_the_page_has_our_own_sentence_for_each_kind_of_refusal(
    delivery: Delivery, answer: str, expected: str
) -> None:
    delivery.server.answers["RCPT"] = [answer]
    visitor = delivery.register(ADA)
    delivery.worker.run_once()
    page = visitor.get("/unconfirmed")
    assert alert(page, "danger") == expected
    assert "login-name" not in page.text
    assert "login-name" in delivery.administrator().get("/admin/mail").text


class TestOldDocuments:
    """Documents of an older version."""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("550 5.1.1 unknown", "There is no such mailbox at example.com."),
            ("554 5.7.1 <ada@example.com>: Relay access denied", "The mail was not sent."),
        ],
    )
    def test_a_refusal_without_a_kind_is_judged_by_its_words(
        self, delivery: Delivery, words: str, expected: str
    ) -> None:
        visitor = delivery.register(ADA)
        with delivery.app.app_context():
            stored = {"confirm_mail.refused": words}
            current_mongo().users.update_one({}, {"$set": stored, "$unset": {"outbox": 1}})
        page = visitor.get("/unconfirmed")
        assert alert(page, "danger") == expected
        assert "5.7.1" not in page.text

    def test_an_old_letter_in_retry_is_given_up_three_days_after_it_was_owed(
        self, delivery: Delivery, noon: time_machine.Traveller
    ) -> None:
        delivery.server.answers["RCPT"] = ["450 mailbox busy"]
        delivery.register(ADA)
        with delivery.app.app_context():
            (letter,) = accounts(delivery)[ADA]["outbox"]
            known = {
                *("kind", "owed_on", "due_on", "message_id", "id", "to", "version", "other"),
                *("address", "browser", "attempts", "lease", "trouble", "blocked"),
            }
            old = {name: value for name, value in letter.items() if name in known}
            old |= {"attempts": 9, "trouble": "450 mailbox busy"}
            current_mongo().users.update_one({}, {"$set": {"outbox": [old]}})
        noon.shift(2 * DAY)
        assert delivery.worker.run_once() is True
        noon.shift(DAY + HOUR)
        assert delivery.worker.run_once() is False
        assert delivery.letters()[0]["refusal"] == "given_up"


def test_after_five_refusals_the_worker_makes_a_new_connection(make_delivery: MakeDelivery) -> None:
    """After some errors Postfix delays its answers, and later it closes the connection."""
    delivery = make_delivery()
    strangers = [f"{name}@example.com" for name in "abcdefghijkl"]
    for email in strangers:
        delivery.server.answers[f"RCPT {email}"] = ["550 5.1.1 unknown"]
    delivery.register(*strangers, ADA)
    delivery.worker.run_once()
    assert [taken.recipients for taken in delivery.server.taken] == [[ADA]]
    assert delivery.server.connections == 3
