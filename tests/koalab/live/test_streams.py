"""kw.ticks and kw.books: what a notebook receives of the live market, over the real server."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernel_server.clock import KST
from kernel_server.wire import kernel_pb2
from koalab import BadInput, NoAnswer, UnknownCode
from koalab.live.decoding.fields import live_fields
from koalab.live.events import EVENT_CLASSES, LEVEL_COLUMNS, LiveBook, Tick
from koalab.sessions.session import Session
from tests.support.session import start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until

ONE, OTHER = "005930", "000660"
DAY = "2026-11-20"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=KST)


class Trading:
    """A market in its session, in which time passes on request, and a session with it."""

    def __init__(self, folder: Path, clock: str, **more: Any) -> None:
        self.market = start(folder, at(clock), **more)
        self.kw: Session = self.market.connect()

    def go(self, seconds: float, step: float = 5.0) -> None:
        """Time passes, and everything that it brings has been received."""
        until = self.market.clock.now() + seconds
        while self.market.clock.now() < until:
            self.market.clock.advance(min(step, until - self.market.clock.now()))
            self.market.thread.post(lambda: None).result(HANGS_AFTER)
        self.kw._hub.sync(HANGS_AFTER)

    def until(self, condition: Callable[[], bool]) -> None:
        """Time passes until that is so: what waits for a limit or a login waits for the broker's clock."""

        def passed() -> bool:
            self.go(1)
            return condition()

        wait_until(passed)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path, "10:00:00")
    yield found
    found.market.close()
    wait_until(
        lambda: not [one for one in threading.enumerate() if one.name in ("koalab-live", "koalab-callback")]
    )


class TestTicks:
    def test_come_as_objects_in_the_order_of_their_trades(self, trading: Trading) -> None:
        with trading.kw.ticks([ONE, OTHER]) as stream:
            trading.go(60)
            found = [stream.next(HANGS_AFTER) for _ in range(len(stream))]
        assert {tick.code for tick in found} == {ONE, OTHER}
        assert all(isinstance(tick, Tick) and tick.price > 0 and tick.volume > 0 for tick in found)
        assert [tick.arrived for tick in found] == sorted(tick.arrived for tick in found)
        assert all(at("10:00:00") <= tick.time <= at("10:01:00") for tick in found)
        one = [tick for tick in found if tick.code == ONE]
        totals = [tick.total_volume for tick in one]
        assert [after - before for before, after in itertools.pairwise(totals)] == [
            tick.volume for tick in one[1:]
        ]

    def test_are_the_rows_of_the_frame(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream:
            trading.go(60)
            frame = stream.to_frame()
            ticks = list(received(stream))
        assert list(frame["price"]) == [tick.price for tick in ticks]
        assert [moment.to_pydatetime() for moment in frame.index] == [tick.time for tick in ticks]
        assert frame.index.name == "time"
        assert str(frame.index.dtype) == "datetime64[us, Asia/Seoul]"
        assert frame["volume"].dtype == np.int64
        assert frame["change_rate"].dtype == np.float64
        assert frame.attrs["realtype"] == "주식체결"
        assert (frame.attrs["gaps"], frame.attrs["forgotten"], frame.attrs["trs"]) == (0, 0, 0)

    def test_several_codes_are_a_level_of_the_frame(self, trading: Trading) -> None:
        with trading.kw.ticks([ONE, OTHER]) as stream:
            trading.go(60)
            frame = stream.to_frame()
            assert frame.index.names == ["code", "time"]
            assert set(frame.index.get_level_values("code")) == {ONE, OTHER}
            assert frame.loc[ONE].index.is_monotonic_increasing
            assert len(stream.to_frame(last=3)) == 3

    def test_without_an_event_the_frame_is_empty_and_typed(self, trading: Trading) -> None:
        for realtype in EVENT_CLASSES:
            codes: Any = {"업종지수": "KOSPI", "장시작시간": ()}.get(realtype, ONE)
            with trading.kw.ticks(codes, realtype=realtype) as stream:  # type: ignore[call-overload]
                frame = stream.to_frame()
            assert not len(frame)
            assert str(frame.index.dtype) == "datetime64[us, Asia/Seoul]"
            numeric = [
                field.name for field in live_fields(realtype) if field.kind in ("price", "count", "signed")
            ]
            assert all(frame[name].dtype == np.int64 for name in numeric)

    def test_names_are_taken_for_codes(self, trading: Trading) -> None:
        with trading.kw.ticks("삼성전자") as stream:
            assert stream.codes == (ONE,)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"codes": []}, BadInput),
            ({"codes": "없는종목"}, UnknownCode),
            ({"codes": ONE, "realtype": "주식체결2"}, BadInput),
            ({"codes": ONE, "realtype": 3}, BadInput),
            ({"codes": ONE, "realtype": "장시작시간"}, BadInput),
            ({"codes": ONE, "keep": 0}, BadInput),
            ({"codes": ONE, "keep": 1.5}, BadInput),
            ({"codes": "없는지수", "realtype": "업종지수"}, UnknownCode),
        ],
    )
    def test_bad_input_is_refused_before_anything_is_registered(
        self, trading: Trading, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            trading.kw.ticks(**arguments)
        assert "koalab-live" not in [one.name for one in threading.enumerate()]


class TestOtherTypes:
    def test_books_have_ten_levels_a_side(self, trading: Trading) -> None:
        with trading.kw.books(ONE) as stream:
            trading.go(30)
            book = stream.next(HANGS_AFTER)
        assert isinstance(book, LiveBook)
        assert [
            len(one) for one in (book.ask_prices, book.ask_volumes, book.bid_prices, book.bid_volumes)
        ] == [10] * 4
        assert list(book.ask_prices) == sorted(book.ask_prices)
        assert list(book.bid_prices) == sorted(book.bid_prices, reverse=True)
        assert book.bid < book.ask
        assert book.total_ask >= sum(book.ask_volumes)
        assert (book.expected_price, book.expected_volume, book.expected_change) == (0, 0, 0)
        assert book.newest_expected_price > 0  # that of the opening auction

    def test_books_have_an_expected_trade_while_an_auction_runs(self, tmp_path: Path) -> None:
        closing = Trading(tmp_path, "15:24:00")
        try:
            with (
                closing.kw.books(ONE) as stream,
                closing.kw.ticks(ONE, realtype="주식예상체결") as auction,
            ):
                closing.go(60)
                book = next(stream.to_frame(1).itertuples())
                expected = next(auction.to_frame(1).itertuples())
                assert (book.expected_price, book.expected_volume) == (expected.price, expected.volume)
                assert book.expected_change_rate == expected.change_rate
                assert book.newest_expected_price == book.expected_price
                closing.go(360)
                after = stream.to_frame(1).iloc[0]
            assert (after["expected_price"], after["expected_volume"]) == (0, 0)
        finally:
            closing.market.close()

    def test_the_best_quotes_carry_the_server_s_time(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE, realtype="주식우선호가") as stream:
            trading.go(120)
            quote = stream.next(HANGS_AFTER)
        assert quote.time.timestamp() == pytest.approx(quote.arrived)
        assert 0 < quote.bid < quote.ask

    def test_the_closing_auction_has_expected_trades_and_notices_of_the_hours(self, tmp_path: Path) -> None:
        trading = Trading(tmp_path, "15:19:30")
        with (
            trading.kw.ticks(ONE, realtype="주식예상체결") as expected,
            trading.kw.ticks(realtype="장시작시간") as hours,
            trading.kw.ticks(ONE) as ticks,
        ):
            trading.go(660, step=30)
            assert {notice.phase for notice in received(hours)} >= {"2"}
            last = list(received(expected))[-1]
            closing = list(received(ticks))[-1]
        trading.market.close()
        assert closing.side == 0
        assert closing.time == at("15:30:00")
        assert last.price == closing.price

    @pytest.mark.parametrize("realtype", EVENT_CLASSES)
    def test_every_named_field_is_in_the_object(self, realtype: str) -> None:
        fields = {field.name for field in live_fields(realtype)} | {"code", "time", "arrived"}
        levels = {name for names in LEVEL_COLUMNS.values() for name in names}
        named = set(EVENT_CLASSES[realtype]._fields)
        assert named - set(LEVEL_COLUMNS) == fields - levels
        assert levels <= fields or not levels & fields


class TestConsumers:
    def test_a_loop_goes_on_where_the_last_one_stopped(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream:
            trading.go(60)
            first = [tick for _, tick in zip(range(3), stream, strict=False)]
            second = [tick for _, tick in zip(range(3), stream, strict=False)]
            everything = list(stream.to_frame()["total_volume"])
        read = [tick.total_volume for tick in [*first, *second]]
        assert read[:3] == everything[:3]
        assert len(set(read)) == 6

    def test_iteration_ends_with_the_stream(self, trading: Trading) -> None:
        stream = trading.kw.ticks(ONE)
        trading.go(60)
        count = len(stream)
        stream.close()
        assert len(list(stream)) == count > 0
        assert stream.state == "closed"
        stream.close()

    def test_readers_have_places_of_their_own(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream:
            trading.go(30)
            late, replayed = stream.reader(), stream.reader(replay=True)
            trading.go(30)
            count = len(stream)
            stream.close()
            assert len(list(replayed)) == count
            assert 0 < len(list(late)) < count

    def test_a_wait_has_a_deadline(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream, pytest.raises(NoAnswer, match="주식체결"):
            stream.next(0.01)

    def test_skip_jumps_to_the_next_event_to_come(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream:
            trading.go(60)
            stream.next(HANGS_AFTER)
            assert stream.skip() == len(stream) - 1
            with pytest.raises(NoAnswer):
                stream.next(0.01)

    def test_a_callback_gets_each_event_and_survives_its_own_error(
        self, trading: Trading, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen: list[Tick] = []

        def collect(tick: Tick) -> None:
            seen.append(tick)
            if len(seen) == 1:
                raise ValueError("the user's mistake")

        with trading.kw.ticks(ONE) as stream:
            stop = stream.on(collect)
            trading.go(60)
            becomes(lambda: len(seen), len(stream))
            assert "the user's mistake" in caplog.text
            stop()
            count = len(seen)
            trading.go(30)
            assert len(stream) > count == len(seen)

    def test_async_for_and_anext(self, trading: Trading) -> None:
        async def consume(count: int) -> list[Tick]:
            found = [await anext(stream)]
            async for tick in stream:
                found.append(tick)
                if len(found) == count:
                    break
            return found

        async def both() -> list[Tick]:
            reading = asyncio.ensure_future(consume(5))
            await asyncio.sleep(0)
            await asyncio.to_thread(trading.go, 60)
            return await asyncio.wait_for(reading, HANGS_AFTER)

        with trading.kw.ticks(ONE) as stream:
            found = asyncio.run(both())
            assert [tick.total_volume for tick in found] == list(stream.to_frame()["total_volume"][:5])

    def test_async_iteration_ends_with_the_stream(self, trading: Trading) -> None:
        async def consume() -> int:
            return len([tick async for tick in stream])

        stream = trading.kw.ticks(ONE)
        trading.go(60)
        stream.close()
        assert asyncio.run(consume()) == len(stream)

    def test_what_is_kept_is_bounded_and_what_is_gone_is_counted(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE, keep=5) as stream:
            trading.go(120)
            assert len(stream) == 5
            assert stream.received > 5
            assert stream.to_frame().attrs["forgotten"] == stream.received - 5
            stream.next(HANGS_AFTER)
            assert stream.dropped == stream.received - 5


class TestLife:
    def test_streams_share_one_connection_and_give_codes_back(self, trading: Trading) -> None:
        first, second = trading.kw.ticks(ONE), trading.kw.books([ONE, OTHER])
        assert len([one for one in threading.enumerate() if one.name == "koalab-live"]) == 1
        assert trading.kw.status()["streams"] == 1
        first.close()
        trading.go(30)
        assert len(second) > 0
        second.close()
        becomes(lambda: trading.kw.status()["streams"], 0)

    def test_a_stream_that_nobody_holds_is_closed(self, trading: Trading) -> None:
        trading.kw.ticks(ONE)
        gc.collect()
        becomes(lambda: trading.kw.status()["streams"], 0)

    def test_one_with_a_callback_goes_on(self, trading: Trading) -> None:
        seen: list[Tick] = []
        trading.kw.ticks(ONE).on(seen.append)
        gc.collect()
        trading.go(60)
        wait_until(lambda: len(seen) > 3)

    def test_closing_the_session_ends_all(self, trading: Trading) -> None:
        stream = trading.kw.ticks(ONE)
        stream.on(lambda tick: None)
        trading.kw.close()
        assert stream.state == "closed"
        assert list(stream) == []

    @pytest.mark.parametrize("of", ["ticks", "books", "live", "watch"])
    def test_a_callback_of_what_is_closed_is_refused(self, trading: Trading, of: str) -> None:
        stream = trading.kw.watch(0) if of == "watch" else getattr(trading.kw, of)(ONE)
        stream.close()
        with pytest.raises(BadInput, match=r"no event to come|will not change"):
            stream.on(lambda event: None)

    def test_a_cut_connection_is_a_gap_with_its_reason(self, trading: Trading) -> None:
        with trading.kw.ticks(ONE) as stream:
            trading.go(30)
            trading.kw._link.transport._stub.Fault(fault("cut", 30))
            wait_until(lambda: len(stream.gaps) == 1)
            assert "connection" in stream.gaps["why"].iloc[0]
            trading.go(120)
            becomes(lambda: str(stream.state), "live")
            before = len(stream)
            trading.go(60)
            assert len(stream) > before
            gaps = stream.gaps
        assert len(gaps) == 1
        assert gaps["until"].notna().all()
        assert (gaps["since"] <= gaps["until"]).all()

    def test_silence_of_the_whole_market_makes_it_stale(self, trading: Trading) -> None:
        quiet = "086900"
        with trading.kw.ticks(quiet) as stream:
            trading.go(90)
            assert stream.state == "live"
            trading.kw._link.transport._stub.Fault(fault("silence", 0))
            trading.market.clock.advance(25)
            assert stream.state == "stale"
            assert stream.state.since <= pd.Timestamp(trading.market.clock.now(), unit="s", tz="UTC")

    def test_silence_after_the_close_is_none(self, tmp_path: Path) -> None:
        trading = Trading(tmp_path, "15:30:30")
        with trading.kw.ticks(ONE) as stream:
            trading.go(600, step=60)
            assert stream.state == "live"
        trading.market.close()


def received(stream: Any) -> Iterator[Any]:
    """The events that have been received and not yet been read."""
    for _ in range(len(stream)):
        yield stream.next(HANGS_AFTER)


def fault(kind: str, seconds: float = 0.0) -> kernel_pb2.FaultRequest:
    return kernel_pb2.FaultRequest(kind=kind, seconds=seconds)
