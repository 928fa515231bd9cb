"""Second factors that are stored without their pages, for tests of what comes after them."""

import base64
import json
import secrets
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo, users
from app.security import encryption, recovery_codes
from app.users.client import Client
from app.users.clock import utcnow
from app.users.second_factors import Passkey, Totp
from app.users.user import User
from tests.authenticator import AuthenticatorApp
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import Visitor

ADA, HERE = "ada@example.com", Client("127.0.0.1")
SECOND, PASSKEY, OPTIONS = "/login/second", "/login/passkey", "/login/passkey/options"


def account(app: Flask, email: str = ADA) -> User:
    """The account as it is stored now."""
    with app.app_context():
        user = users.find_by_email(email)
    assert user is not None
    return user


def confirmed_in(app: Flask, email: str = ADA) -> Visitor:
    """A visitor who is signed in, with a confirmed address and without the mails about it."""
    visitor = Visitor(app)
    visitor.register(email)
    confirmed = {"confirmed": True, "confirmed_on": utcnow()}
    with app.app_context():
        current_mongo().users.update_one({"email_key": email}, {"$set": confirmed})
    return visitor


def plant_app(app: Flask, email: str = ADA) -> AuthenticatorApp:
    """An authenticator app."""
    secret, user = base64.b32encode(secrets.token_bytes(20)).decode(), account(app, email)
    with app.app_context():
        totp = Totp("planted", encryption.encrypt(secret), utcnow(), last_step=0)
        assert users.add_totp(user, totp, "", utcnow(), HERE)
    return AuthenticatorApp(secret)


def plant_codes(app: Flask, email: str = ADA) -> list[str]:
    """Ten recovery codes."""
    codes, user = recovery_codes.new_codes(), account(app, email)
    with app.app_context():
        hashes = recovery_codes.hashes_of(codes, user)
        assert users.make_recovery_codes(user, hashes, utcnow(), HERE)
    return codes


def plant_passkey(
    app: Flask, email: str = ADA, key: SoftwareAuthenticator | None = None
) -> SoftwareAuthenticator:
    """A passkey."""
    key, user = key or SoftwareAuthenticator(), account(app, email)
    key.user_handle = user.id.binary
    credential_id = base64.urlsafe_b64encode(key.id).rstrip(b"=").decode()
    passkey = Passkey(credential_id, key.public_key, "Key", utcnow(), counter=key.counter)
    with app.app_context():
        assert users.add_passkey(user, passkey, "", utcnow(), HERE)
    return key


def options_for(visitor: Visitor) -> dict[str, Any]:
    """The options that the script of the page gets."""
    answer = visitor.get(OPTIONS)
    assert answer.status_code == 200, answer.text[:200]
    options: dict[str, Any] = json.loads(answer.text)
    return options


def use_passkey(
    visitor: Visitor, key: SoftwareAuthenticator, *, on: str = "/login", **client_data: Any
) -> TestResponse:
    """Presses the button on a page, as its script does, and sends the answer of the key."""
    credential = key.get(options_for(visitor), **client_data)
    return visitor.submit(PASSKEY, on=on, credential=credential)


def second_step(visitor: Visitor, code: str, **fields: str) -> TestResponse:
    """Sends a code of the app in the second step."""
    return visitor.client.post(SECOND, data=visitor.fill(SECOND, **fields) | {"code": code})
