"""``BookBoard``: the order book of one issue, its quote and its last trades, as a ladder shows them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from koalab.live.event_log import Columns
from koalab.live.events import LEVEL_COLUMNS, LEVELS, LiveBook, Tick
from koalab.live.readable import StreamState
from koalab.live.stream import EventStream, weak_listener
from koalab.live.table import LiveTable

FILLS: Final = 10
"""Last trades that a ladder shows."""
QUOTED: Final = (
    *("price", "change", "change_rate", "base_price", "upper_limit", "lower_limit"),
    *("open", "high", "low", "volume", "strength"),
)
"""The columns of the quote, in the order of its array."""
TOTALS: Final = ("total_ask", "total_bid", "expected_price", "expected_volume")
_LEVELS: Final = ("ask_prices", "ask_volumes", "bid_prices", "bid_volumes")


class BookBoard:
    """One issue's book, kept current by its streams.

    Args:
        table: of the one issue.
        books: of 주식호가잔량.
        trades: of 주식체결.

    Attributes:
        version: counts the changes of book and trades.
    """

    def __init__(self, table: LiveTable, books: EventStream[LiveBook], trades: EventStream[Tick]) -> None:
        self.version = 0
        self._table = table
        self._books = books
        self._trades = trades
        self._lock = threading.Lock()
        self._booked = False
        self._levels = {name: np.zeros(LEVELS) for name in _LEVELS}
        self._totals = np.zeros(len(TOTALS))
        self._fills: list[tuple[float, float]] = []
        books.listen(weak_listener(self._on_books))
        trades.listen(weak_listener(self._on_trades))

    @property
    def name(self) -> str:
        """The issue's name."""
        return self._table.names[0]

    @property
    def code(self) -> str:
        """The issue's code."""
        return self._table.codes[0]

    @property
    def state(self) -> StreamState:
        """That of the stream of books."""
        return self._books.state

    @property
    def strength(self) -> float:
        """체결강도 in percent."""
        return float(self._table.delta(-1)[2]["strength"][0])

    def begin(self, book: pd.DataFrame) -> None:
        """Fills in the book until the first event, from the frame of ``kw.orderbook``."""
        with self._lock:
            if self._booked:
                return
            for (side, level), price, volume in zip(book.index, book["price"], book["volume"], strict=True):
                self._levels[f"{side}_prices"][level - 1] = price
                self._levels[f"{side}_volumes"][level - 1] = volume
            self._totals[:2] = [book.attrs["total_ask"], book.attrs["total_bid"]]
            self.version += 1

    def current(self) -> tuple[tuple[int, int], Mapping[str, NDArray[Any]]]:
        """The version, and everything by name: ten levels a side (best first), ``totals``, ``quote``, ``fills``.

        ``fills`` are pairs of price and shares, the newest first, negative where a seller took a bid.
        """
        table_version, _, row = self._table.delta(-1)
        quote = np.array([row[name][0] for name in QUOTED], np.float64)
        with self._lock:
            return (self.version, table_version), {
                **{name: levels.copy() for name, levels in self._levels.items()},
                "totals": self._totals.copy(),
                "quote": quote,
                "fills": np.array(self._fills, np.float64).reshape(-1),
            }

    def changed(self, since: tuple[int, int]) -> bool:
        """Whether there is more than at version ``since``."""
        return since != (self.version, self._table.version)

    def close(self) -> None:
        """Unregisters the code; the last values stay readable."""
        self._table.close()
        self._books.close()
        self._trades.close()

    # -- on the hub's thread

    def _on_books(self, part: Columns, _start: int) -> None:
        with self._lock:
            self._booked = True
            for name in _LEVELS:
                self._levels[name] = np.array([part[one][-1] for one in LEVEL_COLUMNS[name]], np.float64)
            self._totals = np.array([part[name][-1] for name in TOTALS], np.float64)
            self.version += 1

    def _on_trades(self, part: Columns, _start: int) -> None:
        newest = slice(-FILLS, None)
        found = zip(
            part["price"][newest].tolist(), (part["volume"] * part["side"])[newest].tolist(), strict=True
        )
        with self._lock:
            self._fills = [*reversed([*found]), *self._fills][:FILLS]
            self.version += 1
