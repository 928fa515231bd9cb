"""Signing in and out."""

import re
from urllib.parse import unquote

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import journal, limits, sessions
from app.auth.blueprint import bp
from app.auth.forms import LoginForm
from app.clock import utcnow
from app.mongo import users
from app.users.passwords import hash_password, hash_to_check, verify_password
from app.users.user import Session, User, random_id
from app.web import form_page, origin

_DISABLED = "This account is disabled. Whoever runs this site can enable it again."
# A path of our own: no host, no empty or dotted segment, nothing that a browser would "mend".
_LOCAL_PATH = re.compile(r"/(?!/)[!-~]*")


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Starts a session; the earlier one of this browser ends."""
    form = LoginForm(next=request.args.get("next", ""))
    if not form.is_submitted() and current_user.is_authenticated and current_user.confirmed:
        return redirect(local_path(request.args.get("next")))
    if not form.validate_on_submit():
        return form_page("auth/login.html", form)
    remember = bool(form.remember.data)
    entry = sessions.new_session(origin(), remember=remember)
    user = _authenticate(form.email.address.key, form.password.data or "", entry)
    if user is None or user.disabled_on:
        form.form_errors.append(_DISABLED if user else "Address and password do not match.")
        return form_page("auth/login.html", form)
    sessions.start(user, entry, remember=remember)
    if not user.confirmed:
        return redirect(url_for("auth.unconfirmed"))
    return redirect(local_path(form.next.data))


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Ends this session on the server, so that a copied cookie is dead."""
    sessions.end()
    flash("You are signed out.", "info")
    return redirect(url_for("auth.login"))


def _authenticate(email_key: str, password: str, entry: Session) -> User | None:
    """Looks up, compares exactly one hash whether or not there is an account, and signs in.

    That an account is disabled is told to whoever knows its password.

    Where the stored hash has changed between the two, it looks again: another sign-in may have
    stored a stronger one of the same password.
    """
    rounds = current_app.config["BCRYPT_LOG_ROUNDS"]
    for _attempt in range(2):
        user = users.find_by_email(email_key)
        limits.allow(*limits.password_of(user, email_key))
        stored = hash_to_check(user.password_hash if user else None, rounds)
        if not verify_password(password, stored) or user is None:
            users.refuse_sign_in(user.id if user else random_id(), utcnow(), origin())
            return None
        if user.disabled_on:
            journal.note("sign_in_refused", outcome="refused", account=user.id, reason="disabled")
            return user
        stronger = hash_password(password, rounds) if user.wants_rehash(rounds) else None
        if users.sign_in(user, entry, stronger):
            return user
    journal.note("sign_in_refused", outcome="refused", reason="changed_meanwhile")
    return None


def local_path(target: str | None) -> str:
    """The target if it is a path of this app, else the home page (ASVS 3.7.2: no open redirect)."""
    home = url_for("main.home")
    # Split first: an encoded question mark does not end the path.
    path = unquote((target or "").partition("?")[0])
    segments = path.split("/")[1:]
    odd = "\\" in path or any(segment in {"", ".", ".."} for segment in segments[:-1])
    if not target or odd or not _LOCAL_PATH.fullmatch(target) or not _LOCAL_PATH.fullmatch(path):
        return home
    return target
