"""Frozen views of stored documents."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bson import ObjectId

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentView:
    """Reads a document or a part of one.

    A missing field takes its default, and unknown keys are ignored. So documents of older and newer
    versions can be read.
    """

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in document.items() if name in names})


def random_id() -> ObjectId:
    """A random id for an account.

    An ordinary ObjectId contains a time and the id of a process. The cookie shows the id, so a
    visitor could tell a new account from a decoy.
    """
    return ObjectId(secrets.token_bytes(12))
