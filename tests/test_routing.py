"""The URL builder of a route is compiled when it is first used."""

import pytest
from flask import Flask, url_for

from app.routing import LazyRule


@pytest.mark.parametrize(
    ("endpoint", "values", "url"),
    [
        ("auth.login", {}, "/login"),
        ("auth.login", {"next": "/profile?a=b"}, "/login?next=/profile?a%3Db"),
        ("auth.confirm", {"token": "a b-é"}, "/confirm/a%20b-%C3%A9"),
        ("auth.confirm", {"token": "x", "_external": True}, "http://localhost/confirm/x"),
        ("api.end_session", {"handle": "0" * 16}, f"/api/v1/account/sessions/{'0' * 16}"),
    ],
)
def test_urls_are_built_as_by_flask(
    app: Flask, endpoint: str, values: dict[str, object], url: str
) -> None:
    with app.test_request_context():
        assert url_for(endpoint, **values) == url  # type: ignore[arg-type]
        assert url_for(endpoint, **values) == url  # type: ignore[arg-type]  # compiled by now


def test_every_route_is_lazy(app: Flask) -> None:
    assert {type(rule) for rule in app.url_map.iter_rules()} == {LazyRule}
