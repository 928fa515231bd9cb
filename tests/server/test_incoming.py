"""The end of a request is found, in any division of its bytes."""

from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from app.server.incoming import BODY_LIMIT, HEAD_LIMIT, Incoming, Request

LINE = 8190
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"Host: localhost\r\nCookie: a=b\r\n"


def plain(body: bytes) -> bytes:
    """A request with `Content-Length`."""
    return b"POST /x HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (HEAD, len(body), body)


def chunked(parts: list[bytes], trailer: bytes = b"") -> bytes:
    """The same request in chunks."""
    chunks = b"".join(b"%X;x=y\r\n%s\r\n" % (len(part), part) for part in parts if part)
    head = b"POST /x HTTP/1.1\r\n%stransfer-encoding: Chunked\r\n\r\n" % HEAD
    return head + chunks + b"0\r\n" + trailer + b"\r\n"


BODIES = st.binary(max_size=200)
REQUESTS = st.one_of(
    st.sampled_from([b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n", b"\r\nGET / HTTP/1.0\r\n\r\n"]),
    st.builds(plain, BODIES),
    st.builds(chunked, st.lists(BODIES, max_size=4), st.sampled_from([b"", b"X-Sum: 1\r\n"])),
)


def taken(incoming: Incoming, data: bytes) -> list[Request]:
    """The requests that are complete after these bytes."""
    incoming.add(data)
    return list(iter(incoming.take, None))


def feed(data: bytes, cuts: list[int] | range) -> list[Request]:
    """The requests in `data`, which arrives in parts."""
    incoming = Incoming(LINE)
    edges = [0, *cuts, len(data)]
    return [found for a, b in pairwise(edges) for found in taken(incoming, data[a:b])]


@given(st.lists(REQUESTS, min_size=1, max_size=4), st.data())
def test_requests_are_found_in_any_division_of_their_bytes(
    requests: list[bytes], choose: st.DataObject
) -> None:
    sent = b"".join(requests)
    cuts = sorted(choose.draw(st.lists(st.integers(0, len(sent)), max_size=10)))
    found = feed(sent, cuts)
    assert [request.data for request in found] == requests
    assert all(request.whole for request in found)


@given(REQUESTS)
def test_gunicorn_reads_each_request_to_the_last_byte(request_: bytes) -> None:
    parser = RequestParser(Config(), iter([request_]), ("127.0.0.1", 1))
    parsed = next(parser)
    parsed.body.read()
    assert parser.unreader.take_buffered() == b""


def test_a_request_is_complete_with_its_last_byte_and_not_before() -> None:
    for request in (plain(b"a=1&b=2"), chunked([b"a=1", b"&b=2"], b"X-Sum: 1\r\n")):
        assert [found.data for found in feed(request, range(len(request)))] == [request]
        assert feed(request[:-1], range(len(request) - 1)) == []


def test_incoming_knows_which_parts_of_a_request_have_arrived() -> None:
    incoming = Incoming(LINE)
    assert incoming.empty
    taken(incoming, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r")
    assert (incoming.empty, incoming.in_body) == (False, False)
    taken(incoming, b"\n")
    assert (incoming.in_body, incoming.has_body) == (True, False)
    taken(incoming, b"a")
    assert incoming.has_body
    (request,) = taken(incoming, b"=bcdGET")
    assert request.data.endswith(b"a=bcd")
    assert (incoming.empty, incoming.in_body) == (False, False), "the next one has begun"


@pytest.mark.parametrize(
    ("version", "field", "expects"),
    [
        (b"1.1", b"Expect: 100-continue", True),
        (b"1.1", b"expect:100-Continue ", True),
        (b"1.0", b"Expect: 100-continue", False),
        (b"1.1", b"X-Expect: 100-continue", False),
        (b"1.1", b"Expect: tea", False),
    ],
)
def test_a_client_that_waits_for_100_is_recognised(
    version: bytes, field: bytes, expects: bool
) -> None:
    incoming = Incoming(LINE)
    incoming.add(b"POST / HTTP/%s\r\nContent-Length: 5\r\n%s\r\n\r\n" % (version, field))
    assert incoming.take() is None
    assert incoming.expects_continue is expects


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\n",
        b"GET /" + b"x" * (LINE + 10),
        b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT,
        b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1),
        CHUNKED + b"xyz\r\n",
        CHUNKED + b"1\r\nx\r\n" * BODY_LIMIT,
        CHUNKED + b"1" * 2000,
        CHUNKED + b"0\r\nX-Sum: " + b"1" * 10_000,
    ],
    ids=[
        "bare LF",
        "bare LF after CRLF",
        "line",
        "head",
        "complete head",
        "length",
        "chunk size",
        "tiny chunks",
        "chunk line",
        "trailer",
    ],
)
def test_a_request_that_will_be_refused_is_returned_at_once(sent: bytes) -> None:
    (request,) = taken(Incoming(LINE), sent)
    assert not request.whole


def test_a_request_of_the_largest_size_is_accepted() -> None:
    line = b"GET /" + b"x" * (LINE - 20) + b" HTTP/1.1\r\n"
    assert feed(line, range(0, len(line), 1000)) == []
    body = plain(b"x" * BODY_LIMIT)
    assert [found.whole for found in feed(body, range(0, len(body), 1000))] == [True]
