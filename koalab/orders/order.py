"""``Order``: an order of this session, or one found by its number, as users hold it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator, Hashable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from koalab.errors import NoAnswer, NotConnected
from koalab.frames.attrs import frame_attrs
from koalab.inputs.arguments import flag_or_none, seconds
from koalab.orders.credit import credit_name
from koalab.orders.record import OrderRecord, OrderStatus
from koalab.orders.state import AccountState
from koalab.orders.state_frames import moments
from koalab.transport.forking import require_process

if TYPE_CHECKING:
    from koalab.orders.desk import OrderDesk

# A wait is cut so that Ctrl-C is noticed on every system.
_WAIT: Final = 0.2
_POSITION_WITHIN: Final = 1.0
"""Seconds that a wait grants the position after the last fill."""
_SUMMARY: Final = (
    *("code", "name", "side", "type", "status", "quantity", "filled", "left"),
    *("price", "average_price", "credit", "original", "reason"),
)
STATUS_WORDS: Final = {
    "sent": "보냄",
    "accepted": "접수",
    "partly filled": "일부 체결",
    "filled": "체결",
    "cancelled": "취소",
    "replaced": "정정됨",
    "confirmed": "확인",
    "rejected": "거부",
    "unknown": "알 수 없음",
}
"""What a status is called in Korean."""


class Order:
    """An order, kept in step by the broker's events. ``kw.buy`` and ``kw.sell`` make one.

    ``status`` goes from ``sent`` over ``accepted`` and ``partly filled`` to ``filled``, ``cancelled``, ``replaced`` (by
    a modification, which is another order) or ``rejected``. It is ``unknown`` where the connection was lost between
    sending and the broker's answer; the broker's own list then shows what became of it. Nothing is sent twice.
    """

    def __init__(self, record: OrderRecord, state: AccountState, desk: OrderDesk) -> None:
        self._record = record
        self._state = state
        self._desk = desk

    @property
    def number(self) -> str:
        """The broker's number (주문번호), 7 digits; blank while it is not known."""
        return self._record.number

    @property
    def code(self) -> str:
        """The issue's code."""
        return self._record.code

    @property
    def name(self) -> str:
        """The issue's name."""
        return self._record.name

    @property
    def side(self) -> str:
        """매수 or 매도."""
        return self._record.side

    @property
    def type(self) -> str:
        """거래구분: 지정가, 시장가 …."""
        return self._record.type

    @property
    def credit(self) -> str:
        """신용구분 of an order on credit: 자기융자, 자기융자합; blank of others."""
        return credit_name(self._record.credit)

    @property
    def loan_date(self) -> str:
        """대출일 (YYYYMMDD) of the loan that it repays; blank."""
        return self._record.loan_date

    @property
    def quantity(self) -> int:
        """Shares ordered."""
        return self._record.quantity

    @property
    def price(self) -> int:
        """KRW; 0 at market."""
        return self._record.price

    @property
    def original(self) -> str:
        """The number of the order that this one modifies; blank."""
        return self._record.original

    @property
    def status(self) -> OrderStatus:
        """The order's state; see the class."""
        return self._record.status

    @property
    def filled(self) -> int:
        """Shares filled so far."""
        return self._record.filled

    @property
    def left(self) -> int:
        """Shares still open."""
        return self._record.left

    @property
    def average_price(self) -> float:
        """KRW a share of the fills so far; NaN before the first."""
        with self._state.changed:
            return self._record.average_price

    @property
    def reason(self) -> str:
        """Why it was refused, ended or is unknown; blank."""
        return self._record.reason

    @property
    def done(self) -> bool:
        """Whether nothing more can become of it."""
        return self._record.done

    @property
    def events(self) -> pd.DataFrame:
        """What happened to it.

        Returns:
            Index ``time`` (Asia/Seoul, ascending); ``status``, ``filled`` and ``left`` after it (shares), ``volume``
            and ``price`` of a fill (0 for other events), and the broker's ``message``.
        """
        with self._state.changed:
            changes = list(self._record.changes)
        # An answer has the time at which it came, which may be after that of a fill: it was given before.
        at = np.minimum.accumulate(np.array([one.at for one in changes])[::-1])[::-1]
        index = moments(at).rename("time")
        frame = pd.DataFrame(
            {
                "status": pd.array([one.status for one in changes], dtype="str"),
                **{
                    name: pd.array([getattr(one, name) for one in changes], dtype="int64")
                    for name in ("filled", "left", "volume", "price")
                },
                "message": pd.array([one.message for one in changes], dtype="str"),
            },
            index=index,
        )
        frame.attrs = self._attrs()
        return frame

    def summary(self) -> pd.Series[Any]:
        """The order as one row: ``order`` (its number), ``code name side type status``, ``quantity filled left``
        (shares), ``price`` (KRW, 0 at market), ``average_price`` (KRW, NaN before a fill), ``credit``, ``original``,
        ``reason``.
        """
        with self._state.changed:
            values = {name: getattr(self, name) for name in _SUMMARY}
        found = pd.Series({"order": self.number, **values}, dtype=object, name="order")
        found.attrs = self._attrs()
        return found

    def _attrs(self) -> dict[Hashable | None, Any]:
        """Those of its frames: it is as of the account's newest event."""
        return frame_attrs(self._state.source, "SendOrder", self._state.until)

    def wait(self, timeout: float | None = None) -> Order:
        """Waits until it is done, for at most ``timeout`` seconds; returns itself.

        The broker reports the position right after the last fill: it waits for that too, for a second at most.

        Raises:
            NoAnswer: it is not done in time.
            NotConnected: the session is closed, or cannot follow the account any more; the order stays at the broker.
        """
        until = None if timeout is None else time.monotonic() + seconds("timeout", timeout)
        require_process(self._state.process)
        with self._state.changed:
            while not self.done:
                self._require_followed()
                left = _WAIT if until is None else min(_WAIT, until - time.monotonic())
                if left <= 0:
                    raise NoAnswer(f"{self!r} is not done within {timeout:g} s")
                self._state.changed.wait(left)
            end = time.monotonic() + _POSITION_WITHIN
            if until is not None:
                end = min(end, until)
            while not self._state.ended and self._awaits_position() and (left := end - time.monotonic()) > 0:
                self._state.changed.wait(left)
        return self

    def _require_followed(self) -> None:
        ended = self._state.ended
        if ended is not None:
            raise NotConnected(
                f"{self!r} is not done, and nothing more will be known of it: {ended}"
            ) from ended

    def _awaits_position(self) -> bool:
        """With the state's lock held."""
        return self._state.holdings.awaits(self.code, bool(self._record.credit))

    def __await__(self) -> Generator[object, None, Order]:
        """``await order``: until it is done."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> Order:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        self._state.add_waker(wake)
        try:
            while not self.done:
                self._require_followed()
                await changed.wait()
                changed.clear()
            end = loop.time() + _POSITION_WITHIN
            while (left := end - loop.time()) > 0:
                with self._state.changed:
                    if self._state.ended or not self._awaits_position():
                        break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)
                changed.clear()
        finally:
            self._state.remove_waker(wake)
        return self

    def modify(
        self, *, price: int | None = None, quantity: int | None = None, confirm: bool | None = None
    ) -> Order:
        """Modifies price, or price and quantity, of what is open (정정). The guards hold as for a new order.

        Args:
            price: KRW; None: as it is.
            quantity: shares of what is open; None: all.
            confirm: as for ``kw.buy``.

        Returns:
            The new order, which has another number; this one becomes ``replaced``.

        Raises:
            BadInput: nothing is open, or nothing is to be changed.
            OrderGuarded: a guard stopped it, or it was not confirmed.
            OrderRejected: the broker refuses; the text is its message.
        """
        return self._desk.modify(self._record, self._state, price, quantity, flag_or_none("confirm", confirm))

    def cancel(self, quantity: int | None = None) -> Order:
        """Cancels what is open, or ``quantity`` shares of it (취소); returns itself. No guard stops it.

        Raises:
            BadInput: nothing is open.
            OrderRejected: the broker refuses: it has been filled in the meantime, for example.
        """
        self._desk.cancel(self._record, self._state, quantity)
        return self

    def __repr__(self) -> str:
        with self._state.changed:
            one = self._record
            price = f"{one.price:,}원 " if one.price else ""
            filled = f" {one.filled:,}/{one.quantity:,}" if one.filled else ""
            average = f" 평균 {one.average_price:,.0f}원" if one.filled else ""
            why = f": {one.reason}" if one.reason else ""
            number = f" 주문번호 {one.number}" if one.number else ""
            return (
                f"<{one.side} {one.name or one.code} {one.quantity:,}주 {price}{one.kind}: "
                f"{STATUS_WORDS[one.status]}{filled}{average}{why}{number}>"
            )
