"""What people fill in before they are signed in."""

import re
import unicodedata

from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, ValidationError

from app.web.fields import AddressField, CurrentPasswordField, NewPasswordField, RepeatField
from app.web.shown_again import Form


class RegistrationForm(Form):
    """A new account."""

    email = AddressField()
    password = NewPasswordField()
    confirm = RepeatField()


class LoginForm(Form):
    """Signing in."""

    email = AddressField()
    password = CurrentPasswordField()
    remember = BooleanField("Keep me signed in on this device")
    next = HiddenField()


class PasswordForm(Form):
    """The account's password, where the account is known already."""

    password = CurrentPasswordField()

    def given(self) -> str | None:
        """The password, if one was filled in."""
        return self.password.data if self.validate() else None


def _six_digits(form: Form, field: StringField) -> None:
    if not re.fullmatch("[0-9]{6}", form.digits):
        raise ValidationError("The code has six digits.")


class CodeForm(Form):
    """The digits from the mail, with or without the space between them."""

    code = StringField("Code", validators=[DataRequired("Enter the code."), _six_digits])

    @property
    def digits(self) -> str:
        """What was typed or pasted, without spaces; full-width digits are digits."""
        text = unicodedata.normalize("NFKC", self.code.data or "")
        return re.sub(r"[\s-]", "", text)


class ForgotForm(Form):
    """The address of a person who has forgotten the password."""

    email = AddressField()


class ResetForm(Form):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")

    def given(self) -> str | None:
        """The new password, if the form was filled in rightly."""
        return self.password.data if self.validate() else None
