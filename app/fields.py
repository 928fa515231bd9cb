"""Form fields that more than one form has."""

from typing import Any

from flask import current_app
from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired, EqualTo, StopValidation, ValidationError

from app import journal
from app.users.addresses import Address, AddressError, parse_address
from app.users.passwords import MAX_LENGTH, verify_password, weakness
from app.users.user import User


def _parse(form: Any, field: "AddressField") -> None:
    try:
        field.address = parse_address(field.data or "")
    except AddressError as error:
        raise StopValidation(str(error)) from None


class AddressField(EmailField):
    """A mail address; once it is valid, `address` is the parsed one."""

    address: Address

    def __init__(self, label: str = "Email address", **kwargs: Any) -> None:
        required = DataRequired("Enter your email address.")
        super().__init__(label, validators=[required, _parse], **kwargs)


def _not_absurd(form: Any, field: "CurrentPasswordField") -> None:
    # NFKC can shorten; no legitimate password is four times over the limit.
    if len(field.data or "") > 4 * MAX_LENGTH:
        raise ValidationError("This is longer than any password here.")


class CurrentPasswordField(PasswordField):
    """A password to be checked; what is longer than any password is not worth a hash."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        required = DataRequired("Enter your password.")
        super().__init__(label, validators=[required, _not_absurd], **kwargs)

    def check(self, user: User) -> bool:
        """Whether this is the account's password, with a sentence beside the field if not."""
        if verify_password(self.data or "", user.password_hash):
            return True
        journal.note("password_refused", outcome="refused", account=user.id)
        self.errors = [*self.errors, "This is not the password of this account."]
        return False


def _strong(form: Any, field: "NewPasswordField") -> None:
    words = [current_app.config["APP_NAME"], *form.own_words()]
    problem = weakness(field.data or "", words)
    if problem:
        raise ValidationError(problem)


class NewPasswordField(PasswordField):
    """A password to be set; the form's `own_words()` are the worst guesses."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        required = DataRequired("Choose a password.")
        super().__init__(label, validators=[required, _strong], **kwargs)


class RepeatField(PasswordField):
    """The new password once more."""

    def __init__(self, label: str = "Password again", **kwargs: Any) -> None:
        same = EqualTo("password", "The two passwords are not the same.")
        super().__init__(label, validators=[DataRequired("Repeat the password."), same], **kwargs)


def address_words(email: str) -> list[str]:
    """The parts of an address that somebody who guesses its password tries first."""
    local, _, domain = email.partition("@")
    return [email, local, domain, *local.replace("+", ".").split("."), domain.partition(".")[0]]
