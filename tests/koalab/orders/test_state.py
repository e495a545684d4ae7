"""An account's state where its order of things cannot be had from a broker: answers, events and lists that cross."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

import pytest

from kernel_server.clock import KST
from koalab.orders.desk import OrderDesk
from koalab.orders.order import Order
from koalab.orders.record import OrderRecord
from koalab.orders.reports import Lists, OrderReport, PositionReport
from koalab.orders.state import AccountState

NOON = datetime(2026, 11, 17, 12, tzinfo=KST).timestamp()
LISTED = OrderReport(
    account="8000000011",
    number="0000001",
    original="",
    code="005930",
    name="삼성전자",
    state="접수",
    side="매수",
    action="new",
    type="보통",
    quantity=10,
    price=70_000,
    left=10,
    filled=0,
    value=0,
    fill=None,
    closed=False,
    reason="",
    clock="120000",
    at=NOON,
)
HELD = PositionReport("8000000011", "005930", "삼성전자", 10, 10, 70_000.0, 700_000, 70_000, NOON)


def event(**changes: object) -> OrderReport:
    return replace(LISTED, filled=None, **changes)  # type: ignore[arg-type]


def record(at: float = NOON) -> OrderRecord:
    return OrderRecord(
        "8000000011", "005930", "삼성전자", "매수", "new", "지정가", 10, 70_000, "", at, left=10
    )


def test_the_events_of_an_order_are_in_the_order_of_time(state: AccountState) -> None:
    """The answer came half a second after the fill that its order brought, by a clock that is this machine's."""
    sent = record()
    state.sent(sent)
    state.numbered(sent, "0000001", "", NOON + 1.5)
    state.on_order(event(at=NOON + 1, state="체결", left=0, fill=(10, 70_000), value=700_000))
    events = Order(sent, state, cast(OrderDesk, None)).events
    assert events["status"].tolist() == ["sent", "accepted", "filled"]
    assert events.index.is_monotonic_increasing
    assert events.index[-1].timestamp() == NOON + 1


@pytest.fixture
def state() -> AccountState:
    found = AccountState("8000000011")
    read(found, [])
    return found


def read(
    state: AccountState, orders: list[OrderReport], at: float = NOON, known: set[str] | None = None
) -> None:
    still_open = {one.number for one in orders if one.left}
    state.on_lists(Lists(orders, still_open, [], at), set(state.orders) if known is None else known)


class TestAList:
    def test_that_was_asked_for_before_an_order_was_sent_does_not_end_it(self, state: AccountState) -> None:
        sent = record()
        state.sent(sent)
        known = set(state.orders)
        state.numbered(sent, "0000001", "", NOON)
        for _ in range(3):
            read(state, [], NOON + 1, known)
        assert sent.status == "accepted"

    def test_without_an_order_ends_it_when_a_second_says_the_same(self, state: AccountState) -> None:
        state.on_order(event())
        read(state, [], NOON + 1)
        assert state.orders["0000001"].status == "accepted"
        assert state.unsettled
        read(state, [], NOON + 6)
        assert state.orders["0000001"].status == "cancelled"
        assert not state.unsettled

    def test_that_crosses_a_fill_counts_it_once(self, state: AccountState) -> None:
        state.on_order(event())
        filled = replace(LISTED, state="체결", filled=4, left=6, value=280_000)
        read(state, [filled], NOON + 2)
        state.on_order(event(state="체결", left=6, value=280_000, fill=(4, 70_000), at=NOON + 1))
        assert (state.orders["0000001"].filled, state.orders["0000001"].value) == (4, 280_000)
        assert not state.stale

    def test_that_crosses_a_position_is_read_again_before_it_is_believed(self, state: AccountState) -> None:
        state.on_lists(Lists([], None, [replace(HELD, quantity=20)], NOON + 2), set())
        state.on_position(replace(HELD, at=NOON + 1))
        assert state.unsettled

    def test_of_another_broker_s_account_takes_the_old_orders_away(self, state: AccountState) -> None:
        state.on_order(event(state="체결", left=0, value=700_000, fill=(10, 70_000)))
        assert state.orders["0000001"].status == "filled"
        for moment in (NOON + 1, NOON + 6):
            read(state, [], moment)
        assert not state.orders


class TestSharesThatCanBeSold:
    """매매가능수량 counts an order to sell once, in any order of its report, its position and a list."""

    SALE = replace(LISTED, side="매도", quantity=4, left=4)

    def read(self, state: AccountState, orders: list[OrderReport], sellable: int, at: float) -> None:
        still_open = {one.number for one in orders if one.left}
        state.on_lists(
            Lists(orders, still_open, [replace(HELD, sellable=sellable, at=at)], at), set(state.orders)
        )

    def sellable(self, state: AccountState) -> int:
        (position,) = state.positions()
        return position.sellable

    def sale(self, **changes: object) -> OrderReport:
        return replace(self.SALE, filled=None, **changes)  # type: ignore[arg-type]

    def test_fewer_while_it_is_open_and_all_after_it_was_cancelled(self, state: AccountState) -> None:
        self.read(state, [], 10, NOON)
        state.on_order(self.sale(at=NOON + 1))
        assert self.sellable(state) == 6
        state.on_position(replace(HELD, sellable=6, at=NOON + 1))
        assert self.sellable(state) == 6
        state.on_order(self.sale(left=0, closed=True, at=NOON + 2))
        assert self.sellable(state) == 10
        assert not state.unsettled

    def test_a_sale_takes_as_many_as_it_fills(self, state: AccountState) -> None:
        self.read(state, [], 10, NOON)
        state.on_order(self.sale(at=NOON + 1))
        state.on_order(self.sale(state="체결", left=1, value=210_000, fill=(3, 70_000), at=NOON + 2))
        state.on_position(replace(HELD, quantity=7, sellable=6, at=NOON + 2))
        assert self.sellable(state) == 6
        assert not state.unsettled

    def test_a_list_that_has_an_order_in_its_positions_only_is_read_again(self, state: AccountState) -> None:
        self.read(state, [], 6, NOON + 2)  # it came between the two
        state.on_order(self.sale(at=NOON + 1))
        assert state.unsettled
        self.read(state, [self.SALE], 6, NOON + 7)
        assert (self.sellable(state), state.unsettled) == (6, False)

    def test_a_position_from_before_a_list_that_has_the_order_s_end_is_not_believed(
        self, state: AccountState
    ) -> None:
        ended = replace(self.SALE, left=0, closed=True)
        self.read(state, [ended], 10, NOON + 2)
        state.on_order(self.sale(at=NOON + 1))
        state.on_position(replace(HELD, sellable=6, at=NOON + 1))
        state.on_order(self.sale(left=0, closed=True, at=NOON + 1))
        assert state.unsettled
        self.read(state, [ended], 10, NOON + 7)
        assert (self.sellable(state), state.unsettled) == (10, False)

    def test_a_position_that_came_late_is_not_believed(self, state: AccountState) -> None:
        self.read(state, [], 10, NOON)
        state.on_order(self.sale(at=NOON + 1))
        state.on_order(self.sale(left=0, closed=True, at=NOON + 2))
        state.on_position(replace(HELD, sellable=6, at=NOON + 30))
        assert state.unsettled

    def test_an_order_on_its_way_takes_its_shares_and_gives_them_back_when_refused(
        self, state: AccountState
    ) -> None:
        self.read(state, [], 10, NOON)
        sent = replace(record(), side="매도", quantity=4, left=4)
        state.sent(sent)
        state.on_position(replace(HELD, at=NOON + 1))  # of another order
        state.refused(sent, "no", NOON + 2)
        assert (self.sellable(state), state.unsettled) == (10, False)

    def test_an_order_whose_report_was_lost_while_a_list_was_read_is_looked_for(
        self, state: AccountState
    ) -> None:
        sent = replace(record(), side="매도", quantity=4, left=4)
        state.sent(sent)
        self.read(state, [], 6, NOON + 2)
        state.numbered(sent, "0000001", "", NOON + 1)
        assert state.unsettled

    def test_what_was_sold_yesterday_is_not_sellable_today(self, state: AccountState) -> None:
        self.read(state, [], 10, NOON)
        state.on_order(self.sale(at=NOON + 1))
        state.on_order(self.sale(state="체결", left=1, value=210_000, fill=(3, 70_000), at=NOON + 2))
        state.on_position(replace(HELD, quantity=7, sellable=6, at=NOON + 2))
        tomorrow = NOON + 86_400
        state.on_order(event(number="0000002", at=tomorrow))
        assert self.sellable(state) == 7


class TestAnOrderOfUnknownFate:
    def lost(self, state: AccountState, at: float = NOON) -> OrderRecord:
        found = record(at)
        state.sent(found)
        state.lost(found, "cut", at + 1)
        return found

    def test_is_the_one_at_the_broker_that_is_like_it(self, state: AccountState) -> None:
        lost = self.lost(state)
        read(state, [replace(LISTED, number="0000007"), replace(LISTED, number="0000008", price=71_000)])
        assert (lost.number, lost.status) == ("0000007", "accepted")

    def test_is_none_that_was_known_before_it_was_sent(self, state: AccountState) -> None:
        state.on_order(event())
        lost = self.lost(state)
        read(state, [LISTED])
        assert lost.status == "unknown"

    def test_is_none_whose_number_another_order_of_the_session_has(self, state: AccountState) -> None:
        other, lost = record(), self.lost(state)
        state.sent(other)
        read(state, [LISTED])
        assert lost.status == "unknown"  # the number of the other is still to come
        state.numbered(other, "0000001", "", NOON)
        read(state, [LISTED])
        assert (lost.status, other.status) == ("unknown", "accepted")
        state.settle_unknown(NOON + 100, 60)
        assert lost.status == "rejected"

    def test_is_none_that_was_entered_much_later(self, state: AccountState) -> None:
        lost = self.lost(state)
        read(state, [replace(LISTED, clock="121000", at=NOON + 600)], NOON + 600)
        assert lost.status == "unknown"

    def test_is_one_of_two_at_most(self, state: AccountState) -> None:
        first, second = self.lost(state), self.lost(state, NOON + 1)
        read(state, [LISTED], NOON + 2)
        assert sorted([first.status, second.status]) == ["accepted", "unknown"]
        read(state, [LISTED, replace(LISTED, number="0000002", clock="120001")], NOON + 3)
        assert {first.number, second.number} == {"0000001", "0000002"}

    def test_stays_so_while_less_than_its_patience_has_passed(self, state: AccountState) -> None:
        lost = self.lost(state)
        state.settle_unknown(NOON + 30, 60)
        assert lost.status == "unknown"
        assert state.stale

    def test_may_be_a_cancellation_of_less_than_was_asked_for(self, state: AccountState) -> None:
        state.on_order(event())
        lost = replace(record(), action="cancel", original="0000001", price=0)
        state.sent(lost)
        state.lost(lost, "cut", NOON)
        cancel = replace(
            LISTED,
            number="0000002",
            action="cancel",
            original="0000001",
            quantity=6,
            price=0,
            state="확인",
            left=0,
        )
        read(state, [LISTED, cancel])
        assert (lost.number, lost.status) == ("0000002", "confirmed")

    def test_that_was_interrupted_after_its_answer_has_its_number(self, state: AccountState) -> None:
        sent = record()
        state.sent(sent)
        state.numbered(sent, "0000001", "", NOON)
        state.lost(sent, "interrupted", NOON)
        assert sent.status == "accepted"


def test_events_before_the_answer_are_the_order_s(state: AccountState) -> None:
    sent = record()
    state.sent(sent)
    state.on_order(event())
    state.on_order(event(state="체결", left=0, value=700_000, fill=(10, 70_000)))
    state.numbered(sent, "0000001", "", NOON)
    assert (sent.status, sent.filled) == ("filled", 10)
    assert state.orders["0000001"] is sent


def test_the_first_order_of_a_day_is_not_that_of_the_day_before_by_its_number(state: AccountState) -> None:
    state.on_order(event())
    state.on_order(event(state="체결", left=0, value=700_000, fill=(10, 70_000)))
    yesterday = state.orders["0000001"]
    morning = NOON + 21 * 3600
    sent = record(morning)
    state.sent(sent)
    state.numbered(sent, "0000001", "", morning)
    assert (sent.status, sent.filled, sent.left) == ("accepted", 0, 10)
    assert (yesterday.status, yesterday.filled) == ("filled", 10)


def test_a_fill_that_was_missed_before_another_is_counted_with_the_next_list(state: AccountState) -> None:
    state.on_order(event())
    state.on_order(event(state="체결", left=0, value=700_000, fill=(6, 70_000)))
    order = state.orders["0000001"]
    assert state.stale
    assert not order.done  # it may be filled or cancelled
    read(state, [replace(LISTED, state="체결", filled=10, left=0, value=700_000)])
    assert (order.status, order.filled, order.value) == ("filled", 10, 700_000)


MORNING = NOON + 22 * 3600  # of the next day
FILLED = replace(LISTED, state="체결", left=0, filled=10, value=700_000)


class TestOfTheDayBefore:
    """What a session has read or heard of on one day, and takes in on the next, is of other orders."""

    @pytest.fixture
    def sent(self, state: AccountState) -> OrderRecord:
        read(state, [FILLED])
        sent = record(MORNING)
        sent.quantity = sent.left = 3
        state.sent(sent)
        return sent

    def accepted(self, state: AccountState, sent: OrderRecord) -> None:
        state.numbered(sent, "0000001", "", MORNING)
        assert (sent.status, sent.quantity, sent.filled) == ("accepted", 3, 0)

    def test_a_list_is_not_taken_in_and_read_again(self, state: AccountState, sent: OrderRecord) -> None:
        read(state, [FILLED], NOON + 3600)
        assert not state.orders
        assert "on the day before" in state.stale
        self.accepted(state, sent)
        read(state, [replace(LISTED, quantity=3, left=3, clock="100000", at=MORNING)], MORNING)
        assert not state.stale

    def test_an_order_s_report_is_not_taken_in(self, state: AccountState, sent: OrderRecord) -> None:
        state.on_order(event(state="체결", left=0, value=700_000, fill=(10, 70_000), at=NOON + 1))
        assert not state.orders
        self.accepted(state, sent)

    def test_orders_that_a_list_still_has_are_not_today_s(self, state: AccountState) -> None:
        night = NOON + 16 * 3600  # 04:00
        read(state, [replace(FILLED, at=night)], night)
        assert not state.orders
