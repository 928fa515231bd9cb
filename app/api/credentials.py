"""Answers of passkeys in bodies."""

import json
from typing import Any


def credential_text(credential: dict[str, Any] | str) -> str:
    """The answer of a browser as JSON text, which the flows read."""
    return credential if isinstance(credential, str) else json.dumps(credential)
