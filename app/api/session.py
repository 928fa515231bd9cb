"""Signing in and out, the second step, and proofs of identity."""

from typing import Annotated

from flask import Response, abort
from flask_wtf import csrf
from msgspec import Meta, Struct

from app.api import tickets
from app.api.answers import reply
from app.api.authentication import (
    bearer_token,
    client,
    session_of,
    signed_in,
    user_of,
    viewer_of_request,
)
from app.api.credentials import credential_text
from app.api.fields import address_of, wrong_password
from app.api.operations import Link, Who, operation
from app.api.problems import FieldError, code_refused, invalid, problem, refused_for_now
from app.api.shapes import (
    Account,
    Code,
    Cookie,
    Credential,
    DeviceName,
    Email,
    PasskeyOptions,
    Password,
    SecondFactorDue,
    SignedIn,
    Ticket,
    Time,
    account_of,
)
from app.api.starting import Start, session_answer, start_for
from app.api.tickets import SecondStepTicket
from app.flows import factor_reset, passkey_sign_in, prove, second_step
from app.flows import sign_in as flow
from app.flows.factor_reset import LinkMailed, Waiting
from app.flows.factors import PasskeyRefused, WrongCode
from app.flows.prove import NotEnough, Proved, UsedMeanwhile
from app.flows.results import Busy, ChangedElsewhere, Limited, WrongPassword
from app.flows.second_step import SecondStepDone
from app.flows.sign_in import AccountDisabled, NoMatch, SecondStepDue
from app.flows.sign_in import SignedIn as Started
from app.flows.sign_out import sign_out
from app.security import passkeys
from app.security.passkeys import new_challenge
from app.users.user import User
from app.web import viewer

_TAG = "Session"
_LIMITS = ("too_many_attempts", "busy")
_NO_PROOF = FieldError(
    "current_password", "required", "Send `current_password`, `code` or `credential`."
)
_NO_FACTOR = FieldError("code", "required", "Send `code` or `credential`.")


class SignIn(Struct, frozen=True):
    """Address and password."""

    email: Email
    password: Password
    device: DeviceName = ""
    cookie: Cookie = False


class SecondFactor(Struct, frozen=True):
    """The second step: a code of the app, a recovery code, or the answer of a passkey."""

    ticket: Ticket
    code: Code = ""
    credential: Credential = ""
    trust_browser: Annotated[
        bool,
        Meta(description="Only for a browser: whether it may skip the second step from now on."),
    ] = False


class PasskeySignIn(Struct, frozen=True):
    """The answer of a passkey."""

    ticket: Ticket
    credential: Credential
    device: DeviceName = ""
    cookie: Cookie = False


class Proof(Struct, frozen=True):
    """One of the first three. `credential` needs the ticket of its options."""

    current_password: Password = ""
    code: Code = ""
    credential: Credential = ""
    ticket: Ticket = ""


class LostFactor(Struct, frozen=True):
    """Who has proved the password."""

    ticket: Ticket


class SessionState(Struct, frozen=True):
    """Who is signed in. All is null when nobody is, except for a browser's CSRF token."""

    account: Account | None
    csrf_token: Annotated[
        str | None,
        Meta(description="For the header X-CSRF-Token of a browser; null for a program."),
    ]
    expires_at: Time | None
    proved_at: Annotated[
        Time | None, Meta(description="The last proof that counts for this account.")
    ]


@operation(
    "POST",
    "/session",
    tag=_TAG,
    status=201,
    body=SignIn,
    answer=SignedIn,
    second_answer=(202, SecondFactorDue),
    links=(
        Link("second_factor", "/ticket", body_field="ticket", status=202),
        Link("lost_second_factor", "/ticket", body_field="ticket", status=202),
    ),
    repeatable=True,
    problems=("credentials_wrong", "account_disabled", *_LIMITS),
)
def sign_in(body: SignIn) -> Response:
    """Sign in with address and password.

    Where the account has a second factor, the answer is 202 with a ticket for it.
    """
    address = address_of(body.email)
    start = start_for(body.device, cookie=body.cookie)
    match flow.sign_in(address.key, body.password, start.client, remember=False):
        case Started(user, session):
            return session_answer(start, user, session)
        case SecondStepDue(user):
            if start.cookie:
                viewer.end()
            return reply(second_factor_due(user, body.device, cookie=body.cookie), 202)
        case NoMatch():
            return problem("credentials_wrong")
        case AccountDisabled():
            return problem("account_disabled")
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


@operation(
    "POST",
    "/session/second-factor",
    tag=_TAG,
    status=201,
    body=SecondFactor,
    answer=SignedIn,
    repeatable=True,
    problems=("ticket_invalid", "code_wrong", "passkey_refused", "too_many_attempts"),
)
def second_factor(body: SecondFactor) -> Response:
    """Sign in with the second factor."""
    ticket = tickets.read_second_step(body.ticket)
    if ticket is None:
        return problem("ticket_invalid")
    if not (body.code or body.credential):
        return invalid(_NO_FACTOR)
    start = start_for(ticket.device, cookie=ticket.cookie)
    match _second_step(body, ticket, start):
        case SecondStepDone(user, session):
            return session_answer(start, user, session)
        case WrongCode():
            return code_refused()
        case PasskeyRefused():
            return problem("passkey_refused")
        case ChangedElsewhere():
            return problem("passkey_refused") if body.credential else code_refused()
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation(
    "POST",
    "/session/second-factor/lost",
    tag=_TAG,
    status=202,
    body=LostFactor,
    repeatable=True,
    problems=("ticket_invalid", "reset_waiting", "too_many_attempts"),
)
def lost_second_factor(body: LostFactor) -> Response:
    """Mail the link that starts the wait for the removal of all second factors."""
    factor_resets_or_404()
    ticket = tickets.read_second_step(body.ticket)
    if ticket is None:
        return problem("ticket_invalid")
    match factor_reset.ask_factor_reset(ticket.user, client()):
        case LinkMailed():
            return reply(status=202)
        case Waiting():
            return problem("reset_waiting")
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation(
    "POST",
    "/session/passkey/options",
    tag=_TAG,
    answer=PasskeyOptions,
    links=(
        Link("passkey", "/ticket", body_field="ticket"),
        Link("prove_identity", "/ticket", body_field="ticket"),
    ),
)
def passkey_options() -> Response:
    """Ask what a passkey has to sign, to sign in or as a proof."""
    passkeys_or_404()
    found, challenge = signed_in(), new_challenge()
    ticket = tickets.for_challenge(challenge)
    return reply(PasskeyOptions(ticket, passkeys.request_options(challenge, user_of(found))))


@operation(
    "POST",
    "/session/passkey",
    tag=_TAG,
    status=201,
    body=PasskeySignIn,
    answer=SignedIn,
    repeatable=True,
    problems=("passkey_refused", "account_disabled", "too_many_attempts"),
)
def passkey(body: PasskeySignIn) -> Response:
    """Sign in with a passkey alone. The passkey must have verified its user."""
    passkeys_or_404()
    start = start_for(body.device, cookie=body.cookie)
    challenge, credential = tickets.read_challenge(body.ticket), credential_text(body.credential)
    match passkey_sign_in.sign_in_with_passkey(credential, challenge, start.client, remember=False):
        case Started(user, session):
            return session_answer(start, user, session)
        case PasskeyRefused() | ChangedElsewhere():
            return problem("passkey_refused")
        case AccountDisabled():
            return problem("account_disabled")
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation("GET", "/session", tag=_TAG, answer=SessionState)
def show_session() -> Response:
    """Show who is signed in, and the CSRF token of a browser."""
    token = csrf.generate_csrf() if bearer_token() is None else None
    found = signed_in()
    if found is None:
        return reply(SessionState(None, token, None, None))
    user, session = found.user, session_of(found)
    proved = session.last_proof(strongly=user.has_second_factor)
    return reply(SessionState(account_of(user), token, session.expires_on, proved))


@operation("DELETE", "/session", tag=_TAG, status=204)
def sign_out_session() -> Response:
    """Sign out."""
    if bearer_token() is None:
        viewer.end()
    elif found := signed_in():
        sign_out(found.user.id, found.session_id, decoy=found.decoy)
    return reply(status=204)


@operation(
    "POST",
    "/session/proof",
    tag=_TAG,
    status=204,
    body=Proof,
    who=Who.CONFIRMED_WITHOUT_FACTOR,
    problems=(
        "password_not_enough",
        "code_wrong",
        "passkey_refused",
        "changed_elsewhere",
        *_LIMITS,
    ),
)
def prove_identity(body: Proof) -> Response:
    """Prove again who you are. The proof lasts ten minutes."""
    if not (body.credential or body.code or body.current_password):
        return invalid(_NO_PROOF)
    match _prove(body):
        case Proved():
            return reply(status=204)
        case WrongPassword():
            return invalid(wrong_password())
        case NotEnough():
            return problem("password_not_enough")
        case WrongCode() | UsedMeanwhile():
            return code_refused()
        case PasskeyRefused():
            return problem("passkey_refused")
        case ChangedElsewhere():
            return problem("changed_elsewhere")
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


def second_factor_due(user: User, device: str, *, cookie: bool) -> SecondFactorDue:
    """The ticket, and what this account can use."""
    challenge = new_challenge()
    with_passkey = passkeys.offered() and bool(user.passkeys)
    methods = {
        "totp": user.totp is not None,
        "recovery_code": bool(user.recovery_codes and user.recovery_codes.hashes),
        "passkey": with_passkey,
    }
    return SecondFactorDue(
        tickets.for_second_step(user, challenge, device=device, cookie=cookie),
        [name for name, usable in methods.items() if usable],
        passkeys.request_options(challenge, user) if with_passkey else None,
    )


def passkeys_or_404() -> None:
    """Aborts where passkeys do not work: the app has no host name."""
    if not passkeys.offered():
        abort(404)


def factor_resets_or_404() -> None:
    """Aborts while the setting turns the removal of lost factors off."""
    if not factor_reset.is_offered():
        abort(404)


def _second_step(
    body: SecondFactor, ticket: SecondStepTicket, start: Start
) -> SecondStepDone | WrongCode | PasskeyRefused | ChangedElsewhere | Limited:
    user = ticket.user
    if body.credential:
        credential = credential_text(body.credential)
        return second_step.by_passkey(
            user, credential, ticket.challenge, start.client, remember=False
        )
    trust = body.trust_browser and start.cookie
    return second_step.by_code(user, body.code, start.client, remember=False, trust=trust)


def _prove(
    body: Proof,
) -> (
    Proved
    | WrongPassword
    | ChangedElsewhere
    | NotEnough
    | WrongCode
    | UsedMeanwhile
    | PasskeyRefused
    | Limited
    | Busy
):
    """Checks what was sent: the passkey, else the code, else the password."""
    found = viewer_of_request()
    user, session_id = found.user, found.session_id
    if body.credential:
        credential, challenge = (
            credential_text(body.credential),
            tickets.read_challenge(body.ticket),
        )
        return prove.prove_by_passkey(user, session_id, credential, challenge, client())
    if body.code:
        return prove.prove_by_code(user, session_id, body.code, client())
    return prove.prove_by_password(user, session_id, body.current_password, client())
