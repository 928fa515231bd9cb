"""Caddy with the configuration that docs/front-door.md shows."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mongo import missing
from tests.nginx import listens
from tests.processes import wait_until

# No API, no certificates from outside, and no file outside the folder.
_OPTIONS = "{\n\tadmin off\n\tauto_https off\n}\n"


@contextmanager
def running_caddy(folder: Path, sites: str, port: int) -> Iterator[None]:
    """Runs Caddy with these sites, until the end of the block."""
    program = shutil.which("caddy")
    if not program:
        missing("no Caddy: Debian has it in the package caddy")
    settings = folder / "Caddyfile"
    settings.write_text(_OPTIONS + sites)
    command = [program, "run", "--config", str(settings), "--adapter", "caddyfile"]
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    log = folder / "caddy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stderr=output)
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)
