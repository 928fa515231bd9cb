"""The claim of a visitor who has registered and waits: the typed address and times, in the cookie.

A new account and a taken address give cookies of the same shape. When the ids in the cookie match
no account, the claim gives a decoy, so that the visitor sees the same pages as for a new account.
"""

from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from flask import current_app, session

from app.security.decoys import decoy
from app.security.login_sessions import new_session
from app.users.client import Client
from app.users.clock import EPOCH
from app.users.login_session import LoginSession
from app.users.user import User

_CLAIM, _ADDRESS = "claim", "mend"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the cookie has. The times are milliseconds since 1970."""

    typed: str
    asked: int
    tries: int
    total: int
    began: int
    language: str | None


def begin(user: User, session_started_on: datetime) -> None:
    """Stores a claim on the address, in a browser that has just been signed in."""
    now = _milliseconds(session_started_on)
    _store(_Claim(user.email, now, 0, 0, now, user.language))


def is_open() -> bool:
    """Whether this browser's cookie has a claim."""
    return _CLAIM in session


def record_resend(asked_on: datetime) -> None:
    """Stores the time in the cookie, because a browser's decoy is stored nowhere else."""
    if claim := _claim():
        _store(replace(claim, asked=_milliseconds(asked_on), tries=0))


def record_code_try() -> None:
    """Counts a wrong code in the cookie."""
    if claim := _claim():
        _store(replace(claim, tries=claim.tries + 1, total=claim.total + 1))


def record_language(language: str | None) -> None:
    """Stores the chosen language in the cookie."""
    if claim := _claim():
        _store(replace(claim, language=language))


def settle() -> None:
    """Removes the claim when the address is confirmed. From then on the cookie works only as long
    as its session."""
    session.pop(_CLAIM, None)


def leave(typed: str) -> None:
    """Empties the cookie, but keeps the address for the person to correct."""
    session.clear()
    keep_address(typed)


def keep_address(typed: str) -> None:
    """Stores an address, with which the sign-up form will be filled in."""
    session[_ADDRESS] = typed


def kept_address() -> str:
    """The address that `keep_address` stored, or an empty text."""
    typed = session.get(_ADDRESS, "")
    return typed if isinstance(typed, str) else ""


def decoy_of_claim(user_id: ObjectId, session_id: str, now: datetime) -> User | None:
    """A decoy for the claim in this cookie, or None if the claim is too old."""
    claim = _claim()
    if claim is None:
        return None
    began, asked_on = _moment(claim.began), _moment(claim.asked)
    if now - asked_on > timedelta(hours=current_app.config["SESSION_IDLE_HOURS"]):
        return None
    return decoy(
        user_id,
        claim.typed,
        asked_on,
        now,
        registered_on=began,
        code_tries=claim.tries,
        code_tries_total=claim.total,
        language=claim.language,
        session=_session(session_id, began, now),
    )


def _claim() -> _Claim | None:
    """The claim in this cookie; None for a session that was signed in with the password."""
    match session.get(_CLAIM):
        case [str(typed), int(asked), int(tries), int(total)]:  # from an earlier version
            return _Claim(typed, asked, tries, total, asked, None)
        case [str(typed), int(asked), int(tries), int(total), int(began), (str() | None) as tag]:
            return _Claim(typed, asked, tries, total, began, tag)
        case _:
            return None


def _session(session_id: str, began: datetime, now: datetime) -> LoginSession:
    lasts = timedelta(days=current_app.config["SESSION_DAYS"])
    started = new_session(Client())
    return replace(
        started, id=session_id, signed_in_on=began, seen_on=now, expires_on=began + lasts
    )


def _store(claim: _Claim) -> None:
    session[_CLAIM] = list(astuple(claim))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    """Exactly as in MongoDB. Otherwise times and the countdown would differ for a decoy."""
    return (moment - EPOCH) // timedelta(milliseconds=1)
