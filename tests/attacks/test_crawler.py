"""Random requests to every route, with every method, as every kind of person: no error, and no page
that the access table forbids."""

import re
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.web.api_paths import API
from tests.visitor import Visitor
from tests.web.test_access import MATRIX, Access

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
KINDS = ("anonymous", "unconfirmed", "confirmed", "administrator")
TABLE = {(access.method, access.rule): access for access in MATRIX}
# Routes that change the kind of a person.
LEAVING = {"/logout", "/unconfirmed/start-over"}

_odd = st.sampled_from(
    [
        "",
        ".",
        "..",
        "x",
        "0",
        "-1",
        "a" * 24,
        "0" * 24,
        "a" * 3000,
        "%00",
        "%0d%0aSet-Cookie:%20a=b",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "{{7*7}}",
        "${7*7}",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        '{"$gt": ""}',
        "\u202e",
        "\uff0f",
    ]
)
_text = st.one_of(_odd, st.text(max_size=30), st.text(string.printable, max_size=300))
_names = st.one_of(
    st.sampled_from(
        [
            *(
                "email",
                "password",
                "confirm",
                "current_password",
                "code",
                "credential",
                "name",
                "next",
                "remember",
            ),
            *("email[$ne]", "admin", "confirmed", "token_version", "_id", "csrf_token"),
            *("from", "to", "by", "q", "state", "after", "kind", "id"),
        ]
    ),
    _text,
)
_fields = st.dictionaries(_names, _text, max_size=5)
_types = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json",
        "text/xml",
        "text/plain; charset=utf-7",
        "",
        "x",
    ]
)
_headers = st.dictionaries(
    st.sampled_from(
        [
            *("Accept", "Accept-Encoding", "Range", "If-None-Match", "If-Modified-Since"),
            *("Authorization", "Client", "Referer", "User-Agent", "X-Forwarded-For"),
            *("X-Forwarded-Host", "X-HTTP-Method-Override", "X-Request-ID", "Cookie"),
        ]
    ),
    st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=60),
    max_size=3,
)


@pytest.fixture
def people(
    app: Flask,
    confirmed: Visitor,
    administrator: Visitor,
    new_visitor: Callable[[], Visitor],
) -> dict[str, Visitor]:
    """One visitor of each kind."""
    bob = new_visitor()
    bob.register("bob@example.com")
    return dict(zip(KINDS, (new_visitor(), bob, confirmed, administrator), strict=True))


def _rules(app: Flask) -> list[str]:
    return sorted({rule.rule for rule in app.url_map.iter_rules()})


def _pages(app: Flask) -> list[str]:
    """The rules that the access table of the pages has. schemathesis crawls the API."""
    return [rule for rule in _rules(app) if not rule.startswith(f"{API}/")]


def _send(visitor: Visitor, method: str, path: str, draw: Callable[[Any], Any]) -> TestResponse:
    options: dict[str, Any] = {"query_string": draw(_fields), "headers": draw(_headers)}
    if method in {"POST", "PUT", "PATCH", "DELETE"}:
        if draw(st.booleans()):
            fields = draw(_fields)
            if path.partition("?")[0] not in LEAVING and draw(st.booleans()):
                page = visitor.get("/login", follow_redirects=True)
                found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
                fields["csrf_token"] = found.group(1) if found else ""
            options["data"] = fields
        else:
            options |= {"data": draw(st.binary(max_size=200)), "content_type": draw(_types)}
    return visitor.client.open(path, method=method, **options)


def _may(access: Access | None, method: str, kind: str) -> bool:
    """Whether this kind of person may get a page with status 200."""
    if method == "OPTIONS":
        return True
    return access is not None and access.to(kind) in {200, 422, 429}


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_random_requests_cause_no_error_and_show_no_forbidden_page(
    app: Flask, people: dict[str, Visitor], data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(KINDS), "kind")
    method = data.draw(st.sampled_from(METHODS), "method")
    rule = data.draw(st.sampled_from(_pages(app)), "rule")
    path = re.sub(r"<[^>]+>", lambda _: quote(data.draw(_text), safe="/%;"), rule)
    visitor = people[kind]
    before = visitor.client.get_cookie("session")
    answer = _send(visitor, method, path, data.draw)
    if before is not None:
        # The request may have started another session; the visitor returns to the first.
        visitor.client.set_cookie("session", before.value)
    assert answer.status_code < 500, answer.text[-500:]
    assert "a=b" not in "".join(answer.headers.getlist("Set-Cookie"))
    assert not re.search("Traceback|Werkzeug Debugger|pymongo", answer.text)
    if answer.status_code == 200 and path == rule:
        access = TABLE.get(("GET" if method == "HEAD" else method, rule))
        assert _may(access, method, kind), (kind, method, rule)


@pytest.mark.parametrize("kind", KINDS)
def test_every_route_answers_every_method_without_an_error(
    app: Flask, people: dict[str, Visitor], kind: str
) -> None:
    """Each route and method once, without randomness."""
    for rule in _rules(app):
        path = re.sub(r"<[^>]+>", "junk", rule)
        for method in METHODS:
            answer = people[kind].client.open(path, method=method)
            assert answer.status_code < 500, (method, path)
            access = TABLE.get(("GET" if method == "HEAD" else method, rule))
            if access is None and method != "OPTIONS" and not rule.startswith(f"{API}/"):
                assert answer.status_code in {400, 405}, (method, path, answer.status_code)
