"""What is owed to people, and what stands in its way."""

from datetime import timedelta

from bson import ObjectId
from bson.errors import InvalidId
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.admin.blueprint import bp
from app.clock import utcnow
from app.mongo import outbox, queue
from app.phrases import duration
from app.users.letters import LetterKind
from app.users.outbox import COUNTED

KINDS = {
    LetterKind.CONFIRM: "Confirm the address",
    LetterKind.REMINDER: "Reminder to confirm",
    LetterKind.ACCOUNT_EXISTS: "There is an account already",
    LetterKind.RESET: "Choose a new password",
    LetterKind.PASSWORD_RESET: "A new password was chosen",
    LetterKind.PASSWORD_CHANGED: "The password was changed",
    LetterKind.EMAIL_CHANGE: "Confirm the new address",
    LetterKind.EMAIL_CHANGE_ASKED: "A new address was asked for",
    LetterKind.EMAIL_CHANGED: "The address was changed",
    LetterKind.EMAIL_CHANGED_UNDO: "The address was changed, undo",
    LetterKind.EMAIL_UNDONE: "The address was restored",
    LetterKind.NEW_SIGN_IN: "New sign-in",
    LetterKind.ACCOUNT_DELETED: "Goodbye",
    LetterKind.ACCOUNT_REMOVED: "Deleted by an administrator",
    LetterKind.ACCOUNT_DISABLED: "Disabled",
    LetterKind.ACCOUNT_ENABLED: "Enabled again",
    LetterKind.ADMIN_GRANTED: "Made an administrator",
    LetterKind.ADMIN_WITHDRAWN: "Administrator no longer",
}


@bp.get("/mail", endpoint="mail")
def index() -> ResponseReturnValue:
    """Due, in retry and refused; a letter's link is nowhere, it is made when the letter leaves."""
    stock = outbox.stock(utcnow())
    return render_template(
        "admin/mail.html",
        due=queue.due(),
        in_retry=queue.in_retry(),
        refused=queue.refused(),
        oldest=duration(timedelta(seconds=stock.overdue)) if stock.due else None,
        blocked=outbox.blocked(),
        counted=COUNTED,
    )


@bp.route("/mail/retry/<kind>", methods=["GET", "POST"])
def retry_all(kind: str) -> ResponseReturnValue:
    """Every letter of a kind that did not leave, once more; asks first."""
    if kind not in set(LetterKind):
        abort(404)
    which, form = LetterKind(kind), FlaskForm()
    if not form.validate_on_submit():
        return render_template("admin/retry.html", kind=KINDS[which], form=form)
    count = queue.retry_all(which, utcnow())
    people = "1 person" if count == 1 else f"{count} people"
    flash(f"Letters of this kind to {people} are tried again now.", "success")
    return redirect(url_for("admin.mail"))


@bp.post("/mail/<account>/<letter>/retry")
def retry(account: str, letter: str) -> ResponseReturnValue:
    """One letter once more; back to where it was asked for."""
    try:
        again = queue.retry(ObjectId(account), letter, utcnow())
    except InvalidId:
        abort(404)
    if again:
        flash("The letter is tried again now.", "success")
    else:
        flash("The letter has left, or is on its way.", "info")
    if request.form.get("from") == "person":
        return redirect(url_for("admin.person", account=account))
    return redirect(url_for("admin.mail"))
