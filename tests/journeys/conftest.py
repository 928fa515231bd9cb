"""People to tell stories about."""

from collections.abc import Callable

import pytest

from tests.mailbox import Mailbox
from tests.visitor import Visitor

EMAIL = "ada@example.com"


@pytest.fixture
def ada(new_visitor: Callable[[], Visitor], mailbox: Mailbox) -> Visitor:
    """Somebody with a confirmed account, signed in."""
    visitor = new_visitor()
    visitor.register(EMAIL)
    visitor.submit(mailbox.newest(EMAIL).link)
    assert visitor.get("/profile").status_code == 200
    return visitor
