"""The signer of links, made from the app's settings."""

from functools import cache

from flask import current_app

from app.users.links import LinkSigner, Purpose

_MAX_AGE = {
    Purpose.CONFIRM: "CONFIRM_MAX_AGE",
    Purpose.RESET: "RESET_MAX_AGE",
    Purpose.EMAIL_CHANGE: "EMAIL_CHANGE_MAX_AGE",
    Purpose.EMAIL_UNDO: "EMAIL_UNDO_MAX_AGE",
}


@cache
def _signer(keys: tuple[str, ...], salt: str, max_ages: tuple[int, ...]) -> LinkSigner:
    return LinkSigner(keys, salt, dict(zip(_MAX_AGE, max_ages, strict=True)))


def link_signer() -> LinkSigner:
    """Signs with `SECRET_KEY`, and accepts what a former key has signed."""
    config = current_app.config
    keys = (*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"])
    max_ages = tuple(config[setting] for setting in _MAX_AGE.values())
    return _signer(keys, config["SECURITY_PASSWORD_SALT"], max_ages)
