"""The list of browsers in which the account is signed in, and of those that it trusts."""

from dataclasses import dataclass

from app.mongo import users
from app.users.client import Client
from app.users.clock import utcnow
from app.users.login_session import LoginSession
from app.users.second_factors import TrustedBrowser
from app.users.user import User


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The browser of this session is signed out on its next request."""

    session: LoginSession


@dataclass(frozen=True, slots=True)
class NoSuchSession:
    """No session that is alive has this handle."""


@dataclass(frozen=True, slots=True)
class TrustEnded:
    """This browser is asked for the second step again."""

    browser: TrustedBrowser


@dataclass(frozen=True, slots=True)
class NotTrusted:
    """No browser that is trusted has this handle."""


def sessions_of(user: User) -> list[LoginSession]:
    """The sessions that are alive, the last seen first."""
    now = utcnow()
    alive = [session for session in user.sessions if session.alive(now)]
    return sorted(alive, key=lambda session: session.seen_on, reverse=True)


def end_session(user: User, handle: str, client: Client) -> SessionEnded | NoSuchSession:
    """Signs one browser out."""
    for session in sessions_of(user):
        if session.handle == handle:
            users.end_session(user, session.id, utcnow(), client)
            return SessionEnded(session)
    return NoSuchSession()


def trusted_browsers_of(user: User) -> list[TrustedBrowser]:
    """The browsers that skip the second step, the last one trusted first."""
    trusted = {entry.handle: entry for entry in user.trusted_browsers}.values()
    alive = [entry for entry in trusted if user.trusts(entry.device, utcnow())]
    return sorted(alive, key=lambda entry: entry.trusted_on, reverse=True)


def end_trust(user: User, handle: str) -> TrustEnded | NotTrusted:
    """Asks one browser for the second step again."""
    for browser in trusted_browsers_of(user):
        if browser.handle == handle and users.end_trust(user, browser.device):
            return TrustEnded(browser)
    return NotTrusted()


def end_other_sessions(user: User, session_id: str, client: Client) -> None:
    """Signs every other browser out."""
    users.end_other_sessions(user, session_id, utcnow(), client)
