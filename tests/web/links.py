"""Valid links, one of each kind."""

from datetime import timedelta

from flask import Flask

from app.mongo import users
from app.security.signing import link_signer
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.documents import random_id
from app.users.links import Purpose
from app.users.login_session import LoginSession
from app.users.passwords import hash_password
from app.users.second_factors import Totp
from app.users.steps.change_email import EmailChange
from app.users.user import User
from tests.visitor import PASSWORD

PATHS = {
    Purpose.CONFIRM: "/confirm/",
    Purpose.RESET: "/reset/",
    Purpose.EMAIL_CHANGE: "/email/confirm/",
    Purpose.EMAIL_UNDO: "/email/undo/",
    Purpose.FACTOR_RESET_START: "/factors/reset/",
    Purpose.FACTOR_RESET_FINISH: "/factors/reset/",
    Purpose.FACTOR_KEEP: "/factors/keep/",
}
_CLIENT, _WEEK = Client(), timedelta(weeks=1)


def _register(email: str) -> User:
    now = utcnow()
    session = LoginSession(str(random_id()), now, now, now + _WEEK, 3600)
    hashed = hash_password(PASSWORD, 4)
    user = users.register(parse_address(email), hashed, session, _WEEK)
    assert user
    return user


def _found(user: User) -> User:
    found = users.find(user.id)
    assert found
    return found


def _ask_change(user: User, email: str) -> User:
    assert users.ask_email_change(user, parse_address(email), utcnow(), _CLIENT)
    return _found(user)


def _change_address(user: User, email: str) -> User:
    pending = _ask_change(user, email).pending_email
    assert pending
    assert users.change_email(user, pending, utcnow(), _CLIENT, _WEEK) is EmailChange.DONE
    return _found(user)


def _without_factor(email: str) -> User:
    """A person who has lost the authenticator app, and has asked for the first link."""
    user = _register(email)
    assert users.confirm(user, user.token_version, utcnow(), _CLIENT)
    assert users.add_totp(user, Totp("id", "secret", utcnow(), last_step=1), "", utcnow(), _CLIENT)
    assert users.ask_factor_reset(_found(user), utcnow(), _CLIENT)
    return _found(user)


def live_tokens(app: Flask) -> dict[Purpose, str]:
    """Unused tokens, one for each purpose. Eve has not confirmed. Frank has changed his address,
    has requested a second change, and has asked for a reset. Grace and Henry have lost their second
    factors, and the wait of Henry is over."""
    with app.app_context():
        eve, frank = _register("eve@example.com"), _register("frank@example.com")
        assert users.confirm(frank, frank.token_version, utcnow(), _CLIENT)
        frank = _ask_change(
            _change_address(_found(frank), "frank@new.example"), "frank@newer.example"
        )
        assert users.ask_reset(frank.email_key, utcnow(), _CLIENT)
        frank = _found(frank)
        pending, (former,) = frank.pending_email, frank.former_emails
        assert pending
        grace, henry = _without_factor("grace@example.com"), _without_factor("henry@example.com")
        version, over = henry.factor_reset_version, timedelta(0)
        assert users.start_factor_reset(henry, version, utcnow(), over, _CLIENT)
        contents = {
            Purpose.CONFIRM: (eve.id, eve.email_key, eve.token_version),
            Purpose.RESET: (frank.id, frank.email_key, frank.reset_version),
            Purpose.EMAIL_CHANGE: (frank.id, pending.email_key, pending.version),
            Purpose.EMAIL_UNDO: (frank.id, former.email_key, former.version),
            Purpose.FACTOR_RESET_START: (grace.id, grace.email_key, grace.factor_reset_version),
            Purpose.FACTOR_RESET_FINISH: (henry.id, henry.email_key, version),
            Purpose.FACTOR_KEEP: (henry.id, henry.email_key, version),
        }
        return {
            purpose: link_signer().mint(purpose, *content) for purpose, content in contents.items()
        }
