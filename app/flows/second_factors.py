"""Adding and removing second factors, and what the page about security says.

The faces ask for a proof of identity first.
"""

from dataclasses import dataclass
from enum import Enum, auto

from app.flows.factor_reset import announced_reset
from app.flows.factors import WrongCode, plain_code
from app.flows.results import ChangedElsewhere, Limited
from app.mongo import users
from app.observability import audit_log
from app.security import passkeys, rate_limits, recovery_codes, totp
from app.security.passkeys import Challenge, PasskeyRefusal
from app.users.client import Client
from app.users.clock import utcnow
from app.users.second_factors import FEW_RECOVERY_CODES, MAX_PASSKEYS, Passkey
from app.users.user import User


class NextStep(Enum):
    """The next sensible step of a person who wants to guard the account."""

    DECIDE_ABOUT_RESET = auto()
    """A reset of the second factors waits."""
    ADD_PASSKEY = auto()
    ADD_APP = auto()
    NEW_CODES = auto()
    """Few recovery codes are left."""
    ADD_ANOTHER = auto()
    """The only factor is on one device."""
    NONE = auto()


@dataclass(frozen=True, slots=True)
class FactorAdded:
    """The factor is active. `codes` are the recovery codes if it is the first one; they are shown
    now and never again."""

    codes: list[str]


@dataclass(frozen=True, slots=True)
class HasAppAlready:
    """The account has an authenticator app. Nothing was done."""


@dataclass(frozen=True, slots=True)
class CreationRefused:
    """The answer of the browser is not valid. Nothing was done."""

    why: PasskeyRefusal


@dataclass(frozen=True, slots=True)
class NotAdded:
    """The passkey is in use already, by this account or another one, or the factors were changed
    meanwhile. Pages must not say which."""


@dataclass(frozen=True, slots=True)
class TooManyPasskeys:
    """The account has as many passkeys as it may have."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """The passkey has a new name."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The factor is gone; `last` if a password alone signs in again."""

    last: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class NoSuchFactor:
    """The account does not have this factor, or has it no more."""


@dataclass(frozen=True, slots=True)
class CodesMade:
    """The ten new recovery codes. They are shown now and never again."""

    codes: list[str]


def next_step(user: User) -> NextStep:
    """What the page offers first."""
    if announced_reset(user):
        return NextStep.DECIDE_ABOUT_RESET
    if not user.has_second_factor:
        return NextStep.ADD_PASSKEY if passkeys.offered() else NextStep.ADD_APP
    if codes_left(user) <= FEW_RECOVERY_CODES:
        return NextStep.NEW_CODES
    only_here = not user.totp and len(user.passkeys) == 1 and not user.passkeys[0].synced
    if only_here:
        return NextStep.ADD_ANOTHER
    if not user.passkeys and passkeys.offered():
        return NextStep.ADD_PASSKEY
    return NextStep.NONE


def codes_left(user: User) -> int:
    """How many recovery codes the account has."""
    return len(user.recovery_codes.hashes) if user.recovery_codes else 0


def add_app(
    user: User, session_id: str, typed: str, client: Client
) -> FactorAdded | WrongCode | HasAppAlready | ChangedElsewhere | Limited:
    """Adds the authenticator app that shows this code for the secret of the session."""
    if user.totp:
        return HasAppAlready()
    if limited := rate_limits.check(*rate_limits.second_factor_of(user, client)):
        return limited
    now = utcnow()
    app = totp.new_totp(user, session_id, plain_code(typed), now)
    if app is None:
        audit_log.record("second_factor_refused", outcome="refused", account=user.id, kind="code")
        return WrongCode()
    codes, hashes = _codes_for_first_factor(user)
    if users.add_totp(user, app, session_id, now, client, hashes):
        return FactorAdded(codes)
    return ChangedElsewhere()


def remove_app(user: User, client: Client) -> Removed | NoSuchFactor | ChangedElsewhere:
    """Removes the authenticator app."""
    if not user.totp:
        return NoSuchFactor()
    if users.remove_totp(user, utcnow(), client):
        return Removed(last=not user.passkeys)
    return ChangedElsewhere()


def add_passkey(
    user: User,
    session_id: str,
    credential: str,
    challenge: Challenge | None,
    client: Client,
    name: str,
    proposal: str = "",
) -> FactorAdded | CreationRefused | NotAdded | TooManyPasskeys | Limited:
    """Adds the passkey that a browser has made.

    Args:
        credential: the answer of the browser.
        name: as typed; may be empty.
        proposal: the name of a passkey whose maker is unknown.
    """
    if len(user.passkeys) >= MAX_PASSKEYS:
        return TooManyPasskeys()
    if limited := rate_limits.check(rate_limits.by_client("passkey", client)):
        return limited
    now = utcnow()
    passkey = passkeys.verify_creation(credential, challenge, name, now, proposal)
    if isinstance(passkey, PasskeyRefusal):
        _record_refusal(user, passkey.name.lower())
        return CreationRefused(passkey)
    codes, hashes = _codes_for_first_factor(user)
    # The index decides between two accounts at once. mongomock has no such index.
    known = users.find_by_passkey(passkey.id)
    if known is None and users.add_passkey(user, passkey, session_id, now, client, hashes):
        return FactorAdded(codes)
    _record_refusal(user, "not_added")
    return NotAdded()


def rename_passkey(user: User, handle: str, name: str) -> Renamed | NoSuchFactor:
    """Gives a passkey another name."""
    passkey = user.passkey(handle)
    if passkey and users.rename_passkey(user, passkey, passkeys.written_name(name)):
        return Renamed()
    return NoSuchFactor()


def remove_passkey(
    user: User, handle: str, client: Client
) -> Removed | NoSuchFactor | ChangedElsewhere:
    """Removes a passkey."""
    passkey = user.passkey(handle)
    if passkey is None:
        return NoSuchFactor()
    if users.remove_passkey(user, passkey, utcnow(), client):
        return Removed(_is_last(user, passkey), passkey.name)
    return ChangedElsewhere()


def make_codes(user: User, client: Client) -> CodesMade | NoSuchFactor | ChangedElsewhere:
    """Replaces all recovery codes. Without a second factor there is nothing to recover."""
    if not user.has_second_factor:
        return NoSuchFactor()
    codes = recovery_codes.new_codes()
    if users.make_recovery_codes(user, recovery_codes.hashes_of(codes, user), utcnow(), client):
        return CodesMade(codes)
    return ChangedElsewhere()


def dismiss_offer(user: User) -> None:
    """Never offers a passkey again after a sign-in."""
    users.dismiss_passkey_offer(user)


def _codes_for_first_factor(user: User) -> tuple[list[str], list[str]]:
    """New codes and their hashes; none when the account has a factor, and so codes, already."""
    if user.has_second_factor:
        return [], []
    codes = recovery_codes.new_codes()
    return codes, recovery_codes.hashes_of(codes, user)


def _is_last(user: User, passkey: Passkey) -> bool:
    return not user.totp and user.passkeys == (passkey,)


def _record_refusal(user: User, reason: str) -> None:
    audit_log.record(
        "second_factor_refused",
        outcome="refused",
        account=user.id,
        kind="passkey",
        reason=reason,
    )
