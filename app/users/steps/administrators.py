"""Administrators, from the shell."""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.happenings import Deed, Happening
from app.users.steps.base import Steps
from app.users.user import random_id


class Administrators(Steps):
    """Made and promoted."""

    def create_admin(self, address: Address, password_hash: str, now: datetime) -> bool:
        """Makes a confirmed administrator.

        Returns:
            False when the address has an account already.
        """
        account = random_id()
        try:
            self._users.insert_one(
                {
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
            )
        except DuplicateKeyError:
            return False
        self._tell(Happening(Deed.ADMIN_CREATED, account, by="administrator"))
        return True

    def promote(self, email_key: str) -> bool:
        """Makes a confirmed account an administrator's; it keeps its password.

        Returns:
            False when there is no confirmed account of that address.
        """
        query = {"email_key": email_key, "confirmed": True}
        return self._update(query, {"$set": {"admin": True}}, Deed.ADMIN_GRANTED)
