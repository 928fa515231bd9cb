"""Passkeys (WebAuthn, level 3): makes the options for the browser and verifies its answers.

The library `webauthn` checks signatures, origin and RP id. It is imported when it is first needed,
because that takes 100 ms.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from app.users.clock import utcnow
from app.users.second_factors import Passkey, PasskeyUse
from app.users.user import User

CHALLENGE_LASTS = 5 * 60  # seconds
_LONGEST_CREDENTIAL = 16 * 1024  # characters of JSON
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the browser has to sign. It is kept in the signed cookie."""

    value: str
    """Random, in base64url."""
    issued: int
    """Microseconds since 1970."""
    conditional: bool = False
    """Whether the browser may make the passkey without asking the person."""

    def answerable(self, now: datetime) -> bool:
        """Whether the challenge is young enough."""
        age = now.timestamp() - self.issued / 1e6
        return -60 <= age <= CHALLENGE_LASTS


class PasskeyRefusal(Enum):
    """Why an answer of a browser is refused."""

    MALFORMED = "malformed"
    STALE = "stale challenge"
    UNKNOWN = "unknown passkey"
    INVALID = "not valid"
    CLONED = "counter went backwards"
    NOT_VERIFIED = "user not verified"
    ANOTHER_ACCOUNT = "another account's"


def offered() -> bool:
    """Whether passkeys work here: browsers make none for an IP address."""
    return _has_name(current_app.config["PUBLIC_URL"])


@cache
def _has_name(url: str) -> bool:
    """Cached, because every sign-in page asks."""
    try:
        ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return True
    return False


def new_challenge(*, conditional: bool = False) -> Challenge:
    """A new random challenge."""
    issued = int(utcnow().timestamp() * 1e6)
    return Challenge(secrets.token_urlsafe(32), issued, conditional)


def creation_options(user: User, challenge: Challenge) -> dict[str, Any]:
    """The options for `navigator.credentials.create`, as JSON values."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=current_app.config["APP_NAME"],
        user_id=user.id.binary,
        user_name=user.email,
        challenge=_bytes(challenge.value),
        attestation=structs.AttestationConveyancePreference.NONE,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(user),
    )
    return _as_json(options)


def request_options(challenge: Challenge, user: User | None = None) -> dict[str, Any]:
    """The options for `navigator.credentials.get`, as JSON values.

    Args:
        user: the account whose passkeys may be used; None for any.
    """
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=_bytes(challenge.value),
        allow_credentials=_descriptors(user) if user else None,
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    return _as_json(options)


def accepted_credentials(user: User) -> dict[str, Any]:
    """The argument of `PublicKeyCredential.signalAllAcceptedCredentials`, as JSON values: the
    browser forgets every other passkey of this account."""
    from webauthn.helpers import bytes_to_base64url

    return {
        "rpId": _rp_id(),
        "userId": bytes_to_base64url(user.id.binary),
        "allAcceptedCredentialIds": [passkey.id for passkey in user.passkeys],
    }


def verify_creation(
    credential: str, challenge: Challenge | None, name: str, now: datetime, proposal: str = ""
) -> Passkey | PasskeyRefusal:
    """Verifies the answer of `navigator.credentials.create`.

    Args:
        credential: the answer as JSON text.
        name: as the person typed it. If it is empty, the maker of the passkey names it.
        proposal: the name for a passkey of an unknown maker.
    """
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import CredentialDeviceType

    if len(credential) > _LONGEST_CREDENTIAL:
        return PasskeyRefusal.MALFORMED
    if challenge is None or not challenge.answerable(now):
        return PasskeyRefusal.STALE
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_bytes(challenge.value),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            require_user_presence=not challenge.conditional,
        )
    except Exception as error:
        return _refusal(error)
    return Passkey(
        id=bytes_to_base64url(found.credential_id),
        public_key=found.credential_public_key,
        name=written_name(name) or _name_of(found.aaguid, proposal),
        added_on=now,
        counter=found.sign_count,
        last_challenge=challenge.issued,
        synced=found.credential_device_type is CredentialDeviceType.MULTI_DEVICE
        and found.credential_backed_up,
    )


def written_name(typed: str) -> str:
    """The name of a passkey as it is stored: on one line, not too long."""
    printable = "".join(char if char.isprintable() else " " for char in typed)
    return " ".join(printable.split())[:LONGEST_NAME].strip()


def credential_id(credential: str) -> str | None:
    """The id of the passkey in the answer of `navigator.credentials.get`, or None."""
    from webauthn.helpers import bytes_to_base64url, parse_authentication_credential_json

    if len(credential) > _LONGEST_CREDENTIAL:
        return None
    try:
        return bytes_to_base64url(parse_authentication_credential_json(credential).raw_id)
    except Exception:
        return None


def verify_assertion(
    credential: str,
    challenge: Challenge | None,
    user: User | None,
    now: datetime,
    *,
    identified: bool = True,
) -> PasskeyUse | PasskeyRefusal:
    """Verifies the answer of `navigator.credentials.get`.

    Args:
        user: the account that has the passkey, as found by `credential_id`.
        identified: whether the account was known before. If it was not, the answer must name it
            (WebAuthn level 3, 7.2, step 6).
    """
    import webauthn
    from webauthn.helpers import parse_authentication_credential_json

    found_id = credential_id(credential)
    if found_id is None:
        return PasskeyRefusal.MALFORMED
    if challenge is None or not challenge.answerable(now):
        return PasskeyRefusal.STALE
    passkey = _passkey_with(user, found_id)
    if user is None or passkey is None:
        return PasskeyRefusal.UNKNOWN
    if challenge.issued <= passkey.last_challenge:
        return PasskeyRefusal.STALE
    try:
        answer = parse_authentication_credential_json(credential)
        # Absent where the browser was told which passkeys to use.
        handle = answer.response.user_handle
        if handle != user.id.binary and not (handle is None and identified):
            return PasskeyRefusal.ANOTHER_ACCOUNT
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=_bytes(challenge.value),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared below, to tell a copy from an error
        )
    except Exception as error:
        return _refusal(error)
    if passkey.counter and found.new_sign_count <= passkey.counter:
        return PasskeyRefusal.CLONED
    return PasskeyUse(
        passkey,
        challenge.issued,
        found.new_sign_count,
        synced=found.credential_backed_up,
        user_verified=found.user_verified,
    )


def _passkey_with(user: User | None, found_id: str) -> Passkey | None:
    passkeys = user.passkeys if user else ()
    return next((passkey for passkey in passkeys if passkey.id == found_id), None)


def _refusal(error: Exception) -> PasskeyRefusal:
    """The library raises its own errors for what it checks, and many others for junk: CBOR, keys
    and JSON of any shape come from the client."""
    from webauthn.helpers import exceptions

    if isinstance(error, exceptions.WebAuthnException):
        return PasskeyRefusal.INVALID
    return PasskeyRefusal.MALFORMED


def _descriptors(user: User) -> Any:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=_bytes(passkey.id)) for passkey in user.passkeys]


def _as_json(options: Any) -> dict[str, Any]:
    from webauthn.helpers import options_to_json_dict

    return dict(options_to_json_dict(options))


def _bytes(text: str) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    return base64url_to_bytes(text)


def _rp_id() -> str:
    """Passkeys belong to the host of PUBLIC_URL, never to that of a request."""
    return urlsplit(current_app.config["PUBLIC_URL"]).hostname or ""


def _origin() -> str:
    """As browsers write it, without a default port."""
    public = urlsplit(current_app.config["PUBLIC_URL"])
    default = {"http": 80, "https": 443}[public.scheme]
    port = "" if public.port in (None, default) else f":{public.port}"
    return f"{public.scheme}://{public.hostname}{port}"


# The most common makers (AAGUIDs that they have published). Others get a plain name.
_MAKERS = {
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
    "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
    "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
    "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
    "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
    "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
    "fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
    "50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
}


def _name_of(aaguid: str, proposal: str) -> str:
    return _MAKERS.get(aaguid) or written_name(proposal) or "Passkey"
