"""What stands in the real-time strings: the identities between their fields, signs, and what is absent."""

from __future__ import annotations

import random
from datetime import date

import pytest

from kernel_server import reference
from kernel_server.reference import price_rules
from kernel_server.simulated.exchange.interface import ExpectedPrice, Interruption, Level, Tape, Trade
from kernel_server.simulated.exchange.quotes.quote_rule import FollowedQuotes, QuoteRule, QuoteState
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime import market_hours, vi_strings
from kernel_server.simulated.realtime.book_strings import NO_EXPECTED_TRADE, BookStrings
from kernel_server.simulated.realtime.string_parts import PriceTexts
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.settings import BrokerSettings
from tests.support.simulated_broker import GRT, moment, sessions

DEFAULT = BrokerSettings()
NOON = moment("2022-01-18 12:00:05")


def tape_of(code: str = "005930", base: int = 10_000, **values: object) -> Tape:
    fixed = {
        "code": code,
        "base": base,
        "upper": 13_000,
        "lower": 7_000,
        "previous_volume": 1_000,
        "previous_value": 10_000_000,
        "shares": 1_000_000,
        "last": base,
    }
    return Tape(**{**fixed, **values})  # type: ignore[arg-type]


def traded(tape: Tape, price: int, volume: int, side: Side, time: str = "120005") -> Trade:
    """Keeps the tape as an exchange does."""
    tape.last = price
    tape.volume += volume
    tape.value += price * volume
    if not tape.open:
        tape.open, tape.open_time = price, time
    if price > tape.high:
        tape.high, tape.high_time = price, time
    if not tape.low or price < tape.low:
        tape.low, tape.low_time = price, time
    if side is Side.BUY:
        tape.buys, tape.buy_count = tape.buys + volume, tape.buy_count + 1
    if side is Side.SELL:
        tape.sells, tape.sell_count = tape.sells + volume, tape.sell_count + 1
    return Trade(tape.code, NOON, price, volume, side)


def trade_fields(
    tape: Tape,
    trade: Trade,
    ask: int = 10_010,
    bid: int = 9_990,
    phase: Phase = Phase.CONTINUOUS,
    settings: BrokerSettings = DEFAULT,
) -> dict[int, str]:
    text = TradeStrings(tape, settings, PriceTexts(tape.base)).traded(trade, tape, ask, bid, phase)
    return dict(
        zip(reference.realtype("주식체결").fids, text.split("\t"), strict=settings.trade_fields == 43)
    )


def writers(tape: Tape, settings: BrokerSettings = DEFAULT) -> tuple[TradeStrings, BookStrings]:
    colours = PriceTexts(tape.base)
    trades = TradeStrings(tape, settings, colours)
    return trades, BookStrings(trades, settings, colours)


def book_fields(
    books: BookStrings,
    asks: list[Level],
    bids: list[Level],
    tape: Tape,
    expected: ExpectedPrice = NO_EXPECTED_TRADE,
    phase: Phase = Phase.CONTINUOUS,
) -> dict[int, str]:
    text = books.depth(NOON, asks, bids, tape, expected, phase)
    assert text is not None
    return dict(zip(reference.realtype("주식호가잔량").fids, text.split("\t"), strict=True))


def test_the_identities_hold_on_every_trade() -> None:
    draw = random.Random(20220118)
    tape = tape_of()
    for _ in range(300):
        price = draw.randrange(7_000, 13_001, 10)
        trade = traded(tape, price, draw.randrange(1, 500), draw.choice([Side.BUY, Side.SELL]))
        field = trade_fields(tape, trade)
        number = {fid: float(text) for fid, text in field.items() if text.strip() and fid != 20}
        assert number[13] == tape.volume
        assert number[11] == price - 10_000
        assert number[12] == pytest.approx((price - 10_000) / 100, abs=0.006)
        assert number[26] == tape.volume - 1_000
        assert number[29] == tape.value - 10_000_000
        assert abs(number[14] * 1_000_000 - tape.value) <= 500_000
        assert abs(number[30]) == pytest.approx(tape.volume / 10, abs=0.006)
        assert (number[30] < 0) == (tape.volume < 1_000)
        assert abs(number[822]) == pytest.approx(tape.value / 100_000, abs=0.006)
        assert number[31] == pytest.approx(tape.volume / 10_000, abs=0.006)
        assert number[311] == pytest.approx(price / 100, abs=0.5)
        assert number[1030] + number[1031] == tape.volume
        assert number[1071] + number[1072] == tape.sell_count + tape.buy_count
        if tape.sells:
            assert number[228] == pytest.approx(number[1031] / number[1030] * 100, abs=0.006)
        assert abs(number[1032]) == pytest.approx(number[1031] / tape.volume * 100, abs=0.006)
        assert field[1032].startswith("-") == (2 * number[1031] < tape.volume)
        assert number[1313] == trade.side * (price * trade.volume // 1000)
        assert number[1314] == number[15] == trade.side * trade.volume
        assert number[1315] + number[1316] == number[1314]
        assert (number[1497], number[1498]) == (price * 2 // 5, price * 8 // 25)
        assert number[620] == pytest.approx(tape.value / tape.volume, abs=0.5)
        assert tuple(abs(int(field[fid])) for fid in (16, 17, 18)) == (tape.open, tape.high, tape.low)


@pytest.mark.parametrize(
    ("price", "written", "change", "rate", "direction"),
    [
        (10_000, "10000", "0", "0.00", "3"),
        (10_010, "+10010", "+10", "+0.10", "2"),
        (9_990, "-9990", "-10", "-0.10", "5"),
        (13_000, "+13000", "+3000", "+30.00", "1"),
        (7_000, "-7000", "-3000", "-30.00", "4"),
    ],
)
def test_the_sign_of_a_price_is_its_colour(
    price: int, written: str, change: str, rate: str, direction: str
) -> None:
    tape = tape_of()
    field = trade_fields(tape, traded(tape, price, 1, Side.BUY))
    assert (field[10], field[11], field[12], field[25]) == (written, change, rate, direction)
    assert field[16] == field[17] == field[18] == written


def test_a_trade_in_an_auction_has_a_blank_for_its_side() -> None:
    tape = tape_of()
    field = trade_fields(tape, traded(tape, 10_000, 138, Side.NONE))
    assert field[15] == " 138"
    assert field[1313] == " 1380"
    assert [field[fid] for fid in (1315, 1316, 1314)] == [" 0", " 0", " 0"]
    assert [field[fid] for fid in (1030, 1031, 1032, 228)] == ["0", "0", "0.00", "0.00"]


def test_the_limits_have_times_once_they_are_reached() -> None:
    tape = tape_of()
    field = trade_fields(tape, traded(tape, 12_990, 1, Side.BUY, "090001"))
    assert (field[567], field[568]) == ("000000", "000000")
    traded(tape, 13_000, 1, Side.BUY, "100002")
    field = trade_fields(tape, traded(tape, 7_000, 1, Side.SELL, "110003"))
    assert (field[567], field[568]) == ("100002", "110003")
    assert (field[1890], field[1891], field[1892]) == ("090001", "100002", "110003")


def test_a_side_without_quotes() -> None:
    tape = tape_of()
    trade = traded(tape, 13_000, 1, Side.BUY)
    assert trade_fields(tape, trade, ask=0)[27] == "-0"
    assert trade_fields(tape, trade, bid=0)[28] == "0"
    assert trade_fields(tape, trade, bid=0, settings=BrokerSettings(no_quote="-0"))[28] == "-0"
    assert writers(tape)[1].best(0, 13_000) == "0\t+13000"


@pytest.mark.parametrize(
    ("phase", "session"),
    [(Phase.OPENING_AUCTION, "1"), (Phase.CONTINUOUS, "2"), (Phase.AFTER_CLOSE, "3")],
)
def test_the_session_of_a_trade(phase: Phase, session: str) -> None:
    tape = tape_of()
    assert trade_fields(tape, traded(tape, 10_000, 1, Side.BUY), phase=phase)[290] == session


def test_an_issue_without_a_day_before() -> None:
    tape = tape_of(previous_volume=0, previous_value=0)
    field = trade_fields(tape, traded(tape, 10_000, 7, Side.BUY))
    assert (field[26], field[30], field[822]) == ("+7", "0.00", "0.00")


@pytest.mark.parametrize("count", [1, 42, 43])
def test_an_older_server_sends_fewer_fields(count: int) -> None:
    tape = tape_of()
    field = trade_fields(tape, traded(tape, 10_000, 7, Side.BUY), settings=BrokerSettings(trade_fields=count))
    assert tuple(field) == reference.realtype("주식체결").fids[:count]


def test_a_whole_book() -> None:
    tape = tape_of(volume=77)
    _, books = writers(tape)
    asks = [Level(10_010 + 10 * n, 100 + n) for n in range(10)]
    bids = [Level(10_000 - 10 * n, 200 + n) for n in range(10)]
    field = book_fields(books, asks, bids, tape)
    assert field[21] == "120005"
    for place in range(10):
        assert (field[41 + place], field[61 + place]) == (f"+{10_010 + 10 * place}", str(100 + place))
        assert field[51 + place].lstrip("-") == str(10_000 - 10 * place)
        assert field[71 + place] == str(200 + place)
        assert (field[81 + place], field[91 + place]) == ("0", "0")
    assert (field[51], field[52]) == ("10000", "-9990")
    assert (field[121], field[122], field[125], field[126]) == ("1045", "0", "2045", "0")
    assert (field[128], field[129], field[138], field[139]) == ("+1000", "195.69", "-1000", "51.10")
    assert (field[13], field[215]) == ("77", "3")


def test_changes_since_the_book_before() -> None:
    tape = tape_of()
    for mode, first, second in (("price", "-30", "+5"), ("place", "-30", "-145")):
        _, books = writers(tape, BrokerSettings(level_change=mode))  # type: ignore[arg-type]
        book_fields(
            books, [Level(10_010, 100), Level(10_020, 200), Level(10_030, 50)], [Level(10_000, 9)], tape
        )
        field = book_fields(books, [Level(10_010, 70), Level(10_030, 55)], [Level(10_000, 9)], tape)
        assert (field[81], field[82], field[83]) == (first, second, "0")
        assert (field[121], field[122], field[125], field[126]) == ("125", "-225", "9", "0")
        assert (field[43], field[63]) == ("0", "0")


@pytest.mark.parametrize("mode", ["price", "place"])
def test_a_book_whose_changes_are_known_is_written_like_any(mode: str) -> None:
    quotes = QuoteRule(price_rules.rules(date(2026, 3, 18), "KOSPI"), 7_000, 13_000, 500.0, 77)
    followed = FollowedQuotes(quotes)
    tape = tape_of()
    (_, known), (_, compared) = (
        writers(tape, BrokerSettings(level_change=mode))  # type: ignore[arg-type]
        for _ in range(2)
    )
    steps = [QuoteState(10_000, Side.BUY, 3, change) for change in (0, 1, 2, 3, 3, 9)]
    steps += [QuoteState(10_010, Side.BUY, 4, change) for change in range(9)]
    steps += [QuoteState(price, Side.SELL, 5, 0) for price in (10_010, 10_000, 7_010, 7_000, 7_010)]
    for state in steps:
        asks, bids = followed.at(state)
        same = (tape, NO_EXPECTED_TRADE, Phase.CONTINUOUS)
        text = known.depth(NOON, asks, bids, *same)
        assert text == compared.depth(NOON, list(asks), list(bids), *same)


def test_the_same_book_is_no_event() -> None:
    tape = tape_of()
    _, books = writers(tape)
    asks, bids = [Level(10_010, 100)], [Level(9_990, 50)]
    assert books.depth(NOON, asks, bids, tape, NO_EXPECTED_TRADE, Phase.CONTINUOUS)
    assert books.depth(NOON + 1, list(asks), list(bids), tape, NO_EXPECTED_TRADE, Phase.CONTINUOUS) is None
    asks.append(Level(10_020, 1))
    assert books.depth(NOON + 2, asks, bids, tape, NO_EXPECTED_TRADE, Phase.CONTINUOUS)


def test_an_empty_side_of_the_book() -> None:
    tape = tape_of()
    _, books = writers(tape)
    field = book_fields(books, [], [Level(13_000, 5)], tape)
    assert {field[fid] for fid in range(41, 51)} == {"0"}
    assert (field[121], field[128], field[129], field[139]) == ("0", "+5", "0.00", "0.00")


def test_a_book_in_an_auction_shows_what_it_would_give() -> None:
    tape = tape_of()
    _, books = writers(tape)
    asks, bids = [Level(10_010, 100)], [Level(9_990, 50)]
    during = book_fields(books, asks, bids, tape, ExpectedPrice(10_100, 300), Phase.CLOSING_AUCTION)
    assert (during[23], during[24], during[299]) == ("+10100", "300", "-30.00")
    assert (during[200], during[201], during[238]) == ("+100", "+1.00", "2")
    assert [during[fid] for fid in range(291, 296)] == ["+10100", "300", "2", "+100", "+1.00"]
    assert during[215] == "2"
    later = book_fields(books, asks, bids[:0], tape, ExpectedPrice(10_100, 300), Phase.CONTINUOUS)
    assert later[23] == "+10100"
    assert [later[fid] for fid in range(291, 296)] == ["-0", "0", "3", "0", "0.00"]


def test_an_expected_trade() -> None:
    tape = tape_of(volume=5)
    trades, _ = writers(tape)
    assert trades.expected(NOON, ExpectedPrice(9_900, 40), tape) == "120005\t-9900\t-100\t-1.00\t40\t5\t5"
    assert trades.expected(NOON, NO_EXPECTED_TRADE, tape) == "120005\t-0\t0\t0.00\t0\t5\t3"
    assert len(reference.realtype("주식예상체결").fids) == 7


def test_where_the_day_stands_is_what_the_last_trade_said() -> None:
    """주식시세 has 22 fields, all of them in 주식체결 too."""
    tape = tape_of()
    trade = traded(tape, 10_100, 1_500, Side.BUY)
    trades, _ = writers(tape)
    names = reference.realtype("주식시세").fids
    field = dict(zip(names, trades.quoted(tape, 10_010, 9_990).split("\t"), strict=True))
    known = trade_fields(tape, trade)
    assert field == {fid: known[fid] for fid in names}


def test_the_notices_of_a_day() -> None:
    known = sessions(date(2022, 1, 17), date(2022, 1, 19))
    day = [
        notice.text().split("\t")
        for notice in market_hours.notices_after(known, moment("2022-01-18 08:00"))
        if notice.time < moment("2022-01-19 00:00")
    ]
    assert day[0] == ["0", "083000", "003000"]
    assert ["0", "085900", "000100"] in day
    assert day.count(["3", "090000", "000000"]) == 1
    closing = [(time, left) for code, time, left in day if code == "2"]
    assert closing[:2] == [("152000", "001000"), ("152100", "000900")]
    assert closing[-6:] == [("152900", "000100")] + [(f"1529{n}0", f"0000{6 - n}0") for n in range(1, 6)]
    assert [code for code, time, _ in day if time > "153000"] == ["a", "b", "c", "8", "d", "9"]
    assert [time for _, time, _ in day] == sorted(time for _, time, _ in day)


def test_the_notices_of_a_day_with_an_after_market() -> None:
    known = sessions(date(2026, 9, 11), date(2026, 9, 15))
    for codes in (("U", "V"), ("e", "f")):
        day = [
            notice.text().split("\t")
            for notice in market_hours.notices_after(known, moment("2026-09-14 15:31"), after_market=codes)
            if notice.time < moment("2026-09-15 00:00")
        ]
        assert [code for code, _, _ in day] == ["a", "b", codes[0], "8", codes[1], "9"]
        assert [time for _, time, _ in day] == ["154000", "160000", "160000", "160000", "200000", "200000"]


def test_notices_go_on_with_the_next_session() -> None:
    known = sessions(date(2022, 1, 14), date(2022, 1, 19))  # a Friday
    first = next(market_hours.notices_after(known, moment("2022-01-14 18:00")))
    assert first.time == moment("2022-01-17 08:30")
    assert next(market_hours.notices_after(known, moment("2022-01-19 18:00")), None) is None


def test_a_volatility_interruption() -> None:
    """The values of a row seen on the REST feed: up from 3,490 to 3,860 against the static base."""
    tape = tape_of("900290", base=3_400, open=3_490, volume=5_063, value=19_300_000)
    halted = Interruption("900290", moment("2022-01-18 11:43:59"), 3_860, static=3_490)
    field = vi_strings.vi_values(halted, GRT, tape, DEFAULT)
    assert [field[fid] for fid in (9001, 302, 13, 14)] == ["900290", "GRT", "5063", "19"]
    assert [field[fid] for fid in (9068, 9008, 9075, 1221)] == ["1", "101", "1", "3860"]
    assert [field[fid] for fid in (1223, 1224, 1225)] == ["114359", "000000", "정적"]
    assert [field[fid] for fid in (1236, 1237, 1238, 1239)] == ["3490", "0", "+10.60", "0.00"]
    assert [field[fid] for fid in (1489, 1490, 9069, 1279)] == ["+10.60", "1", "1", "+정적"]
    assert field.keys() == set(reference.realtype("VI발동/해제").fids)
    released = halted._replace(released=moment("2022-01-18 11:46:11"))
    over = vi_strings.vi_values(released, GRT, tape, DEFAULT)
    assert {fid: text for fid, text in over.items() if text != field[fid]} == {9068: "2", 1224: "114611"}
    falling = Interruption("900290", NOON, 2_700, dynamic=2_875)
    down = vi_strings.vi_values(falling, GRT, tape, DEFAULT)
    assert [down[fid] for fid in (9068, 9069, 1225, 1239, 1279)] == ["1", "2", "동적", "-6.09", "-동적"]


def test_the_code_of_an_interruption_may_come_behind_a_letter() -> None:
    halted = Interruption("900290", NOON, 3_860, static=3_490)
    plain, behind = (
        vi_strings.vi_text(halted, GRT, tape_of("900290"), BrokerSettings(interruption_code=code))
        for code in ("plain", "prefixed")
    )
    assert plain.split("\t")[0] == "900290"
    assert behind == f"A{plain}"


def test_what_9068_of_an_interruption_says_can_be_chosen() -> None:
    falling = Interruption("900290", NOON, 2_700, static=3_000)
    way = vi_strings.vi_values(falling, GRT, tape_of("900290"), BrokerSettings(interruption_flag="way"))
    assert (way[9068], way[9069]) == ("2", "2")
