"""Decoys: accounts that do not exist, for visitors who registered an address that is taken.

The visitor must see what a newcomer sees. A decoy's id matches no document and every write is
guarded by the id, so a decoy can do nothing. A visitor whose claim was taken over by a newer one
sees a decoy too, because the two must look alike.
"""

from datetime import datetime, timedelta

from bson import ObjectId

from app.users.user import ConfirmMail, User

# The decoy's mail "leaves" after the time that a real one takes.
_MAIL_TAKES = timedelta(seconds=2)


def decoy(
    user_id: ObjectId,
    typed: str,
    asked_on: datetime,
    now: datetime,
    *,
    code_tries: int = 0,
    code_tries_total: int = 0,
) -> User:
    """An unconfirmed account that is not stored.

    Args:
        typed: the address as the visitor typed it.
        asked_on: when the visitor registered, or last asked for a new mail.
    """
    sent = now - asked_on >= _MAIL_TAKES
    return User(
        id=user_id,
        email=typed,
        email_key="",
        password_hash="",
        registered_on=asked_on,
        token_version=0,
        confirm_mail=ConfirmMail(
            id="", asked_on=asked_on, sent_on=asked_on + _MAIL_TAKES if sent else None
        ),
        code_tries=code_tries,
        code_tries_total=code_tries_total,
    )
