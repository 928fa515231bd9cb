"""Waiting for the mail, and confirming the address."""

from typing import Annotated

from flask import Response
from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.answers import reply
from app.api.authentication import bearer_token, client, signed_in, user_of, viewer_of_request
from app.api.fields import wrong_password
from app.api.operations import Who, operation
from app.api.problems import (
    FieldError,
    code_refused,
    invalid,
    link_refused,
    problem,
    refused_for_now,
)
from app.api.shapes import (
    AddressConfirmed,
    Code,
    Cookie,
    DeviceName,
    LinkToken,
    Password,
    Time,
    account_of,
)
from app.api.starting import Start, start_for, started
from app.flows import confirm, disown, resend, start_over
from app.flows.confirm import CodeRefusal, CodeRefused, Confirmable, Confirmed
from app.flows.disown import Disowned
from app.flows.opened_link import LinkRefused
from app.flows.resend import Resent, SignUpAgain, TooSoon
from app.flows.results import Busy, Limited, WrongPassword
from app.flows.waiting import confirmation_status
from app.users.codes import CodeError, parse_code
from app.web import waiting_claim

_TAG = "Confirmation"
LINKS = (
    *("link_expired", "link_superseded", "link_used", "link_other_account", "link_damaged"),
    *("link_gone", "account_disabled", "changed_elsewhere"),
)
_NOT_GIVEN = FieldError("code", "required", "Send `code` or `token`.")
_NO_CODE = FieldError("code", "not_a_code", "The code has six digits.")


class Confirmation(Struct, frozen=True):
    """The code, or the token of the link. Without the owner's session a link needs the password."""

    code: Code = ""
    token: LinkToken = ""
    password: Password | UnsetType = UNSET
    device: DeviceName = ""
    cookie: Cookie = False


class MailRequest(Struct, frozen=True):
    """Whose mail: without a token that of the account that is signed in."""

    token: LinkToken = ""


class Disowning(Struct, frozen=True):
    """The token of the link."""

    token: LinkToken


class ConfirmationState(Struct, frozen=True):
    """The state of the confirmation mail."""

    confirmed: bool
    mail: Annotated[str, Meta(description="`queued`, `sent` or `failed`.")]
    sent_on: Time | None
    resend_in: Annotated[int, Meta(description="Seconds until another mail may be asked for.")]


@operation("GET", "/confirmation", tag=_TAG, answer=ConfirmationState, who=Who.SIGNED_IN)
def show_confirmation() -> Response:
    """Show where things stand with the confirmation mail."""
    status = confirmation_status(viewer_of_request().user)
    return reply(ConfirmationState(status.confirmed, status.mail, status.sent_on, status.resend_in))


@operation(
    "POST",
    "/confirmation",
    tag=_TAG,
    body=Confirmation,
    answer=AddressConfirmed,
    repeatable=True,
    problems=(
        *("code_wrong", "code_expired", "code_tries_used_up", "password_required", *LINKS),
        *("authentication_required", "too_many_attempts", "busy"),
    ),
)
def confirm_address(body: Confirmation) -> Response:
    """Confirm the address, with the code or with the link of the newest mail."""
    if body.token:
        return _by_link(body)
    if body.code:
        return _by_code(body.code)
    return invalid(_NOT_GIVEN)


@operation(
    "POST",
    "/confirmation/mail",
    tag=_TAG,
    status=202,
    body=MailRequest,
    repeatable=True,
    problems=(
        *("authentication_required", "already_confirmed", "mail_sent_moments_ago"),
        *("too_many_attempts", *LINKS),
    ),
)
def mail_again(body: MailRequest) -> Response:
    """Ask for a new confirmation mail. Earlier links and codes stop working."""
    found = signed_in()
    if body.token:
        return _asked_again(resend.resend_by_link(body.token, user_of(found), client()))
    if found is None:
        return problem("authentication_required")
    if found.confirmed:
        return problem("already_confirmed")
    return _asked_again(resend.resend(found.user, client()))


@operation(
    "POST",
    "/confirmation/start-over",
    tag=_TAG,
    status=204,
    who=Who.SIGNED_IN,
    problems=("already_confirmed",),
)
def start_over_registration() -> Response:
    """Drop the unconfirmed account, because its address was mistyped."""
    found = viewer_of_request()
    if found.confirmed:
        return problem("already_confirmed")
    start_over.start_over(found.user, found.session_id)
    if bearer_token() is None:
        waiting_claim.leave(found.email)
    return reply(status=204)


@operation("POST", "/confirmation/disown", tag=_TAG, status=204, body=Disowning, problems=LINKS)
def disown_address(body: Disowning) -> Response:
    """Say "I did not sign up": delete the unconfirmed account of the link."""
    match disown.disown(body.token):
        case Disowned():
            return reply(status=204)
        case LinkRefused() as refused:
            return link_refused(refused)


def _by_link(body: Confirmation) -> Response:
    account = user_of(signed_in())
    start = start_for(body.device, cookie=body.cookie) if body.password is not UNSET else None
    asks = start.client if start else client()
    password = None if body.password is UNSET else body.password
    match confirm.confirm_by_link(body.token, account, password, asks):
        case Confirmed() as done:
            return _confirmed(done, start)
        case Confirmable():
            return problem("password_required")
        case WrongPassword():
            return invalid(wrong_password("password"))
        case LinkRefused() as refused:
            return link_refused(refused)
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


def _by_code(typed: str) -> Response:
    found = signed_in()
    if found is None:
        return problem("authentication_required")
    if found.confirmed:  # the owner repeats it
        return reply(AddressConfirmed(account_of(found.user)))
    try:
        digits = parse_code(typed)
    except CodeError:
        return invalid(_NO_CODE)
    match confirm.confirm_by_code(found.user, digits, client()):
        case Confirmed() as done:
            return _confirmed(done, None)
        case CodeRefused(why):
            if bearer_token() is None:
                waiting_claim.record_code_try()
            return code_refused(_code_problem(why))
        case Limited() as refusal:
            return refused_for_now(refusal)


def _confirmed(done: Confirmed, start: Start | None) -> Response:
    if start and done.session:
        session = started(start, done.user, done.session)
        return reply(AddressConfirmed(session.account, session.token, session.expires_at))
    if bearer_token() is None:
        waiting_claim.settle()
    return reply(AddressConfirmed(account_of(done.user)))


def _code_problem(why: CodeRefusal) -> str:
    match why:
        case CodeRefusal.WRONG:
            return "code_wrong"
        case CodeRefusal.EXPIRED:
            return "code_expired"
        case CodeRefusal.NO_TRIES_FOR_THIS_MAIL | CodeRefusal.NO_TRIES_AT_ALL:
            return "code_tries_used_up"


def _asked_again(result: Resent | TooSoon | SignUpAgain | LinkRefused | Limited) -> Response:
    match result:
        case Resent(_user, asked_on):
            if bearer_token() is None:
                waiting_claim.record_resend(asked_on)
            return reply(status=202)
        case TooSoon(_user, wait):
            return problem("mail_sent_moments_ago", retry_after=wait)
        case SignUpAgain():
            return problem("link_gone")
        case LinkRefused() as refused:
            return link_refused(refused)
        case Limited() as refusal:
            return refused_for_now(refusal)
