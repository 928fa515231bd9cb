"""Codes of an authenticator app (RFC 6238: SHA-1, 30 seconds, six digits).

pyotp computes the codes. It remembers nothing, so which codes still count is decided here and by
the guard of the step that uses one.
"""

import base64
import hmac
import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp
import segno
from flask import current_app

from app.security.encryption import decrypt, derived_keys, encrypt, under_newest_key
from app.users.second_factors import Totp, TotpUse
from app.users.user import User

_STEP = 30  # seconds
_DRIFT = 1  # steps that a phone's clock may be ahead or behind
_SECRET_BYTES = 20  # RFC 4226, 4: 160 bits


def setup_secret(user: User, session_id: str) -> str:
    """The secret, in base32, that this session is offered for a new authenticator app.

    It is derived from the random id of the session, so nothing is stored before the first right
    code. It changes with every change of the factors.
    """
    return _setup_secrets(user, session_id)[0]


def _setup_secrets(user: User, session_id: str) -> list[str]:
    message = f"{user.id}:{session_id}:{user.factors_version}".encode()
    return [
        base64.b32encode(hmac.digest(key, message, "sha256")[:_SECRET_BYTES]).decode()
        for key in derived_keys("totp setup")
    ]


def otpauth_uri(secret: str, user: User) -> str:
    """The link that opens an authenticator app, and the contents of the QR code."""
    name = current_app.config["APP_NAME"]
    return pyotp.TOTP(secret, name=user.email, issuer=name).provisioning_uri()


def qr_code(uri: str) -> str:
    """The QR code as SVG."""
    code: str = segno.make(uri, error="m").svg_inline(scale=4, border=2, omitsize=True)
    return code


def new_totp(user: User, session_id: str, code: str, now: datetime) -> Totp | None:
    """The authenticator app that shows this code for the secret of `setup_secret`, or None. Its
    code is used up by that."""
    for secret in _setup_secrets(user, session_id):
        step = _matching_step(secret, code, now, after=0)
        if step:
            return Totp(secrets.token_hex(8), encrypt(secret), now, step)
    return None


def check_code(totp: Totp, code: str, now: datetime) -> TotpUse | None:
    """The use of a right code; None for a wrong code and for one of an earlier step than the last.

    Args:
        code: six ASCII digits.
    """
    secret = decrypt(totp.secret)
    if secret is None:
        # The key was removed from SECRET_KEY_FALLBACKS before this app was used again.
        current_app.logger.error("second factors: no key fits the secret of an authenticator app")
        return None
    step = _matching_step(secret, code, now, after=totp.last_step)
    return TotpUse(totp, step, under_newest_key(totp.secret)) if step else None


def _matching_step(secret: str, code: str, now: datetime, after: int) -> int | None:
    present = int(now.timestamp()) // _STEP
    codes = pyotp.TOTP(secret)
    found = None
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        # All steps are compared, so that the time does not show which one matched.
        if compare_digest(codes.generate_otp(step), code) and step > after:
            found = step
    return found
