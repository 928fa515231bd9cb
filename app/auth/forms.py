"""Forms for people who are not signed in."""

from typing import Any

from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, ValidationError

from app.flows.factors import is_code
from app.users.codes import CodeError, parse_code
from app.web.fields import AddressField, CurrentPasswordField, NewPasswordField, RepeatField
from app.web.shown_again import Form

_NO_CODE = "The code has six digits."
_NO_FACTOR_CODE = "A code of the app has six digits, and a recovery code has 24 letters and digits."
_SEVERAL_CODES = "There is more than one code here. Enter only the one of the newest mail."


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
    """Only the password, when the link names the account."""

    password = CurrentPasswordField()

    def given(self) -> str | None:
        """The password, or None if the form is not valid."""
        return self.password.data if self.validate() else None


def _parse(form: Form, field: "CodeField") -> None:
    try:
        field.digits = parse_code(field.data or "")
    except CodeError as error:
        raise ValidationError(_SEVERAL_CODES if error.several else _NO_CODE) from None


class CodeField(StringField):
    """The digits from the mail. Once the field is valid, `digits` are those six in ASCII."""

    digits: str

    def __init__(self, label: str = "Code", **kwargs: Any) -> None:
        required = DataRequired("Enter the code.")
        super().__init__(label, validators=[required, _parse], **kwargs)


class CodeForm(Form):
    """The digits from the mail."""

    code = CodeField()


class ProofForm(Form):
    """A proof of identity: one of the first three fields. The flow checks it."""

    current_password = PasswordField("Current password")
    code = StringField("Code")
    credential = HiddenField()
    next = HiddenField()


def _looks_like_a_code(form: Form, field: StringField) -> None:
    if not is_code(field.data or ""):
        raise ValidationError(_NO_FACTOR_CODE)


class SecondStepForm(Form):
    """A code of the authenticator app."""

    code = StringField(
        "Code from your authenticator app",
        validators=[DataRequired("Enter the code."), _looks_like_a_code],
    )
    trust_browser = BooleanField()


class RecoveryCodeForm(SecondStepForm):
    """A recovery code. The field has the same name, and the two forms are on one page."""

    code = StringField(
        "Recovery code",
        id="recovery_code",
        validators=[DataRequired("Enter the code."), _looks_like_a_code],
    )
    trust_browser = BooleanField(id="trust_browser_too")


class PasskeyForm(Form):
    """The answer of the browser about a passkey, as JSON."""

    credential = HiddenField()
    next = HiddenField()
    remember = BooleanField()


class ForgotForm(Form):
    """The address, for a person who forgot the password."""

    email = AddressField()


class ResetForm(Form):
    """A new password."""

    password = NewPasswordField("New password")
    confirm = RepeatField("New password again")

    def given(self) -> str | None:
        """The new password, or None if the form is not valid."""
        return self.password.data if self.validate() else None
