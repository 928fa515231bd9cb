"""What a link can come to, and for each outcome that is not the good one a page that says what
happened and the one thing to do next."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app import journal
from app.links import link_signer
from app.users.links import Purpose
from app.users.user import User


class Outcome(Enum):
    """What a link comes to."""

    READY = "ready"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ALREADY_DONE = "already done"
    ANOTHER_ACCOUNT = "another account's"
    TAKEN = "taken"
    DAMAGED = "damaged"
    GONE = "gone"
    DISABLED = "disabled"


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


@dataclass(frozen=True, slots=True)
class Case:
    """Which link, the account that it names (if it exists), and whoever is signed in."""

    purpose: Purpose
    token: str
    user: User | None
    viewer: User | None


def _again(case: Case) -> Action:
    """How to get a link that works."""
    viewer = case.viewer
    if case.purpose is Purpose.RESET:
        return Action("Ask for a new link", url_for("auth.forgot"))
    if case.purpose is Purpose.CONFIRM and case.user and not case.user.confirmed:
        # Whoever has the link reads the mailbox: that is enough to ask for another mail to it.
        return Action("Send a new mail", url_for("auth.confirm_again", token=case.token), "post")
    if case.purpose is Purpose.EMAIL_CHANGE and viewer and viewer.confirmed:
        return Action("Change the address", url_for("account.email"))
    return _go_on(case)


def _sign_up(case: Case) -> Action:
    if case.purpose is Purpose.CONFIRM:
        return Action("Sign up", url_for("auth.confirm_again", token=case.token), "post")
    return Action("Sign up", url_for("auth.register"))


def _go_on(case: Case) -> Action:
    if case.viewer:
        return Action("Go on", url_for("main.home"))
    return Action("Sign in", url_for("auth.login"))


def _meanwhile(case: Case) -> Page:
    """The link is good, but another step on the account came between reading and writing."""
    return Page(
        status=409,
        alert="warning",
        title="Something else came first",
        message="The account was changed at the same moment, so nothing was done. Try again.",
        action=Action("Open the link again", request.path),
    )


def _when(moment: datetime) -> Markup:
    """A time that the reader's browser puts into their zone."""
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(), moment.strftime("%d %b %Y, %H:%M UTC")
    )


def _expired(case: Case) -> Page:
    signer = link_signer()
    link = signer.read(case.purpose, case.token)
    max_age = timedelta(seconds=signer.max_age[case.purpose])
    return Page(
        status=410,
        alert="warning",
        title="This link has expired",
        message=Markup(
            "It worked until {}. For safety, links work for a limited time only."
        ).format(_when(link.signed_on + max_age) if link.signed_on else "lately"),
        action=_again(case),
    )


_SUPERSEDED = {
    Purpose.RESET: "It was used, or a newer one was asked for. Only the newest link works, once.",
    Purpose.EMAIL_CHANGE: "The change was cancelled, or a newer one was asked for.",
    Purpose.EMAIL_UNDO: "It was used, or an earlier address was restored since.",
}


def _superseded(case: Case) -> Page:
    message = _SUPERSEDED.get(case.purpose) or Markup(
        "A newer mail was sent {}. Only the link in the newest mail works."
    ).format(_newest_mail_time(case.user))
    return Page(
        status=410,
        alert="warning",
        title="This link no longer works",
        message=message,
        action=_again(case),
    )


def _newest_mail_time(user: User | None) -> Markup:
    mail = user and user.confirm_mail
    when = mail and (mail.sent_on or mail.asked_on)
    if not when:
        return Markup("since then")
    return Markup('at <time data-clock datetime="{}">{}</time>').format(
        when.isoformat(), when.strftime("%H:%M UTC")
    )


def _already_restored(case: Case) -> Page:
    return Page(
        status=200,
        alert="success",
        title="Already restored",
        message=Markup(
            "The account has the address <strong>{}</strong> again. A mail with a link to choose a"
            " new password was sent there."
        ).format(case.user.email if case.user else "that it had"),
        action=Action("Ask for a new link", url_for("auth.forgot")),
    )


def _already_done(case: Case) -> Page:
    if case.purpose is Purpose.EMAIL_UNDO:
        return _already_restored(case)
    address = case.user.email if case.user else "This address"
    # A change of address has no time of its own on the account.
    known = case.purpose is Purpose.CONFIRM and case.user and case.user.confirmed_on
    since = Markup(" on {}").format(_when(known)) if known else ""
    return Page(
        status=200,
        alert="success",
        title="Already confirmed",
        message=Markup("<strong>{}</strong> was confirmed{}. There is nothing left to do.").format(
            address, since
        ),
        action=_go_on(case),
    )


def _another_account(case: Case) -> Page:
    return Page(
        status=403,
        alert="warning",
        title="This link is for another account",
        message=Markup(
            "You are signed in as <strong>{}</strong>. Sign out, then open the link again."
        ).format(case.viewer.email if case.viewer else "somebody else"),
        action=Action("Sign out", url_for("auth.logout"), "post"),
    )


def _taken(case: Case) -> Page:
    return Page(
        status=409,
        alert="danger",
        title="This address has an account",
        message="It was confirmed for another account in the meantime, so it cannot be used here.",
        action=_again(case),
    )


def _damaged(case: Case) -> Page:
    return Page(
        status=404,
        alert="danger",
        title="This link is damaged",
        message="Part of it is missing or changed. Copy the whole link from the mail.",
        action=_again(case),
    )


def _gone(case: Case) -> Page:
    return Page(
        status=410,
        alert="warning",
        title="This account is gone",
        message="It was not confirmed in time, or it was removed. You can sign up again.",
        action=_sign_up(case),
    )


def _disabled(case: Case) -> Page:
    return Page(
        status=403,
        alert="danger",
        title="This account is disabled",
        message="Whoever runs this site can enable it again. Then this link works, or a new one.",
        action=Action("Home", url_for("main.home")),
    )


_PAGES: dict[Outcome, Callable[[Case], Page]] = {
    Outcome.READY: _meanwhile,
    Outcome.EXPIRED: _expired,
    Outcome.SUPERSEDED: _superseded,
    Outcome.ALREADY_DONE: _already_done,
    Outcome.ANOTHER_ACCOUNT: _another_account,
    Outcome.TAKEN: _taken,
    Outcome.DAMAGED: _damaged,
    Outcome.GONE: _gone,
    Outcome.DISABLED: _disabled,
}


def outcome_page(
    outcome: Outcome, purpose: Purpose, token: str, user: User | None, viewer: User | None
) -> ResponseReturnValue:
    """The page of an outcome, or of a good link whose step was refused all the same.

    Args:
        token: of the link, for what its holder may do next.
        user: the account that the link names, if it exists.
        viewer: whoever is signed in.
    """
    journal.note(
        "link_refused",
        outcome="refused",
        account=user.id if user else None,
        purpose=purpose.name.lower(),
        reason=outcome.name.lower(),
    )
    page = _PAGES[outcome](Case(purpose, token, user, viewer))
    return render_template("auth/outcome.html", **asdict(page)), page.status
