"""Answers that several operations share, and the fields of bodies.

Names are part of the contract. Times are RFC 3339 in UTC.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from app.users.passwords import MAX_LENGTH
from app.users.user import User

Time = Annotated[datetime, Meta(tz=True)]
Email = Annotated[
    str,
    Meta(
        description="A mail address.",
        examples=["ada@example.org"],
        extra_json_schema={"format": "email"},
    ),
]
# NFKC can shorten a text, but never to a quarter for a real password.
Password = Annotated[str, Meta(max_length=4 * MAX_LENGTH, description="The account's password.")]
NewPassword = Annotated[
    str,
    Meta(description="A new password. It must not be easy to guess.", max_length=4 * MAX_LENGTH),
]
LinkToken = Annotated[str, Meta(description="The last part of the link in the mail.")]
Ticket = Annotated[str, Meta(description="From the answer before; valid for five minutes.")]
Code = Annotated[str, Meta(description="Spaces and hyphens in it do not matter.")]
DeviceName = Annotated[
    str, Meta(description="How the program is named in the list of sessions.", max_length=300)
]
Cookie = Annotated[
    bool, Meta(description="Whether to sign this browser in by its cookie instead of a token.")
]
Credential = Annotated[
    dict[str, Any] | str,
    Meta(description="The answer of the browser, as an object (`toJSON()`) or as JSON text."),
]


class Account(Struct, frozen=True):
    """An account."""

    id: str
    email: str
    confirmed: bool
    confirmed_on: Time | None
    registered_on: Time
    language: str | None
    admin: bool
    pending_email: str | None


class AddressConfirmed(Struct, frozen=True):
    """The account with its confirmed address, and for a person who was signed out the new session.
    `token` is null where the cookie holds it."""

    account: Account
    token: str | UnsetType | None = UNSET
    expires_at: Time | UnsetType = UNSET


class SignedIn(Struct, frozen=True):
    """A login session has started. `token` is null where the cookie holds the session."""

    token: str | None
    expires_at: Time
    account: Account


class SecondFactorDue(Struct, frozen=True):
    """The password is right, and a second factor must follow."""

    ticket: str
    methods: Annotated[list[str], Meta(description="`totp`, `recovery_code`, `passkey`.")]
    passkey_options: Annotated[
        dict[str, Any] | None,
        Meta(description="For `navigator.credentials.get`; null where the account has no passkey."),
    ]


class PasskeyOptions(Struct, frozen=True):
    """What a passkey has to sign."""

    ticket: str
    passkey_options: dict[str, Any]


def account_of(user: User) -> Account:
    """The account as the API shows it to its owner."""
    return Account(
        id=str(user.id),
        email=user.email,
        confirmed=user.confirmed,
        confirmed_on=user.confirmed_on,
        registered_on=user.registered_on,
        language=user.language,
        admin=user.admin,
        pending_email=user.pending_email.email if user.pending_email else None,
    )
