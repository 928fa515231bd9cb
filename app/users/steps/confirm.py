"""Confirming an address, by link or by code."""

from datetime import datetime

from app.users.client import Client
from app.users.events import EventKind
from app.users.login_session import LoginSession
from app.users.steps.accounts import Accounts
from app.users.steps.updates import event, push_device, push_events, push_session
from app.users.user import MAX_CODE_TRIES, MAX_CODE_TRIES_TOTAL, User


class Confirm:
    """Confirms the newest claim."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def take_code_try(self, user: User) -> bool:
        guard = {
            "_id": user.id,
            "token_version": user.token_version,
            "confirmed": False,
            "code_tries": {"$not": {"$gte": MAX_CODE_TRIES}},
            "code_tries_total": {"$not": {"$gte": MAX_CODE_TRIES_TOTAL}},
        }
        return self._accounts.update(guard, {"$inc": {"code_tries": 1, "code_tries_total": 1}})

    def confirm(
        self,
        user: User,
        version: int,
        now: datetime,
        client: Client,
        session: LoginSession | None = None,
    ) -> bool:
        guard = {
            "_id": user.id,
            "email_key": user.email_key,
            "token_version": version,
            "confirmed": False,
            "disabled_on": None,
        }
        # Sessions are kept: all of them belong to the claim that is confirmed.
        pushes = push_events(event(EventKind.CONFIRMED, now, client))
        if session:
            pushes |= push_session(session) | push_device(user, session.device)
        update = {
            "$set": {"confirmed": True, "confirmed_on": now},
            "$unset": {"expires_on": ""},
            "$push": pushes,
        }
        return self._accounts.update(guard, update, took=now - user.registered_on)
