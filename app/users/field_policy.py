"""What becomes of each field of an account.

An account passes from one person to another when a newer registration takes it over, when the
owner of the mailbox resets the password, and when the former address takes it back. Everything that
the earlier person planted must be gone then. So every field of `User` declares which of these three
events clear it, and the updates are derived from that (see `cleared_by`). A field without this
declaration is an error at start-up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from typing import Any

KEPT, CLEARED = False, True


class Cause(Enum):
    """When an account may pass to another person."""

    TAKEOVER = "takeover"
    """A newer registration of an unconfirmed address."""
    RESET = "reset"
    """A new password through a mailed link."""
    UNCONFIRMED_RESET = "unconfirmed_reset"
    """The same for an unconfirmed account, where an earlier claim may have planted anything."""
    UNDO = "undo"
    """The former address takes the account back."""


def unchanged(value: Any) -> Any:
    """For `export_value`: the value as it is."""
    return value


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """What becomes of one field."""

    takeover: bool
    reset: bool
    unconfirmed_reset: bool
    undo: bool
    export: str | None
    """The field's name in the export; None for keys and for fields that the export shows
    elsewhere."""
    export_value: Callable[[Any], Any] = unchanged
    """What the export shows of the value."""
    editable: bool = False
    """Whether the person may fill it in. Only such fields can be set at registration."""


def declared(
    default: Any = MISSING,
    *,
    takeover: bool,
    reset: bool,
    undo: bool,
    export: str | None,
    export_value: Callable[[Any], Any] = unchanged,
    editable: bool = False,
    unconfirmed_reset: bool | None = None,
) -> Any:
    """A dataclass field with its policy.

    Args:
        unconfirmed_reset: if None, as `reset`.
    """
    unconfirmed = reset if unconfirmed_reset is None else unconfirmed_reset
    policy = FieldPolicy(takeover, reset, unconfirmed, undo, export, export_value, editable)
    return field(default=default, metadata={"policy": policy})


def policies_of(view: type[Any]) -> dict[str, FieldPolicy]:
    """The policy of each field.

    Raises:
        TypeError: a field has no policy.
    """
    undeclared = [one.name for one in fields(view) if "policy" not in one.metadata]
    if undeclared:
        raise TypeError(f"{view.__name__} does not declare what becomes of {', '.join(undeclared)}")
    return {one.name: one.metadata["policy"] for one in fields(view)}


def cleared_by(
    cause: Cause, policies: Mapping[str, FieldPolicy], replaced: Iterable[str] = ()
) -> dict[str, str]:
    """For `$unset`: every field that the cause clears, except those that get a new value."""
    new = set(replaced)
    return {
        name: ""
        for name, policy in policies.items()
        if getattr(policy, cause.value) and name not in new
    }


def only(*names: str) -> Callable[[Any], Any]:
    """For `export_value`: these parts of a view, or of each view in a list."""

    def parts(value: Any) -> Any:
        if isinstance(value, tuple):
            return [parts(one) for one in value]
        return value and {name: getattr(value, name) for name in names}

    return parts
