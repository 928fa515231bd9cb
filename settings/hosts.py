"""Checks host names, IP addresses, the address of the app, and the sender of mails.

Each function returns the value in the form that the rest of the code needs, or raises ValueError.
No message has the value.
"""

import re
from email.headerregistry import Address
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import idna

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# A resolver reads such a label as a part of an IP address, also in hexadecimal.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LONGEST_DOMAIN = 253  # RFC 1035 2.3.4, without the dot at the end
_AUTHORITY = re.compile(r"(\[[^\[\]]+\]|[^:\[\]@]+)(?::([0-9]{0,5}))?")
# Only characters that have the same meaning in a URL, in nginx and in WSGI, decoded or not.
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
# A display name is quoted, or has none of the characters with a meaning (RFC 5322 3.2.3).
_MAILBOX = re.compile(r'(?:("(?:[^"\\]|\\.)*"|[^()<>\[\]:;@\\,"]*?)\s*<([^<>]+)>|([^<>]+))')
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")  # a dot-atom in ASCII (RFC 5322 3.2.3)
_LONGEST_LOCAL_PART = 64  # RFC 5321 4.5.3.1.1
LONGEST_NAME = 100  # characters; a line in the header of a mail has at most 998
_LONGEST_URL = 2000  # a link adds a path and a token, and servers take about 8000
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_LOOPBACK_NAME = "localhost"  # and the names below it (RFC 6761 6.3)


def domain_name(text: str, *, underscores: bool = False) -> str:
    """A domain name in lower case and punycode, without a dot at its end."""
    name = text.removesuffix(".")
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    labels = name.lower().split(".")
    sound = all(_LABEL.fullmatch(label) for label in labels) and len(name) <= _LONGEST_DOMAIN
    if not sound or _NUMBER.fullmatch(labels[-1]) or ("_" in name and not underscores):
        raise ValueError("not a domain name")
    return ".".join(labels)


def host(text: str, *, underscores: bool = False) -> str:
    """A domain name or an IP address. IPv6 may have brackets; they are removed."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(bare)
    except ValueError:
        return domain_name(text, underscores=underscores)
    if bare != text and not isinstance(address, IPv6Address):
        raise ValueError("brackets are for IPv6")
    return str(address)


def is_loopback(name: str) -> bool:
    """Whether a host is always this machine. `name` is a result of `host`."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == _LOOPBACK_NAME or name.endswith(f".{_LOOPBACK_NAME}")


def authority(text: str) -> str:
    """`host` or `host:port`, as in a URL; IPv6 has brackets."""
    found = _AUTHORITY.fullmatch(text)
    if not found or (found[2] and not 1 <= int(found[2]) <= 65535):
        raise ValueError("not a host with a port")
    name = host(found[1])
    if "%" in name:
        raise ValueError("browsers do not support zones")
    return (f"[{name}]" if ":" in name else name) + (f":{int(found[2])}" if found[2] else "")


def origin(scheme: str, text: str) -> str:
    """The origin of a URL with this scheme and authority, as browsers write it: without the default
    port (RFC 6454 6.2)."""
    return f"{scheme}://{authority(text).removesuffix(_DEFAULT_PORTS[scheme])}"


def trusted_app(text: str) -> str:
    """The `host` or `host:port` of an app, without the port of HTTPS.

    IPv6 is refused: a Content-Security-Policy cannot name it, so browsers would block the redirect
    after a form.
    """
    if "[" in text:
        raise ValueError("not supported by Content-Security-Policy")
    return origin("https", text).removeprefix("https://")


def web_origin(text: str) -> str:
    """An origin like https://app.example.org, as browsers write it in the header Origin."""
    scheme, found, rest = text.partition("://")
    if not found or scheme not in _DEFAULT_PORTS:
        raise ValueError("not an origin")
    return origin(scheme, rest)


def cookie_domain(text: str) -> str:
    """A domain that a cookie can be shared on. It has a dot, since browsers accept no cookie for a
    top-level domain."""
    name = domain_name(text)
    if "." not in name:
        raise ValueError("a top-level domain")
    return name


def public_url(text: str) -> str:
    """The address of the app: scheme, host, and perhaps port and path, without a slash at the
    end."""
    parts = urlsplit(text)
    path = parts.path.rstrip("/")
    if parts.scheme not in {"http", "https"} or not _PATH.fullmatch(path):
        raise ValueError("not the address of an app")
    if len(text) > _LONGEST_URL:
        raise ValueError("too long")
    if "?" in text or "#" in text:
        raise ValueError("links would begin with a query or a fragment")
    return f"{parts.scheme}://{authority(parts.netloc)}{path}"


def sender(text: str) -> str:
    """An address, or a name and an address in angle brackets, as `From` needs it."""
    found = _MAILBOX.fullmatch(text)
    if not found:
        raise ValueError("not one address")
    name, bracketed, bare = found.groups(default="")
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    local, _, domain = (bracketed or bare).strip().rpartition("@")
    # Not by the library of app/users/addresses.py: it refuses host names of private networks.
    if not _LOCAL_PART.fullmatch(local) or len(local) > _LONGEST_LOCAL_PART:
        raise ValueError("not the part before an @")
    address = f"{local}@{domain_name(domain)}"
    if len(address) > _LONGEST_ADDRESS or len(name) > LONGEST_NAME:
        raise ValueError("too long")
    return str(Address(name.strip(), addr_spec=address))
