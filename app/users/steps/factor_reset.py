"""The way back for a person who has lost every second factor: password, mailbox and a wait."""

from dataclasses import asdict
from datetime import datetime, timedelta

from app.users.client import Client
from app.users.events import EventKind
from app.users.letters import Letter, LetterKind, owe
from app.users.second_factors import FactorReset as Waiting
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import end_factor_reset
from app.users.steps.second_factors import ALL_FACTORS
from app.users.steps.updates import event, same_factors
from app.users.user import User

_A_DAY = timedelta(days=1)


class FactorReset:
    """Asks for the reset, starts its wait, cancels it, and finishes it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def ask_factor_reset(self, user: User, now: datetime, client: Client) -> bool:
        version = user.factor_reset_version + 1
        link = owe(LetterKind.FACTOR_RESET_LINK, now, client, to=user.email, version=version)
        change = Change(
            {
                "_id": user.id,
                "password_hash": user.password_hash,
                "factors_version": same_factors(user),
                "factor_reset": None,
                "factor_reset_version": user.factor_reset_version or {"$in": [0, None]},
            },
            set={"factor_reset_version": version},
            events=[event(EventKind.FACTOR_RESET_ASKED, now, client)],
            letters=[link],
        )
        return self._accounts.update(change.guard, change.update)

    def start_factor_reset(
        self, user: User, version: int, now: datetime, delay: timedelta, client: Client
    ) -> bool:
        waiting = Waiting(version, asked_on=now, ready_on=now + delay)
        change = Change(
            {
                "_id": user.id,
                "email_key": user.email_key,
                "factors_version": same_factors(user),
                "factor_reset": None,
                "factor_reset_version": version,
            },
            set={"factor_reset": asdict(waiting)},
            events=[event(EventKind.FACTOR_RESET_STARTED, now, client)],
            letters=_letters(user, waiting, client),
        )
        return self._accounts.update(change.guard, change.update)

    def keep_factors(self, user: User, now: datetime, client: Client) -> bool:
        if user.factor_reset is None:
            return False
        change = Change({"_id": user.id, "factor_reset.version": user.factor_reset.version})
        end_factor_reset(change, user, now, client)
        return self._accounts.update(change.guard, change.update)

    def finish_factor_reset(self, user: User, now: datetime, client: Client) -> bool:
        if user.factor_reset is None:
            return False
        change = Change(
            {
                "_id": user.id,
                "email_key": user.email_key,
                "password_hash": user.password_hash,
                "factor_reset.version": user.factor_reset.version,
                "factor_reset.ready_on": {"$lte": now},
            },
            set={"sessions": []},
            unset={**ALL_FACTORS, "trusted_browsers": ""},
            inc={"factors_version": 1, "factor_reset_version": 1},
            events=[event(EventKind.FACTORS_REMOVED, now, client)],
            letters=[owe(LetterKind.FACTORS_REMOVED, now, client, to=user.email)],
        )
        return self._accounts.update(change.guard, change.update)


def _letters(user: User, waiting: Waiting, client: Client) -> list[Letter]:
    """A mail that says so at once and again each day, and the last one. All are owed in the same
    write; the worker drops those that a cancelled reset leaves."""
    letters, due_on = [], waiting.asked_on
    while due_on < waiting.ready_on:
        letters.append((LetterKind.FACTOR_RESET_WAITING, due_on))
        due_on += _A_DAY
    letters.append((LetterKind.FACTOR_RESET_READY, waiting.ready_on))
    return [
        owe(
            kind,
            waiting.asked_on,
            client,
            to=user.email,
            version=waiting.version,
            due_on=due_on,
        )
        for kind, due_on in letters
    ]
