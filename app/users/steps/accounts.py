"""The `users` collection as the steps use it: guarded updates that report what they did."""

from datetime import datetime, timedelta

from bson import ObjectId
from pymongo.collection import Collection

from app.users.deletion_records import DeletionRecords, Removal
from app.users.documents import Document
from app.users.events import Event, EventKind, Listener, ignore
from app.users.steps.updates import pushed_events

PAGE_FIELDS = {"outbox": 0, "events": 0}
"""A projection for pages: these fields are read only where they are shown."""


class Accounts:
    """Applies the one command of a step, and publishes the events that it stores.

    Args:
        collection: `users`, with majority write concern on a real server.
        listener: is called with each event after the write. The activity of an account is stored
            by the same update, so the two cannot differ.
    """

    def __init__(self, collection: Collection[Document], listener: Listener = ignore) -> None:
        self.collection = collection
        self.publish = listener
        self._deletion_records = DeletionRecords(collection)

    def update(
        self, guard: Document, update: Document, *kinds: EventKind, took: timedelta | None = None
    ) -> bool:
        """Updates the account that the guard matches; False when there is none.

        Args:
            kinds: events to publish besides those that the update stores.
            took: for an update that confirms the address, the time since registering.
        """
        account = self.matched(guard, update)
        if account is None:
            return False
        for kind in kinds:
            self.publish(Event(kind, account))
        self.publish_stored(account, pushed_events(update), took=took)
        return True

    def matched(self, guard: Document, update: Document) -> ObjectId | None:
        """Applies the update; returns the id of the account that the guard matched, or None."""
        if "_id" in guard:
            found: ObjectId = guard["_id"]
            return found if self.collection.update_one(guard, update).matched_count else None
        document = self.collection.find_one_and_update(guard, update, {"_id": 1})
        return document["_id"] if document else None

    def publish_stored(
        self, account: ObjectId, stored: list[Document], took: timedelta | None = None
    ) -> None:
        """Publishes events that an update has stored in the activity."""
        for entry in stored:
            self.publish(Event(entry["kind"], account, entry["by"], took=took))

    def remove(self, guard: Document, how: Removal, kind: EventKind, now: datetime) -> bool:
        """Deletes an unconfirmed account; False when the guard matches none."""
        self.record_deletion(guard, how, now)
        if not self.collection.delete_one(guard).deleted_count:
            return False
        self.publish(Event(kind, guard["_id"]))
        return True

    def record_deletion(self, guard: Document, how: Removal, now: datetime) -> None:
        """Keeps the dates of an account that is about to be deleted, for the funnel."""
        self._deletion_records.record(guard, how, now)
