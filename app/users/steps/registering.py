"""From registering to a proven address."""

from datetime import datetime, timedelta

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.letters import Letter, LetterKind, owe
from app.users.steps.base import (
    PAGE_FIELDS,
    Document,
    Steps,
    as_user,
    entry,
    event,
    push_device,
    push_events,
    push_letters,
    push_session,
)
from app.users.user import EventKind, Origin, Session, User, random_id


def _owed_confirmation(now: datetime) -> tuple[Letter, Document]:
    """A confirmation letter, and the account's note that this one is the newest."""
    letter = owe(LetterKind.CONFIRM, now)
    return letter, {"id": letter.id, "asked_on": now, "sent_on": None, "refused": None}


class Registering(Steps):
    """An account is claimed, proven or disowned."""

    def register(
        self,
        address: Address,
        password_hash: str,
        session: Session,
        origin: Origin,
        unconfirmed_for: timedelta,
    ) -> User | None:
        """Makes an account, or lets the newest claim take over an unconfirmed one.

        The sessions and links of an earlier claim end with it, so whoever confirms
        holds the password of the claim that is confirmed (SECURITY-BAR 12, 13).

        Returns:
            The account, signed in; None when a confirmed account has the address.
        """
        now = session.signed_in_on
        letter, confirm_mail = _owed_confirmation(now)
        claim = {
            "$set": {
                "email": address.typed,
                "password_hash": password_hash,
                "registered_on": now,
                "expires_on": now + unconfirmed_for,
                "confirm_mail": confirm_mail,
                "sessions": [entry(session)],
                "devices": [session.device],
                "events": [event(EventKind.REGISTERED, now, origin)],
            },
            "$setOnInsert": {"_id": random_id(), "confirmed_on": None, "admin": False},
            "$inc": {"token_version": 1},
            "$unset": {"refusals": ""},
            # Not set: a reset letter may be owed to the mailbox, whoever claims the address.
            # Overtaken confirmation letters die when a worker sees them.
            "$push": push_letters(letter),
        }
        # The unique index raises for a confirmed account, and also for the loser of two racing
        # inserts. The second try tells them apart: by then the winner is there to be taken over.
        for _attempt in range(2):
            try:
                return as_user(
                    self._users.find_one_and_update(
                        {"email_key": address.key, "confirmed": False},
                        claim,
                        projection=PAGE_FIELDS,
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                )
            except DuplicateKeyError:
                continue
        return None

    def owe_account_exists(self, email_key: str, now: datetime, pause: timedelta) -> bool:
        """Owes the owner of a confirmed account the letter that somebody tried to register it.

        Returns:
            False when one was owed less than `pause` ago.
        """
        query = {
            "email_key": email_key,
            "confirmed": True,
            "exists_told_on": {"$not": {"$gt": now - pause}},
        }
        return self._update(
            query,
            {
                "$set": {"exists_told_on": now},
                "$push": push_letters(owe(LetterKind.ACCOUNT_EXISTS, now)),
            },
        )

    def resend(self, user: User, now: datetime, cooldown: timedelta) -> bool:
        """Owes a new confirmation letter and makes every earlier link worthless.

        Returns:
            False when the last one is younger than `cooldown`, or another step came first.
        """
        letter, confirm_mail = _owed_confirmation(now)
        query = {
            "_id": user.id,
            "token_version": user.token_version,
            "confirmed": False,
            "confirm_mail.asked_on": {"$not": {"$gt": now - cooldown}},
        }
        return self._update(
            query,
            {
                "$inc": {"token_version": 1},
                "$set": {"confirm_mail": confirm_mail},
                "$push": push_letters(letter),
            },
        )

    def confirm(
        self,
        user: User,
        version: int,
        now: datetime,
        origin: Origin,
        session: Session | None = None,
    ) -> bool:
        """Confirms the address, if the link's version is still the account's.

        Every session alive belongs to this claim, so they live on.

        Args:
            version: what the link says.
            session: a new one, when the person was signed out and gave the password.

        Returns:
            False when a newer mail, a newer claim or another confirmation came first.
        """
        query = {
            "_id": user.id,
            "email_key": user.email_key,
            "token_version": version,
            "confirmed": False,
        }
        pushes = push_events(event(EventKind.CONFIRMED, now, origin))
        if session:
            pushes |= push_session(session)
            if session.device not in user.devices:
                pushes |= push_device(session.device)
        return self._update(
            query,
            {
                "$set": {"confirmed": True, "confirmed_on": now},
                "$unset": {"expires_on": ""},
                "$push": pushes,
            },
        )

    def disown(self, user_id: ObjectId, email_key: str, version: int) -> bool:
        """Removes an unconfirmed account whose mailbox's owner did not sign up.

        Returns:
            False when the account was confirmed or claimed anew since the mail.
        """
        query = {
            "_id": user_id,
            "email_key": email_key,
            "token_version": version,
            "confirmed": False,
        }
        return self._users.delete_one(query).deleted_count == 1
