"""The signer of links, made from the app's settings."""

from functools import cache

from flask import current_app

from app.users.links import LinkSigner, Purpose


@cache
def _signer(keys: tuple[str, ...], salt: str, confirm_max_age: int) -> LinkSigner:
    return LinkSigner(keys, salt, {Purpose.CONFIRM: confirm_max_age})


def link_signer() -> LinkSigner:
    """Signs with `SECRET_KEY`, and accepts what a former key has signed."""
    config = current_app.config
    keys = (*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"])
    return _signer(keys, config["SECURITY_PASSWORD_SALT"], config["CONFIRM_MAX_AGE"])
