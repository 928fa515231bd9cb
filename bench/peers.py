"""Flask-Security on each storage, as sides of a run; the app is in bench/peer."""

import itertools
import json
import subprocess
from dataclasses import dataclass
from functools import cached_property

from bench.http import USER_AGENT
from bench.people import PASSWORD
from bench.servers import PEER, PEER_PYTHON, ROOT, WORKERS, Sink, Web
from bench.stage import Stage

MONGOENGINE, SQLALCHEMY = "mongoengine", "sqlalchemy"
NAMES = {
    MONGOENGINE: "Flask-Security, MongoEngine",
    SQLALCHEMY: "Flask-Security, SQLAlchemy on SQLite",
}


class PeerMissingError(Exception):
    """The virtual environment of the peers is not there."""


@dataclass(frozen=True, slots=True)
class PeerPerson:
    """What a step needs to act as the owner of an account.

    Attributes:
        cookie: of a browser that is signed in and has a CSRF token.
        link: the path of the confirmation link, if it was asked for.
    """

    email: str
    cookie: str
    link: str


class Peer:
    """Flask-Security on one storage. It sends its mail inside the request, to a mail server."""

    def __init__(self, stage: Stage, storage: str) -> None:
        if not PEER_PYTHON.exists():
            raise PeerMissingError(f"there is no {PEER_PYTHON}; `make bench PEER=1` makes it")
        self._stage, self._storage = stage, storage
        # It makes the tables, which two workers would make at the same time.
        self.people(0, confirmed=True)

    def settings(self, sink: Sink | None = None) -> dict[str, str]:
        """The environment of a process, which sends its mail to this server."""
        mongodb = self._stage.mongod.uri("peer")
        sqlite = f"sqlite:///{self._stage.folder / 'peer.sqlite'}"
        return {
            **self._stage.settings("peer", sink.port if sink else 1),
            "PEER_STORAGE": self._storage,
            "PEER_DATABASE": mongodb if self._storage == MONGOENGINE else sqlite,
            "PEER_PASSWORD": PASSWORD,
            "PEER_BROWSER": USER_AGENT,
        }

    @cached_property
    def one(self) -> Web:
        """The peer, served by one worker."""
        return self._stage.serve(PEER, self.settings(), 1)

    @cached_property
    def many(self) -> Web:
        """The peer, served by as many workers as ours, with a mail server that takes no time."""
        return self.sending_to(self._stage.stack.enter_context(self._stage.mail_server(0.0)))

    def sending_to(self, sink: Sink) -> Web:
        """The peer, served by as many workers as ours, with this mail server."""
        return self._stage.serve(PEER, self.settings(sink), WORKERS)

    def people(self, number: int, *, confirmed: bool, links: bool = False) -> list[PeerPerson]:
        """Makes accounts, in a process of the peer: ours cannot sign its cookies.

        Args:
            links: whether each has a confirmation link, which takes 0.2 s to make.
        """
        options = ["--confirmed"] * confirmed + ["--links"] * links
        made = subprocess.run(
            [PEER_PYTHON, "-m", "bench.peer.people", *options],
            cwd=ROOT,
            env=self.settings(),
            input="\n".join(itertools.islice(self._stage.names(), number)),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"no accounts of the peer: {made.stderr[-2000:]}")
        return [PeerPerson(**json.loads(line)) for line in made.stdout.splitlines()]
