"""Sessions: entries of the account's document."""

from datetime import datetime

from bson import ObjectId
from pymongo.write_concern import WriteConcern

from app.users.happenings import Deed, Happening
from app.users.letters import LetterKind, owe
from app.users.steps.base import (
    TALLIES,
    Document,
    Steps,
    event,
    one_more,
    push_device,
    push_events,
    push_letters,
    push_session,
    sum_up,
)
from app.users.user import EventKind, Origin, Session, User

# An update that finds nothing has nothing to wait for. One that counts must not wait either, or
# the time would tell who has an account; a count that a fail-over loses is no loss.
_NO_WAITING = WriteConcern(w=1, j=False)


class SigningIn(Steps):
    """Sessions start, are seen, and end."""

    def sign_in(self, user: User, session: Session, stronger_hash: str | None = None) -> bool:
        """Adds a session, if the password that was checked is still the account's.

        A browser that the account has not seen before is told to its owner.

        Args:
            stronger_hash: replaces the stored one when the cost setting has gone up.

        Returns:
            False when the password changed, or the account went, since it was looked up.
        """
        now, origin = session.signed_in_on, Origin(session.address, session.browser)
        events = [*sum_up(user), event(EventKind.SIGNED_IN, now, origin)]
        pushes = push_session(session) | push_events(*events)
        if session.device not in user.devices:
            pushes |= push_device(session.device)
        if user.confirmed and not user.knows(session.device):
            pushes |= push_letters(owe(LetterKind.NEW_SIGN_IN, now, origin, to=user.email))
        update: Document = {"$push": pushes, "$unset": TALLIES}
        if stronger_hash:
            update["$set"] = {"password_hash": stronger_hash}
        guard = {"_id": user.id, "password_hash": user.password_hash, "disabled_on": None}
        return self._update(guard, update)

    def refuse_sign_in(self, user_id: ObjectId, now: datetime, origin: Origin) -> None:
        """Counts a wrong password. For an address without an account the id is one that matches
        nothing, so that both cost the same: neither waits for the journal or a majority."""
        inc, last = one_more("refusals", now, origin)
        counted = self._users.with_options(write_concern=_NO_WAITING)
        found = counted.update_one(
            {"_id": user_id},
            {"$inc": inc, "$set": last},
        ).matched_count
        self._tell(Happening(EventKind.SIGN_IN_REFUSED, user_id if found else None, by=""))

    def sign_out(self, user_id: ObjectId, session_id: str) -> None:
        """Ends a session: a copied cookie is dead from now on (ASVS 7.4.1)."""
        query = {"_id": user_id, "sessions.id": session_id}
        self._update(query, {"$pull": {"sessions": {"id": session_id}}}, Deed.SIGNED_OUT)

    def touch(self, user_id: ObjectId, session_id: str, now: datetime) -> None:
        """Notes that a session was seen, which is what its idle lifetime counts from."""
        query = {"_id": user_id, "sessions.id": session_id}
        self._update(query, {"$set": {"sessions.$.seen_on": now}})

    def end_session(self, user: User, session_id: str, now: datetime, origin: Origin) -> None:
        """Ends one session from another: that browser is signed out on its next request."""
        self._update(
            {"_id": user.id, "sessions.id": session_id},
            {
                "$pull": {"sessions": {"id": session_id}},
                "$push": push_events(event(EventKind.SESSIONS_ENDED, now, origin)),
            },
        )

    def end_other_sessions(
        self, user: User, session_id: str, now: datetime, origin: Origin
    ) -> None:
        """Ends every session but this one."""
        self._update(
            {"_id": user.id},
            {
                "$pull": {"sessions": {"id": {"$ne": session_id}}},
                "$push": push_events(event(EventKind.SESSIONS_ENDED, now, origin)),
            },
        )
