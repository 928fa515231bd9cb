"""Proving again who one is, in a session that is signed in (ASVS 7.5.3)."""

from datetime import datetime

from app.users.client import Client
from app.users.events import Event, EventKind
from app.users.second_factors import FactorUse
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import add_use
from app.users.user import User


class Prove:
    """Stores the proof in the session."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def prove(
        self,
        user: User,
        session_id: str,
        now: datetime,
        client: Client,
        use: FactorUse | None = None,
    ) -> bool:
        positions = [at for at, session in enumerate(user.sessions) if session.id == session_id]
        if not positions:
            return False
        entry = f"sessions.{positions[0]}"
        change = Change(
            {"_id": user.id, f"{entry}.id": session_id, "password_hash": user.password_hash},
            set={f"{entry}.{'proved_strongly_on' if use else 'proved_on'}": now},
        )
        if use:
            add_use(change, user, use, now, client)
        if not self._accounts.update(change.guard, change.update):
            return False
        self._accounts.publish(Event(EventKind.PROVED, user.id))
        return True
