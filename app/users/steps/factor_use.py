"""Using a second factor: each code and each assertion counts once.

The guard of the same update sees to that: a code of the app must be from a later time step than the
last one, an assertion must answer a later challenge, and a recovery code must still be there. So of
two browsers that send the same one at once, one is refused (ASVS 6.5.1).
"""

from datetime import datetime

from app.users.client import Client
from app.users.events import EventKind
from app.users.letters import LetterKind, owe
from app.users.second_factors import FactorUse, PasskeyUse, RecoveryCodeUse, TotpUse
from app.users.steps.change import Change
from app.users.steps.updates import event
from app.users.user import User


def add_use(change: Change, user: User, use: FactorUse, now: datetime, client: Client) -> None:
    """Adds the guard against a repetition, and what is stored about the use.

    A used factor is a sign of life of the owner, so a waiting reset of the factors ends.
    """
    match use:
        case TotpUse():
            change.guard |= {"totp.id": use.totp.id, "totp.last_step": {"$lt": use.step}}
            change.set |= {"totp.last_step": use.step, "totp.used_on": now}
            if use.secret_again:
                change.set["totp.secret"] = use.secret_again
        case PasskeyUse(passkey=passkey):
            # By its position: `$` would be the position of another list in the guard.
            entry = f"passkeys.{user.passkeys.index(passkey)}"
            change.guard |= {
                f"{entry}.id": passkey.id,
                f"{entry}.last_challenge": {"$lt": use.challenge},
                f"{entry}.counter": passkey.counter,
            }
            change.set |= {
                f"{entry}.last_challenge": use.challenge,
                f"{entry}.counter": use.counter,
                f"{entry}.synced": use.synced,
                f"{entry}.used_on": now,
            }
        case RecoveryCodeUse(hash=used):
            change.guard["recovery_codes.hashes"] = used
            change.pull["recovery_codes.hashes"] = used
            change.events.append(event(EventKind.RECOVERY_CODE_USED, now, client))
            change.letters.append(owe(LetterKind.RECOVERY_CODE_USED, now, client, to=user.email))
    end_factor_reset(change, user, now, client)


def end_factor_reset(change: Change, user: User, now: datetime, client: Client) -> None:
    """Ends a reset of the second factors, and makes the links to it worthless. The owner gets a
    mail if one was waiting."""
    change.unset["factor_reset"] = ""
    change.inc["factor_reset_version"] = 1
    if user.factor_reset:
        change.events.append(event(EventKind.FACTOR_RESET_CANCELLED, now, client))
        change.letters.append(owe(LetterKind.FACTOR_RESET_CANCELLED, now, client, to=user.email))
