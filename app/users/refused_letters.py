"""Letters that are not tried again, and how they become due again.

If recipients in several unrelated domains get the same refusal, it is about us, even if its code is
about the recipient.
"""

from collections.abc import Iterator
from datetime import datetime

from bson import ObjectId
from pymongo.collection import Collection

from app.users.documents import Document
from app.users.refusals import Trouble, registered_domain

REFUSAL_CLEARED: Document = {"confirm_mail.refused": None, "confirm_mail.refusal": None}
"""For `$set`: the account's newest confirmation mail is no longer refused."""

_UNRELATED_DOMAINS = 3
_MOST = 10_000
"""The largest number of accounts that one call reads. A later call takes the rest back."""


class RefusedAlike:
    """Finds letters that were refused with the same words; see `refusals.alike`."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def is_about_us(self, alike: str, recipient: str, since: datetime) -> bool:
        """Whether recipients in three unrelated domains, with this one, have got the same refusal
        after `since`."""
        domains = {registered_domain(recipient)}
        for account, letter in self._letters(alike, since):
            domains.add(registered_domain(letter["to"] or account["email"]))
            if len(domains) >= _UNRELATED_DOMAINS:
                return True
        return False

    def take_back(self, alike: str, since: datetime, now: datetime) -> int:
        """Puts all letters with the same refusal back into the queue. Returns their number."""
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
        """Each letter with its account."""
        refused = {"alike": alike, "refused_on": {"$gte": since}}
        # The first condition makes MongoDB use the index; `$elemMatch` alone does not.
        query = {"outbox.alike": alike, "outbox": {"$elemMatch": refused}}
        for account in self._users.find(query, {"email": 1, "outbox": 1}).limit(_MOST):
            for letter in account["outbox"]:
                if letter.get("alike") == alike and letter["refused_on"] >= since:
                    yield account, letter


def make_due(
    users: Collection[Document], account: ObjectId, letter: str, entry: Document, again: Document
) -> bool:
    """Makes a letter due again if it still matches `entry`; False if it does not.

    The same command clears the refusal in `confirm_mail`. Between two commands a worker could store
    a new refusal, and the second command would delete it.
    """
    query = {"_id": account, "outbox": {"$elemMatch": entry | {"id": letter}}}
    noted = again | REFUSAL_CLEARED
    if users.update_one(query | {"confirm_mail.id": letter}, {"$set": noted}).matched_count:
        return True
    return users.update_one(query, {"$set": again}).matched_count == 1
