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

    A field that the document lacks takes its default. A key that the view does not know is passed
    over, so that documents of older and newer versions can be read.
    """

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in document.items() if name in names})


def random_id() -> ObjectId:
    """A random id for an account.

    An ordinary ObjectId tells when and by which process it was made. The cookie shows the id, so
    that would tell a new account from an address that is taken.
    """
    return ObjectId(secrets.token_bytes(12))
