"""The mail queue: which letters are owed, and why letters cannot leave."""

from datetime import timedelta

from bson import ObjectId
from bson.errors import InvalidId
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.admin.blueprint import bp
from app.mongo import outbox, outbox_overview
from app.users.clock import utcnow
from app.users.letters import LetterKind
from app.users.outbox import COUNTED
from app.web.activity_lines import letter_label
from app.web.humanize import duration
from app.web.proof import needs_proof
from app.web.shown_again import form_on


@bp.get("/mail", endpoint="mail")
def index() -> ResponseReturnValue:
    """Letters that are due, in retry and refused."""
    stats = outbox.stats(utcnow())
    return render_template(
        "admin/mail.html",
        due=outbox_overview.due(utcnow()),
        in_retry=outbox_overview.in_retry(),
        refused=outbox_overview.refused(),
        oldest=duration(timedelta(seconds=stats.overdue)) if stats.due else None,
        blocked=outbox.blocked(),
        counted=COUNTED,
        known_kinds=set(LetterKind),
    )


@bp.route("/mail/retry/<kind>", methods=["GET", "POST"])
@needs_proof
def retry_all(kind: str) -> ResponseReturnValue:
    """Makes all letters of a kind that are in trouble due again. Asks first."""
    if kind not in set(LetterKind):
        abort(404)
    form = FlaskForm()
    if not form.validate_on_submit():
        return render_template("admin/retry.html", kind=letter_label(kind), form=form)
    count = outbox_overview.retry_all(kind, utcnow())
    people = "1 person" if count == 1 else f"{count} people"
    flash(f"Letters of this kind to {people} are tried again now.", "success")
    return redirect(url_for("admin.mail"))


@bp.post("/mail/<account>/<letter>/retry")
@form_on("admin.mail")
@needs_proof
def retry(account: str, letter: str) -> ResponseReturnValue:
    """Makes one letter due again, and returns to the page with the button."""
    try:
        again = outbox_overview.retry(ObjectId(account), letter, utcnow())
    except InvalidId:
        abort(404)
    if again:
        flash("The letter is tried again now.", "success")
    else:
        flash("The letter has left already, or it is leaving now.", "info")
    if request.form.get("from") == "person":
        return redirect(url_for("admin.person", account=account))
    return redirect(url_for("admin.mail"))
