"""The API tells nobody who has an account: neither by an answer, nor by what its token can do, nor
by the work behind it.

The same story is told for an address with a confirmed account and for one without. Everything that
a program can see must be equal, apart from random values.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import bcrypt
import pytest
import time_machine
from flask import Flask

from app.mongo import current_mongo
from app.security.signing import link_signer
from app.users.clock import utcnow
from scripts.mongod import Mongod
from tests.api.programs import BrowserApp, Program
from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.planted_factors import confirmed_in, plant_passkey
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD

TAKEN, NEW = "taken@example.org", "newer@example.org"
UNCONFIRMED, DISABLED = "third@example.org", "ended@example.org"
ALL = (TAKEN, NEW, UNCONFIRMED, DISABLED)
_RANDOM = re.compile(r'"(token|id|ticket|request_id|csrf_token|challenge)": ?"([^"]*)"')
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")

Told = list[tuple[Any, ...]]
HASHES: list[str] = []
"""What bcrypt has computed for the last request."""

# What a person who waits may not do: refused, whatever is sent.
_REFUSED = [
    *(("DELETE", "/account"), ("PUT", "/account/password"), ("PUT", "/account/email")),
    *(("DELETE", "/account/email/pending"), ("DELETE", "/account/sessions")),
    *(("DELETE", f"/account/sessions/{'0' * 16}"), ("GET", "/account/activity")),
    *(("GET", "/account/export"), ("POST", "/account/second-factors/totp")),
    *(("POST", "/account/second-factors/passkeys/options"), ("GET", "/account/sessions")),
    *(("POST", "/account/second-factors/recovery-codes"), ("POST", "/session/proof")),
    *(("GET", "/account/second-factors"), ("GET", "/verify")),
]


@pytest.fixture(autouse=True)
def _count_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hashpw", "checkpw"):
        real = getattr(bcrypt, name)

        def counted(*given: bytes, real: Any = real, name: str = name) -> Any:
            HASHES.append(name)
            return real(*given)

        monkeypatch.setattr(bcrypt, name, counted)


@pytest.fixture
def app(make_app: MakeApp, mongod: Mongod, real_uri: str) -> Flask:
    """On a real MongoDB, whose commands can be counted."""
    app = make_app(MONGODB_URI=real_uri)
    confirmed_in(app, TAKEN)
    for email in (UNCONFIRMED, DISABLED):
        Program(app).register(email)
    with app.app_context():
        disabled = {"$set": {"disabled_on": utcnow()}}
        current_mongo().users.update_one({"email_key": DISABLED}, disabled)
    return app


class Story:
    """What a program does with one address, and everything that it can see of it."""

    def __init__(self, program: Program, email: str) -> None:
        self.program = program
        self.email = email
        self.told: Told = []

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Sends a request, keeps what can be seen, and returns the JSON of the answer."""
        options: dict[str, Any] = {} if method == "GET" else {"json": body or {}}
        HASHES.clear()
        with commands.recorded() as sent:
            answer = self.program.call(method, path, **options)
        self.program.take(answer)
        # Decoys have a collection of their own, in which a command does the same work.
        work = [
            (name, "users" if where == "decoys" else where)
            for name, where in (next(iter(command.items())) for command in sent)
        ]
        seen = answer.status_code, self._masked(answer.text), sorted(set(answer.headers.keys()))
        # Registering and starting over take equal time, whatever they do.
        equal_time = path in {"/accounts", "/confirmation/start-over"}
        self.told.append((method, path, *seen, [] if equal_time else work, list(HASHES)))
        return answer.get_json(silent=True)

    def note(self, *facts: object) -> None:
        """Keeps what a program can find out by comparing answers."""
        self.told.append(facts)

    def _masked(self, text: str) -> str:
        text = _RANDOM.sub(lambda found: f"{found[1]}: {len(found[2])} characters", text)
        return _TIME.sub("T", text.replace(self.email, "ADDRESS"))


def _tell(program: Program, email: str) -> Told:
    story = Story(program, email)
    body = {"email": email, "password": PASSWORD, "device": "Phone", "cookie": program.cookie}
    with time_machine.travel(utcnow(), tick=False) as clock:
        first = story.call("POST", "/accounts", body)["account"]
        first_token = program.token
        session = story.call("GET", "/session")
        story.note(session["account"] == first)
        for method, path in [
            *(("GET", "/account"), ("GET", "/confirmation"), ("POST", "/confirmation/mail")),
            *_REFUSED,
            ("POST", "/session/passkey/options"),
        ]:
            story.call(method, path)
        clock.shift(timedelta(seconds=90))
        story.call("PATCH", "/account", {"language": "de"})
        story.call("PATCH", "/account", {"language": "no language"})
        story.call("POST", "/confirmation/mail")
        story.call("GET", "/confirmation")
        for _try in range(6):
            story.call("POST", "/confirmation", {"code": "123456"})
        now = story.call("GET", "/account")
        story.note({name: now[name] == first[name] for name in first})
        story.note(story.call("GET", "/session")["expires_at"] == session["expires_at"])
        clock.shift(timedelta(minutes=20))
        if not program.cookie:  # the newest registration wins
            program.token = ""
            again = story.call("POST", "/accounts", body)
            newest_token, program.token = program.token, first_token
            story.note(again["account"]["id"] == first["id"])
            story.call("GET", "/account")
            program.token = newest_token
        story.call("POST", "/confirmation/start-over")
        story.call("GET", "/session")
        story.call("GET", "/account")
        program.token = ""
        clock.shift(timedelta(minutes=20))
        anew = story.call("POST", "/accounts", body)
        story.note(anew["account"]["id"] == first["id"])
        story.call("DELETE", "/session")
        story.call("GET", "/account")
    return story.told


@pytest.mark.parametrize("kind", [Program, BrowserApp], ids=["token", "cookie"])
def test_a_program_sees_the_same_for_a_taken_and_a_new_address(
    app: Flask, kind: type[Program]
) -> None:
    told = [_tell(kind(app), email) for email in ALL]
    for taken, new, unconfirmed, disabled in zip(*told, strict=True):
        assert taken == new == unconfirmed == disabled


@pytest.mark.parametrize("earlier", [Program, BrowserApp], ids=["token first", "cookie first"])
@pytest.mark.parametrize("later", [Program, BrowserApp], ids=["then token", "then cookie"])
def test_an_earlier_claim_sees_the_same_when_a_newer_one_comes(
    app: Flask, earlier: type[Program], later: type[Program]
) -> None:
    told = []
    for email in ALL:
        first, second = Story(earlier(app), email), Story(later(app), email)
        bodies = [
            {"email": email, "password": PASSWORD, "cookie": story.program.cookie}
            for story in (first, second)
        ]
        old = first.call("POST", "/accounts", bodies[0])["account"]
        new = second.call("POST", "/accounts", bodies[1])["account"]
        for story in (first, second):
            for method, path in [("GET", "/account"), ("POST", "/confirmation/mail")]:
                story.call(method, path)
            story.call("POST", "/confirmation", {"code": "123456"})
        first.call("POST", "/confirmation/start-over")
        second.call("GET", "/account")
        second.call("POST", "/confirmation/start-over")
        again = first.call("POST", "/accounts", bodies[0])["account"]
        told.append([first.told, second.told, old["id"] == new["id"], again["id"] == new["id"]])
    assert told[0] == told[1] == told[2] == told[3]


def _sign_in(story: Story) -> None:
    story.call("POST", "/session", {"email": story.email, "password": "not the password"})


def _forget(story: Story) -> None:
    story.call("POST", "/password/forgot", {"email": story.email})


def _register_weakly(story: Story) -> None:
    story.call("POST", "/accounts", {"email": story.email, "password": "password"})


@pytest.mark.parametrize("ask", [_sign_in, _forget, _register_weakly])
def test_one_request_tells_nothing(app: Flask, ask: Callable[[Story], None]) -> None:
    told = []
    for email in ALL:
        story = Story(Program(app), email)
        ask(story)
        told.append(story.told)
    assert told[0] == told[1] == told[2] == told[3]


def test_a_forged_answer_of_a_known_passkey_is_refused_like_that_of_an_unknown_one(
    app: Flask,
) -> None:
    known, told = plant_passkey(app, TAKEN), []
    for passkey_id in (known.id, SoftwareAuthenticator().id):
        story, forger = Story(Program(app), TAKEN), SoftwareAuthenticator()
        forger.id, forger.user_handle = passkey_id, known.user_handle
        options = story.call("POST", "/session/passkey/options")
        credential = json.loads(forger.get(options["passkey_options"]))
        body = {"ticket": options["ticket"], "credential": credential}
        story.call("POST", "/session/passkey", body)
        told.append(story.told)
    assert told[0] == told[1]
    assert told[0][1][2] == 422


def test_a_decoy_can_never_be_confirmed_and_sends_no_mail(app: Flask) -> None:
    program = Program(app)
    program.register(TAKEN)
    with app.app_context():
        database = current_mongo().database
        decoy = database["decoys"].find_one({})
        assert decoy
        assert not database["users"].find_one({"_id": decoy["_id"]})
        # Even with the right code, which nobody gets.
        codes = link_signer().codes(decoy["_id"], decoy["email_key"], decoy["token_version"])
    answer = program.post("/confirmation", code=codes[0])
    assert answer.get_json()["code"] == "code_wrong"
    assert not program.get("/account").get_json()["confirmed"]


def test_a_decoy_expires_like_an_unconfirmed_account(app: Flask) -> None:
    for email in (TAKEN, NEW):
        Program(app).register(email)
    with app.app_context():
        database = current_mongo().database
        decoy = database["decoys"].find_one({})
        account = database["users"].find_one({"email_key": NEW})
        lasts = database["decoys"].index_information()["expire_decoys"]
    assert decoy
    assert account
    assert abs(decoy["expires_on"] - account["expires_on"]) < timedelta(seconds=30)
    assert lasts["expireAfterSeconds"] == 0


@pytest.mark.parametrize("kind", [Program, BrowserApp], ids=["token", "cookie"])
def test_links_of_own_accounts_tell_nothing(
    app: Flask, mailbox: Mailbox, kind: type[Program]
) -> None:
    """A decoy must be seen as another account, as a new account is."""
    waiting, owner = Program(app), confirmed_in(app, "mal@example.com")
    waiting.register("mallory@example.com")
    owner.submit("/profile/email", email="mel@example.com", current_password=PASSWORD)
    unused = mailbox.newest("mallory@example.com").token
    change = mailbox.newest("mel@example.com").token
    told = []
    for email in (TAKEN, NEW):
        program = kind(app)
        program.register(email)
        story = Story(program, email)
        for more in ({}, {"password": "not the password"}):
            story.call("POST", "/confirmation", {"token": unused, **more})
            story.call("POST", "/email/confirm", {"token": change, **more})
        story.call("POST", "/confirmation/mail", {"token": unused})
        for path in ("/email/undo", "/second-factors/reset", "/second-factors/keep"):
            story.call("POST", path, {"token": unused})
        story.call("POST", "/password/reset", {"token": unused, "password": PASSWORD})
        told.append(story.told)
    assert told[0] == told[1]


def test_the_decoy_of_a_deleted_account_goes_with_it(app: Flask) -> None:
    """Otherwise the older of two tokens would live on, which shows that there was an account."""
    owner, stranger, later = Program(app), Program(app), Program(app)
    owner.sign_in(TAKEN)
    stranger.register(TAKEN)
    assert stranger.get("/account").status_code == 200
    body = {"current_password": PASSWORD}
    assert owner.call("DELETE", "/account", json=body).status_code == 204
    assert stranger.get("/account").status_code == 401
    later.register(TAKEN)
    assert later.get("/account").status_code == 200


def test_the_decoy_of_an_address_that_its_owner_leaves_goes_with_it(
    app: Flask, mailbox: Mailbox
) -> None:
    owner, before, after, later = (Program(app) for _ in range(4))
    owner.sign_in(TAKEN)
    before.register(TAKEN)
    new = {"email": "moved@example.org", "current_password": PASSWORD}
    assert owner.call("PUT", "/account/email", json=new).status_code == 202
    token = mailbox.newest("moved@example.org").token
    assert owner.post("/email/confirm", token=token).status_code == 200
    assert before.get("/account").status_code == 401
    after.register("moved@example.org")
    undo = mailbox.newest(TAKEN, "changed").token
    assert owner.post("/email/undo", token=undo).status_code == 204
    assert after.get("/account").status_code == 401
    later.register("moved@example.org")
    assert later.get("/account").status_code == 200
