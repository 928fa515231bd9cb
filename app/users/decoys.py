"""Decoys: what a person gets who registers an address that has a confirmed account.

A decoy is kept like an unconfirmed account and changes like one, so that nobody can tell the two
apart: the newest registration of the address ends the sessions of earlier ones, another mail is
refused within the cooldown, and it expires. But it is in a collection of its own, no mail leaves
from there, and nothing confirms it.

The cookie of a browser holds what a decoy needs (see `web/waiting_claim.py`). A program has only
its token, so its decoy is looked up here.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from app.users.addresses import Address
from app.users.documents import Document
from app.users.login_session import LoginSession
from app.users.steps.accounts import Accounts
from app.users.steps.confirm import Confirm
from app.users.steps.lookups import Lookups
from app.users.steps.profile import Profile
from app.users.steps.register import Register
from app.users.steps.resend import Resend
from app.users.steps.sessions import Sessions
from app.users.steps.sign_out import SignOut
from app.users.user import Decoy, User

MAIL_DELAY = timedelta(seconds=2)
"""The mail of a decoy counts as sent after about the time that a real mail takes."""
_NO_PASSWORD = ""  # nobody signs in to a decoy


class Decoys:
    """The decoys, with the steps of `UserStore` that a person who waits can take.

    Args:
        users: the collection of the accounts; decoys are in `decoys` of the same database.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._collection = users.database["decoys"]
        accounts = Accounts(self._collection)
        self._register = Register(accounts).register
        self._find_by_session = Lookups(accounts).find_by_session
        self.resend = Resend(accounts).resend
        self.take_code_try = Confirm(accounts).take_code_try
        self.sign_out = SignOut(accounts).sign_out
        self.touch = Sessions(accounts).touch
        self.set_profile = Profile(accounts).set_profile

    def register(
        self,
        address: Address,
        session: LoginSession,
        lasts: timedelta,
        profile: Mapping[str, Any] | None = None,
    ) -> Decoy:
        """Makes a decoy for this address, or gives the one that it has to this newest claim."""
        user = self._register(address, _NO_PASSWORD, session, lasts, profile)
        assert user is not None  # noqa: S101 (no decoy is ever confirmed)
        return _as_decoy(user, session.signed_in_on)

    def find_by_session(self, user_id: ObjectId, session_id: str, now: datetime) -> Decoy | None:
        """The decoy that is signed in with this session."""
        user = self._find_by_session(user_id, session_id)
        return _as_decoy(user, now) if user else None

    def start_over(self, user: User, session_id: str, now: datetime) -> bool:
        """Deletes the decoy. There is no deletion record, since nobody had registered."""
        guard = {"_id": user.id, "sessions.id": session_id}
        return bool(self._collection.delete_one(guard).deleted_count)

    def forget(self, email_key: str) -> None:
        """Deletes the decoy of an address that has no account any more, because the account was
        deleted or has another address. The next registration makes an account, and an older decoy
        that lives on would show that there had been one."""
        self._collection.delete_one({"email_key": email_key})


def _as_decoy(user: User, now: datetime) -> Decoy:
    mail = user.confirm_mail
    if mail and now - mail.asked_on >= MAIL_DELAY:
        mail = replace(mail, sent_on=mail.asked_on + MAIL_DELAY)
    seen = replace(user, confirm_mail=mail)
    return Decoy(**{field.name: getattr(seen, field.name) for field in fields(seen)})
