"""The people of the journeys."""

from collections.abc import Callable

import pytest

from tests.mailbox import Mailbox
from tests.visitor import Visitor

EMAIL = "ada@example.com"


@pytest.fixture
def ada(new_visitor: Callable[[], Visitor], mailbox: Mailbox) -> Visitor:
    """A person with a confirmed account who is signed in."""
    visitor = new_visitor()
    visitor.register(EMAIL)
    visitor.submit(mailbox.newest(EMAIL).link)
    assert visitor.get("/profile").status_code == 200
    return visitor
