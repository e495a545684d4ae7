"""opt10079, opt10003 and opt10004 over an exchange of hand-made trades."""

from __future__ import annotations

import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.trs.order_book import OrderBooks
from kernel_server.simulated.trs.tick_chart import INTERVALS, TickCharts
from tests.support.tr_handlers import HandExchange, ask, stock, tape, trade

CODE = "300120"
NOW = "2019-11-20 16:00"
ISSUES = {CODE: stock(CODE, market="KOSDAQ")}
DAY = "2019-11-20 "

# The end of the session whose rows were recorded, and before it trades that bring its totals to where they were.
OPENING = [
    (7_059, 15_500, "09:00:05", Side.NONE),
    (56_072, 15_300, "10:00:00", Side.BUY),
    (33_906, 15_700, "11:00:00", Side.SELL),
    (69_571, 15_750, "12:00:00", Side.SELL),
]
RECORDED = [
    (51, 15_450, "15:19:35", Side.BUY),
    (1, 15_450, "15:19:39", Side.BUY),
    (57, 15_400, "15:19:55", Side.SELL),
    (3, 15_350, "15:19:55", Side.SELL),
    (6989, 15_350, "15:30:21", Side.NONE),
    (138, 15_350, "15:40:00", Side.NONE),
    (10, 15_350, "15:41:23", Side.SELL),
    (100, 15_350, "15:51:21", Side.SELL),
    (60, 15_350, "15:58:32", Side.SELL),
]


def exchange(rows: list[tuple[int, int, str, Side]]) -> HandExchange:
    trades = [trade(CODE, DAY + at, price, volume, side) for volume, price, at, side in rows]
    return HandExchange({CODE: tape(CODE, 15_950, 20_700, 11_200)}, {CODE: trades})


def many(count: int) -> HandExchange:
    sides = (Side.BUY, Side.SELL)
    return exchange(
        [
            (
                1 + n % 7,
                15_000 + n * 37 % 11 * 50,
                f"{9 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}",
                sides[n % 2],
            )
            for n in range(count)
        ]
    )


def test_trades_are_written_as_recorded() -> None:
    _, rows = ask(TickCharts(ISSUES, exchange(OPENING + RECORDED)).handlers(), "opt10003", NOW, 종목코드=CODE)
    told = [",".join(row.values()) for row in rows[: len(RECORDED)]]
    assert told == [
        "155832,-15350,-600,-3.76,-15400,-15350,-60,5,174017,2709119750,54.12",
        "155121,-15350,-600,-3.76,-15400,-15350,-100,5,173957,2708198750,54.15",
        "154123,-15350,-600,-3.76,-15400,-15350,-10,5,173857,2706663750,54.20",
        # An auction belongs to neither side, so it moves the totals and leaves the strength where it was.
        "154000,-15350,-600,-3.76,-15400,-15350, 138,5,173847,2706510250,54.21",
        "153021,-15350,-600,-3.76,-15400,-15350, 6989,5,173709,2704391950,54.21",
        # -15450 was recorded as the best ask here: what stood in the book does not follow from the trades.
        "151955,-15350,-600,-3.76,-15400,-15350,-3,5,166720,2597110800,54.21",
        "151955,-15400,-550,-3.45,-15450,-15400,-57,5,166717,2597064750,54.21",
        "151939,-15450,-500,-3.13,-15450,-15400,+1,5,166660,2596186950,54.24",
        "151935,-15450,-500,-3.13,-15450,-15400,+51,5,166659,2596171500,54.24",
    ]


def test_pages_of_trades_go_on_where_they_ended_after_any_new_trade() -> None:
    held = many(95)
    handlers = TickCharts(ISSUES, held).handlers()
    answer, rows = ask(handlers, "opt10003", NOW, 종목코드=CODE)
    assert (len(rows), answer.after) == (30, 65)
    held.traded[CODE].append(trade(CODE, DAY + "15:41:00", 15_000, 9, Side.BUY))
    seen = list(rows)
    while answer.after is not None:
        answer, rows = ask(handlers, "opt10003", NOW, answer.after, 종목코드=CODE)
        seen += rows
    totals = [int(row["누적거래량"]) for row in seen]
    assert len(seen) == 95
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] == abs(int(seen[-1]["체결거래량"]))
    assert sum(abs(int(row["체결거래량"])) for row in seen) == totals[0]


@pytest.mark.parametrize("interval", INTERVALS)
def test_ticks_of_any_size_hold_the_same_trades(interval: str) -> None:
    held = many(2000)
    answer, rows = ask(
        TickCharts(ISSUES, held).handlers(), "opt10079", NOW, 종목코드=CODE, 틱범위=interval, 수정주가구분="1"
    )
    pages = [rows]
    first = answer.single
    while answer.after is not None:
        answer, rows = ask(
            TickCharts(ISSUES, held).handlers(),
            "opt10079",
            NOW,
            answer.after,
            종목코드=CODE,
            틱범위=interval,
            수정주가구분="1",
        )
        pages.append(rows)
    trades = held.traded[CODE]
    every = [row for page in pages for row in page][::-1]
    many_ = int(interval)
    assert len(every) == -(-len(trades) // many_)
    assert all(len(page) == 900 for page in pages[:-1])
    for n in (0, 1, len(every) // 2, len(every) - 1):
        part = trades[n * many_ : (n + 1) * many_]
        prices = [one.price for one in part]
        found = every[n]
        assert [abs(int(found[name])) for name in ("시가", "고가", "저가", "현재가")] == [
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
        ]
        assert int(found["거래량"]) == sum(one.volume for one in part)
        assert found["현재가"].startswith("-")  # all of them are below 기준가
    assert first == [CODE, str(len(trades) - (len(every) - 1) * many_)]
    assert every[-1]["체결시간"].startswith("20191120")


def test_an_issue_without_trades_has_no_ticks() -> None:
    handlers = TickCharts(ISSUES, exchange([])).handlers()
    for tr, inputs in (("opt10079", {"틱범위": "1"}), ("opt10003", {})):
        answer, rows = ask(handlers, tr, NOW, 종목코드=CODE, **inputs)
        assert (rows, answer.after) == ([], None)
        assert answer.message


def test_an_issue_the_exchange_does_not_know_has_nothing() -> None:
    unknown = HandExchange({})
    handlers = TickCharts(ISSUES, unknown).handlers() | OrderBooks(ISSUES, unknown).handlers()
    for tr in ("opt10079", "opt10003", "opt10004"):
        answer, rows = ask(handlers, tr, NOW, 종목코드=CODE, 틱범위="1")
        assert (rows, answer.after) == ([], None)
        assert answer.message


@pytest.mark.parametrize("inputs", [{"틱범위": "2"}, {"틱범위": ""}, {"틱범위": "1", "수정주가구분": "7"}])
def test_bad_ticks_are_refused(inputs: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        ask(TickCharts(ISSUES, many(3)).handlers(), "opt10079", NOW, 종목코드=CODE, **inputs)


def test_an_unknown_code_is_refused() -> None:
    for tr in ("opt10079", "opt10003", "opt10004"):
        handlers = TickCharts(ISSUES, many(3)).handlers() | OrderBooks(ISSUES, many(3)).handlers()
        with pytest.raises(TrRejected):
            ask(handlers, tr, NOW, 종목코드="999999", 틱범위="1")


def test_the_order_book_with_its_odd_names() -> None:
    held = exchange(OPENING + RECORDED[:4])
    held.asks = [Level(15_400 + 50 * n, 10 + n) for n in range(10)]
    held.bids = [Level(15_350 - 50 * n, 20 + n) for n in range(7)]
    _, rows = ask(OrderBooks(ISSUES, held).handlers(), "opt10004", "2019-11-20 15:19:58", 종목코드=CODE)
    book = rows[0]
    assert book["호가잔량기준시간"] == "151958"
    assert [book[f"매도{name}호가"] for name in ("최우선", "2차선", "6차선", "10차선")] == [
        "-15400",
        "-15450",
        "-15650",
        "-15850",
    ]
    assert [book[name] for name in ("매도최우선잔량", "매도2차선잔량", "매도6우선잔량")] == ["10", "11", "15"]
    assert [book[name] for name in ("매수최우선호가", "매수6우선호가", "매수7차선호가")] == [
        "-15350",
        "-15100",
        "-15050",
    ]
    assert [book[name] for name in ("매수최우선잔량", "매수6우선잔량", "매수8차선잔량")] == ["20", "25", "0"]
    assert (book["총매도잔량"], book["총매수잔량"]) == (str(sum(range(10, 20))), str(sum(range(20, 27))))
    # The newest trade took three shares from the best bid.
    assert (book["매수1차선잔량대비"], book["총매수잔량직전대비"], book["매도1차선잔량대비"]) == (
        "-3",
        "-3",
        "0",
    )
    assert "" not in book.values()


def test_at_night_the_book_is_as_old_as_the_last_trade() -> None:
    held = exchange(OPENING)
    held.at = Phase.CLOSED
    _, rows = ask(OrderBooks(ISSUES, held).handlers(), "opt10004", "2019-11-20 23:00", 종목코드=CODE)
    assert rows[0]["호가잔량기준시간"] == "120000"
