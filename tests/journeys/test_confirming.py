"""Registering and confirming the address."""

from collections.abc import Callable

import time_machine
from flask import Flask

from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors, soup

NewVisitor = Callable[[], Visitor]


def test_a_newcomer_registers_and_confirms_by_the_mailed_link(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    answer = visitor.register("Ada@Example.com")
    assert (answer.status_code, answer.location) == (302, "/unconfirmed")
    assert "Ada@Example.com" in visitor.page("/unconfirmed").text

    mail = mailbox.newest("ada@example.com")
    page = visitor.get(mail.link)
    assert page.status_code == 200
    assert visitor.get("/profile").location == "/unconfirmed", "opening the link changed something"

    answer = visitor.submit(mail.link)
    assert (answer.status_code, answer.location) == (302, "/")
    assert "confirmed" in alert(visitor.get("/"), "success")
    profile = visitor.get("/profile")
    assert profile.status_code == 200
    assert "Ada@Example.com" in profile.text
    assert visitor.get("/unconfirmed").location == "/"


def test_the_link_asks_for_the_password_on_another_device(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register("ada@example.com")
    link, phone = mailbox.newest("ada@example.com").link, new_visitor()

    refused = phone.submit(link, password="not the password")
    assert refused.status_code == 422
    assert "password" in errors(refused)

    answer = phone.submit(link, password=PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/")
    assert phone.get("/profile").status_code == 200
    assert visitor.get("/profile").status_code == 200, "the browser that registered stays signed in"


def test_opening_the_link_does_not_confirm_an_address_that_a_stranger_registered(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """The victim opens the link of the attacker's account and does not know its password."""
    visitor.register("victim@example.com")
    victim, link = new_visitor(), mailbox.newest("victim@example.com").link

    assert victim.get(link).status_code == 200
    assert victim.submit(link, password="the victim's own idea").status_code == 422
    assert visitor.get("/profile").location == "/unconfirmed"

    answer = victim.submit(f"{link}/disown", on=link)
    assert answer.location == "/"
    assert "removed" in alert(victim.get("/"), "success")
    assert visitor.sign_in("victim@example.com").status_code == 422
    assert victim.get(link).status_code == 410


def test_a_newer_mail_invalidates_the_older_link(make_app: MakeApp) -> None:
    app = make_app(RESEND_COOLDOWN="0")
    visitor, mailbox = _visitor_and_mailbox(app)
    visitor.register("ada@example.com")
    older = mailbox.newest("ada@example.com").link
    assert visitor.submit("/resend", on="/unconfirmed").location == "/unconfirmed"
    newer = mailbox.newest("ada@example.com").link

    page = visitor.get(older)
    assert page.status_code == 410
    assert "newer mail was sent" in alert(page, "warning")
    assert soup(page).find("time"), "it says when"
    assert visitor.submit(newer).location == "/"


def test_a_resend_before_the_first_mail_is_sent_sends_one_mail(make_app: MakeApp) -> None:
    visitor, mailbox = _visitor_and_mailbox(make_app(RESEND_COOLDOWN="0"))
    visitor.register("ada@example.com")
    visitor.submit("/resend", on="/unconfirmed")
    assert len(mailbox.all()) == 1
    assert visitor.submit(mailbox.newest("ada@example.com").link).location == "/"


def test_a_resend_during_the_cooldown_is_refused(visitor: Visitor, mailbox: Mailbox) -> None:
    with time_machine.travel("2026-11-24 14:00:00Z", tick=False) as clock:
        visitor.register("ada@example.com")
        clock.shift(18)
        refused = visitor.submit("/resend", on="/unconfirmed")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "42"
        assert "42" in alert(refused, "warning")
        clock.shift(42)
        assert visitor.submit("/resend", on="/unconfirmed").status_code == 302
        assert len(mailbox.all()) == 1


def test_the_lifetime_of_a_link_starts_when_its_mail_is_sent(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    with time_machine.travel("2026-11-24 14:00:00Z", tick=False) as clock:
        visitor.register("ada@example.com")
        clock.shift(7200)
        link = mailbox.newest("ada@example.com").link
        clock.shift(3600)
        assert visitor.get(link).status_code == 200
        clock.shift(1)
        page = visitor.get(link)
        assert page.status_code == 410
        assert "expired" in page.text
        assert "24 Nov 2026, 17:00 UTC" in alert(page, "warning"), "it says when"
        assert visitor.submit(f"{link}/again", on=link).location == "/unconfirmed"
        assert visitor.submit(mailbox.newest("ada@example.com").link).location == "/"


def test_a_used_link_says_that_the_address_is_confirmed(visitor: Visitor, mailbox: Mailbox) -> None:
    visitor.register("ada@example.com")
    link = mailbox.newest("ada@example.com").link
    visitor.submit(link)
    page = visitor.get(link)
    assert page.status_code == 200
    assert "nothing left to do" in alert(page, "success")
    assert soup(page).select_one(".alert-success time"), "it says when"


def test_the_link_of_another_account_names_the_account_that_is_signed_in(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register("ada@example.com")
    other = new_visitor()
    other.register("bob@example.com")
    page = other.get(mailbox.newest("ada@example.com").link)
    assert page.status_code == 403
    assert "bob@example.com" in alert(page, "warning")
    assert other.submit("/logout", on=mailbox.newest("ada@example.com").link).location == "/login"


def test_a_newer_registration_replaces_an_unconfirmed_one(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """Password, link and session of the earlier registration no longer work."""
    visitor.register("ada@example.com", "the earlier password 1")
    earlier = mailbox.newest("ada@example.com").link
    newer = new_visitor()
    newer.register("ada@example.com", "the newer password 2")

    assert new_visitor().sign_in("ada@example.com", "the earlier password 1").status_code == 422
    assert newer.get(earlier).status_code == 410
    assert newer.submit(mailbox.newest("ada@example.com").link).location == "/"
    assert visitor.get("/profile").status_code == 302, "the earlier session sees nothing"


def test_registering_a_taken_address_looks_like_registering_a_new_one_and_its_owner_gets_a_mail(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register("ada@example.com")
    visitor.submit(mailbox.newest("ada@example.com").link)
    with time_machine.travel("2030-01-01 12:00:00Z", tick=False):
        stranger = new_visitor()
        taken = stranger.register("ada@example.com", "a stranger's guess")
        fresh = new_visitor()
        new = fresh.register("eve@example.com", "a stranger's guess")
        assert taken.status_code == new.status_code
        assert taken.location == new.location
        assert taken.text == new.text
        assert _shape(stranger.cookie()) == _shape(fresh.cookie())

        for path in ("/unconfirmed", "/", "/profile", "/login", "/register"):
            seen = stranger.get(path).text.replace("ada@example.com", "…")
            expected = fresh.get(path).text.replace("eve@example.com", "…")
            assert _without_tokens(seen) == _without_tokens(expected), path
        assert stranger.get("/profile").location == "/unconfirmed"

        mail = mailbox.newest("ada@example.com")
        assert "already" in mail.subject
        stranger.register("ada@example.com", "a stranger's guess")
        assert mailbox.newest("ada@example.com").message["Message-ID"] == mail.message["Message-ID"]
        assert new_visitor().sign_in("ada@example.com").location == "/"


def _visitor_and_mailbox(app: Flask) -> tuple[Visitor, Mailbox]:
    from pathlib import Path

    from app.mail.worker import Worker

    return Visitor(app), Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


def _shape(value: object) -> object:
    """The shape of a cookie: its keys, types and lengths, which are the same for all newcomers."""
    match value:
        case dict():
            return {key: _shape(inner) for key, inner in value.items()}
        case list():
            return [_shape(inner) for inner in value]
        case str():
            return len(value)
        case _:
            return type(value)


def _without_tokens(page: str) -> str:
    import re

    return re.sub(r'value="[^"]{60,}"', "", page)
