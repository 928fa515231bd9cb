"""Answering with the page of a form."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.users.user import EDITABLE


def profile(form: FlaskForm) -> dict[str, Any]:
    """What was filled in for editable fields of the account: form fields with their names."""
    return {field.name: field.data for field in form if field.name in EDITABLE}


def form_page(template: str, form: FlaskForm, **context: Any) -> ResponseReturnValue:
    """The page of a form: 200 when it is asked for, 422 when what was sent is refused."""
    status = 422 if form.is_submitted() else 200
    return render_template(template, form=form, **context), status
