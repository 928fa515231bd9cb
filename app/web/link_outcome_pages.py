"""The pages of links that cannot be used. Each page says what happened and what to do next."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app.flows.opened_link import LinkRefused, OpenedLink
from app.security.signing import link_signer
from app.users.link_outcomes import LinkOutcome
from app.users.links import Purpose
from app.users.user import User
from app.web.humanize import machine_time


@dataclass(frozen=True, slots=True)
class Action:
    """A button: its label, where it leads, and the HTTP method."""

    label: str
    url: str
    method: str = "get"


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one outcome, with one button."""

    status: int
    alert: str
    title: str
    message: str
    action: Action


def _again(opened: OpenedLink) -> Action:
    """The button that leads to a link that works."""
    viewer = opened.viewer
    if opened.purpose is Purpose.RESET:
        return Action("Ask for a new link", url_for("auth.forgot"))
    if opened.purpose is Purpose.CONFIRM and opened.user and not opened.user.confirmed:
        # Anyone who has the link can read the mailbox: enough to ask for another mail to it.
        return Action("Send a new mail", url_for("auth.confirm_again", token=opened.token), "post")
    if opened.purpose is Purpose.EMAIL_CHANGE and viewer and viewer.confirmed:
        return Action("Change the address", url_for("account.email"))
    return _go_on(opened)


def _sign_up(opened: OpenedLink) -> Action:
    if opened.purpose is Purpose.CONFIRM:
        return Action("Sign up", url_for("auth.confirm_again", token=opened.token), "post")
    return Action("Sign up", url_for("auth.register"))


def _go_on(opened: OpenedLink) -> Action:
    if opened.viewer:
        return Action("Go on", url_for("main.home"))
    return Action("Sign in", url_for("auth.login"))


def _meanwhile(opened: OpenedLink) -> Page:
    """The link is valid, but another step changed the account between reading and writing."""
    return Page(
        status=409,
        alert="warning",
        title="Your account was just changed",
        message="It was changed at the same time, so this link did nothing yet. Try again.",
        action=Action("Open the link again", request.script_root + request.path),
    )


def _when(moment: datetime) -> Markup:
    """A time in UTC; a script shows it in the reader's time zone."""
    return Markup('<time datetime="{}">{}</time>').format(
        machine_time(moment), moment.strftime("%d %b %Y, %H:%M UTC")
    )


def _expired(opened: OpenedLink) -> Page:
    link = opened.link
    max_age = timedelta(seconds=link_signer().max_age[opened.purpose])
    return Page(
        status=410,
        alert="warning",
        title="This link has expired",
        message=Markup(
            "It worked until {}. For safety, links work only for a limited time."
        ).format(_when(link.signed_on + max_age) if link.signed_on else "recently"),
        action=_again(opened),
    )


_SUPERSEDED = {
    Purpose.RESET: "It was used, or a newer one was asked for. Only the newest link works, once.",
    Purpose.EMAIL_CHANGE: "The change was cancelled, or a newer one was asked for.",
    Purpose.EMAIL_UNDO: "It was used, or an earlier address was restored since.",
    Purpose.FACTOR_RESET_START: "It was cancelled, or a newer one was asked for.",
    Purpose.FACTOR_RESET_FINISH: "It was used, or the removal was cancelled.",
    Purpose.FACTOR_KEEP: "The removal was cancelled already, or it is done.",
}


def _superseded(opened: OpenedLink) -> Page:
    message = _SUPERSEDED.get(opened.purpose) or Markup(
        "A newer mail was sent {}. Only the link in the newest mail works."
    ).format(_newest_mail_time(opened.user))
    return Page(
        status=410,
        alert="warning",
        title="This link no longer works",
        message=message,
        action=_again(opened),
    )


def _newest_mail_time(user: User | None) -> Markup:
    mail = user and user.confirm_mail
    when = mail and (mail.sent_on or mail.asked_on)
    if not when:
        return Markup("since then")
    return Markup('at <time data-clock datetime="{}">{}</time>').format(
        machine_time(when), when.strftime("%H:%M UTC")
    )


def _already_restored(opened: OpenedLink) -> Page:
    return Page(
        status=200,
        alert="success",
        title="Already restored",
        message=Markup(
            "The account has the address <strong>{}</strong> again. A mail with a link to choose a"
            " new password was sent there."
        ).format(opened.user.email if opened.user else "that it had"),
        action=Action("Ask for a new link", url_for("auth.forgot")),
    )


def _wait_has_begun(opened: OpenedLink) -> Page:
    return Page(
        status=200,
        alert="info",
        title="The wait has begun",
        message="You get a mail each day until it ends, and then one with the last link.",
        action=_go_on(opened),
    )


def _already_done(opened: OpenedLink) -> Page:
    if opened.purpose is Purpose.FACTOR_RESET_START:
        return _wait_has_begun(opened)
    if opened.purpose is Purpose.EMAIL_UNDO:
        return _already_restored(opened)
    address = opened.user.email if opened.user else "This address"
    # The account does not store when a changed address was confirmed.
    known = opened.purpose is Purpose.CONFIRM and opened.user and opened.user.confirmed_on
    since = Markup(" on {}").format(_when(known)) if known else ""
    return Page(
        status=200,
        alert="success",
        title="Already confirmed",
        message=Markup("<strong>{}</strong> was confirmed{}. There is nothing left to do.").format(
            address, since
        ),
        action=_go_on(opened),
    )


def _another_account(opened: OpenedLink) -> Page:
    return Page(
        status=403,
        alert="warning",
        title="This link is for another account",
        message=Markup(
            "You are signed in as <strong>{}</strong>. Sign out, then open the link again."
        ).format(opened.viewer.email if opened.viewer else "somebody else"),
        action=Action("Sign out", url_for("auth.logout"), "post"),
    )


def _taken(opened: OpenedLink) -> Page:
    return Page(
        status=409,
        alert="danger",
        title="This address has an account",
        message="It was confirmed for another account in the meantime, so it cannot be used here.",
        action=_again(opened),
    )


def _damaged(opened: OpenedLink) -> Page:
    return Page(
        status=404,
        alert="danger",
        title="This link is damaged",
        message="Part of it is missing or changed. Copy the whole link from the mail.",
        action=_again(opened),
    )


def _gone(opened: OpenedLink) -> Page:
    return Page(
        status=410,
        alert="warning",
        title="This account is gone",
        message="It was not confirmed in time, or it was removed. You can sign up again.",
        action=_sign_up(opened),
    )


def _disabled(opened: OpenedLink) -> Page:
    return Page(
        status=403,
        alert="danger",
        title="This account is disabled",
        message="An administrator can enable it again. Then use this link or ask for a new one.",
        action=Action("Home", url_for("main.home")),
    )


_PAGES: dict[LinkOutcome, Callable[[OpenedLink], Page]] = {
    LinkOutcome.READY: _meanwhile,
    LinkOutcome.EXPIRED: _expired,
    LinkOutcome.SUPERSEDED: _superseded,
    LinkOutcome.ALREADY_DONE: _already_done,
    LinkOutcome.ANOTHER_ACCOUNT: _another_account,
    LinkOutcome.TAKEN: _taken,
    LinkOutcome.DAMAGED: _damaged,
    LinkOutcome.GONE: _gone,
    LinkOutcome.DISABLED: _disabled,
}


def link_outcome_page(refused: LinkRefused) -> ResponseReturnValue:
    """The page of a link that cannot be used."""
    page = _PAGES[refused.outcome](refused.opened)
    return render_template("auth/outcome.html", **asdict(page)), page.status
