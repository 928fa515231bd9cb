"""After a change of keys, sessions, links and forms still work until the old key is removed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import assert_our_page

ADA, BOB, OTHER = "ada@example.com", "bob@example.com", "ada@new.example"
OLD, NEW = "old key " * 5, "new key " * 5
PHRASE = "another fine long password"

Keys = Callable[..., Flask]


@pytest.fixture
def with_keys(make_app: MakeApp, real_uri: str) -> Keys:
    """Makes apps on one database: `with_keys(key, *former_keys)`."""

    def make(key: str, *former: str) -> Flask:
        return make_app(
            MONGODB_URI=real_uri,
            SECRET_KEY=key,
            SECRET_KEY_FALLBACKS=",".join(former),
            RESEND_COOLDOWN="0",
        )

    return make


@pytest.fixture
def before(with_keys: Keys) -> Flask:
    """The app with the old key."""
    return with_keys(OLD)


@pytest.fixture
def rotated(before: Flask, with_keys: Keys) -> Flask:
    """The app with a new key that still accepts the old one."""
    return with_keys(NEW, OLD)


@pytest.fixture
def without_old_key(before: Flask, with_keys: Keys) -> Flask:
    """The app with the new key only."""
    return with_keys(NEW)


def mailbox_of(app: Flask) -> Mailbox:
    return Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


def moved(visitor: Visitor, app: Flask) -> Visitor:
    """A visitor of another app with the cookies of this one."""
    copy = Visitor(app)
    for name in ("session", "device"):
        cookie = visitor.client.get_cookie(name)
        if cookie is not None:
            copy.client.set_cookie(name, cookie.value)
    return copy


def registered(app: Flask, email: str = ADA) -> Visitor:
    visitor = Visitor(app)
    visitor.register(email)
    return visitor


def confirmed(app: Flask) -> Visitor:
    visitor = registered(app)
    assert visitor.submit(mailbox_of(app).newest(ADA).link).location == "/"
    return visitor


def test_signed_in_people_stay_signed_in(before: Flask, rotated: Flask) -> None:
    ada = moved(confirmed(before), rotated)
    assert ada.get("/profile").status_code == 200
    assert ada.sign_out().status_code == 302


def test_a_form_opened_before_the_rotation_is_accepted(before: Flask, rotated: Flask) -> None:
    ada = confirmed(before)
    field = ada.page("/profile/password").find("input", attrs={"name": "csrf_token"})
    assert field is not None
    form = {"csrf_token": field["value"], "current_password": PASSWORD}
    form |= {"password": PHRASE, "confirm": PHRASE}
    assert moved(ada, rotated).client.post("/profile/password", data=form).location == "/profile"


def test_a_confirmation_link_still_confirms(before: Flask, rotated: Flask) -> None:
    ada = registered(before)
    assert moved(ada, rotated).submit(mailbox_of(before).newest(ADA).link).location == "/"


def test_the_six_digits_still_confirm(before: Flask, rotated: Flask) -> None:
    ada = registered(before)
    (code,) = re.findall(r"\b\d{3} \d{3}\b", mailbox_of(before).newest(ADA).text)
    here = moved(ada, rotated)
    assert here.submit("/unconfirmed/code", on="/unconfirmed", code=code).location == "/"


def test_a_reset_link_still_resets(before: Flask, rotated: Flask) -> None:
    ada = confirmed(before)
    ada.submit("/forgot", email=ADA)
    link = mailbox_of(before).newest(ADA).link
    answer = Visitor(rotated).submit(link, password=PHRASE, confirm=PHRASE)
    assert answer.location == "/login"


def test_the_links_of_an_address_change_still_work(before: Flask, rotated: Flask) -> None:
    ada = confirmed(before)
    ada.submit("/profile/email", email=OTHER, current_password=PASSWORD)
    link = mailbox_of(before).newest(OTHER).link
    assert ada.submit(link).location == "/profile"
    undo = mailbox_of(before).newest(ADA).link
    assert Visitor(rotated).submit(undo).location == "/"


def test_a_known_browser_stays_known(before: Flask, rotated: Flask) -> None:
    ada = confirmed(before)
    ada.sign_out()
    known = moved(ada, rotated)
    assert known.sign_in(ADA).location == "/"
    assert "sign-in" not in " ".join(mailbox_of(rotated).subjects(ADA)).lower()


def test_new_links_are_signed_with_the_new_key(rotated: Flask, without_old_key: Flask) -> None:
    ada = registered(rotated)
    link = mailbox_of(rotated).newest(ADA).link
    assert moved(ada, without_old_key).submit(link).location == "/"


def test_sessions_and_links_of_a_removed_key_are_refused(
    before: Flask, without_old_key: Flask
) -> None:
    bob = registered(before, BOB)
    link = mailbox_of(before).newest(BOB).link
    here = moved(bob, without_old_key)
    assert here.get("/unconfirmed").location == "/login?next=%2Funconfirmed"
    assert_our_page(here.get(link), 404)
    assert here.sign_in(BOB).location == "/unconfirmed"
