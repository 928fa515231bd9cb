"""A client of the API in plain Python: registers, waits for the mail, confirms, changes the
language, and signs out.

python examples/client.py http://localhost:5000 ada@example.org
"""

import getpass
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

PATIENCE = 60  # seconds; to wait longer is for the person to decide


class Problem(Exception):
    """A refusal of the API; `code` is stable."""

    def __init__(self, details: dict[str, Any]) -> None:
        self.code: str = details["code"]
        errors = [f"{error['field']}: {error['detail']}" for error in details.get("errors", ())]
        super().__init__(" ".join([details["detail"], *errors]))


class Client:
    """A program with its token."""

    def __init__(self, site: str) -> None:
        self._api = f"{site.rstrip('/')}/api/v1"
        self._token = ""

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Sends a request and returns the answer."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if method != "GET" else None
        answer = _send(urllib.request.Request(self._api + path, data, headers, method=method))
        self._token = answer.get("token") or self._token
        return answer


def _send(request: urllib.request.Request, tries_left: int = 2) -> Any:
    """Repeats the request if the answer is lost or the API asks to wait. The Idempotency-Key stays
    the same, so nothing happens twice."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refusal:
        if refusal.headers.get_content_type() != "application/problem+json":
            raise  # a proxy's
        wait = int(refusal.headers.get("Retry-After", PATIENCE + 1))
        if not tries_left or wait > PATIENCE:
            raise Problem(json.load(refusal)) from None
    except (OSError, http.client.HTTPException):
        wait = 1
        if not tries_left:
            raise
    time.sleep(wait)
    return _send(request, tries_left - 1)


def main() -> None:
    """The journey."""
    site, email = sys.argv[1:]
    client = Client(site)
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().strip()
    client.call("POST", "/accounts", email=email, password=password, device="Example client")
    while client.call("GET", "/confirmation")["mail"] == "queued":
        time.sleep(0.2)
    print(f"A mail is on its way to {email}. Its six digits:", flush=True)
    account = client.call("POST", "/confirmation", code=sys.stdin.readline())["account"]
    print("Confirmed on", account["confirmed_on"])
    print("Language:", client.call("PATCH", "/account", language="en")["language"])
    for session in client.call("GET", "/account/sessions")["sessions"]:
        print("Signed in:", session["name"], session["address"])
    client.call("DELETE", "/session")


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"{problem.code}: {problem}")
    except OSError as error:
        sys.exit(f"No answer: {error}")
