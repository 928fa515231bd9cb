"""scripts/create_admin.py."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection

from app.mail.worker import Worker
from app.users.passwords import verify_password
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.scripts.conftest import ROOT, Run, command
from tests.visitor import PASSWORD, Visitor

ADA = "ada@example.com"


def test_an_administrator_is_made_and_can_sign_in(
    run: Run, make_app: MakeApp, real_uri: str, users: Collection[dict[str, Any]]
) -> None:
    done = run("create_admin", "Ada@Example.com", ADMIN_PASSWORD=PASSWORD)
    assert done.returncode == 0
    assert "Ada@Example.com" in done.stdout
    logged = json.loads(done.stderr)
    assert (logged["event"], logged["by"]) == ("admin_created", "administrator")
    document = users.find_one({"email_key": ADA})
    assert document is not None
    assert (document["admin"], document["confirmed"]) == (True, True)
    assert document["confirmed_on"] is not None

    visitor = Visitor(make_app(MONGODB_URI=real_uri))
    assert visitor.sign_in(ADA).location == "/"
    assert "Administrator" in visitor.get("/profile").text


def test_the_password_may_be_a_line_on_standard_input(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    assert run("create_admin", ADA, stdin=f"{PASSWORD}\nanother line\n").returncode == 0
    assert verify_password(PASSWORD, _hash(users))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_after_the_password_is_no_part_of_it(
    run: Run, users: Collection[dict[str, Any]], end: str
) -> None:
    assert run("create_admin", ADA, ADMIN_PASSWORD=PASSWORD + end).returncode == 0
    assert verify_password(PASSWORD, _hash(users))


def test_spaces_around_the_password_are_part_of_it(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    assert run("create_admin", ADA, ADMIN_PASSWORD=f" {PASSWORD} \n").returncode == 0
    assert verify_password(f" {PASSWORD} ", _hash(users))


def test_the_password_may_come_from_a_file(
    run: Run, users: Collection[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    assert run("create_admin", ADA, ADMIN_PASSWORD_FILE=str(path)).returncode == 0
    assert verify_password(PASSWORD, _hash(users))


def test_a_password_and_its_file_exclude_each_other(
    run: Run, users: Collection[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    both = {"ADMIN_PASSWORD": PASSWORD, "ADMIN_PASSWORD_FILE": str(path)}
    for given in (both, {"ADMIN_PASSWORD_FILE": str(tmp_path / "missing")}):
        done = run("create_admin", ADA, **given)
        assert done.returncode == 2
        assert "Refused: ADMIN_PASSWORD" in done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    assert users.count_documents({}) == 0


def test_what_is_missing_is_asked_for(
    environment: dict[str, str], users: Collection[dict[str, Any]]
) -> None:
    answers = {"Email address": ADA, "Password:": PASSWORD, "Password again:": PASSWORD}
    code, shown = _at_a_terminal(environment, answers)
    assert code == 0
    assert PASSWORD not in shown
    assert verify_password(PASSWORD, _hash(users))


def test_a_slip_in_the_second_password_is_refused(
    environment: dict[str, str], users: Collection[dict[str, Any]]
) -> None:
    answers = {"Email address": ADA, "Password:": PASSWORD, "Password again:": "a slip"}
    code, shown = _at_a_terminal(environment, answers)
    assert code == 2
    assert "not the same" in shown
    assert users.count_documents({}) == 0


@pytest.mark.parametrize(
    ("arguments", "password", "reason"),
    [
        ([ADA], "ada@example.com", "weak"),
        ([ADA], "short", "8 characters"),
        ([], PASSWORD, "no address"),
        ([ADA, "--promote"], "", "no confirmed account"),
    ],
)
def test_what_is_refused_says_why_and_makes_nothing(
    run: Run,
    users: Collection[dict[str, Any]],
    arguments: list[str],
    password: str,
    reason: str,
) -> None:
    refused = run("create_admin", *arguments, ADMIN_PASSWORD=password)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Refused: ")
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
    assert users.count_documents({}) == 0


def test_an_existing_account_is_promoted_only_when_that_is_said_and_keeps_its_password(
    run: Run, make_app: MakeApp, real_uri: str, users: Collection[dict[str, Any]]
) -> None:
    app = make_app(MONGODB_URI=real_uri)
    visitor, mailbox = Visitor(app), Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))
    visitor.register(ADA)
    unproven = run("create_admin", ADA, "--promote")
    assert unproven.returncode == 2, "nobody has shown that the address is theirs"
    visitor.submit(mailbox.newest(ADA).link)
    before = _hash(users)

    refused = run("create_admin", "ADA@example.com", ADMIN_PASSWORD="another good password 7")
    assert refused.returncode == 2
    assert "--promote" in refused.stderr
    assert (_hash(users), users.find_one({}, {"_id": 0, "admin": 1})) == (before, {"admin": False})

    assert run("create_admin", ADA, "--promote").returncode == 0
    assert (_hash(users), users.find_one({}, {"_id": 0, "admin": 1})) == (before, {"admin": True})
    assert "Administrator" in visitor.get("/profile").text, "it holds for who is signed in"


def test_run_again_it_recognises_what_it_has_done(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    """Its first answer may have been lost."""
    for _time in range(2):
        done = run("create_admin", ADA, ADMIN_PASSWORD=PASSWORD)
        assert done.returncode == 0
        assert "Refused" not in done.stderr
    refused = run("create_admin", ADA, ADMIN_PASSWORD="another good password 7")
    assert refused.returncode == 2
    assert "with another password" in refused.stderr
    assert users.count_documents({}) == 1


def _hash(users: Collection[dict[str, Any]]) -> str:
    document = users.find_one({"email_key": ADA})
    assert document is not None
    return str(document["password_hash"])


def _at_a_terminal(environment: dict[str, str], answers: dict[str, str]) -> tuple[int, str]:
    """Types each answer once its prompt is there; the exit status, and all that was shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("create_admin"),
        cwd=ROOT,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # so that getpass finds no other terminal than this
    ) as process:
        os.close(theirs)
        shown, read = "", 0
        for prompt, answer in answers.items():
            while prompt not in shown[read:]:
                shown += _read(ours)
            read = len(shown)
            os.write(ours, f"{answer}\n".encode())
        while more := _read(ours, at_end=""):
            shown += more
        os.close(ours)
        return process.wait(30), shown


def _read(terminal: int, at_end: str | None = None) -> str:
    """What is shown next; the terminal's end is an error unless `at_end` is given."""
    try:
        return os.read(terminal, 1024).decode()
    except OSError:  # Linux's way to say that nobody is there any more
        if at_end is None:
            raise
        return at_end
