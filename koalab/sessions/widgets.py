"""Session methods for widgets."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from koalab.dates import Day, seoul, span, wall_of
from koalab.errors import BadInput
from koalab.inputs.arguments import flag, one_of
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.loaders.tick_history import newest_ticks, trades_of_last
from koalab.sessions.core import Codes, exchange_sessions
from koalab.sessions.live import LiveMethods
from koalab.sessions.orders import OrderMethods

if TYPE_CHECKING:
    import pandas as pd

    from koalab.live.readable import StreamState
    from koalab.loaders.load import LoadResult
    from koalab.progress import Progress
    from koalab.store.series import Moment
    from koalab.widgets.account_board import AccountBoard
    from koalab.widgets.account_panel import AccountPanel
    from koalab.widgets.bars.chart_board import ChartBoard
    from koalab.widgets.book_board import BookBoard
    from koalab.widgets.chart import LiveChart
    from koalab.widgets.dashboard import Dashboard
    from koalab.widgets.ladder import Ladder
    from koalab.widgets.order_entry import OrderEntry
    from koalab.widgets.state_line import StateLine
    from koalab.widgets.ticker import Ticker

_LADDER_KEEPS: Final = 100
_CHART_KEEPS: Final = 1_000
_DASHBOARD_COLUMNS: Final = ("name", "price", "change", "change_rate", "volume", "strength", "trend")


class WidgetMethods(LiveMethods, OrderMethods):
    """Widgets that show live data in a notebook."""

    def ticker(self, *codes: Codes, columns: Sequence[str] | None = None, progress: bool = True) -> Ticker:
        """A live table of quotes as a widget: ``kw.ticker("삼성전자", "000660")``, or a list of codes.

        It begins with one TR per 100 codes (OPTKWFID) and follows every trade and best quote, eleven times a second. It
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
        return Ticker(table, shown, self._state_line(lambda: table.state, f"{len(table)}종목"))

    def ladder(self, code: str, *, progress: bool = True) -> Ladder:
        """The order book of one issue as a widget (호가창): ten asks and bids with their shares, and the last trades.

        It begins with two TRs (opt10004, OPTKWFID), follows 주식호가잔량, 주식체결 and 주식우선호가, eleven times a
        second, and ends like ``ticker``.

        Args:
            code: code or name of one issue.
            progress: show a bar when the first values take longer than a second.

        Returns:
            A ``Ladder``; its trait ``selected_price`` is the price (KRW) that was chosen by a click or Enter,
            ``on_select(fn)`` follows it. Choosing sends nothing.

        Raises:
            BadInput, UnknownCode: before anything is sent.
            NotConnected, NoAnswer: the code could not be registered.
        """
        from koalab.widgets.ladder import Ladder

        codes, several = self._codes(code)
        if several or len(codes) != 1:
            raise BadInput("a ladder is of one issue: give one code or name")
        return Ladder(*self._open_book(codes[0], progress))

    def _open_book(self, code: str, progress: bool) -> tuple[BookBoard, StateLine]:
        """The order book of one issue, and its line of state."""
        from koalab.widgets.book_board import BookBoard

        with ExitStack() as opened:
            books, trades = (
                opened.enter_context(self._open_streams.open(one, [code], _LADDER_KEEPS))
                for one in ("주식호가잔량", "주식체결")
            )
            table = opened.enter_context(self.live(code, progress=progress))
            board = BookBoard(table, books, trades)
            board.begin(self.orderbook(code, progress=progress))
            opened.pop_all()
        line = self._state_line(lambda: board.state, board.name, lambda: f"체결강도 {board.strength:.2f}")
        return board, line

    def _live_chart(
        self,
        code: str,
        interval: str | int,
        start: Day | None,
        ma: int | Sequence[int] | None,
        adjusted: bool,
        volume: bool,
        progress: bool,
    ) -> LiveChart:
        """See ``chart``."""
        from koalab.widgets.chart import AVERAGES, LiveChart, check_averages, check_interval

        wanted = check_interval(find_interval(interval))
        averages = check_averages(AVERAGES if ma is None else ma)
        codes, several = self._codes(code)
        if several or len(codes) != 1:
            raise BadInput("a live chart is of one issue: give one code or name")
        volume, adjusted = flag("volume", volume), flag("adjusted", adjusted)
        board, line = self._open_bars(codes[0], wanted, start, adjusted, progress)
        return LiveChart(board, averages, volume, line)

    def _open_bars(
        self, code: str, wanted: Interval, start: Day | None, adjusted: bool, progress: bool
    ) -> tuple[ChartBoard, StateLine]:
        """The bars of one issue, from ``start`` or those of the interval's usual range, and their line of state."""
        from koalab.widgets.bars.chart_board import RangeBoard
        from koalab.widgets.bars.tick_bars import TickHistory
        from koalab.widgets.bars.tick_board import TickBoard

        def newest(pages: int, shown: Progress) -> TickHistory:
            bars, found, more, failed = newest_ticks(self._link, code, wanted, adjusted, pages, shown)
            if not found:
                return TickHistory(bars, 0, self._link.now(), more, failed)
            return TickHistory(bars, trades_of_last(found[0]), found[0].received_at, more, failed)

        def load(first: Moment, last: Moment | None, shown: Progress) -> LoadResult:
            until = wall_of(self._link.now()) if last is None else last
            return self._bars.load(code, wanted, first, until, adjusted, shown)

        first, last = span(start, None, self._link.now(), dated=wanted.dated)
        if start is None:
            first = last - wanted.usual_span
        name = self._name(code)
        with ExitStack() as opened:
            # Open before the bars are loaded, so that no trade is missed while they are on their way.
            trades = opened.enter_context(self._open_streams.open("주식체결", [code], _CHART_KEEPS))
            board: ChartBoard = (
                TickBoard(name, wanted, trades, newest)
                if wanted.unit == "tick"
                else RangeBoard(name, wanted, trades, load, self._link.now)
            )
            board.adjusted = adjusted
            with self._progress(f"{name} {wanted.label}", progress) as shown:
                board.begin(first, shown)
            opened.pop_all()
        return board, self._state_line(lambda: board.state, f"{name} {wanted.label}")

    def dashboard(
        self,
        codes: Codes | None = None,
        *,
        interval: str | int | None = None,
        panels: Sequence[str] | None = None,
        name: str = "default",
        account: str | None = None,
        progress: bool = True,
    ) -> Dashboard:
        """Ticker, ladder, live chart, account and an order form as one widget.

        A row that is chosen in the ticker moves ladder, chart and form to that issue (three TRs). A click on a price
        fills the form. An order is sent in two steps: checked by ``kw.guards`` and shown with fee, tax and total, then
        sent, within thirty seconds. What is shown is saved under ``name`` with every change, in KOALAB_STATE_DIR or
        the platform's state folder.

        Args:
            codes: codes or names of the ticker; None: those saved under ``name``.
            interval: of the chart: ``"30tick"``, ``1 3 5 15 60`` minutes or ``"D"``; None: the one saved, or a minute.
            panels: which parts are shown, of ``ticker ladder chart account order``; None: those saved, or all.
            name: of the saved layout: letters, digits, - and _.
            account: its number; None for the first of ``kw.accounts``.
            progress: show a bar when the first values take longer than a second.

        Returns:
            A ``Dashboard``, whose ``ticker``, ``ladder``, ``chart``, ``account`` and ``order`` are its widgets.

        Raises:
            BadInput, UnknownCode: before anything is sent.
            NotConnected, NoAnswer: codes could not be registered, or the account could not be read.
        """
        from koalab.widgets import saved_layout
        from koalab.widgets.chart import AVERAGES, LiveChart
        from koalab.widgets.dashboard import INTERVALS, Dashboard, IssueSources, Parts
        from koalab.widgets.ladder import Ladder
        from koalab.widgets.order_form import OrderForm
        from koalab.widgets.ticker import Ticker

        folder, name = saved_layout.default_folder(), saved_layout.check_name(name)
        layout = saved_layout.load(folder, name) or saved_layout.SavedLayout()
        if interval is not None:
            chosen = find_interval(interval).name
            one_of("interval", chosen, INTERVALS)
            layout = replace(layout, interval=chosen)
        if panels is not None:
            layout = replace(layout, panels=saved_layout.check_panels(panels))
        if codes is None and not layout.codes:
            raise BadInput(f"no dashboard {name} was saved: give its codes")
        found = list(self._codes(layout.codes if codes is None else codes)[0])
        if not found:
            raise BadInput("no codes: give at least one")
        selected = layout.selected if layout.selected in found else found[0]
        layout = replace(layout, codes=tuple(found), selected=selected)

        number = self._number(account)
        simulation = self._link.last_status().simulation
        with ExitStack() as opened:
            table = self.live(found, progress=progress)
            opened.callback(table.close)
            ticker = Ticker(
                table, _DASHBOARD_COLUMNS, self._state_line(lambda: table.state, f"{len(table)}종목")
            )
            opened.callback(ticker.close)
            ladder = Ladder(*self._open_book(selected, progress))
            opened.callback(ladder.close)
            bars, line = self._open_bars(selected, find_interval(layout.interval), None, True, progress)
            chart = LiveChart(bars, AVERAGES, True, line)
            opened.callback(chart.close)
            panel = self.account_panel(account=number)
            opened.callback(panel.close)
            order = OrderForm(
                self._order_entry(number),
                selected,
                self._name(selected),
                not simulation,
                self._state_line(lambda: panel.state, f"계좌 {number[:4]}{'*' * len(number[4:])}"),
            )
            opened.callback(order.close)
            made = Dashboard(
                Parts(ticker, ladder, chart, panel, order),
                IssueSources(
                    lambda code: self._open_book(code, False),
                    lambda code, one: self._open_bars(code, find_interval(one), None, True, False),
                ),
                layout,
                lambda changed: saved_layout.save(folder, name, changed),
            )
            opened.pop_all()
        return made

    def _order_entry(self, number: str) -> OrderEntry:
        """Checks and sends a form's orders. That they are confirmed is the form's second step."""
        from koalab.widgets.order_entry import FormOrder, OrderEntry

        def call(order: FormOrder, **more: Any) -> Any:
            method = self.buy if order.side == "매수" else self.sell
            return method(order.code, order.quantity, order.price, account=number, **more)

        return OrderEntry(lambda order: call(order, dry_run=True), lambda order: call(order, confirm=False))

    def account_panel(self, *, account: str | None = None) -> AccountPanel:
        """An account as a widget: positions with their live profit, open orders to cancel, and the deposit.

        It begins with the account's lists (opt10075, opw00018) and its deposit (opw00001), which is read again after a
        change of the account, at most every ten seconds; positions and orders follow their events, prices follow
        주식체결. An order is cancelled by its button, after a question in the page. It ends like ``ticker``.

        Args:
            account: its number; None for the first of ``kw.accounts``.

        Returns:
            An ``AccountPanel``. Profit is before fees and tax.

        Raises:
            BadInput: there is no such account.
            NotConnected, NoAnswer: the account could not be read.
        """
        from koalab.widgets.account_board import AccountBoard, AccountSources
        from koalab.widgets.account_panel import AccountPanel

        number = self._number(account)
        board = AccountBoard(
            AccountSources(
                self._state(number),
                self._frames(number),
                lambda codes: self.live(codes, progress=False),
                lambda: self.deposit(account=number, progress=False),
                lambda order: self.order(order, account=number).cancel(),
            )
        )
        self._account_boards.add(board)
        label = f"계좌 {number[:4]}{'*' * len(number[4:])}"
        return AccountPanel(board, label, self._state_line(lambda: board.state, label), self._broker_time)

    def close(self) -> None:
        """Ends the session, and its widgets with it: they show their last values."""
        for board in list(self._account_boards):
            board.close(self._broker_time())
        super().close()

    @cached_property
    def _account_boards(self) -> weakref.WeakSet[AccountBoard]:
        return weakref.WeakSet()

    def _broker_time(self) -> pd.Timestamp:
        return seoul(self._link.now())

    def _state_line(
        self, state: Callable[[], StreamState], label: str, more: Callable[[], str] = lambda: ""
    ) -> StateLine:
        from koalab.widgets.state_line import StateLine

        return StateLine(
            state,
            label,
            "모의투자" if self._link.last_status().simulation else "실서버",
            self._broker_time,
            lambda at: exchange_sessions().current(at) is not None,
            lambda: self._hub.reconnects,
            more,
        )
