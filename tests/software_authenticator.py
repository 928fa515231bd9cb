"""A passkey in Python: it answers like `navigator.credentials`, and can be told to cheat.

Keys are ECDSA on P-256, attestation is "none" (WebAuthn level 3, sections 6 and 8.7).
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, HAS_KEY = 1, 4, 8, 16, 64


class SoftwareAuthenticator:
    """One passkey. Its attributes may be changed between two answers.

    Attributes:
        counter: the signature counter; 0 stays 0, as that of synced passkeys.
        synced: whether the passkey is copied to other devices.
        verifies: whether it checks that the person is its owner.
        present: whether it waits for a touch.
    """

    def __init__(
        self,
        origin: str = "http://localhost:5000",
        rp_id: str = "localhost",
        *,
        counter: int = 0,
        synced: bool = True,
        verifies: bool = True,
        present: bool = True,
    ) -> None:
        self.origin, self.rp_id = origin, rp_id
        self.counter, self.synced = counter, synced
        self.verifies, self.present = verifies, present
        self.id = secrets.token_bytes(16)
        self.user_handle: bytes | None = None
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: Mapping[str, Any], **client_data: Any) -> str:
        """The answer of `navigator.credentials.create`, as JSON text.

        Args:
            options: the JSON that the app sent.
            client_data: other values for the client data, such as `origin` or `type`.
        """
        self.user_handle = _decode(options["user"]["id"])
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self.public_key
        data = self._authenticator_data(HAS_KEY) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        signed = self._client_data("webauthn.create", options["challenge"], client_data)
        return self._answer(clientDataJSON=signed, attestationObject=attestation)

    def get(self, options: Mapping[str, Any], **client_data: Any) -> str:
        """The answer of `navigator.credentials.get`, as JSON text."""
        if self.counter:
            self.counter += 1
        signed = self._client_data("webauthn.get", options["challenge"], client_data)
        data = self._authenticator_data()
        signature = self._key.sign(data + sha256(signed).digest(), ec.ECDSA(SHA256()))
        handle = {} if self.user_handle is None else {"userHandle": self.user_handle}
        return self._answer(
            clientDataJSON=signed, authenticatorData=data, signature=signature, **handle
        )

    @property
    def public_key(self) -> bytes:
        """The COSE key."""
        point = self._key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    @property
    def private_key(self) -> bytes:
        """The key as the DevTools protocol takes it (PKCS #8)."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def _authenticator_data(self, more: int = 0) -> bytes:
        flags = more
        flags |= USER_PRESENT if self.present else 0
        flags |= USER_VERIFIED if self.verifies else 0
        flags |= BACKUP_ELIGIBLE | BACKED_UP if self.synced else 0
        head = sha256(self.rp_id.encode()).digest() + bytes([flags])
        return head + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, other: Mapping[str, Any]) -> bytes:
        values = {"type": kind, "challenge": challenge, "origin": self.origin, **other}
        return json.dumps(values).encode()

    def _answer(self, **response: bytes) -> str:
        own_id = _encode(self.id)
        values = {name: _encode(value) for name, value in response.items()}
        return json.dumps(
            {
                "id": own_id,
                "rawId": own_id,
                "type": "public-key",
                "response": values,
                "clientExtensionResults": {},
                "authenticatorAttachment": "platform",
            }
        )


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
