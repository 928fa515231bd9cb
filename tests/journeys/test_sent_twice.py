"""A browser sends a form again after it took effect: its answer was lost, or the button was pressed
twice.

The same browser sees that the step is done. Other browsers learn nothing. In
tests/faults/test_unknown_outcomes.py the answer is really lost.
"""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.journeys.conftest import EMAIL
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert

NEW = "a quite different phrase"
NewVisitor = Callable[[], Visitor]
Resend = Callable[[], TestResponse]


@pytest.fixture
def reset_link(ada: Visitor, visitor: Visitor, mailbox: Mailbox) -> str:
    """The used link of a reset by which the visitor has set the password NEW."""
    visitor.submit("/forgot", email=EMAIL)
    link = mailbox.newest(EMAIL).link
    assert _reset(visitor, link).location == "/login"
    alert(visitor.get("/login"))  # the message about the reset is shown once
    return link


def _reset(visitor: Visitor, link: str, password: str = NEW) -> TestResponse:
    """Sends the form, even if the page no longer has one."""
    return visitor.forge(link, {"password": password, "confirm": password})


def test_the_browser_that_sends_a_reset_twice_sees_that_it_is_done(
    visitor: Visitor, reset_link: str
) -> None:
    assert _reset(visitor, reset_link).location == "/login"
    assert "changed" in alert(visitor.get("/login"), "success")
    assert visitor.sign_in(EMAIL, NEW).location == "/"


def test_a_used_reset_link_does_not_tell_others_whether_a_password_is_right(
    visitor: Visitor, new_visitor: NewVisitor, reset_link: str
) -> None:
    assert _reset(new_visitor(), reset_link).status_code == 410, "another browser"
    assert _reset(visitor, reset_link, "another good phrase").status_code == 410
    assert visitor.get(reset_link).status_code == 410


def test_a_used_reset_link_is_refused_after_the_password_changes_again(
    visitor: Visitor, new_visitor: NewVisitor, reset_link: str
) -> None:
    owner, newest = new_visitor(), "the newest of phrases"
    owner.sign_in(EMAIL, NEW)
    fields = {"current_password": NEW, "password": newest, "confirm": newest}
    assert owner.submit("/profile/password", **fields).location == "/profile"
    assert _reset(visitor, reset_link, newest).status_code == 410
    assert _reset(visitor, reset_link, NEW).status_code == 410


def test_a_confirmation_sent_twice_by_its_owner_leads_home(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    visitor.register(EMAIL)
    link = mailbox.newest(EMAIL).link
    for _time in range(2):
        assert visitor.forge(link).location == "/"
        assert "is confirmed" in alert(visitor.get("/"), "success")
    assert "Already confirmed" in visitor.get(link).text


def test_a_deletion_sent_twice_succeeds_twice(ada: Visitor, mailbox: Mailbox) -> None:
    earlier = ada.copy()
    ada.submit("/profile/delete", current_password=PASSWORD)
    for _time in range(2):
        again = earlier.copy()
        assert again.forge("/profile/delete", {"current_password": PASSWORD}).location == "/"
        assert "deleted" in alert(again.get("/"), "success")
        mailbox.all()  # the deletion mail is sent, and the document is removed


def test_a_deletion_does_not_show_whether_a_registered_address_was_taken(
    ada: Visitor, new_visitor: NewVisitor
) -> None:
    """The answer treats the cookie of a decoy like that of a new account."""
    answers = []
    for email in (EMAIL, "bob@example.com"):
        guest = new_visitor()
        guest.register(email)
        answers.append(guest.forge("/profile/delete", {"current_password": PASSWORD}))
    assert [answer.location for answer in answers] == ["/unconfirmed"] * 2


def test_a_password_change_sent_twice_says_which_password_works(ada: Visitor) -> None:
    earlier = ada.copy()
    fields = {"current_password": PASSWORD, "password": NEW, "confirm": NEW}
    ada.submit("/profile/password", **fields)
    again = earlier.forge("/profile/password", fields)
    assert again.location.startswith("/login")
    assert "Use your new password" in alert(earlier.get(again.location), "info")
    assert earlier.sign_in(EMAIL, NEW).location == "/"
