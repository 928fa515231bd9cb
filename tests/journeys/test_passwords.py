"""Resetting and changing the password."""

from collections.abc import Callable

import time_machine

from tests.journeys.conftest import EMAIL
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors, soup

NEW = "a quite different phrase"
NewVisitor = Callable[[], Visitor]


def _request_reset(visitor: Visitor, email: str = EMAIL) -> None:
    answer = visitor.submit("/forgot", email=email)
    assert (answer.status_code, answer.location) == (302, "/login")


def _set_password(visitor: Visitor, link: str, password: str = NEW) -> None:
    answer = visitor.submit(link, password=password, confirm=password)
    assert (answer.status_code, answer.location) == (302, "/login")


def test_a_forgotten_password_is_replaced_by_a_mailed_link(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_reset(visitor)
    link = mailbox.newest(EMAIL).link
    assert visitor.get(link).status_code == 200
    assert ada.get("/profile").status_code == 200, "opening the link changed something"

    _set_password(visitor, link)
    assert visitor.get("/profile").status_code == 302, "a reset signs no one in"
    assert ada.get("/profile").status_code == 302, "every session ends"
    assert visitor.sign_in(EMAIL, PASSWORD).status_code == 422
    assert visitor.sign_in(EMAIL, NEW).location == "/"
    assert "password" in mailbox.newest(EMAIL, "password").subject.lower()


def test_the_answer_is_the_same_for_an_address_without_an_account(
    ada: Visitor, visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    other, before = new_visitor(), len(mailbox.all())
    _request_reset(visitor, "nobody@example.com")
    assert len(mailbox.all()) == before
    _request_reset(other, EMAIL)
    assert alert(visitor.get("/login")) == alert(other.get("/login"))


def test_a_reset_link_works_once(ada: Visitor, visitor: Visitor, mailbox: Mailbox) -> None:
    _request_reset(visitor)
    link = mailbox.newest(EMAIL).link
    _set_password(visitor, link)
    assert visitor.get(link).status_code == 410


def test_a_newer_reset_link_invalidates_the_older(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_reset(visitor)
    older = mailbox.newest(EMAIL).link
    _request_reset(visitor)
    assert visitor.get(older).status_code == 410
    _set_password(visitor, mailbox.newest(EMAIL).link)


def test_a_changed_password_or_address_invalidates_a_reset_link(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_reset(visitor)
    first = mailbox.newest(EMAIL).link
    ada.submit("/profile/password", current_password=PASSWORD, password=NEW, confirm=NEW)
    assert visitor.get(first).status_code == 410

    _request_reset(visitor)
    second = mailbox.newest(EMAIL).link
    ada.submit("/profile/email", email="ada@new.example", current_password=NEW)
    ada.submit(mailbox.newest("ada@new.example").link)
    assert visitor.get(second).status_code == 410


def test_a_reset_link_expires(ada: Visitor, visitor: Visitor, mailbox: Mailbox) -> None:
    with time_machine.travel("2030-01-01 12:00:00Z", tick=False) as clock:
        _request_reset(visitor)
        link = mailbox.newest(EMAIL).link
        clock.shift(3601)
        page = visitor.get(link)
    assert page.status_code == 410
    assert "expired" in page.text


def test_a_reset_confirms_an_unconfirmed_account_and_locks_out_the_stranger_who_registered_it(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    stranger = visitor
    stranger.register("victim@example.com", "the stranger's password")
    strangers_link = mailbox.newest("victim@example.com").link
    victim = new_visitor()
    _request_reset(victim, "victim@example.com")
    _set_password(victim, mailbox.newest("victim@example.com").link)

    assert victim.sign_in("victim@example.com", NEW).location == "/"
    assert victim.get("/profile").status_code == 200
    assert stranger.get("/profile").status_code == 302
    assert new_visitor().sign_in("victim@example.com", "the stranger's password").status_code == 422
    assert new_visitor().get(strangers_link).status_code == 200, (
        "the page says that the address is confirmed"
    )


def test_a_refused_new_password_is_explained_beside_the_field(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_reset(visitor)
    link = mailbox.newest(EMAIL).link
    weak = visitor.submit(link, password="password1", confirm="password1")
    assert weak.status_code == 422
    assert "password" in errors(weak)
    differs = visitor.submit(link, password=NEW, confirm=NEW + "!")
    assert "confirm" in errors(differs)
    _set_password(visitor, link)


def test_changing_the_password_signs_out_every_other_browser(
    ada: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    laptop = new_visitor()
    laptop.sign_in(EMAIL)
    before = ada.cookie()["_user_id"]

    answer = ada.submit("/profile/password", current_password=PASSWORD, password=NEW, confirm=NEW)
    assert answer.location == "/profile"
    assert ada.get("/profile").status_code == 200
    assert ada.cookie()["_user_id"] != before, "a new session id"
    assert laptop.get("/profile").status_code == 302
    assert new_visitor().sign_in(EMAIL, PASSWORD).status_code == 422
    notice = mailbox.newest(EMAIL, "password")
    assert "/forgot" in notice.text
    assert "/forgot" in notice.html


def test_changing_the_password_needs_the_current_one(ada: Visitor, visitor: Visitor) -> None:
    refused = ada.submit("/profile/password", current_password="wrong", password=NEW, confirm=NEW)
    assert refused.status_code == 422
    assert "current_password" in errors(refused)
    assert visitor.sign_in(EMAIL, PASSWORD).location == "/"


def test_a_reset_in_a_browser_that_is_signed_in_elsewhere_says_whose_password_it_was(
    ada: Visitor, administrator: Visitor, mailbox: Mailbox
) -> None:
    administrator.submit("/forgot", email=EMAIL)
    link = mailbox.newest(EMAIL).link
    page = administrator.get(link)
    assert "signed in as root@example.com" in " ".join(soup(page).get_text(" ").split())
    answer = administrator.submit(link, password=NEW, confirm=NEW)
    page = administrator.get(str(answer.location), follow_redirects=True)
    said = alert(page, "success")
    assert f"The password of {EMAIL} is changed" in said
    assert "signed in as root@example.com" in said
    assert "Sign in" not in page.text
    assert administrator.get("/admin/").status_code == 200
    assert ada.get("/profile").status_code == 302


def test_a_reset_of_the_own_account_leads_to_the_sign_in_page(
    ada: Visitor, mailbox: Mailbox
) -> None:
    ada.submit("/forgot", email=EMAIL)
    _set_password(ada, mailbox.newest(EMAIL).link)
    page = ada.get("/login")
    assert "Sign in with the new one" in alert(page, "success")


def test_a_visitor_with_a_decoy_sees_what_a_newcomer_sees_after_a_reset(
    ada: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    said = []
    new_visitor().register("taken@example.com")
    new_visitor().submit(mailbox.newest("taken@example.com").link, password=PASSWORD)
    for email in ("taken@example.com", "fresh@example.com"):
        visitor = new_visitor()
        visitor.register(email)
        visitor.submit("/forgot", email=EMAIL)
        _set_password(visitor, mailbox.newest(EMAIL).link)
        page = visitor.get("/login", follow_redirects=True)
        said.append(alert(page).replace(email, "-"))
    assert said[0] == said[1]
    assert "signed in as -" in said[0]
