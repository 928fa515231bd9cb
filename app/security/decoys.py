"""Decoys: accounts that do not exist, for visitors who registered an address that is taken.

The visitor must see the same pages as after a new registration. A decoy can change nothing, because
its id matches no document and every write has the id in its guard. A visitor whose claim was taken
over by a newer one gets a decoy too, so that the two cases look alike.
"""

from datetime import datetime, timedelta

from bson import ObjectId

from app.users.user import ConfirmMail, User

# The mail of a decoy counts as sent after about the time that a real mail takes.
_MAIL_DELAY = timedelta(seconds=2)


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
    sent = now - asked_on >= _MAIL_DELAY
    return User(
        id=user_id,
        email=typed,
        email_key="",
        password_hash="",
        registered_on=asked_on,
        token_version=0,
        confirm_mail=ConfirmMail(
            id="", asked_on=asked_on, sent_on=asked_on + _MAIL_DELAY if sent else None
        ),
        code_tries=code_tries,
        code_tries_total=code_tries_total,
    )
