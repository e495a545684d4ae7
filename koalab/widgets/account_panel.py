"""``AccountPanel``: an account as a widget. ``kw.account_panel()`` makes it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import traitlets

from koalab.live.readable import StreamState
from koalab.widgets.account_board import AccountBoard
from koalab.widgets.live_widget import LiveWidget, Message, script
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.state_line import StateLine

_POSITION: Final = {
    "name": "종목명",
    "quantity": "보유",
    "average": "평균단가",
    "price": "현재가",
    "value": "평가금액",
    "profit": "평가손익",
    "rate": "수익률",
}
_ORDER: Final = {
    "name": "종목명",
    "number": "주문번호",
    "side": "구분",
    "type": "거래구분",
    "left": "미체결",
    "limit": "주문가",
    "status": "상태",
    "time": "시각",
}


class AccountPanel(LiveWidget):
    """Positions of an account with their live profit, its open orders and its deposit.

    An open order is cancelled by its button, after a question in the page. Profit is before fees and tax.

    Args:
        board: of the account; closed with the widget.
        state: the line below.
        now: the broker's time, Asia/Seoul.
        painter: sends what changes.
    """

    _esm = script("common.js", "account.js")
    label = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        board: AccountBoard,
        label: str,
        state: StateLine,
        now: Callable[[], pd.Timestamp],
        painter: Painter = PAINTER,
    ) -> None:
        self._board = board
        self._now = now
        self._sent_version: tuple[int, int, int] | None = None
        super().__init__(state, painter, label=label)

    @property
    def state(self) -> StreamState:
        """That of the account: ``live``, ``lost`` or ``closed``."""
        return self._board.state

    def _end(self) -> None:
        self._board.close(self._now())

    def _changes(self, everything: bool, now: float) -> Message | None:
        version = self._board.version
        if not everything and version == self._sent_version:
            return None
        self._sent_version = version
        self._state.count(version[2], now)
        return {"k": "all" if everything else "d", **self._board.values()}, {}

    def _on_request(self, content: dict[str, Any]) -> None:
        number = content.get("cancel")
        if isinstance(number, str) and any(one["number"] == number for one in self._board.values()["orders"]):
            self._board.cancel(number)

    def snapshot(self) -> str:
        """Plain HTML tables of the account now, with their time: for saved notebooks, GitHub and e-mail."""
        values = self._board.values()
        sums = {"예수금": values["deposit"].get("deposit"), "주문가능": values["deposit"].get("orderable")}
        known = [f"{title} {value:,}원" for title, value in sums.items() if value is not None]
        caption = html.escape(" · ".join([self.label, self._state.caption(), *known]))
        return _table(caption, _POSITION, values["positions"]) + _table("미체결", _ORDER, values["orders"])

    def __repr__(self) -> str:
        return f"<{self.label}: {self._board.state!r}>"


def _table(caption: str, titles: Mapping[str, str], rows: list[dict[str, Any]]) -> str:
    head = "".join(f'<th style="text-align:right">{title}</th>' for title in titles.values())
    body = "".join(f"<tr>{''.join(_cell(name, row) for name in titles)}</tr>" for row in rows)
    empty = f'<tr><td colspan="{len(titles)}">없음</td></tr>'
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body or empty}</table>"


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    colour = ""
    if name in ("profit", "rate") and value:
        colour = f";color:{'#c8102e' if value > 0 else '#0b4fc2'}"
    if name == "rate":
        text = f"{value:+.2f}%"
    elif name == "profit":
        text = f"{value:+,}"
    elif name == "limit" and not value:
        text = "시장가"
    elif isinstance(value, str):
        text = html.escape(value)
    else:
        text = f"{value:,.0f}"
    return f'<td style="text-align:right{colour}">{text}</td>'
