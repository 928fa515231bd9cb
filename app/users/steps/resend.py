"""Sending another confirmation mail: the person asks for it, or it is the reminder."""

from datetime import datetime, timedelta

from app.users.documents import Document
from app.users.events import EventKind
from app.users.letters import LetterKind
from app.users.steps.accounts import Accounts
from app.users.steps.updates import owe_confirmation, push_events, push_letters
from app.users.user import User


class Resend:
    """Each new mail makes every earlier link and code worthless."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def resend(self, user: User, now: datetime, cooldown: timedelta, *events: Document) -> bool:
        letter, confirm_mail = owe_confirmation(now)
        guard = {
            "_id": user.id,
            "token_version": user.token_version,
            "confirmed": False,
            "confirm_mail.asked_on": {"$not": {"$gt": now - cooldown}},
        }
        update = {
            "$inc": {"token_version": 1, "resends": 1},
            "$set": {"confirm_mail": confirm_mail, "code_tries": 0},
            "$push": push_letters(letter) | push_events(*events),
        }
        return self._accounts.update(guard, update, EventKind.CONFIRMATION_RESENT)

    def owe_reminder(self, now: datetime, ahead: timedelta) -> bool:
        letter, confirm_mail = owe_confirmation(now, LetterKind.REMINDER)
        guard = {
            "expires_on": {"$gt": now, "$lte": now + ahead},
            "confirmed": False,
            # A younger account has just got its first mail.
            "registered_on": {"$lte": now - ahead},
            "reminded_on": None,
            "confirm_mail.id": {"$exists": True},
            "confirm_mail.refused": None,
        }
        update = {
            "$inc": {"token_version": 1},
            "$set": {"confirm_mail": confirm_mail, "code_tries": 0, "reminded_on": now},
            "$push": push_letters(letter),
        }
        return self._accounts.update(guard, update, EventKind.REMINDED)
