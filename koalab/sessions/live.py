"""Session methods for live data: streams of real-time events."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Final, Literal, overload

from koalab.errors import BadInput
from koalab.inputs.arguments import whole_number
from koalab.live.decoding.fields import require_streamed
from koalab.live.events import (
    BestQuote,
    ExpectedTrade,
    IndexTick,
    LiveBook,
    MarketPhase,
    Tick,
    VolatilityInterruption,
)
from koalab.live.hub import Hub
from koalab.live.open_streams import OpenStreams
from koalab.live.stream import EventStream
from koalab.live.table import LiveTable
from koalab.sessions.charts import ChartMethods
from koalab.sessions.core import Codes, exchange_sessions, several_of
from koalab.sessions.market_data import MarketDataMethods

KEEP: Final = 1_000_000
"""Events that a stream keeps by default."""

_MOST_KEPT: Final = 10**9
# A table has the newest values itself: its streams need no events.
_TABLE_KEEPS: Final = 100
# Types that belong to no issue: registered with a blank code, or with codes of indices.
_WITHOUT_ISSUES: Final = frozenset({"장시작시간"})
_OF_INDICES: Final = frozenset({"업종지수"})


class LiveMethods(ChartMethods, MarketDataMethods):
    """Streams of live data, all over one connection."""

    @cached_property
    def _hub(self) -> Hub:
        return Hub(self._link)

    @cached_property
    def _open_streams(self) -> OpenStreams:
        return OpenStreams(
            self._hub,
            exchange_sessions,
            self._link.now,
            lambda: self._link.last_status().speed,
            self._link.source,
        )

    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["주식체결"] = ..., keep: int | None = ...
    ) -> EventStream[Tick]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["주식우선호가"], keep: int | None = ...
    ) -> EventStream[BestQuote]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["주식호가잔량"], keep: int | None = ...
    ) -> EventStream[LiveBook]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["주식예상체결"], keep: int | None = ...
    ) -> EventStream[ExpectedTrade]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["업종지수"], keep: int | None = ...
    ) -> EventStream[IndexTick]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["장시작시간"], keep: int | None = ...
    ) -> EventStream[MarketPhase]: ...
    @overload
    def ticks(
        self, codes: Codes = ..., *, realtype: Literal["VI발동/해제"], keep: int | None = ...
    ) -> EventStream[VolatilityInterruption]: ...

    def ticks(
        self, codes: Codes = (), *, realtype: str = "주식체결", keep: int | None = KEEP
    ) -> EventStream[Any]:
        """Live events of some issues, from now on (SetRealReg, OnReceiveRealData). No TR.

        >>> with kw.ticks(["005930", "000660"]) as stream:  # doctest: +SKIP
        ...     for tick in stream:
        ...         print(tick.code, tick.time, tick.price, tick.volume)

        Args:
            codes: codes or names; of indices for 업종지수; none for 장시작시간.
            realtype: 주식체결, 주식우선호가, 주식호가잔량, 주식예상체결, 업종지수, 장시작시간 or VI발동/해제.
            keep: the number of newest events that the stream keeps; None: all.

        Returns:
            An ``EventStream``: an iterator and asynchronous iterator over objects of ``koalab.live.events``, with
            ``on(fn)``, ``to_frame()``, ``state``, ``gaps`` and ``close()``. It reconnects by itself.

        Raises:
            NotConnected, NoAnswer: the codes could not be registered.
        """
        require_streamed(realtype)
        kept = None if keep is None else whole_number("keep", keep, 1, _MOST_KEPT)
        wanted = self._codes_of(codes, realtype)
        self._link.retrying(self._link.require_login)
        return self._open_streams.open(realtype, wanted, kept)

    def books(self, codes: Codes, *, keep: int | None = KEEP) -> EventStream[LiveBook]:
        """The order books of some issues as they change (주식호가잔량): ten levels a side, with totals. No TR.

        Arguments and errors as for ``ticks``.
        """
        return self.ticks(codes, realtype="주식호가잔량", keep=keep)

    def live(self, codes: Codes, *, progress: bool = True) -> LiveTable:
        """A table of the newest quotes of some issues, kept current. It begins with one TR per 100 codes (OPTKWFID).

        Args:
            codes: codes or names.
            progress: show a bar when the first quotes take longer than a second.

        Returns:
            A ``LiveTable``: ``frame()``, ``on(fn)`` with the rows that changed, ``state``, ``close()``.

        Raises:
            NotConnected, NoAnswer: the codes could not be registered.
        """
        wanted = self._codes_of(codes, "주식체결")
        self._link.require_login()
        with ExitStack() as opened:
            trades, best_quotes = (
                opened.enter_context(self._open_streams.open(one, wanted, _TABLE_KEEPS))
                for one in ("주식체결", "주식우선호가")
            )
            # Follows the streams before it asks, so that no trade is missed while the quotes are on their way.
            table = LiveTable(wanted, [self._name(code) for code in wanted], trades, best_quotes)
            table.begin(self.quotes(wanted, progress=progress))
            opened.pop_all()
        return table

    def _codes_of(self, codes: Codes, realtype: str) -> Sequence[str]:
        if realtype in _WITHOUT_ISSUES:
            if not isinstance(codes, tuple) or codes:
                raise BadInput(f"{realtype} belongs to no issue: leave the codes out")
            return ("",)
        if realtype in _OF_INDICES:
            given, _ = several_of(codes, "an index is a name or code", "KOSPI")
            wanted = list(dict.fromkeys(self._indices.resolve(one) for one in given))
        else:
            wanted = self._codes(codes)[0]
        if not wanted:
            raise BadInput("no codes: give at least one")
        return wanted

    def close(self) -> None:
        """Ends the session: ends streams and registrations, and stops an embedded server."""
        self._open_streams.close()
        self._hub.close()
        super().close()
