"""Forms about one's own account.

Some ask for the password, although the person is signed in (ASVS 7.5.1). Those about second factors
stand on pages that need a proof of identity.
"""

from wtforms import HiddenField, StringField
from wtforms.validators import ValidationError

from app.security.passkeys import LONGEST_NAME, written_name
from app.web.fields import (
    WRONG_PASSWORD,
    AddressField,
    CurrentPasswordField,
    NewPasswordField,
    RepeatField,
)
from app.web.shown_again import Form


class AccountForm(Form):
    """The base of forms with the password."""

    current_password = CurrentPasswordField("Current password")

    def refuse_password(self) -> None:
        """Shows at the field that the current password is wrong."""
        self.current_password.errors = [WRONG_PASSWORD]


class PasswordChangeForm(AccountForm):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")


class EmailChangeForm(AccountForm):
    """A new address."""

    email = AddressField("New email address")


class DeletionForm(AccountForm):
    """Only the password."""


class AppForm(Form):
    """The first code of an authenticator app."""

    code = StringField("Code", description="The six digits that the app shows now.")


class PasskeyForm(Form):
    """A new passkey. The script puts the browser's answer into `credential`."""

    name = StringField("Name")
    credential = HiddenField()


def _has_name(form: Form, field: StringField) -> None:
    name = field.data or ""
    if not written_name(name):
        raise ValidationError("Enter a name.")
    if len(name.strip()) > LONGEST_NAME:
        raise ValidationError(f"A name has {LONGEST_NAME} characters at most.")


class PasskeyNameForm(Form):
    """Another name for a passkey."""

    name = StringField("Name", validators=[_has_name])
