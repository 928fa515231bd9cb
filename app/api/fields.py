"""Checks of fields that several operations share. They check only the shape; flows decide."""

from app.api.problems import FieldError
from app.users.addresses import Address, AddressError, parse_address
from app.users.passwords import Weakness
from app.web.fields import WRONG_PASSWORD, address_sentence, weakness_sentence


class FieldRefused(Exception):
    """One field cannot be used."""

    def __init__(self, error: FieldError) -> None:
        self.error = error
        super().__init__(error.code)


def address_of(typed: str, field: str = "email") -> Address:
    """The parsed address.

    Raises:
        FieldRefused: it is not an address.
    """
    try:
        return parse_address(typed)
    except AddressError as error:
        code = error.problem.name.lower()
        raise FieldRefused(FieldError(field, code, address_sentence(error, typed))) from None


def wrong_password(field: str = "current_password") -> FieldError:
    """The password is not the account's."""
    return FieldError(field, "password_wrong", WRONG_PASSWORD)


def weak_password(weakness: Weakness) -> FieldError:
    """The new password is refused."""
    return FieldError(
        "password", f"password_{weakness.kind.name.lower()}", weakness_sentence(weakness)
    )
