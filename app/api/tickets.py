"""Tickets: what a program sends back in the second of two requests.

They are signed and hold what the cookie of a browser holds between two pages. Nothing is stored,
and what a ticket leads to counts only once by the guard of its step.
"""

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from bson import ObjectId
from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from app.mongo import users
from app.security.passkeys import Challenge
from app.security.signing import signing_keys
from app.users.clock import utcnow
from app.users.links import SIGNATURES
from app.users.user import User
from app.web.pending_sign_in import state_tag

_SECOND_STEP, _CHALLENGE = "second step", "challenge"


@dataclass(frozen=True, slots=True)
class SecondStepTicket:
    """Who has proved the password, and how the sign-in goes on."""

    user: User
    challenge: Challenge
    device: str
    """The name of the program."""
    cookie: bool


def for_second_step(user: User, challenge: Challenge, *, device: str, cookie: bool) -> str:
    """A ticket for a person who has just proved the password."""
    state = [str(user.id), state_tag(user), device, cookie]
    return _sign(_SECOND_STEP, challenge, state)


def read_second_step(ticket: str) -> SecondStepTicket | None:
    """None if it is too old or damaged, or the account was changed. One find."""
    match _read(_SECOND_STEP, ticket):
        case [Challenge() as challenge, [str(user_id), str(tag), str(device), bool(cookie)]]:
            pass
        case _:
            return None
    user = users.find(ObjectId(user_id))
    if user is None or user.disabled_on or not user.has_second_factor or state_tag(user) != tag:
        return None
    return SecondStepTicket(user, challenge, device, cookie)


def for_challenge(challenge: Challenge, session_id: str = "") -> str:
    """A ticket with a challenge; `session_id` binds it to one session."""
    return _sign(_CHALLENGE, challenge, [_tag(session_id)])


def read_challenge(ticket: str, session_id: str = "") -> Challenge | None:
    """The challenge of a ticket; None if it cannot be used."""
    match _read(_CHALLENGE, ticket):
        case [Challenge() as challenge, [str(tag)]] if tag == _tag(session_id):
            return challenge
        case _:
            return None


def _tag(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()[:32]


def _sign(kind: str, challenge: Challenge, state: list[Any]) -> str:
    signer = _signer(signing_keys(current_app.config), kind)
    return str(signer.dumps([list(astuple(challenge)), state]))


def _read(kind: str, ticket: str) -> list[Any] | None:
    """The challenge and the state. The time is the challenge's own, because itsdangerous refuses a
    token from a machine whose clock is ahead."""
    try:
        parts, state = _signer(signing_keys(current_app.config), kind).loads(ticket)
    except BadData:
        return None
    challenge = Challenge(*parts)
    return [challenge, state] if challenge.answerable(utcnow()) else None


@cache
def _signer(keys: tuple[str, ...], kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(list(keys), salt=f"ticket: {kind}", signer_kwargs=SIGNATURES)
