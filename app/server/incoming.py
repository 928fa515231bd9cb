"""Finds the end of the first HTTP/1.1 request in the bytes of a connection (RFC 9112).

Gunicorn's parser gets only these bytes and decides what they mean. So a mistake here can damage a
request, but cannot turn its body into a second request.
"""

import re
from typing import NamedTuple

from gunicorn.http.errors import LimitRequestHeaders

from config import BaseConfig

# Bytes. Without this limit gunicorn would keep 800 kB of headers for each connection.
HEAD_LIMIT = 64 * 1024
# The app refuses a longer body without reading it. Raise it if a page accepts more.
BODY_LIMIT = BaseConfig.MAX_CONTENT_LENGTH
# Each chunk has a line with its size, so tiny chunks need far more bytes than they hold.
_CHUNKED_LIMIT = 2 * BODY_LIMIT
_CHUNK_LINE_LIMIT, _TRAILER_LIMIT = 1024, 8 * 1024

_FIELDS = re.compile(
    rb"\r\n(?:content-length:[ \t]*(?P<length>\d{1,18})[ \t]*(?=\r\n)"
    rb"|(?P<chunked>transfer-encoding:)"
    rb"|(?P<expect>expect:[ \t]*100-continue[ \t]*(?=\r\n)))",
    re.IGNORECASE,
)
_HTTP_1_0 = re.compile(rb"(?:\r\n)?[^\r\n]* HTTP/1\.0\r\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")


class Request(NamedTuple):
    """The bytes of one request for the parser.

    Attributes:
        data: the bytes.
        whole: false if a part is missing, because the request will be refused anyway. It is then
            unknown where the next request begins.
        error: what the parser raises when it needs more bytes.
    """

    data: bytes
    whole: bool = True
    error: Exception | None = None


class Incoming:
    """Collects bytes until they are a request.

    Attributes:
        expects_continue: the client waits for "100 Continue" before it sends the body.
    """

    def __init__(self, line_limit: int) -> None:
        """`line_limit`: the largest size of the request line in bytes, 0 for no limit."""
        self._line_limit = line_limit
        self._data = bytearray()
        self._begin()

    def _begin(self) -> None:
        self.expects_continue = False
        self._searched = 0
        self._head = 0  # its length, once known
        self._length: int | None = 0  # of the body; None: in chunks
        self._next_chunk = 0

    def add(self, data: bytes) -> None:
        """Adds bytes of the connection."""
        self._data += data

    @property
    def empty(self) -> bool:
        """Whether no byte of a request has arrived."""
        return not self._data

    @property
    def size(self) -> int:
        """How many bytes have arrived."""
        return len(self._data)

    @property
    def in_body(self) -> bool:
        """Whether the head has arrived and was read."""
        return self._head > 0

    @property
    def has_body(self) -> bool:
        """Whether a part of the body has arrived."""
        return len(self._data) > self._head

    def take(self) -> Request | None:
        """Removes the request and returns it; None if more bytes are needed."""
        if not self._head and not self._read_head():
            return self._take_bad_head()
        if self._length is None:
            return self._take_chunks()
        if self._length > BODY_LIMIT:
            return self._cut(self._head, whole=False)
        if len(self._data) < self._head + self._length:
            return None
        return self._cut(self._head + self._length)

    def _cut(self, end: int, *, whole: bool = True, error: Exception | None = None) -> Request:
        request = Request(bytes(self._data[:end]), whole, error)
        del self._data[:end]
        self._begin()
        return request

    def _read_head(self) -> bool:
        """Finds the end of the head and reads what it says about the body. False if the head is not
        complete or too large."""
        found = self._data.find(b"\r\n\r\n", max(0, self._searched - 3))
        if found < 0 or found + 4 > HEAD_LIMIT:
            return False
        self._head = found + 4
        for field in _FIELDS.finditer(self._data, 0, self._head):
            if field["chunked"]:
                # The parser refuses other codings, and a coding together with a length.
                self._length, self._next_chunk = None, self._head
            elif field["expect"]:
                self.expects_continue = not _HTTP_1_0.match(self._data)
            elif self._length is not None:
                self._length = int(field["length"])
        return True

    def _take_bad_head(self) -> Request | None:
        """The beginning of a head that the parser will refuse anyway; None if there is no fault."""
        begin, self._searched = self._searched, len(self._data)
        # One empty line may come before the request line.
        line_ends = self._data.find(b"\r\n", 2, self._line_limit + 6) >= 0
        too_long = self._searched > self._line_limit + 6 and not line_ends
        if (self._line_limit and too_long) or _BARE_LF.search(self._data, begin):
            return self._cut(self._searched, whole=False)
        if self._searched > HEAD_LIMIT:
            error = LimitRequestHeaders("limit request headers size")
            return self._cut(self._searched, whole=False, error=error)
        return None

    def _take_chunks(self) -> Request | None:
        """Each chunk begins with its size in hexadecimal. After the last chunk, with size 0, come
        trailers and an empty line."""
        while (line_end := self._find(b"\r\n", self._next_chunk, _CHUNK_LINE_LIMIT)) >= 0:
            size = _CHUNK_SIZE.match(self._data, self._next_chunk)
            if not size:
                return self._cut(len(self._data), whole=False)
            if length := int(size[0], 16):
                self._next_chunk = line_end + 2 + length + 2
                continue
            end = self._find(b"\r\n\r\n", line_end, _TRAILER_LIMIT)
            if end >= 0:
                return self._cut(end + 4)
            too_long = len(self._data) > line_end + _TRAILER_LIMIT
            return self._cut(len(self._data), whole=False) if too_long else None
        too_long = len(self._data) > self._next_chunk + _CHUNK_LINE_LIMIT
        if too_long or len(self._data) - self._head > _CHUNKED_LIMIT:
            return self._cut(len(self._data), whole=False)
        return None

    def _find(self, part: bytes, begin: int, limit: int) -> int:
        return self._data.find(part, begin, begin + limit)
