"""scripts/mongod.py starts, pauses and ends a real mongod."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from scripts.mongod import Mongod, MongodError, MongodUnavailableError
from tests.processes import runs, wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(mongod_of_its_own: Mongod) -> Mongod:
    """The mongod of the test."""
    return mongod_of_its_own


@pytest.fixture
def fake_mongod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a shell script as the first `mongod` on PATH."""

    def install(script: str) -> None:
        binary = tmp_path / "bin" / "mongod"
        binary.parent.mkdir()
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(0o755)
        monkeypatch.setenv("PATH", str(binary.parent), prepend=os.pathsep)

    return install


def notes(server: Mongod) -> list[str]:
    """The notes in the database."""
    with MongoClient[dict[str, Any]](server.uri()) as client:
        return sorted(note["_id"] for note in client.test.notes.find())


def write(server: Mongod, note: str) -> None:
    """Writes as the app does: the majority of the members has the note in the journal."""
    with MongoClient[dict[str, Any]](server.uri(), w="majority", journal=True) as client:
        client.test.notes.insert_one({"_id": note})


def test_a_started_mongod_is_a_replica_set_that_takes_writes(server: Mongod) -> None:
    with MongoClient[dict[str, Any]](server.uri()) as client:
        hello = client.admin.command("hello")
    assert hello["isWritablePrimary"]
    assert hello["hosts"] == [f"127.0.0.1:{server.port}"]
    write(server, "first")
    assert notes(server) == ["first"]


def test_mongod_listens_only_on_loopback(server: Mongod) -> None:
    with MongoClient[dict[str, Any]](server.uri()) as client:
        options = client.admin.command("getCmdLineOpts")["parsed"]
    assert options["net"]["bindIp"] == "127.0.0.1"


def test_data_of_another_port_can_be_used(server: Mongod) -> None:
    write(server, "yesterday")
    server.stop()
    with Mongod.start(server.dbpath) as today:
        assert today.port != server.port
        write(today, "today")
        assert notes(today) == ["today", "yesterday"]


def test_an_acknowledged_write_survives_a_kill(server: Mongod) -> None:
    write(server, "kept")
    port = server.port
    server.kill()
    assert not runs(server.pid)
    server.restart()
    assert server.port == port
    assert notes(server) == ["kept"]


def test_restarting_a_running_mongod_keeps_the_data(server: Mongod) -> None:
    write(server, "kept")
    before = server.pid
    server.restart()
    assert server.pid != before
    assert notes(server) == ["kept"]


def test_a_paused_mongod_does_not_answer_until_it_resumes(server: Mongod) -> None:
    with MongoClient[dict[str, Any]](server.uri(), timeoutMS=300) as client:
        client.admin.command("ping")
        server.pause()
        with pytest.raises(PyMongoError):
            client.admin.command("ping")
        server.resume()
    write(server, "after")


def test_a_paused_mongod_can_be_stopped(server: Mongod) -> None:
    server.pause()
    server.stop()
    assert not runs(server.pid)
    server.stop()


def test_data_in_use_is_refused_and_the_running_mongod_is_not_disturbed(server: Mongod) -> None:
    with pytest.raises(MongodError, match="in use by another running mongod"):
        Mongod.start(server.dbpath)
    write(server, "still here")


def test_a_chosen_port_that_is_taken_is_refused(server: Mongod, tmp_path: Path) -> None:
    with pytest.raises(MongodError, match=f"port {server.port} is taken"):
        Mongod.start(tmp_path / "other", port=server.port)


def test_parameters_are_passed_to_mongod(tmp_path: Path, mongod: Mongod) -> None:
    parameters = {"ttlMonitorSleepSecs": 1}
    with (
        Mongod.start(tmp_path / "mongodb", parameters=parameters) as server,
        MongoClient[dict[str, Any]](server.uri()) as client,
    ):
        found = client.admin.command({"getParameter": 1, **parameters})
    assert found["ttlMonitorSleepSecs"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a child with its parent")
@pytest.mark.parametrize("paused", [False, True])
def test_mongod_ends_with_its_parent(tmp_path: Path, mongod: Mongod, paused: bool) -> None:
    code = (
        "import sys; from pathlib import Path; from scripts.mongod import Mongod\n"
        "server = Mongod.start(Path(sys.argv[1])); print(server.pid, flush=True)\n"
        f"{'server.pause()' if paused else ''}\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "mongodb")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == "ready\n"
        assert runs(pid)
        parent.kill()
    wait_until(lambda: not runs(pid))


def test_the_script_prints_the_uri_and_runs_until_ctrl_c(tmp_path: Path, mongod: Mongod) -> None:
    command = [sys.executable, "scripts/mongod.py", str(tmp_path / "mongodb")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout
        uri = script.stdout.readline().strip()
        with MongoClient[dict[str, Any]](uri) as client:
            pid = client.admin.command("serverStatus")["pid"]
        script.send_signal(signal.SIGINT)
        assert script.wait(30) == 0
    assert not runs(pid)


@pytest.mark.parametrize(
    ("library", "package"), [("libcurl.so.4", "libcurl4"), ("libssl.so.3", "libssl3")]
)
def test_a_missing_library_is_named_with_its_debian_package(
    fake_mongod: Callable[[str], None], tmp_path: Path, library: str, package: str
) -> None:
    fake_mongod(
        f'echo "$0: error while loading shared libraries: {library}:'
        ' cannot open shared object file: No such file or directory" >&2; exit 127'
    )
    with pytest.raises(MongodUnavailableError, match=rf"{library}.* apt install {package}\b"):
        Mongod.start(tmp_path / "mongodb")


def test_a_binary_that_crashes_at_start_is_an_error(
    fake_mongod: Callable[[str], None], tmp_path: Path
) -> None:
    fake_mongod("kill -ILL $$")
    with pytest.raises(MongodUnavailableError, match="does not run here: status -4"):
        Mongod.start(tmp_path / "mongodb")


def test_an_error_says_that_no_mongod_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.metadata.distribution", not_installed)
    with pytest.raises(MongodUnavailableError, match="no mongod on PATH"):
        Mongod.start(tmp_path / "mongodb")
