"""Changing the address."""

from typing import Any

from flask import Response
from msgspec import UNSET, Struct, UnsetType

from app.api.answers import reply
from app.api.authentication import client, signed_in, user_of, viewer_of_request
from app.api.confirmation import LINKS
from app.api.fields import address_of, wrong_password
from app.api.operations import Who, operation
from app.api.problems import FieldError, invalid, link_refused, problem, refused_for_now
from app.api.session import second_factor_due
from app.api.shapes import (
    Account,
    Cookie,
    DeviceName,
    Email,
    LinkToken,
    Password,
    Time,
    account_of,
)
from app.api.starting import Start, start_for, started
from app.flows import change_email as flow
from app.flows.change_email import (
    EmailChangeAsked,
    EmailChanged,
    EmailChangeReady,
    EmailUndone,
    SameAddress,
)
from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, ChangedElsewhere, Limited, WrongPassword
from app.web import viewer

_TAG = "Email address"
_SAME = FieldError("email", "same_address", "This is the address of the account already.")


class NewEmail(Struct, frozen=True):
    """A new address."""

    email: Email
    current_password: Password


class NewEmailConfirmation(Struct, frozen=True):
    """The token of the link. Without the owner's session it needs the password."""

    token: LinkToken
    password: Password | UnsetType = UNSET
    device: DeviceName = ""
    cookie: Cookie = False


class Undoing(Struct, frozen=True):
    """The token of the link that was mailed to the former address."""

    token: LinkToken


class EmailConfirmed(Struct, frozen=True):
    """The account with its new address. For a person who was signed out also the new session, or
    the ticket of the second step."""

    account: Account
    token: str | UnsetType | None = UNSET
    expires_at: Time | UnsetType = UNSET
    ticket: str | UnsetType = UNSET
    methods: list[str] | UnsetType = UNSET
    passkey_options: dict[str, Any] | UnsetType | None = UNSET


@operation(
    "PUT",
    "/account/email",
    tag=_TAG,
    status=202,
    body=NewEmail,
    who=Who.CONFIRMED,
    problems=("changed_elsewhere", "too_many_attempts", "busy"),
)
def change_email(body: NewEmail) -> Response:
    """Ask for a new address. It takes effect when it is confirmed."""
    address, user = address_of(body.email), viewer_of_request().user
    match flow.ask_email_change(user, address, body.current_password, client()):
        case EmailChangeAsked():
            return reply(status=202)
        case SameAddress():
            return invalid(_SAME)
        case WrongPassword():
            return invalid(wrong_password())
        case ChangedElsewhere():
            return problem("changed_elsewhere")
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


@operation("DELETE", "/account/email/pending", tag=_TAG, status=204, who=Who.CONFIRMED)
def cancel_email_change() -> Response:
    """Cancel a pending change of address."""
    flow.cancel_email_change(viewer_of_request().user, client())
    return reply(status=204)


@operation(
    "POST",
    "/email/confirm",
    tag=_TAG,
    body=NewEmailConfirmation,
    answer=EmailConfirmed,
    repeatable=True,
    problems=("password_required", "address_taken", *LINKS, "too_many_attempts", "busy"),
)
def confirm_email_change(body: NewEmailConfirmation) -> Response:
    """Confirm the new address by its link."""
    account = user_of(signed_in())
    start = start_for(body.device, cookie=body.cookie) if body.password is not UNSET else None
    asks = start.client if start else client()
    password = None if body.password is UNSET else body.password
    match flow.confirm_email_change(body.token, account, password, asks):
        case EmailChanged() as changed:
            return _changed(changed, start, body.device)
        case EmailChangeReady():
            return problem("password_required")
        case WrongPassword():
            return invalid(wrong_password("password"))
        case LinkRefused() as refused:
            return link_refused(refused)
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


@operation(
    "POST",
    "/email/undo",
    tag=_TAG,
    status=204,
    body=Undoing,
    repeatable=True,
    problems=("address_taken", *LINKS),
)
def undo_email_change(body: Undoing) -> Response:
    """Take the former address back. Every session ends, and the password is locked."""
    match flow.undo_email_change(body.token, user_of(signed_in()), client()):
        case EmailUndone():
            return reply(status=204)
        case LinkRefused() as refused:
            return link_refused(refused)


def _changed(changed: EmailChanged, start: Start | None, device: str) -> Response:
    account = account_of(changed.user)
    if start and changed.second_step_due:
        if start.cookie:
            viewer.end()
        due = second_factor_due(changed.user, device, cookie=start.cookie)
        return reply(
            EmailConfirmed(
                account,
                ticket=due.ticket,
                methods=due.methods,
                passkey_options=due.passkey_options,
            )
        )
    if start and changed.session:
        session = started(start, changed.user, changed.session)
        return reply(EmailConfirmed(account, token=session.token, expires_at=session.expires_at))
    return reply(EmailConfirmed(account))
