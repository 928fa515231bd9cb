"""Rounds that alternate: noise of the machine hits every side alike, so the ratios stay true."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

Round = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The results of several rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The value that the table reports."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The results of the floor, ours and the peers, round by round."""

    floor: Spread
    ours: Spread
    peers: tuple[Spread, ...] = ()

    @classmethod
    def of(cls, floor: Sequence[float], ours: Sequence[float]) -> Self:
        """From values in the order in which they were measured."""
        return cls(Spread(tuple(floor)), Spread(tuple(ours)))

    @property
    def ratio(self) -> Spread:
        """Ours divided by the floor, for each round."""
        return self._share(self.ours)

    @property
    def shares(self) -> tuple[Spread, ...]:
        """The same for ours and each peer; empty without peers."""
        return tuple(map(self._share, (self.ours, *self.peers))) if self.peers else ()

    def _share(self, side: Spread) -> Spread:
        both = zip(side.values, self.floor.values, strict=True)
        return Spread(tuple(value / floor for value, floor in both))


def alternate(
    floor: Round, ours: Round, rounds: int, *, peers: Sequence[Round] = (), warm_up: bool = True
) -> Pairs:
    """Runs the sides one after the other; each round reverses the order of the last.

    Args:
        rounds: rounds of each side that count.
        warm_up: whether each side runs once more before, which does not count.
    """
    sides = [floor, ours, *peers]
    found: list[list[float]] = [[] for _ in sides]
    order = list(range(len(sides)))
    if warm_up:
        for side in sides:
            side()
    for _ in range(rounds):
        for place in order:
            found[place].append(sides[place]())
        order.reverse()
    first, second, *others = (Spread(tuple(values)) for values in found)
    return Pairs(first, second, tuple(others))
