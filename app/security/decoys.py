"""Decoys: accounts that do not exist, for visitors who registered an address that is taken.

The visitor must see the same pages as after a new registration. The decoy of a browser is made from
its cookie and can change nothing. A visitor whose claim was taken over by a newer one gets a decoy
too, so that the two cases look alike. The decoy of a program is stored (`users/decoys.py`).
"""

from datetime import datetime

from bson import ObjectId

from app.mongo import decoys, users
from app.users.decoys import MAIL_DELAY, Decoys
from app.users.login_session import LoginSession
from app.users.store import UserStore
from app.users.user import ConfirmMail, Decoy, User


def waiting_store(user: User) -> UserStore | Decoys:
    """Where the steps of a person who waits take place."""
    return decoys if isinstance(user, Decoy) else users


def decoy(
    user_id: ObjectId,
    typed: str,
    asked_on: datetime,
    now: datetime,
    *,
    registered_on: datetime | None = None,
    code_tries: int = 0,
    code_tries_total: int = 0,
    language: str | None = None,
    session: LoginSession | None = None,
) -> Decoy:
    """An unconfirmed account that is not stored.

    Args:
        typed: the address as the visitor typed it.
        asked_on: when the visitor registered, or last asked for a new mail.
        registered_on: when the visitor registered, unless it is the same time.
        session: the visitor's.
    """
    sent = now - asked_on >= MAIL_DELAY
    return Decoy(
        id=user_id,
        email=typed,
        email_key="",
        password_hash="",
        registered_on=registered_on or asked_on,
        token_version=0,
        confirm_mail=ConfirmMail(
            id="", asked_on=asked_on, sent_on=asked_on + MAIL_DELAY if sent else None
        ),
        code_tries=code_tries,
        code_tries_total=code_tries_total,
        sessions=(session,) if session else (),
        language=language,
    )
