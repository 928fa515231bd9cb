"""Form fields that several forms share. They check only the shape of what was typed."""

from typing import Any

from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired, EqualTo, StopValidation, ValidationError

from app.users import addresses, passwords
from app.users.addresses import Address, AddressError, AddressProblem, parse_address, unwrapped
from app.users.passwords import Weakness, WeaknessKind, length_weakness

_ADDRESS_SENTENCES = {
    AddressProblem.INVISIBLE_CHARACTERS: "An address has no spaces or invisible characters.",
    AddressProblem.TOO_LONG: f"An address has {addresses.MAX_LENGTH} characters at most.",
    AddressProblem.NOT_AN_ADDRESS: "This is not an email address. It looks like name@example.org.",
}
WRONG_PASSWORD = "This is not the password of this account."  # noqa: S105 (a sentence)


def address_sentence(error: AddressError, typed: str = "") -> str:
    """Why an address is refused, and the address that was meant if it is in what was typed."""
    why, meant = _ADDRESS_SENTENCES[error.problem], unwrapped(typed)
    return f"{why} Did you mean {meant}?" if meant else why


def weakness_sentence(weakness: Weakness) -> str:
    """Why a new password is refused."""
    match weakness.kind:
        case WeaknessKind.TOO_SHORT:
            return f"Use at least {passwords.MIN_LENGTH} characters."
        case WeaknessKind.TOO_LONG:
            return f"Use at most {passwords.MAX_LENGTH} characters."
        case WeaknessKind.GUESSABLE:
            return weakness.advice or "This is too easy to guess. Add another word or two."


def _parse(form: Any, field: "AddressField") -> None:
    try:
        field.address = parse_address(field.data or "")
    except AddressError as error:
        raise StopValidation(address_sentence(error, field.data or "")) from None


class AddressField(EmailField):
    """A mail address. When the field is valid, `address` has the parsed address."""

    address: Address

    def __init__(self, label: str = "Email address", **kwargs: Any) -> None:
        required = DataRequired("Enter your email address.")
        super().__init__(label, validators=[required, _parse], **kwargs)


def _not_too_long(form: Any, field: "CurrentPasswordField") -> None:
    # NFKC can shorten a text, but never to a quarter for a real password.
    if len(field.data or "") > 4 * passwords.MAX_LENGTH:
        raise ValidationError("This is too long to be your password.")


class CurrentPasswordField(PasswordField):
    """The account's password. A text that is too long for a password is refused without hashing
    it."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        required = DataRequired("Enter your password.")
        super().__init__(label, validators=[required, _not_too_long], **kwargs)


def _right_length(form: Any, field: "NewPasswordField") -> None:
    if weakness := length_weakness(field.data or ""):
        raise ValidationError(weakness_sentence(weakness))


class NewPasswordField(PasswordField):
    """A new password. The flow decides whether it is easy to guess."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        required = DataRequired("Choose a password.")
        super().__init__(label, validators=[required, _right_length], **kwargs)


class RepeatField(PasswordField):
    """The new password once more."""

    def __init__(self, label: str = "Password again", **kwargs: Any) -> None:
        same = EqualTo("password", "The two passwords are not the same.")
        super().__init__(label, validators=[DataRequired("Repeat the password."), same], **kwargs)
