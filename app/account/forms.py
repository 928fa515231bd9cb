"""What people fill in about their account. Each asks for the password, even in a live session
(ASVS 7.5.1), and checks it last, so that a form with another mistake costs no hash."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms.validators import ValidationError

from app import limits
from app.attempts import Attempt
from app.fields import (
    AddressField,
    CurrentPasswordField,
    NewPasswordField,
    RepeatField,
    address_words,
)
from app.users.user import User


class AccountForm(FlaskForm):
    """A form about one account."""

    current_password = CurrentPasswordField("Current password")

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user

    def validate(self, extra_validators: Any = None) -> bool:
        """The fields, then the password: one hash at most."""
        if not super().validate(extra_validators):
            return False
        limits.allow(*self.attempts())
        return self.current_password.check(self.user)

    def attempts(self) -> tuple[Attempt, ...]:
        """What sending it counts as."""
        return limits.password_of(self.user, self.user.email_key)


class PasswordChangeForm(AccountForm):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")

    def own_words(self) -> list[str]:
        """What this person's password must not be made of."""
        return address_words(self.user.email)


class EmailChangeForm(AccountForm):
    """A new address."""

    email = AddressField("New email address")

    def validate_email(self, field: AddressField) -> None:
        """Only a different address is a change; whether it is taken, nobody is told here."""
        if field.address.key == self.user.email_key:
            raise ValidationError("This is the address of your account already.")

    def attempts(self) -> tuple[Attempt, ...]:
        """The new address is mailed to."""
        return (*super().attempts(), limits.mail_to(self.email.address.key, "change"))


class DeletionForm(AccountForm):
    """Nothing but the password."""
