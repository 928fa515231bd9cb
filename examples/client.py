"""A client of the API in plain Python: registers, waits for the mail, confirms, and signs out.

python examples/client.py http://localhost:5000 ada@example.org
"""

import getpass
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any


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
        """Sends a request, and again after a lost answer or when the API asks to wait."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if method != "GET" else None
        request = urllib.request.Request(self._api + path, data, headers, method=method)
        for tries_left in (2, 1, 0):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return self._taken(json.loads(answer.read() or b"{}"))
            except urllib.error.HTTPError as refusal:
                wait = int(refusal.headers.get("Retry-After", 0))
                if refusal.code != 503 or not tries_left:
                    raise Problem(json.loads(refusal.read())) from None
                time.sleep(wait)
            except urllib.error.URLError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _taken(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._token = answer.get("token") or self._token
        return answer


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
    for session in client.call("GET", "/account/sessions")["sessions"]:
        print("Signed in:", session["name"], session["address"])
    client.call("DELETE", "/session")


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"{problem.code}: {problem}")
