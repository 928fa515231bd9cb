"""The rows of the table: a module for each kind of step."""

from collections.abc import Callable, Iterator

from bench.report import Row
from bench.rows import api, commands, funnel, hashes, mail, pages, process, scale
from bench.sides import Sides
from bench.stage import Stage

ROWS: dict[str, Callable[[Stage, Sides], Iterator[Row]]] = {
    "register": hashes.registering,
    "slow-mail": hashes.registering_with_slow_mail,
    "sign-in": hashes.signing_in,
    "page": pages.signed_in_page,
    "account": pages.account_page,
    "form": pages.form_page,
    "api": api.calling,
    "verify": api.verifying,
    "link": pages.confirming,
    "flood": hashes.flooding,
    "letters": mail.delivering,
    "commands": commands.counting,
    "scale": scale.growing,
    "funnel": funnel.counting,
    "start": process.starting,
    "memory": process.memory,
}
