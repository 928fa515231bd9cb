"""nginx with the configurations that the documents show."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.mail.smtp_server import CERTIFICATE
from tests.mongo import missing
from tests.processes import free_port, wait_until

ROOT = Path(__file__).resolve().parents[1]
_LOCATIONS = re.compile(r"^ *location .*\n", re.MULTILINE)
# The settings outside the `server` block. nginx uses no files of other programs.
_MAIN = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{server}
}}
"""


def code_blocks(document: str, language: str) -> list[str]:
    """The code in a document of `docs/`, block by block."""
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def documented(path: str = "") -> str:
    """The `server` block of docs/operations.md. Below a path it has the locations of the second
    block."""
    server, below = code_blocks("operations.md", "nginx")
    if not path:
        return str(server)
    assert f"location {path}/ " in below
    return _LOCATIONS.sub("", server).rstrip().removesuffix("}") + str(below) + "}\n"


def changed(text: str, changes: dict[str, str]) -> str:
    """The text of a document with other hosts, ports and files. Each of them must be in it."""
    for found, instead in changes.items():
        assert found in text, found
        text = text.replace(found, instead)
    return text


@contextmanager
def nginx(folder: Path, app_port: int, path: str = "") -> Iterator[int]:
    """Runs nginx with TLS in front of the app on `app_port`; yields its port on localhost."""
    port = free_port()
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name app.example.org;": "server_name localhost;",
        "/etc/ssl/app.example.org.pem": str(CERTIFICATE),
        "/etc/ssl/app.example.org.key": str(CERTIFICATE),
        "http://127.0.0.1:8000": f"http://127.0.0.1:{app_port}",
    }
    with running_nginx(folder, changed(documented(path), changes), port):
        yield port


@contextmanager
def running_nginx(folder: Path, server: str, port: int) -> Iterator[None]:
    """Runs nginx with this content of its `http` block, until the end of the block."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        missing("no nginx: Debian has it in the package nginx-light")
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(_MAIN.format(user=user, folder=folder, server=server))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(settings), "-e", "stderr"])
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, "nginx has ended"
        yield
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    """Whether a program accepts connections on this port of loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
