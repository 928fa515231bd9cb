"""The way back for a person who has lost every second factor."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.mongo import current_mongo, users
from app.users.client import Client
from app.users.clock import utcnow
from tests.authenticator import AuthenticatorApp
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.planted_factors import SECOND, account, plant_app, plant_codes
from tests.visitor import PASSWORD, Visitor, alert, errors

NewVisitor = Callable[[], Visitor]
ADA, LOST = "ada@example.com", "/login/second/lost"
NEW = "another long and good phrase"
WAITING, READY, STAY = "will be removed", "factors at latchkey now", "factors at latchkey stay"
DAY = timedelta(days=1)


@pytest.fixture
def phone(app: Flask, ada: Visitor) -> AuthenticatorApp:
    """The authenticator app of ada, which she has lost."""
    phone = plant_app(app)
    plant_codes(app)
    return phone


@pytest.fixture
def lost(phone: AuthenticatorApp, new_visitor: NewVisitor) -> Visitor:
    """A new browser in which the password of ada is proven."""
    visitor = new_visitor()
    assert visitor.sign_in(ADA).location == SECOND
    return visitor


@pytest.fixture
def first_link(lost: Visitor, mailbox: Mailbox) -> str:
    """The mailed link that starts the wait."""
    assert lost.submit(LOST).status_code == 200
    return mailbox.newest(ADA, "your second factor at").link


def keep_link(mailbox: Mailbox) -> str:
    """The link of the newest mail about the wait."""
    return mailbox.newest(ADA, WAITING).link


def last_link(mailbox: Mailbox) -> str:
    """The link of the last mail that removes the factors."""
    text = mailbox.newest(ADA, READY).text
    (path,) = {word.partition("localhost:5000")[2] for word in text.split() if "/reset/" in word}
    return path


def test_after_password_mailbox_and_wait_the_factors_are_removed(
    app: Flask, ada: Visitor, lost: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    assert "recovery code" in lost.get(LOST).text
    lost.submit(LOST)
    start = utcnow()
    link = mailbox.newest(ADA, "your second factor at").link
    owner = new_visitor()
    before = account(app)
    assert "Start the wait" in owner.get(link).text
    assert account(app) == before, "GET changes nothing"
    assert "The wait lasts until" in owner.submit(link).text
    assert account(app).totp, "nothing is removed yet"
    with time_machine.travel(start + 3 * DAY + timedelta(minutes=1), tick=False):
        link = last_link(mailbox)
        answer = owner.submit(link, password="not the password of ada")
        assert answer.status_code == 422
        assert errors(answer)["password"]
        assert owner.submit(link, password=PASSWORD).location == "/login"
        found = account(app)
        assert (found.totp, found.recovery_codes, found.passkeys) == (None, None, ())
        assert found.sessions == ()
        assert ada.get("/profile").status_code == 302
        assert owner.sign_in(ADA).location == "/"
        assert "removed" in mailbox.newest(ADA, "were removed").subject
        assert owner.get(link).status_code == 410, "the link works once"


def test_a_mail_comes_at_once_and_each_day_and_each_one_cancels(
    app: Flask, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    owner, start = new_visitor(), utcnow()
    owner.submit(first_link)
    counts = []
    for day in range(3):
        with time_machine.travel(start + day * DAY + timedelta(minutes=1), tick=False):
            counts.append(sum(WAITING in subject for subject in mailbox.subjects(ADA)))
    assert counts == [1, 2, 3]
    with time_machine.travel(start + 2 * DAY + timedelta(hours=1), tick=False):
        link = keep_link(mailbox)
        before = account(app)
        assert "Keep my second factors" in owner.get(link).text
        assert account(app) == before, "GET changes nothing"
        assert owner.submit(link).location == "/"
        assert account(app).factor_reset is None
        assert owner.get(link).status_code == 410
        assert owner.get(first_link).status_code == 410, "a start before the cancel is worthless"
        assert mailbox.newest(ADA, STAY)
    with time_machine.travel(start + 4 * DAY, tick=False):
        assert not any(READY in subject.lower() for subject in mailbox.subjects(ADA))
    assert account(app).totp


def test_every_page_of_a_signed_in_browser_says_so_and_cancels(
    app: Flask, ada: Visitor, first_link: str, new_visitor: NewVisitor
) -> None:
    assert "will be removed" not in ada.get("/profile").text
    new_visitor().submit(first_link)
    for path in ("/", "/profile", "/profile/sessions", "/profile/activity"):
        assert "Your second factors will be removed" in alert(ada.get(path), "warning"), path
    assert ada.submit("/profile/security/keep", on="/").location == "/profile/security"
    assert account(app).factor_reset is None
    assert "will be removed" not in ada.get("/profile").text


def _sign_in_with_factor(visitor: Visitor, phone: AuthenticatorApp) -> None:
    visitor.sign_in(ADA)
    assert visitor.submit(SECOND, code=phone.code()).location == "/"


def test_a_sign_in_with_a_factor_cancels(
    app: Flask,
    phone: AuthenticatorApp,
    first_link: str,
    new_visitor: NewVisitor,
    mailbox: Mailbox,
) -> None:
    new_visitor().submit(first_link)
    _sign_in_with_factor(new_visitor(), phone)
    assert account(app).factor_reset is None
    assert mailbox.newest(ADA, STAY)


def test_a_new_password_cancels(
    app: Flask, ada: Visitor, first_link: str, new_visitor: NewVisitor
) -> None:
    new_visitor().submit(first_link)
    ada.submit("/profile/password", current_password=PASSWORD, password=NEW, confirm=NEW)
    assert account(app).factor_reset is None


def test_a_password_reset_cancels_and_cannot_go_around_the_wait(
    app: Flask, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    thief = new_visitor()
    thief.submit(first_link)
    thief.submit("/forgot", email=ADA)
    thief.submit(mailbox.newest(ADA, "choose a new password").link, password=NEW, confirm=NEW)
    assert account(app).factor_reset is None
    assert thief.get(first_link).status_code == 410
    assert thief.sign_in(ADA, NEW).location == SECOND


def test_starting_again_does_not_shorten_the_wait(
    app: Flask, lost: Visitor, first_link: str, new_visitor: NewVisitor
) -> None:
    owner = new_visitor()
    owner.submit(first_link)
    waiting = account(app).factor_reset
    assert waiting
    assert "wait" in owner.get(first_link).text
    lost.get(LOST)
    answer = lost.forge(LOST)
    assert "waits already" in answer.text
    assert account(app).factor_reset == waiting


def test_the_last_link_does_nothing_before_the_end_of_the_wait(
    app: Flask, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    owner, start = new_visitor(), utcnow()
    owner.submit(first_link)
    with time_machine.travel(start + 3 * DAY + timedelta(seconds=5), tick=False):
        link = last_link(mailbox)
    # As on a machine whose clock is behind.
    with time_machine.travel(start + 3 * DAY - timedelta(seconds=40), tick=False):
        answer = owner.forge(link, {"password": PASSWORD})
        assert "The wait lasts until" in answer.text
    assert account(app).totp


def test_only_the_newest_first_link_works(
    lost: Visitor, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    lost.submit(LOST)
    newer = mailbox.newest(ADA, "your second factor at").link
    visitor = new_visitor()
    assert visitor.get(first_link).status_code == 410
    assert visitor.get(newer).status_code == 200


def test_a_stranger_without_the_password_cannot_start(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor, mailbox: Mailbox
) -> None:
    assert visitor.get(LOST).location == "/login"
    assert visitor.forge(LOST).location == "/login"
    assert not any("second factor" in subject for subject in mailbox.subjects(ADA))
    assert account(app).factor_reset is None


def test_mails_with_the_first_link_are_limited(lost: Visitor) -> None:
    answers = [lost.forge(LOST).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_this_way_can_be_turned_off(make_app: MakeApp, mailbox: Mailbox) -> None:
    app = make_app(FACTOR_RESET_DELAY="0")
    visitor = Visitor(app)
    for path in (LOST, "/factors/reset/x", "/factors/keep/x"):
        assert visitor.get(path).status_code == 404
        assert visitor.forge(path).status_code == 404


def test_a_wait_that_began_before_it_was_turned_off_shows_no_button_without_effect(
    app: Flask, ada: Visitor, first_link: str
) -> None:
    Visitor(app).submit(first_link)
    assert "/profile/security/keep" in ada.get("/profile").text
    app.config["FACTOR_RESET_DELAY"] = 0
    for path in ("/profile", "/profile/security"):
        page = ada.get(path)
        assert page.status_code == 200
        assert "/profile/security/keep" not in page.text


def test_an_administrator_removes_the_factors_at_once_and_the_person_is_told(
    app: Flask, phone: AuthenticatorApp, administrator: Visitor, mailbox: Mailbox
) -> None:
    person = f"/admin/people/{account(app).id}"
    assert "Remove the second factors" in administrator.get(person).text
    assert administrator.submit(f"{person}/factors").location == person
    found = account(app)
    assert (found.totp, found.recovery_codes) == (None, None)
    assert "administrator" in mailbox.newest(ADA, "were removed").text
    assert "The second factors were removed" in administrator.get(person).text
    assert "Remove the second factors" not in administrator.get(person).text


def test_undoing_a_change_of_address_removes_the_factors_that_were_added_since(
    app: Flask, ada: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """A thief who adds an authenticator app would otherwise keep the owner out for good."""
    thief = ada.copy()
    thief.submit("/profile/email", email="thief@evil.example", current_password=PASSWORD)
    thief.submit(mailbox.newest("thief@evil.example").link)
    plant_app(app, "thief@evil.example")
    plant_codes(app, "thief@evil.example")
    owner = new_visitor()
    owner.submit(mailbox.newest(ADA, "was changed").link)
    found = account(app)
    assert (found.totp, found.recovery_codes) == (None, None)
    owner.submit(mailbox.newest(ADA, "choose a new password").link, password=NEW, confirm=NEW)
    assert owner.sign_in(ADA, NEW).location == "/"


def test_undoing_a_change_of_address_keeps_the_factors_from_before(
    app: Flask, ada: Visitor, phone: AuthenticatorApp, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    ada.submit("/profile/email", email="thief@evil.example", current_password=PASSWORD)
    ada.submit(mailbox.newest("thief@evil.example").link)
    new_visitor().submit(mailbox.newest(ADA, "was changed").link)
    assert account(app).totp
    assert account(app).recovery_codes


def test_a_change_of_address_cancels_so_that_the_old_mailbox_cannot_finish(
    app: Flask, ada: Visitor, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    start = utcnow()
    new_visitor().submit(first_link)
    ada.submit("/profile/email", email="ada@new.example", current_password=PASSWORD)
    ada.submit(mailbox.newest("ada@new.example").link)
    assert account(app, "ada@new.example").factor_reset is None
    assert mailbox.newest(ADA, STAY)
    with time_machine.travel(start + 4 * DAY, tick=False):
        assert not any(READY in subject.lower() for subject in mailbox.subjects(ADA))
    assert account(app, "ada@new.example").totp


def test_a_first_link_that_was_mailed_to_the_old_address_is_void(
    app: Flask, ada: Visitor, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    ada.submit("/profile/email", email="ada@new.example", current_password=PASSWORD)
    ada.submit(mailbox.newest("ada@new.example").link)
    assert new_visitor().get(first_link).status_code == 410


def test_new_recovery_codes_cancel(
    app: Flask,
    phone: AuthenticatorApp,
    first_link: str,
    new_visitor: NewVisitor,
) -> None:
    owner = new_visitor()
    _sign_in_with_factor(owner, phone)
    with app.app_context():
        found = account(app)
        assert users.ask_factor_reset(found, utcnow(), Client())
        version = found.factor_reset_version + 1
        assert users.start_factor_reset(account(app), version, utcnow(), DAY, Client())
    assert account(app).factor_reset
    assert owner.submit("/profile/security/recovery-codes").status_code == 200
    assert account(app).factor_reset is None


def test_an_administrator_who_removes_the_factors_ends_the_links_too(
    app: Flask, first_link: str, administrator: Visitor, new_visitor: NewVisitor
) -> None:
    new_visitor().submit(first_link)
    administrator.submit(f"/admin/people/{account(app).id}/factors")
    plant_app(app)
    assert new_visitor().get(first_link).status_code == 410


def test_a_person_who_missed_the_last_link_can_begin_anew(
    app: Flask, first_link: str, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    new_visitor().submit(first_link)
    with time_machine.travel(utcnow() + 11 * DAY, tick=False):
        visitor = new_visitor()
        visitor.sign_in(ADA)
        assert visitor.submit(LOST).status_code == 200
        link = mailbox.newest(ADA, "your second factor at").link
        assert "The wait lasts until" in new_visitor().submit(link).text


def test_a_secret_that_no_key_can_read_is_a_wrong_code(
    app: Flask, lost: Visitor, phone: AuthenticatorApp
) -> None:
    with app.app_context():
        unreadable = {"$set": {"totp.secret": "under a key that is gone"}}
        current_mongo().users.update_one({"email_key": ADA}, unreadable)
    answer = lost.submit(SECOND, code=phone.code())
    assert answer.status_code == 422
    assert errors(answer)
