"""The claim of a visitor who has registered and waits: the typed address and times, in the cookie.

A new account and an address that is taken give cookies of the same shape. Of a claim whose ids
match no account a decoy is made, so that the visitor sees what a newcomer sees.
"""

from datetime import UTC, datetime, timedelta

from bson import ObjectId
from flask import current_app, session

from app.security.decoys import decoy
from app.users.user import User

_CLAIM, _ADDRESS = "claim", "mend"


def begin(typed: str, asked_on: datetime) -> None:
    """Keeps a claim on the address, for a browser that has just been signed in."""
    session[_CLAIM] = [typed, _milliseconds(asked_on), 0, 0]


def is_open() -> bool:
    """Whether this browser's cookie has a claim."""
    return _CLAIM in session


def record_resend(asked_on: datetime) -> None:
    """Keeps the time in the cookie. A decoy has no other place for it."""
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
    """The address is confirmed: from now on the cookie belongs to one session and ends with it."""
    session.pop(_CLAIM, None)


def leave(typed: str) -> None:
    """Empties the cookie except for the address, which is to be corrected."""
    session.clear()
    keep_address(typed)


def keep_address(typed: str) -> None:
    """Keeps an address for the sign-up form, which is filled in with it."""
    session[_ADDRESS] = typed


def kept_address() -> str:
    """The address that `keep_address` has kept, or an empty text."""
    typed = session.get(_ADDRESS, "")
    return typed if isinstance(typed, str) else ""


def decoy_of_claim(user_id: ObjectId, now: datetime) -> User | None:
    """The decoy that this cookie's claim stands for, unless it is too old."""
    match session.get(_CLAIM):
        case [str(typed), int(asked), int(tries), int(total)]:
            asked_on = datetime.fromtimestamp(asked / 1000, UTC)
        case _:
            return None
    if now - asked_on > timedelta(hours=current_app.config["SESSION_IDLE_HOURS"]):
        return None
    return decoy(user_id, typed, asked_on, now, code_tries=tries, code_tries_total=total)


def _milliseconds(moment: datetime) -> int:
    """As exact as MongoDB stores it. A rounded time would show a decoy by its countdown."""
    return round(moment.timestamp() * 1000)
