"""Properties of an account and its sessions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.documents import random_id
from app.users.passwords import hash_password
from app.users.user import ConfirmMail, User
from tests.users.conftest import MINUTE, NOW, SECOND, new_session

USER = User(
    id=random_id(),
    email="Ada@Example.com",
    email_key="ada@example.com",
    password_hash=hash_password("correct horse battery staple", 5),
    registered_on=NOW,
    token_version=1,
)
IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=30)


@pytest.mark.parametrize(
    ("seen", "now", "alive"),
    [
        (timedelta(0), timedelta(0), True),
        (timedelta(0), IDLE - SECOND, True),
        (timedelta(0), IDLE, False),
        (IDLE, 2 * IDLE - SECOND, True),
        (ABSOLUTE - SECOND, ABSOLUTE - SECOND, True),
        (ABSOLUTE - SECOND, ABSOLUTE, False),
    ],
)
def test_a_session_ends_after_its_idle_or_absolute_lifetime(
    seen: timedelta, now: timedelta, alive: bool
) -> None:
    """The server enforces both lifetimes."""
    session = replace(new_session(), seen_on=NOW + seen)
    user = replace(USER, sessions=(new_session(), session))
    assert session.alive(NOW + now) is alive
    assert user.session(session.id, NOW + now) == (session if alive else None)


def test_a_session_is_found_by_its_id() -> None:
    assert USER.session("", NOW) is None
    assert replace(USER, sessions=(new_session(),)).session("unknown", NOW) is None


@pytest.mark.parametrize(
    ("mail", "state"),
    [
        (None, "queued"),
        (ConfirmMail("1", NOW), "queued"),
        (ConfirmMail("1", NOW, sent_on=NOW), "sent"),
        (ConfirmMail("1", NOW, refused="550 no such user"), "failed"),
    ],
)
def test_the_mail_is_queued_sent_or_failed(mail: ConfirmMail | None, state: str) -> None:
    assert replace(USER, confirm_mail=mail).mail_state == state


@pytest.mark.parametrize(
    ("after", "wait"),
    [
        (timedelta(0), 60),
        (timedelta(milliseconds=1), 60),
        (18 * SECOND, 42),
        (MINUTE - timedelta(milliseconds=1), 1),
        (MINUTE, 0),
        (2 * MINUTE, 0),
    ],
)
def test_the_wait_for_a_resend_is_in_whole_seconds_rounded_up(after: timedelta, wait: int) -> None:
    user = replace(USER, confirm_mail=ConfirmMail("1", asked_on=NOW))
    assert user.resend_in(60, NOW + after) == wait


def test_without_a_mail_or_a_cooldown_there_is_no_wait() -> None:
    assert USER.resend_in(60, NOW) == 0
    assert replace(USER, confirm_mail=ConfirmMail("1", NOW)).resend_in(0, NOW) == 0


@pytest.mark.parametrize(("rounds", "wanted"), [(4, False), (5, False), (6, True)])
def test_a_rehash_is_wanted_after_the_cost_was_raised(rounds: int, wanted: bool) -> None:
    assert USER.wants_rehash(rounds) is wanted
