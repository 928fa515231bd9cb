"""A sign-in whose password is proven and whose second step is due, in the signed cookie.

Nothing is stored on the account between the two steps, so the browser counts as signed out. The
entry is bound to the password hash that was proven: a changed password makes it worthless.
"""

import hashlib
from dataclasses import dataclass

from bson import ObjectId
from bson.errors import InvalidId
from flask import session, url_for

from app.mongo import users
from app.users.clock import utcnow
from app.users.user import User
from app.web import viewer

LASTS = 5 * 60  # seconds
_KEY = "second_step"
_LONGEST_TARGET = 1000  # browsers drop a cookie that is larger than 4 kB


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Who has proved the password, and how the sign-in goes on."""

    user: User
    remember: bool
    target: str
    """The page that the person wanted to see."""


def begin(user: User, *, remember: bool, target: str) -> None:
    """Stores in this browser's cookie that the password was proven now.

    The earlier session of this browser ends: it counts as signed out until the second step.

    Args:
        target: a result of `safe_target`. Home is in place of one that is too long for a cookie.
    """
    viewer.end()
    if len(target) > _LONGEST_TARGET:
        target = url_for("main.home")
    session[_KEY] = [str(user.id), int(utcnow().timestamp()), state_tag(user), remember, target]


def current() -> PendingSignIn | None:
    """The pending sign-in of this browser; None if there is none, or it is older than five minutes,
    or the password or the state of the account has changed. One find."""
    match session.get(_KEY):
        case [str(user_id), int(began), str(tag), bool(remember), str(target)]:
            pass
        case _:
            return None
    if not -60 <= utcnow().timestamp() - began <= LASTS:
        return None
    try:
        user = users.find(ObjectId(user_id))
    except InvalidId:
        return None
    if user is None or user.disabled_on or not user.has_second_factor or state_tag(user) != tag:
        return None
    return PendingSignIn(user, remember, target)


def end() -> None:
    """Forgets the pending sign-in."""
    session.pop(_KEY, None)


def state_tag(user: User) -> str:
    """Shows whether the password is the same, and nothing about it: the stored hash is salted."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:32]
