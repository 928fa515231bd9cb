"""Letters that are not tried again: making one due again, and the safety net.

The same refusal for recipients in several unrelated domains is about us, whatever its code says.
"""

from collections.abc import Iterator
from datetime import datetime

from bson import ObjectId
from pymongo.collection import Collection

from app.users.documents import Document
from app.users.refusals import Trouble, registered_domain

_UNRELATED_DOMAINS = 3
_MOST = 10_000
"""Looks at so many accounts: more are not needed to tell, and the rest comes back next time."""


class RefusedAlike:
    """The letters that were refused with the same words; see `refusals.alike`."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def is_about_us(self, alike: str, recipient: str, since: datetime) -> bool:
        """Whether recipients in several unrelated domains got the same refusal since then, this
        one included."""
        domains = {registered_domain(recipient)}
        for account, letter in self._letters(alike, since):
            domains.add(registered_domain(letter["to"] or account["email"]))
            if len(domains) >= _UNRELATED_DOMAINS:
                return True
        return False

    def take_back(self, alike: str, since: datetime, now: datetime) -> int:
        """Puts the letters back into the queue that were refused alike; returns their number."""
        entry = {"alike": alike, "due_on": None}
        again: Document = {
            "outbox.$.due_on": now,
            "outbox.$.blocked": True,
            "outbox.$.blockage": Trouble.ALIKE,
            "outbox.$.refusal": None,
            "outbox.$.troubled_on": None,
        }
        letters = [
            (account["_id"], letter["id"])
            for account, letter in self._letters(alike, since)
            if letter["due_on"] is None
        ]
        return sum(make_due(self._users, *letter, entry, again) for letter in letters)

    def _letters(self, alike: str, since: datetime) -> Iterator[tuple[Document, Document]]:
        """Each with its account."""
        refused = {"alike": alike, "refused_on": {"$gte": since}}
        # By the index on `outbox.alike`; `$elemMatch` alone does not use it.
        query = {"outbox.alike": alike, "outbox": {"$elemMatch": refused}}
        for account in self._users.find(query, {"email": 1, "outbox": 1}).limit(_MOST):
            for letter in account["outbox"]:
                if letter.get("alike") == alike and letter["refused_on"] >= since:
                    yield account, letter


def make_due(
    users: Collection[Document], account: ObjectId, letter: str, entry: Document, again: Document
) -> bool:
    """Makes one letter due again that is still like `entry`; False when it is not.

    A confirmation mail is no longer refused then. That is said in the same command: before a second
    one a worker may have it refused again.
    """
    query = {"_id": account, "outbox": {"$elemMatch": entry | {"id": letter}}}
    noted = again | {"confirm_mail.refused": None, "confirm_mail.refusal": None}
    if users.update_one(query | {"confirm_mail.id": letter}, {"$set": noted}).matched_count:
        return True
    return users.update_one(query, {"$set": again}).matched_count == 1
