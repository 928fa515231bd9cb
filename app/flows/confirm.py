"""Confirming an address, by the link or by the code in the mail.

Opening a link changes nothing, because mail scanners open links. A click proves that the person
reads the mailbox, not that they chose the password. So confirming needs the account's own session
or its password.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from hmac import compare_digest

from flask import current_app

from app.flows.opened_link import LinkRefused, OpenedLink, open_again, open_link, refuse
from app.flows.results import Limited, WrongPassword, check_password, reports_busy
from app.mongo import users
from app.observability import audit_log
from app.security import rate_limits
from app.security.decoys import waiting_store
from app.security.login_sessions import new_session
from app.security.signing import link_signer
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome, judge_confirmation
from app.users.links import Purpose
from app.users.login_session import LoginSession
from app.users.user import MAX_CODE_TRIES_TOTAL, User


@dataclass(frozen=True, slots=True)
class Confirmable:
    """The link is good; nothing has changed yet."""

    user: User
    is_owner: bool
    """Whether the person who opened the link is signed in to the account. Others need the
    password."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The address is confirmed."""

    user: User
    session: LoginSession | None = None
    """A new session, for a person who was signed out."""


class CodeRefusal(Enum):
    """Why a code did not confirm."""

    WRONG = "wrong"
    EXPIRED = "expired"
    NO_TRIES_FOR_THIS_MAIL = "no tries left for this mail"
    NO_TRIES_AT_ALL = "no tries left at all"


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """The code did not confirm."""

    why: CodeRefusal
    tries_left: int


def open_confirmation(token: str, viewer: User | None) -> Confirmable | LinkRefused:
    """Whether a confirmation link can be used."""
    opened = open_link(Purpose.CONFIRM, token, viewer)
    outcome = _judge(opened)
    if opened.user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    return Confirmable(opened.user, opened.is_owner)


@reports_busy
def confirm_by_link(
    token: str, viewer: User | None, password: str | None, client: Client
) -> Confirmed | Confirmable | WrongPassword | LinkRefused | Limited:
    """Confirms by the link: for the signed-in owner, or with the account's password.

    Args:
        password: None when none was given; then nothing changes unless the owner is signed in.
    """
    opened = open_link(Purpose.CONFIRM, token, viewer)
    user, outcome = opened.user, _judge(opened)
    if user and outcome is LinkOutcome.ALREADY_DONE and opened.is_owner:
        return Confirmed(user)  # the form was sent twice
    if user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    session = None
    if not opened.is_owner:
        if password is None:
            return Confirmable(user, is_owner=False)
        if refusal := check_password(user, password, client):
            return refusal
        session = new_session(client)
    now = utcnow()
    if users.confirm(user, opened.link.version, now, client, session):
        return Confirmed(replace(user, confirmed=True, confirmed_on=now), session)
    opened = open_again(opened)
    outcome = _judge(opened)
    if outcome is LinkOutcome.ALREADY_DONE and opened.is_owner:
        return Confirmed(opened.user or user)  # the button was pressed twice
    return refuse(opened, outcome)


def confirm_by_code(user: User, code: str, client: Client) -> Confirmed | CodeRefused | Limited:
    """Confirms by the six digits, in the browser with the waiting page; `user` may be a decoy."""
    # From the typed address, because a decoy has no key.
    email_key = parse_address(user.email).key
    attempts = rate_limits.by_client("code", client), rate_limits.code_of(email_key)
    if limited := rate_limits.check(*attempts):
        return limited
    now = utcnow()
    if _is_right(user, code) and users.confirm(user, user.token_version, now, client):
        return Confirmed(replace(user, confirmed=True, confirmed_on=now))
    audit_log.record("code_refused", outcome="refused", account=user.id)
    return CodeRefused(_why_not(user), max(0, user.codes_left - 1))


def _judge(opened: OpenedLink) -> LinkOutcome:
    return judge_confirmation(opened.link, opened.user, opened.viewer)


def _is_right(user: User, code: str) -> bool:
    """Takes one of the tries, then compares."""
    if not waiting_store(user).take_code_try(user) or _expired(user):
        return False
    codes = link_signer().codes(user.id, user.email_key, user.token_version)
    return any(compare_digest(code, right) for right in codes)


def _expired(user: User) -> bool:
    max_age = timedelta(seconds=current_app.config["CONFIRM_MAX_AGE"])
    return user.code_expired(utcnow(), max_age)


def _why_not(user: User) -> CodeRefusal:
    """Why the code was refused. `user` was read before this try was counted."""
    if user.code_tries_total + 1 >= MAX_CODE_TRIES_TOTAL:
        return CodeRefusal.NO_TRIES_AT_ALL
    if user.codes_left <= 1:
        return CodeRefusal.NO_TRIES_FOR_THIS_MAIL
    return CodeRefusal.EXPIRED if _expired(user) else CodeRefusal.WRONG
