"""scripts/doctor.py against real servers that are well, and that are not."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from app.diagnostics.finding import Verdict
from app.diagnostics.mongodb import _clock, _replica_set, check_mongodb
from app.users import indexes
from app.users.clock import utcnow
from app.users.indexes import INDEXES
from app.users.outbox import Outbox
from app.users.refusals import Trouble
from app.users.repository import UserRepository
from scripts.mongod import Mongod, _spawn, find_mongod
from tests.mail.smtp_server import SmtpServer, tls_context
from tests.processes import free_port, wait_until
from tests.scripts.conftest import Run
from tests.users.conftest import register

KEYS = {
    "SECRET_KEY": "T6nq1ZcXoV0p7sKdGm3YbRw9hJuLfE2a",
    "SECURITY_PASSWORD_SALT": "q8HrUw5xNzD4yBvS1kTjMeO7iFgPcA3l",
}
MONGODB = ["mongodb", *(f"mongodb {part}" for part in ("version", "replica set", "write concern"))]
MONGODB += ["mongodb indexes", "mongodb clock"]


class Report:
    """What the doctor said."""

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
        """What is to be fixed, and how."""
        return {subject: words for verdict, subject, words in self.found if verdict == "FIX"}

    def well(self) -> list[str]:
        """What is as it should be."""
        return [subject for verdict, subject, _words in self.found if verdict == "ok"]


@pytest.fixture
def mail(environment: dict[str, str]) -> Iterator[SmtpServer]:
    """The mail server that the settings name, started by the test."""
    server = SmtpServer()
    port = free_port()
    environment["APP_MAIL_PORT"] = str(port)
    server.start(port)
    yield server
    server.stop()


@pytest.fixture
def made(users: Collection[dict[str, Any]]) -> Collection[dict[str, Any]]:
    """The collection, as create_indexes.py makes it."""
    list(indexes.apply(users.database))
    return users


@pytest.mark.usefixtures("made")
def test_where_all_is_well_it_says_so_and_changes_and_sends_nothing(
    run: Run, mail: SmtpServer, users: Collection[dict[str, Any]]
) -> None:
    report = Report(run)
    assert report.fixes() == {}
    assert report.status == 0
    singles = {"mongodb replica set"}  # one member: a note
    assert set(report.well()) >= {"settings", "keys", *MONGODB, "mail server"} - singles
    assert not {"MAIL", "RCPT", "DATA"} & set(mail.heard)
    assert mail.heard[-1] == "QUIT"
    assert users.estimated_document_count() == 0
    declared = sorted({index.collection for index in INDEXES})
    assert sorted(users.database.list_collection_names()) == declared


def test_everything_wrong_is_named_in_one_run_and_no_secret_with_it(run: Run) -> None:
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


def test_what_a_wrong_setting_stands_before_is_said_and_the_rest_is_looked_at(
    run: Run, mail: SmtpServer
) -> None:
    report = Report(run, MONGODB_URI="postgres://db/latchkey", PUBLIC_URL="")
    settings = [words for verdict, subject, words in report.found if subject == "settings"]
    assert sum("MONGODB_URI must begin" in words for words in settings) == 1
    assert sum("PUBLIC_URL is required" in words for words in settings) == 1
    assert "mongodb: not looked at" in report.text
    assert report.well() == ["keys", "mail server"]
    assert report.status == 1


def test_an_unknown_kind_of_process_is_all_that_can_be_said(run: Run) -> None:
    report = Report(run, APP_SETTINGS="config.Production")
    assert (report.status, list(report.fixes())) == (1, ["settings"])


@pytest.mark.usefixtures("mail")
def test_a_missing_index_is_named_with_what_makes_it(
    run: Run, made: Collection[dict[str, Any]]
) -> None:
    made.drop_index("email_key")
    report = Report(run)
    assert report.status == 1
    assert report.fixes().keys() == {"mongodb indexes"}
    assert "email_key" in report.fixes()["mongodb indexes"]
    assert "scripts/create_indexes.py" in report.fixes()["mongodb indexes"]


@contextmanager
def raw_mongod(folder: Path, *options: str) -> Iterator[int]:
    """A mongod as it comes; its port."""
    port, log = free_port(), folder.with_suffix(".log")
    folder.mkdir()
    where = ["--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    with log.open("wb") as output:
        process = _spawn([find_mongod(), *where, "--nounixsocket", *options], output.fileno())
    wait_until(lambda: "Waiting for connections" in log.read_text(errors="replace"))
    yield port
    process.kill()
    process.wait()


@pytest.mark.usefixtures("mongod")
def test_a_server_without_a_replica_set_is_to_be_mended(tmp_path: Path) -> None:
    with raw_mongod(tmp_path / "lonely") as port:
        uri = f"mongodb://127.0.0.1:{port}/latchkey"
        with MongoClient[dict[str, Any]](uri) as client:
            list(indexes.apply(client.get_default_database()))
        found = {finding.subject: finding for finding in check_mongodb(uri)}
    assert list(found) == MONGODB, "all is looked at, whatever is found"
    wrong = [finding.subject for finding in found.values() if finding.verdict is Verdict.FIX]
    assert wrong == ["mongodb replica set"]
    assert "--replSet" in found["mongodb replica set"].how


@pytest.mark.usefixtures("mongod")
def test_a_majority_that_does_not_acknowledge_is_to_be_mended(tmp_path: Path) -> None:
    """A primary that an arbiter keeps in office while the other member with data is away."""
    with (
        Mongod.start(tmp_path / "primary") as primary,
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
    assert list(found) == MONGODB, "all is looked at, whatever is found"
    assert found["mongodb write concern"].verdict is Verdict.FIX
    assert found["mongodb indexes"].verdict is Verdict.OK


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
def test_what_a_server_says_of_its_set_is_judged(hello: dict[str, Any], verdict: Verdict) -> None:
    assert _replica_set(hello).verdict is verdict


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0.2, Verdict.OK, "within 0.2 s"),
        (-4, Verdict.OK, "within 4.0 s"),
        (90, Verdict.FIX, "90 s behind this machine"),
        (-90, Verdict.FIX, "90 s ahead of this machine"),
    ],
)
def test_clocks_that_differ_are_to_be_mended(seconds: float, verdict: Verdict, words: str) -> None:
    finding = _clock(timedelta(seconds=seconds))
    assert (finding.verdict, words in finding.words) == (verdict, True)


@pytest.mark.usefixtures("made")
class TestMailServer:
    """It connects as the worker does."""

    def test_a_self_signed_certificate_is_not_trusted(self, run: Run, mail: SmtpServer) -> None:
        mail.stop()
        mail.start(require_starttls=True, tls_context=tls_context())
        login = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": "right"}
        report = Report(
            run, APP_MAIL_PORT=str(mail.port), APP_MAIL_USE_SSL="", APP_MAIL_USE_TLS="true", **login
        )
        assert report.fixes().keys() == {"mail server"}
        assert "certificate is not trusted" in report.fixes()["mail server"]
        assert "AUTH" not in mail.heard, "the password was shown to a stranger"

    def test_tls_where_none_is_spoken_names_the_other_setting(
        self, run: Run, mail: SmtpServer
    ) -> None:
        report = Report(run, APP_MAIL_USE_SSL="true")
        assert report.fixes().keys() == {"mail server"}
        assert "APP_MAIL_USE_TLS" in report.fixes()["mail server"]

    def test_starttls_that_is_not_offered_is_said(self, run: Run, mail: SmtpServer) -> None:
        report = Report(run, APP_MAIL_USE_TLS="true", APP_MAIL_USE_SSL="false")
        assert "STARTTLS" in report.fixes()["mail server"]

    def test_a_server_that_is_away_is_said(self, run: Run) -> None:
        report = Report(run)
        assert report.fixes().keys() == {"mail server"}
        assert "127.0.0.1:1" in report.fixes()["mail server"]
        assert report.status == 1

    def test_a_trusted_server_with_the_wrong_password(self, run: Run, mail: SmtpServer) -> None:
        """OpenSSL takes the certificates to trust from SSL_CERT_FILE."""
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
        assert "takes our login" in right.text

    def test_a_server_that_takes_access_tokens_alone_is_said(
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
        assert "PLAIN, LOGIN and CRAM-MD5" in report.fixes()["mail server"]

    def test_a_port_that_speaks_tls_from_the_first_byte_is_named(
        self, run: Run, mail: SmtpServer
    ) -> None:
        mail.stop()
        mail.start(ssl_context=tls_context())
        report = Report(run, APP_MAIL_PORT=str(mail.port), MAIL_TIMEOUT="1")
        assert "APP_MAIL_USE_SSL=true" in report.fixes()["mail server"]


@pytest.mark.usefixtures("mail")
def test_a_blocked_queue_is_to_be_fixed_though_the_server_lets_us_connect(
    run: Run, made: Collection[dict[str, Any]]
) -> None:
    """A login and a certificate may be good, and relaying denied."""
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
    ("body", "verdict"), [(b'{"status":"ok"}', "ok"), (b"Welcome to nginx", "FIX")]
)
def test_what_answers_at_the_public_address_is_looked_at(
    run: Run, body: bytes, verdict: str
) -> None:
    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
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
    assert asked == ["GET /health/live"]
    found = [said for said, subject, _words in report.found if subject == "PUBLIC_URL"]
    assert found == ["FIX", verdict], "plain HTTP is to be fixed anyway"


@pytest.mark.usefixtures("made", "mail")
def test_a_public_address_that_is_away_is_no_reason_to_fail(run: Run) -> None:
    """The doctor is asked before the first start too."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
    report = Report(run, PUBLIC_URL=url)
    assert report.status == 0
    assert "note  PUBLIC_URL: cannot be reached from here" in report.text
