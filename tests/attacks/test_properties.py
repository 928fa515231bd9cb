"""Generated values of `next`, of paths and of cookies (by hypothesis).

Each open redirect of Flask-Security (CVE-2021-32618, CVE-2023-49438) was an unexpected spelling, so
hypothesis combines the pieces of such spellings.
"""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.http import dump_cookie

from app.web.local_redirect import safe_target
from tests.conftest import MakeApp
from tests.visitor import PASSWORD, Visitor

ORIGIN = "http://localhost"

_pieces = st.sampled_from(
    ["/", "//", "\\", "\t", "\r", "\n", "\x00", " ", ".", "..", "%2f", "%2F", "%5c", "%09",
     "%0d%0a", "%252f", "%255c", "%2509", "%00", "https:", "http:", "javascript:", "data:",
     "evil.example", "@", "good", ":", "?", "#", ";", "&", "\u2028", "\uff0f", "\u3002", "\x7f",
     "\x85", "[", "]"]
)  # fmt: skip
_targets = st.one_of(
    st.lists(_pieces, max_size=8).map("".join),
    st.lists(_pieces, max_size=8).map(lambda pieces: "/" + "".join(pieces)),
    st.text(max_size=40),
)
_FEW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _as_a_browser_reads(location: str) -> str:
    """The URL as a browser reads it (URL standard, 4.4): without surrounding spaces, tabs and line
    ends, and with a slash for each backslash."""
    kept = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33)))))
    path, mark, rest = kept.partition("?")
    return path.replace("\\", "/") + mark + rest


def _leads_to(location: str) -> tuple[str, str]:
    parts = urlsplit(urljoin(ORIGIN + "/login", _as_a_browser_reads(location)))
    return parts.scheme, parts.netloc


def _stays(location: str) -> bool:
    return _leads_to(location) == ("http", "localhost")


@settings(max_examples=600, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(target=_targets)
@example("/%09/evil.example")
@example("/\\evil.example")
def test_no_target_leads_to_another_site_even_when_decoded_again(app: Flask, target: str) -> None:
    with app.test_request_context():
        location = safe_target(target)
    once = location
    for _ in range(3):
        assert _stays(once), (target, location)
        assert not re.search(r"[\x00-\x20\x7f]", location), (target, location)
        # A proxy may decode the path before it forwards the request.
        once = re.sub(
            "%([0-9a-fA-F]{2})", lambda code: chr(int(code[1], 16)), once.partition("?")[0]
        )


@pytest.fixture
def trusting(make_app: MakeApp) -> Flask:
    """An app that trusts another one."""
    return make_app(TRUSTED_APPS="wiki.example.org")


_near_apps = st.lists(
    st.sampled_from(
        ["https://", "HTTPS:/", "/", "\\", "wiki.example.org", "WIKI.example.org", "evil.example",
         ".", ":", ":443", ":8443", "@", "%40", "%2e", "\t", "\n", "\r", " ", "?", "#", "[", "]",
         "\u3002", "\uff20", "\u2044", "\xad", "\x00"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(target=st.one_of(_near_apps, _near_apps.map(lambda rest: f"https://wiki.example.org{rest}")))
@example("https://wiki.example.org@evil.example/")
def test_no_target_leads_to_a_site_that_looks_like_a_trusted_app(
    trusting: Flask, target: str
) -> None:
    with trusting.test_request_context():
        location = safe_target(target)
    assert _stays(location) or _leads_to(location) == ("https", "wiki.example.org"), target
    assert not re.search(r"[\x00-\x20\x7f-\U0010ffff]", location), target


@_FEW
@given(target=_targets)
def test_signing_in_never_leads_to_another_site(confirmed: Visitor, target: str) -> None:
    answer = confirmed.get(f"/login?next={quote(target)}")
    assert answer.status_code == 302
    assert _stays(answer.location)
    assert len(re.findall(r"[\r\n]", str(answer.headers))) == 2 * (len(answer.headers) + 1)


@_FEW
@given(tail=st.lists(_pieces, max_size=6).map("".join))
def test_no_path_can_add_a_header_or_a_redirect(visitor: Visitor, tail: str) -> None:
    """CR and LF, encoded or not, in paths that redirect and in unknown paths."""
    for head in ("/profile", "/confirm/", "/"):
        answer = visitor.get(ORIGIN + head + quote(tail, safe="/%"))
        assert answer.status_code < 500
        assert "\r" not in (answer.location or "")
        assert "\n" not in (answer.location or "")
        assert not answer.location or _stays(answer.location), (head, tail)


@_FEW
@given(
    name=st.sampled_from(["session", "device", "remember_token"]),
    value=st.one_of(st.text(max_size=60), st.from_regex(r"\A[\w.-]{1,80}\Z")),
)
@example(name="remember_token", value="|\x80")
def test_a_forged_cookie_signs_no_one_in_and_causes_no_error(
    app: Flask, confirmed: Visitor, name: str, value: str
) -> None:
    header = {"Cookie": dump_cookie(name, value, path=None, max_size=0)}
    # A client with its own cookie jar would drop the header.
    client = app.test_client(use_cookies=False)
    assert client.get("/login", headers=header).status_code == 200
    assert client.get("/profile", headers=header).location == "/login?next=%2Fprofile"


@pytest.mark.parametrize("name", ["session", "device"])
def test_a_cookie_with_a_changed_character_is_ignored(
    app: Flask, confirmed: Visitor, name: str
) -> None:
    """A forged device cookie would use the limit of another person's known browser."""
    cookie = confirmed.client.get_cookie(name)
    assert cookie is not None
    payload, _, signature = cookie.value.rpartition(".")
    for place in range(0, len(payload), 7):
        changed = payload[:place] + ("A" if payload[place] != "A" else "B") + payload[place + 1 :]
        client = Visitor(app).client
        client.set_cookie(name, f"{changed}.{signature}")
        assert client.get("/profile").location == "/login?next=%2Fprofile"
    assert PASSWORD not in cookie.value
