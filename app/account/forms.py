"""What people fill in about their account. Each form asks for the password, also while signed in
(ASVS 7.5.1)."""

from app.web.fields import (
    WRONG_PASSWORD,
    AddressField,
    CurrentPasswordField,
    NewPasswordField,
    RepeatField,
)
from app.web.shown_again import Form


class AccountForm(Form):
    """A form about one account."""

    current_password = CurrentPasswordField("Current password")

    def refuse_password(self) -> None:
        """Puts a sentence beside the current password, which is wrong."""
        self.current_password.errors = [WRONG_PASSWORD]


class PasswordChangeForm(AccountForm):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")


class EmailChangeForm(AccountForm):
    """A new address."""

    email = AddressField("New email address")


class DeletionForm(AccountForm):
    """Nothing but the password."""
