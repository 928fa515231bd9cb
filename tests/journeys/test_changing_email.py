"""Changing the address, cancelling a change, and undoing it."""

from collections.abc import Callable

import pytest

from tests.journeys.conftest import EMAIL
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors

NEW = "ada@new.example"
NewVisitor = Callable[[], Visitor]


def _request_change(visitor: Visitor, email: str = NEW, password: str = PASSWORD) -> None:
    answer = visitor.submit("/profile/email", email=email, current_password=password)
    assert (answer.status_code, answer.location) == (302, "/profile/email")


def _change_address(
    visitor: Visitor, mailbox: Mailbox, email: str = NEW, password: str = PASSWORD
) -> None:
    _request_change(visitor, email, password)
    assert visitor.submit(mailbox.newest(email).link).location == "/profile"


def test_a_new_address_takes_effect_after_its_confirmation(
    ada: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    _request_change(ada)
    assert NEW in ada.get("/profile/email").text
    assert new_visitor().sign_in(NEW).status_code == 422, "a pending address signs no one in"
    before = len(mailbox.all())
    new_visitor().submit("/forgot", email=NEW)
    assert len(mailbox.all()) == before, "a pending address gets no reset mail"

    link = mailbox.newest(NEW).link
    assert ada.get(link).status_code == 200
    assert EMAIL in ada.get("/profile").text, "opening the link changes nothing"
    assert ada.submit(link).location == "/profile"
    assert NEW in alert(ada.get("/profile"), "success")
    assert new_visitor().sign_in(NEW).location == "/"
    assert new_visitor().sign_in(EMAIL).status_code == 422
    assert ada.get(link).status_code == 200
    assert "nothing left to do" in alert(ada.get(link), "success")


def test_both_addresses_get_a_mail_about_a_change(ada: Visitor, mailbox: Mailbox) -> None:
    _request_change(ada)
    asked = mailbox.newest(EMAIL)
    assert NEW in asked.text
    assert "/email/" not in asked.text + asked.html, "no link that could harm"
    ada.submit(mailbox.newest(NEW).link)
    assert EMAIL in mailbox.newest(NEW).text
    undo = mailbox.newest(EMAIL)
    assert undo.link.startswith("/email/undo/")
    assert NEW in undo.text


def test_the_link_asks_for_the_password_in_another_browser(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_change(ada)
    link = mailbox.newest(NEW).link
    assert "password" in errors(visitor.submit(link, password="not it"))
    assert visitor.submit(link, password=PASSWORD).location == "/"
    assert NEW in visitor.get("/profile").text


def test_a_change_can_be_cancelled(ada: Visitor, mailbox: Mailbox) -> None:
    _request_change(ada)
    link = mailbox.newest(NEW).link
    assert ada.submit("/profile/email/cancel", on="/profile/email").location == "/profile/email"
    assert ada.get(link).status_code == 410
    assert EMAIL in ada.get("/profile").text


def test_a_change_cancelled_before_its_mail_is_sent_sends_no_link(
    ada: Visitor, mailbox: Mailbox
) -> None:
    _request_change(ada)
    ada.submit("/profile/email/cancel", on="/profile/email")
    assert mailbox.subjects(NEW) == []


def test_a_second_request_replaces_the_first(ada: Visitor, mailbox: Mailbox) -> None:
    """Devise CVE-2026-32700: interleaved changes confirmed the wrong address."""
    _request_change(ada, "first@example.com")
    first = mailbox.newest("first@example.com").link
    _request_change(ada, "second@example.com")
    assert ada.get(first).status_code == 410
    assert ada.submit(mailbox.newest("second@example.com").link).location == "/profile"
    assert "second@example.com" in ada.get("/profile").text
    assert ada.get(first).status_code == 410


@pytest.mark.parametrize("step", ["reset", "password"])
def test_a_new_password_cancels_a_pending_change(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox, step: str
) -> None:
    _request_change(ada)
    link, password = mailbox.newest(NEW).link, "a quite different phrase"
    if step == "reset":
        visitor.submit("/forgot", email=EMAIL)
        visitor.submit(mailbox.newest(EMAIL).link, password=password, confirm=password)
    else:
        ada.submit(
            "/profile/password", current_password=PASSWORD, password=password, confirm=password
        )
    assert visitor.get(link).status_code == 410


def test_an_address_that_another_account_confirms_first_stays_with_it(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_change(ada)
    link = mailbox.newest(NEW).link
    visitor.register(NEW)
    visitor.submit(mailbox.newest(NEW).link)
    refused = ada.submit(link)
    assert refused.status_code == 409
    assert "another account" in alert(refused, "danger")
    assert EMAIL in ada.get("/profile").text


def test_a_confirmed_change_removes_an_unconfirmed_account_with_that_address(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    _request_change(ada)
    link = mailbox.newest(NEW).link
    visitor.register(NEW, "another person's password")
    assert ada.submit(link).location == "/profile"
    assert NEW in ada.get("/profile").text
    assert visitor.get("/profile").location == "/unconfirmed"


def test_an_undo_in_a_browser_that_is_signed_in_elsewhere_says_so(
    ada: Visitor, administrator: Visitor, mailbox: Mailbox
) -> None:
    _change_address(ada, mailbox, "new@example.com")
    undo = mailbox.newest(EMAIL).link
    administrator.submit(undo)
    said = alert(administrator.get("/"), "success")
    assert f"address {EMAIL} again" in said
    assert "This browser is signed in as root@example.com." in said


def test_an_undo_in_the_accounts_own_browser_signs_it_out(ada: Visitor, mailbox: Mailbox) -> None:
    _change_address(ada, mailbox, "new@example.com")
    ada.submit(mailbox.newest(EMAIL).link)
    page = ada.get("/")
    assert "signed in as" not in alert(page, "success")
    assert ada.get("/profile").status_code == 302


def test_the_owner_of_the_old_address_can_take_back_a_stolen_account(
    ada: Visitor, visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """The undo still works after the thief has changed the address and the password."""
    thief, stolen = ada, "the thief's own password"
    _change_address(thief, mailbox, "thief@example.com")
    undo = mailbox.newest(EMAIL).link
    thief.submit("/profile/password", current_password=PASSWORD, password=stolen, confirm=stolen)
    _change_address(thief, mailbox, "thief2@example.com", stolen)
    thiefs_undo = mailbox.newest("thief@example.com").link

    owner = visitor
    page = owner.get(undo)
    assert page.status_code == 200
    assert EMAIL in page.text
    assert thief.get("/profile").status_code == 200, "opening it changes nothing"
    assert owner.submit(undo).location == "/"

    assert thief.get("/profile").status_code == 302
    for email in (EMAIL, "thief2@example.com"):
        assert new_visitor().sign_in(email, stolen).status_code == 422
    assert new_visitor().get(thiefs_undo).status_code == 410, "the thief cannot revert the undo"
    assert any("undone" in subject.lower() for subject in mailbox.subjects("thief2@example.com"))

    reset = next(mail for mail in reversed(mailbox.all()) if "/reset/" in mail.text)
    assert reset.to == EMAIL
    owner.submit(reset.link, password="the owner's new one", confirm="the owner's new one")
    assert owner.sign_in(EMAIL, "the owner's new one").location == "/"
    assert "Already restored" in new_visitor().get(undo).text


def test_a_change_to_the_current_address_is_refused(ada: Visitor) -> None:
    refused = ada.submit("/profile/email", email="ADA@example.com", current_password=PASSWORD)
    assert refused.status_code == 422
    assert "email" in errors(refused)


def test_a_change_needs_the_password(ada: Visitor) -> None:
    refused = ada.submit("/profile/email", email=NEW, current_password="not it")
    assert "current_password" in errors(refused)
