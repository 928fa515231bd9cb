"""Adding and removing second factors, and making recovery codes."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from app.users.client import Client
from app.users.events import EventKind
from app.users.letters import LetterKind, owe
from app.users.second_factors import MAX_PASSKEYS, Passkey, RecoveryCodes, Totp
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import end_factor_reset
from app.users.steps.updates import event, same_factors
from app.users.user import User


class SecondFactors:
    """Changes the factors of an account. The owner gets a mail, and no browser is trusted any
    more."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add_totp(
        self,
        user: User,
        totp: Totp,
        session_id: str,
        now: datetime,
        client: Client,
        code_hashes: Sequence[str] = (),
    ) -> bool:
        change = _change(user, EventKind.TOTP_ADDED, LetterKind.TOTP_ADDED, now, client)
        change.guard |= {"confirmed": True, "totp": None}
        change.set["totp"] = asdict(totp)
        _add_codes(change, code_hashes, now)
        _prove(change, user, session_id, now)
        return self._accounts.update(change.guard, change.update)

    def remove_totp(self, user: User, now: datetime, client: Client) -> bool:
        change = _change(user, EventKind.TOTP_REMOVED, LetterKind.TOTP_REMOVED, now, client)
        change.guard["totp"] = {"$ne": None}
        change.unset["totp"] = ""
        if not user.passkeys:
            change.unset["recovery_codes"] = ""
        return self._accounts.update(change.guard, change.update)

    def add_passkey(
        self,
        user: User,
        passkey: Passkey,
        session_id: str,
        now: datetime,
        client: Client,
        code_hashes: Sequence[str] = (),
    ) -> bool:
        kinds = EventKind.PASSKEY_ADDED, LetterKind.PASSKEY_ADDED
        change = _change(user, *kinds, now, client, passkey.name)
        change.guard |= {
            "confirmed": True,
            # The index only compares with other accounts.
            "passkeys.id": {"$ne": passkey.id},
            f"passkeys.{MAX_PASSKEYS - 1}": {"$exists": False},
        }
        change.push["passkeys"] = {"$each": [asdict(passkey)]}
        _add_codes(change, code_hashes, now)
        _prove(change, user, session_id, now)
        try:
            return self._accounts.update(change.guard, change.update)
        except DuplicateKeyError:
            return False

    def rename_passkey(self, user: User, passkey: Passkey, name: str) -> bool:
        entry = f"passkeys.{user.passkeys.index(passkey)}"
        guard = {"_id": user.id, f"{entry}.id": passkey.id}
        renamed = {"$set": {f"{entry}.name": name}}
        return self._accounts.update(guard, renamed, EventKind.PASSKEY_RENAMED)

    def remove_passkey(self, user: User, passkey: Passkey, now: datetime, client: Client) -> bool:
        kinds = EventKind.PASSKEY_REMOVED, LetterKind.PASSKEY_REMOVED
        change = _change(user, *kinds, now, client, passkey.name)
        change.guard["passkeys.id"] = passkey.id
        change.pull["passkeys"] = {"id": passkey.id}
        if not user.totp and len(user.passkeys) == 1:
            change.unset["recovery_codes"] = ""
        return self._accounts.update(change.guard, change.update)

    def make_recovery_codes(
        self, user: User, code_hashes: Sequence[str], now: datetime, client: Client
    ) -> bool:
        change = Change(
            {"_id": user.id, "factors_version": same_factors(user)},
            events=[event(EventKind.RECOVERY_CODES_MADE, now, client)],
            letters=[owe(LetterKind.RECOVERY_CODES_MADE, now, client, to=user.email)],
        )
        _add_codes(change, code_hashes, now)
        end_factor_reset(change, user, now, client)
        return self._accounts.update(change.guard, change.update)

    def remove_factors(self, user: User, now: datetime, client: Client, by: str) -> bool:
        change = _change(
            user,
            EventKind.FACTORS_REMOVED,
            LetterKind.FACTORS_REMOVED_BY_ADMIN,
            now,
            Client(),
            by=by,
        )
        change.unset |= ALL_FACTORS
        # Without the mail that a reset is cancelled: the notice says more.
        change.inc["factor_reset_version"] = 1
        return self._accounts.update(change.guard, change.update)

    def report_cloned_passkey(
        self, user: User, passkey: Passkey, now: datetime, client: Client
    ) -> None:
        cloned = owe(LetterKind.PASSKEY_CLONED, now, client, to=user.email, other=passkey.name)
        # One letter at a time, so that an assertion that is sent again and again causes one mail.
        waiting = {"$elemMatch": {"kind": LetterKind.PASSKEY_CLONED.value, "due_on": {"$ne": None}}}
        change = Change(
            {"_id": user.id, "passkeys.id": passkey.id, "outbox": {"$not": waiting}},
            events=[event(EventKind.PASSKEY_CLONED, now, client, by="")],
            letters=[cloned],
        )
        self._accounts.update(change.guard, change.update)

    def dismiss_passkey_offer(self, user: User) -> None:
        self._accounts.update({"_id": user.id}, {"$set": {"passkey_offer_dismissed": True}})

    def end_trust(self, user: User, device: str) -> bool:
        guard = {"_id": user.id, "trusted_browsers.device": device}
        gone = {"$pull": {"trusted_browsers": {"device": device}}}
        return self._accounts.update(guard, gone, EventKind.TRUST_ENDED)


ALL_FACTORS = {"totp": "", "passkeys": "", "recovery_codes": "", "factor_reset": ""}
"""For `$unset`: every second factor, and a reset of them that waits."""


def _change(
    user: User,
    kind: EventKind,
    letter: LetterKind,
    now: datetime,
    client: Client,
    name: str = "",
    by: str = "self",
) -> Change:
    """What all changes of the factors share. The guard fails if another change came first. A change
    by the owner is a sign of life, so it ends a waiting reset of the factors."""
    change = Change(
        {"_id": user.id, "factors_version": same_factors(user)},
        inc={"factors_version": 1},
        unset={"trusted_browsers": ""},
        events=[event(kind, now, client, by)],
        letters=[owe(letter, now, client, to=user.email, other=name)],
    )
    if by == "self":
        end_factor_reset(change, user, now, client)
    return change


def _add_codes(change: Change, code_hashes: Sequence[str], now: datetime) -> None:
    if code_hashes:
        change.set["recovery_codes"] = asdict(RecoveryCodes(now, tuple(code_hashes)))


def _prove(change: Change, user: User, session_id: str, now: datetime) -> None:
    """A person who adds a factor has shown that they have it."""
    for position, session in enumerate(user.sessions):
        if session.id == session_id:
            change.guard[f"sessions.{position}.id"] = session_id
            change.set[f"sessions.{position}.proved_strongly_on"] = now
