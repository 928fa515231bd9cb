"""Forms about one's own account. Each asks for the password, although the person is signed in (ASVS
7.5.1)."""

from app.web.fields import (
    WRONG_PASSWORD,
    AddressField,
    CurrentPasswordField,
    NewPasswordField,
    RepeatField,
)
from app.web.shown_again import Form


class AccountForm(Form):
    """The base of these forms."""

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
