"""Asking for another confirmation mail. Every earlier link and code stops working."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app

from app.flows.opened_link import LinkRefused, open_link, refuse
from app.mongo import users
from app.observability import audit_log
from app.security import rate_limits
from app.security.decoys import waiting_store
from app.security.equal_time import equal_time
from app.security.rate_limits import Limited
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome, judge_confirmation
from app.users.links import Purpose
from app.users.user import User


@dataclass(frozen=True, slots=True)
class Resent:
    """A new mail is owed."""

    user: User
    asked_on: datetime
    is_owner: bool = True
    """Whether the person who asked is signed in to the account."""


@dataclass(frozen=True, slots=True)
class TooSoon:
    """The last mail was asked for moments ago."""

    user: User
    wait: int
    """Seconds until another mail may be asked for."""


@dataclass(frozen=True, slots=True)
class SignUpAgain:
    """The account is gone."""

    email: str


def resend(user: User, client: Client) -> Resent | TooSoon | Limited:
    """Owes another mail to the person who waits. For a decoy the result is the same."""
    now = utcnow()
    # From the typed address, because a decoy has no key.
    email_key = parse_address(user.email).key
    if refusal := _refusal(user, email_key, now, client):
        return refusal
    # The step changes nothing when another tab was faster.
    with equal_time():
        waiting_store(user).resend(user, now, _cooldown())
    return Resent(user, now)


def resend_by_link(
    token: str, viewer: User | None, client: Client
) -> Resent | TooSoon | SignUpAgain | LinkRefused | Limited:
    """Owes another mail to a person whose link came too late, signed in or not. Anyone who has the
    link can read the mailbox, and that is enough to ask for another mail to it."""
    opened = open_link(Purpose.CONFIRM, token, viewer)
    user, now = opened.user, utcnow()
    match judge_confirmation(opened.link, user, viewer):
        case LinkOutcome.GONE if opened.link.email_key:
            return SignUpAgain(opened.link.email_key)
        case LinkOutcome.EXPIRED | LinkOutcome.SUPERSEDED | LinkOutcome.READY if user:
            if refusal := _refusal(user, user.email_key, now, client):
                return refusal
            users.resend(user, now, _cooldown())
            return Resent(user, now, opened.is_owner)
        case outcome:
            return refuse(opened, outcome)


def _refusal(user: User, email_key: str, now: datetime, client: Client) -> TooSoon | Limited | None:
    wait = user.resend_in(current_app.config["RESEND_COOLDOWN"], now)
    if wait:
        audit_log.record("limit_hit", outcome="refused", account=user.id, rule="resend_cooldown")
        return TooSoon(user, wait)
    attempts = rate_limits.by_client("resend", client), rate_limits.mail_to(email_key, "confirm")
    return rate_limits.check(*attempts)


def _cooldown() -> timedelta:
    return timedelta(seconds=current_app.config["RESEND_COOLDOWN"])
