"""OrderCall: an order's fate reaches whoever sent it, in whatever order the control tells of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.rpc.listen import ORDER_EVENTS
from kernel_server.scheduler import Limits, Window
from kernel_server.wire import kernel_pb2
from tests.support.canned_server import CannedServer, calls, canned_server
from tests.support.examples import examples
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import HANGS_AFTER, wait_until

ACCOUNT, CODE, TR = "8000000011", "005930", "KOA_NORMAL_BUY_KP_ORD"
DONE = "[100000] 모의투자 매수주문완료"


class Sent(NamedTuple):
    """What the control was given: where the answer goes."""

    name: str
    screen: str


@contextmanager
def desk() -> Iterator[tuple[CannedServer, KoapyClient]]:
    with canned_server({}) as server, KoapyClient(server.address) as client:
        yield server, client


def sent(server: CannedServer, number: int = 0) -> Sent:
    wait_until(lambda: len(calls(server, "SendOrder")) > number)
    name, screen = calls(server, "SendOrder")[number][:2]
    return Sent(name, screen)


def tell(server: CannedServer, event: Callable[[], None]) -> None:
    server.thread.post(event).result(HANGS_AFTER)


def message(server: CannedServer, order: Sent, text: str = DONE) -> Callable[[], None]:
    return lambda: server.control.fire("OnReceiveMsg", order.screen, order.name, TR, text)


def number(server: CannedServer, order: Sent, value: str) -> Callable[[], None]:
    return lambda: server.control.fire_order_number(order.screen, order.name, TR, value)


def report(
    server: CannedServer, value: str, status: str, left: int, original: str = "0000000", **more: str
) -> Callable[[], None]:
    values = {
        9201: ACCOUNT,
        9203: value,
        9001: "A" + CODE,
        913: status,
        902: str(left),
        904: original,
        920: more.get("screen", ""),
        919: more.get("reason", "0"),
        819: more.get("closed", "0"),
    }
    return lambda: server.control.fire_chejan("0", values)


def balance(server: CannedServer, code: str = CODE) -> Callable[[], None]:
    return lambda: server.control.fire_chejan("1", {9201: ACCOUNT, 9001: "A" + code, 930: "10"})


def queued(server: CannedServer) -> int:
    return int(server.stub.Status(kernel_pb2.StatusRequest()).queued)


def names(events: Sequence[Any]) -> list[str]:
    return [event.name for event in events]


def unreadable(*_: object) -> str:
    raise RuntimeError("the control gave nothing back")


class TestAnEventThatCannotBeRead:
    """The stream ends at once with the reason: the order's fate is to be looked up, and not waited for."""

    def test_of_its_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10, price=70_000)
            order = sent(server)
            monkeypatch.setattr(server.control, "GetCommData", unreadable)
            tell(server, number(server, order, "0000005"))
            self.ended(stream)

    @pytest.mark.parametrize("failing", [9201, 9203], ids=["whose it is", "its number"])
    def test_of_its_report(self, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10, price=70_000)
            order = sent(server)
            tell(server, number(server, order, "0000005"))
            monkeypatch.setattr(
                server.control,
                "GetChejanData",
                lambda fid: unreadable() if fid == failing else server.control.chejan.get(fid, ""),
            )
            tell(server, report(server, "0000005", "체결", 0))
            self.ended(stream)

    def ended(self, stream: Any) -> None:
        with pytest.raises(grpc.RpcError) as error:
            list(stream)
        assert error.value.code() is grpc.StatusCode.INTERNAL
        assert "the control gave nothing back" in error.value.details()
        assert "before sending it again" in error.value.details()


class TestTheScreenInItsEvents:
    def test_is_the_clients_in_every_stream_also_when_its_own_is_over(self) -> None:
        with desk() as (server, client), KoapyClient(server.address) as other:
            before = server.thread.post(lambda: server.server.host.router.counts()[1]).result(HANGS_AFTER)
            heard = [
                other.order_listen(),
                other.listen("OnReceiveChejanData"),
            ]
            wait_until(
                lambda: (
                    server.thread.post(lambda: server.server.host.router.counts()[1]).result(HANGS_AFTER)
                    == before + len(ORDER_EVENTS) + 1
                )
            )
            stream = client.order(code=CODE, quantity=10, price=70_000, screen_no="0007")
            order = sent(server)
            for event in (
                report(server, "0000005", "접수", 10, screen=order.screen),  # before its number
                number(server, order, "0000005"),
                report(server, "0000005", "체결", 0, screen=order.screen),
                balance(server),
            ):
                tell(server, event)
            events = list(stream)
            tell(server, report(server, "0000005", "확인", 0, screen=order.screen))
            tell(server, report(server, "0000006", "접수", 0, screen=order.screen))  # of an earlier server
            tell(server, report(server, "0000007", "접수", 0, screen="0101"))  # of another program
            for found, expected in (
                ([event for event in events if event.name == "OnReceiveChejanData"], ["0007"] * 2),
                *((list(itertools.islice(each, 6)), ["0007"] * 3 + ["", "0101"]) for each in heard),
            ):
                values = [
                    dict(zip(one.single_data.names, one.single_data.values, strict=True)) for one in found
                ]
                assert [one["화면번호"] for one in values if "화면번호" in one] == expected
            for each in heard:
                each.cancel()


class TestAnOrder:
    def test_is_followed_from_its_answer_to_its_last_fill(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10, price=70_000, request_name="매수", screen_no="0007")
            order = sent(server)
            assert calls(server, "SendOrder") == [
                (order.name, order.screen, ACCOUNT, 1, CODE, 10, 70_000, "00", "")
            ]
            for event in (
                message(server, order),
                number(server, order, "0000005"),
                report(server, "0000005", "접수", 10, screen=order.screen),
                report(server, "0000005", "체결", 4),
                balance(server),
                report(server, "0000005", "체결", 0),
                balance(server),
            ):
                tell(server, event)
            events = list(stream)
        assert names(events) == ["OnReceiveMsg", "OnReceiveTrData", *["OnReceiveChejanData"] * 5]
        assert plain(events[0].arguments) == ["0007", "매수", TR, DONE]
        assert plain(events[1].arguments) == ["0007", "매수", TR, "", ""]
        assert (list(events[1].single_data.names), list(events[1].single_data.values)) == (
            ["주문번호"],
            ["0000005"],
        )
        # The client reads the screen that it named.
        assert (
            dict(zip(events[2].single_data.names, events[2].single_data.values, strict=True))["화면번호"]
            == "0007"
        )

    def test_whose_events_come_before_its_number_loses_none(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            for event in (
                report(server, "0000005", "접수", 10),
                report(server, "0000005", "체결", 0),
                message(server, order),
                number(server, order, "0000005"),
                balance(server),
            ):
                tell(server, event)
            events = list(stream)
        assert names(events) == [
            "OnReceiveMsg",
            "OnReceiveTrData",
            *["OnReceiveChejanData"] * 3,
        ]

    def test_that_is_refused_ends_with_the_brokers_message(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, message(server, order, "[RC4025] 모의투자 매수증거금이 부족합니다."))
            wait_until(lambda: server.clock.next_foreground_due() is not None)
            server.clock.advance(5)
            assert next(stream).name == "OnReceiveMsg"
            with pytest.raises(grpc.RpcError) as error:
                next(stream)
        assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[attr-defined]
        assert "RC4025" in error.value.details()  # type: ignore[attr-defined]

    def test_that_gets_a_blank_number_is_refused(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, message(server, order, "[RC4027] 모의투자 상/하한가 오류입니다."))
            tell(server, number(server, order, ""))
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
        assert "RC4027" in error.value.details()  # type: ignore[attr-defined]

    def test_that_the_exchange_refuses_later_tells_why(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, number(server, order, "0000005"))
            tell(server, report(server, "0000005", "접수", 10))
            tell(server, report(server, "0000005", "거부", 0, reason="가격제한폭 초과"))
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
        assert "가격제한폭" in error.value.details()  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("returned", "status"),
        [
            (-302, grpc.StatusCode.FAILED_PRECONDITION),  # another's account
            (-340, grpc.StatusCode.FAILED_PRECONDITION),
            (-305, grpc.StatusCode.FAILED_PRECONDITION),  # too large
            (-300, grpc.StatusCode.INVALID_ARGUMENT),
            (-500, grpc.StatusCode.INVALID_ARGUMENT),
            (-307, grpc.StatusCode.UNAVAILABLE),  # it could not be sent
        ],
    )
    def test_that_the_control_does_not_take_is_over_and_not_in_doubt(
        self, returned: int, status: grpc.StatusCode
    ) -> None:
        with desk() as (server, client):
            server.control.SendOrder = lambda *_: returned  # type: ignore[attr-defined]
            with pytest.raises(grpc.RpcError) as error:
                list(client.order(code=CODE, quantity=10))
            wait_until(
                lambda: (
                    server.thread.post(lambda: server.server.host.router.counts()[0]).result(HANGS_AFTER) == 0
                )
            )
        assert error.value.code() is status  # type: ignore[attr-defined]
        assert str(returned) in error.value.details()  # type: ignore[attr-defined]

    def test_whose_answer_is_lost_is_known_by_its_screen(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, report(server, "0000004", "접수", 10, screen="9999"))
            tell(server, report(server, "0000005", "접수", 10, screen=order.screen))
            tell(server, report(server, "0000005", "체결", 0))
            server.clock.advance(20)
            tell(server, balance(server))
            events = list(stream)
        assert [event.single_data.values[1] for event in events[:2]] == ["0000005", "0000005"]

    def test_of_which_nothing_is_heard_is_told_to_be_in_doubt_and_not_sent_again(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            sent(server)
            wait_until(lambda: server.clock.next_foreground_due() is not None)
            server.clock.advance(20)
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
            assert len(calls(server, "SendOrder")) == 1
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
        assert "opt10075" in error.value.details()  # type: ignore[attr-defined]

    def test_is_in_doubt_too_when_the_connection_is_lost(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, number(server, order, "0000005"))
            tell(server, lambda: server.control.fire("OnEventConnect", -106))
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]

    def test_a_second_one_for_the_same_code_ends_by_its_own_events(self) -> None:
        with desk() as (server, client):
            first, second = client.order(code=CODE, quantity=10), None
            one = sent(server)
            second = client.order(code=CODE, quantity=20)
            two = sent(server, 1)
            for event in (
                number(server, two, "0000002"),
                report(server, "0000002", "접수", 20),
                number(server, one, "0000001"),
                report(server, "0000001", "접수", 10),
                report(server, "0000002", "체결", 0),
                balance(server),
            ):
                tell(server, event)
            ended = list(second)
            assert [event.single_data.values[1] for event in ended[1:3]] == ["0000002", "0000002"]
            tell(server, report(server, "0000001", "체결", 0))
            tell(server, balance(server))
            numbers = {
                event.single_data.values[1] for event in first if event.arguments[0].string_value == "0"
            }
            assert numbers == {"0000001"}


class TestCancelAndModify:
    def test_ends_when_it_is_confirmed_and_the_original_told_of(self) -> None:
        for order_of_events in itertools.permutations(range(2)):
            with desk() as (server, client):
                stream = client.order(code=CODE, quantity=10, order_type=3, original_order_no="0000001")
                order = sent(server)
                tell(server, number(server, order, "0000002"))
                tell(server, report(server, "0000002", "접수", 10, "0000001"))
                pair = (
                    report(server, "0000002", "확인", 0, "0000001"),
                    report(server, "0000001", "접수", 0, closed="1"),
                )
                for place in order_of_events:
                    tell(server, pair[place])
                assert len(list(stream)) == 4

    def test_ends_all_the_same_when_nothing_is_heard_of_the_original(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=5, order_type=3, original_order_no="0000001")
            order = sent(server)
            tell(server, number(server, order, "0000002"))
            tell(server, report(server, "0000002", "확인", 0, "0000001"))
            server.clock.advance(5)
            assert len(list(stream)) == 2

    def test_ends_the_order_that_it_cancels_too(self) -> None:
        with desk() as (server, client):
            stream = client.order(code=CODE, quantity=10)
            order = sent(server)
            tell(server, number(server, order, "0000001"))
            tell(server, report(server, "0000001", "접수", 10))
            tell(server, report(server, "0000002", "접수", 10, "0000001"))
            tell(server, report(server, "0000002", "확인", 0, "0000001"))
            tell(server, report(server, "0000001", "접수", 0, closed="1"))
            assert len(list(stream)) == 5


class TestWhoGoes:
    def test_leaves_nothing_behind_but_the_order(self) -> None:
        with desk() as (server, client):
            for count in range(5):
                stream = client.order(code=CODE, quantity=10)
                sent(server, count)
                stream.cancel()
            wait_until(
                lambda: (
                    server.thread.post(lambda: server.server.host.router.counts()[0]).result(HANGS_AFTER) == 0
                )
            )
            wait_until(lambda: server.clock.next_foreground_due() is None)

    def test_before_its_turn_does_not_send_it(self) -> None:
        one_a_minute = Limits("one a minute", {"order": (Window(1, 60.0),)})
        with canned_server({}, limits=one_a_minute) as server, KoapyClient(server.address) as client:
            first = client.order(code=CODE, quantity=1)
            sent(server)
            second = client.order(code=CODE, quantity=2)
            wait_until(lambda: queued(server) == 1)
            second.cancel()
            wait_until(lambda: queued(server) == 0)
            server.clock.advance(120)
            third = client.order(code=CODE, quantity=3)
            sent(server, 1)
            first.cancel()
            third.cancel()
            assert [arguments[5] for arguments in calls(server, "SendOrder")] == [1, 3]


@settings(max_examples=examples(20, 60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_in_any_order_of_events_each_of_two_orders_gets_all_of_its_events_and_ends(
    data: st.DataObject,
) -> None:
    """Within an order the broker tells in order; its number comes anywhere, and the other's in between."""
    with desk() as (server, client):
        streams, events = [], []
        for place, fills in enumerate(data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))):
            streams.append(client.order(code=CODE, quantity=fills))
            order, value = sent(server, place), f"{place + 1:07d}"
            own = [report(server, value, "접수", fills)]
            own += [report(server, value, "체결", left) for left in range(fills - 1, -1, -1)]
            own.insert(data.draw(st.integers(0, len(own))), number(server, order, value))
            events.append(own)
        while any(events):
            place = data.draw(st.sampled_from([place for place, own in enumerate(events) if own]))
            tell(server, events[place].pop(0))
        tell(server, balance(server))
        for place, stream in enumerate(streams):
            heard = list(stream)
            mine = [
                event
                for event in heard
                if event.name == "OnReceiveChejanData" and event.arguments[0].string_value == "0"
            ]
            assert {event.single_data.values[1] for event in mine} == {f"{place + 1:07d}"}
            status = [event.single_data.values[3] for event in mine]
            assert status[0] == "접수"
            assert mine[-1].single_data.values[4] == "0"
