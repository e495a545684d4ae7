"""``AccountBoard``: an account's positions with live prices, its open orders and its deposit, for a panel."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from koalab.dates import seoul
from koalab.errors import KoalabError
from koalab.live.readable import StreamState
from koalab.live.table import LiveTable
from koalab.orders.order import STATUS_WORDS
from koalab.orders.state import AccountState
from koalab.orders.state_frames import StateFrames

log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 1.0
_AGAIN_AFTER: Final = 5.0
"""Seconds until prices or the deposit are asked for again where that failed."""
_DEPOSIT_EVERY: Final = 10.0


@dataclass(frozen=True, slots=True)
class AccountSources:
    """Where a panel's values come from, and where its cancellations go.

    Attributes:
        state: of the account, kept in step by its events.
        frames: of that state.
        live: opens a table of quotes of these codes.
        deposit: reads the deposit (one TR).
        cancel: cancels an open order by its number.
    """

    state: AccountState
    frames: StateFrames
    live: Callable[[list[str]], LiveTable]
    deposit: Callable[[], pd.Series[Any]]
    cancel: Callable[[str], object]


class AccountBoard:
    """Everything that a panel shows of one account. Its thread does what waits for the broker.

    Args:
        sources: of its values.
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        notice: what became of the last cancellation, or why a value is missing.
    """

    def __init__(self, sources: AccountSources, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.notice = ""
        self._sources = sources
        self._monotonic = monotonic
        self._wake = threading.Event()
        self._closed: pd.Timestamp | None = None
        self._lock = threading.Lock()
        self._version = 0
        self._table: LiveTable | None = None
        self._followed: tuple[str, ...] = ()
        self._prices_after = 0.0
        self._deposit: dict[str, int] = {}
        self._deposit_of = -1
        self._deposit_after = 0.0
        self._cancelling: deque[str] = deque()
        self._read_deposit()
        sources.state.add_waker(self._wake.set)
        threading.Thread(target=self._run, name="koalab-account", daemon=True).start()

    @property
    def state(self) -> StreamState:
        """That of the account: ``live``, or ``lost`` while events may be missing, or ``closed``."""
        state = self._sources.state
        if self._closed is not None:
            return StreamState("closed", self._closed)
        if state.stale:
            return StreamState("lost", seoul(state.stale_since), state.stale)
        return StreamState("live", seoul(state.stale_since))

    @property
    def version(self) -> tuple[int, int, int]:
        """Changes with every change."""
        table = self._table
        return self._version, self._sources.state.version, table.version if table is not None else 0

    def values(self) -> dict[str, Any]:
        """``positions``, ``orders`` (lists of dicts by field), ``deposit``, ``total`` and ``notice``."""
        positions = self._positions()
        value, cost = (sum(row[name] for row in positions) for name in ("value", "cost"))
        with self._lock:
            cancelling, deposit = list(self._cancelling), dict(self._deposit)
        orders = [
            {
                "number": str(number),
                **{name: row[name] for name in ("code", "name", "side", "quantity", "left")},
                "type": " ".join(filter(None, (row["type"], row["credit"]))),
                "limit": row["price"],
                "status": "취소 중" if number in cancelling else STATUS_WORDS[row["status"]],
                "time": f"{row['entered']:%H:%M:%S}",
                "cancelling": number in cancelling,
            }
            for number, row in self._sources.frames.open_orders().to_dict("index").items()
        ]
        return {
            "positions": positions,
            "orders": orders,
            "deposit": deposit,
            "total": {"value": value, "cost": cost, "profit": value - cost},
            "notice": self.notice,
        }

    def cancel(self, number: str) -> None:
        """Cancels an open order, on the board's thread. What became of it is in ``notice``."""
        with self._lock:
            if number in self._cancelling:
                return
            self._cancelling.append(number)
            self._version += 1
        self._wake.set()

    def close(self, at: pd.Timestamp) -> None:
        """Ends the thread and the registrations; the last values stay readable. Idempotent."""
        if self._closed is not None:
            return
        self._closed = at
        self._sources.state.remove_waker(self._wake.set)
        self._wake.set()

    def _positions(self) -> list[dict[str, Any]]:
        table = self._table
        prices = {}
        if table is not None:
            prices = dict(zip(table.codes, table.delta(-1)[2]["price"].tolist(), strict=True))
        found = []
        for row in self._sources.frames.positions().reset_index().to_dict("records"):
            code = str(row["code"])
            lent = f" {row['credit']} {row['loan_date']:%m-%d}" if row["credit"] else ""
            price = prices.get(code) or row["price"]
            value = price * row["quantity"]
            found.append(
                {
                    "code": code + lent,
                    "name": row["name"] + lent,
                    **{name: row[name] for name in ("quantity", "sellable", "cost")},
                    "average": row["average_price"],
                    "price": price,
                    "value": value,
                    "profit": value - row["cost"],
                    "rate": (value / row["cost"] - 1) * 100 if row["cost"] else 0.0,
                }
            )
        return found

    # -- on the board's thread

    def _run(self) -> None:
        try:
            while self._closed is None:
                self._cancel_next()
                self._follow_prices()
                self._read_deposit()
                self._wake.wait(_LOOK_EVERY)
                self._wake.clear()
        finally:
            if self._table is not None:
                self._table.close()

    def _cancel_next(self) -> None:
        while self._cancelling and self._closed is None:
            number = self._cancelling[0]
            try:
                self._sources.cancel(number)
                self._say(f"주문 {number} 취소를 보냈습니다")
            except KoalabError as error:
                self._say(f"주문 {number} 취소 안 됨: {error}")
            finally:
                with self._lock:
                    self._cancelling.popleft()
                    self._version += 1

    def _follow_prices(self) -> None:
        """Opens a table of quotes of the positions of now."""
        held = tuple(dict.fromkeys(one.code for one in self._sources.state.positions()))
        if held == self._followed or self._monotonic() < self._prices_after:
            return
        former = self._table
        try:
            self._table = self._sources.live(list(held)) if held else None
            self._followed = held
        except KoalabError as error:
            self._prices_after = self._monotonic() + _AGAIN_AFTER
            self._say(f"실시간 시세 없음: {error}")
            return
        if former is not None:
            former.close()
        self._changed()

    def _read_deposit(self) -> None:
        """Reads the deposit after a change of the account, at most every ten seconds."""
        version = self._sources.state.version
        if version == self._deposit_of or self._monotonic() < self._deposit_after:
            return
        self._deposit_after = self._monotonic() + _DEPOSIT_EVERY
        try:
            found = self._sources.deposit()
        except KoalabError as error:
            self._say(f"예수금을 읽지 못했습니다: {error}")
            return
        with self._lock:
            self._deposit = {name: int(found[name]) for name in ("deposit", "orderable", "d2_deposit")}
        self._deposit_of = version
        self._changed()

    def _say(self, notice: str) -> None:
        log.info("account panel: %s", notice)
        self.notice = notice
        self._changed()

    def _changed(self) -> None:
        with self._lock:
            self._version += 1
