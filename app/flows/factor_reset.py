"""The way back for a person who has lost every second factor.

The password, the mailbox and a wait are needed together. Each day a mail tells the owner, and every
sign of the owner ends the wait. No step signs anybody in.
"""

from dataclasses import dataclass
from datetime import timedelta

from flask import current_app

from app.flows.opened_link import LinkRefused, OpenedLink, open_again, open_link, refuse
from app.flows.results import Limited, WrongPassword, check_password, reports_busy
from app.mongo import users
from app.security import rate_limits
from app.users.client import Client
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome, judge_factor_reset, judge_factor_reset_start
from app.users.links import Purpose, Reading
from app.users.second_factors import FactorReset
from app.users.user import User


@dataclass(frozen=True, slots=True)
class LinkMailed:
    """A mail with the link that starts the wait is owed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reset waits already, or its wait has begun now."""

    user: User
    reset: FactorReset


@dataclass(frozen=True, slots=True)
class Startable:
    """The first link is good; nothing has changed yet."""

    user: User


@dataclass(frozen=True, slots=True)
class Finishable:
    """The last link is good and the wait is over; the password is needed."""

    user: User


@dataclass(frozen=True, slots=True)
class FactorsRemoved:
    """The account has no second factor any more, and nobody is signed in to it."""


@dataclass(frozen=True, slots=True)
class Keepable:
    """The link that cancels is good; nothing has changed yet."""

    user: User


@dataclass(frozen=True, slots=True)
class FactorsKept:
    """The reset is cancelled."""


@dataclass(frozen=True, slots=True)
class NothingWaits:
    """There was no reset to cancel."""


def is_offered() -> bool:
    """Whether this way exists; the setting FACTOR_RESET_DELAY turns it off."""
    return bool(current_app.config["FACTOR_RESET_DELAY"])


def announced_reset(user: User) -> FactorReset | None:
    """The reset that waits, for warnings; None while the setting turns this way off, since then it
    can be neither finished nor cancelled."""
    return user.factor_reset if is_offered() else None


def waiting_reset(user: User) -> FactorReset | None:
    """The reset that waits. One whose last link was not used in time does not count, so that the
    person can begin anew."""
    waiting = user.factor_reset
    max_age = timedelta(seconds=current_app.config["FACTOR_RESET_FINISH_MAX_AGE"])
    return waiting if waiting and utcnow() <= waiting.ready_on + max_age else None


def ask_factor_reset(user: User, client: Client) -> LinkMailed | Waiting | Limited:
    """Mails the first link to a person who has just proved the password."""
    if waiting := waiting_reset(user):
        return Waiting(user, waiting)
    if limited := rate_limits.check(rate_limits.mail_to(user.email_key, "factor")):
        return limited
    if user.factor_reset:
        users.keep_factors(user, utcnow(), client)
        user = users.find(user.id) or user
    # False means that another browser has asked at the same moment: its link is on the way.
    users.ask_factor_reset(user, utcnow(), client)
    return LinkMailed()


def open_factor_reset(
    token: str, viewer: User | None
) -> Startable | Finishable | Waiting | LinkRefused:
    """What the first or the last link can do now."""
    return _opened(_open(token, viewer))


@reports_busy
def follow_factor_reset(
    token: str, viewer: User | None, password: str | None, client: Client
) -> Waiting | Finishable | FactorsRemoved | WrongPassword | LinkRefused | Limited:
    """Starts the wait by the first link, or removes the factors by the last one.

    Args:
        password: None when none was given; the last link needs it.
    """
    opened = _open(token, viewer)
    match _opened(opened):
        case Startable(user):
            return _start(opened, user, client)
        case Finishable(user) as ready:
            if password is None:
                return ready
            if refusal := check_password(user, password, client):
                return refusal
            if users.finish_factor_reset(user, utcnow(), client):
                return FactorsRemoved()
            again = open_again(opened)
            return refuse(again, judge_factor_reset(again.link, again.user))
        case (Waiting() | LinkRefused()) as result:
            return result


def open_keep(token: str, viewer: User | None) -> Keepable | LinkRefused:
    """Whether the link that cancels can be used."""
    return _keepable(open_link(Purpose.FACTOR_KEEP, token, viewer))


def keep_by_link(token: str, viewer: User | None, client: Client) -> FactorsKept | LinkRefused:
    """Cancels the reset by its mailed link."""
    opened = open_link(Purpose.FACTOR_KEEP, token, viewer)
    match _keepable(opened):
        case Keepable(user):
            if users.keep_factors(user, utcnow(), client):
                return FactorsKept()
            again = open_again(opened)
            return refuse(again, judge_factor_reset(again.link, again.user))
        case LinkRefused() as refused:
            return refused


def keep(user: User, client: Client) -> FactorsKept | NothingWaits:
    """Cancels the reset in a signed-in browser."""
    return FactorsKept() if users.keep_factors(user, utcnow(), client) else NothingWaits()


def _open(token: str, viewer: User | None) -> OpenedLink:
    """The first and the last link have the same path. Each purpose has its own salt."""
    first = open_link(Purpose.FACTOR_RESET_START, token, viewer)
    if first.link.reading is not Reading.DAMAGED:
        return first
    return open_link(Purpose.FACTOR_RESET_FINISH, token, viewer)


def _opened(opened: OpenedLink) -> Startable | Finishable | Waiting | LinkRefused:
    user, waiting = opened.user, opened.user.factor_reset if opened.user else None
    starts = opened.purpose is Purpose.FACTOR_RESET_START
    judge = judge_factor_reset_start if starts else judge_factor_reset
    outcome = judge(opened.link, user)
    if user and waiting and starts and outcome is LinkOutcome.ALREADY_DONE:
        return Waiting(user, waiting)
    if user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    if starts:
        return Startable(user)
    if waiting and utcnow() < waiting.ready_on:
        return Waiting(user, waiting)
    return Finishable(user)


def _start(opened: OpenedLink, user: User, client: Client) -> Waiting | LinkRefused:
    delay = timedelta(seconds=current_app.config["FACTOR_RESET_DELAY"])
    users.start_factor_reset(user, opened.link.version, utcnow(), delay, client)
    # Read again also after a failure: the button may have been pressed twice.
    again = open_again(opened)
    if again.user and again.user.factor_reset:
        return Waiting(again.user, again.user.factor_reset)
    return refuse(again, judge_factor_reset_start(again.link, again.user))


def _keepable(opened: OpenedLink) -> Keepable | LinkRefused:
    outcome = judge_factor_reset(opened.link, opened.user)
    if opened.user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    return Keepable(opened.user)
