"""Signing in with a password."""

from datetime import datetime

from bson import ObjectId
from pymongo.write_concern import WriteConcern

from app.users.client import Client
from app.users.events import Event, EventKind
from app.users.letters import LetterKind, owe
from app.users.login_session import LoginSession
from app.users.second_factors import FactorUse, TrustedBrowser
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.factor_use import add_use
from app.users.steps.updates import (
    TALLIES,
    count_in,
    event,
    push_device,
    push_session,
    push_trusted,
    same_factors,
    tallied_events,
)
from app.users.user import User

# Does not wait for other members of the replica set. An update that finds no account does not wait
# either, so the time of the answer does not show who has an account. A failover may lose a count;
# that is harmless.
_NO_WAIT = WriteConcern(w=1, j=False)


class SignIn:
    """Starts sessions, and counts wrong passwords."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def sign_in(
        self,
        user: User,
        session: LoginSession,
        stronger_hash: str | None = None,
        use: FactorUse | None = None,
        trust_until: datetime | None = None,
    ) -> bool:
        now, client = session.signed_in_on, session.client
        change = Change(
            {"_id": user.id, "password_hash": user.password_hash, "disabled_on": None},
            push=push_session(session) | push_device(user, session.device),
            unset=dict(TALLIES),
            events=[*tallied_events(user), event(EventKind.SIGNED_IN, now, client)],
        )
        # Without known browsers there is nothing to compare with.
        if user.confirmed and user.devices and not user.knows(session.device):
            change.letters.append(owe(LetterKind.NEW_SIGN_IN, now, client, to=user.email))
        if stronger_hash:
            change.set["password_hash"] = stronger_hash
        if use:
            add_use(change, user, use, now, client)
        else:
            # The account may have got a second factor since it was looked up.
            change.guard["factors_version"] = same_factors(user)
        if trust_until:
            trusted = TrustedBrowser(
                session.device, now, trust_until, client.address, client.browser
            )
            change.push |= push_trusted(trusted)
        return self._accounts.update(change.guard, change.update)

    def refuse_sign_in(self, user_id: ObjectId, now: datetime, client: Client) -> None:
        inc, last = count_in("refusals", now, client)
        counted = self._accounts.collection.with_options(write_concern=_NO_WAIT)
        found = counted.update_one({"_id": user_id}, {"$inc": inc, "$set": last}).matched_count
        account = user_id if found else None
        self._accounts.publish(Event(EventKind.SIGN_IN_REFUSED, account, by=""))
