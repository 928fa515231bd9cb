"""Deleting the account."""

from dataclasses import dataclass

from bson import ObjectId

from app.flows.results import (
    ChangedElsewhere,
    LastAdministrator,
    Limited,
    WrongPassword,
    check_password,
    reports_busy,
    with_newer_hash,
)
from app.mongo import decoys, users
from app.users.client import Client
from app.users.clock import utcnow
from app.users.last_admin_guard import GuardResult
from app.users.user import User


@dataclass(frozen=True, slots=True)
class Deleted:
    """The account is gone, its sessions have ended, and its address is free."""


@reports_busy
def delete(
    user: User, password: str, client: Client
) -> Deleted | LastAdministrator | WrongPassword | ChangedElsewhere | Limited:
    """Deletes the account of a person who knows its password."""
    if refusal := check_password(user, password, client):
        return refusal
    result = users.delete(user, utcnow(), client)
    if result is GuardResult.CHANGED and (fresh := with_newer_hash(user, password)):
        result = users.delete(fresh, utcnow(), client)
    match result:
        case GuardResult.DONE:
            decoys.forget(user.email_key)
            return Deleted()
        case GuardResult.LAST_ADMIN:
            return LastAdministrator()
        case GuardResult.CHANGED:
            return Deleted() if is_deleted(user.id) else ChangedElsewhere()


def is_deleted(user_id: ObjectId) -> bool:
    """Whether there is no account with this id."""
    return users.find(user_id) is None
