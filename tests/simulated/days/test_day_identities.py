"""What has to hold between the fields of every trade of a day, whichever day and issue, from its trades alone.

Nothing here is computed by what writes the strings: prices, quantities, sides and times of the trades are added up
again, and what they are compared with comes from TRs.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.synthetic_day import DAY, Live, SyntheticDay

NEVER = "000000"
NAMES = ("086900", "196170", "069500", "051910", "086790", "247540", "000100", "161390", "112610", "900290")


# Each example is a whole day: what fails is told as it was found.
few = settings(
    max_examples=examples(1, 4), deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)


def percent(part: int, whole: int) -> Decimal:
    """With two decimals, halves away from zero."""
    if not whole:
        return Decimal("0.00")
    return (Decimal(100 * part) / Decimal(whole)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def against(part: int, whole: int, edge: Decimal = Decimal(100)) -> str:
    """Percent with the sign that says whether it is below ``edge``."""
    if not whole:
        return "0.00"
    return ("-" if Decimal(100 * part) / Decimal(whole) < edge else "+") + str(percent(part, whole))


def coloured(price: int, base: int) -> str:
    return f"{'+' if price > base else '-' if price < base else ''}{price}"


def rounded(value: int, unit: int) -> str:
    return str((Decimal(value) / unit).quantize(Decimal(1), ROUND_HALF_UP))


def signed(value: int) -> str:
    return f"{value:+d}" if value else "0"


@dataclass
class Facts:
    """What TRs and master functions say of the issue: KRW and shares."""

    base: int
    upper: int
    lower: int
    shares: int
    previous_volume: int
    value_before: int  # in 백만원, as charts have it


@dataclass
class Day:
    """The day so far, added up from its trades."""

    facts: Facts
    volume: int = 0
    value: int = 0
    bought: int = 0
    sold: int = 0
    buys: int = 0
    sells: int = 0
    open: int = 0
    high: int = 0
    low: int = 10**9
    open_time: str = NEVER
    high_time: str = NEVER
    low_time: str = NEVER

    def add(self, price: int, size: int, side: str, time: str) -> None:
        self.volume += size
        self.value += price * size
        self.bought += size * (side == "+")
        self.sold += size * (side == "-")
        self.buys += side == "+"
        self.sells += side == "-"
        if not self.open:
            self.open, self.open_time = price, time
        if price > self.high:
            self.high, self.high_time = price, time
        if price < self.low:
            self.low, self.low_time = price, time

    def expected(self, each: Live, value_before: int) -> dict[int, str]:
        """Every field of 주식체결 that follows from the trades; ``value_before`` in KRW."""
        facts, time = self.facts, each.values[20]
        price, size, side = each.number(10), each.number(15), each.values[15][0]
        change = price - facts.base
        rate = percent(change, facts.base)
        begun = self.bought + self.sold
        amount = price * size // 1000
        fall = "4" if price <= facts.lower else "5"
        rise = "1" if price >= facts.upper else "2"
        none = " 0"
        return {
            10: coloured(price, facts.base),
            11: signed(change),
            12: f"{rate:+}" if rate else "0.00",
            13: str(self.volume),
            14: rounded(self.value, 1_000_000),
            15: f"{side}{size}",
            16: coloured(self.open, facts.base),
            17: coloured(self.high, facts.base),
            18: coloured(self.low, facts.base),
            20: time,
            25: "3" if not change else rise if change > 0 else fall,
            26: signed(self.volume - facts.previous_volume),
            29: signed(self.value - value_before),
            30: against(self.volume, facts.previous_volume),
            31: str(percent(self.volume, facts.shares)),
            228: str(percent(self.bought, self.sold)),
            311: rounded(price * facts.shares, 100_000_000),
            567: self.high_time if self.high >= facts.upper else NEVER,
            568: self.low_time if self.low <= facts.lower else NEVER,
            620: rounded(self.value, self.volume),
            822: against(self.value, value_before),
            1030: str(self.sold),
            1031: str(self.bought),
            1032: against(self.bought, begun, Decimal(50)),
            1071: str(self.sells),
            1072: str(self.buys),
            1313: f"{side}{amount}" if amount else none,
            1314: f"{side}{size}" if side != " " else none,
            1315: f"-{size}" if side == "-" else none,
            1316: f"+{size}" if side == "+" else none,
            1497: str(price * 40 // 100),
            1498: str(price * 32 // 100),
            1890: self.open_time,
            1891: self.high_time,
            1892: self.low_time,
        }


def facts_of(rig: SyntheticDay, code: str) -> Facts:
    info = rig.page("opt10001", screen="0202", 종목코드=code).single
    rig.settle(1)
    page = rig.page("opt10081", screen="0202", 종목코드=code, 기준일자=DAY.replace("-", ""), 수정주가구분="0")
    before = page.row(0 if page.row(0)["일자"] < DAY.replace("-", "") else 1)
    return Facts(
        base=int(rig.text("GetMasterLastPrice", code)),
        upper=abs(int(info["상한가"])),
        lower=abs(int(info["하한가"])),
        shares=int(rig.text("KOA_Functions", "GetMasterListedStockCntEx", code)),
        previous_volume=int(before["거래량"]),
        value_before=int(before["거래대금"]),
    )


def day_of(seed: int, code: str) -> tuple[SyntheticDay, Facts]:
    """The issue's day, watched from before its opening auction to its close."""
    rig = SyntheticDay("08:50", seed).begin()
    assume(code in rig.text("GetCodeListByMarket", "0") + rig.text("GetCodeListByMarket", "10"))
    facts = facts_of(rig, code)
    rig.call("DisconnectRealData", "0202")
    rig.register(code)
    rig.until("15:35")
    return rig, facts


@few
@given(st.integers(0, 10**6), st.sampled_from(NAMES))
def test_every_trade_of_a_day_follows_from_the_trades_before_it(seed: int, code: str) -> None:
    rig, facts = day_of(seed, code)
    seen = rig.of("주식체결", code)
    assume(seen)
    day = Day(facts)
    # Charts have the 거래대금 of the day before in 백만원. FID 29 knows it to the won, and always the same.
    first = seen[0]
    value_before = first.number(10) * first.number(15) - int(first.values[29])
    assert rounded(value_before, 1_000_000) == str(facts.value_before)
    for each in seen:
        day.add(each.number(10), each.number(15), each.values[15][0], each.values[20])
        expected = day.expected(each, value_before)
        assert {fid: each.values[fid] for fid in expected} == expected
    assert min(day.buys, day.sells) > 0
    # Without a trade 주식시세 says the same of the day.
    closing = rig.of("주식시세", code)[-1]
    same = closing.values.keys() - {27, 28}
    assert {fid: closing.values[fid] for fid in same} == {fid: seen[-1].values[fid] for fid in same}


@few
@given(st.integers(0, 10**6), st.sampled_from(NAMES))
def test_every_expected_trade_is_against_the_base_price_and_inside_the_limits(seed: int, code: str) -> None:
    rig, facts = day_of(seed, code)
    expected = rig.of("주식예상체결", code)
    assume(expected)
    for each in expected:
        price, change = each.number(10), int(each.values[11])
        assert facts.lower <= price <= facts.upper
        assert (change, each.values[10]) == (price - facts.base, coloured(price, facts.base))
        rate = percent(change, facts.base)
        assert each.values[12] == (f"{rate:+}" if rate else "0.00")
        assert each.number(15) > 0
