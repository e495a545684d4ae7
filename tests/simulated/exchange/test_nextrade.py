"""The trades of Nextrade and of both exchanges make up the minutes and days that the charts have of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.clock import SteppedClock
from kernel_server.reference.sessions import Sessions, load
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import IssueState, Level, TradeLog
from kernel_server.simulated.exchange.moment import newest_trades
from kernel_server.simulated.exchange.nextrade import merging
from kernel_server.simulated.exchange.nextrade.both import BothExchanges, CombinedEvents
from kernel_server.simulated.exchange.nextrade.combined import CombinedIssues
from kernel_server.simulated.exchange.nextrade.exchange import NextradeExchange
from kernel_server.simulated.exchange.nextrade.merging import VenueBook
from kernel_server.simulated.market.nextrade.hours import NextradeTimetable, nextrade_hours
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.examples import examples
from tests.support.market_trs import SilentWatcher
from tests.support.simulated_broker import moment

TRADE_SIZE = 20.0
DAYS = ("2026-11-25", "2026-11-19", "2026-09-11", "2025-03-05", "2026-01-02")
"""A usual day, one that opens late, one before the after-market of the exchange, an early one, the year's first."""


class Exchanges:
    """Both exchanges over a market, at a moment."""

    def __init__(self, seed: int, now: str, market: SyntheticMarket | None = None) -> None:
        self.market = market or SyntheticMarket(seed)
        self.nextrade = NextradeMarket(self.market, load)
        clock = SteppedClock(moment(now))
        events = CombinedEvents(SilentWatcher())  # type: ignore[arg-type]
        own = SimulatedExchange(self.market, clock, load, lambda work: None, 3, events, trade_size=TRADE_SIZE)
        other = NextradeExchange(
            self.nextrade, clock, load, lambda work: None, 3, events, iter(range(9)), TRADE_SIZE
        )
        combined = CombinedIssues(self.market, own, other, clock.now)
        self.exchange = BothExchanges(own, other, combined, events)
        self.now = clock.now()


def minutes_of(trades: TradeLog, since: float = 0.0) -> list[tuple[int, ...]]:
    """Open, high, low, close and volume of each minute."""
    columns = trades.columns
    time = columns.time
    keep = time >= since
    time, price, volume = time[keep], columns.price[keep].astype(int), columns.volume[keep].astype(int)
    minute = (time // 60).astype(np.int64)
    starts = np.flatnonzero(np.diff(minute, prepend=-1))
    ends = np.append(starts[1:], len(minute)) - 1
    return [
        (
            price[first],
            price[first : last + 1].max(),
            price[first : last + 1].min(),
            price[last],
            volume[first : last + 1].sum(),
        )
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


@settings(max_examples=examples(8), deadline=None)
@given(st.sampled_from(DAYS), st.integers(1, 20), st.integers(0, 600))
def test_trades_make_up_the_minutes_of_the_chart(day: str, seed: int, place: int) -> None:
    both = Exchanges(seed, f"{day} 20:30")
    code = [each for each in both.nextrade.issues() if each.endswith("_NX")][place]
    bars = both.nextrade.minute(code, False, both.now, 1)
    today = bars.time // 1_000_000 == int(day.replace("-", ""))
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    expected = list(zip(*(column[today].tolist() for column in columns), strict=True))
    if both.market.issues()[code[:6]].listed >= np.datetime64(day).item():
        return
    assert minutes_of(both.exchange.trades(code)) == expected
    hours = nextrade_hours(load(), load().index_at_or_before(np.datetime64(day).item()))
    times = both.exchange.trades(code).columns.time
    assert not [
        time
        for time in times.tolist()
        if not hours.begins <= time <= hours.ends
        or any(begins < time < ends for begins, ends in hours.breaks)
    ]


@settings(max_examples=examples(8), deadline=None)
@given(st.sampled_from(DAYS), st.integers(1, 20), st.integers(0, 600))
def test_the_day_of_both_is_made_of_the_trades_of_both(day: str, seed: int, place: int) -> None:
    found = Exchanges(seed, f"{day} 20:30")
    code = [each for each in found.nextrade.issues() if each.endswith("_NX")][place][:6] + "_AL"
    if found.market.issues()[code[:6]].listed >= np.datetime64(day).item():
        return
    tape = found.exchange.tape(code)
    bars = found.nextrade.daily(code, False, found.now, 1)
    if not tape.volume:
        return
    assert (tape.open, tape.high, tape.low) == (bars.open[-1], bars.high[-1], bars.low[-1])
    assert tape.last == bars.close[-1]
    trades = found.exchange.trades(code)
    assert len(trades)
    assert (trades.columns.time[1:] >= trades.columns.time[:-1]).all()
    assert trades.columns.volume.sum() == tape.volume


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-25", ["08:00", "08:50", "09:00:30", "15:20", "15:30", "15:40", "20:00"]),
        ("2026-11-19", ["10:00", "10:00:30", "16:20", "16:30", "16:40", "20:00"]),
    ],
)
def test_the_hours_of_nextrade(day: str, expected: Sequence[str]) -> None:
    sessions: Sessions = load()
    index = sessions.index_at_or_before(np.datetime64(day).item())
    times = NextradeTimetable(sessions).times(index)
    assert [since for since, _phase in times] == [moment(f"{day} {time}") for time in expected]
    assert times[-1][1] is Phase.NXT_CLOSED


@pytest.mark.parametrize(
    "now",
    ["07:30", "08:05", "08:45", "08:55", "09:00:20", "10:17:31", "14:00", "15:25", "15:35", "15:50", "17:00"],
)
def test_the_states_of_planned_issues_are_those_of_others_and_make_no_trades_anew(
    now: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = SyntheticMarket(7)
    alone, planned = (Exchanges(7, f"2026-11-25 {now}", market) for _ in range(2))
    elsewhere = [code for code in alone.nextrade.issues() if code.endswith("_NX")][::40]
    codes = [*list(market.issues())[::60], *elsewhere, *(code[:6] + "_AL" for code in elsewhere[::4])]
    expected = alone.exchange.states(codes)
    while not planned.exchange.prepare_tapes(codes):
        pass
    monkeypatch.setattr(newest_trades, "bar_trades", None)
    found = planned.exchange.states(codes)
    assert len(found) > len(codes) - 5
    # A book may be any sequence, so its levels are compared.
    assert {code: _listed(state) for code, state in found.items()} == {
        code: _listed(state) for code, state in expected.items()
    }


def _listed(state: IssueState) -> IssueState:
    return state._replace(asks=list(state.asks), bids=list(state.bids))


def levels(*given: tuple[int, int]) -> list[Level]:
    return [Level(price, volume) for price, volume in given]


def test_books_that_cross_are_merged_to_one_that_does_not() -> None:
    newer = VenueBook((levels((102, 5), (103, 7)), levels((101, 4), (100, 9))), Phase.CONTINUOUS, 20.0)
    older = VenueBook((levels((101, 3), (102, 2)), levels((100, 1), (99, 8))), Phase.NXT_MAIN, 10.0)
    assert merging.merged_book(newer, older) == (
        levels((102, 7), (103, 7)),
        levels((101, 4), (100, 10), (99, 8)),
    )


@pytest.mark.parametrize(
    ("exchange", "nextrade", "shown"),
    [
        (Phase.CLOSED, Phase.NXT_PRE, "nextrade"),
        (Phase.BEFORE_OPEN, Phase.NXT_PRE, "nextrade"),
        (Phase.OPENING_AUCTION, Phase.NXT_PRE_ENDED, "exchange"),
        (Phase.CLOSING_AUCTION, Phase.NXT_MAIN_ENDED, "exchange"),
        (Phase.PAUSE, Phase.NXT_BEFORE_AFTER, "exchange"),
        (Phase.AFTER_CLOSE, Phase.NXT_AFTER, "nextrade"),
    ],
)
def test_a_book_of_both_is_that_of_the_exchange_which_is_open(
    exchange: Phase, nextrade: Phase, shown: str
) -> None:
    books = {
        "exchange": VenueBook((levels((11, 1)), levels((10, 1))), exchange, 20.0),
        "nextrade": VenueBook((levels((12, 2)), levels((9, 2))), nextrade, 10.0),
    }
    assert merging.merged_book(books["exchange"], books["nextrade"]) == books[shown].book
