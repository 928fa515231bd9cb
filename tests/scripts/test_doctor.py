"""scripts/doctor.py with real servers, correct and faulty ones."""

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

import config
from app.diagnostics.finding import Finding, Verdict
from app.diagnostics.mongodb import check_mongodb
from app.diagnostics.mongodb_needs import check_needs
from app.diagnostics.settings import check_settings
from app.users import indexes
from app.users.clock import utcnow
from app.users.indexes import INDEXES
from app.users.outbox import Outbox
from app.users.refusals import Trouble
from app.users.repository import UserRepository
from scripts.mongod import Mongod, find_mongod
from tests.mail.smtp_server import SmtpServer, tls_context
from tests.processes import free_port, wait_until
from tests.scripts.conftest import Run
from tests.scripts.stand_in import Command, Refused, stand_in
from tests.users.conftest import register
from tests.web.pages import PRODUCTION

KEYS = {
    "SECRET_KEY": "T6nq1ZcXoV0p7sKdGm3YbRw9hJuLfE2a",
    "SECURITY_PASSWORD_SALT": "q8HrUw5xNzD4yBvS1kTjMeO7iFgPcA3l",
}
NEEDS = [
    *("mongodb schema validator", "mongodb update pipelines", "mongodb array updates"),
    *("mongodb partial indexes", "mongodb sparse indexes", "mongodb TTL indexes"),
    *("mongodb aggregation", "mongodb unique indexes"),
]
MONGODB = ["mongodb", *NEEDS]
MONGODB += ["mongodb version", "mongodb replica set", "mongodb write concern"]
MONGODB += ["mongodb indexes", "mongodb clock", "administrators"]
NOW = datetime(2030, 1, 2, tzinfo=UTC)
# Otherwise a primary that stops waits 15 s for its members.
STOP_AT_ONCE = {"shutdownTimeoutMillisForSignaledShutdown": 0}

FindingsOf = Callable[[dict[str, Any]], dict[str, Finding]]


class Report:
    """The findings that the doctor printed."""

    def __init__(self, run: Run, **settings: str) -> None:
        done = run("doctor", **{**KEYS, **settings})
        self.status, self.text = done.returncode, done.stdout
        assert done.stderr == "", done.stderr
        lines = [re.fullmatch(r"(ok|note|FIX) +([^:]+): (.+)", line) for line in self]
        self.found = [line.groups() for line in lines if line]
        assert len(self.found) == len(lines), self.text

    def __iter__(self) -> Iterator[str]:
        return iter(self.text.splitlines())

    def fixes(self) -> dict[str, str]:
        """What the operator must fix, and how."""
        return {subject: words for verdict, subject, words in self.found if verdict == "FIX"}

    def ok(self) -> list[str]:
        """What is correct."""
        return [subject for verdict, subject, _words in self.found if verdict == "ok"]


@pytest.fixture
def mail(environment: dict[str, str]) -> Iterator[SmtpServer]:
    """The mail server of the settings."""
    server = SmtpServer()
    port = free_port()
    environment["APP_MAIL_PORT"] = str(port)
    server.start(port)
    yield server
    server.stop()


@pytest.fixture
def made(users: Collection[dict[str, Any]]) -> Collection[dict[str, Any]]:
    """The collection with its indexes."""
    list(indexes.apply(users.database))
    return users


@pytest.mark.usefixtures("made")
def test_a_correct_installation_has_no_fixes_and_is_not_changed(
    run: Run, mail: SmtpServer, users: Collection[dict[str, Any]]
) -> None:
    report = Report(run)
    assert report.fixes() == {}
    assert report.status == 0
    singles = {"mongodb replica set"}  # one member: a note
    assert set(report.ok()) >= {"settings", "keys", *MONGODB, "mail server"} - singles
    assert not {"MAIL", "RCPT", "DATA"} & set(mail.heard)
    assert mail.heard[-1] == "QUIT"
    assert users.estimated_document_count() == 0
    declared = sorted({index.collection for index in INDEXES})
    assert sorted(users.database.list_collection_names()) == declared


def test_one_run_names_all_faults_without_secrets(run: Run) -> None:
    report = Report(
        run,
        SECRET_KEY="s3cret",
        SECURITY_PASSWORD_SALT="s" * 40,
        SECRET_KEY_FALLBACKS="shorts3cret",
        PUBLIC_URL="http://127.0.0.1:1",
        MONGODB_URI="mongodb://operator:s3cret-pass@127.0.0.1:1/latchkey?timeoutMS=200",
        APP_MAIL_USERNAME="latchkey",
        APP_MAIL_PASSWORD="s3cret-pass",
        BCRYPT_LOG_ROUNDS="6",
    )
    assert report.status == 1
    assert report.fixes().keys() == {
        *("settings", "BCRYPT_LOG_ROUNDS", "SECRET_KEY", "SECURITY_PASSWORD_SALT"),
        *("SECRET_KEY_FALLBACKS", "PUBLIC_URL", "mongodb", "mail server"),
    }
    assert "in the clear" in report.fixes()["mail server"]
    assert "s3cret" not in report.text
    assert "cannot be reached from here" in report.text


def test_an_invalid_setting_skips_its_checks_and_the_others_run(run: Run, mail: SmtpServer) -> None:
    report = Report(run, MONGODB_URI="postgres://db/latchkey", PUBLIC_URL="")
    settings = [words for verdict, subject, words in report.found if subject == "settings"]
    assert sum("MONGODB_URI must begin" in words for words in settings) == 1
    assert sum("PUBLIC_URL is required" in words for words in settings) == 1
    assert "mongodb: not checked" in report.text
    assert report.ok() == ["keys", "mail server"]
    assert report.status == 1


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_MAIL_DEFAULT_SENDER", "Acme, Inc. <no-reply@example.test>"),
        ("APP_MAIL_SERVER", "smtp://mail.example.test"),
        ("PUBLIC_URL", "https://user@app.example.test"),
        ("PUBLIC_URL", "http://app.example.test"),
        ("MONGODB_URI", "mongodb://:27017/latchkey"),
        ("SECRET_KEY_FILE", "/no/such/file"),
        ("MONGODB_URI_FILE", "/no/such/file"),
    ],
)
def test_settings_that_cannot_work_are_a_fix(run: Run, name: str, value: str) -> None:
    given = {name: value}
    if name.endswith("_FILE"):
        given[name.removesuffix("_FILE")] = ""
    report = Report(run, **given)
    assert report.status == 1
    assert report.fixes()["settings"].startswith(f"{name} ")
    assert "settings" not in report.ok()
    assert value not in report.text


def test_a_script_name_that_public_url_lacks_is_a_fix(run: Run) -> None:
    report = Report(run, SCRIPT_NAME="/accounts")
    assert "SCRIPT_NAME" in report.fixes()["PUBLIC_URL"]


def test_an_unknown_app_settings_is_the_only_finding(run: Run) -> None:
    report = Report(run, APP_SETTINGS="config.Production")
    assert (report.status, list(report.fixes())) == (1, ["settings"])


@pytest.mark.usefixtures("mail")
def test_a_missing_index_is_named_with_the_script_that_makes_it(
    run: Run, made: Collection[dict[str, Any]]
) -> None:
    made.drop_index("email_key")
    report = Report(run)
    assert report.status == 1
    assert report.fixes().keys() == {"mongodb indexes"}
    assert "email_key" in report.fixes()["mongodb indexes"]
    assert "scripts/create_indexes.py" in report.fixes()["mongodb indexes"]


@pytest.mark.usefixtures("mail")
def test_administrators_without_a_second_factor_are_a_note(
    run: Run, made: Collection[dict[str, Any]]
) -> None:
    fields = {"password_hash": "", "confirmed": True, "confirmed_on": NOW, "token_version": 1}
    factors: list[dict[str, Any]] = [
        {"admin": True},
        {"admin": True, "passkeys": []},
        {"admin": True, "totp": {"id": "1"}},
        {"admin": True, "passkeys": [{"id": "1"}]},
        {"admin": False},
    ]
    for number, own in enumerate(factors):
        address = {"email": f"{number}@example.com", "email_key": f"{number}@example.com"}
        made.insert_one({**address, **fields, "registered_on": NOW, **own})
    report = Report(run)
    assert report.status == 0
    assert ("note", "administrators") in {(verdict, name) for verdict, name, _ in report.found}
    assert "2 have no second factor -> each adds one on the page /profile/security" in report.text


@pytest.mark.parametrize(
    ("apps", "domain", "named"),
    [
        ("", "", ""),
        ("app.example.org:8443", "", ""),
        ("wiki.example.org", "", "wiki.example.org"),
        ("wiki.example.org", "example.org", ""),
        ("wiki.example.org:81,wiki.test,xexample.org", "example.org", "wiki.test, xexample.org"),
    ],
)
def test_an_app_that_does_not_get_the_cookie_is_a_note(apps: str, domain: str, named: str) -> None:
    variables = PRODUCTION | {"TRUSTED_APPS": apps, "SESSION_COOKIE_DOMAIN": domain}
    found = [found for found in check_settings(*config.read(variables)) if "APPS" in found.subject]
    assert [f"cookie to {named}, so" in note.words for note in found] == [True] * bool(named)
    assert not [note for note in found if note.verdict is not Verdict.NOTE]


@contextmanager
def raw_mongod(folder: Path, *options: str) -> Iterator[int]:
    """Runs a mongod without a replica set. Yields its port."""
    port, log = free_port(), folder.with_suffix(".log")
    folder.mkdir()
    where = ["--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    command = [find_mongod(), *where, "--nounixsocket", *options]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until(lambda: "Waiting for connections" in log.read_text(errors="replace"))
            yield port
        finally:
            process.kill()


@pytest.mark.usefixtures("mongod")
def test_a_server_without_a_replica_set_is_a_fix(tmp_path: Path) -> None:
    with raw_mongod(tmp_path / "single") as port:
        uri = f"mongodb://127.0.0.1:{port}/latchkey"
        with MongoClient[dict[str, Any]](uri) as client:
            list(indexes.apply(client.get_default_database()))
        found = {finding.subject: finding for finding in check_mongodb(uri)}
    assert list(found) == MONGODB, "a fix does not stop the other checks"
    wrong = [finding.subject for finding in found.values() if finding.verdict is Verdict.FIX]
    assert wrong == ["mongodb replica set"]
    assert "--replSet" in found["mongodb replica set"].how


@pytest.mark.usefixtures("mongod")
def test_a_majority_that_does_not_acknowledge_is_a_fix(tmp_path: Path) -> None:
    """The primary has the vote of an arbiter. The other member with data does not run."""
    with (
        Mongod.start(tmp_path / "primary", parameters=STOP_AT_ONCE) as primary,
        raw_mongod(tmp_path / "arbiter", "--replSet", "rs0") as arbiter,
    ):
        uri = primary.uri("latchkey")
        with MongoClient[dict[str, Any]](uri) as client:
            list(indexes.apply(client.get_default_database()))
            client.admin.command("setDefaultRWConcern", defaultWriteConcern={"w": 1})
            members = [
                {"_id": 0, "host": f"127.0.0.1:{primary.port}", "priority": 2},
                {"_id": 1, "host": f"127.0.0.1:{arbiter}", "arbiterOnly": True},
                {"_id": 2, "host": f"127.0.0.1:{free_port()}", "priority": 0},
            ]
            client.admin.command(
                "replSetReconfig", {"_id": "rs0", "version": 1000, "members": members}, force=True
            )
        with MongoClient[dict[str, Any]](uri) as client:
            wait_until(lambda: len(client.nodes) >= 2 and client.primary)
        found = {finding.subject: finding for finding in check_mongodb(uri)}
    assert list(found) == MONGODB, "a fix does not stop the other checks"
    assert found["mongodb write concern"].verdict is Verdict.FIX
    assert found["mongodb indexes"].verdict is Verdict.OK


def _refuse_update_pipelines(command: Command) -> None:
    if any(isinstance(one["u"], list) for one in command.get("updates", ())):
        raise Refused("Modifiers operate on fields but we found type array instead")


def _refuse_array_filters(command: Command) -> None:
    if any("arrayFilters" in one for one in command.get("updates", ())):
        raise Refused("arrayFilters is not implemented")


def _refuse_partial_indexes(command: Command) -> None:
    if any("partialFilterExpression" in one for one in command.get("indexes", ())):
        raise Refused("Field 'partialFilterExpression' is currently not supported")


def _refuse_unique_indexes_beside_documents(command: Command) -> None:
    if any("unique" in one for one in command.get("indexes", ())):
        raise Refused("The unique index cannot be modified")


def _ignore_option_of_indexes(option: str) -> Callable[[Command], None]:
    def change(command: Command) -> None:
        for index in command.get("indexes", ()):
            index.pop(option, None)

    return change


def _refuse_validators(command: Command) -> None:
    if "validator" in command:
        raise Refused("validator is not implemented")


def _ignore_validators(command: Command) -> None:
    command.pop("validator", None)
    command.pop("validationAction", None)


def _only_warn_of_validators(command: Command) -> None:
    if "validator" in command:
        command["validationAction"] = "warn"


def _refuse_merge(command: Command) -> None:
    if any("$merge" in stage for stage in command.get("pipeline", ())):
        raise Refused("Aggregation stage not supported: '$merge'")


LACKING = {
    "update pipelines": _refuse_update_pipelines,
    "array updates": _refuse_array_filters,
    "partial indexes": _refuse_partial_indexes,
    "partial indexes, ignored": _ignore_option_of_indexes("partialFilterExpression"),
    "unique indexes": _refuse_unique_indexes_beside_documents,
    "unique indexes, ignored": _ignore_option_of_indexes("unique"),
    "sparse indexes, ignored": _ignore_option_of_indexes("sparse"),
    "TTL indexes, ignored": _ignore_option_of_indexes("expireAfterSeconds"),
    "schema validator": _refuse_validators,
    "schema validator, ignored": _ignore_validators,
    "schema validator, only warned of": _only_warn_of_validators,
    "aggregation": _refuse_merge,
}


@pytest.mark.parametrize("lacking", LACKING)
def test_only_the_feature_that_a_server_refuses_or_ignores_is_a_fix(
    mongod: Mongod, made: Collection[dict[str, Any]], lacking: str
) -> None:
    database = made.database
    before = sorted(database.list_collection_names())
    with stand_in(mongod.port, LACKING[lacking]) as port:
        uri = f"mongodb://127.0.0.1:{port}/{database.name}?directConnection=true"
        found = {finding.subject: finding for finding in check_mongodb(uri)}
    assert list(found) == MONGODB, "a finding does not stop the other checks"
    wrong = [finding for finding in found.values() if finding.verdict is Verdict.FIX]
    assert [finding.subject for finding in wrong] == [f"mongodb {lacking.partition(',')[0]}"]
    assert "Without it" in wrong[0].words
    assert "docs/operations.md" in wrong[0].how
    assert ("refused: " in wrong[0].words) == ("," not in lacking)
    assert sorted(database.list_collection_names()) == before


def test_a_user_with_few_rights_gets_notes_and_no_fix(
    mongod: Mongod, made: Collection[dict[str, Any]]
) -> None:
    def refuse(command: Command) -> None:
        if {"create", "createIndexes", "drop"} & set(command):
            raise Refused("not authorized", 13)

    database = made.database
    with stand_in(mongod.port, refuse) as port:
        uri = f"mongodb://127.0.0.1:{port}/{database.name}?directConnection=true"
        found = {finding.subject: finding for finding in check_mongodb(uri)}
    assert Verdict.FIX not in {finding.verdict for finding in found.values()}
    assert found["mongodb unique indexes"].verdict is Verdict.NOTE
    left = found["mongodb scratch collection"]
    assert left.words.partition(" ")[0] in database.list_collection_names()


def test_the_scratch_collection_is_removed_when_the_doctor_is_interrupted(
    made: Collection[dict[str, Any]],
) -> None:
    before = made.database.list_collection_names()
    findings = check_needs(made.database)
    next(findings)
    assert len(made.database.list_collection_names()) == len(before) + 1
    findings.close()
    assert made.database.list_collection_names() == before


def test_a_server_that_stops_during_the_checks_is_a_fix(tmp_path: Path, mongod: Mongod) -> None:
    with Mongod.start(tmp_path / "mongodb") as server:
        findings = check_mongodb(server.uri("latchkey") + "&timeoutMS=500")
        # The last test of a feature is still to come, because each one waits for its time-out.
        next(finding for finding in findings if finding.subject == NEEDS[-2])
        server.kill()
        found = {finding.subject: finding for finding in findings}
    assert "not tried: " in found[NEEDS[-1]].words
    assert found["mongodb write concern"].verdict is Verdict.FIX


@pytest.fixture
def findings_of(monkeypatch: pytest.MonkeyPatch) -> FindingsOf:
    """The findings about a server that answers `hello` with these values."""
    database = create_autospec(Database, instance=True)
    monkeypatch.setattr("app.diagnostics.mongodb.connect", lambda _uri: database)
    monkeypatch.setattr("app.diagnostics.mongodb.utcnow", lambda: NOW)
    monkeypatch.setattr("app.diagnostics.mongodb.check_needs", lambda _database: [])
    monkeypatch.setattr(indexes, "inspect", lambda _database: [])

    def findings(hello: dict[str, Any]) -> dict[str, Finding]:
        version = {"version": "8.0.0", "versionArray": [8, 0, 0, 0]}
        database.command.return_value = {"localTime": NOW, **version, **hello}
        return {finding.subject: finding for finding in check_mongodb("mongodb://db/latchkey")}

    return findings


@pytest.mark.parametrize(
    ("hello", "verdict"),
    [
        ({"setName": "rs0", "isWritablePrimary": True, "hosts": ["a", "b", "c"]}, Verdict.OK),
        ({"setName": "rs0", "isWritablePrimary": True, "hosts": ["a"]}, Verdict.NOTE),
        ({"setName": "rs0", "isWritablePrimary": False, "hosts": ["a", "b", "c"]}, Verdict.FIX),
        ({"msg": "isdbgrid", "isWritablePrimary": True}, Verdict.OK),
        ({"isWritablePrimary": True}, Verdict.FIX),
    ],
)
def test_the_finding_follows_the_state_of_the_replica_set(
    findings_of: FindingsOf, hello: dict[str, Any], verdict: Verdict
) -> None:
    assert findings_of(hello)["mongodb replica set"].verdict is verdict


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0.2, Verdict.OK, "within 0.2 s"),
        (-4, Verdict.OK, "within 4.0 s"),
        (90, Verdict.FIX, "90 s behind this machine"),
        (-90, Verdict.FIX, "90 s ahead of this machine"),
    ],
)
def test_clocks_that_differ_by_more_than_five_seconds_are_a_fix(
    findings_of: FindingsOf, seconds: float, verdict: Verdict, words: str
) -> None:
    found = findings_of({"localTime": NOW - timedelta(seconds=seconds)})["mongodb clock"]
    assert (found.verdict, words in found.words) == (verdict, True)


@pytest.mark.usefixtures("made")
class TestMailServer:
    """The doctor connects to the mail server as the worker does."""

    def test_a_self_signed_certificate_is_not_trusted(self, run: Run, mail: SmtpServer) -> None:
        mail.stop()
        mail.start(require_starttls=True, tls_context=tls_context())
        login = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": "right"}
        report = Report(
            run, APP_MAIL_PORT=str(mail.port), APP_MAIL_USE_SSL="", APP_MAIL_USE_TLS="true", **login
        )
        assert report.fixes().keys() == {"mail server"}
        assert "certificate is not trusted" in report.fixes()["mail server"]
        assert "AUTH" not in mail.heard, "an untrusted server got the password"

    def test_tls_on_a_port_without_tls_names_the_other_setting(
        self, run: Run, mail: SmtpServer
    ) -> None:
        report = Report(run, APP_MAIL_USE_SSL="true")
        assert report.fixes().keys() == {"mail server"}
        assert "APP_MAIL_USE_TLS" in report.fixes()["mail server"]

    def test_a_server_without_starttls_is_a_fix(self, run: Run, mail: SmtpServer) -> None:
        report = Report(run, APP_MAIL_USE_TLS="true", APP_MAIL_USE_SSL="false")
        assert "STARTTLS" in report.fixes()["mail server"]

    def test_an_unreachable_server_is_a_fix(self, run: Run) -> None:
        report = Report(run)
        assert report.fixes().keys() == {"mail server"}
        assert "127.0.0.1:1" in report.fixes()["mail server"]
        assert report.status == 1

    def test_a_wrong_password_is_a_fix_and_the_right_one_is_not(
        self, run: Run, mail: SmtpServer
    ) -> None:
        """OpenSSL reads the trusted certificates from SSL_CERT_FILE."""
        mail.stop()
        mail.start(require_starttls=True, tls_context=tls_context(), auth_required=True)
        certificate = Path(__file__).parents[1] / "mail" / "self_signed.pem"
        settings = {
            "SSL_CERT_FILE": str(certificate),
            "APP_MAIL_SERVER": "localhost",
            "APP_MAIL_PORT": str(mail.port),
            "APP_MAIL_USE_TLS": "true",
            "APP_MAIL_USE_SSL": "",
            "APP_MAIL_USERNAME": "latchkey",
        }
        wrong = Report(run, APP_MAIL_PASSWORD="s3cret-pass", **settings)
        assert "refuses our login (535)" in wrong.fixes()["mail server"]
        assert "s3cret" not in wrong.text
        right = Report(run, APP_MAIL_PASSWORD="right", **settings)
        assert right.fixes() == {}
        assert "accepts our login" in right.text

    def test_a_server_that_accepts_only_access_tokens_is_a_fix(
        self, run: Run, mail: SmtpServer
    ) -> None:
        mail.stop()
        certificate = Path(__file__).parents[1] / "mail" / "self_signed.pem"
        excluded = ["LOGIN", "PLAIN"]
        mail.start(
            ssl_context=tls_context(), auth_require_tls=False, auth_exclude_mechanism=excluded
        )
        report = Report(
            run,
            SSL_CERT_FILE=str(certificate),
            APP_MAIL_SERVER="localhost",
            APP_MAIL_PORT=str(mail.port),
            APP_MAIL_USE_SSL="true",
            APP_MAIL_USERNAME="latchkey",
            APP_MAIL_PASSWORD="right",
        )
        assert "PLAIN, LOGIN or CRAM-MD5" in report.fixes()["mail server"]

    def test_a_port_that_expects_tls_from_the_first_byte_names_the_setting(
        self, run: Run, mail: SmtpServer
    ) -> None:
        mail.stop()
        mail.start(ssl_context=tls_context())
        report = Report(run, APP_MAIL_PORT=str(mail.port), MAIL_TIMEOUT="1")
        assert "APP_MAIL_USE_SSL=true" in report.fixes()["mail server"]


@pytest.mark.usefixtures("mail")
def test_a_blocked_queue_is_a_fix_even_if_the_login_works(
    run: Run, made: Collection[dict[str, Any]]
) -> None:
    """The server may accept our login and still refuse to relay."""
    now = utcnow()
    register(UserRepository(made), now=now)
    outbox = Outbox(made)
    leased = outbox.lease(now, timedelta(minutes=1))
    assert leased
    words = "554 5.7.1 <x@gmail.com>: Relay access denied"
    assert outbox.block(leased, now, now, words, Trouble.REFUSED)
    report = Report(run)
    assert report.fixes().keys() == {"mail queue"}
    assert "Relay access denied" in report.fixes()["mail queue"]
    assert report.status == 1


@pytest.mark.usefixtures("made", "mail")
@pytest.mark.parametrize(
    ("body", "expected"), [(b'{"status":"ok"}', "ok"), (b"Welcome to nginx", "FIX")]
)
def test_a_public_url_that_leads_to_another_server_is_a_fix(
    run: Run, body: bytes, expected: str
) -> None:
    requests: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        report = Report(run, PUBLIC_URL=f"http://127.0.0.1:{site.server_port}")
        site.shutdown()
        thread.join()
    assert requests == ["GET /health/live"]
    found = [verdict for verdict, subject, _words in report.found if subject == "PUBLIC_URL"]
    assert found == ["FIX", expected], "plain HTTP is a fix, too"


@pytest.mark.usefixtures("made", "mail")
def test_an_unreachable_public_url_is_a_note(run: Run) -> None:
    """The doctor also runs before the first start of the app."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
    report = Report(run, PUBLIC_URL=url)
    assert report.status == 0
    assert "note  PUBLIC_URL: cannot be reached from here" in report.text
