"""What people fill in before they are signed in."""

import re
import unicodedata

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, ValidationError

from app import limits
from app.fields import (
    AddressField,
    CurrentPasswordField,
    NewPasswordField,
    RepeatField,
    address_words,
)
from app.users.user import User


class RegistrationForm(FlaskForm):
    """A new account."""

    email = AddressField()
    password = NewPasswordField()
    confirm = RepeatField()

    def own_words(self) -> list[str]:
        """What this person's password must not be made of."""
        return address_words(self.email.data or "")


class LoginForm(FlaskForm):
    """Signing in."""

    email = AddressField()
    password = CurrentPasswordField()
    remember = BooleanField("Keep me signed in on this device")
    next = HiddenField()


class PasswordForm(FlaskForm):
    """The account's password, where the account is known already."""

    password = CurrentPasswordField()

    def proves(self, user: User) -> bool:
        """Whether it was filled in with the account's password; costs one hash."""
        if not self.validate():
            return False
        limits.allow(*limits.password_of(user, user.email_key))
        return self.password.check(user)


def _six_digits(form: FlaskForm, field: StringField) -> None:
    if not re.fullmatch("[0-9]{6}", form.digits):
        raise ValidationError("The code has six digits.")


class CodeForm(FlaskForm):
    """The digits from the mail, with or without the space between them."""

    code = StringField("Code", validators=[DataRequired("Enter the code."), _six_digits])

    @property
    def digits(self) -> str:
        """What was typed or pasted, without spaces; full-width digits are digits."""
        text = unicodedata.normalize("NFKC", self.code.data or "")
        return re.sub(r"[\s-]", "", text)


class ForgotForm(FlaskForm):
    """Whose password is forgotten."""

    email = AddressField()


class ResetForm(FlaskForm):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")

    def __init__(self, user: User) -> None:
        super().__init__()
        self._user = user

    def own_words(self) -> list[str]:
        """What this person's password must not be made of."""
        return address_words(self._user.email)
