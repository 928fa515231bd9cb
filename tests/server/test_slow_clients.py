"""A running gunicorn with many clients that send or read slowly."""

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from gunicorn.config import Config

from app.server.worker import Worker
from tests.processes import runs, wait_until
from tests.test_gunicorn import Gunicorn

MANY = 200  # more than three times the threads of a process
FORM = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
UNFINISHED = {
    "nothing": b"",
    "half of the headers": b"GET /login HTTP/1.1\r\nHost: x\r\nCookie: a",
    "7 of 5,000 bytes of a form": FORM + b"Content-Length: 5000\r\n\r\nemail=a",
    "a part of a chunk": FORM + b"Transfer-Encoding: chunked\r\n\r\n1000\r\nemail=a",
    "a form after 100 Continue": FORM + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "the next request": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /login HTTP",
}
# The server has answered, but the client does not read or close.
ANSWERED = {
    "no closing": b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "bytes that are no request": b"\x16\x03\x01\x02\r\n\r\n",
    "a body that is too large": FORM + b"Content-Length: 100000\r\n\r\nemail=a",
}


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Gunicorn]:
    server = Gunicorn(folder / "log", APP_SETTINGS="config.TestingConfig", **settings)
    wait_until(lambda: "Booting worker" in server.output and server.get("/health/live"))
    yield server
    server.process.terminate()
    assert server.process.wait(30) == 0


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """A server with deadlines that no test reaches."""
    patience = {"WEB_HEADER_TIMEOUT": "600", "WEB_BODY_TIMEOUT": "600"}
    with serving(tmp_path_factory.mktemp("patient"), **patience) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """A server with deadlines of one second."""
    deadlines = {"WEB_HEADER_TIMEOUT": "1", "WEB_BODY_TIMEOUT": "1"}
    with serving(tmp_path_factory.mktemp("impatient"), **deadlines) as server:
        yield server


def connect(server: Gunicorn, receive_buffer: int = 0) -> socket.socket:
    """A new connection to the server."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(10)
    client.connect(("127.0.0.1", server.port))
    return client


@contextmanager
def crowd(server: Gunicorn, sent: bytes, size: int = MANY) -> Iterator[list[socket.socket]]:
    """Clients that have all sent the same bytes."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server, 4096)) for _ in range(size)]
        for client in clients:
            client.sendall(sent)
        if sent == UNFINISHED["the next request"]:
            for client in clients:
                assert client.recv(12) == b"HTTP/1.1 200"
        yield clients


def ended(client: socket.socket) -> bool:
    """Whether the server has ended the connection. Reads all bytes that it has sent."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


def answer(client: socket.socket) -> bytes:
    """All bytes until the server ends the connection."""
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_a_page_is_answered_while_200_unfinished_requests_are_open(
    patient: Gunicorn, sent: bytes
) -> None:
    with crowd(patient, sent) as clients:
        begin = monotonic()
        status, _ = patient.get("/login")
        took = monotonic() - begin
        assert status == 200
        assert not any(map(ended, clients)), "they are all still open"
        assert took < 1


@pytest.mark.parametrize("sent", ANSWERED.values(), ids=ANSWERED)
def test_a_page_is_answered_while_200_clients_do_not_close(patient: Gunicorn, sent: bytes) -> None:
    with crowd(patient, sent):
        begin = monotonic()
        assert patient.get("/login")[0] == 200
        assert monotonic() - begin < 2, "less than the time limit of a single client"


def test_a_page_is_answered_while_other_clients_do_not_read_their_answers(
    patient: Gunicorn,
) -> None:
    """Each client has asked for more than its connection can buffer."""
    font = re.search(r'/static/[^"]+\.woff2', patient.read("/login")[2])
    assert font
    request = f"GET {font[0]} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    def others() -> int:
        """How many other requests the server answers while it answers one page."""
        before = patient.output.count('"answered"')
        assert patient.get("/login")[0] == 200
        return patient.output.count('"answered"') - before - 1

    with crowd(patient, request * 400, size=80):
        wait_until(lambda: others() <= 0)  # until their connections are full
        begin = monotonic()
        assert patient.get("/login")[0] == 200
        assert monotonic() - begin < 1


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_an_unfinished_request_ends_after_its_deadline_even_if_bytes_still_arrive(
    impatient: Gunicorn, sent: bytes
) -> None:
    with crowd(impatient, sent) as clients:

        def all_ended() -> bool:
            for client in clients:
                with suppress(OSError):
                    client.send(b"x")
            return all(map(ended, clients))

        wait_until(all_ended, 20)


@pytest.mark.parametrize("sent", [v for k, v in UNFINISHED.items() if k != "nothing"])
def test_the_client_of_an_unfinished_request_gets_a_408(impatient: Gunicorn, sent: bytes) -> None:
    with connect(impatient) as client:
        client.sendall(sent)
        assert b"HTTP/1.1 408 Request Timeout\r\n" in answer(client)


def test_at_the_limit_of_connections_the_longest_waiting_one_is_closed(patient: Gunicorn) -> None:
    with crowd(patient, UNFINISHED["half of the headers"], 520) as clients:
        wait_until(lambda: sum(map(ended, clients)) >= 20)
        assert patient.get("/login")[0] == 200
        assert not any(map(ended, clients[-400:]))


class TestHTTP:
    """Everything that HTTP allows still works."""

    def test_requests_on_one_connection(self, patient: Gunicorn) -> None:
        connection = HTTPConnection("127.0.0.1", patient.port, timeout=10)
        for method, path, status in [("GET", "/login", 200), ("HEAD", "/login", 200),
                                     ("POST", "/login", 400), ("GET", "/none", 404)]:  # fmt: skip
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            assert response.status == status
            assert connection.sock, "kept open"
        connection.close()

    def test_requests_sent_at_once_are_answered_in_order(self, patient: Gunicorn) -> None:
        paths = ["/health/live", "/login", "/none"]
        sent = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() for path in paths)
        last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with connect(patient) as client:
            client.sendall(sent + last[:20])
            client.sendall(last[20:])
            received = answer(client)
        assert re.findall(rb"HTTP/1\.1 (\d+) ", received) == [b"200", b"200", b"404", b"200"]

    def test_a_request_byte_by_byte(self, patient: Gunicorn) -> None:
        with connect(patient) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
                client.send(bytes([byte]))
            assert answer(client).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("chunked", [True, False])
    def test_a_form_is_read(self, patient: Gunicorn, chunked: bool) -> None:
        connection = HTTPConnection("127.0.0.1", patient.port, timeout=10)
        connection.request("GET", "/login")
        response = connection.getresponse()
        token = BeautifulSoup(response.read(), "html.parser").find(
            "input", attrs={"name": "csrf_token"}
        )
        assert token
        fields = {"csrf_token": token["value"], "email": "ada@example.com", "password": "wrong"}
        form = urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers["Cookie"] = response.headers["Set-Cookie"].partition(";")[0]
        body = iter([form[:50], form[50:]]) if chunked else form
        connection.request("POST", "/login", body, headers, encode_chunked=chunked)
        answered = connection.getresponse()
        assert answered.status == 422
        assert b"ada@example.com" in answered.read()
        connection.close()

    def test_100_continue_is_sent_once_before_the_body(self, patient: Gunicorn) -> None:
        head = FORM + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
        with connect(patient) as client:
            client.sendall(head)
            assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"email=a")
            received = answer(client)
        assert received.startswith(b"HTTP/1.1 400 ")
        assert b"100 Continue" not in received

    def test_100_continue_is_not_sent_for_a_body_that_is_refused(self, patient: Gunicorn) -> None:
        with connect(patient) as client:
            client.sendall(FORM + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
            assert answer(client).startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (FORM + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000, b"413"),
            (FORM + b"Transfer-Encoding: chunked\r\n\r\n30D40\r\n" + b"x" * 200_000, b"413"),
            (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
            (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 200_000 + b"\r\n\r\n", b"431"),
            (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 10_000 + b"\r\n\r\n", b"431"),
            (b"GET / HTTP/1.1\nHost: x\n\n", b"400"),
        ],
        ids=["length", "chunk", "line", "head", "field", "bare LF"],
    )
    def test_a_request_that_is_too_large_or_invalid_gets_an_error_and_ends_the_connection(
        self, patient: Gunicorn, sent: bytes, status: bytes
    ) -> None:
        with connect(patient) as client:
            client.sendall(sent)
            assert re.findall(rb"HTTP/1\.1 (\d+) ", answer(client)) == [status]

    def test_bytes_after_a_refused_body_are_not_a_request(self, patient: Gunicorn) -> None:
        smuggled = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        with connect(patient) as client:
            client.sendall(FORM + b"Content-Length: 100000\r\n\r\n" + smuggled * 10)
            assert answer(client).count(b"HTTP/1.1 ") == 1


class TestStopping:
    """SIGTERM and SIGHUP."""

    def test_a_request_that_is_being_sent_is_answered(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server, connect(server) as client:
            client.sendall(FORM + b"Content-Length: 7\r\nExpect: 100-continue\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 100 ")
            server.process.terminate()
            wait_until(lambda: "Handling signal: term" in server.output)
            client.sendall(b"email=a")
            assert answer(client).startswith(b"HTTP/1.1 400 ")

    def test_idle_connections_delay_the_stop_by_at_most_two_seconds(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server, crowd(server, b"", 10), connect(server) as client:
            client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
            begin = monotonic()
            server.process.terminate()
            server.process.wait(30)
            assert monotonic() - begin < 4.5, "keepalive is 5 s, and the headers have 10 s"

    def test_new_workers_take_over_after_hup(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server:
            before = workers(server)
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not any(map(runs, before)) and len(workers(server)) == 2)
            assert server.get("/login")[0] == 200


def workers(server: Gunicorn) -> list[int]:
    """The process ids of all workers that were started."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.output)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("certfile", __file__), ("proxy_protocol", "v2"), ("protocol", "uwsgi"),
     ("http_protocols", "h2,h1")],
)  # fmt: skip
def test_settings_for_other_protocols_are_refused_at_start(name: str, value: str) -> None:
    settings = Config()
    Worker.check_config(settings, None)
    settings.set(name, value)
    with pytest.raises(RuntimeError, match="a proxy must do TLS"):
        Worker.check_config(settings, None)
