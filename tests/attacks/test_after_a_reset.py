"""Which browsers are known after the owner has taken back the account."""

from collections.abc import Callable

import pytest

from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor

ADA, NEW, WRONG = "ada@example.com", "another fine long password", "a wrong password here"


def _reset(owner: Visitor, mailbox: Mailbox) -> None:
    owner.submit("/forgot", email=ADA)
    owner.submit(mailbox.newest(ADA, "password").link, password=NEW, confirm=NEW)


@pytest.mark.usefixtures("confirmed")
def test_a_stranger_who_keeps_guessing_cannot_lock_out_the_owner_after_a_reset(
    visitor: Visitor, mailbox: Mailbox, new_visitor: Callable[[], Visitor]
) -> None:
    """OWASP, "device cookies": a stranger locks out an owner at a new computer."""
    owner = new_visitor()

    def guess() -> int:
        return [visitor.sign_in(ADA, WRONG).status_code for _ in range(12)][-1]

    assert guess() == 429
    _reset(owner, mailbox)
    assert guess() == 429
    assert owner.sign_in(ADA, NEW).location == "/"
    assert owner.get("/profile").status_code == 200


def test_a_reset_makes_the_thiefs_browser_unknown_again(
    confirmed: Visitor, mailbox: Mailbox, new_visitor: Callable[[], Visitor]
) -> None:
    """The thief signs in with the new password, and the owner gets a mail about it."""
    thief, owner = new_visitor(), new_visitor()
    thief.sign_in(ADA)
    _reset(owner, mailbox)
    owner.sign_in(ADA, NEW)
    before = mailbox.subjects(ADA)
    assert thief.sign_in(ADA, NEW).location == "/"
    assert len(mailbox.subjects(ADA)) == len(before) + 1
    assert "sign-in" in mailbox.subjects(ADA)[-1].lower()


def test_a_password_change_makes_the_thiefs_browser_unknown_again(
    confirmed: Visitor, mailbox: Mailbox, new_visitor: Callable[[], Visitor]
) -> None:
    """The same after the owner has changed the password while signed in."""
    thief = new_visitor()
    thief.sign_in(ADA)
    confirmed.submit("/profile/password", current_password=PASSWORD, password=NEW, confirm=NEW)
    before = mailbox.subjects(ADA)
    confirmed.sign_out()
    confirmed.sign_in(ADA, NEW)
    assert mailbox.subjects(ADA) == before, "the browser that changed the password is known"
    thief.sign_in(ADA, NEW)
    assert "sign-in" in mailbox.subjects(ADA)[-1].lower()
    assert len(mailbox.subjects(ADA)) == len(before) + 1


def test_after_a_reset_the_thiefs_browser_has_only_the_limit_of_unknown_browsers(
    confirmed: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    """A known browser may try more passwords than all unknown browsers together."""
    confirmed.sign_out()
    _reset(visitor, mailbox)
    tries = [confirmed.sign_in(ADA, WRONG).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]
