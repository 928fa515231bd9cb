"""Letters: how fast mail workers deliver them."""

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from threading import Thread

from app.users.clock import utcnow
from bench.measure import Pairs, alternate
from bench.report import Goal, Row, per_second
from bench.servers import Process, Sink
from bench.sides import Ours, Sides
from bench.stage import Stage

_FROM, _TO = "no-reply@example.org", "person@example.org"
# Longer than the start of a worker, so that all workers begin at the same moment.
_AHEAD = timedelta(seconds=2)


@contextmanager
def deliver(stage: Stage, ours: Ours, sink: Sink, workers: int = 1) -> Iterator[list[Process]]:
    """Runs our mail workers on our accounts."""
    env = {**ours.settings, "APP_MAIL_PORT": str(sink.port)}
    command = ["scripts/send_mail.py"]
    with ExitStack() as running:
        yield [running.enter_context(Process(command, env, stage.log())) for _ in range(workers)]


def delivering(stage: Stage, sides: Sides) -> Iterator[Row]:
    """One worker beside bare smtplib, which repeats one mail; then two workers beside one."""
    ours = sides.ours
    mail, number, rounds = ours.letter(), stage.effort.letters, stage.effort.letter_rounds
    ours.owe_nothing()
    for seconds in stage.effort.mail_servers:
        with stage.mail_server(seconds) as sink:
            one = partial(_owed, stage, ours, sink, number, 1)
            two = partial(_owed, stage, ours, sink, number, 2)
            alone = alternate(partial(_bare, sink, number, mail), one, rounds, warm_up=False)
            both = alternate(one, two, rounds, warm_up=False)
        server = f"{seconds * 1000:.0f} ms a mail"
        yield _row(f"letters, server takes {server} (floor: smtplib alone)", alone, "%", 0.6)
        yield _row(f"letters, two workers, {server} (floor: one worker)", both, "x", 1.6)


def _row(name: str, pairs: Pairs, unit: str, at_least: float) -> Row:
    floor, ours = per_second(pairs.floor), per_second(pairs.ours)
    return Row(name, floor, ours, pairs.ratio, unit, Goal(at_least=at_least))


def _bare(sink: Sink, number: int, mail: bytes) -> float:
    """Letters per second over one connection, the same mail each time."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", sink.port) as connection:
            for _ in range(number):
                connection.sendmail(_FROM, [_TO], mail)

    sender = Thread(target=send)
    sender.start()
    rate = sink.take(number).rate
    sender.join()
    return rate


def _owed(stage: Stage, ours: Ours, sink: Sink, number: int, workers: int) -> float:
    """Letters per second of workers that are running when the letters fall due."""
    people = ours.people(number, confirmed=False, letter_due_on=utcnow() + _AHEAD)
    with deliver(stage, ours, sink, workers):
        rate = sink.take(number).rate
    ours.users.delete_many({"_id": {"$in": [person.id for person in people]}})
    return rate
