"""Bearer tokens: how a program shows which login session it has (RFC 6750).

A token has the account's id and a random secret. The account stores a hash of the secret as the id
of the session, so a copy of the database signs nobody in. The token is signed, so that one that was
made up is refused without a look-up. The key of the signature also says whether the token is for an
account or for a decoy; without the keys, the two look the same.
"""

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache

from bson import ObjectId
from bson.errors import InvalidId
from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from app.security.signing import signing_keys
from app.users.links import SIGNATURES
from app.users.user import Decoy, User

_ACCOUNT, _DECOY = "account", "decoy"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """What a valid token says."""

    user_id: ObjectId
    session_id: str
    decoy: bool


def new_secret() -> str:
    """The secret of a new token: 256 random bits."""
    return secrets.token_urlsafe(32)


def session_id_of(secret: str) -> str:
    """The id of the login session that the secret belongs to, as it is stored. A plain hash is
    enough, because nobody can guess the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(user: User, secret: str) -> str:
    """The token for this account, or for this decoy."""
    kind = _DECOY if isinstance(user, Decoy) else _ACCOUNT
    token = _signer(signing_keys(current_app.config), kind).dumps([str(user.id), secret])
    return str(token)


def read(token: str) -> BearerToken | None:
    """What the token says, or None if we have not made it."""
    for kind in (_ACCOUNT, _DECOY):
        try:
            user_id, secret = _signer(signing_keys(current_app.config), kind).loads(token)
            return BearerToken(ObjectId(user_id), session_id_of(secret), kind == _DECOY)
        except (BadData, InvalidId, ValueError, TypeError, AttributeError):
            continue
    return None


@cache
def _signer(keys: tuple[str, ...], kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(list(keys), salt=f"bearer token: {kind}", signer_kwargs=SIGNATURES)
