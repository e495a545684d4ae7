"""Who gets which real-time events: registration, types, removal, and reading inside the event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import pytest

from kernel_server import reference
from kernel_server.clock import SteppedClock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange.interface import (
    NO_EXPECTED_TRADE,
    ExpectedPrice,
    Fill,
    Interruption,
    Level,
    NewOrder,
    SinglePriceState,
    Tape,
    Trade,
)
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime import RealTimePublisher
from kernel_server.simulated.realtime.registry import RealTimeRegistry
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from tests.support.simulated_broker import FUND, GRT, SAMSUNG, HandMarket, Row, bars, moment, sessions

ISSUES = {issue.code: issue for issue in (SAMSUNG, GRT, FUND)}
TRADES = "10;15"
BARS: list[Row] = [
    (20220117, 10_000, 10_200, 9_900, 10_000, 1_000),
    (20220118, 10_000, 10_300, 9_800, 10_100, 2_000),
    (20220119, 10_100, 10_200, 10_000, 10_000, 3_000),
]


def calendar() -> Sessions:
    return sessions(date(2022, 1, 17), date(2022, 1, 19))


class HandExchange:
    """An exchange whose tapes and books are set by hand. ``watched`` counts."""

    def __init__(self, issues: Mapping[str, Issue]) -> None:
        self.watched: Counter[str] = Counter()
        self.now = Phase.CONTINUOUS
        self.tapes = {
            code: Tape(code, 10_000, 13_000, 7_000, 1_000, 10_000_000, issue.shares, 10_000)
            for code, issue in issues.items()
        }
        self.halts: list[Interruption] = []
        self.asks = [Level(10_010, 100)]
        self.bids = [Level(9_990, 50)]

    def subscribe(self, code: str) -> None:
        self.watched[code] += 1

    def unsubscribe(self, code: str) -> None:
        assert self.watched[code] > 0
        self.watched[code] -= 1

    def tape(self, code: str) -> Tape:
        return self.tapes[code]

    def base(self, code: str) -> int:
        return self.tape(code).base

    def trades(self, code: str) -> list[Trade]:
        return []

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        return self.asks, self.bids

    def single_price(self, code: str) -> SinglePriceState:
        return SinglePriceState(self.tape(code), self.asks, self.bids, ExpectedPrice(0, 0))

    def phase(self, code: str = "") -> Phase:
        return self.now

    def interruptions(self, most: int | None = None) -> list[Interruption] | None:
        return self.halts

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        return True

    def expected_price(self, code: str) -> ExpectedPrice:
        return NO_EXPECTED_TRADE

    def interruptions_of(self, code: str) -> list[Interruption]:
        return [each for each in self.interruptions() or () if each.code == code]

    def submit(self, order: NewOrder, filled: Callable[[Fill], None]) -> int:
        raise NotImplementedError

    def cancel(self, number: int, quantity: int | None = None) -> int:
        return 0

    def close(self) -> None: ...


class Desk:
    """A feed and a line that records what it fires; ``inside`` is done within every event."""

    def __init__(
        self, start: str = "2022-01-18 12:00", issues: Mapping[str, Issue] = ISSUES, **settings: object
    ) -> None:
        self.clock = SteppedClock(moment(start))
        self.events: list[tuple[str, str, str]] = []
        self.inside: Callable[[str, str], None] = lambda _key, _type: None
        self.exchange = HandExchange(issues)
        self.registry = RealTimeRegistry(-10)
        self.publisher = RealTimePublisher(
            self,
            self.exchange,
            self.registry,
            BrokerSettings(**settings),  # type: ignore[arg-type]
            issues,
            calendar,
            IndexValues(HandMarket(list(ISSUES.values()), {"005930": bars(BARS)}), calendar),
        )

    def now(self) -> float:
        return self.clock.now()

    def fire(self, name: str, *arguments: str | int) -> None:
        assert name == "OnReceiveRealData"
        key, realtype, data = (str(argument) for argument in arguments)
        self.events.append((key, realtype, data))
        self.inside(key, realtype)

    def GetConnectState(self) -> int:
        return 1

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        # Never inside the call: a stepped clock carries out at once what is due now.
        self.clock.call_at(self.clock.now() + max(seconds, 0.001), work)

    def register(self, codes: str, fids: str = TRADES, option: str = "1", screen: str = "0101") -> None:
        listed = [code for code in codes.split(";") if code]
        assert self.registry.register(screen, listed, fids.split(";"), option) == 0

    def trade(
        self,
        code: str = "005930",
        price: int = 10_010,
        volume: int = 3,
        quotes: tuple[int, int] = (10_010, 9_990),
    ) -> None:
        """A buyer's trade happens, watched or not: the feed has to ask for what it wants."""
        tape = self.exchange.tapes[code]
        tape.last = price
        tape.open, tape.high, tape.low = (
            tape.open or price,
            max(tape.high, price),
            min(tape.low or price, price),
        )
        tape.volume, tape.value = tape.volume + volume, tape.value + price * volume
        tape.buys, tape.buy_count = tape.buys + volume, tape.buy_count + 1
        if self.exchange.watched[code]:
            self.publisher.on_trade(Trade(code, self.now(), price, volume, Side.BUY), tape, *quotes)

    def seen(self) -> list[tuple[str, str]]:
        """Keys and types of the events since the last look."""
        found = [(key, realtype) for key, realtype, _ in self.events]
        self.events.clear()
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nothing_comes_without_a_registration(desk: Desk) -> None:
    desk.trade()
    desk.clock.advance(86400)
    assert desk.seen() == []
    assert not +desk.exchange.watched


def test_a_trade_comes_to_whom_registered_its_code(desk: Desk) -> None:
    desk.register("005930")
    desk.trade("005930")
    desk.trade("900290")
    assert desk.seen() == [("005930", "주식체결")]


def test_all_fields_come_whichever_were_registered(desk: Desk) -> None:
    desk.register("005930", "15")
    desk.trade()
    _, _, data = desk.events[0]
    assert len(data.split("\t")) == len(reference.realtype("주식체결").fids)


@pytest.mark.parametrize(
    ("fids", "types"),
    [
        ("15", {"주식체결"}),  # and 주식예상체결, which comes in auctions only
        ("27", {"주식체결", "주식우선호가"}),
        ("61", {"주식호가잔량"}),
        ("228;41", {"주식체결", "주식호가잔량"}),
        ("9201", set()),
    ],
)
def test_the_fids_decide_which_types_come(desk: Desk, fids: str, types: set[str]) -> None:
    desk.register("005930", fids)
    desk.trade()
    desk.publisher.on_quote("005930", desk.now())
    assert {realtype for _, realtype in desk.seen()} == types


def test_a_tr_registers_every_type_of_its_code(desk: Desk) -> None:
    desk.registry.register_by_tr("0101", ["005930"])
    desk.trade()
    desk.publisher.on_quote("005930", desk.now())
    assert desk.seen() == [("005930", "주식체결"), ("005930", "주식우선호가"), ("005930", "주식호가잔량")]


def test_another_tr_on_the_screen_takes_its_place(desk: Desk) -> None:
    desk.registry.register_by_tr("0101", ["005930"])
    desk.registry.register_by_tr("0101", ["900290"])
    desk.trade("005930")
    desk.trade("900290")
    assert {key for key, _ in desk.seen()} == {"900290"}
    assert +desk.exchange.watched == {"900290": 1}


def test_a_code_on_two_screens_gives_one_event(desk: Desk) -> None:
    desk.register("005930", screen="0101")
    desk.register("005930", screen="0102")
    desk.registry.register_by_tr("0103", ["005930"])
    desk.trade()
    assert desk.seen().count(("005930", "주식체결")) == 1
    assert +desk.exchange.watched == {"005930": 1}
    desk.registry.remove("0101", "005930")
    desk.registry.remove("0103", "ALL")
    desk.trade()
    assert desk.seen() == [("005930", "주식체결")]


def test_option_0_drops_what_the_screen_had_and_1_adds(desk: Desk) -> None:
    desk.register("005930", option="0")
    desk.register("900290", option="1")
    assert +desk.exchange.watched == {"005930": 1, "900290": 1}
    desk.register("069500", option="0")
    assert +desk.exchange.watched == {"069500": 1}
    for code in ISSUES:
        desk.trade(code)
    assert desk.seen() == [("069500", "주식체결")]


def test_option_1_adds_fids_to_a_code(desk: Desk) -> None:
    desk.register("005930", "15")
    desk.register("005930", "61")
    desk.trade()
    desk.publisher.on_quote("005930", desk.now())
    assert [realtype for _, realtype in desk.seen()] == ["주식체결", "주식호가잔량"]


@pytest.mark.parametrize(
    ("screen", "code", "left"),
    [
        ("0101", "005930", {"900290": 1, "005930": 1}),  # still on the other screen
        ("0101", "900290", {"005930": 1}),
        ("0101", "ALL", {"005930": 1}),
        ("ALL", "005930", {"900290": 1}),
        ("ALL", "ALL", {}),
        ("0999", "ALL", {"005930": 1, "900290": 1}),
    ],
)
def test_removal(desk: Desk, screen: str, code: str, left: dict[str, int]) -> None:
    desk.register("005930;900290", screen="0101")
    desk.register("005930", screen="0102")
    desk.registry.remove(screen, code)
    assert +desk.exchange.watched == left
    for each in ("005930", "900290"):
        desk.trade(each)
    assert {key for key, _ in desk.seen()} == left.keys()


def test_a_lost_connection_ends_everything(desk: Desk) -> None:
    desk.register("005930;001", "10;215")
    desk.seen()
    desk.registry.clear()
    assert not +desk.exchange.watched
    desk.trade()
    desk.clock.advance(86400)
    assert desk.seen() == []


def test_codes_that_are_not_listed_give_nothing(desk: Desk) -> None:
    desk.register("999999")
    assert not desk.exchange.watched


def test_an_issue_without_data_gives_nothing_and_does_no_harm(desk: Desk) -> None:
    known = desk.exchange.tape

    def tape(code: str) -> Tape:
        if code == "900290":
            raise LookupError(code)
        return known(code)

    desk.exchange.tape = tape  # type: ignore[method-assign]
    desk.register("900290;005930;101", "10")
    desk.trade("005930")
    desk.publisher.on_phase(Phase.PAUSE, desk.now())
    desk.clock.advance(1)
    assert desk.seen() == [("005930", "주식체결"), ("005930", "주식시세")]
    desk.registry.remove("ALL", "ALL")
    assert not +desk.exchange.watched


# Reading.


def test_values_are_read_inside_the_event_alone(desk: Desk) -> None:
    read: list[str] = []

    def inside(key: str, realtype: str) -> None:
        read.extend(
            desk.publisher.events.GetCommRealData(key, fid) for fid in reference.realtype(realtype).fids
        )
        assert desk.publisher.events.GetCommRealData(realtype, 10) == desk.publisher.events.GetCommRealData(
            key, 10
        )
        assert desk.publisher.events.GetCommRealData(key, 41) == ""  # a FID of another type

    desk.inside = inside
    desk.register("005930")
    assert desk.publisher.events.GetCommRealData("005930", 10) == ""
    desk.trade()
    assert "\t".join(read) == desk.events[0][2]
    assert desk.publisher.events.GetCommRealData("005930", 10) == ""


def test_a_field_that_was_not_sent_is_blank() -> None:
    desk = Desk(trade_fields=42)
    read: list[str] = []
    desk.inside = lambda key, _type: read.extend(
        desk.publisher.events.GetCommRealData(key, fid) for fid in (732, 852)
    )
    desk.register("005930")
    desk.trade()
    assert read[0]
    assert read[1] == ""


def test_an_event_within_an_event_gives_way_to_it_again(desk: Desk) -> None:
    desk.register("005930;900290")
    read: list[str] = []

    def inside(key: str, _type: str) -> None:
        if key == "005930":
            desk.trade("900290", price=10_500)
        read.append(desk.publisher.events.GetCommRealData(key, 10))

    desk.inside = inside
    desk.trade("005930", price=10_010)
    assert read == ["+10500", "+10010"]


def test_a_handler_may_remove_what_it_is_told_of(desk: Desk) -> None:
    desk.register("005930", "27")
    desk.inside = lambda _key, _type: desk.registry.remove("ALL", "ALL")
    desk.trade()
    assert desk.seen() == [("005930", "주식체결")]
    assert not +desk.exchange.watched


# Quotes.


def test_best_quotes_come_when_they_change(desk: Desk) -> None:
    desk.register("005930", "28")
    desk.trade(quotes=(10_010, 9_990))
    desk.trade(quotes=(10_010, 9_990))
    desk.publisher.on_quote("005930", desk.now())
    desk.exchange.bids[0] = Level(10_000, 5)
    desk.publisher.on_quote("005930", desk.now())
    assert [(kind, data) for _, kind, data in desk.events if kind == "주식우선호가"] == [
        ("주식우선호가", "+10010\t-9990"),
        ("주식우선호가", "+10010\t10000"),
    ]


def test_depth_comes_when_it_changes(desk: Desk) -> None:
    desk.register("005930", "61")
    for _ in range(2):
        desk.publisher.on_quote("005930", desk.now())
    desk.exchange.asks.append(Level(10_020, 7))
    desk.publisher.on_quote("005930", desk.now())
    assert [data.split("\t")[61] for _, _, data in desk.events] == ["100", "107"]  # 121


def test_the_book_knows_the_volume_of_the_day(desk: Desk) -> None:
    desk.register("005930", "15;61")
    desk.trade(volume=12)
    desk.publisher.on_quote("005930", desk.now())
    place = reference.realtype("주식호가잔량").fids.index(13)
    assert desk.events[-1][2].split("\t")[place] == "12"


def test_expected_trades_come_in_auctions(desk: Desk) -> None:
    desk.exchange.now = Phase.OPENING_AUCTION
    desk.register("005930", "15;61")
    desk.publisher.on_expected_price(
        "005930", desk.now(), ExpectedPrice(10_100, 9), desk.exchange.tape("005930")
    )
    assert desk.events == [("005930", "주식예상체결", "120000\t+10100\t+100\t+1.00\t9\t0\t2")]
    desk.publisher.on_quote("005930", desk.now())
    place = reference.realtype("주식호가잔량").fids.index(291)
    assert desk.events[-1][2].split("\t")[place] == "+10100"


# Days and the market.


def test_a_new_day_brings_another_base_price(desk: Desk) -> None:
    desk.register("005930")
    desk.trade(price=10_500)
    old = desk.exchange.tapes["005930"]
    desk.exchange.tapes["005930"] = Tape(
        "005930", 10_500, 13_650, 7_350, old.volume, old.value, old.shares, 10_500
    )
    desk.publisher.on_phase(Phase.BEFORE_OPEN, desk.now())
    desk.publisher.on_phase(Phase.CONTINUOUS, desk.now())
    desk.trade(price=10_400)
    assert [data.split("\t")[1] for _, _, data in desk.events] == ["+10500", "-10400"]


def test_the_close_is_told_without_a_trade(desk: Desk) -> None:
    desk.register("005930", "10")
    desk.trade()
    desk.seen()
    desk.publisher.on_phase(Phase.PAUSE, desk.now())
    desk.clock.advance(1)
    assert desk.seen() == [("005930", "주식시세")]


def test_the_close_is_told_in_the_order_of_codes_and_in_parts() -> None:
    desk = Desk()
    desk.register("900290;069500;005930", "10")
    desk.publisher.on_phase(Phase.PAUSE, desk.now())
    desk.clock.advance(1)
    assert desk.seen() == [(code, "주식시세") for code in ("005930", "069500", "900290")]
    many = [f"{number:06d}" for number in range(250)]
    desk = Desk(issues={code: replace(SAMSUNG, code=code) for code in many})
    for screen in range(3):
        desk.register(";".join(many[screen * 100 :][:100]), "10", screen=f"010{screen}")
    desk.publisher.on_phase(Phase.PAUSE, desk.now())
    desk.clock.advance(0.0015)
    assert len(desk.seen()) == 100
    desk.registry.remove("ALL", many[249])
    desk.clock.advance(1)
    assert desk.seen() == [(code, "주식시세") for code in many[100:249]]


def test_an_evening_ends_for_all_issues_though_one_has_no_data() -> None:
    desk = Desk(evening_types=True)
    known = desk.exchange.tape

    def tape(code: str) -> Tape:
        if code == "069500":
            raise LookupError(code)
        return known(code)

    desk.exchange.tape = tape  # type: ignore[method-assign]
    desk.registry.register_by_tr("0101", ["900290", "069500", "005930"])
    desk.publisher.on_phase(Phase.SINGLE_PRICE, desk.now())
    desk.publisher.on_phase(Phase.CLOSED, desk.now())
    assert desk.seen() == []
    desk.clock.advance(1)
    assert desk.seen() == [("005930", "ECN주식시세"), ("900290", "ECN주식시세")]


def test_an_after_market_has_no_single_price_to_end_with() -> None:
    desk = Desk(evening_types=True)
    desk.registry.register_by_tr("0101", ["005930"])
    desk.publisher.on_phase(Phase.AFTER_MARKET, desk.now())
    desk.publisher.on_phase(Phase.CLOSED, desk.now())
    desk.clock.advance(1)
    assert desk.seen() == []


def test_trades_of_the_single_price_session_are_not_written_as_others(desk: Desk) -> None:
    desk.register("005930")
    desk.publisher.on_phase(Phase.SINGLE_PRICE, desk.now())
    desk.trade()
    assert desk.seen() == []


def test_an_index_comes_by_itself_and_watches_nothing(desk: Desk) -> None:
    desk.register("001", "10")
    desk.trade(price=10_300)
    desk.clock.advance(59)
    assert {(key, kind) for key, kind, _ in desk.events} == {("001", "업종지수")}
    assert 1 <= len(desk.events) <= 4
    assert not +desk.exchange.watched


def test_an_index_of_no_shares_gives_nothing_and_does_no_harm(desk: Desk) -> None:
    desk.register("101;001", "10")
    desk.clock.advance(60)
    assert {key for key, _ in desk.seen()} == {"001"}


def test_an_index_that_joins_is_told_no_later_than_one_that_was_there(desk: Desk) -> None:
    desk.register("001", "10")
    desk.clock.advance(60)
    desk.seen()
    desk.register("201", "10", screen="0102")
    desk.clock.advance(60)
    assert {key for key, _ in desk.seen()} == {"001", "201"}
    desk.registry.remove("0101", "001")
    desk.clock.advance(60)
    assert {key for key, _ in desk.seen()} == {"201"}
    desk.registry.remove("ALL", "ALL")
    desk.clock.advance(86_400)
    assert desk.seen() == []


def test_the_countdown_comes_with_any_registration() -> None:
    for codes, fids in (("", "215;20;214"), ("005930", "10")):
        desk = Desk("2022-01-18 08:57:30")
        desk.register(codes, fids)
        desk.clock.advance(150)
        assert desk.events == [
            ("09", "장시작시간", "0\t085800\t000200"),
            ("09", "장시작시간", "0\t085900\t000100"),
            *(("09", "장시작시간", f"0\t0859{n}0\t0000{6 - n}0") for n in range(1, 6)),
            ("09", "장시작시간", "3\t090000\t000000"),
        ]


def test_the_countdown_comes_once_and_stops_with_the_last_registration() -> None:
    desk = Desk("2022-01-18 15:19:30")
    desk.register("", "215")
    desk.register("005930", screen="0102")
    desk.clock.advance(60)
    assert desk.seen() == [("09", "장시작시간")]
    desk.registry.remove("0101", "ALL")
    desk.clock.advance(60)
    assert desk.seen() == [("09", "장시작시간")]
    desk.registry.remove("ALL", "ALL")
    desk.clock.advance(600)
    assert desk.seen() == []
    desk.register("005930")
    desk.clock.advance(600)  # to 15:41:30
    assert [data[0] for _, _, data in desk.events] == ["a"]


def test_removing_and_registering_again_does_not_double_the_countdown() -> None:
    desk = Desk("2022-01-18 15:19:30")
    for _ in range(3):
        desk.register("", "215")
        desk.registry.remove("ALL", "ALL")
    desk.register("", "215")
    desk.clock.advance(60)
    assert desk.seen() == [("09", "장시작시간")]


def test_the_market_key_can_be_chosen() -> None:
    desk = Desk("2022-01-18 15:29:30", market_key="0")
    desk.register("", "215")
    desk.clock.advance(30)
    assert desk.events[-1] == ("0", "장시작시간", "4\t153000\t000000")


def test_an_interruption_comes_to_whom_registered_the_code(desk: Desk) -> None:
    desk.register("005930", "1225")
    for code in ("005930", "900290"):
        desk.publisher.on_interruption(Interruption(code, desk.now(), 11_000, static=10_000))
    assert desk.seen() == [("005930", "VI발동/해제")]
