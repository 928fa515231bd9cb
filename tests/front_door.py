"""Latchkey and a wiki behind a proxy with a configuration of docs/front-door.md."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from flask import Flask

from app.mongo import current_mongo, users
from app.users.addresses import parse_address
from app.users.clock import utcnow
from app.users.passwords import hash_password
from tests.caddy import running_caddy
from tests.conftest import MakeApp
from tests.http_browser import listening
from tests.mail.smtp_server import CERTIFICATE
from tests.nginx import changed, code_blocks, documented, running_nginx
from tests.planted_factors import ADA
from tests.processes import free_port
from tests.visitor import PASSWORD

ACCOUNTS, WIKI, DOCUMENT = "accounts.example.org", "wiki.example.org", "front-door.md"
COOKIE = "__Secure-session"


@dataclass(frozen=True)
class Ports:
    """Where the proxy, Latchkey and the wiki listen."""

    proxy: int
    latchkey: int
    wiki: int


@dataclass(frozen=True)
class Door:
    """Latchkey and a wiki behind one proxy."""

    app: Flask
    accounts: str
    wiki: str


def store_account(app: Flask, email: str, *, admin: bool = False) -> None:
    """Makes a confirmed account."""
    with app.app_context():
        hashed = hash_password(PASSWORD, app.config["BCRYPT_LOG_ROUNDS"])
        users.create_admin(parse_address(email), hashed, utcnow())
        current_mongo().users.update_one({"email_key": email}, {"$set": {"admin": admin}})


class Wiki(BaseHTTPRequestHandler):
    """An app that shows what it receives. It tells `Remote-User` from `Remote_User`, which most
    servers of apps read as one or drop."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = [[name.lower(), value] for name, value in self.headers.items()]
        seen = {"method": self.command, "url": self.path, "headers": headers, "body": body}
        answer = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Nothing is logged."""


@contextmanager
def running_wiki() -> Iterator[int]:
    """Runs the wiki; yields its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Wiki) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def by_nginx(folder: Path, ports: Ports) -> AbstractContextManager[None]:
    """The `server` of docs/operations.md for Latchkey, and the block of this document."""
    (guarded,) = code_blocks(DOCUMENT, "nginx")
    shared = {
        "listen 443 ssl;": f"listen 127.0.0.1:{ports.proxy} ssl;",
        "http://127.0.0.1:8000": f"http://127.0.0.1:{ports.latchkey}",
    }
    latchkey = {f"/etc/ssl/app.example.org.{end}": str(CERTIFICATE) for end in ("pem", "key")}
    latchkey["server_name app.example.org;"] = f"server_name {ACCOUNTS};"
    wiki = {f"/etc/ssl/{WIKI}.{end}": str(CERTIFICATE) for end in ("pem", "key")}
    wiki["http://127.0.0.1:9000"] = f"http://127.0.0.1:{ports.wiki}"
    servers = changed(documented(), shared | latchkey) + changed(guarded, shared | wiki)
    return running_nginx(folder, servers, ports.proxy)


def by_caddy(folder: Path, ports: Ports) -> AbstractContextManager[None]:
    """The Caddyfile of the document."""
    (sites,) = code_blocks(DOCUMENT, "caddyfile")
    changes = {
        f"{host} {{\n": f"https://{host}:{ports.proxy} {{\n\tbind 127.0.0.1\n"
        f"\ttls {CERTIFICATE} {CERTIFICATE}\n"
        for host in (ACCOUNTS, WIKI)
    }
    changes["127.0.0.1:8000"] = f"127.0.0.1:{ports.latchkey}"
    changes["127.0.0.1:9000"] = f"127.0.0.1:{ports.wiki}"
    return running_caddy(folder, changed(sites, changes), ports.proxy)


RunProxy = Callable[[Path, Ports], AbstractContextManager[None]]


@contextmanager
def open_door(make_app: MakeApp, folder: Path, run_proxy: RunProxy) -> Iterator[Door]:
    """Runs Latchkey with a confirmed account, and the wiki, behind the proxy."""
    with listening() as latchkey, running_wiki() as wiki_port:
        ports = Ports(free_port(), latchkey.port, wiki_port)
        latchkey.app = app = make_app(
            PUBLIC_URL=f"https://{ACCOUNTS}:{ports.proxy}",
            TRUSTED_APPS=f"{WIKI}:{ports.proxy}",
            SESSION_COOKIE_DOMAIN="example.org",
            TRUSTED_PROXIES="1",
            SESSION_COOKIE_SECURE="true",
        )
        store_account(app, ADA)
        with run_proxy(folder, ports):
            yield Door(app, app.config["PUBLIC_URL"], f"https://{WIKI}:{ports.proxy}")
