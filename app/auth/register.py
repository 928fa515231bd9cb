"""Registering."""

from datetime import timedelta

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import journal, limits, sessions
from app.auth.blueprint import bp
from app.auth.forms import RegistrationForm
from app.mongo import users
from app.users.addresses import AddressError, parse_address
from app.users.domains import likely_slip, seems_undeliverable
from app.users.passwords import hash_password
from app.web import form_page, origin

# An owner is told of attempts to register their address once an hour, not at every try.
_EXISTS_PAUSE = timedelta(hours=1)


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    """A new account, or a newer claim on an unconfirmed one; a taken address looks the same."""
    form = RegistrationForm(email=sessions.address_to_mend())
    if not form.validate_on_submit():
        if not form.is_submitted() and current_user.is_authenticated and current_user.confirmed:
            return redirect(url_for("main.home"))
        return form_page("auth/register.html", form)
    config = current_app.config
    address, where = form.email.address, origin()
    limits.allow(limits.registration(), limits.mail_to(address.key, "confirm"))
    entry = sessions.new_session(where)
    user = users.register(
        address,
        hash_password(form.password.data or "", config["BCRYPT_LOG_ROUNDS"]),
        entry,
        where,
        timedelta(days=config["UNCONFIRMED_DAYS"]),
    )
    if user is None:
        journal.note("registered", outcome="refused", reason="account_exists")
        users.owe_account_exists(address.key, entry.signed_in_on, _EXISTS_PAUSE)
    sessions.start_claim(user, address.typed, entry)
    return redirect(url_for("auth.unconfirmed"))


@bp.post("/register/advice")
def advice() -> ResponseReturnValue:
    """For a script, while somebody types: a likelier spelling, and whether DNS knows the domain.

    A POST, so that no address gets into a log.
    """
    limits.allow(limits.by_client("advice"))
    try:
        address = parse_address(request.form.get("email", ""))
    except AddressError:
        return {"suggestion": None, "undeliverable": False}
    meant = suggestion(address.typed)
    # One piece of advice is enough; the first needs no name server.
    undeliverable = not meant and seems_undeliverable(address.key.rpartition("@")[2])
    return {"suggestion": meant, "undeliverable": undeliverable}


def suggestion(typed: str) -> str | None:
    """The address that was probably meant: `ada@gmail.com` for `ada@gmial.com`."""
    local, _, domain = typed.rpartition("@")
    meant = likely_slip(domain.lower())
    return f"{local}@{meant}" if meant else None
