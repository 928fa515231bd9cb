"""Finding an account."""

from bson import ObjectId

from app.users.steps.base import PAGE_FIELDS, Document, Steps, as_user, sum_up
from app.users.user import Event, User


class Lookups(Steps):
    """Reads; each is one find by an index."""

    def find(self, user_id: ObjectId) -> User | None:
        """The account of that id; of a deleted one nothing is found, its goodbye is no account."""
        query = {"_id": user_id, "email": {"$ne": ""}}
        return as_user(self._users.find_one(query, PAGE_FIELDS))

    def find_by_email(self, email_key: str) -> User | None:
        """The account of that address, confirmed or not."""
        return as_user(self._users.find_one({"email_key": email_key}, PAGE_FIELDS))

    def find_by_session(self, user_id: ObjectId, session_id: str) -> User | None:
        """The account that is signed in with this session: the one find of every signed-in page."""
        query = {"_id": user_id, "sessions.id": session_id, "disabled_on": None}
        return as_user(self._users.find_one(query, PAGE_FIELDS))

    def activity(self, user: User) -> list[Event]:
        """What happened on the account, newest first."""
        document = self._users.find_one({"_id": user.id}, {"events": 1}) or {}
        return activity_of(document, user)


def activity_of(document: Document, user: User) -> list[Event]:
    """The events of a document, what is only counted so far included, newest first."""
    stored = [*document.get("events", ()), *sum_up(user)]
    events = [Event.from_document(line) for line in stored]
    # Not `reverse`: of one moment, too, what was noted last comes first.
    return sorted(events, key=lambda event: event.at)[::-1]
