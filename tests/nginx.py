"""nginx with the configuration that docs/operations.md shows."""

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
_BLOCK = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
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


def documented(path: str = "") -> str:
    """The `server` block of the document. Below a path it has the locations of the second block."""
    server, below = _BLOCK.findall((ROOT / "docs" / "operations.md").read_text())
    if not path:
        return str(server)
    assert f"location {path}/ " in below
    return _LOCATIONS.sub("", server).rstrip().removesuffix("}") + str(below) + "}\n"


def _changed(server: str, **changes: tuple[str, str]) -> str:
    for found, instead in changes.values():
        assert found in server, found
        server = server.replace(found, instead)
    return server


@contextmanager
def nginx(folder: Path, app_port: int, path: str = "") -> Iterator[int]:
    """Runs nginx with TLS in front of the app on `app_port`; yields its port on localhost."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        missing("no nginx: Debian has it in the package nginx-light")
    port = free_port()
    server = _changed(
        documented(path),
        listen=("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        name=("server_name app.example.org;", "server_name localhost;"),
        certificate=("/etc/ssl/app.example.org.pem", str(CERTIFICATE)),
        key=("/etc/ssl/app.example.org.key", str(CERTIFICATE)),
        app=("http://127.0.0.1:8000", f"http://127.0.0.1:{app_port}"),
    )
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(_MAIN.format(user=user, folder=folder, server=server))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(settings), "-e", "stderr"])
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, "nginx has ended"
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
