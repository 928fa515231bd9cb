"""Signing keys, and the signer of links, made from the app's settings."""

from functools import cache

from flask import Config, current_app

from app.users.links import LinkSigner, Purpose

_MAX_AGE = {
    Purpose.CONFIRM: "CONFIRM_MAX_AGE",
    Purpose.RESET: "RESET_MAX_AGE",
    Purpose.EMAIL_CHANGE: "EMAIL_CHANGE_MAX_AGE",
    Purpose.EMAIL_UNDO: "EMAIL_UNDO_MAX_AGE",
    Purpose.FACTOR_RESET_START: "FACTOR_RESET_START_MAX_AGE",
    Purpose.FACTOR_RESET_FINISH: "FACTOR_RESET_FINISH_MAX_AGE",
    Purpose.FACTOR_KEEP: "FACTOR_RESET_DELAY",
}


@cache
def _signer(keys: tuple[str, ...], salt: str, max_ages: tuple[int, ...]) -> LinkSigner:
    return LinkSigner(keys, salt, dict(zip(_MAX_AGE, max_ages, strict=True)))


def signing_keys(config: Config) -> tuple[str, ...]:
    """The keys in the order of itsdangerous. The last one, `SECRET_KEY`, signs; the keys of
    `SECRET_KEY_FALLBACKS` are accepted too."""
    return (*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"])


def link_signer() -> LinkSigner:
    """The signer of links with this app's settings."""
    config = current_app.config
    max_ages = tuple(config[setting] for setting in _MAX_AGE.values())
    return _signer(signing_keys(config), config["SECURITY_PASSWORD_SALT"], max_ages)
