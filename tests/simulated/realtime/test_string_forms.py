"""Every real-time string, whatever it tells: a field for each FID of its type, each in its form, and it reads back."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange.interface import ExpectedPrice, Interruption, Level, Tape, Trade
from kernel_server.simulated.market.phases import Phase, SessionHours
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime.book_strings import LEVELS, BookStrings
from kernel_server.simulated.realtime.market_hours import session_notices
from kernel_server.simulated.realtime.string_parts import PriceTexts
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.realtime.vi_strings import vi_text
from kernel_server.simulated.settings import BrokerSettings
from tests.support.examples import examples
from tests.support.simulated_broker import GRT, SAMSUNG, moment
from tests.support.synthetic_day import SEVERAL, SyntheticDay

GRID = rules(date(2022, 1, 18), "KOSPI")
DEFAULT = BrokerSettings()

PRICE, CHANGE, RATE, COUNT = r"[+-]?\d+", r"0|[+-]\d+", r"0\.00|[+-]\d+\.\d\d", r"\d+"
QUANTITY, SHARE, TIME, SIGN = r"[ +-]\d+", r"\d+\.\d\d", r"([01]\d|2[0-3])([0-5]\d){2}", "[1-5]"
# What `compared` writes of nothing has a sign too, unless there is nothing to compare it with.
COMPARED = r"0\.00|[+-]\d+\.\d\d"
FORMS = {
    10: PRICE, 11: CHANGE, 12: RATE, 13: COUNT, 14: COUNT, 15: QUANTITY, 16: PRICE, 17: PRICE, 18: PRICE, 20: TIME,
    21: TIME, 25: SIGN, 26: CHANGE, 27: PRICE, 28: PRICE, 29: CHANGE, 30: COMPARED, 31: SHARE, 32: COUNT, 228: SHARE,
    290: "[123PU]", 311: COUNT, 567: TIME, 568: TIME, 620: COUNT, 691: "0", 732: COUNT, 822: COMPARED, 851: "0",
    852: "0", 1030: COUNT, 1031: COUNT, 1032: COMPARED, 1071: COUNT, 1072: COUNT, 1313: QUANTITY, 1314: QUANTITY,
    1315: QUANTITY, 1316: QUANTITY, 1497: COUNT, 1498: COUNT, 1890: TIME, 1891: TIME, 1892: TIME,
    23: PRICE, 24: COUNT, 121: COUNT, 122: CHANGE, 125: COUNT, 126: CHANGE, 128: CHANGE, 129: SHARE, 138: CHANGE,
    139: SHARE, 200: CHANGE, 201: RATE, 215: "[0-9a-fP-V]", 216: "0", 238: SIGN, 291: PRICE, 292: COUNT, 293: SIGN,
    294: CHANGE, 295: RATE, 299: COMPARED, 214: TIME,
    **dict.fromkeys((*range(41, 51), *range(51, 61)), PRICE),
    **dict.fromkeys((*range(61, 71), *range(71, 81), *range(621, 641)), COUNT),
    **dict.fromkeys((*range(81, 91), *range(91, 101)), CHANGE),
}  # fmt: skip


def fields(realtype: str, text: str, forms: dict[int, str] | None = None) -> dict[int, str]:
    """The string's values by FID, each in its form."""
    fids = reference.realtype(realtype).fids
    values = text.split("\t")
    assert len(values) == len(fids)
    for fid, value in zip(fids, values, strict=True):
        assert re.fullmatch((forms or FORMS)[fid], value), (realtype, fid, value)
    return dict(zip(fids, values, strict=True))


def number(text: str) -> int:
    return abs(int(text))


@st.composite
def tapes(draw: st.DrawFn, traded: bool = True) -> Tape:
    """A tape of some day, with at least one trade on it unless said otherwise."""
    base = GRID.floor(draw(st.integers(100, 3_000_000)))
    upper, lower = GRID.limits(base)
    steps = st.integers(lower, upper).map(GRID.floor).map(lambda price: max(price, lower))
    tape = Tape(
        "005930",
        base,
        upper,
        lower,
        draw(st.integers(0, 10**9)),
        draw(st.integers(0, 10**13)),
        draw(st.integers(1, 10**10)),
        base,
    )
    if traded:
        tape.open, tape.last, *more = (draw(steps) for _ in range(4))
        tape.high, tape.low = max(tape.open, tape.last, *more), min(tape.open, tape.last, *more)
        tape.buys, tape.sells, auction = (draw(st.integers(0, 10**8)) for _ in range(3))
        tape.volume = tape.buys + tape.sells + auction + 1
        tape.value = tape.volume * draw(st.integers(tape.low, tape.high))
        tape.buy_count, tape.sell_count = min(tape.buys, 10**5), min(tape.sells, 10**5)
        tape.open_time, tape.high_time, tape.low_time = "090001", "100002", "110003"
    return tape


moments = st.integers(0, 86_399).map(lambda second: moment("2022-01-18 00:00") + second)
phases = st.sampled_from([phase for phase in Phase if phase is not Phase.CLOSED])
expectations = st.builds(
    ExpectedPrice, st.integers(1, 10**6).map(GRID.floor), st.integers(1, 10**8)
) | st.just(ExpectedPrice(0, 0))


def books() -> st.SearchStrategy[tuple[list[Level], list[Level]]]:
    """Asks and bids that are not crossed, at most ten of each."""
    quantities = st.lists(st.integers(1, 10**7), max_size=LEVELS)

    def laid(middle: int, asks: list[int], bids: list[int]) -> tuple[list[Level], list[Level]]:
        return (
            [Level(middle + 10 * place, volume) for place, volume in enumerate(asks, 1)],
            [Level(middle - 10 * place, volume) for place, volume in enumerate(bids)],
        )

    return st.builds(laid, st.integers(50, 10_000).map(lambda tens: tens * 10), quantities, quantities)


@given(
    tapes(), st.integers(1, 10**7), st.sampled_from([*Side]), moments, phases, st.booleans(), st.booleans()
)
def test_a_trade(
    tape: Tape, volume: int, side: Side, time: float, phase: Phase, asked: bool, bid: bool
) -> None:
    writer = TradeStrings(tape, DEFAULT, PriceTexts(tape.base))
    trade = Trade(tape.code, time, tape.last, volume, side)
    ask, wanted = tape.last * asked, tape.last * bid
    field = fields("주식체결", writer.traded(trade, tape, ask, wanted, phase))
    assert (number(field[10]), int(field[11])) == (tape.last, tape.last - tape.base)
    assert [number(field[fid]) for fid in (16, 17, 18)] == [tape.open, tape.high, tape.low]
    assert (number(field[27]), number(field[28])) == (ask, wanted)
    assert (number(field[15]), int(field[13])) == (volume, tape.volume)
    assert field[15][0] == {Side.BUY: "+", Side.SELL: "-", Side.NONE: " "}[side]
    assert int(field[26]) == tape.volume - tape.previous_volume
    assert int(field[29]) == tape.value - tape.previous_value
    assert [int(field[fid]) for fid in (1030, 1031, 1071, 1072)] == [
        tape.sells,
        tape.buys,
        tape.sell_count,
        tape.buy_count,
    ]
    assert [int(field[fid]) for fid in (1315, 1316, 1314)] == [
        -volume * (side is Side.SELL),
        volume * (side is Side.BUY),
        volume * int(side),
    ]
    assert number(field[1313]) == tape.last * volume // 1000
    assert [field[fid] for fid in (1890, 1891, 1892)] == ["090001", "100002", "110003"]
    assert (field[567] != "000000", field[568] != "000000") == (
        tape.high >= tape.upper,
        tape.low <= tape.lower,
    )


@given(tapes(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_best_quotes(tape: Tape, ask: int, bid: int) -> None:
    colours = PriceTexts(tape.base)
    writer = BookStrings(TradeStrings(tape, DEFAULT, colours), DEFAULT, colours)
    field = fields("주식우선호가", writer.best(ask, bid))
    assert (number(field[27]), number(field[28])) == (ask, bid)


@given(tapes(), st.lists(st.tuples(books(), expectations, phases), min_size=1, max_size=3), st.booleans())
def test_a_book_and_what_has_changed_in_it(
    tape: Tape, several: list[tuple[tuple[list[Level], list[Level]], ExpectedPrice, Phase]], by_place: bool
) -> None:
    chosen = BrokerSettings(level_change="place" if by_place else "price")
    colours = PriceTexts(tape.base)
    writer = BookStrings(TradeStrings(tape, chosen, colours), chosen, colours)
    before: list[list[Level]] | None = None
    for (asks, bids), expected, phase in several:
        text = writer.depth(moment("2022-01-18 10:00"), asks, bids, tape, expected, phase)
        if before == [asks, bids]:
            assert text is None
            continue
        assert text is not None
        field = fields("주식호가잔량", text)
        olds = before or [asks, bids]
        for levels, old, price, volume, change in zip(
            (asks, bids), olds, (41, 51), (61, 71), (81, 91), strict=True
        ):
            empty = [Level(0, 0)] * (LEVELS - len(levels))
            read = [Level(number(field[price + at]), int(field[volume + at])) for at in range(LEVELS)]
            assert read == levels + empty
            known = dict(old)
            for at, level in enumerate(levels):
                held = (old[at].volume if at < len(old) else 0) if by_place else known.get(level.price, 0)
                assert int(field[change + at]) == level.volume - held
        totals = [sum(level.volume for level in levels) for levels in (asks, bids)]
        assert [int(field[121]), int(field[125])] == totals
        assert [int(field[122]), int(field[126])] == [
            total - sum(level.volume for level in old) for total, old in zip(totals, olds, strict=True)
        ]
        assert int(field[128]) == -int(field[138]) == totals[1] - totals[0]
        assert int(field[13]) == tape.volume
        assert (number(field[23]), int(field[24])) == (expected.price, expected.volume)
        before = [asks, bids]


@given(tapes(), expectations, moments)
def test_an_expected_trade(tape: Tape, expected: ExpectedPrice, time: float) -> None:
    writer = TradeStrings(tape, DEFAULT, PriceTexts(tape.base))
    field = fields("주식예상체결", writer.expected(time, expected, tape), {**FORMS, 15: COUNT})
    assert (number(field[10]), int(field[15]), int(field[13])) == (
        expected.price,
        expected.volume,
        tape.volume,
    )
    if expected.price:
        assert int(field[11]) == expected.price - tape.base
    else:
        assert [field[fid] for fid in (10, 11, 12, 25)] == ["-0", "0", "0.00", "3"]


@given(tapes() | tapes(traded=False), st.integers(0, 10**6), st.integers(0, 10**6))
def test_where_the_day_stands(tape: Tape, ask: int, bid: int) -> None:
    writer = TradeStrings(tape, DEFAULT, PriceTexts(tape.base))
    field = fields("주식시세", writer.quoted(tape, ask, bid))
    assert [number(field[fid]) for fid in (10, 16, 17, 18, 27, 28)] == [
        tape.last,
        tape.open,
        tape.high,
        tape.low,
        ask,
        bid,
    ]
    assert int(field[13]) == tape.volume


@given(st.integers(0, 23), st.integers(240, 600))
def test_what_the_exchange_announces(hour: int, minutes: int) -> None:
    opens = moment("2022-01-18 00:00") + hour * 3600
    closes = opens + minutes * 60
    hours = SessionHours(
        opens - 1800, opens, closes - 600, closes, single_price_begins=closes + 1800, ends=closes + 9000
    )
    for notice in session_notices(hours):
        field = fields("장시작시간", notice.text())
        clock, left = (int(field[fid]) for fid in (20, 214))
        seconds = [time // 10_000 * 3600 + time // 100 % 100 * 60 + time % 100 for time in (clock, left)]
        assert seconds == [(int(notice.time) + 9 * 3600) % 86_400, notice.left]


WORDS = r"정적|동적|동적\+정적"
HALTS = {
    9001: r"\d{6}", 302: r".+", 13: COUNT, 14: COUNT, 9068: "1|2", 9008: "001|101", 9075: "1", 1221: COUNT, 1223: TIME,
    1224: TIME, 1225: WORDS, 1236: COUNT, 1237: COUNT, 1238: RATE, 1239: RATE, 1489: RATE, 1490: COUNT, 9069: "1|2",
    1279: rf"[+-]({WORDS})",
}  # fmt: skip


@given(
    tapes(),
    st.sampled_from([SAMSUNG, GRT]),
    st.integers(1, 10**6),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).filter(any),
    st.integers(1, 9),
    moments,
    st.booleans(),
)
def test_a_volatility_interruption(
    tape: Tape, issue: object, price: int, bases: tuple[int, int], count: int, time: float, released: bool
) -> None:
    assert isinstance(issue, type(SAMSUNG))
    told = Interruption(issue.code, time, price, *bases, time + 120 if released else 0.0, count)
    field = fields("VI발동/해제", vi_text(told, issue, tape, DEFAULT), HALTS)
    assert [int(field[fid]) for fid in (1221, 1236, 1237, 1490)] == [price, *bases, count]
    if not released:
        assert field[1224] == "000000"
    for base, fid in zip(bases, (1238, 1239), strict=True):
        expected = Fraction((price - base) * 100, base) if base else Fraction(0)
        assert abs(Fraction(field[fid]) - expected) <= Fraction(1, 200)


INDEX = {
    20: rf"{TIME}|장마감", 10: r"[+-]?\d+\.\d\d", 11: r"[+-]?\d+\.\d\d", 12: RATE, 15: COUNT, 13: COUNT, 14: COUNT,
    16: r"[+-]?\d+\.\d\d", 17: r"[+-]?\d+\.\d\d", 18: r"[+-]?\d+\.\d\d", 25: "[235]", 26: CHANGE,
}  # fmt: skip


@settings(max_examples=examples(2), deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["001", "101", "201"]))
def test_an_index(seed: int, code: str) -> None:
    rig = SyntheticDay("15:25", seed, SEVERAL).begin()
    rig.register(code, "10")
    rig.until("15:31")
    seen = rig.of("업종지수", code)
    assert seen
    for each in seen:
        field = fields("업종지수", each.data, INDEX)
        last, change = (round(float(field[fid]) * 100) for fid in (10, 11))
        base = abs(last) - change
        assert field[10].startswith("+") == (change > 0)
        assert field[10].startswith("-") == (change < 0)
        assert abs(float(field[12]) - 100 * change / base) <= 0.005 + 1e-9
        assert field[25] == ("2" if change > 0 else "5" if change < 0 else "3")
        high, low = (abs(float(field[fid])) for fid in (17, 18))
        assert low <= abs(last) / 100 <= high
