"""The faces of the app, with one vocabulary: what a person does on pages, and a program by the API.

Each step returns what became of it, in the words of the API: `done`, or the code of a refusal. The
face of the pages reads it off the page that a person sees.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask
from werkzeug.test import TestResponse

from tests.api.programs import BrowserApp, Program
from tests.authenticator import AuthenticatorApp
from tests.journeys import factors
from tests.planted_factors import SECOND, use_passkey
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD, Visitor, alert, errors, soup

DONE = "done"

# The links in mails, and where programs send their tokens.
LINKS = {
    "confirm": "/confirmation",
    "reset": "/password/reset",
    "email/confirm": "/email/confirm",
    "email/undo": "/email/undo",
    "factors/reset": "/second-factors/reset",
    "factors/keep": "/second-factors/keep",
}


class Followed(Protocol):
    """A link, or a mail that has one."""

    @property
    def link(self) -> str: ...
    @property
    def token(self) -> str: ...


@dataclass(frozen=True)
class Link:
    """A link that somebody has changed."""

    kind: str
    token: str

    @property
    def link(self) -> str:
        """The path."""
        return f"/{self.kind}/{self.token}"


class Face(Protocol):
    """What somebody can do without an account, or with one."""

    def state(self) -> str:
        """`signed_out`, `waiting` or `confirmed`."""

    def register(self, email: str, password: str = PASSWORD) -> str: ...
    def mail_state(self) -> str: ...
    def resend(self) -> str: ...
    def send_code(self, code: str) -> str: ...
    def start_over(self) -> str: ...
    def follow(self, mail: Followed, password: str | None = None) -> str: ...
    def disown(self, mail: Followed) -> str: ...
    def sign_in(self, email: str, password: str = PASSWORD) -> str: ...
    def second_step(self, code: str) -> str: ...
    def second_step_with_passkey(self, key: SoftwareAuthenticator) -> str: ...
    def lose_factors(self) -> str: ...
    def sign_in_with_passkey(self, key: SoftwareAuthenticator) -> str: ...
    def sign_out(self) -> str: ...
    def copy(self) -> "Face": ...
    def forgot(self, email: str) -> str: ...
    def prove(self, password: str) -> str: ...
    def prove_with_code(self, code: str) -> str: ...
    def change_password(self, current: str, password: str) -> str: ...
    def change_email(self, email: str, password: str = PASSWORD) -> str: ...
    def cancel_email(self) -> str: ...
    def sessions(self) -> int: ...
    def end_another_session(self) -> str: ...
    def end_other_sessions(self) -> str: ...
    def activity(self) -> int: ...
    def export(self) -> str: ...
    def delete(self, password: str) -> str: ...
    def add_app(self) -> tuple[AuthenticatorApp | None, list[str], str]: ...
    def remove_app(self) -> str: ...
    def add_passkey(self) -> tuple[SoftwareAuthenticator, str]: ...
    def new_codes(self) -> list[str]: ...


_TITLES = {
    "This link has expired": "link_expired",
    "This link no longer works": "link_superseded",
    "Already confirmed": "link_used",
    "Already restored": "link_used",
    "This link is for another account": "link_other_account",
    "This link is damaged": "link_damaged",
    "This account is gone": "link_gone",
    "This address has an account": "address_taken",
    "This account is disabled": "account_disabled",
    "Too many attempts": "too_many_attempts",
}
_WORDS = {
    r"not the password of this account": "password_wrong",
    r"Use at least": "password_too_short",
    r"Address and password do not match": "credentials_wrong",
    r"account is disabled": "account_disabled",
    r"address of your account already": "same_address",
    r"moments ago": "mail_sent_moments_ago",
    r"Too many wrong codes": "code_tries_used_up",
    r"You can try again in": "too_many_attempts",
    r"code has expired": "code_expired",
    r"code is (not right|wrong)|not the (newest|code)|none of your recovery": "code_wrong",
    r"easy to guess|common|guess": "password_guessable",
}
_WHERE = {
    "/login/second": "second_factor_due",
    "/reauth": "proof_required",
    "/login?": "authentication_required",
}


class Pages:
    """A person in a browser."""

    def __init__(self, app: Flask) -> None:
        self.visitor = Visitor(app)

    def state(self) -> str:
        location = self.visitor.get("/profile").location or ""
        if not location:
            return "confirmed"
        return "waiting" if location == "/unconfirmed" else "signed_out"

    def register(self, email: str, password: str = PASSWORD) -> str:
        return _read(self.visitor.register(email, password))

    def mail_state(self) -> str:
        status = self.visitor.get("/unconfirmed/status").get_json()
        return str(status["mail"])

    def resend(self) -> str:
        return _read(self.visitor.submit("/resend", on="/unconfirmed"))

    def send_code(self, code: str) -> str:
        if not self.visitor.page("/unconfirmed").select("input[name=code]"):
            return "code_tries_used_up"  # the page has no field any more
        return _read(self.visitor.submit("/unconfirmed/code", on="/unconfirmed", code=code))

    def start_over(self) -> str:
        return _read(self.visitor.submit("/unconfirmed/start-over", on="/unconfirmed"))

    def follow(self, mail: Followed, password: str | None = None) -> str:
        page = self.visitor.get(mail.link)
        forms = soup(page).select(f"main form:not([action]), main form[action='{mail.link}']")
        if page.status_code != 200 or not forms:
            return _read(page)
        named = {str(field["name"]) for field in forms[0].select("input[name]")}
        if "password" in named and password is None:
            return "password_required"
        fields = dict.fromkeys(named & {"password", "confirm"}, password or "")
        return _read(self.visitor.submit(mail.link, **fields))

    def disown(self, mail: Followed) -> str:
        path = f"{mail.link}/disown"
        page = self.visitor.get(mail.link)
        if not soup(page).select(f"form[action='{path}']"):
            return _read(page)
        return _read(self.visitor.submit(path, on=mail.link))

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        return _read(self.visitor.sign_in(email, password))

    def second_step(self, code: str) -> str:
        return _read(self.visitor.client.post(SECOND, data=self._second(code)))

    def second_step_with_passkey(self, key: SoftwareAuthenticator) -> str:
        answer = use_passkey(self.visitor, key, on=SECOND)
        return DONE if answer.status_code == 302 else "passkey_refused"

    def lose_factors(self) -> str:
        return _read(self.visitor.submit(f"{SECOND}/lost"))

    def sign_in_with_passkey(self, key: SoftwareAuthenticator) -> str:
        answer = use_passkey(self.visitor, key)
        return DONE if answer.status_code == 302 else "passkey_refused"

    def sign_out(self) -> str:
        answer = self.visitor.sign_out()
        return DONE if answer.location == "/login" else _read(answer)

    def copy(self) -> "Pages":
        thief = Pages(self.visitor.app)
        thief.visitor = self.visitor.copy()
        return thief

    def forgot(self, email: str) -> str:
        answer = self.visitor.submit("/forgot", email=email)
        return DONE if answer.location == "/login" else _read(answer)

    def prove(self, password: str) -> str:
        return _read(self.visitor.submit("/reauth", current_password=password))

    def prove_with_code(self, code: str) -> str:
        return _read(self.visitor.submit("/reauth", code=code))

    def change_password(self, current: str, password: str) -> str:
        fields = {"current_password": current, "password": password, "confirm": password}
        return _read(self.visitor.submit("/profile/password", **fields))

    def change_email(self, email: str, password: str = PASSWORD) -> str:
        fields = {"email": email, "current_password": password}
        return _read(self.visitor.submit("/profile/email", **fields))

    def cancel_email(self) -> str:
        return _read(self.visitor.submit("/profile/email/cancel", on="/profile/email"))

    def sessions(self) -> int:
        others = self.visitor.page("/profile/sessions").select("form[action$='/revoke']")
        return len(others) + 1

    def end_another_session(self) -> str:
        page = "/profile/sessions"
        form = self.visitor.page(page).select("form[action$='/revoke']")[0]
        return _read(self.visitor.submit(str(form["action"]), on=page))

    def end_other_sessions(self) -> str:
        return _read(self.visitor.submit("/profile/sessions/revoke-others", on="/profile/sessions"))

    def activity(self) -> int:
        return len(self.visitor.page("/profile/activity").select("main li, main tbody tr"))

    def export(self) -> str:
        answer = self.visitor.get("/profile/export")
        return str(json.loads(answer.text)["email"]) if answer.is_json else _read(answer)

    def delete(self, password: str) -> str:
        return _read(self.visitor.submit("/profile/delete", current_password=password))

    def add_app(self) -> tuple[AuthenticatorApp | None, list[str], str]:
        page = self.visitor.get(factors.TOTP)
        if page.location:
            return None, [], _read(page)
        app, answer = factors.add_app(self.visitor)
        return app, factors.codes_on(answer), _read(answer)

    def remove_app(self) -> str:
        return _read(self.visitor.submit(f"{factors.TOTP}/remove", on=factors.SECURITY))

    def add_passkey(self) -> tuple[SoftwareAuthenticator, str]:
        key, answer = factors.add_passkey(self.visitor)
        return key, _read(answer)

    def new_codes(self) -> list[str]:
        return factors.codes_on(self.visitor.submit(factors.CODES))

    def _second(self, code: str) -> dict[str, str]:
        return self.visitor.fill(SECOND) | {"code": code}


class Api:
    """A program, with a token or with the cookie."""

    kind: type[Program] = Program

    def __init__(self, app: Flask) -> None:
        self.program = self.kind(app)
        self._due_step: dict[str, Any] = {}

    def state(self) -> str:
        account = self.program.get("/session").get_json()["account"]
        if account is None:
            return "signed_out"
        return "confirmed" if account["confirmed"] else "waiting"

    def register(self, email: str, password: str = PASSWORD) -> str:
        return _code(self.program.register(email, password))

    def mail_state(self) -> str:
        return str(self.program.get("/confirmation").get_json()["mail"])

    def resend(self) -> str:
        return self._post("/confirmation/mail")

    def send_code(self, code: str) -> str:
        return self._post("/confirmation", code=code)

    def start_over(self) -> str:
        return self._post("/confirmation/start-over")

    def follow(self, mail: Followed, password: str | None = None) -> str:
        path = LINKS[mail.link.rpartition("/")[0].strip("/")]
        body: dict[str, Any] = {"token": mail.token}
        if password is not None:
            body["password"] = password
            if path in {"/confirmation", "/email/confirm"}:
                body["cookie"] = self.program.cookie
        answer = self.program.take(self.program.post(path, **body))
        return self._due(answer)

    def disown(self, mail: Followed) -> str:
        return self._post("/confirmation/disown", token=mail.token)

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        return self._due(self.program.sign_in(email, password))

    def second_step(self, code: str) -> str:
        return self._second(code=code)

    def second_step_with_passkey(self, key: SoftwareAuthenticator) -> str:
        return self._second(credential=json.loads(key.get(self._due_step["passkey_options"])))

    def lose_factors(self) -> str:
        return self._post("/session/second-factor/lost", ticket=self._due_step["ticket"])

    def sign_in_with_passkey(self, key: SoftwareAuthenticator) -> str:
        options = self.program.post("/session/passkey/options").get_json()
        credential = json.loads(key.get(options["passkey_options"]))
        return self._started(
            "/session/passkey",
            ticket=options["ticket"],
            credential=credential,
            cookie=self.program.cookie,
        )

    def sign_out(self) -> str:
        return _code(self.program.call("DELETE", "/session"))

    def copy(self) -> "Api":
        thief = type(self)(self.program.app)
        thief.program.token = self.program.token
        cookie = self.program.client.get_cookie("session") if self.program.cookie else None
        if cookie:
            thief.program.client.set_cookie("session", cookie.value)
        return thief

    def forgot(self, email: str) -> str:
        return self._post("/password/forgot", email=email)

    def prove(self, password: str) -> str:
        return self._post("/session/proof", current_password=password)

    def prove_with_code(self, code: str) -> str:
        return self._post("/session/proof", code=code)

    def change_password(self, current: str, password: str) -> str:
        body = {"current_password": current, "password": password}
        return _code(self.program.call("PUT", "/account/password", json=body))

    def change_email(self, email: str, password: str = PASSWORD) -> str:
        body = {"email": email, "current_password": password}
        return _code(self.program.call("PUT", "/account/email", json=body))

    def cancel_email(self) -> str:
        return _code(self.program.call("DELETE", "/account/email/pending"))

    def sessions(self) -> int:
        return len(self.program.get("/account/sessions").get_json()["sessions"])

    def end_another_session(self) -> str:
        listed = self.program.get("/account/sessions").get_json()["sessions"]
        handle = next(one["id"] for one in listed if not one["current"])
        return _code(self.program.call("DELETE", f"/account/sessions/{handle}"))

    def end_other_sessions(self) -> str:
        return _code(self.program.call("DELETE", "/account/sessions"))

    def activity(self) -> int:
        return len(self.program.get("/account/activity").get_json()["events"])

    def export(self) -> str:
        answer = self.program.get("/account/export")
        return str(answer.get_json()["email"]) if answer.status_code == 200 else _code(answer)

    def delete(self, password: str) -> str:
        body = {"current_password": password}
        return _code(self.program.call("DELETE", "/account", json=body))

    def add_app(self) -> tuple[AuthenticatorApp | None, list[str], str]:
        shown = self.program.post("/account/second-factors/totp")
        if shown.status_code != 201:
            return None, [], _code(shown)
        app = AuthenticatorApp(shown.get_json()["secret"])
        answer = self.program.post("/account/second-factors/totp/activate", code=app.code())
        return app, answer.get_json().get("codes", []), _code(answer)

    def remove_app(self) -> str:
        return _code(self.program.call("DELETE", "/account/second-factors/totp"))

    def add_passkey(self) -> tuple[SoftwareAuthenticator, str]:
        options = self.program.post("/account/second-factors/passkeys/options").get_json()
        key = SoftwareAuthenticator()
        credential = json.loads(key.create(options["passkey_options"]))
        path, ticket = "/account/second-factors/passkeys", options["ticket"]
        return key, self._post(path, ticket=ticket, credential=credential)

    def new_codes(self) -> list[str]:
        answer = self.program.post("/account/second-factors/recovery-codes")
        return list(answer.get_json()["codes"])

    def _second(self, **answer: Any) -> str:
        return self._started("/session/second-factor", ticket=self._due_step["ticket"], **answer)

    def _post(self, path: str, **body: Any) -> str:
        return _code(self.program.post(path, **body))

    def _started(self, path: str, **body: Any) -> str:
        return _code(self.program.take(self.program.post(path, **body)))

    def _due(self, answer: TestResponse) -> str:
        """Keeps the ticket of a second step."""
        body = answer.get_json(silent=True) or {}
        if "ticket" not in body:
            return _code(answer)
        self._due_step = body
        return "second_factor_due"


class ApiInBrowser(Api):
    """A browser app on the site itself."""

    kind = BrowserApp


def _code(answer: TestResponse) -> str:
    """`done`, or the code of the refusal; for a refused field its own code."""
    if answer.status_code < 400:
        return DONE
    body = answer.get_json(force=True)
    return str(body["errors"][0]["code"] if body.get("errors") else body["code"])


def _read(answer: TestResponse) -> str:
    """What the page says became of the step."""
    if answer.location:
        return next(
            (what for start, what in _WHERE.items() if answer.location.startswith(start)), DONE
        )
    heading = soup(answer).h1
    title = heading.get_text(strip=True) if heading else ""
    if title in _TITLES:
        return _TITLES[title]
    if answer.status_code == 200:
        return DONE
    words = " ".join([*errors(answer).values(), alert(answer)])
    found = [code for pattern, code in _WORDS.items() if re.search(pattern, words)]
    assert found, f"{answer.status_code} {title}: {words}"
    return found[0]
