"""A guarded update that is put together from several parts."""

from dataclasses import dataclass, field

from app.users.documents import Document
from app.users.letters import Letter
from app.users.steps.updates import push_events, push_letters


@dataclass(slots=True)
class Change:
    """One command: its guard, and what it changes. The parts of a step add to it."""

    guard: Document
    set: Document = field(default_factory=dict)
    unset: Document = field(default_factory=dict)
    inc: Document = field(default_factory=dict)
    push: Document = field(default_factory=dict)
    pull: Document = field(default_factory=dict)
    events: list[Document] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    @property
    def update(self) -> Document:
        """The update for MongoDB, which refuses empty operators."""
        pushes = dict(self.push)
        if self.events:
            pushes |= push_events(*self.events)
        if self.letters:
            pushes |= push_letters(*self.letters)
        parts = {
            "$set": self.set,
            "$unset": self.unset,
            "$inc": self.inc,
            "$push": pushes,
            "$pull": self.pull,
        }
        return {operator: part for operator, part in parts.items() if part}
