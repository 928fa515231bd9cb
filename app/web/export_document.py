"""Everything that is stored about an account, as a JSON document."""

import json
from datetime import datetime
from typing import Any


def as_json(stored: dict[str, Any]) -> str:
    """The document. Times are ISO 8601 in UTC; Flask's own JSON has them in the format of HTTP
    headers."""
    return json.dumps(stored, default=datetime.isoformat, ensure_ascii=False, indent=2)
