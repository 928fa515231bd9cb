"""Making an administrator at the shell."""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.documents import random_id
from app.users.events import Event, EventKind
from app.users.steps.accounts import Accounts


class CreateAdmin:
    """Makes a new account that is a confirmed administrator."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def create_admin(self, address: Address, password_hash: str, now: datetime) -> bool:
        account = random_id()
        new = {
            "_id": account,
            "email": address.typed,
            "email_key": address.key,
            "password_hash": password_hash,
            "registered_on": now,
            "confirmed": True,
            "confirmed_on": now,
            "token_version": 1,
            "admin": True,
        }
        try:
            self._accounts.collection.insert_one(new)
        except DuplicateKeyError:
            return False
        self._accounts.publish(Event(EventKind.ADMIN_CREATED, account, by="administrator"))
        return True
