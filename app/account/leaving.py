"""Taking one's data along, and deleting the account."""

import json
from datetime import datetime

from flask import Response, flash, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import sessions
from app.access import check_confirmed
from app.account.blueprint import bp
from app.account.forms import DeletionForm
from app.clock import utcnow
from app.mongo import users
from app.users.council import Departure
from app.users.user import User
from app.web import form_page, origin


@bp.get("/export")
@check_confirmed
def export() -> ResponseReturnValue:
    """Everything held about the account, as a JSON download; times are ISO 8601 in UTC."""
    as_file = {"Content-Disposition": 'attachment; filename="account.json"'}
    if request.method == "HEAD":  # takes nothing along, and so leaves no note
        return Response(mimetype="application/json", headers=as_file)
    held = users.export(current_user.user, utcnow(), origin())
    # Flask would write times as HTTP headers do.
    body = json.dumps(held, default=datetime.isoformat, ensure_ascii=False, indent=2)
    return Response(body, mimetype="application/json", headers=as_file)


@bp.route("/delete", methods=["GET", "POST"])
def delete() -> ResponseReturnValue:
    """Ends everything at once; the address is free again."""
    signed_out = not current_user.is_authenticated
    if request.method == "POST" and signed_out and sessions.account_is_gone():
        return _deleted()  # sent twice, or the first answer was lost
    return _delete()


@check_confirmed
def _delete() -> ResponseReturnValue:
    user: User = current_user.user
    form = DeletionForm(user)
    if not form.validate_on_submit():
        return form_page("account/delete.html", form)
    match users.delete(user, utcnow(), origin()):
        case Departure.LAST:
            form.form_errors.append(
                "You are the last administrator. Make somebody else one first, then delete this"
                " account."
            )
        case Departure.CHANGED if users.find(user.id):
            form.current_password.errors = ["The account was changed elsewhere. Try again."]
        case _:
            return _deleted()
    return form_page("account/delete.html", form)


def _deleted() -> ResponseReturnValue:
    cookie.clear()
    flash("Your account is deleted. A last mail tells you so.", "success")
    return redirect(url_for("main.home"))
