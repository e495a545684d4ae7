"""VIs where trading begins without an auction: in the after-market of the Korea Exchange, and at Nextrade."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange.interface import Interruption, Trade
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.vi_rules import ViRule, vi_rule
from tests.simulated.exchange.test_nextrade import Exchanges
from tests.support.simulated_broker import moment

DAY, BEFORE = "2026-11-25", "2026-09-11"
SEED = 3
RULE = ViRule(percent=10, seconds=120, random=30)


@cache
def exchanges(day: str) -> Exchanges:
    """After the end of a day."""
    return Exchanges(SEED, f"{day} 20:30")


def evening(day: str = DAY) -> list[Interruption]:
    """The VIs of the after-market."""
    return [
        each for each in exchanges(day).exchange.interruptions() or () if each.time > moment(f"{day} 15:40")
    ]


def trades(code: str, since: str = "00:00", until: str = "23:59") -> list[Trade]:
    """The trades of an issue in that part of the day."""
    first, last = moment(f"{DAY} {since}"), moment(f"{DAY} {until}")
    return [each for each in exchanges(DAY).exchange.trades(code) if first <= each.time < last]


def close_of(code: str) -> int:
    found = exchanges(DAY).market.daily(code, False, moment(f"{DAY} 15:35"), 1)
    return int(found.close[-1])


def numbers_at(code: str) -> list[int]:
    return [each.number for each in exchanges(DAY).exchange.interruptions_of(code)]


def test_an_evening_has_some_and_none_before_the_first_after_market() -> None:
    assert 4 <= len({each.code for each in evening()}) <= 20
    assert not evening(BEFORE)


def test_one_begins_at_a_tenth_from_the_close_or_from_the_last_one() -> None:
    for code in {each.code for each in evening()}:
        reference = close_of(code)
        for each in exchanges(DAY).exchange.interruptions_of(code):
            if each.time < moment(f"{DAY} 16:00"):
                continue
            grid = rules(date.fromisoformat(DAY), board(exchanges(DAY).market.issues()[code]))
            assert each.static == reference
            assert each.price in RULE.triggers(reference, grid)
            reference = next(trade.price for trade in trades(code) if trade.time == each.released)
            assert (reference - each.price) * (1 if each.rises else -1) >= 0


def test_nothing_trades_while_one_lasts_and_an_auction_ends_it() -> None:
    checked = 0
    for venue in ("", "_NX"):
        for code in {each.code + venue for each in evening()}:
            if venue and code not in exchanges(DAY).nextrade.issues():
                continue
            for each in exchanges(DAY).exchange.interruptions_of(code):
                checked += 1
                assert 120 <= each.released - each.time <= 151
                found = [trade for trade in trades(code) if each.time < trade.time <= each.released]
                assert found[0].time == each.released
                assert int(found[0].side) == 0
                assert {int(trade.side) for trade in found[1:]} <= {-1, 1}
    assert checked > 10


def unbroken(code: str, found: list[Trade], reference: int, references: Iterator[tuple[float, int]]) -> None:
    """No trade but the first after a VI is as far from the reference price as one takes."""
    ends = {each.released for each in exchanges(DAY).exchange.interruptions_of(code)}
    later = list(references)
    grid = rules(date.fromisoformat(DAY), board(exchanges(DAY).market.issues()[code[:6]]))
    for trade in found:
        while later and later[0][0] <= trade.time:
            reference = later.pop(0)[1]
        if trade.time in ends:
            ends.remove(trade.time)
            reference = trade.price
        up, down = RULE.triggers(reference, grid)
        assert down < trade.price < up, (code, trade, reference)


def test_no_price_of_the_evening_gets_a_tenth_away_without_one() -> None:
    market = exchanges(DAY).market
    moved = [code for code in market.issues() if market.evening_news(code, exchanges(DAY).now)]
    assert len(moved) > 4
    for code in moved:
        unbroken(code, trades(code, "16:00"), close_of(code), iter(()))


def test_no_price_at_nextrade_gets_a_tenth_away_from_the_newest_auction_without_one() -> None:
    codes = [each for each in exchanges(DAY).nextrade.issues() if numbers_at(each) and each.endswith("_NX")]
    assert len(codes) > 5
    for code in codes:
        own = code.removesuffix("_NX")
        day = exchanges(DAY).market.daily(own, False, moment(f"{DAY} 15:35"), 2)
        opened = next(iter(trades(own, "09:00"))).price
        auctions = [(moment(f"{DAY} 09:00"), opened), (moment(f"{DAY} 15:30"), close_of(own))]
        for each in exchanges(DAY).exchange.interruptions_of(own):
            price = next(trade.price for trade in trades(own) if trade.time == each.released)
            auctions.append((each.released // 60 * 60 + 60, price))
        unbroken(code, trades(code), int(day.close[-2]), iter(sorted(auctions)))


def test_the_vis_of_a_day_are_counted_together() -> None:
    several = [code for code in {each.code for each in evening()} if len(numbers_at(code)) > 1]
    assert several
    for code in several:
        assert numbers_at(code) == list(range(1, len(numbers_at(code)) + 1))
    both = {each.code for each in evening()} & {
        each.code
        for each in exchanges(DAY).exchange.interruptions() or ()
        if each.time < moment(f"{DAY} 15:30")
    }
    assert both  # an issue with one in the regular session and one in the evening


def test_nextrade_has_none_before_2026_09_14() -> None:
    for code in exchanges(BEFORE).nextrade.issues():
        if code.endswith("_NX"):
            assert not exchanges(BEFORE).exchange.interruptions_of(code)
    assert vi_rule(date(2026, 9, 11), "Nextrade") is None


def test_both_together_have_those_of_each() -> None:
    code = next(each.code for each in evening() if numbers_at(each.code + "_NX"))
    exchange = exchanges(DAY).exchange
    apart = [*exchange.interruptions_of(code), *exchange.interruptions_of(code + "_NX")]
    assert [each.time for each in exchange.interruptions_of(code + "_AL")] == sorted(
        each.time for each in apart
    )


def test_an_issue_without_a_day_has_none() -> None:
    exchange = exchanges(DAY).exchange
    assert exchange.interruptions_of("069500_NX") == []  # not traded there
    assert exchange.interruptions_of("999999") == []


class Gapping(SyntheticMarket):
    """A market in which Samsung opens far above the close before on ``DAY``."""

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        return self._raised(code, super().daily(code, adjusted, now, days))

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        return self._raised(code, super().minute(code, adjusted, now, days))

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        return self._raised(code, super().after_market(code, adjusted, now, days))

    def _raised(self, code: str, found: Bars) -> Bars:
        if code != "005930" or not len(found):
            return found
        number = int(DAY.replace("-", ""))
        day = found.time // 1_000_000 if int(found.time[0]) > 10**8 else found.time
        grid = rules(date.fromisoformat(DAY), "KOSPI")
        raised = {
            name: np.where(
                day == number, grid.nearest_array(getattr(found, name) * 1.21), getattr(found, name)
            )
            for name in ("open", "high", "low", "close")
        }
        return replace(found, **raised)


def test_a_pre_market_that_goes_far_from_the_close_before_has_them() -> None:
    found = Exchanges(SEED, f"{DAY} 20:30", Gapping(SEED))
    code = "005930_NX"
    first, *later = found.exchange.interruptions_of(code)
    base = found.exchange.tape(code).base
    assert first.static == base
    assert base * 1.1 <= first.price <= base * 1.11
    assert moment(f"{DAY} 08:00") < first.time < first.released < moment(f"{DAY} 08:50")
    assert not [each for each in later if each.time > moment(f"{DAY} 08:50")]
    early = [each for each in found.exchange.trades(code) if each.time < moment(f"{DAY} 08:50")]
    assert not [each for each in early if first.time < each.time < first.released]
    before = [each.price for each in early if each.time <= first.time]
    assert max(before) < first.price <= next(each.price for each in early if each.time == first.released)
    far = [(a, b) for a, b in pairwise(early) if abs(b.price / a.price - 1) > 0.1]
    assert not far
