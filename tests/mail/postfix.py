"""A real Postfix in a folder of its own, on a free port of loopback."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.mongo import missing
from tests.processes import free_port, wait_until

_DAEMONS = Path("/usr/lib/postfix/sbin")
# The services of Debian's package that a test needs; `smtpd_delay_reject=yes` is the default.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
command_directory = /usr/sbin
daemon_directory = {daemons}
myhostname = relay.example.net
mydestination = example.com
local_recipient_maps = inline:{{ ada=x }}
local_transport = discard:
alias_maps =
alias_database =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
message_size_limit = 100000
smtpd_recipient_restrictions =
    check_sender_access inline:{{ {{stranger@example.org = REJECT}} }}
    reject_non_fqdn_helo_hostname
    reject_unauth_destination
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
discard unix - - n - - discard
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Knows `ada@example.com`, relays nothing, and refuses `stranger@example.org` as a sender."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()

    def start(self) -> None:
        """Starts Postfix. Without Postfix, the test is `missing` it."""
        if not shutil.which("postfix") or os.getuid() != 0:
            missing("no Postfix that root may start")
        for name in ("etc", "spool", "data"):
            (self._folder / name).mkdir()
        # Postfix's processes run as another user.
        self._folder.chmod(0o755)
        shutil.chown(self._folder / "data", "postfix")
        settings = _MAIN.format(folder=self._folder, daemons=_DAEMONS)
        (self._folder / "etc" / "main.cf").write_text(settings)
        (self._folder / "etc" / "master.cf").write_text(_MASTER.format(port=self.port))
        self._command("start")
        wait_until(lambda: "daemon started" in self.log)

    def stop(self) -> None:
        """Ends all processes of Postfix."""
        self._command("stop")

    @property
    def log(self) -> str:
        """The log that Postfix has written."""
        log = self._folder / "log"
        return log.read_text() if log.exists() else ""

    def _command(self, what: str) -> None:
        command = ["postfix", "-c", str(self._folder / "etc"), what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + self.log
