"""Removing the second factors of a person who has lost them."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.auth.blueprint import bp
from app.auth.forms import PasswordForm
from app.flows import factor_reset as flow
from app.flows.factor_reset import (
    FactorsKept,
    FactorsRemoved,
    Finishable,
    Keepable,
    LinkMailed,
    Startable,
    Waiting,
)
from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, Limited, WrongPassword
from app.web import pending_sign_in, viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import WRONG_PASSWORD
from app.web.forms import form_page
from app.web.link_outcome_pages import link_outcome_page

P = ParamSpec("P")


def _if_possible(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """404 while the setting turns this way off."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not flow.is_offered():
            abort(404)
        return view(*args, **kwargs)

    return guarded


@bp.route("/login/second/lost", methods=["GET", "POST"])
@_if_possible
def lost_factor() -> ResponseReturnValue:
    """GET explains, POST mails the first link. The password must be proven in this browser."""
    pending = pending_sign_in.current()
    if pending is None:
        flash("Enter your password first.", "info")
        return redirect(url_for("auth.login"))
    form, user = FlaskForm(), pending.user
    if not form.validate_on_submit():
        return form_page("auth/lost_factor.html", form, waiting=flow.waiting_reset(user))
    match flow.ask_factor_reset(user, current_client()):
        case LinkMailed():
            return render_template("auth/lost_factor.html", form=form, mailed_to=user.email)
        case Waiting(_user, reset):
            return form_page("auth/lost_factor.html", FlaskForm(), waiting=reset)
        case Limited() as refusal:
            return refusal_page(refusal)


@bp.route("/factors/reset/<token>", methods=["GET", "POST"])
@_if_possible
def factor_reset(token: str) -> ResponseReturnValue:
    """GET asks. POST starts the wait by the first link, and removes the factors by the last one."""
    return _follow(token) if request.method == "POST" else _ask(token)


@bp.route("/factors/keep/<token>", methods=["GET", "POST"])
@_if_possible
def keep_factors(token: str) -> ResponseReturnValue:
    """GET asks, POST cancels. The link is enough: cancelling gives nobody access."""
    return _keep(token) if request.method == "POST" else _ask_to_keep(token)


def _ask_to_keep(token: str) -> ResponseReturnValue:
    match flow.open_keep(token, viewer.viewing_account()):
        case Keepable(user):
            return form_page("auth/keep_factors.html", FlaskForm(), user=user)
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _keep(token: str) -> ResponseReturnValue:
    match flow.keep_by_link(token, viewer.viewing_account(), current_client()):
        case FactorsKept():
            flash("Your second factors stay. The links in the mails no longer work.", "success")
            return redirect(url_for("main.home"))
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _ask(token: str) -> ResponseReturnValue:
    match flow.open_factor_reset(token, viewer.viewing_account()):
        case Startable(user):
            return _page(FlaskForm(), user, "start")
        case Finishable(user):
            return _page(PasswordForm(), user, "finish")
        case Waiting(user):
            return _page(FlaskForm(), user, "waiting")
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _follow(token: str) -> ResponseReturnValue:
    form, account = PasswordForm(), viewer.viewing_account()
    match flow.follow_factor_reset(token, account, form.given(), current_client()):
        case Waiting(user):
            return render_template("auth/factor_reset.html", **_context(user, "waiting"))
        case Finishable(user):
            return _page(form, user, "finish")
        case WrongPassword(user):
            form.password.errors = [WRONG_PASSWORD]
            return _page(form, user, "finish")
        case FactorsRemoved():
            flash("The second factors are removed. Sign in with your password.", "success")
            return redirect(url_for("auth.login"))
        case LinkRefused() as refused:
            return link_outcome_page(refused)
        case (Limited() | Busy()) as refusal:
            return refusal_page(refusal)


def _page(form: FlaskForm, user: object, step: str) -> ResponseReturnValue:
    return form_page("auth/factor_reset.html", form, **_context(user, step))


def _context(user: object, step: str) -> dict[str, object]:
    return {"user": user, "step": step, "delay": current_app.config["FACTOR_RESET_DELAY"]}
