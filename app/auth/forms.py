"""Forms for people who are not signed in."""

import re
import unicodedata

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, ValidationError

from app.web.fields import AddressField, CurrentPasswordField, NewPasswordField, RepeatField


class RegistrationForm(FlaskForm):
    """A new account."""

    email = AddressField()
    password = NewPasswordField()
    confirm = RepeatField()


class LoginForm(FlaskForm):
    """Signing in."""

    email = AddressField()
    password = CurrentPasswordField()
    remember = BooleanField("Keep me signed in on this device")
    next = HiddenField()


class PasswordForm(FlaskForm):
    """Only the password, when the link names the account."""

    password = CurrentPasswordField()

    def given(self) -> str | None:
        """The password, or None if the form is not valid."""
        return self.password.data if self.validate() else None


def _six_digits(form: FlaskForm, field: StringField) -> None:
    if not re.fullmatch("[0-9]{6}", form.digits):
        raise ValidationError("The code has six digits.")


class CodeForm(FlaskForm):
    """The digits from the mail, with or without the space between them."""

    code = StringField("Code", validators=[DataRequired("Enter the code."), _six_digits])

    @property
    def digits(self) -> str:
        """The typed digits without spaces and hyphens, as ASCII."""
        text = unicodedata.normalize("NFKC", self.code.data or "")
        return re.sub(r"[\s-]", "", text)


class ForgotForm(FlaskForm):
    """The address, for a person who forgot the password."""

    email = AddressField()


class ResetForm(FlaskForm):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")

    def given(self) -> str | None:
        """The new password, or None if the form is not valid."""
        return self.password.data if self.validate() else None
