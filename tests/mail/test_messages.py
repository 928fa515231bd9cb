"""The headers and both parts of every mail."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parseaddr
from functools import partial
from pathlib import Path

import pytest
import time_machine
from bs4 import BeautifulSoup
from flask import Flask

from app.mail.worker import Worker
from app.mongo import users
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.letters import LetterKind
from app.users.user import User
from tests.conftest import MakeApp
from tests.mailbox import Mail, Mailbox
from tests.planted_factors import account, plant_app, plant_codes, plant_passkey
from tests.visitor import PASSWORD, Visitor, administrator_of

ADA, OTHER = "ada@example.com", "ada@new.example"
PHRASE = "a quite different phrase"
HERE = Client("127.0.0.1")
NAMES = ["Latchkey", "Zoë & Söhne", 'The "Key", Inc.', "鍵", "a <b@c.example>", "Ключ " * 3]


def _mailbox(app: Flask) -> Mailbox:
    return Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


def _confirm(app: Flask, email: str) -> Mail:
    Visitor(app).register(email)
    return _mailbox(app).all()[-1]


def _account_exists(app: Flask, email: str) -> Mail:
    owner, mailbox = Visitor(app), _mailbox(app)
    owner.register(email)
    owner.submit(mailbox.all()[-1].link)
    Visitor(app).register(email)
    return mailbox.all()[-1]


def _owner(app: Flask, email: str) -> Visitor:
    """A person with a confirmed account who is signed in."""
    owner = Visitor(app)
    owner.register(email)
    assert owner.submit(_mailbox(app).newest(email).link).location == "/"
    return owner


def _reset(app: Flask, email: str) -> Mail:
    _owner(app, email)
    Visitor(app).submit("/forgot", email=email)
    return _mailbox(app).newest(email, "choose a new password")


def _password_reset(app: Flask, email: str) -> Mail:
    link = _reset(app, email).link
    assert Visitor(app).submit(link, password=PHRASE, confirm=PHRASE).location == "/login"
    return _mailbox(app).newest(email, "password was reset")


def _password_changed(app: Flask, email: str) -> Mail:
    fields = {"current_password": PASSWORD, "password": PHRASE, "confirm": PHRASE}
    assert _owner(app, email).submit("/profile/password", **fields).location == "/profile"
    return _mailbox(app).newest(email, "password was changed")


def _ask_change(app: Flask, old: str, new: str) -> Visitor:
    owner = _owner(app, old)
    answer = owner.submit("/profile/email", email=new, current_password=PASSWORD)
    assert answer.location == "/profile/email"
    return owner


def _change(app: Flask, old: str, new: str) -> None:
    owner = _ask_change(app, old, new)
    assert owner.submit(_mailbox(app).newest(new).link).location == "/profile"


def _email_change(app: Flask, email: str) -> Mail:
    _ask_change(app, OTHER, email)
    return _mailbox(app).newest(email, "confirm your new address")


def _email_change_asked(app: Flask, email: str) -> Mail:
    _ask_change(app, email, OTHER)
    return _mailbox(app).newest(email, "about to change")


def _email_changed(app: Flask, email: str) -> Mail:
    _change(app, OTHER, email)
    return _mailbox(app).newest(email, "was changed")


def _email_changed_undo(app: Flask, email: str) -> Mail:
    _change(app, email, OTHER)
    return _mailbox(app).newest(email, "was changed")


def _email_undone(app: Flask, email: str) -> Mail:
    link = _email_changed_undo(app, email).link
    assert Visitor(app).submit(link).location == "/"
    return _mailbox(app).newest(email, "undone")


def _reminder(app: Flask, email: str) -> Mail:
    with time_machine.travel(datetime.now(UTC) - timedelta(days=6, hours=1)):
        Visitor(app).register(email)
    return _mailbox(app).newest(email, "reminder")


def _new_sign_in(app: Flask, email: str) -> Mail:
    _owner(app, email)
    assert Visitor(app).sign_in(email).location == "/"
    return _mailbox(app).newest(email, "new sign-in")


def _account_deleted(app: Flask, email: str) -> Mail:
    answer = _owner(app, email).submit("/profile/delete", current_password=PASSWORD)
    assert answer.location == "/"
    return _mailbox(app).newest(email, "deleted")


def _by_an_administrator(name: str, about: str, *, before: str = "") -> Callable[..., Mail]:
    """Makes the mail that an action of an administrator sends."""

    def write(app: Flask, email: str) -> Mail:
        _owner(app, email)
        root = administrator_of(app)
        for step in filter(None, (before, name)):
            with app.app_context():
                user = users.find_by_email(parse_address(email).key)
            assert user
            assert root.submit(f"/admin/people/{user.id}/{step}").status_code == 302
        return _mailbox(app).newest(email, about)

    return write


def _by_step(step: Callable[[User], object], about: str) -> Callable[..., Mail]:
    """Makes the mail of a step on an account that has every kind of second factor."""

    def write(app: Flask, email: str) -> Mail:
        _owner(app, email)
        plant_app(app, email)
        plant_codes(app, email)
        plant_passkey(app, email)
        with app.app_context():
            step(account(app, email))
        return _mailbox(app).newest(email, about)

    return write


def _passkey_step(name: str, user: User) -> None:
    assert getattr(users, name)(user, user.passkeys[0], utcnow(), HERE) is not False


def _recovery_code_used(app: Flask, email: str) -> Mail:
    _owner(app, email)
    plant_app(app, email)
    codes, visitor = plant_codes(app, email), Visitor(app)
    visitor.sign_in(email)
    assert visitor.submit("/login/second", code=codes[0]).location == "/"
    return _mailbox(app).newest(email, "recovery code was used")


def _reset_factors(user: User, days: int = 0) -> User:
    """Starts the wait of a lost second factor."""
    assert users.ask_factor_reset(user, utcnow(), HERE)
    version = user.factor_reset_version + 1
    assert users.start_factor_reset(user, version, utcnow(), timedelta(days=days), HERE)
    found = users.find(user.id)
    assert found
    return found


WRITE: dict[LetterKind, Callable[[Flask, str], Mail]] = {
    LetterKind.CONFIRM: _confirm,
    LetterKind.REMINDER: _reminder,
    LetterKind.ACCOUNT_EXISTS: _account_exists,
    LetterKind.RESET: _reset,
    LetterKind.PASSWORD_RESET: _password_reset,
    LetterKind.PASSWORD_CHANGED: _password_changed,
    LetterKind.EMAIL_CHANGE: _email_change,
    LetterKind.EMAIL_CHANGE_ASKED: _email_change_asked,
    LetterKind.EMAIL_CHANGED: _email_changed,
    LetterKind.EMAIL_CHANGED_UNDO: _email_changed_undo,
    LetterKind.EMAIL_UNDONE: _email_undone,
    LetterKind.NEW_SIGN_IN: _new_sign_in,
    LetterKind.ACCOUNT_DELETED: _account_deleted,
    LetterKind.ACCOUNT_REMOVED: _by_an_administrator("delete", "was deleted"),
    LetterKind.ACCOUNT_DISABLED: _by_an_administrator("disable", "is disabled"),
    LetterKind.ACCOUNT_ENABLED: _by_an_administrator("enable", "enabled", before="disable"),
    LetterKind.TOTP_ADDED: _by_step(id, "authenticator app was added"),
    LetterKind.TOTP_REMOVED: _by_step(
        lambda user: users.remove_totp(user, utcnow(), HERE), "app was removed"
    ),
    LetterKind.PASSKEY_ADDED: _by_step(id, "passkey was added"),
    LetterKind.PASSKEY_REMOVED: _by_step(
        partial(_passkey_step, "remove_passkey"), "passkey was removed"
    ),
    LetterKind.PASSKEY_CLONED: _by_step(
        partial(_passkey_step, "report_cloned_passkey"), "passkey was refused"
    ),
    LetterKind.RECOVERY_CODES_MADE: _by_step(id, "new recovery codes"),
    LetterKind.RECOVERY_CODE_USED: _recovery_code_used,
    LetterKind.FACTOR_RESET_LINK: _by_step(
        lambda user: users.ask_factor_reset(user, utcnow(), HERE), "your second factor at"
    ),
    LetterKind.FACTOR_RESET_WAITING: _by_step(
        lambda user: _reset_factors(user, days=1), "will be removed"
    ),
    LetterKind.FACTOR_RESET_READY: _by_step(_reset_factors, "you can remove"),
    LetterKind.FACTOR_RESET_CANCELLED: _by_step(
        lambda user: users.keep_factors(_reset_factors(user), utcnow(), HERE), "stay"
    ),
    LetterKind.FACTORS_REMOVED: _by_step(
        lambda user: users.finish_factor_reset(_reset_factors(user), utcnow(), HERE),
        "were removed",
    ),
    LetterKind.FACTORS_REMOVED_BY_ADMIN: _by_step(
        lambda user: users.remove_factors(user, utcnow(), HERE, "root"), "were removed"
    ),
    LetterKind.ADMIN_GRANTED: _by_an_administrator("grant", "administrator of"),
    LetterKind.ADMIN_WITHDRAWN: _by_an_administrator("withdraw", "no longer", before="grant"),
}
every_kind = pytest.mark.parametrize("write", WRITE.values(), ids=WRITE)


def test_this_file_covers_every_kind_of_letter() -> None:
    assert set(WRITE) == set(LetterKind)


@every_kind
def test_a_mail_has_a_text_part_and_an_html_part(
    app: Flask, write: Callable[[Flask, str], Mail]
) -> None:
    message = write(app, ADA).message
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in message.iter_parts()] == ["utf-8", "utf-8"]


@every_kind
def test_a_mail_has_each_header_once_and_says_that_it_is_automatic(
    make_app: MakeApp, write: Callable[[Flask, str], Mail]
) -> None:
    app = make_app(APP_MAIL_DEFAULT_SENDER="no-reply@mail.example.org")
    message = write(app, ADA).message
    assert message.defects == []
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Message-ID"]).endswith("@mail.example.org>")
    assert abs(message["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert message["To"].addresses[0].addr_spec == ADA
    assert len(message["To"].addresses) == 1
    assert not set(message.keys()) & {"Cc", "Bcc"}
    for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"):
        assert len(message.get_all(name, [])) == 1, name


@every_kind
def test_both_parts_name_the_app_and_the_recipient_and_have_the_same_links(
    app: Flask, write: Callable[[Flask, str], Mail]
) -> None:
    mail = write(app, ADA)
    html = BeautifulSoup(mail.html, "html.parser")
    links = {str(link["href"]) for link in html.find_all("a")}
    for link in links:
        assert link in mail.text
        assert link in html.get_text() or link.endswith(("/", "/login")), "the link can be copied"
        assert link.startswith("http://localhost:5000/")
    for part in (mail.text, html.get_text()):
        assert ADA in part
        assert "Latchkey" in part


@every_kind
def test_the_html_part_loads_nothing_and_runs_nothing(
    app: Flask, write: Callable[[Flask, str], Mail]
) -> None:
    html = BeautifulSoup(write(app, ADA).html, "html.parser")
    assert not html.find_all(["script", "img", "link", "iframe", "form", "object"])
    assert "url(" not in str(html)
    assert html.title
    assert html.title.get_text(strip=True)


_LINKS = {
    LetterKind.CONFIRM: "/confirm/",
    LetterKind.REMINDER: "/confirm/",
    LetterKind.RESET: "/reset/",
    LetterKind.EMAIL_CHANGE: "/email/confirm/",
    LetterKind.EMAIL_CHANGED_UNDO: "/email/undo/",
    LetterKind.FACTOR_RESET_LINK: "/factors/reset/",
    LetterKind.FACTOR_RESET_WAITING: "/factors/keep/",
}
# These mails do not show the address of the administrator.
_FROM_OTHERS = {
    LetterKind.ACCOUNT_REMOVED,
    LetterKind.ACCOUNT_DISABLED,
    LetterKind.ACCOUNT_ENABLED,
    LetterKind.ADMIN_GRANTED,
    LetterKind.ADMIN_WITHDRAWN,
    LetterKind.FACTORS_REMOVED_BY_ADMIN,
}
# tests/journeys/test_lost_factors.py follows the two links of the last mail about a lost factor.
_NOTICES = set(WRITE) - set(_LINKS) - {LetterKind.ACCOUNT_EXISTS, LetterKind.FACTOR_RESET_READY}
# The first one says what was done, the second one what to do with the passkey.
_OTHER_ADVICE = {LetterKind.EMAIL_UNDONE, LetterKind.PASSKEY_CLONED}


@pytest.mark.parametrize("kind", _LINKS)
def test_a_letter_has_the_link_of_its_kind(app: Flask, kind: LetterKind) -> None:
    assert WRITE[kind](app, ADA).link.startswith(_LINKS[kind])


@pytest.mark.parametrize("kind", sorted(_NOTICES))
def test_a_notice_says_when_where_and_what_to_do_and_has_no_link_with_a_token(
    app: Flask, kind: LetterKind
) -> None:
    with time_machine.travel("2026-11-24 12:00:00Z", tick=False):
        mail = WRITE[kind](app, ADA)
    html = BeautifulSoup(mail.html, "html.parser")
    for part in (mail.text, html.get_text(" ")):
        words = " ".join(part.split())
        assert "24 Nov 2026, 12:00 UTC" in words
        assert "127.0.0.1" in words or kind in _FROM_OTHERS
        advice = "If you " if kind in _FROM_OTHERS else "If it was not you"
        assert advice in words or kind in _OTHER_ADVICE
        assert not re.search(r"/(confirm|reset|undo)/", words)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_the_app_appears_as_set(make_app: MakeApp, name: str) -> None:
    app = make_app(APP_NAME=name, APP_MAIL_DEFAULT_SENDER="no-reply@example.org")
    mail = _confirm(app, ADA)
    (sender,) = mail.message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name.strip(), "no-reply@example.org")
    assert name.strip() in mail.subject
    assert name.strip() in mail.text
    assert name.strip() in BeautifulSoup(mail.html, "html.parser").get_text()


def test_a_sender_with_a_display_name_keeps_it(make_app: MakeApp) -> None:
    app = make_app(APP_MAIL_DEFAULT_SENDER="Zoë's Desk <desk@example.org>")
    message = _confirm(app, ADA).message
    assert parseaddr(str(message["From"])) == ("Zoë's Desk", "desk@example.org")
    assert str(message["Message-ID"]).endswith("@example.org>")


def test_no_line_of_a_mail_is_too_long(make_app: MakeApp) -> None:
    app = make_app(APP_NAME="Zoë's Keys", PUBLIC_URL="https://app.example.org/" + "x" * 900)
    _confirm(app, ADA)
    raw = _raw(app)
    assert max(len(line) for line in raw.splitlines()) <= 998  # RFC 5322 2.1.1
    assert raw.isascii(), "a 7-bit mail server can forward it"


@pytest.mark.parametrize(
    ("typed", "recipient", "shown"),
    [
        ("$ne@example.com", "$ne@example.com", "$ne@example.com"),
        ("Ada@München.example", "Ada@xn--mnchen-3ya.example", "Ada@München.example"),
        ("ａｄａ@example.com", "ada@example.com", "ａｄａ@example.com"),
        ("User+Tag@Example.COM", "User+Tag@example.com", "User+Tag@Example.COM"),
        ("o'brien@example.com", "o'brien@example.com", "o'brien@example.com"),
        ("a{b}|c@example.com", "a{b}|c@example.com", "a{b}|c@example.com"),
        (f"{'l' * 64}@{'d' * 60}.org", f"{'l' * 64}@{'d' * 60}.org", "l" * 64),
    ],
)
def test_the_recipient_is_ascii_and_the_text_shows_the_typed_address(
    app: Flask, typed: str, recipient: str, shown: str
) -> None:
    mail = _confirm(app, typed)
    (to,) = mail.message["To"].addresses
    assert to.addr_spec == recipient
    # The raw header: the parser would repair it.
    header = message_from_bytes(_raw(app).encode(), policy=policy.compat32)["To"]
    assert "=?" not in header
    assert "".join(header.split()) == recipient
    assert shown in mail.text
    assert shown in BeautifulSoup(mail.html, "html.parser").get_text()
    assert mail.link


def test_typed_text_is_escaped_in_the_html_part(make_app: MakeApp) -> None:
    app = make_app(APP_NAME="<script>alert(1)</script>")
    mail = _confirm(app, "o'brien&co@example.com")
    html = BeautifulSoup(mail.html, "html.parser")
    assert not html.find("script")
    assert "o'brien&co@example.com" in html.get_text()
    assert "o'brien&co@example.com" in mail.text, "text is not escaped"


def test_lifetimes_are_written_in_words(make_app: MakeApp) -> None:
    mail = _confirm(make_app(CONFIRM_MAX_AGE="1800", UNCONFIRMED_DAYS="3"), ADA)
    for part in (mail.text, mail.html):
        assert "30 minutes" in part
        assert "3 days" in part


def test_the_date_header_is_the_time_of_sending(app: Flask) -> None:
    with time_machine.travel("2026-11-24 12:00:00Z", tick=False) as clock:
        Visitor(app).register(ADA)
        clock.shift(7200)
        mail = _mailbox(app).newest(ADA)
    assert mail.message["Date"].datetime == datetime(2026, 11, 24, 14, tzinfo=UTC)
    assert "24 Nov 2026, 12:00 UTC" in " ".join(mail.text.split()), "the time of the registration"


def _raw(app: Flask) -> str:
    (file,) = Path(app.config["MAIL_FOLDER"]).glob("*.eml")
    return file.read_bytes().decode()
