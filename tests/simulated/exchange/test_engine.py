"""The exchange as the broker sees it: what it trades is what the bars say, in the order of time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel_server.reference.sessions import load
from kernel_server.simulated.exchange import generated_script
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import ExpectedPrice, QueuedShares
from kernel_server.simulated.exchange.tape import tape_at
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.phases import NEXTRADE_PHASES, Phase
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Side
from tests.simulated.exchange.test_script import rows_of
from tests.support.exchange import (
    CODE,
    DAY,
    RecordingWatcher,
    SteppedExchange,
    hand_market,
    hand_sessions,
    scripted,
)
from tests.support.market_calendar import LATE, at, weekdays
from tests.support.simulated_broker import MUTE, bars

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE
CODES = ["005930", "247540", "069500"]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


@pytest.fixture(scope="module")
def whole_day(market: SyntheticMarket) -> SteppedExchange:
    """Three issues watched from before the opening auction to the end of the day."""
    return stepped_through(market)


def stepped_through(market: SyntheticMarket, seed: int = 1, until: str = "18:30") -> SteppedExchange:
    floor = SteppedExchange(market, "2026-03-18 08:00", weekdays, seed)
    for code in CODES:
        floor.exchange.subscribe(code)
    floor.settle(until)
    return floor


def grouped(notes: RecordingWatcher, code: str) -> list[list[int]]:
    """The watched trades of a code in the regular session as rows: minute, open, high, low, close, volume."""
    rows: dict[int, list[int]] = {}
    for trade in notes.trades:
        if trade.code == code and trade.time <= at("2026-03-18", "15:30"):
            minute = int(trade.time // 60 * 60)
            row = rows.setdefault(minute, [minute, trade.price, trade.price, trade.price, trade.price, 0])
            row[2], row[3], row[4] = max(row[2], trade.price), min(row[3], trade.price), trade.price
            row[5] += trade.volume
    return list(rows.values())


def test_tapes_prepared_together_are_those_that_each_issue_has_alone(market: SyntheticMarket) -> None:
    codes = ["000000", *sorted(market.issues())[::90]]
    both = [SteppedExchange(market, "2026-03-18 14:00", weekdays, 1).exchange for _ in range(2)]
    turns = 1
    while not both[0].prepare_tapes(codes):
        turns += 1
        assert turns < 10 * len(codes)
    assert turns > len(codes) / 12  # so that no turn holds the control thread for long
    for code in codes[1:]:
        prepared, alone = (exchange.trades(code) for exchange in both)
        assert len(prepared) > 0
        assert list(prepared) == list(alone)
        assert both[0].tape(code) == both[1].tape(code)


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_a_watched_day_comes_out_as_the_markets_minutes(
    market: SyntheticMarket, whole_day: SteppedExchange, code: str
) -> None:
    minutes = market.minute(code, False, at("2026-03-18", "15:30"), 1)
    assert grouped(whole_day.notes, code) == rows_of(minutes)
    tape = whole_day.exchange.tape(code)
    day = market.daily(code, False, at("2026-03-18", "18:00"), 2)
    assert (tape.open, tape.high, tape.low, tape.last) == tuple(
        int(getattr(day, name)[-1]) for name in ("open", "high", "low", "close")
    )
    assert tape.volume == int(day.volume[-1]) + after_the_close(whole_day, code)
    assert (tape.base, tape.previous_volume) == (int(day.close[0]), int(day.volume[0]))


def after_the_close(floor: SteppedExchange, code: str) -> int:
    """Shares traded in 장후 시간외종가, which stand in no bar."""
    trades = floor.exchange.trades(code)
    return sum(trade.volume for trade in trades if trade.time > at("2026-03-18", "15:30"))


def test_what_is_told_comes_in_the_order_of_time(whole_day: SteppedExchange) -> None:
    times = [float(time) for kind, *rest in whole_day.notes.all for time in [_time(kind, rest)]]
    assert times == sorted(times)
    seen = [trade for trade in whole_day.notes.trades if trade.code == CODE]
    assert seen == list(whole_day.exchange.trades(CODE))


def _time(kind: object, rest: list[object]) -> float:
    found = rest[0].time if kind == "traded" else rest[1]  # type: ignore[attr-defined]
    assert isinstance(found, float)
    return found


def test_the_tape_adds_up_its_trades(whole_day: SteppedExchange) -> None:
    tape, trades = whole_day.exchange.tape(CODE), whole_day.exchange.trades(CODE)
    assert tape.value == sum(trade.price * trade.volume for trade in trades)
    for side, shares, count in [(BUY, tape.buys, tape.buy_count), (SELL, tape.sells, tape.sell_count)]:
        own = [trade.volume for trade in trades if trade.side is side]
        assert (sum(own), len(own)) == (shares, count)
    assert tape.open_time == "090000"
    high = next(trade for trade in trades if trade.price == tape.high)
    assert tape.high_time == f"{_clock(high.time)}"


def _clock(time: float) -> str:
    second = int(time - at("2026-03-18"))
    return f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"


def test_phases_are_told_as_they_begin(whole_day: SteppedExchange) -> None:
    hours = ["08:30", "08:40", "09:00", "15:20", "15:30", "15:40", "16:00", "18:00"]
    others = NEXTRADE_PHASES | {Phase.CLOSED, Phase.AFTER_MARKET}
    phases = [phase for phase in Phase if phase not in others]
    expected = [
        (phase, at("2026-03-18", time)) for phase, time in zip([*phases, Phase.CLOSED], hours, strict=True)
    ]
    assert whole_day.notes.phases == expected


def test_the_auctions_expectations_come_to_what_they_trade(whole_day: SteppedExchange) -> None:
    for start, end in [("08:30", "09:00"), ("15:20", "15:30")]:
        seen = [
            (time, expected)
            for code, time, expected in whole_day.notes.expectations
            if code == CODE and at("2026-03-18", start) <= time <= at("2026-03-18", end)
        ]
        auction = next(
            trade
            for trade in whole_day.notes.trades
            if trade.code == CODE and trade.time >= at("2026-03-18", end)
        )
        assert auction.side is NONE
        assert len(seen) > 60
        assert seen[-1][1] == ExpectedPrice(auction.price, auction.volume)
        assert len({expected.price for _, expected in seen}) > 1
    between = [time for _, time, _ in whole_day.notes.expectations]
    assert not [t for t in between if at("2026-03-18", "09:00") < t < at("2026-03-18", "15:20")]


def test_the_same_seed_makes_the_same_day_and_another_seed_another(market: SyntheticMarket) -> None:
    first, second, other = (stepped_through(market, seed, "09:05") for seed in (1, 1, 2))
    assert first.notes.all == second.notes.all
    assert first.exchange.depth(CODE) == second.exchange.depth(CODE)
    assert first.notes.trades != other.notes.trades


@pytest.mark.slow
def test_who_comes_in_midday_finds_the_tape_as_if_watched_all_along(market: SyntheticMarket) -> None:
    early, late = (
        stepped_through(market, until="11:00"),
        SteppedExchange(market, "2026-03-18 11:00", weekdays),
    )
    unwatched = late.exchange.tape(CODE), late.exchange.trades(CODE)
    late.exchange.subscribe(CODE)
    late.work_off()
    found = early.exchange.tape(CODE), early.exchange.trades(CODE)
    assert found == unwatched == (late.exchange.tape(CODE), late.exchange.trades(CODE))
    assert late.notes.trades == []
    early.settle("11:10")
    late.settle("11:10")
    assert late.notes.trades == [
        t for t in early.notes.trades if t.code == CODE and t.time > at("2026-03-18", "11:00")
    ]
    assert len(late.notes.trades) > 50


def test_no_callback_comes_after_unsubscribing(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    floor.exchange.subscribe(CODE)
    floor.exchange.subscribe(CODE)
    floor.exchange.unsubscribe(CODE)
    floor.settle("10:01")
    told = len(floor.notes.all)
    assert told
    floor.exchange.unsubscribe(CODE)
    floor.settle("10:05")
    assert len(floor.notes.all) == told
    floor.settle("16:00")
    assert floor.clock.next_due() is None


def test_outside_hours_the_newest_session_is_on_the_tape(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 08:00", weekdays)
    day = market.daily(CODE, False, at("2026-03-17", "18:00"), 1)
    assert floor.exchange.phase() is Phase.CLOSED
    tape = floor.exchange.tape(CODE)
    assert (tape.open, tape.high, tape.low, tape.last) == tuple(
        int(getattr(day, name)[-1]) for name in ("open", "high", "low", "close")
    )
    floor.leap("08:30")
    tape = floor.exchange.tape(CODE)
    assert (tape.volume, tape.base, tape.last) == (0, int(day.close[-1]), int(day.close[-1]))
    assert not floor.exchange.trades(CODE)


def test_a_new_day_begins_with_an_empty_tape(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 15:00", weekdays)
    floor.exchange.subscribe(CODE)
    floor.settle("23:59")
    close = floor.exchange.tape(CODE).last
    floor.clock.advance(60)
    floor.settle("08:31")
    assert floor.exchange.tape(CODE).base == close
    assert floor.exchange.tape(CODE).volume == 0
    floor.settle("09:00:30")
    assert floor.notes.trades[-1].time >= at("2026-03-19", "09:00")


def test_a_late_day_opens_late(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, f"{LATE} 09:50", weekdays)
    floor.exchange.subscribe(CODE)
    floor.settle("09:59:59")
    assert floor.notes.trades == []
    floor.settle("10:00")
    assert [trade.side for trade in floor.notes.trades] == [NONE]


class Counting(SyntheticMarket):
    """It counts whose minutes are asked for."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, weekdays)
        self.asked: list[str] = []

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        self.asked.append(code)
        return super().minute(code, adjusted, now, days)


def test_a_day_is_planned_in_a_turn_and_once() -> None:
    market = Counting(7)
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    several = list(market.issues())[:20]
    for code in several:
        floor.exchange.subscribe(code)
    assert (market.asked, floor.turns) == ([], 0)
    floor.work_off()
    assert market.asked == several
    assert floor.turns >= 10
    for code in several:
        floor.exchange.tape(code)
    floor.settle("10:01")
    assert market.asked == several
    assert {trade.code for trade in floor.notes.trades} == set(several)


def test_the_days_of_another_morning_are_planned_in_turns_too() -> None:
    market = Counting(7)
    floor = SteppedExchange(market, "2026-03-18 18:10", weekdays)
    several = list(market.issues())[:20]
    for code in several:
        floor.exchange.subscribe(code)
    floor.work_off()
    market.asked.clear()
    floor.settle("23:59:59")
    floor.clock.advance(1)
    floor.leap("08:30")
    before = floor.turns
    floor.work_off()
    assert market.asked == several
    assert floor.turns - before >= 10


def test_an_issue_unsubscribed_before_its_turn_is_not_planned() -> None:
    market = Counting(7)
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    floor.exchange.subscribe(CODE)
    floor.exchange.unsubscribe(CODE)
    floor.exchange.subscribe("000660")
    floor.settle("10:01")
    assert market.asked == ["000660"]


def test_an_issue_without_data_delays_no_other(caplog: pytest.LogCaptureFixture) -> None:
    market = hand_market()
    market.listing = [*market.listing, MUTE]
    market.minutes = {CODE: bars([(20220118100000, 77600, 77800, 77500, 77700, 4000)])}
    floor = SteppedExchange(market, f"{DAY} 09:30", hand_sessions)
    for code in (MUTE.code, CODE):
        floor.exchange.subscribe(code)
    floor.settle("10:01")
    assert {trade.code for trade in floor.notes.trades} == {CODE}
    assert MUTE.code in caplog.text


def test_the_order_of_registration_makes_no_difference(market: SyntheticMarket) -> None:
    floors = [SteppedExchange(market, "2026-03-18 10:00", weekdays) for _ in range(2)]
    for floor, listed in zip(floors, (CODES, CODES[::-1]), strict=True):
        for code in listed:
            floor.exchange.subscribe(code)
        floor.settle("10:05")
    assert floors[0].notes.all == floors[1].notes.all


def test_a_backlog_is_worked_off_in_several_turns(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    for code in CODES:
        floor.exchange.subscribe(code)
    floor.work_off()
    before = floor.turns
    floor.leap("10:20")
    floor.work_off()
    told = len(floor.notes.all)
    assert told > 1000
    assert floor.turns - before > told / 2 / 250
    assert floor.notes.trades == sorted(floor.notes.trades, key=lambda trade: trade.time)


def test_depth_is_there_for_watched_and_unwatched_issues(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    floor.exchange.subscribe(CODES[0])
    floor.work_off()
    for code in CODES:
        asks, bids = floor.exchange.depth(code)
        assert (len(asks), len(bids)) == (10, 10)
        assert bids[0].price < asks[0].price
        assert floor.exchange.tape(code).last in (bids[0].price, asks[0].price)


def test_a_book_needs_no_trades_before_the_newest_ones(
    market: SyntheticMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated_script, "_TRADES_A_PART", 20)

    def left(exchange: SimulatedExchange) -> int:
        """Turns in which trades of the day so far are made."""
        turns = 0
        while not exchange.prepare_tapes([CODE]):
            turns += 1
        return turns

    whole, read = (SteppedExchange(market, "2026-03-18 14:00", weekdays).exchange for _ in range(2))
    assert read.base(CODE)
    assert read.trades(CODE).newest() is not None
    assert read.depth(CODE)[0]
    assert read.last_time(CODE)
    assert read.closing_price_queue(CODE) == QueuedShares(0, 0)
    parts = left(whole)
    assert parts > 5
    assert left(read) >= parts - 2  # the minute that has begun and the one before may be in two parts


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-18 08:20",
        "2026-03-18 08:35",
        "2026-03-18 09:00:00.001",
        "2026-03-18 14:00",
        "2026-03-18 15:25",
        "2026-03-18 15:35",
        "2026-03-18 15:50",
        "2026-03-18 17:00",
        "2026-11-17 15:50",
        "2026-11-17 16:30",
        "2026-11-17 19:59",
        "2026-11-18 07:00",
    ],
)
def test_what_a_book_shows_is_that_of_the_tape_and_of_a_watched_issue(
    market: SyntheticMarket, moment: str
) -> None:
    alone = SteppedExchange(market, moment, weekdays).exchange
    watched = SteppedExchange(market, moment, weekdays)
    for code in CODES:
        watched.exchange.subscribe(code)
    watched.work_off()
    for code in CODES:
        shown = [
            (
                exchange.base(code),
                exchange.trades(code).newest(),
                [list(side) for side in exchange.depth(code)],
                exchange.closing_price_queue(code),
                exchange.last_time(code),
            )
            for exchange in (alone, watched.exchange)
        ]
        assert shown[0] == shown[1]
        tape, trades = alone.unsettled_tape(code), alone.trades(code)
        assert (tape.base, tape.last_time) == (shown[0][0], shown[0][-1])
        assert shown[0][1] == (trades[-1] if trades else None)


def test_an_issue_that_is_not_listed_has_no_tape(market: SyntheticMarket) -> None:
    floor = SteppedExchange(market, "2026-03-18 10:00", weekdays)
    floor.exchange.subscribe("999999")
    floor.settle("10:10")
    assert floor.notes.trades == []
    with pytest.raises(LookupError, match="999999"):
        floor.exchange.tape("999999")


def test_a_day_without_minutes_is_its_daily_bar_once_it_is_over() -> None:
    floor = SteppedExchange(hand_market(), f"{DAY} 15:29", hand_sessions)
    assert floor.exchange.tape(CODE).volume == 0
    floor.leap("15:30")
    tape = floor.exchange.tape(CODE)
    assert (tape.open, tape.high, tape.low, tape.last, tape.volume) == (77600, 77800, 76600, 77000, 7715780)
    assert (tape.base, tape.upper, tape.lower) == (77500, 100500, 54300)


def test_minutes_made_by_hand_are_traded_too() -> None:
    market = hand_market()
    market.minutes = {CODE: bars([(20220118100000, 77600, 77800, 77500, 77700, 4000)])}
    floor = SteppedExchange(market, f"{DAY} 09:30", hand_sessions)
    floor.exchange.subscribe(CODE)
    floor.settle("10:01")
    tape = floor.exchange.tape(CODE)
    assert (tape.open, tape.high, tape.low, tape.last, tape.volume) == (77600, 77800, 77500, 77700, 4000)


def test_recorded_trades_take_the_place_of_drawn_ones() -> None:
    floor = scripted([("10:00:00", 77_600, 5, BUY), ("10:00:01", 77_500, 7, SELL)])
    floor.settle("10:05")
    assert [(t.price, t.volume, t.side) for t in floor.notes.trades] == [(77_600, 5, BUY), (77_500, 7, SELL)]


@pytest.mark.parametrize("closing", ["15:30:00", "15:30:12"])
def test_the_pause_begins_when_the_closing_auction_is_over(closing: str) -> None:
    floor = scripted([("10:00:00", 77_600, 5, BUY), (closing, 77_700, 100, NONE)])
    floor.settle("15:45")
    told = [note for note in floor.notes.all if note[0] in ("traded", "phase")]
    assert [note[1] for note in told[-3:] if note[0] == "phase"] == [Phase.PAUSE, Phase.AFTER_CLOSE]
    assert told[-3][1] == floor.notes.trades[-1]
    assert floor.notes.phases[-2:] == [(Phase.PAUSE, at(DAY, closing)), (Phase.AFTER_CLOSE, at(DAY, "15:40"))]


def test_a_trade_of_an_unknown_side_has_none() -> None:
    trades = [("10:00:00", 77_600, 5, NONE), ("10:00:01", 77_500, 7, NONE), ("10:00:02", 77_500, 1, SELL)]
    floor = scripted(trades)
    floor.settle("10:05")
    assert [(t.price, t.volume, t.side) for t in floor.notes.trades] == [each[1:] for each in trades]


def test_trades_that_run_on_into_the_closing_auction_come_in_order() -> None:
    trades = [("15:19:59", 77_600, 5, BUY), ("15:24:00", 77_500, 7, SELL), ("15:30:00", 77_500, 1, NONE)]
    floor = scripted(trades, "15:00")
    floor.settle("15:31")
    times = [note[2] if note[0] != "traded" else note[1].time for note in floor.notes.all]
    assert times == sorted(times)
    assert [t.price for t in floor.notes.trades] == [77_600, 77_500, 77_500]


def test_after_close_nothing_more_happens() -> None:
    floor = scripted([("10:00:00", 77_600, 5, BUY)])
    floor.exchange.close()
    floor.settle("10:05")
    assert floor.notes.all == []


def test_a_callback_that_reads_a_late_issue_while_it_catches_up_finds_its_current_state() -> None:
    floor = SteppedExchange(SyntheticMarket(1, load, minute_sessions=5), "2026-11-19 12:00", load)
    exchange, seen = floor.exchange, []
    exchange.subscribe("005930")
    floor.work_off()

    def quoted(code: str, time: float) -> None:
        asks, bids = exchange.depth(code)
        assert exchange.tape(code).volume >= 0
        seen.append((time, asks[0].price, bids[0].price))

    floor.notes.on_quote = quoted  # type: ignore[method-assign]
    floor.leap("12:50")  # hours of events are due, and nobody has had a turn
    assert exchange.tape("005930").volume
    assert len(seen) > 1000
    assert seen == sorted(seen, key=lambda one: one[0])
    assert all(bid < ask for _, ask, bid in seen)


def test_a_tape_is_the_same_whichever_moments_were_read_before(market: SyntheticMarket) -> None:
    plan = SteppedExchange(market, "2026-03-18 20:00", weekdays).exchange._plan(CODE)
    opens, closes = plan.hours.opens, plan.hours.closes
    moments = [opens + (closes - opens) * part / 7 for part in (1, 1, 5, 2, 7, 3)]
    read = [tape_at(plan, plan.script.count_by(moment), moment) for moment in moments]
    for moment, tape in zip(moments, read, strict=True):
        count = plan.script.count_by(moment)
        assert tape == tape_at(replace(plan), count, moment)
        prices = plan.script[:count].price
        assert (tape.high, tape.low, tape.last) == (prices.max(), prices.min(), prices[-1])
