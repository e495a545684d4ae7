"""An account's state where its order of things cannot be had from a broker: answers, events and lists that cross."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from kernel_server.clock import KST
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


def test_a_fill_that_was_missed_before_another_is_counted_with_the_next_list(state: AccountState) -> None:
    state.on_order(event())
    state.on_order(event(state="체결", left=0, value=700_000, fill=(6, 70_000)))
    order = state.orders["0000001"]
    assert state.stale
    assert not order.done  # it may be filled or cancelled
    read(state, [replace(LISTED, state="체결", filled=10, left=0, value=700_000)])
    assert (order.status, order.filled, order.value) == ("filled", 10, 700_000)
