"""Taking turns: noise of the machine falls on both sides of a pair alike, so ratios are kept."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

Round = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds have found."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one that is reported."""
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
    """What two sides reached, round by round."""

    floor: Spread
    ours: Spread

    @classmethod
    def of(cls, floor: Sequence[float], ours: Sequence[float]) -> Self:
        """From what was found in turn."""
        return cls(Spread(tuple(floor)), Spread(tuple(ours)))

    @property
    def ratio(self) -> Spread:
        """Ours of the floor's, of each pair."""
        both = zip(self.ours.values, self.floor.values, strict=True)
        return Spread(tuple(ours / floor for ours, floor in both))


def alternate(floor: Round, ours: Round, rounds: int, *, warm_up: bool = True) -> Pairs:
    """Runs both in turn; whoever was second in a pair is first in the next.

    Args:
        rounds: pairs that count.
        warm_up: whether each side has a first round that does not.
    """
    found: dict[Round, list[float]] = {floor: [], ours: []}
    order = [floor, ours]
    if warm_up:
        for side in order:
            side()
    for _ in range(rounds):
        for side in order:
            found[side].append(side())
        order.reverse()
    return Pairs.of(found[floor], found[ours])


def repeat(side: Round, rounds: int) -> Spread:
    """Several rounds of one side."""
    return Spread(tuple(side() for _ in range(rounds)))
