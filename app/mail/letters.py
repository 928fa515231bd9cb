"""What each kind of letter says: one function a kind, and one folder of templates of its name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app

from app.links import link_signer
from app.phrases import browser, duration
from app.users.addresses import parse_address
from app.users.letters import LetterKind
from app.users.links import Purpose
from app.users.outbox import Claim

Context = dict[str, Any]


def public_url(path: str) -> str:
    """A link for a mail: built on the setting, so that no Host header can move it."""
    return f"{current_app.config['PUBLIC_URL']}{path}"


def _link(path: str, purpose: Purpose, claim: Claim, email_key: str, version: int) -> Context:
    """A link whose time runs from now, since the mail leaves now."""
    signer = link_signer()
    return {
        "link": public_url(f"{path}/{signer.mint(purpose, claim.user.id, email_key, version)}"),
        "valid_for": duration(timedelta(seconds=signer.max_age[purpose])),
    }


def confirm(claim: Claim) -> Context:
    """The link that proves the address."""
    user, days = claim.user, current_app.config["UNCONFIRMED_DAYS"]
    link = _link("/confirm", Purpose.CONFIRM, claim, user.email_key, user.token_version)
    code = link_signer().codes(user.id, user.email_key, user.token_version)[0]
    return link | {"unconfirmed_days": days, "code": f"{code[:3]} {code[3:]}"}


def reminder(claim: Claim) -> Context:
    """The same, for the last time."""
    return confirm(claim) | {"expires_on": claim.user.expires_on}


def reset(claim: Claim) -> Context:
    """The link to choose a new password."""
    user = claim.user
    return _link("/reset", Purpose.RESET, claim, user.email_key, user.reset_version)


def email_change(claim: Claim) -> Context:
    """To the new address: the link that proves it."""
    pending = claim.user.pending_email
    if pending is None:
        raise ValueError("the change was voided, so the letter is overtaken")
    link = _link("/email/confirm", Purpose.EMAIL_CHANGE, claim, pending.email_key, pending.version)
    return link | {"new_email": pending.email}


def email_changed_undo(claim: Claim) -> Context:
    """To the old address: the link that takes the change back."""
    letter = claim.letter
    former_key = parse_address(letter.to).key
    link = _link("/email/undo", Purpose.EMAIL_UNDO, claim, former_key, letter.version)
    return link | {"former_email": letter.to, "new_email": letter.other}


def email_change_asked(claim: Claim) -> Context:
    """To the old address: that a change was asked for."""
    return {"new_email": claim.letter.other}


def email_changed(claim: Claim) -> Context:
    """To the new address: that it is the account's now."""
    return {"new_email": claim.letter.to, "former_email": claim.letter.other}


def email_undone(claim: Claim) -> Context:
    """To both addresses: that the former one is restored."""
    return {"former_email": claim.user.email, "undone_email": claim.letter.other}


def notice(claim: Claim) -> Context:
    """That something happened: the common part of every letter says what it needs."""
    return {}


LETTERS: dict[LetterKind, Callable[[Claim], Context]] = {
    LetterKind.CONFIRM: confirm,
    LetterKind.REMINDER: reminder,
    LetterKind.ACCOUNT_EXISTS: notice,
    LetterKind.RESET: reset,
    LetterKind.PASSWORD_RESET: notice,
    LetterKind.PASSWORD_CHANGED: notice,
    LetterKind.EMAIL_CHANGE: email_change,
    LetterKind.EMAIL_CHANGE_ASKED: email_change_asked,
    LetterKind.EMAIL_CHANGED: email_changed,
    LetterKind.EMAIL_CHANGED_UNDO: email_changed_undo,
    LetterKind.EMAIL_UNDONE: email_undone,
    LetterKind.NEW_SIGN_IN: notice,
    LetterKind.ACCOUNT_DELETED: notice,
    LetterKind.ACCOUNT_REMOVED: notice,
    LetterKind.ACCOUNT_DISABLED: notice,
    LetterKind.ACCOUNT_ENABLED: notice,
    LetterKind.ADMIN_GRANTED: notice,
    LetterKind.ADMIN_WITHDRAWN: notice,
}


def context(claim: Claim) -> Context:
    """All that the templates of a letter may use; its link is signed now."""
    letter = claim.letter
    return {
        "app_name": current_app.config["APP_NAME"],
        "home_url": public_url("/"),
        "sign_in_url": public_url("/login"),
        "forgot_url": public_url("/forgot"),
        "sessions_url": public_url("/profile/sessions"),
        "email": claim.user.email or letter.to,
        "owed_on": letter.owed_on,
        "browser": browser(letter.browser),
        "address": letter.address,
        **LETTERS[letter.kind](claim),
    }
