"""Form fields that more than one form has."""

from typing import Any

from flask import current_app
from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired, EqualTo, ValidationError

from app.users.addresses import Address, AddressError, parse_address
from app.users.passwords import MAX_LENGTH, weakness


class AddressField(EmailField):
    """A mail address; once the form is valid, `address` is the parsed one."""

    address: Address

    def __init__(self, label: str = "Email address", **kwargs: Any) -> None:
        required = DataRequired("Enter your email address.")
        super().__init__(label, validators=[required], **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        if validation_stopped:
            return
        try:
            self.address = parse_address(self.data or "")
        except AddressError as error:
            raise ValidationError(str(error)) from None


class CurrentPasswordField(PasswordField):
    """A password to be checked; what is longer than any password is not worth a hash."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        super().__init__(label, validators=[DataRequired("Enter your password.")], **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        # NFKC can shorten; no legitimate password is four times over the limit.
        if not validation_stopped and len(self.data or "") > 4 * MAX_LENGTH:
            raise ValidationError("This is longer than any password here.")


class NewPasswordField(PasswordField):
    """A password to be set; the form's `own_words()` are the worst guesses."""

    def __init__(self, label: str = "Password", **kwargs: Any) -> None:
        super().__init__(label, validators=[DataRequired("Choose a password.")], **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        if validation_stopped:
            return
        words = [current_app.config["APP_NAME"], *form.own_words()]
        problem = weakness(self.data or "", words)
        if problem:
            raise ValidationError(problem)


class RepeatField(PasswordField):
    """The new password once more."""

    def __init__(self, label: str = "Password again", **kwargs: Any) -> None:
        same = EqualTo("password", "The two passwords are not the same.")
        super().__init__(label, validators=[DataRequired("Repeat the password."), same], **kwargs)


def address_words(email: str) -> list[str]:
    """The parts of an address that somebody who guesses its password tries first."""
    local, _, domain = email.partition("@")
    return [email, local, domain, *local.replace("+", ".").split("."), domain.partition(".")[0]]
