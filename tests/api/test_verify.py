"""`GET /api/v1/verify`: who may pass to an app behind the front door."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from scripts.mongod import Mongod
from tests.commands import commands
from tests.conftest import MakeApp
from tests.planted_factors import ADA, account, confirmed_in, plant_app, second_step
from tests.visitor import PASSWORD, Visitor, administrator_of

VERIFY, PUBLIC = "/api/v1/verify", "https://accounts.example.org"
WIKI = "https://wiki.example.org:8443/page?a=b&c=%C3%BC"
NAVIGATION = {"Sec-Fetch-Mode": "navigate"}
BY_PROXY = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "wiki.example.org:8443",
    "X-Forwarded-Uri": "/page?a=b&c=%C3%BC",
}


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The app with a trusted app."""
    return make_app(PUBLIC_URL=PUBLIC, TRUSTED_APPS="wiki.example.org:8443")


@pytest.fixture
def ada(app: Flask) -> Visitor:
    """Signed in and confirmed."""
    visitor = confirmed_in(app)
    visitor.get("/")  # removes what a waiting visitor has in the cookie
    return visitor


def verify(visitor: Visitor, query: str = "", **headers: str) -> TestResponse:
    """Asks as a proxy does."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return visitor.get(f"{VERIFY}{query}", headers=named)


def led(visitor: Visitor, headers: dict[str, str], query: str = "?redirect=true") -> TestResponse:
    """Asks with these headers whether a browser is led elsewhere."""
    return visitor.get(f"{VERIFY}{query}", headers=headers)


def refusal(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a refusal, which has no identity."""
    assert answer.mimetype == "application/problem+json"
    assert answer.json
    assert answer.json.keys() >= {"type", "title", "status", "code", "detail", "request_id"}
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [name for name, _ in answer.headers if name.startswith("Remote")]
    return answer.status_code, answer.json["code"]


def identity(answer: TestResponse) -> dict[str, str]:
    """The headers about the person."""
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.headers if name.startswith("Remote")}


def sign_in_with_factor(visitor: Visitor) -> None:
    """Signs in with the password and a code."""
    app = plant_app(visitor.app)
    visitor.sign_in(ADA)
    assert second_step(visitor, app.code()).status_code == 302


class TestWhoPasses:
    def test_a_confirmed_person_passes_and_the_answer_says_who_it_is(self, ada: Visitor) -> None:
        answer = verify(ada)
        assert identity(answer) == {
            "Remote-User": str(account(ada.app).id),
            "Remote-Email": ADA,
            "Remote-Groups": "users",
        }
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.text == ""

    def test_an_administrator_is_in_two_groups(self, app: Flask) -> None:
        assert identity(verify(administrator_of(app)))["Remote-Groups"] == "users,admin"

    def test_head_answers_as_get(self, ada: Visitor, visitor: Visitor) -> None:
        assert identity(ada.client.head(VERIFY)) == identity(verify(ada))
        assert visitor.client.head(VERIFY).status_code == 401

    def test_a_person_who_is_signed_out_does_not_pass(self, ada: Visitor, visitor: Visitor) -> None:
        assert refusal(verify(visitor)) == (401, "authentication_required")
        ada.sign_out()
        assert refusal(verify(ada)) == (401, "authentication_required")

    def test_an_unconfirmed_person_does_not_pass(self, visitor: Visitor) -> None:
        visitor.register("bob@example.com")
        assert refusal(verify(visitor)) == (403, "confirmation_required")

    def test_a_decoy_gets_the_answer_of_an_unconfirmed_person(
        self, ada: Visitor, visitor: Visitor
    ) -> None:
        visitor.register(ADA)
        assert refusal(verify(visitor)) == (403, "confirmation_required")
        answer = led(visitor, NAVIGATION)
        assert (answer.status_code, answer.location) == (302, f"{PUBLIC}/unconfirmed")

    def test_a_revoked_session_is_out_on_the_next_request(self, ada: Visitor) -> None:
        thief = ada.copy()
        assert verify(thief).status_code == 200
        ada.sign_out()
        assert refusal(verify(thief)) == (401, "authentication_required")

    @pytest.mark.parametrize("change", [{"sessions": []}, {"disabled_on": datetime.now(UTC)}])
    def test_an_account_that_changes_is_out_on_the_next_request(
        self, ada: Visitor, change: dict[str, Any]
    ) -> None:
        with ada.app.app_context():
            current_mongo().users.update_one({"email_key": ADA}, {"$set": change})
        assert refusal(verify(ada)) == (401, "authentication_required")

    def test_an_idle_session_ends(self, ada: Visitor) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=13)):
            assert refusal(verify(ada)) == (401, "authentication_required")


class TestRequirements:
    def test_an_app_for_administrators(self, app: Flask, ada: Visitor, visitor: Visitor) -> None:
        assert refusal(verify(ada, "?require=admin")) == (403, "forbidden")
        assert refusal(verify(visitor, "?require=admin")) == (401, "authentication_required")
        assert verify(administrator_of(app), "?require=admin").status_code == 200

    def test_a_second_factor_must_be_proven_in_this_session(
        self, app: Flask, ada: Visitor, visitor: Visitor
    ) -> None:
        require = "?require=second-factor"
        assert refusal(verify(ada, require)) == (403, "second_factor_required")
        sign_in_with_factor(visitor)
        assert verify(visitor, require).status_code == 200
        assert refusal(verify(ada, require)) == (403, "second_factor_required")

    def test_a_later_proof_with_a_factor_is_enough(self, ada: Visitor) -> None:
        app = plant_app(ada.app)
        ada.submit("/reauth", code=app.code())
        assert verify(ada, "?require=second-factor").status_code == 200

    def test_a_proof_with_the_password_is_not_enough(self, ada: Visitor) -> None:
        ada.submit("/reauth", current_password=PASSWORD)
        assert verify(ada, "?require=second-factor").status_code == 403

    def test_all_requirements_of_a_request_count(self, app: Flask) -> None:
        root = administrator_of(app)
        both = "?require=admin&require=second-factor"
        assert refusal(verify(root, both)) == (403, "second_factor_required")

    @pytest.mark.parametrize("require", ["", "Admin", "admin,second-factor", "x", "admin&require="])
    def test_an_unknown_requirement_lets_nobody_pass(
        self, ada: Visitor, visitor: Visitor, require: str
    ) -> None:
        for person in (ada, visitor):
            query = f"?redirect=true&require={require}"
            assert refusal(led(person, NAVIGATION, query)) == (400, "unknown_requirement")

    @pytest.mark.parametrize(
        ("policy", "person", "root"),
        [("nobody", 200, 200), ("administrators", 200, 403), ("everybody", 403, 403)],
    )
    def test_the_policy_on_second_factors_holds(
        self, make_app: MakeApp, policy: str, person: int, root: int
    ) -> None:
        app = make_app(REQUIRE_SECOND_FACTOR=policy)
        ada = confirmed_in(app)
        answers = [verify(ada), verify(administrator_of(app))]
        assert [answer.status_code for answer in answers] == [person, root]
        for answer in answers:
            assert answer.status_code == 200 or refusal(answer)[1] == "second_factor_required"
        plant_app(app)
        assert verify(ada).status_code == 200


class TestHeadersOfTheRequest:
    def test_an_identity_in_the_request_does_not_count(self, ada: Visitor, app: Flask) -> None:
        root = str(account(administrator_of(app).app, "root@example.com").id)
        forged = {
            "Remote_User": root,
            "Remote_Email": "root@example.com",
            "Remote_Groups": "users,admin",
        }
        assert refusal(verify(Visitor(app), **forged)) == (401, "authentication_required")
        assert identity(verify(ada, **forged)) == identity(verify(ada))
        answer = ada.get(
            f"{VERIFY}?require=admin",
            headers={name.replace("_", "-"): value for name, value in forged.items()},
            environ_overrides={"REMOTE_USER": root},
        )
        assert refusal(answer) == (403, "forbidden")

    @pytest.mark.parametrize("proxies", ["0", "1"])
    def test_forwarded_headers_let_nobody_pass_and_lead_to_trusted_apps_only(
        self, make_app: MakeApp, proxies: str
    ) -> None:
        app = make_app(PUBLIC_URL=PUBLIC, TRUSTED_APPS="a.test", TRUSTED_PROXIES=proxies)
        forged = {
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Prefix": "/evil",
            "X-Forwarded-Uri": "/",
            "X-Forwarded-Method": "GET",
            "Host": "evil.example",
        }
        assert refusal(led(Visitor(app), forged, "")) == (401, "authentication_required")
        answer = led(Visitor(app), forged | NAVIGATION)
        assert (answer.status_code, answer.location) == (302, f"{PUBLIC}/login")


class TestRedirect:
    def test_a_visitor_is_led_to_the_form_that_leads_back(
        self, ada: Visitor, visitor: Visitor
    ) -> None:
        answer = led(visitor, BY_PROXY | NAVIGATION)
        assert answer.status_code == 302
        target = urlsplit(answer.location)
        assert f"{target.scheme}://{target.netloc}{target.path}" == f"{PUBLIC}/login"
        assert parse_qs(target.query) == {"next": [WIKI]}
        form = answer.location.removeprefix(PUBLIC)
        assert visitor.submit(form, email=ADA, password=PASSWORD).location == WIKI

    def test_below_a_path_the_form_is_below_it(self, make_app: MakeApp) -> None:
        app = make_app(PUBLIC_URL=f"{PUBLIC}/accounts", TRUSTED_APPS="wiki.example.org:8443")
        answer = led(Visitor(app), NAVIGATION)
        assert answer.location == f"{PUBLIC}/accounts/login"

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-Host": "wiki.example.org"},
            {"X-Forwarded-Host": "evil.example:8443"},
            {"X-Forwarded-Host": "wiki.example.org:8443.evil.example"},
            {"X-Forwarded-Host": "wiki.example.org:8443@evil.example"},
            {"X-Forwarded-Host": "evil.example, wiki.example.org:8443"},
            {"X-Forwarded-Host": "wiki.example.org:8443, evil.example"},
            {"X-Forwarded-Host": ""},
            {"X-Forwarded-Host": "wiki.example.org:8443\xe9"},
            {"X-Forwarded-Proto": "http, https"},
            {"X-Forwarded-Proto": ""},
            {"X-Forwarded-Proto": "javascript"},
            {"X-Forwarded-Uri": "@evil.example/"},
            {"X-Forwarded-Uri": ".evil.example/"},
            {"X-Forwarded-Uri": "\\@evil.example/"},
            {"X-Forwarded-Uri": "0/"},
            {"X-Forwarded-Uri": "/\xe9"},
            {"X-Forwarded-Uri": "/" + "x" * 2000},
        ],
    )
    def test_another_page_is_not_kept(self, visitor: Visitor, headers: dict[str, str]) -> None:
        answer = led(visitor, BY_PROXY | headers | NAVIGATION)
        assert (answer.status_code, answer.location) == (302, f"{PUBLIC}/login")

    def test_production_leads_back_over_https_only(self, make_app: MakeApp) -> None:
        kept = BY_PROXY | NAVIGATION | {"X-Forwarded-Proto": "http"}
        development = make_app(PUBLIC_URL=PUBLIC, TRUSTED_APPS="wiki.example.org:8443")
        assert "next=http%3A" in led(Visitor(development), kept).location
        origins = ["https://wiki.example.org:8443"]
        development.config["TRUSTED_ORIGINS"] = origins  # as in production; see test_config.py
        assert led(Visitor(development), kept).location == f"{PUBLIC}/login"

    @pytest.mark.parametrize(
        ("headers", "is_led"),
        [
            ({"Sec-Fetch-Mode": "navigate"}, True),
            ({"Sec-Fetch-Mode": "navigate", "X-Forwarded-Method": "POST"}, True),
            ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
            ({"Sec-Fetch-Mode": "no-cors", "Accept": "text/html"}, False),
            ({"Sec-Fetch-Mode": "", "Accept": "text/html"}, False),
            ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, True),
            ({"Accept": "Text/HTML", "X-Forwarded-Method": "GET"}, True),
            ({"Accept": "text/html", "X-Forwarded-Method": "HEAD"}, True),
            ({"Accept": "text/html", "X-Forwarded-Method": "POST"}, False),
            ({"Accept": "text/html;q=0"}, False),
            ({"Accept": "application/json"}, False),
            ({"Accept": "*/*"}, False),
            ({}, False),
        ],
    )
    def test_only_the_opening_of_a_page_is_led(
        self, visitor: Visitor, headers: dict[str, str], *, is_led: bool
    ) -> None:
        answer = led(visitor, BY_PROXY | headers)
        assert answer.status_code == (302 if is_led else 401)
        for off in ("", "?redirect=false", "?redirect=", "?redirect=1"):
            assert led(visitor, BY_PROXY | headers, off).status_code == 401

    def test_an_unconfirmed_person_is_led_to_the_waiting_page(self, visitor: Visitor) -> None:
        visitor.register("bob@example.com")
        answer = led(visitor, BY_PROXY | NAVIGATION)
        assert (answer.status_code, answer.location) == (302, f"{PUBLIC}/unconfirmed")
        assert refusal(led(visitor, BY_PROXY)) == (403, "confirmation_required")

    def test_a_person_who_lacks_something_is_led_nowhere(self, ada: Visitor) -> None:
        for require, code in (("admin", "forbidden"), ("second-factor", "second_factor_required")):
            query = f"?redirect=true&require={require}"
            assert refusal(led(ada, BY_PROXY | NAVIGATION, query)) == (403, code)


class TestAddress:
    @pytest.mark.parametrize(
        ("typed", "key", "sent"),
        [
            ("Ada@B\xfccher.Example", "ada@xn--bcher-kva.example", "Ada@xn--bcher-kva.example"),
            ("o'neil+x@Example.com", "o'neil+x@example.com", "o'neil+x@example.com"),
            ("\uff21da@example.com", "ada@example.com", "ada@example.com"),
            # Not made here, but perhaps by an import.
            ("gr\xfc\xdfe@example.com", "gr\xfc\xdfe@example.com", "gr%C3%BC%C3%9Fe@example.com"),
            ("a\r\nb@example.com", "a\r\nb@example.com", "a%0D%0Ab@example.com"),
        ],
    )
    def test_the_address_is_a_valid_header(
        self, ada: Visitor, typed: str, key: str, sent: str
    ) -> None:
        stored = {"email": typed, "email_key": key}
        with ada.app.app_context():
            current_mongo().users.update_one({"email_key": ADA}, {"$set": stored})
        assert identity(verify(ada))["Remote-Email"] == sent


class TestCommands:
    @pytest.fixture
    def app(self, make_app: MakeApp, mongod: Mongod) -> Flask:
        """The app on a real mongod."""
        app = make_app(MONGODB_URI=mongod.uri("verify"))
        with app.app_context():
            current_mongo().users.delete_many({})
        return app

    def test_one_find_for_each_request(self, ada: Visitor, app: Flask) -> None:
        for query in ("", "?require=admin", "?require=second-factor", "?redirect=true"):
            with commands.recorded() as sent:
                verify(ada, query)
            assert [next(iter(command)) for command in sent] == ["find"], query
        with commands.recorded() as sent:
            verify(Visitor(app))
        assert sent == []

    def test_the_time_of_the_last_request_is_stored_every_five_minutes(self, ada: Visitor) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
            for expected in (["find", "update"], ["find"]):
                with commands.recorded() as sent:
                    assert verify(ada).status_code == 200
                assert [next(iter(command)) for command in sent] == expected
