"""Pages of forms."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.users.user import EDITABLE


def profile(form: FlaskForm) -> dict[str, Any]:
    """The values of form fields that have the name of an editable field of the account."""
    return {field.name: field.data for field in form if field.name in EDITABLE}


def form_page(template: str, form: FlaskForm, **context: Any) -> ResponseReturnValue:
    """The page of a form: with status 200 to fill it in, and 422 when the sent form is refused."""
    status = 422 if form.is_submitted() else 200
    return render_template(template, form=form, **context), status
