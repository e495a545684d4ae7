"""``Ladder``: the order book of one issue as a widget. ``kw.ladder(code)`` makes it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, Final

import traitlets

from koalab.widgets.book_board import BookBoard
from koalab.widgets.live_widget import LiveWidget, Message, script
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.selection import AGAIN, Selection
from koalab.widgets.state_line import StateLine

_RIGHT: Final = "text-align:right"
_ASK: Final = "background:#eaf0fd"
_BID: Final = "background:#fdeaea"


class Ladder(LiveWidget):
    """The ten best asks and bids of one issue (호가창), with the shares at each price and the last trades.

    Prices stay in their rows until the market leaves the middle. A price that is chosen by a click or Enter is only
    passed on: nothing is ever sent to the broker.

    Args:
        board: of the book; closed with the widget.
        state: the line below.
        painter: sends what changes.

    Attributes:
        selected_price: the price (KRW) that was chosen last, 0 before; a trait, to be observed.
    """

    _esm = script("common.js", "ladder.js")
    code = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    selected_price = traitlets.Int(0).tag(sync=True)

    def __init__(self, board: BookBoard, state: StateLine, painter: Painter = PAINTER) -> None:
        self._board = board
        self._sent_version = (-1, -1)
        super().__init__(state, painter, code=board.code, name=board.name)
        self._selection = Selection(self, "selected_price", "price")

    def on_select(self, fn: Callable[[int], object]) -> None:
        """Calls ``fn`` with a price (KRW) that is chosen, each time it is."""
        self._selection.add(fn)

    def show(self, board: BookBoard, state: StateLine) -> None:
        """Shows another issue from now on, and closes the former."""
        former, self._board, self._state = self._board, board, state
        self._sent_version = (-1, -1)
        with self.hold_sync():
            self.code, self.name, self.selected_price = board.code, board.name, 0
        self._begin_anew()
        former.close()

    def _end(self) -> None:
        self._board.close()

    def _on_request(self, content: dict[str, Any]) -> None:
        if AGAIN in content:
            self._selection.call(self.selected_price)

    def _changes(self, everything: bool, now: float) -> Message | None:
        self._state.count(self._board.version, now)
        if not everything and not self._board.changed(self._sent_version):
            return None
        self._sent_version, arrays = self._board.current()
        return {"k": "all" if everything else "d"}, arrays

    def snapshot(self) -> str:
        """A plain HTML table of the book now, with its time: for saved notebooks, GitHub and e-mail."""
        _, book = self._board.current()
        price, change, _, base = book["quote"][:4]
        base = price - change if price else base  # yesterday's close, as the broker's own change has it
        rows = [
            _row(price, base, _ASK, f"{volume:,.0f}", "")
            for price, volume in zip(book["ask_prices"][::-1], book["ask_volumes"][::-1], strict=True)
            if price
        ] + [
            _row(price, base, _BID, "", f"{volume:,.0f}")
            for price, volume in zip(book["bid_prices"], book["bid_volumes"], strict=True)
            if price
        ]
        ask, bid = book["totals"][:2]
        caption = html.escape(f"{self.name} {self.code} 호가 · {self._state.caption()}")
        head = "".join(
            f'<th style="{_RIGHT}">{one}</th>' for one in ("매도잔량", "호가", "등락률", "매수잔량")
        )
        total = "".join(
            f'<td style="{_RIGHT}">{one}</td>'
            for one in (f"{ask:,.0f}", "총잔량", f"{bid - ask:+,.0f}", f"{bid:,.0f}")
        )
        return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}<tr>{total}</tr></table>"

    def __repr__(self) -> str:
        return f"<{self.name} 호가: {self._board.state!r}>"


def _row(price: float, base: float, ground: str, ask: str, bid: str) -> str:
    rate = f"{(price / base - 1) * 100:+.2f}%" if base else ""
    colour = "" if not base or price == base else f";color:{'#c8102e' if price > base else '#0b4fc2'}"
    return (
        f'<tr style="{ground}"><td style="{_RIGHT}">{ask}</td>'
        f'<td style="{_RIGHT}{colour}"><b>{price:,.0f}</b></td><td style="{_RIGHT}{colour}">{rate}</td>'
        f'<td style="{_RIGHT}">{bid}</td></tr>'
    )
