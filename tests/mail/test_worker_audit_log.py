"""The worker records each attempt to deliver a letter."""

import json
from typing import Any

import pytest

from tests.mail.conftest import Delivery

ADA = "ada@example.com"


@pytest.mark.parametrize(
    ("command", "answer", "event", "level"),
    [
        ("RCPT", "250 fine", "letter_sent", "info"),
        ("RCPT", "451 <ada@example.com>: later", "letter_postponed", "warning"),
        ("RCPT", "550 <ada@example.com>: no such mailbox", "letter_refused", "warning"),
        ("MAIL", "550 5.7.1 <no-reply@latchkey.test> is not you", "letter_blocked", "error"),
    ],
)
def test_each_attempt_is_one_line_without_an_address(
    delivery: Delivery,
    capsys: pytest.CaptureFixture[str],
    command: str,
    answer: str,
    event: str,
    level: str,
) -> None:
    delivery.server.answers[command] = [answer]
    delivery.register(ADA)
    (letter,) = delivery.letters()
    capsys.readouterr()
    delivery.worker.run_once()
    log = capsys.readouterr().err
    (line,) = [json.loads(written) for written in log.splitlines()]
    recorded: dict[str, Any] = {"event": event, "level": level, "kind": "confirm", "attempts": 1}
    assert line == line | recorded
    assert line["letter"] == letter["id"]
    assert "request_id" not in line
    assert "ada@" not in log
    assert "no-reply@" not in log
    if event != "letter_sent":
        assert line["trouble"].endswith(answer.rpartition(">")[2])


def test_a_superseded_letter_is_recorded_as_dropped(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.register(ADA)
    delivery.register(ADA)
    capsys.readouterr()
    delivery.worker.run_once()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["letter_dropped", "letter_sent"]
