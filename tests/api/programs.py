"""Programs that use the API: with a bearer token, or in a browser with the cookie."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.web.api_paths import API
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD


class Program:
    """A program on its own machine. It keeps the token of the last sign-in."""

    cookie = False

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client(use_cookies=self.cookie)
        self.token = ""

    def headers(self) -> dict[str, str]:
        """What each request carries."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Sends a request; `headers` are added to those of the program."""
        headers = self.headers() | options.pop("headers", {})
        return self.client.open(f"{API}{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Reads."""
        return self.call("GET", path, **options)

    def post(self, path: str, **body: Any) -> TestResponse:
        """Sends a body."""
        return self.call("POST", path, json=body)

    def register(self, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        """Signs up."""
        return self._started(self._start("/accounts", email=email, password=password, **more))

    def sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        """Signs in. The second step, if one is due, must follow."""
        return self._started(self._start("/session", email=email, password=password, **more))

    def confirm(self, mailbox: Mailbox, email: str) -> TestResponse:
        """Confirms with the code of the newest mail."""
        return self.post("/confirmation", code=mailbox.newest(email).code)

    def take(self, answer: TestResponse) -> TestResponse:
        """Keeps the session of an answer."""
        return self._started(answer)

    def _start(self, path: str, **body: Any) -> TestResponse:
        return self.post(path, **body)

    def _started(self, answer: TestResponse) -> TestResponse:
        if answer.is_json and answer.json and answer.json.get("token"):
            self.token = answer.json["token"]
        return answer


class BrowserApp(Program):
    """An app in a browser, on the site itself: with the cookie and the CSRF token."""

    cookie = True

    def headers(self) -> dict[str, str]:
        answer = self.client.get(f"{API}/session")
        assert answer.json
        return {"X-CSRF-Token": answer.json["csrf_token"]}

    def _start(self, path: str, **body: Any) -> TestResponse:
        return self.post(path, **body, cookie=True)
