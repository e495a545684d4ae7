"""주식체결 byte for byte: what was recorded of 005930 on 2022-01-18 comes out when its inputs go in."""

from __future__ import annotations

from datetime import datetime

import pytest

from kernel_server import reference
from kernel_server.clock import KST
from kernel_server.simulated.exchange.interface import Tape, Trade
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime.book_strings import BookStrings
from kernel_server.simulated.realtime.string_parts import PriceTexts
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.settings import BrokerSettings

BASE = 77_500
PREVIOUS_VOLUME = 8_785_122
# Recorded as 678,903 백만원. FID 14 and 620 of the eight trades leave it between 678,903,103,700 won, below which
# the first VWAP would be 77221, and 678,903,139,700 won, from which the sixth trade's value was one more.
PREVIOUS_VALUE = 678_903_120_000
SHARES = 5_969_782_550

SAME = "+77600 +77800 -76600 5"
TIMES = "000000 000000 11814 090003 100015 133453"
# One line a trade, its fields between blanks, "_0" for the zero with a blank before it.
RECORDED = [
    f"142942 -77100 -400 -0.52 -77100 -76900 +3 7884712 608869 {SAME} -900410 -70033816000 -89.75 0.13 201 61.12"
    f" 4602702 2 0 -89.68 {TIMES} 4817707 2944634 -37.93 30338 31739 +231 _0 +3 +3 30840 24672 77222 411",
    f"142943 -77000 -500 -0.65 -77100 -77000 +20 7884732 608871 {SAME} -900390 -70032276000 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.68 {TIMES} 4817707 2944654 -37.94 30338 31740 +1540 _0 +20 +20 30800 24640 77222 410",
    f"142945 -77000 -500 -0.65 -77100 -77000 -262 7884994 608891 {SAME} -900128 -70012102000 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.69 {TIMES} 4817969 2944654 -37.93 30339 31740 -20174 -262 _0 -262 30800 24640 77221 410",
    f"142945 -77000 -500 -0.65 -77100 -77000 -3 7884997 608891 {SAME} -900125 -70011871000 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.69 {TIMES} 4817972 2944654 -37.93 30340 31740 -231 -3 _0 -3 30800 24640 77221 410",
    f"142946 -77100 -400 -0.52 -77100 -77000 +3 7885000 608891 {SAME} -900122 -70011639700 -89.75 0.13 201 61.12"
    f" 4602702 2 0 -89.69 {TIMES} 4817972 2944657 -37.93 30340 31741 +231 _0 +3 +3 30840 24672 77221 411",
    f"142946 -77000 -500 -0.65 -77100 -77000 -1 7885001 608892 {SAME} -900121 -70011562700 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.69 {TIMES} 4817973 2944657 -37.93 30341 31741 -77 -1 _0 -1 30800 24640 77221 410",
    f"142947 -77000 -500 -0.65 -77100 -77000 -10 7885011 608892 {SAME} -900111 -70010792700 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.69 {TIMES} 4817983 2944657 -37.93 30342 31741 -770 -10 _0 -10 30800 24640 77221 410",
    f"142947 -77000 -500 -0.65 -77100 -77000 -1 7885012 608892 {SAME} -900110 -70010715700 -89.75 0.13 201 61.12"
    f" 4596733 2 0 -89.69 {TIMES} 4817984 2944657 -37.93 30343 31741 -77 -1 _0 -1 30800 24640 77221 410",
]
LINES = [line.replace(" ", "\t").replace("_", " ") for line in RECORDED]
FIDS = reference.realtype("주식체결").fids


def inputs(line: str) -> tuple[Trade, Tape, int, int]:
    """The trade, the tape after it and the best quotes, as the recorded fields tell them."""
    field = dict(zip(FIDS, line.split("\t"), strict=False))
    hour, minute, second = (int(field[20][at : at + 2]) for at in (0, 2, 4))
    time = datetime(2022, 1, 18, hour, minute, second, tzinfo=KST).timestamp()
    quantity = int(field[15])
    price = abs(int(field[10]))
    trade = Trade("005930", time, price, abs(quantity), Side.BUY if quantity > 0 else Side.SELL)
    tape = Tape(
        "005930",
        BASE,
        100_500,
        54_300,
        PREVIOUS_VOLUME,
        PREVIOUS_VALUE,
        SHARES,
        price,
        *(abs(int(field[fid])) for fid in (16, 17, 18)),
        volume=int(field[13]),
        value=PREVIOUS_VALUE + int(field[29]),
        buys=int(field[1031]),
        sells=int(field[1030]),
        buy_count=int(field[1072]),
        sell_count=int(field[1071]),
        open_time=field[1890],
        high_time=field[1891],
        low_time=field[1892],
    )
    return trade, tape, abs(int(field[27])), abs(int(field[28]))


@pytest.mark.parametrize("line", LINES)
def test_a_recorded_trade(line: str) -> None:
    trade, tape, ask, bid = inputs(line)
    settings = BrokerSettings(trade_fields=42, volume_pace="11814")
    writer = TradeStrings(tape, settings, PriceTexts(tape.base))
    assert writer.traded(trade, tape, ask, bid, Phase.CONTINUOUS) == line


def test_the_trades_follow_from_each_other() -> None:
    """One tape, kept up as an exchange keeps it, gives all of them."""
    first, tape, ask, bid = inputs(LINES[0])
    writer = TradeStrings(tape, BrokerSettings(trade_fields=42, volume_pace="11814"), PriceTexts(BASE))
    written = [writer.traded(first, tape, ask, bid, Phase.CONTINUOUS)]
    for line in LINES[1:]:
        trade, _, ask, bid = inputs(line)
        tape.last = trade.price
        tape.volume += trade.volume
        tape.value += trade.price * trade.volume
        if trade.side is Side.BUY:
            tape.buys += trade.volume
            tape.buy_count += 1
        else:
            tape.sells += trade.volume
            tape.sell_count += 1
        written.append(writer.traded(trade, tape, ask, bid, Phase.CONTINUOUS))
    assert written == LINES


@pytest.mark.parametrize(
    ("ask", "bid", "text"), [(77000, 76900, "-77000\t-76900"), (77100, 77000, "-77100\t-77000")]
)
def test_recorded_best_quotes(ask: int, bid: int, text: str) -> None:
    _, tape, _, _ = inputs(LINES[0])
    colours = PriceTexts(BASE)
    assert (
        BookStrings(TradeStrings(tape, BrokerSettings(), colours), BrokerSettings(), colours).best(ask, bid)
        == text
    )


def test_a_newer_server_appends_a_field() -> None:
    trade, tape, ask, bid = inputs(LINES[0])
    text = TradeStrings(tape, BrokerSettings(volume_pace="11814"), PriceTexts(BASE)).traded(
        trade, tape, ask, bid, Phase.CONTINUOUS
    )
    assert text.count("\t") == len(FIDS) - 1 == 42
    assert text.startswith(LINES[0] + "\t")
