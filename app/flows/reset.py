"""Choosing a new password without the old one."""

from dataclasses import dataclass, field

from app.flows.opened_link import LinkRefused, OpenedLink, open_again, open_link, refuse
from app.flows.results import (
    Limited,
    WeakPassword,
    check_new_password,
    hash_new_password,
    reports_busy,
)
from app.mongo import users
from app.security import rate_limits
from app.security.equal_time import equal_time
from app.users.client import Client
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome, judge_reset
from app.users.links import Purpose
from app.users.passwords import verify_password
from app.users.user import ResetDone, User


@dataclass(frozen=True, slots=True)
class ResetAsked:
    """If the address has an account, a link is mailed to it."""


@dataclass(frozen=True, slots=True)
class Resettable:
    """The link is good; nothing has changed yet."""

    user: User


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """The new password is set, and nobody is signed in to the account."""

    repeated: bool = False
    """This browser has sent the same form before."""
    user: User | None = field(default=None, compare=False)
    """Whose password it is."""


def ask_reset(email_key: str, client: Client) -> ResetAsked | Limited:
    """Owes a reset letter. The result and the time that it takes are the same without an
    account."""
    attempts = rate_limits.by_client("forgot", client), rate_limits.mail_to(email_key, "reset")
    if limited := rate_limits.check(*attempts):
        return limited
    with equal_time():
        users.ask_reset(email_key, utcnow(), client)
    return ResetAsked()


def open_reset(token: str, viewer: User | None) -> Resettable | LinkRefused:
    """Whether a reset link can be used. The viewer only decides which button a refusal shows."""
    opened = open_link(Purpose.RESET, token, viewer)
    outcome = judge_reset(opened.link, opened.user)
    if opened.user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    return Resettable(opened.user)


@reports_busy
def reset(
    token: str, viewer: User | None, password: str | None, client: Client, browser_key: str
) -> PasswordReset | Resettable | WeakPassword | LinkRefused:
    """Sets a new password by a reset link.

    Args:
        password: None when the form was not filled in correctly; then nothing changes.
        browser_key: recognises the browser when it sends the same form again.
    """
    opened = open_link(Purpose.RESET, token, viewer)
    user, outcome = opened.user, judge_reset(opened.link, opened.user)
    if user is None or outcome is not LinkOutcome.READY:
        return _repeated_or_refused(opened, password, browser_key)
    if password is None:
        return Resettable(user)
    if weak := check_new_password(password, user.email, user):
        return weak
    hashed = hash_new_password(password)
    if users.reset_password(user, opened.link.version, hashed, utcnow(), client, browser_key):
        return PasswordReset(user=user)
    return _repeated_or_refused(open_again(opened), password, browser_key)


def _repeated_or_refused(
    opened: OpenedLink, password: str | None, browser_key: str
) -> PasswordReset | LinkRefused:
    """`PasswordReset` again when the same browser repeats its form: it may not have got the first
    answer. With any other browser, a used link must not show whether a password is right."""
    user = opened.user
    if user and password is not None:
        done = ResetDone(opened.link.version, browser_key)
        if user.reset_done == done and verify_password(password, user.password_hash):
            return PasswordReset(repeated=True, user=user)
    return refuse(opened, judge_reset(opened.link, user))
