"""Choosing a new password by a mailed link."""

from dataclasses import asdict
from datetime import datetime

from app.users.client import Client
from app.users.documents import Document
from app.users.events import Event, EventKind
from app.users.field_policy import Cause
from app.users.letters import LetterKind, owe
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import end_factor_reset
from app.users.steps.updates import (
    clear,
    count_in,
    event,
    push_events,
    push_letters,
    tallied_events,
)
from app.users.user import ResetDone, User


class Reset:
    """Asks for the link, and uses it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def ask_reset(self, email_key: str, now: datetime, client: Client, *events: Document) -> bool:
        letter = owe(LetterKind.RESET, now, client)
        inc, last = count_in("reset_asks", now, client)
        # One waiting letter is enough, since its link is signed when it leaves. So a stranger who
        # repeats the request fills neither the outbox nor the activity.
        waiting = {"$elemMatch": {"kind": LetterKind.RESET.value, "due_on": {"$ne": None}}}
        account = self._accounts.matched(
            {
                "email_key": email_key,
                "$or": [{"reset_letter_id": None}, {"outbox": {"$not": waiting}}],
            },
            {
                "$inc": {"reset_version": 1, **inc},
                "$set": {"reset_letter_id": letter.id, **last},
                "$push": push_letters(letter) | push_events(*events),
            },
        )
        if account:
            self._accounts.publish(Event(EventKind.RESET_ASKED, account, by=""))
            self._accounts.publish_stored(account, list(events))
        return account is not None

    def reset_password(
        self,
        user: User,
        version: int,
        password_hash: str,
        now: datetime,
        client: Client,
        browser_key: str = "",
    ) -> bool:
        guard = {
            "_id": user.id,
            "email_key": user.email_key,
            "reset_version": version,
            "reset_letter_id": {"$ne": None},
            "confirmed": user.confirmed,
        }
        change = Change(
            guard, events=[*tallied_events(user), event(EventKind.PASSWORD_RESET, now, client)]
        )
        new: Document = {
            "password_hash": password_hash,
            "sessions": [],
            # The other browsers may belong to a thief.
            "devices": [client.device] if client.device else [],
            "reset_done": asdict(ResetDone(version, browser_key)),
        }
        took = None
        if not user.confirmed:
            # The person got the mail, so the address is confirmed too.
            new |= {"confirmed": True, "confirmed_on": now}
            change.events.append(event(EventKind.CONFIRMED, now, client))
            took = now - user.registered_on
        change.set |= new
        cause = Cause.RESET if user.confirmed else Cause.UNCONFIRMED_RESET
        change.unset |= clear(cause, replaced=new)
        change.letters.append(owe(LetterKind.PASSWORD_RESET, now, client, to=user.email))
        end_factor_reset(change, user, now, client)
        return self._accounts.update(change.guard, change.update, took=took)
