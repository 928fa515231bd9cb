"""Registering, and the account itself."""

from flask import Response, session
from msgspec import UNSET, Struct, UnsetType

from app.api.answers import reply
from app.api.authentication import bearer_token, client, viewer_of_request
from app.api.fields import address_of, weak_password, wrong_password
from app.api.operations import Who, operation
from app.api.problems import FieldError, invalid, problem, refused_for_now
from app.api.shapes import (
    Account,
    Cookie,
    DeviceName,
    Email,
    NewPassword,
    Password,
    SignedIn,
    account_of,
)
from app.api.starting import session_answer, start_for
from app.flows import delete as deletion
from app.flows import profile
from app.flows import register as registration
from app.flows.delete import Deleted
from app.flows.profile import ProfileSaved, UnknownLanguage
from app.flows.register import AddressTaken, Registered
from app.flows.results import (
    Busy,
    ChangedElsewhere,
    LastAdministrator,
    Limited,
    WeakPassword,
    WrongPassword,
)
from app.web import waiting_claim

_TAG = "Account"
_UNKNOWN_LANGUAGE = FieldError("language", "language_unknown", "There is no such language here.")


class Registration(Struct, frozen=True):
    """A new account."""

    email: Email
    password: NewPassword
    language: str | None = None
    device: DeviceName = ""
    cookie: Cookie = False


class Changes(Struct, frozen=True):
    """What to change; what is left out stays."""

    language: str | UnsetType | None = UNSET


class Deletion(Struct, frozen=True):
    """The password, as the consent to delete everything."""

    current_password: Password


@operation(
    "POST",
    "/accounts",
    tag=_TAG,
    status=201,
    body=Registration,
    answer=SignedIn,
    repeatable=True,
    problems=("too_many_attempts", "busy"),
)
def register(body: Registration) -> Response:
    """Register an address.

    The answer is the same for an address that has an account already. The address must then be
    confirmed with the link or the code in the mail.
    """
    address = address_of(body.email)
    if not profile.knows_language(body.language):
        return invalid(_UNKNOWN_LANGUAGE)
    start = start_for(body.device, cookie=body.cookie)
    chosen = {"language": body.language} if body.language else {}
    match registration.register(address, body.password, start.client, chosen):
        case Registered(user, entry) | AddressTaken(user, entry):
            answer = session_answer(start, user, entry)
            if start.cookie:
                waiting_claim.begin(user, entry.signed_in_on)
            return answer
        case WeakPassword(weakness=weakness):
            return invalid(weak_password(weakness))
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)


@operation("GET", "/account", tag=_TAG, answer=Account, who=Who.SIGNED_IN)
def show_account() -> Response:
    """Show the account."""
    return reply(account_of(viewer_of_request().user))


@operation(
    "PATCH",
    "/account",
    tag=_TAG,
    body=Changes,
    answer=Account,
    who=Who.SIGNED_IN,
    problems=("changed_elsewhere",),
)
def change_account(body: Changes) -> Response:
    """Change what a person fills in, such as the language."""
    found = viewer_of_request()
    values = {} if body.language is UNSET else {"language": body.language}
    if not values:
        return reply(account_of(found.user))
    match profile.change_profile(found.user, found.session_id, values):
        case ProfileSaved(user):
            if bearer_token() is None:
                waiting_claim.record_language(user.language)
            return reply(account_of(user))
        case UnknownLanguage():
            return invalid(_UNKNOWN_LANGUAGE)
        case ChangedElsewhere():
            return problem("changed_elsewhere")


@operation(
    "DELETE",
    "/account",
    tag=_TAG,
    status=204,
    body=Deletion,
    who=Who.CONFIRMED,
    problems=("last_administrator", "changed_elsewhere", "too_many_attempts", "busy"),
)
def delete_account(body: Deletion) -> Response:
    """Delete the account and everything that is stored about it."""
    match deletion.delete(viewer_of_request().user, body.current_password, client()):
        case Deleted():
            if bearer_token() is None:
                session.clear()
            return reply(status=204)
        case LastAdministrator():
            return problem("last_administrator")
        case WrongPassword():
            return invalid(wrong_password())
        case ChangedElsewhere():
            return problem("changed_elsewhere")
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)
