"""Changing the address: asking for it, cancelling it, confirming the new address, undoing it from
the old one."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from flask import current_app

from app.flows.opened_link import LinkRefused, OpenedLink, open_again, open_link, refuse
from app.flows.results import (
    ChangedElsewhere,
    Limited,
    WrongPassword,
    check_password,
    reports_busy,
    with_newer_hash,
)
from app.flows.sign_in import needs_second_step
from app.mongo import decoys, users
from app.security import rate_limits
from app.security.login_sessions import new_session
from app.users.addresses import Address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.hash_queue import HashQueueFull
from app.users.link_outcomes import LinkOutcome, former_email, judge_email_change, judge_undo
from app.users.links import Purpose
from app.users.login_session import LoginSession
from app.users.steps.change_email import EmailChange
from app.users.user import FormerEmail, PendingEmail, User


@dataclass(frozen=True, slots=True)
class EmailChangeAsked:
    """The new address is pending, and a link is mailed to it."""


@dataclass(frozen=True, slots=True)
class SameAddress:
    """The account has this address already."""


@dataclass(frozen=True, slots=True)
class EmailChangeCancelled:
    """The pending change and its link are void."""


@dataclass(frozen=True, slots=True)
class NothingPending:
    """There was no change to cancel."""


@dataclass(frozen=True, slots=True)
class EmailChangeReady:
    """The link is good; nothing has changed yet."""

    user: User
    pending: PendingEmail
    is_owner: bool


@dataclass(frozen=True, slots=True)
class EmailChanged:
    """The account has the new address."""

    user: User
    is_owner: bool
    session: LoginSession | None = None
    """A new session, for a person who was signed out and gave the password."""
    second_step_due: bool = False
    """Whether that person must still prove a second factor to be signed in."""


@dataclass(frozen=True, slots=True)
class UndoReady:
    """The undo link is good; nothing has changed yet."""

    user: User
    former: FormerEmail


@dataclass(frozen=True, slots=True)
class EmailUndone:
    """The account has the former address again, and nobody is signed in to it."""

    former: FormerEmail
    user: User | None = field(default=None, compare=False)
    """Whose account it is."""


@reports_busy
def ask_email_change(
    user: User, address: Address, password: str, client: Client
) -> EmailChangeAsked | SameAddress | WrongPassword | ChangedElsewhere | Limited:
    """Makes a new address pending. The result does not show whether that address has an account."""
    if address.key == user.email_key:
        return SameAddress()
    mail = rate_limits.mail_to(address.key, "change")
    if refusal := check_password(user, password, client, mail):
        return refusal
    if users.ask_email_change(user, address, utcnow(), client):
        return EmailChangeAsked()
    # Another tab may have asked for the same change at the same moment.
    now = users.find(user.id)
    if now and now.pending_email and now.pending_email.email_key == address.key:
        return EmailChangeAsked()
    fresh = with_newer_hash(user, password)
    if fresh and users.ask_email_change(fresh, address, utcnow(), client):
        return EmailChangeAsked()
    return ChangedElsewhere()


def cancel_email_change(user: User, client: Client) -> EmailChangeCancelled | NothingPending:
    """Ends a pending change and its link."""
    done = users.cancel_email_change(user, utcnow(), client)
    return EmailChangeCancelled() if done else NothingPending()


def open_email_change(token: str, viewer: User | None) -> EmailChangeReady | LinkRefused:
    """Whether the link that was mailed to the new address can be used."""
    return _ready(open_link(Purpose.EMAIL_CHANGE, token, viewer))


@reports_busy
def confirm_email_change(
    token: str, viewer: User | None, password: str | None, client: Client
) -> EmailChanged | EmailChangeReady | WrongPassword | LinkRefused | Limited:
    """Gives the account the pending address: for the signed-in owner, or with the account's
    password.

    Args:
        password: None when none was given; then nothing changes unless the owner is signed in.
    """
    opened = open_link(Purpose.EMAIL_CHANGE, token, viewer)
    ready = _ready(opened)
    if isinstance(ready, LinkRefused):
        return ready
    user, pending = ready.user, ready.pending
    if not ready.is_owner:
        if password is None:
            return ready
        if refusal := check_password(user, password, client):
            return refusal
    undo_for = timedelta(seconds=current_app.config["EMAIL_UNDO_MAX_AGE"])
    match users.change_email(user, pending, utcnow(), client, undo_for):
        case EmailChange.DONE:
            decoys.forget(user.email_key)
            changed = replace(user, email=pending.email, pending_email=None)
            if ready.is_owner or password is None:
                return EmailChanged(changed, is_owner=True)
            return _sign_in(changed, password, client)
        case EmailChange.TAKEN:
            return refuse(opened, LinkOutcome.TAKEN)
        case EmailChange.STALE:
            again = open_again(opened)
            return refuse(again, judge_email_change(again.link, again.user, viewer))


def open_undo(token: str, viewer: User | None) -> UndoReady | LinkRefused:
    """Whether an undo link can be used."""
    return _undo_ready(open_link(Purpose.EMAIL_UNDO, token, viewer))


def undo_email_change(token: str, viewer: User | None, client: Client) -> EmailUndone | LinkRefused:
    """Restores the old address. The link alone is enough, because after a theft the owner has no
    session and no working password."""
    opened = open_link(Purpose.EMAIL_UNDO, token, viewer)
    ready = _undo_ready(opened)
    if isinstance(ready, LinkRefused):
        return ready
    match users.undo_email_change(ready.user, ready.former, utcnow(), client):
        case EmailChange.DONE:
            decoys.forget(ready.user.email_key)
            return EmailUndone(ready.former, ready.user)
        case EmailChange.TAKEN:
            return refuse(opened, LinkOutcome.TAKEN)
        case EmailChange.STALE:
            again = open_again(opened)
            return refuse(again, judge_undo(again.link, again.user))


def _ready(opened: OpenedLink) -> EmailChangeReady | LinkRefused:
    user = opened.user
    outcome = judge_email_change(opened.link, user, opened.viewer)
    if user is None or user.pending_email is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    return EmailChangeReady(user, user.pending_email, opened.is_owner)


def _undo_ready(opened: OpenedLink) -> UndoReady | LinkRefused:
    user, outcome = opened.user, judge_undo(opened.link, opened.user)
    former = former_email(opened.link, user) if user else None
    if user is None or former is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    return UndoReady(user, former)


def _sign_in(user: User, password: str, client: Client) -> EmailChanged:
    """Signs in the browser of a person who gave the password, unless a second factor is due. There
    may be no session; this is no failure, since the address has changed already."""
    changed, session = EmailChanged(user, is_owner=False), new_session(client)
    for _try in range(2):
        if needs_second_step(user, client):
            return replace(changed, user=user, second_step_due=True)
        if users.sign_in(user, session):
            return replace(changed, session=session)
        # Another sign-in may have stored a stronger hash meanwhile, or a factor was added.
        try:
            fresh = with_newer_hash(user, password)
        except HashQueueFull:
            return changed
        if fresh is None:
            return changed
        user = fresh
    return changed
