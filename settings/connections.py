"""Checks connection strings with the libraries that use them, without connecting."""

import re
import warnings
from urllib.parse import unquote

from pymongo import MongoClient

from settings.hosts import host

# Some systems or versions of MongoDB refuse other characters. The length is in bytes.
_DATABASE = re.compile(r"[^\s/\\.\"$*<>:|?#\x00]+")
_LONGEST_DATABASE = 63
_HOST = re.compile(r"(\[[^\]]+\]|[^:]+)(?::[0-9]{1,5})?")


def check_mongodb_uri(uri: str) -> None:
    """Raises ValueError unless `uri` names hosts and a database, and the driver understands it.

    Unknown options are ignored, because the driver ignores them too.
    """
    hosts, _, rest = uri.partition("://")[2].partition("/")
    name = unquote(rest.partition("?")[0])
    if not _DATABASE.fullmatch(name) or len(name.encode()) > _LONGEST_DATABASE:
        raise ValueError("no name of a database")
    for one in hosts.rpartition("@")[2].split(","):
        _check_host(one)
    try:
        # For a mongodb+srv:// URI, the driver asks DNS only at the first use.
        with warnings.catch_warnings(action="ignore"):
            MongoClient(re.sub("^mongomock:", "mongodb:", uri), connect=False).close()
    except Exception as error:  # errors of the driver, of TLS and of files
        raise ValueError("the driver refuses it") from error


def _check_host(text: str) -> None:
    if text.lower().startswith("%2f"):
        return  # a Unix socket
    found = _HOST.fullmatch(text)
    if not found:
        raise ValueError("no host")
    host(found[1], underscores=True)


def check_storage_uri(uri: str) -> None:
    """Raises ValueError unless the library that counts attempts accepts `uri`."""
    if uri.startswith("mongodb"):
        check_mongodb_uri(uri)
    elif not uri.startswith("memory:"):  # this storage would start a thread
        from limits.storage import storage_from_string

        try:
            storage_from_string(uri)
        except Exception as error:  # errors of the library and of the driver beneath it
            raise ValueError("the library refuses it, or lacks the driver") from error
