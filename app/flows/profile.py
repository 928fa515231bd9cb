"""Changing what a person fills in about the account."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.flows.results import ChangedElsewhere
from app.security.decoys import waiting_store
from app.users.languages import LANGUAGES
from app.users.user import Decoy, User


@dataclass(frozen=True, slots=True)
class ProfileSaved:
    """The values are stored."""

    user: User


@dataclass(frozen=True, slots=True)
class UnknownLanguage:
    """There is no such language here. Nothing was done."""


def change_profile(
    user: User, session_id: str, values: Mapping[str, Any]
) -> ProfileSaved | UnknownLanguage | ChangedElsewhere:
    """Stores values of editable fields; `user` may be a decoy."""
    if not knows_language(values.get("language")):
        return UnknownLanguage()
    saved = waiting_store(user).set_profile(user, session_id, values)
    # The decoy of a browser is in its cookie.
    if saved or isinstance(user, Decoy):
        return ProfileSaved(replace(user, **values))
    return ChangedElsewhere()


def knows_language(tag: str | None) -> bool:
    """Whether an account can have this language; None stands for no choice."""
    return tag is None or tag in LANGUAGES
