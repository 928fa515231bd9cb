"""The claim of a visitor who has registered and waits: the typed address and times, in the cookie.

A new account and a taken address give cookies of the same shape. When the ids in the cookie match
no account, the claim gives a decoy, so that the visitor sees the same pages as for a new account.
"""

from datetime import UTC, datetime, timedelta

from bson import ObjectId
from flask import current_app, session

from app.security.decoys import decoy
from app.users.user import User

_CLAIM, _ADDRESS = "claim", "mend"


def begin(typed: str, asked_on: datetime) -> None:
    """Stores a claim on the address, in a browser that has just been signed in."""
    session[_CLAIM] = [typed, _milliseconds(asked_on), 0, 0]


def is_open() -> bool:
    """Whether this browser's cookie has a claim."""
    return _CLAIM in session


def record_resend(asked_on: datetime) -> None:
    """Stores the time in the cookie, because a decoy is stored nowhere else."""
    match session.get(_CLAIM):
        case [typed, _asked, _tries, total]:
            session[_CLAIM] = [typed, _milliseconds(asked_on), 0, total]
        case _:
            pass  # a session without a claim: signed in with the password


def record_code_try() -> None:
    """Counts a wrong code in the cookie."""
    match session.get(_CLAIM):
        case [typed, asked, int(tries), int(total)]:
            session[_CLAIM] = [typed, asked, tries + 1, total + 1]
        case _:
            pass


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


def decoy_of_claim(user_id: ObjectId, now: datetime) -> User | None:
    """A decoy for the claim in this cookie, or None if the claim is too old."""
    match session.get(_CLAIM):
        case [str(typed), int(asked), int(tries), int(total)]:
            asked_on = datetime.fromtimestamp(asked / 1000, UTC)
        case _:
            return None
    if now - asked_on > timedelta(hours=current_app.config["SESSION_IDLE_HOURS"]):
        return None
    return decoy(user_id, typed, asked_on, now, code_tries=tries, code_tries_total=total)


def _milliseconds(moment: datetime) -> int:
    """As exact as in MongoDB. With a less exact time, the countdown would differ for a decoy."""
    return round(moment.timestamp() * 1000)
