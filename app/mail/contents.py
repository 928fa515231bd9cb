"""What each kind of letter says. Each kind has a function here and a folder of templates.

The function returns the values for its templates. `context` adds the common values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app

from app.security.signing import link_signer
from app.users.addresses import parse_address
from app.users.letters import LetterKind
from app.users.links import Purpose
from app.users.outbox import LeasedLetter
from app.users.second_factors import FEW_RECOVERY_CODES

Context = dict[str, Any]
Content = Callable[[LeasedLetter], Context]


@dataclass(frozen=True, slots=True)
class MailKind:
    """One kind of mail."""

    label: str
    """The kind's name on the pages for administrators."""
    content: Content


KINDS: dict[str, MailKind] = {}
"""Every kind of mail, by the kind of letter."""


def mail(kind: LetterKind, label: str) -> Callable[[Content], Content]:
    """Registers the function of a kind."""

    def register(content: Content) -> Content:
        KINDS[kind.value] = MailKind(label, content)
        return content

    return register


def context(leased: LeasedLetter) -> Context:
    """The values for the templates of a letter. The link is signed now, just before the mail is
    sent."""
    letter = leased.letter
    return {
        "app_name": current_app.config["APP_NAME"],
        "home_url": _public_url("/"),
        "sign_in_url": _public_url("/login"),
        "forgot_url": _public_url("/forgot"),
        "sessions_url": _public_url("/profile/sessions"),
        "security_url": _public_url("/profile/security"),
        "email": leased.user.email or letter.to,
        "owed_on": letter.owed_on,
        "browser": letter.browser,
        "address": letter.address,
        **KINDS[letter.kind].content(leased),
    }


@mail(LetterKind.CONFIRM, "Confirm the address")
def confirm(leased: LeasedLetter) -> Context:
    """The link and the code that confirm the address."""
    user, days = leased.user, current_app.config["UNCONFIRMED_DAYS"]
    link = _link("/confirm", Purpose.CONFIRM, leased, user.email_key, user.token_version)
    code = link_signer().codes(user.id, user.email_key, user.token_version)[0]
    return link | {"unconfirmed_days": days, "code": f"{code[:3]} {code[3:]}"}


@mail(LetterKind.REMINDER, "Reminder to confirm")
def reminder(leased: LeasedLetter) -> Context:
    """The same link and code, for the last time."""
    return confirm(leased) | {"expires_on": leased.user.expires_on}


@mail(LetterKind.RESET, "Choose a new password")
def reset(leased: LeasedLetter) -> Context:
    """The link to choose a new password."""
    user = leased.user
    return _link("/reset", Purpose.RESET, leased, user.email_key, user.reset_version)


@mail(LetterKind.EMAIL_CHANGE, "Confirm the new address")
def email_change(leased: LeasedLetter) -> Context:
    """To the new address: the link that confirms it."""
    pending = leased.user.pending_email
    if pending is None:
        raise ValueError("the change of address was cancelled")
    key, version = pending.email_key, pending.version
    link = _link("/email/confirm", Purpose.EMAIL_CHANGE, leased, key, version)
    return link | {"new_email": pending.email}


@mail(LetterKind.EMAIL_CHANGED_UNDO, "The address was changed, undo")
def email_changed_undo(leased: LeasedLetter) -> Context:
    """To the old address: the link that undoes the change."""
    letter = leased.letter
    former_key = parse_address(letter.to).key
    link = _link("/email/undo", Purpose.EMAIL_UNDO, leased, former_key, letter.version)
    return link | {"former_email": letter.to, "new_email": letter.other}


@mail(LetterKind.EMAIL_CHANGE_ASKED, "A new address was asked for")
def email_change_asked(leased: LeasedLetter) -> Context:
    """To the old address: a change was asked for."""
    return {"new_email": leased.letter.other}


@mail(LetterKind.EMAIL_CHANGED, "The address was changed")
def email_changed(leased: LeasedLetter) -> Context:
    """To the new address: the account has it now."""
    return {"new_email": leased.letter.to, "former_email": leased.letter.other}


@mail(LetterKind.EMAIL_UNDONE, "The address was restored")
def email_undone(leased: LeasedLetter) -> Context:
    """To both addresses: the former one is restored."""
    return {"former_email": leased.user.email, "undone_email": leased.letter.other}


@mail(LetterKind.PASSKEY_ADDED, "A passkey was added")
@mail(LetterKind.PASSKEY_REMOVED, "A passkey was removed")
@mail(LetterKind.PASSKEY_CLONED, "A passkey was refused")
def about_passkey(leased: LeasedLetter) -> Context:
    """Names the passkey."""
    return {"name": leased.letter.other}


@mail(LetterKind.RECOVERY_CODE_USED, "A recovery code was used")
def recovery_code_used(leased: LeasedLetter) -> Context:
    """How many codes are left now."""
    codes = leased.user.recovery_codes
    left = len(codes.hashes) if codes else 0
    return {"left": left, "few": left <= FEW_RECOVERY_CODES}


@mail(LetterKind.FACTOR_RESET_LINK, "Lost second factor, first link")
def factor_reset_link(leased: LeasedLetter) -> Context:
    """The link that starts the wait."""
    return _factor_link("/factors/reset", Purpose.FACTOR_RESET_START, leased)


@mail(LetterKind.FACTOR_RESET_WAITING, "Lost second factor, waiting")
def factor_reset_waiting(leased: LeasedLetter) -> Context:
    """Until when the wait lasts, and the link that cancels it."""
    waiting = leased.user.factor_reset
    if waiting is None:
        raise ValueError("the reset of the second factors was cancelled")
    keep = _factor_link("/factors/keep", Purpose.FACTOR_KEEP, leased)
    return keep | {"owed_on": waiting.asked_on, "ready_on": waiting.ready_on}


@mail(LetterKind.FACTOR_RESET_READY, "Lost second factor, last link")
def factor_reset_ready(leased: LeasedLetter) -> Context:
    """The link that removes the factors, and the one that cancels."""
    keep = _factor_link("/factors/keep", Purpose.FACTOR_KEEP, leased)
    finish = _factor_link("/factors/reset", Purpose.FACTOR_RESET_FINISH, leased)
    waiting = leased.user.factor_reset
    if waiting is None:
        raise ValueError("the reset of the second factors was cancelled")
    return finish | {"keep_url": keep["link"], "owed_on": waiting.asked_on}


@mail(LetterKind.TOTP_ADDED, "Authenticator app added")
@mail(LetterKind.TOTP_REMOVED, "Authenticator app removed")
@mail(LetterKind.RECOVERY_CODES_MADE, "New recovery codes")
@mail(LetterKind.FACTOR_RESET_CANCELLED, "Lost second factor, cancelled")
@mail(LetterKind.FACTORS_REMOVED, "Second factors removed")
@mail(LetterKind.FACTORS_REMOVED_BY_ADMIN, "Second factors removed by an administrator")
@mail(LetterKind.ACCOUNT_EXISTS, "There is an account already")
@mail(LetterKind.PASSWORD_RESET, "A new password was chosen")
@mail(LetterKind.PASSWORD_CHANGED, "The password was changed")
@mail(LetterKind.NEW_SIGN_IN, "New sign-in")
@mail(LetterKind.ACCOUNT_DELETED, "Goodbye")
@mail(LetterKind.ACCOUNT_REMOVED, "Deleted by an administrator")
@mail(LetterKind.ACCOUNT_DISABLED, "Disabled")
@mail(LetterKind.ACCOUNT_ENABLED, "Enabled again")
@mail(LetterKind.ADMIN_GRANTED, "Made an administrator")
@mail(LetterKind.ADMIN_WITHDRAWN, "Administrator no longer")
def notice(leased: LeasedLetter) -> Context:
    """For letters that need only the common values."""
    return {}


def _factor_link(path: str, purpose: Purpose, leased: LeasedLetter) -> Context:
    """For the address that the letter goes to: after a change of address the link is void."""
    letter = leased.letter
    return _link(path, purpose, leased, parse_address(letter.to).key, letter.version)


def _link(
    path: str, purpose: Purpose, leased: LeasedLetter, email_key: str, version: int
) -> Context:
    signer = link_signer()
    token = signer.mint(purpose, leased.user.id, email_key, version)
    return {
        "link": _public_url(f"{path}/{token}"),
        "valid_for": timedelta(seconds=signer.max_age[purpose]),
    }


def _public_url(path: str) -> str:
    """A URL for a mail. It starts with the setting PUBLIC_URL, so that no Host header can change
    it."""
    return f"{current_app.config['PUBLIC_URL']}{path}"
