"""The access table: who may use which route.

Every route must be in the table, with the answer to each kind of person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from tests.visitor import Visitor
from tests.web.links import PATHS, live_tokens
from tests.web.pages import assert_our_page, documents

SIGN_IN, WAIT, HOME = "/login?next=", "/unconfirmed", "/"
SECURITY, _SECURITY = "/profile/security", "%2Fprofile%2Fsecurity"


@dataclass(frozen=True)
class Access:
    """The answer of a route to each kind of person: a status, or the target of a redirect."""

    method: str
    rule: str
    anonymous: int | str
    unconfirmed: int | str
    confirmed: int | str
    administrator: int | str = "as confirmed"

    def to(self, kind: str) -> int | str:
        """The answer to a kind of person."""
        answer: int | str = getattr(self, kind)
        return self.confirmed if answer == "as confirmed" else answer


MATRIX = [
    # method, rule, anonymous, unconfirmed, confirmed, administrator if it differs from confirmed
    Access("GET", "/", 200, 200, 200),
    Access("GET", "/register", 200, 200, HOME),
    Access("POST", "/register", 422, 422, 422),
    Access("GET", "/login", 200, 200, HOME),
    Access("POST", "/login", 422, 422, 422),
    # Nobody has a sign-in that waits for its second step.
    Access("GET", "/login/second", "/login", "/login", "/login"),
    Access("POST", "/login/second", "/login", "/login", "/login"),
    Access("GET", "/login/second/lost", "/login", "/login", "/login"),
    Access("POST", "/login/second/lost", "/login", "/login", "/login"),
    # The last link, which needs the password, and the link that cancels.
    Access("GET", "/factors/reset/<token>", 200, 200, 200),
    Access("POST", "/factors/reset/<token>", 422, 422, 422),
    Access("GET", "/factors/keep/<token>", 200, 200, 200),
    Access("POST", "/factors/keep/<token>", HOME, HOME, HOME),
    Access("POST", "/profile/security/keep", f"{SIGN_IN}%2F", WAIT, SECURITY),
    Access("GET", "/login/passkey/options", 200, 200, 200),
    Access("POST", "/login/passkey", 422, 422, 422),
    Access("POST", "/logout", "/login", "/login", "/login"),
    # The link belongs to another account. A signed-out person may confirm with its password.
    Access("GET", "/confirm/<token>", 200, 403, 403),
    Access("POST", "/confirm/<token>", 422, 403, 403),
    Access("POST", "/confirm/<token>/disown", HOME, HOME, HOME),
    Access("POST", "/confirm/<token>/again", 429, 403, 403),
    Access("POST", "/register/advice", 200, 200, 200),
    Access("POST", "/unconfirmed/code", f"{SIGN_IN}%2F", 422, HOME),
    Access("POST", "/unconfirmed/start-over", f"{SIGN_IN}%2F", "/register", HOME),
    Access("GET", "/unconfirmed", f"{SIGN_IN}%2Funconfirmed", 200, HOME),
    Access("GET", "/unconfirmed/status", f"{SIGN_IN}%2Funconfirmed%2Fstatus", 200, 200),
    Access("POST", "/resend", f"{SIGN_IN}%2F", 429, HOME),
    # After a lost password or a theft the owner has only the mailbox, so the link is enough.
    Access("GET", "/forgot", 200, 200, 200),
    Access("POST", "/forgot", 422, 422, 422),
    Access("GET", "/reset/<token>", 200, 200, 200),
    Access("POST", "/reset/<token>", 422, 422, 422),
    Access("GET", "/email/undo/<token>", 200, 200, 200),
    Access("POST", "/email/undo/<token>", HOME, HOME, HOME),
    Access("GET", "/email/confirm/<token>", 200, 403, 403),
    Access("POST", "/email/confirm/<token>", 422, 403, 403),
    Access("GET", "/profile", f"{SIGN_IN}%2Fprofile", WAIT, 200),
    Access("GET", "/profile/password", f"{SIGN_IN}%2Fprofile%2Fpassword", WAIT, 200),
    Access("POST", "/profile/password", f"{SIGN_IN}%2Fprofile%2Fpassword", WAIT, 422),
    Access("GET", "/profile/email", f"{SIGN_IN}%2Fprofile%2Femail", WAIT, 200),
    Access("POST", "/profile/email", f"{SIGN_IN}%2Fprofile%2Femail", WAIT, 422),
    Access(
        "POST",
        "/profile/email/cancel",
        f"{SIGN_IN}%2F",
        WAIT,
        "/profile/email",
    ),
    Access("GET", "/profile/sessions", f"{SIGN_IN}%2Fprofile%2Fsessions", WAIT, 200),
    Access(
        "POST",
        "/profile/sessions/<handle>/revoke",
        f"{SIGN_IN}%2F",
        WAIT,
        404,  # there is no such session
    ),
    Access(
        "POST",
        "/profile/sessions/revoke-others",
        f"{SIGN_IN}%2F",
        WAIT,
        "/profile/sessions",
    ),
    Access(
        "POST",
        "/profile/sessions/trusted/<handle>/revoke",
        f"{SIGN_IN}%2F",
        WAIT,
        404,  # there is no such browser
    ),
    Access("GET", "/profile/activity", f"{SIGN_IN}%2Fprofile%2Factivity", WAIT, 200),
    Access("GET", "/profile/export", f"{SIGN_IN}%2Fprofile%2Fexport", WAIT, 200),
    Access("GET", "/profile/delete", f"{SIGN_IN}%2Fprofile%2Fdelete", WAIT, 200),
    Access("POST", "/profile/delete", f"{SIGN_IN}%2Fprofile%2Fdelete", WAIT, 422),
    Access("GET", "/reauth", f"{SIGN_IN}%2Freauth", WAIT, 200),
    Access("POST", "/reauth", f"{SIGN_IN}%2Freauth", WAIT, 422),
    Access("GET", SECURITY, f"{SIGN_IN}{_SECURITY}", WAIT, 200),
    Access("GET", f"{SECURITY}/totp", f"{SIGN_IN}{_SECURITY}%2Ftotp", WAIT, 200),
    Access("POST", f"{SECURITY}/totp", f"{SIGN_IN}{_SECURITY}%2Ftotp", WAIT, 422),
    # These people have no second factor.
    Access("POST", f"{SECURITY}/totp/remove", f"{SIGN_IN}%2F", WAIT, SECURITY),
    Access(
        "GET",
        f"{SECURITY}/passkeys/options",
        f"{SIGN_IN}{_SECURITY}%2Fpasskeys%2Foptions",
        WAIT,
        200,
    ),
    Access("POST", f"{SECURITY}/passkeys", f"{SIGN_IN}%2F", WAIT, 422),
    Access("POST", f"{SECURITY}/passkeys/<handle>/rename", f"{SIGN_IN}%2F", WAIT, 404),
    Access("POST", f"{SECURITY}/passkeys/<handle>/remove", f"{SIGN_IN}%2F", WAIT, 404),
    Access("POST", f"{SECURITY}/passkeys/offer/dismiss", f"{SIGN_IN}%2F", WAIT, HOME),
    Access(
        "GET",
        f"{SECURITY}/recovery-codes",
        f"{SIGN_IN}{_SECURITY}%2Frecovery-codes",
        WAIT,
        SECURITY,
    ),
    Access(
        "POST",
        f"{SECURITY}/recovery-codes",
        f"{SIGN_IN}{_SECURITY}%2Frecovery-codes",
        WAIT,
        SECURITY,
    ),
    Access("GET", "/admin/", 404, 404, 404, 200),
    Access("GET", "/admin/funnel.csv", 404, 404, 404, 200),
    Access("GET", "/admin/people", 404, 404, 404, 200),
    # There is no such account and no such letter.
    Access("GET", "/admin/people/<account>", 404, 404, 404, 404),
    Access("GET", "/admin/people/<account>/<name>", 404, 404, 404, 404),
    Access("POST", "/admin/people/<account>/<name>", 404, 404, 404, 404),
    Access("GET", "/admin/mail", 404, 404, 404, 200),
    Access("GET", "/admin/mail/retry/<kind>", 404, 404, 404, 200),
    Access("POST", "/admin/mail/retry/<kind>", 404, 404, 404, "/admin/mail"),
    Access("POST", "/admin/mail/<account>/<letter>/retry", 404, 404, 404, 404),
    # tests/api/test_access.py has the table of the API.
    Access("GET", "/api/docs", 200, 200, 200),
    Access("GET", "/health/live", 200, 200, 200),
    Access("GET", "/health/ready", 200, 200, 200),
    Access("GET", "/metrics", 404, 404, 404),  # needs METRICS_TOKEN
    Access("GET", "/static/<path:filename>", 200, 200, 200),
]
DEVELOPMENT = [
    Access("GET", "/dev/mail", 200, 200, 200),
    Access("GET", "/dev/mail/<mail_id>/html", 404, 404, 404),
]
_FILES = {"/static/<path:filename>": "/static/css/latchkey.css"}
_POSTS = [access for access in MATRIX if access.method == "POST"]
_GETS = [access for access in MATRIX if access.method == "GET"]
_KINDS = ["anonymous", "unconfirmed", "confirmed", "administrator"]


@dataclass(frozen=True)
class People:
    """One visitor of each kind, and links of another account."""

    app: Flask
    visitors: dict[str, Visitor]
    tokens: dict[str, str]

    def path(self, rule: str) -> str:
        """A real path for a rule."""
        path = _FILES.get(rule, rule)
        for start, token in self.tokens.items():
            if path.startswith(start):
                path = path.replace("<token>", token)
        for name, value in {"<mail_id>": "none", "<handle>": "none", "<kind>": "confirm"}.items():
            path = path.replace(name, value)
        return path


@pytest.fixture
def people(
    app: Flask,
    confirmed: Visitor,
    administrator: Visitor,
    new_visitor: Callable[[], Visitor],
) -> People:
    bob = new_visitor()
    bob.register("bob@example.com")
    people = {
        "anonymous": new_visitor(),
        "unconfirmed": bob,
        "confirmed": confirmed,
        "administrator": administrator,
    }
    tokens = {PATHS[purpose]: token for purpose, token in live_tokens(app).items()}
    return People(app, people, tokens)


def _answer(response: TestResponse) -> int | str:
    return str(response.location) if response.status_code == 302 else response.status_code


def _routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def _listed(*tables: list[Access]) -> set[tuple[str, str]]:
    return {(access.method, access.rule) for table in tables for access in table}


def test_every_route_is_in_the_access_table(app: Flask, development: Flask) -> None:
    assert _routes(app) == _listed(MATRIX)
    assert _routes(development) == _listed(MATRIX, DEVELOPMENT)


@pytest.mark.parametrize("kind", _KINDS)
def test_get_and_head_follow_the_access_table_and_change_nothing(people: People, kind: str) -> None:
    visitor, before = people.visitors[kind], _accounts_without_exports(people.app)
    for access in _GETS:
        path, expected = people.path(access.rule), access.to(kind)
        assert _answer(visitor.get(path)) == expected, path
        assert _answer(visitor.client.head(path)) == expected, path
    assert _accounts_without_exports(people.app) == before


@pytest.mark.parametrize("access", _POSTS, ids=lambda access: access.rule)
def test_post_follows_the_access_table(people: People, access: Access) -> None:
    accounts = documents(people.app)
    for kind in _KINDS:
        with people.app.app_context():
            _restore(accounts)
        answer = _answer(people.visitors[kind].forge(people.path(access.rule)))
        assert answer == access.to(kind), kind


def test_the_development_mailbox_needs_no_sign_in(development: Flask) -> None:
    visitor = Visitor(development)
    for kind in ("anonymous", "unconfirmed"):
        for access in DEVELOPMENT:
            path = access.rule.replace("<mail_id>", "none")
            assert _answer(visitor.get(path)) == getattr(access, kind)
        visitor.register("ada@example.com")


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("token", [None, "", "x", "IjAi.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"])
def test_every_form_needs_a_csrf_token(people: People, kind: str, token: str | None) -> None:
    visitor, before = people.visitors[kind], documents(people.app)
    data = {} if token is None else {"csrf_token": token}
    for access in _POSTS:
        answer = visitor.client.post(people.path(access.rule), data=data)
        if _needs_no_form(access, kind):
            assert answer.location == HOME
        else:
            assert_our_page(answer, 400)
    assert documents(people.app) == before


def test_the_csrf_token_of_another_session_is_refused(people: People) -> None:
    other = people.visitors["anonymous"].page("/login").find("input", {"name": "csrf_token"})
    assert other is not None
    before = documents(people.app)
    for access in _POSTS:
        answer = people.visitors["confirmed"].client.post(
            people.path(access.rule), data={"csrf_token": other["value"]}
        )
        if _needs_no_form(access, "confirmed"):
            assert answer.location == HOME
        else:
            assert_our_page(answer, 400)
    assert documents(people.app) == before


@pytest.mark.parametrize("access", _POSTS, ids=lambda access: access.rule)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(visitor: Visitor, access: Access, method: str) -> None:
    path = access.rule.replace("<token>", "x").replace("<handle>", "x")
    assert_our_page(visitor.client.open(path, method=method), 405)


def _needs_no_form(access: Access, kind: str) -> bool:
    """Whether the form is one to sign in with, and the person is signed in already."""
    return access.rule in {"/login", "/register"} and kind in {"confirmed", "administrator"}


def _accounts_without_exports(app: Flask) -> list[dict[str, Any]]:
    """All stored accounts, without the events of exports, which a GET records."""
    accounts = documents(app)
    for account in accounts:
        account["events"] = [e for e in account.get("events", []) if e["kind"] != "exported"]
    return accounts


def _restore(accounts: list[dict[str, Any]]) -> None:
    """Restores the accounts, so that each kind of person finds the same."""
    current_mongo().users.delete_many({})
    current_mongo().users.insert_many(accounts)
