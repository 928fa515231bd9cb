"""scripts/create_admin.py makes and promotes administrators."""

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


def test_the_script_makes_an_administrator_who_can_sign_in(
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


@pytest.mark.parametrize(("policy", "says"), [("administrators", True), ("nobody", False)])
@pytest.mark.usefixtures("users")
def test_the_script_says_that_a_second_factor_will_be_asked_for(
    run: Run, policy: str, says: bool
) -> None:
    done = run("create_admin", ADA, ADMIN_PASSWORD=PASSWORD, REQUIRE_SECOND_FACTOR=policy)
    assert done.returncode == 0
    assert ("second factor" in done.stdout) is says


def test_the_password_is_read_from_the_first_line_of_standard_input(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    assert run("create_admin", ADA, stdin=f"{PASSWORD}\nanother line\n").returncode == 0
    assert verify_password(PASSWORD, stored_hash(users))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_after_the_password_is_no_part_of_it(
    run: Run, users: Collection[dict[str, Any]], end: str
) -> None:
    assert run("create_admin", ADA, ADMIN_PASSWORD=PASSWORD + end).returncode == 0
    assert verify_password(PASSWORD, stored_hash(users))


def test_spaces_around_the_password_are_part_of_it(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    assert run("create_admin", ADA, ADMIN_PASSWORD=f" {PASSWORD} \n").returncode == 0
    assert verify_password(f" {PASSWORD} ", stored_hash(users))


def test_the_password_may_come_from_a_file(
    run: Run, users: Collection[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    assert run("create_admin", ADA, ADMIN_PASSWORD_FILE=str(path)).returncode == 0
    assert verify_password(PASSWORD, stored_hash(users))


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


def test_at_a_terminal_the_script_asks_for_address_and_password(
    environment: dict[str, str], users: Collection[dict[str, Any]]
) -> None:
    answers = {"Email address": ADA, "Password:": PASSWORD, "Password again:": PASSWORD}
    code, shown = run_at_a_terminal(environment, answers)
    assert code == 0
    assert PASSWORD not in shown
    assert verify_password(PASSWORD, stored_hash(users))


def test_two_different_passwords_are_refused(
    environment: dict[str, str], users: Collection[dict[str, Any]]
) -> None:
    answers = {"Email address": ADA, "Password:": PASSWORD, "Password again:": "a different one"}
    code, shown = run_at_a_terminal(environment, answers)
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
def test_a_refusal_gives_the_reason_and_changes_nothing(
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


def test_an_existing_confirmed_account_needs_promote_and_keeps_its_password(
    run: Run, make_app: MakeApp, real_uri: str, users: Collection[dict[str, Any]]
) -> None:
    app = make_app(MONGODB_URI=real_uri)
    visitor, mailbox = Visitor(app), Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))
    visitor.register(ADA)
    unconfirmed = run("create_admin", ADA, "--promote")
    assert unconfirmed.returncode == 2, "the address is not confirmed"
    visitor.submit(mailbox.newest(ADA).link)
    before = stored_hash(users)

    refused = run("create_admin", "ADA@example.com", ADMIN_PASSWORD="another good password 7")
    assert refused.returncode == 2
    assert "--promote" in refused.stderr
    assert stored_hash(users) == before
    assert users.count_documents({"admin": True}) == 0

    assert run("create_admin", ADA, "--promote").returncode == 0
    assert stored_hash(users) == before
    assert users.count_documents({"admin": True}) == 1
    assert "Administrator" in visitor.get("/profile").text, "the open session has the new right"


def test_running_it_again_succeeds_with_the_same_password_only(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    """The operator may not have seen the first answer."""
    for _attempt in range(2):
        done = run("create_admin", ADA, ADMIN_PASSWORD=PASSWORD)
        assert done.returncode == 0
        assert "Refused" not in done.stderr
    refused = run("create_admin", ADA, ADMIN_PASSWORD="another good password 7")
    assert refused.returncode == 2
    assert "with another password" in refused.stderr
    assert users.count_documents({}) == 1


def stored_hash(users: Collection[dict[str, Any]]) -> str:
    document = users.find_one({"email_key": ADA})
    assert document is not None
    return str(document["password_hash"])


def run_at_a_terminal(environment: dict[str, str], answers: dict[str, str]) -> tuple[int, str]:
    """Types each answer after its prompt appears. Returns the exit status and the output."""
    terminal, device = pty.openpty()
    with subprocess.Popen(
        command("create_admin"),
        cwd=ROOT,
        env=environment,
        stdin=device,
        stdout=device,
        stderr=device,
        start_new_session=True,  # getpass must not find the terminal of pytest
    ) as process:
        os.close(device)
        shown, read = "", 0
        for prompt, answer in answers.items():
            while prompt not in shown[read:]:
                shown += read_from(terminal)
            read = len(shown)
            os.write(terminal, f"{answer}\n".encode())
        while more := read_from(terminal, at_end=""):
            shown += more
        os.close(terminal)
        return process.wait(30), shown


def read_from(terminal: int, at_end: str | None = None) -> str:
    """The next output. Raises OSError at the end of output, or returns `at_end` if it is given."""
    try:
        return os.read(terminal, 1024).decode()
    except OSError:  # Linux reports the end of output as an error
        if at_end is None:
            raise
        return at_end
