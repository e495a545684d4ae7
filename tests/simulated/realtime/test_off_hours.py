"""The types of the evening as they are written, field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel_server import reference
from kernel_server.simulated.exchange.interface import ExpectedPrice, Level, SinglePriceState, Tape, Trade
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime.field_strings import field_names
from kernel_server.simulated.realtime.off_hours_publisher import OffHoursPublisher
from kernel_server.simulated.realtime.off_hours_strings import (
    BEST,
    BOOK,
    QUEUE,
    QUOTE,
    TRADE,
    OffHoursStrings,
)
from kernel_server.simulated.settings import BrokerSettings
from tests.support.simulated_broker import moment

# The numbers of an evening that has been seen: an issue that closed at 1,569 and went to its upper end, 1,725.
TAPE = Tape("300120", 1_569, 1_725, 1_413, 0, 0, 10_000_000, 1_725, 1_600, 1_725, 1_600, 4_197, 4_197 * 1_725)
ASKS = [Level(1_720 + n, 100 + n) for n in range(1, 6)]
BIDS = [Level(1_720 - n, 200 + n) for n in range(7)]
EVENING = SinglePriceState(TAPE, ASKS, BIDS, ExpectedPrice(1_725, 300))
AT = moment("2026-07-24 16:40:00")


def values(kind: str, text: str | None) -> dict[int, str]:
    assert text is not None
    return dict(zip(reference.realtype(kind).fids, text.split("\t"), strict=True))


@pytest.mark.parametrize(
    ("group", "kind"),
    [("single", TRADE), ("single", QUOTE), ("single", BEST), ("single", BOOK), ("queue", QUEUE)],
)
def test_the_table_has_every_field_of_the_type(group: str, kind: str) -> None:
    assert len(field_names(group, kind)) == len(reference.realtype(kind).fids)
    assert all(field_names(group, kind))


def test_a_trade() -> None:
    trade = Trade("300120", AT, 1_725, 138, Side.NONE)
    told = values(TRADE, OffHoursStrings(BrokerSettings()).traded(EVENING, trade))
    assert [told[fid] for fid in (10020, 10010, 10011, 10012)] == ["164000", "+1725", "+156", "+9.94"]
    assert [told[fid] for fid in (10027, 10028, 10015)] == ["+1721", "+1720", " 138"]
    assert [told[fid] for fid in (10013, 10014)] == ["4197", "7"]
    assert [told[fid] for fid in (10016, 10017, 10018)] == ["+1600", "+1725", "+1600"]
    assert told[10025] == "1"  # at the upper end


def test_an_evening_without_a_trade_ends_at_the_close() -> None:
    tape = replace(TAPE, last=1_569, open=0, high=0, low=0, volume=0, value=0)
    told = values(
        QUOTE, OffHoursStrings(BrokerSettings()).quoted(SinglePriceState(tape, [], [], ExpectedPrice(0, 0)))
    )
    assert list(told.values()) == ["1569", "0", "0.00", "0", "0", "0", "0", "0", "0", "0", "3"]


def test_a_book_has_five_levels_and_the_shares_of_all() -> None:
    told = values(BOOK, OffHoursStrings(BrokerSettings()).depth(AT, EVENING))
    assert [told[fid] for fid in (10021, 10041, 10045, 10061, 10065)] == [
        "164000", "+1721", "+1725", "101", "105",
    ]  # fmt: skip
    assert [told[fid] for fid in (10051, 10055, 10071)] == ["+1720", "+1716", "200"]
    asked, bidden = sum(level.volume for level in ASKS), sum(level.volume for level in BIDS)
    assert [told[fid] for fid in (10121, 10125, 10128)] == [str(asked), str(bidden), f"+{bidden - asked}"]
    assert [told[fid] for fid in (10122, 10126, 10081, 10091)] == ["0"] * 4
    assert [told[fid] for fid in (10023, 10024, 10035, 10033, 10034)] == [
        "+1725", "300", "1", "+156", "+9.94",
    ]  # fmt: skip


@pytest.mark.parametrize(("choice", "change"), [("price", "+101"), ("place", "+7")])
def test_a_level_says_what_has_changed(choice: str, change: str) -> None:
    writer = OffHoursStrings(BrokerSettings(level_change=choice))  # type: ignore[arg-type]
    writer.depth(AT, EVENING)
    # The best ask has gone; the next one, which had 102, has grown to 108.
    asks = [Level(1_722, 102 + 101), *ASKS[2:]] if choice == "price" else [Level(1_722, 108), *ASKS[2:]]
    told = values(BOOK, writer.depth(AT, replace(EVENING, asks=asks)))
    assert (told[10041], told[10081]) == ("+1722", change)
    assert (told[10045], told[10065], told[10085]) == ("0", "0", "0" if choice == "price" else "-105")


def test_what_has_not_changed_is_not_told() -> None:
    writer = OffHoursStrings(BrokerSettings())
    assert writer.best(EVENING) is not None
    assert writer.depth(AT, EVENING) is not None
    assert writer.best(EVENING) is None
    assert writer.depth(AT + 30, EVENING) is None
    assert writer.best(replace(EVENING, asks=ASKS[1:])) == "+1722\t+1720"


def test_where_nothing_would_be_traded_nothing_is_expected() -> None:
    told = values(
        BOOK, OffHoursStrings(BrokerSettings()).depth(AT, replace(EVENING, expected=ExpectedPrice(0, 0)))
    )
    assert [told[fid] for fid in (10023, 10024, 10035, 10033, 10034)] == ["-0", "0", "3", "0", "0.00"]


class OneEvening:
    """An exchange that shows that evening, and counts how often it is asked."""

    asked = 0

    def single_price(self, code: str) -> SinglePriceState:
        self.asked += 1
        return EVENING


@pytest.mark.parametrize("types", [{TRADE}, {BEST}, {BOOK}, {TRADE, BEST, BOOK}, {"주식체결"}])
def test_the_feed_writes_only_what_is_subscribed(types: set[str]) -> None:
    said: list[str] = []
    trade = Trade("300120", AT, 1_725, 138, Side.NONE)
    for sent in (True, False):
        exchange = OneEvening()
        publisher = OffHoursPublisher(
            lambda _code, kind, _text: said.append(kind),
            exchange,  # type: ignore[arg-type]
            BrokerSettings(evening_types=sent),
        )
        said.clear()
        publisher.evening("300120", frozenset(types), AT, trade)
        publisher.evening("300120", frozenset(types), AT, None)
        expected = types - {"주식체결"} if sent else set()
        assert set(said) == expected
        assert bool(exchange.asked) == bool(expected)
