"""One side of an order book at a moment, in little memory: prices and shares beside each other, and what has changed.

A whole market has some sixty thousand levels, of which an event changes three: an object for each would cost more to
find in memory than to compute.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from kernel_server.simulated.exchange.interface import Level


class BookLevels(Sequence[Level]):
    """The levels of a side, best first; not to be changed.

    Attributes:
        prices: of the levels, KRW.
        sizes: shares of each.
        before: the sizes, the very same object, of the levels that these follow at unchanged prices; None for none.
        changes: since then, of each level with other shares: its place, 0 for the best, its shares, how many more.
    """

    __slots__ = ("before", "changes", "prices", "sizes")

    def __init__(
        self,
        prices: Sequence[int],
        sizes: array[int],
        before: array[int] | None = None,
        changes: Sequence[tuple[int, int, int]] = (),
    ) -> None:
        self.prices = prices
        self.sizes = sizes
        self.before = before
        self.changes = changes

    @classmethod
    def of(cls, levels: Sequence[Level]) -> BookLevels:
        """The levels in this form."""
        if isinstance(levels, cls):
            return levels
        return cls([level.price for level in levels], array("q", [level.volume for level in levels]))

    @property
    def best(self) -> int:
        """The best price, KRW, 0 for none."""
        return self.prices[0] if self.sizes else 0

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, part: int) -> Level: ...

    @overload
    def __getitem__(self, part: slice) -> list[Level]: ...

    def __getitem__(self, part: int | slice) -> Level | list[Level]:
        if isinstance(part, slice):
            return list(self)[part]
        return Level(self.prices[part], self.sizes[part])

    def __iter__(self) -> Iterator[Level]:
        return map(Level, self.prices, self.sizes)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BookLevels):
            return self.sizes == other.sizes and [*self.prices] == [*other.prices]
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


def best_price(levels: Sequence[Level]) -> int:
    """The best price of a side, KRW, 0 for none."""
    if isinstance(levels, BookLevels):
        return levels.best
    return levels[0].price if levels else 0
