"""Session methods for widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from koalab.dates import seoul
from koalab.sessions.core import Codes, exchange_sessions
from koalab.sessions.live import LiveMethods

if TYPE_CHECKING:
    from koalab.live.readable import StreamState
    from koalab.widgets.state_line import StateLine
    from koalab.widgets.ticker import Ticker


class WidgetMethods(LiveMethods):
    """Widgets that show live data in a notebook."""

    def ticker(self, *codes: Codes, columns: Sequence[str] | None = None, progress: bool = True) -> Ticker:
        """A live table of quotes as a widget: ``kw.ticker("삼성전자", "000660")``, or a list of codes.

        It begins with one TR per 100 codes (OPTKWFID) and follows every trade and best quote, ten times a second. It
        ends when its cell is run again or cleared, with ``close()``, or with the session.

        Args:
            codes: codes or names, or lists of them.
            columns: of 종목명 현재가 대비 등락률 거래량 체결량 매도호가 매수호가 스프레드 체결강도 추이 시각, or in
                English ``name price change change_rate volume trade_volume ask bid spread strength trend time``;
                None: all.
            progress: show a bar when the first quotes take longer than a second.

        Returns:
            A ``Ticker``; its trait ``selected`` is the code of the row that was chosen, ``on_select(fn)`` follows it.

        Raises:
            BadInput, UnknownCode: before anything is sent.
            NotConnected, NoAnswer: the codes could not be registered.
        """
        from koalab.widgets.ticker import Ticker, check_columns

        shown = check_columns(columns)
        table = self.live([code for one in codes for code in self._codes(one)[0]], progress=progress)
        return Ticker(table, shown, self._state_line(lambda: table.state, len(table)))

    def _state_line(self, state: Callable[[], StreamState], issues: int) -> StateLine:
        """How live a stream of this session is, as a line."""
        from koalab.widgets.state_line import StateLine

        return StateLine(
            state,
            issues,
            "모의투자" if self._link.last_status().simulation else "실서버",
            lambda: seoul(self._link.now()),
            lambda at: exchange_sessions().current(at) is not None,
            lambda: self._hub.reconnects,
        )
