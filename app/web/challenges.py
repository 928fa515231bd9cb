"""The challenge that a passkey signs, in the signed cookie. So a GET stores nothing in MongoDB.

An answer uses the cookie's challenge up; that it also counts only once when the cookie is copied is
the work of the step that stores its use.
"""

from dataclasses import astuple

from flask import session

from app.security.passkeys import Challenge, new_challenge

_KEY = "challenge"


def issue(*, conditional: bool = False) -> Challenge:
    """Puts a new challenge into this browser's cookie."""
    challenge = new_challenge(conditional=conditional)
    session[_KEY] = list(astuple(challenge))
    return challenge


def take() -> Challenge | None:
    """Removes the challenge from the cookie; None if there is none."""
    match session.pop(_KEY, None):
        case [str(value), int(issued), bool(conditional)]:
            return Challenge(value, issued, conditional)
        case _:
            return None
