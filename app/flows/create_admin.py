"""Making an administrator at the shell."""

from dataclasses import dataclass
from enum import Enum

from app.flows.results import WeakPassword, check_new_password, hash_new_password
from app.mongo import users
from app.users.addresses import Address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.passwords import verify_password
from app.users.user import User

_BY = "administrator"


class Existing(Enum):
    """Which account an address has."""

    NONE = "no account"
    UNCONFIRMED = "an unconfirmed account"
    CONFIRMED = "a confirmed account"
    ADMINISTRATOR = "an administrator"


@dataclass(frozen=True, slots=True)
class AdminCreated:
    """There is a new administrator."""


@dataclass(frozen=True, slots=True)
class AlreadyAdministrator:
    """The account is an administrator already, with the same password or with another one."""

    same_password: bool


@dataclass(frozen=True, slots=True)
class AddressInUse:
    """The address has an account that is not an administrator."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The account is an administrator now and keeps its password."""


@dataclass(frozen=True, slots=True)
class NotConfirmed:
    """There is no confirmed account with this address."""


def existing(address: Address) -> Existing:
    """Which account the address has, for a warning before a password is typed. Only the insert in
    `create_admin` is decisive."""
    return _kind(users.find_by_email(address.key))


def create_admin(
    address: Address, password: str
) -> AdminCreated | AlreadyAdministrator | AddressInUse | WeakPassword:
    """Makes a confirmed administrator. Repeated with the same password it changes nothing."""
    account = users.find_by_email(address.key)
    if account and account.admin:
        return AlreadyAdministrator(verify_password(password, account.password_hash))
    if account:
        return AddressInUse()
    if weak := check_new_password(password, address.typed):
        return weak
    created = users.create_admin(address, hash_new_password(password), utcnow())
    return AdminCreated() if created else AddressInUse()


def promote(address: Address) -> Promoted | NotConfirmed:
    """Makes a confirmed account an administrator."""
    account = users.find_by_email(address.key)
    if account is None or not account.confirmed:
        return NotConfirmed()
    if account.admin or users.grant(account, utcnow(), Client(), _BY):
        return Promoted()
    return NotConfirmed()


def _kind(account: User | None) -> Existing:
    if account is None:
        return Existing.NONE
    if not account.confirmed:
        return Existing.UNCONFIRMED
    return Existing.ADMINISTRATOR if account.admin else Existing.CONFIRMED
