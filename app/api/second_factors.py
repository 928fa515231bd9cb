"""Second factors of the account, and the way back when they are lost."""

from typing import Annotated

from flask import Response, request
from msgspec import UNSET, Meta, Struct, UnsetType

from app.api import tickets
from app.api.answers import reply
from app.api.authentication import client, signed_in, user_of, viewer_of_request
from app.api.confirmation import LINKS
from app.api.credentials import credential_text
from app.api.fields import wrong_password
from app.api.operations import Link, Who, operation
from app.api.problems import (
    FieldError,
    code_refused,
    invalid,
    link_refused,
    problem,
    refused_for_now,
)
from app.api.session import factor_resets_or_404, passkeys_or_404
from app.api.shapes import Code, Credential, LinkToken, PasskeyOptions, Password, Ticket, Time
from app.flows import factor_reset
from app.flows import second_factors as flow
from app.flows.factor_reset import FactorsKept, FactorsRemoved, Finishable, Waiting
from app.flows.factors import WrongCode
from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, ChangedElsewhere, Limited, WrongPassword
from app.flows.second_factors import (
    CodesMade,
    CreationRefused,
    FactorAdded,
    HasAppAlready,
    NoSuchFactor,
    NotAdded,
    Removed,
    Renamed,
    TooManyPasskeys,
)
from app.security import passkeys, totp
from app.security.passkeys import new_challenge, written_name
from app.web.second_factor_policy import lacks_factor

_TAG = "Second factors"
_PATH = "/account/second-factors"
_WHO = Who.CONFIRMED_WITHOUT_FACTOR
_NO_NAME = FieldError("name", "required", "Enter a name.")


class Totp(Struct, frozen=True):
    """The authenticator app."""

    added_at: Time
    last_used_at: Time | None


class Passkey(Struct, frozen=True):
    """A passkey."""

    id: str
    name: str
    added_at: Time
    last_used_at: Time | None
    synced: bool


class RecoveryCodes(Struct, frozen=True):
    """The recovery codes; the codes themselves are shown only when they are made."""

    left: int
    made_at: Time


class WaitingRemoval(Struct, frozen=True):
    """A removal of all second factors that waits."""

    asked_at: Time
    ready_at: Time


class SecondFactors(Struct, frozen=True):
    """How the account is guarded."""

    required: Annotated[
        bool,
        Meta(
            description="Whether the policy asks this person for a second factor that is missing."
        ),
    ]
    totp: Totp | None
    passkeys: list[Passkey]
    recovery_codes: RecoveryCodes | None
    waiting_removal: WaitingRemoval | None


class TotpSetup(Struct, frozen=True):
    """The secret for an authenticator app."""

    secret: str
    uri: Annotated[str, Meta(description="What the QR code holds.")]


class Codes(Struct, frozen=True):
    """New recovery codes, shown now and never again; empty unless this is the first factor."""

    codes: list[str]


class AppCode(Struct, frozen=True):
    """The code that the app shows now."""

    code: Code


class NewPasskey(Struct, frozen=True):
    """The passkey that the browser has made."""

    ticket: Ticket
    credential: Credential
    name: str = ""


class PasskeyName(Struct, frozen=True):
    """Another name."""

    name: str


class ResetStep(Struct, frozen=True):
    """The token of the first or of the last link; the last one needs the password."""

    token: LinkToken
    password: Password | UnsetType = UNSET


class Keeping(Struct, frozen=True):
    """The token of the link that cancels."""

    token: LinkToken


class ResetWaits(Struct, frozen=True):
    """When the last mail and its link come."""

    ready_at: Time


@operation(
    "GET",
    _PATH,
    tag=_TAG,
    answer=SecondFactors,
    who=_WHO,
    links=(
        Link("rename_passkey", "/passkeys/0/id", parameter="id"),
        Link("remove_passkey", "/passkeys/0/id", parameter="id"),
    ),
)
def show_second_factors() -> Response:
    """Show how the account is guarded."""
    user = viewer_of_request().user
    app, codes = user.totp, user.recovery_codes
    waiting = factor_reset.announced_reset(user)
    return reply(
        SecondFactors(
            required=lacks_factor(user),
            totp=Totp(app.added_on, app.used_on) if app else None,
            passkeys=[
                Passkey(one.handle, one.name, one.added_on, one.used_on, one.synced)
                for one in user.passkeys
            ],
            recovery_codes=RecoveryCodes(len(codes.hashes), codes.made_on) if codes else None,
            waiting_removal=WaitingRemoval(waiting.asked_on, waiting.ready_on) if waiting else None,
        )
    )


@operation(
    "POST",
    f"{_PATH}/totp",
    tag=_TAG,
    status=201,
    answer=TotpSetup,
    who=_WHO,
    proof=True,
    repeatable=True,
    problems=("totp_exists",),
)
def set_totp_up() -> Response:
    """Get the secret for an authenticator app. Its first code activates it."""
    found = viewer_of_request()
    if found.user.totp:
        return problem("totp_exists")
    secret = totp.setup_secret(found.user, found.session_id)
    return reply(TotpSetup(secret, totp.otpauth_uri(secret, found.user)), 201)


@operation(
    "POST",
    f"{_PATH}/totp/activate",
    tag=_TAG,
    body=AppCode,
    answer=Codes,
    who=_WHO,
    proof=True,
    repeatable=True,
    problems=("code_wrong", "totp_exists", "changed_elsewhere", "too_many_attempts"),
)
def activate_totp(body: AppCode) -> Response:
    """Add the authenticator app that shows this code."""
    found = viewer_of_request()
    match flow.add_app(found.user, found.session_id, body.code, client()):
        case FactorAdded(codes):
            return reply(Codes(codes))
        case WrongCode():
            return code_refused()
        case HasAppAlready():
            return problem("totp_exists")
        case ChangedElsewhere():
            return problem("changed_elsewhere")
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation(
    "DELETE",
    f"{_PATH}/totp",
    tag=_TAG,
    status=204,
    who=_WHO,
    proof=True,
    problems=("not_found", "changed_elsewhere"),
)
def remove_totp() -> Response:
    """Remove the authenticator app."""
    return _removed(flow.remove_app(viewer_of_request().user, client()))


@operation(
    "POST",
    f"{_PATH}/passkeys/options",
    tag=_TAG,
    answer=PasskeyOptions,
    who=_WHO,
    proof=True,
    parameters=("mode",),
    links=(Link("add_passkey", "/ticket", body_field="ticket"),),
)
def passkey_creation_options() -> Response:
    """Ask what a new passkey has to sign; `mode=conditional` if the browser makes it quietly."""
    passkeys_or_404()
    found = viewer_of_request()
    challenge = new_challenge(conditional=request.args.get("mode") == "conditional")
    ticket = tickets.for_challenge(challenge, found.session_id)
    return reply(PasskeyOptions(ticket, passkeys.creation_options(found.user, challenge)))


@operation(
    "POST",
    f"{_PATH}/passkeys",
    tag=_TAG,
    status=201,
    body=NewPasskey,
    answer=Codes,
    who=_WHO,
    proof=True,
    repeatable=True,
    problems=("passkey_refused", "too_many_passkeys", "too_many_attempts"),
)
def add_passkey(body: NewPasskey) -> Response:
    """Add a passkey."""
    passkeys_or_404()
    found, asks = viewer_of_request(), client()
    challenge = tickets.read_challenge(body.ticket, found.session_id)
    match flow.add_passkey(
        found.user,
        found.session_id,
        credential_text(body.credential),
        challenge,
        asks,
        body.name,
        asks.program.name if asks.program else "",
    ):
        case FactorAdded(codes):
            return reply(Codes(codes), 201)
        case CreationRefused() | NotAdded():
            return problem("passkey_refused")
        case TooManyPasskeys():
            return problem("too_many_passkeys")
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation(
    "PATCH",
    f"{_PATH}/passkeys/<string(length=16):handle>",
    tag=_TAG,
    status=204,
    body=PasskeyName,
    who=_WHO,
    problems=("not_found",),
)
def rename_passkey(handle: str, body: PasskeyName) -> Response:
    """Give a passkey another name."""
    if not written_name(body.name):
        return invalid(_NO_NAME)
    match flow.rename_passkey(viewer_of_request().user, handle, body.name):
        case Renamed():
            return reply(status=204)
        case NoSuchFactor():
            return problem("not_found")


@operation(
    "DELETE",
    f"{_PATH}/passkeys/<string(length=16):handle>",
    tag=_TAG,
    status=204,
    who=_WHO,
    proof=True,
    problems=("not_found", "changed_elsewhere"),
)
def remove_passkey(handle: str) -> Response:
    """Remove a passkey."""
    return _removed(flow.remove_passkey(viewer_of_request().user, handle, client()))


@operation(
    "POST",
    f"{_PATH}/recovery-codes",
    tag=_TAG,
    status=201,
    answer=Codes,
    who=_WHO,
    proof=True,
    repeatable=True,
    problems=("no_second_factor", "changed_elsewhere"),
)
def make_recovery_codes() -> Response:
    """Make ten new recovery codes. The old ones stop working."""
    match flow.make_codes(viewer_of_request().user, client()):
        case CodesMade(codes):
            return reply(Codes(codes), 201)
        case NoSuchFactor():
            return problem("no_second_factor")
        case ChangedElsewhere():
            return problem("changed_elsewhere")


@operation("DELETE", f"{_PATH}/removal", tag=_TAG, status=204, who=_WHO)
def keep_second_factors() -> Response:
    """Cancel a removal of the second factors that waits."""
    factor_resets_or_404()
    factor_reset.keep(viewer_of_request().user, client())
    return reply(status=204)


@operation(
    "POST",
    "/second-factors/reset",
    tag=_TAG,
    status=202,
    body=ResetStep,
    answer=ResetWaits,
    second_answer=(204, None),
    repeatable=True,
    problems=("password_required", *LINKS, "too_many_attempts", "busy"),
)
def reset_second_factors(body: ResetStep) -> Response:
    """Follow a mailed link: the first one starts the wait, the last one removes the factors."""
    factor_resets_or_404()
    password = None if body.password is UNSET else body.password
    viewer = user_of(signed_in())
    match factor_reset.follow_factor_reset(body.token, viewer, password, client()):
        case Waiting(reset=reset):
            return reply(ResetWaits(reset.ready_on), 202)
        case FactorsRemoved():
            return reply(status=204)
        case Finishable():
            return problem("password_required")
        case WrongPassword():
            return invalid(wrong_password("password"))
        case LinkRefused() as refused:
            return link_refused(refused)
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


@operation("POST", "/second-factors/keep", tag=_TAG, status=204, body=Keeping, problems=LINKS)
def keep_second_factors_by_link(body: Keeping) -> Response:
    """Cancel a removal of the second factors by its link."""
    factor_resets_or_404()
    match factor_reset.keep_by_link(body.token, user_of(signed_in()), client()):
        case FactorsKept():
            return reply(status=204)
        case LinkRefused() as refused:
            return link_refused(refused)


def _removed(result: Removed | NoSuchFactor | ChangedElsewhere) -> Response:
    match result:
        case Removed():
            return reply(status=204)
        case NoSuchFactor():
            return problem("not_found")
        case ChangedElsewhere():
            return problem("changed_elsewhere")
