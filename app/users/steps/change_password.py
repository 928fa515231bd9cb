"""Changing the password while signed in."""

from dataclasses import asdict
from datetime import datetime

from app.users.documents import Document
from app.users.events import EventKind
from app.users.letters import LetterKind, owe
from app.users.login_session import LoginSession
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import end_factor_reset
from app.users.steps.updates import event
from app.users.user import User

VOID_LINKS: Document = {"pending_email": "", "reset_letter_id": "", "reset_done": ""}
"""For `$unset`: a new password also ends links and changes of address, because a thief may have
started them. An undo link stays: it is the way back after a theft."""


class ChangePassword:
    """Replaces the password, and keeps one session."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def change_password(
        self, user: User, password_hash: str, session: LoginSession, now: datetime
    ) -> bool:
        client = session.client
        change = Change(
            {"_id": user.id, "password_hash": user.password_hash},
            set={
                "password_hash": password_hash,
                "sessions": [asdict(session)],
                "devices": [session.device],
            },
            unset={**VOID_LINKS, "trusted_browsers": ""},
            events=[event(EventKind.PASSWORD_CHANGED, now, client)],
            letters=[owe(LetterKind.PASSWORD_CHANGED, now, client, to=user.email)],
        )
        end_factor_reset(change, user, now, client)
        return self._accounts.update(change.guard, change.update)
