"""What each kind of letter says: one function a kind, and one folder of templates of its name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app

from app.links import link_signer
from app.phrases import duration
from app.users.letters import LetterKind
from app.users.links import Purpose
from app.users.outbox import Claim

Context = dict[str, Any]


def public_url(path: str) -> str:
    """A link for a mail: built on the setting, so that no Host header can move it."""
    return f"{current_app.config['PUBLIC_URL']}{path}"


def confirm(claim: Claim) -> Context:
    """The link that proves the address; its time runs from now, since the mail leaves now."""
    user = claim.user
    token = link_signer().mint(Purpose.CONFIRM, user.id, user.email_key, user.token_version)
    return {
        "link": public_url(f"/confirm/{token}"),
        "valid_for": duration(timedelta(seconds=current_app.config["CONFIRM_MAX_AGE"])),
        "unconfirmed_days": current_app.config["UNCONFIRMED_DAYS"],
    }


def account_exists(claim: Claim) -> Context:
    """To an owner whose address somebody, perhaps they, tried to register again."""
    return {"sign_in_url": public_url("/login"), "forgot_url": None}


LETTERS: dict[LetterKind, Callable[[Claim], Context]] = {
    LetterKind.CONFIRM: confirm,
    LetterKind.ACCOUNT_EXISTS: account_exists,
}
