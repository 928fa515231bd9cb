"""What a link can come to, and for each that is not the good one a page that says what happened
and the one thing to do next."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from app.users.user import User


class Outcome(Enum):
    """What a link comes to."""

    READY = "ready"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ALREADY_CONFIRMED = "already confirmed"
    ANOTHER_ACCOUNT = "another account's"
    DAMAGED = "damaged"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Action:
    """A button: where it leads and how."""

    label: str
    url: str
    method: str = "get"


@dataclass(frozen=True, slots=True)
class Page:
    """A page that ends a journey and starts the next."""

    status: int
    alert: str
    title: str
    message: str
    action: Action


def _time(user: User | None) -> Markup:
    mail = user and user.confirm_mail
    when = mail and (mail.sent_on or mail.asked_on)
    if not when:
        return Markup("since then")
    return Markup('at <time datetime="{}">{}</time>').format(
        when.isoformat(), when.strftime("%H:%M UTC")
    )


def _expired(user: User | None, viewer: User | None) -> Page:
    return Page(
        title="This link has expired",
        alert="warning",
        message="For safety, links work for a limited time only.",
        action=_newer_mail(viewer),
        status=410,
    )


def _superseded(user: User | None, viewer: User | None) -> Page:
    return Page(
        title="A newer mail replaced this one",
        alert="warning",
        message=Markup("A newer mail was sent {}. Only the link in the newest mail works.").format(
            _time(user)
        ),
        action=_newer_mail(viewer),
        status=410,
    )


def _already_confirmed(user: User | None, viewer: User | None) -> Page:
    address = user.email if user else "This address"
    return Page(
        title="Already confirmed",
        alert="success",
        message=Markup("<strong>{}</strong> is confirmed. There is nothing left to do.").format(
            address
        ),
        action=_go_on(viewer),
        status=200,
    )


def _another_account(user: User | None, viewer: User | None) -> Page:
    current = escape(viewer.email) if viewer else "another account"
    return Page(
        title="This link is for another account",
        alert="warning",
        message=Markup(
            "You are signed in as <strong>{}</strong>. Sign out, then open the link again."
        ).format(current),
        action=Action("Sign out", url_for("auth.logout"), "post"),
        status=403,
    )


def _damaged(user: User | None, viewer: User | None) -> Page:
    return Page(
        title="This link is damaged",
        alert="danger",
        message="Part of it is missing or changed. Copy the whole link from the mail, or sign in"
        " and ask for a new one.",
        action=_newer_mail(viewer),
        status=404,
    )


def _gone(user: User | None, viewer: User | None) -> Page:
    return Page(
        title="This account is gone",
        alert="warning",
        message="It was not confirmed in time, or it was removed. You can register again.",
        action=Action("Register", url_for("auth.register")),
        status=410,
    )


def _newer_mail(viewer: User | None) -> Action:
    if viewer and not viewer.confirmed:
        return Action("Send a new mail", url_for("auth.resend"), "post")
    return _go_on(viewer)


def _go_on(viewer: User | None) -> Action:
    if viewer:
        return Action("Go on", url_for("main.home"))
    return Action("Sign in", url_for("auth.login"))


_PAGES: dict[Outcome, Callable[[User | None, User | None], Page]] = {
    Outcome.EXPIRED: _expired,
    Outcome.SUPERSEDED: _superseded,
    Outcome.ALREADY_CONFIRMED: _already_confirmed,
    Outcome.ANOTHER_ACCOUNT: _another_account,
    Outcome.DAMAGED: _damaged,
    Outcome.GONE: _gone,
}


def outcome_page(outcome: Outcome, user: User | None, viewer: User | None) -> ResponseReturnValue:
    """The page of an outcome other than READY.

    Args:
        user: the account that the link names, if it exists.
        viewer: whoever is signed in.
    """
    page = _PAGES[outcome](user, viewer)
    return render_template("auth/outcome.html", page=page, **asdict(page)), page.status
