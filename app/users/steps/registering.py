"""From registering to a proven address."""

from datetime import datetime, timedelta

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.departed import DISOWNED, STARTED_OVER
from app.users.happenings import Deed, Happening
from app.users.letters import Letter, LetterKind, owe
from app.users.steps.base import (
    PAGE_FIELDS,
    TALLIES,
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
from app.users.user import (
    MAX_CODE_TRIES,
    MAX_CODE_TRIES_TOTAL,
    EventKind,
    Origin,
    Session,
    User,
    random_id,
)


def _owed_confirmation(
    now: datetime, kind: LetterKind = LetterKind.CONFIRM
) -> tuple[Letter, Document]:
    """A confirmation letter, and the account's note that this one is the newest."""
    letter = owe(kind, now)
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
                "code_tries": 0,
                "resends": 0,
                "sessions": [entry(session)],
                "devices": [session.device],
                "events": [event(EventKind.REGISTERED, now, origin)],
            },
            "$setOnInsert": {"_id": random_id(), "confirmed_on": None, "admin": False},
            "$inc": {"token_version": 1},
            "$unset": {**TALLIES, "reminded_on": ""},
            # Not set: a reset letter may be owed to the mailbox, whoever claims the address.
            # Overtaken confirmation letters die when a worker sees them.
            "$push": push_letters(letter),
        }
        # The unique index raises for a confirmed account, and also for the loser of two racing
        # inserts. The second try tells them apart: by then the winner is there to be taken over.
        for _attempt in range(2):
            try:
                document: Document = self._users.find_one_and_update(
                    {"email_key": address.key, "confirmed": False},
                    claim,
                    projection=PAGE_FIELDS,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )  # type: ignore[assignment]  # an upsert always finds something
            except DuplicateKeyError:
                continue
            again = document["token_version"] > 1
            self._tell(Happening(EventKind.REGISTERED, document["_id"], again=again))
            return as_user(document)
        return None

    def owe_account_exists(self, email_key: str, now: datetime, pause: timedelta) -> bool:
        """Owes the owner of a confirmed account the letter that somebody tried to register it.

        Returns:
            False when one was owed less than `pause` ago, or has not left yet.
        """
        told = LetterKind.ACCOUNT_EXISTS.value
        query = {
            "email_key": email_key,
            "confirmed": True,
            "exists_told_on": {"$not": {"$gt": now - pause}},
            "outbox": {"$not": {"$elemMatch": {"kind": told, "due_on": {"$ne": None}}}},
        }
        return self._update(
            query,
            {
                "$set": {"exists_told_on": now},
                "$push": push_letters(owe(LetterKind.ACCOUNT_EXISTS, now)),
            },
            Deed.OWNER_TOLD,
        )

    def resend(self, user: User, now: datetime, cooldown: timedelta, *events: Document) -> bool:
        """Owes a new confirmation letter and makes every earlier link worthless.

        Args:
            events: for the activity, where it was not the account itself that asked.

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
                "$inc": {"token_version": 1, "resends": 1},
                "$set": {"confirm_mail": confirm_mail, "code_tries": 0},
                "$push": push_letters(letter) | push_events(*events),
            },
            Deed.CONFIRMATION_RESENT,
        )

    def owe_reminder(self, now: datetime, ahead: timedelta) -> bool:
        """Owes one account, which will expire in less than `ahead`, a last mail with a new link.

        Not where the mail server has refused the address, nor where the account is younger than
        `ahead`: it has had its mail today.

        Returns:
            False when there is no such account (left).
        """
        letter, confirm_mail = _owed_confirmation(now, LetterKind.REMINDER)
        query = {
            "expires_on": {"$gt": now, "$lte": now + ahead},
            "confirmed": False,
            "registered_on": {"$lte": now - ahead},
            "reminded_on": None,
            "confirm_mail.id": {"$exists": True},
            "confirm_mail.refused": None,
        }
        return self._update(
            query,
            {
                "$inc": {"token_version": 1},
                "$set": {"confirm_mail": confirm_mail, "code_tries": 0, "reminded_on": now},
                "$push": push_letters(letter),
            },
            Deed.REMINDED,
        )

    def take_code_try(self, user: User) -> bool:
        """Counts a code before it is looked at, so that many at once are not more tries.

        Returns:
            False when none is left, or a newer mail was asked for.
        """
        query = {
            "_id": user.id,
            "token_version": user.token_version,
            "confirmed": False,
            "code_tries": {"$not": {"$gte": MAX_CODE_TRIES}},
            "code_tries_total": {"$not": {"$gte": MAX_CODE_TRIES_TOTAL}},
        }
        return self._update(query, {"$inc": {"code_tries": 1, "code_tries_total": 1}})

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
            "disabled_on": None,
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
            took=now - user.registered_on,
        )

    def start_over(self, user: User, session_id: str, now: datetime) -> bool:
        """Removes an unconfirmed account whose address was mistyped, by its own session."""
        query = {"_id": user.id, "confirmed": False, "sessions.id": session_id}
        self._departed.note(query, STARTED_OVER, now)
        return self._remove(query, Deed.STARTED_OVER)

    def disown(self, user_id: ObjectId, email_key: str, version: int, now: datetime) -> bool:
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
        self._departed.note(query, DISOWNED, now)
        return self._remove(query, Deed.DISOWNED)

    def _remove(self, query: Document, deed: Deed) -> bool:
        if not self._users.delete_one(query).deleted_count:
            return False
        self._tell(Happening(deed, query["_id"]))
        return True
