"""The control's events over the wire, by name: Listen, BidirectionalListen, OrderListen."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest

from kernel_server import reference
from kernel_server.rpc import listen as listen_rpc
from tests.support.canned_server import CannedServer, RequestQueue, canned_server, daily_rows, fire
from tests.support.koapy_client import KoapyClient, message, plain
from tests.support.waiting import HANGS_AFTER, wait_until

INFO = {"opt10001": [({"종목코드": "005930", "종목명": " 삼성전자 ", "현재가": "-70000"}, [])]}
DAILY = {"opt10081": [({"종목코드": "005930"}, daily_rows(3))]}
FILL = {9201: "8000000011", 9203: "0000001", 9001: "A005930", 913: "체결", 302: "삼성전자" + " " * 32}


def heard(server: CannedServer) -> Callable[[], bool]:
    """Whether somebody listens by now: the server itself does so to some."""
    before = 7  # the server itself
    return lambda: (
        server.thread.post(lambda: server.server.host.router.counts()[1]).result(HANGS_AFTER) > before
    )


def listening(handler: str = "handled_request") -> object:
    return message("BidirectionalListenRequest")(**{handler: {}})


class TestListen:
    def test_hears_an_event_with_what_is_read_inside_it(self) -> None:
        with canned_server(DAILY) as server, KoapyClient(server.address) as client:
            stream = client.listen("OnReceiveTrData")
            wait_until(heard(server))
            client.call("SetInputValue", "종목코드", "005930")
            assert client.call("CommRqData", "일봉", "opt10081", 0, "0101") == 0
            event = next(stream)
        assert (event.name, plain(event.arguments)) == (
            "OnReceiveTrData",
            ["0101", "일봉", "opt10081", "", "0"],
        )
        assert list(event.single_data.names) == list(reference.tr("opt10081").single_names)
        assert list(event.multi_data.names) == list(reference.tr("opt10081").multi_names)
        assert [row.values[1] for row in event.multi_data.values] == ["70000", "70001", "70002"]

    def test_ends_with_the_reason_where_an_event_cannot_be_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreadable(_fid: int) -> str:
            raise RuntimeError("the control gave nothing back")

        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.listen("OnReceiveChejanData")
            wait_until(heard(server))
            monkeypatch.setattr(server.control, "GetChejanData", unreadable)
            fire(server, "OnReceiveChejanData", "0", 1, "9201")
            with pytest.raises(grpc.RpcError, match="OnReceiveChejanData: the answer could not be read"):
                next(stream)

    def test_reads_a_chejan_event_by_its_own_list(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            server.control.chejan = FILL
            stream = client.listen("OnReceiveChejanData")
            wait_until(heard(server))
            fire(server, "OnReceiveChejanData", "0", len(FILL), ";".join(map(str, FILL)))
            event = next(stream)
        assert plain(event.arguments) == ["0", 5, "9201;9203;9001;913;302"]
        assert list(event.single_data.names) == [reference.fid(fid).name for fid in FILL]
        assert list(event.single_data.values) == [
            "8000000011",
            "0000001",
            "A005930",
            "체결",
            "삼성전자",
        ]

    def test_hears_only_the_events_it_named(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.listen("OnReceiveMsg", "OnReceiveRealCondition")
            wait_until(heard(server))
            fire(server, "OnReceiveConditionVer", 1, "")
            fire(server, "OnReceiveMsg", "0001", "이름", "opt10001", "[100000] 조회")
            fire(server, "OnReceiveRealCondition", "005930", "I", "조건", "3")
            assert plain(next(stream).arguments) == ["0001", "이름", "opt10001", "[100000] 조회"]
            assert plain(next(stream).arguments) == ["005930", "I", "조건", "3"]

    def test_does_not_hear_of_a_tr_that_is_another_calls_own(self) -> None:
        with canned_server(INFO) as server, KoapyClient(server.address) as client:
            stream = client.listen("OnReceiveTrData", "OnReceiveMsg")
            wait_until(heard(server))
            list(client.transaction("opt10001", {"종목코드": "005930"}))
            fire(server, "OnReceiveMsg", "0001", "이름", "", "끝")
            assert next(stream).name == "OnReceiveMsg"

    @pytest.mark.parametrize("slots", [(), ("OnReceiveNothing",)])
    def test_names_that_there_are_not_are_refused(self, slots: tuple[str, ...]) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                next(client.listen(*slots))
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]

    def test_a_listener_that_goes_is_forgotten(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            for _ in range(5):
                stream = client.listen("OnReceiveMsg", "OnReceiveTrData")
                wait_until(heard(server))
                stream.cancel()
                wait_until(lambda: not heard(server)())


class TestBidirectionalListen:
    def test_the_events_data_can_be_asked_for_until_it_is_acknowledged(self) -> None:
        with canned_server(INFO) as server, KoapyClient(server.address) as client:
            asked = RequestQueue()
            asked.put(message("BidirectionalListenRequest")(listen_request={"slots": ["OnReceiveTrData"]}))
            stream = client.bidirectional_listen(iter(asked))
            wait_until(heard(server))
            client.call("SetInputValue", "종목코드", "005930")
            client.call("CommRqData", "기본", "opt10001", 0, "0101")
            event = next(stream)
            assert plain(event.arguments) == ["0101", "기본", "opt10001", "", "0"]
            assert not event.single_data.names
            assert client.call("GetCommData", "opt10001", "", 0, "종목명") == " 삼성전자 "
            assert client.call("GetRepeatCnt", "opt10001", "") == 0
            asked.put(listening())
            wait_until(lambda: client.call("GetCommData", "opt10001", "", 0, "종목명") == "")
            asked.put(listening("stop_listen_request"))
            assert list(stream) == []

    def test_the_next_event_comes_after_the_acknowledgement_and_no_other_stream_waits(self) -> None:
        with (
            canned_server({}) as server,
            KoapyClient(server.address) as client,
            KoapyClient(server.address) as other,
        ):
            asked = RequestQueue()
            asked.put(message("BidirectionalListenRequest")(listen_request={"slots": ["OnReceiveRealData"]}))
            stream = client.bidirectional_listen(iter(asked))
            wait_until(heard(server))
            arrived: list[str] = []

            def read() -> None:
                arrived.extend(event.arguments[2].string_value for event in stream)

            reader = threading.Thread(target=read)
            reader.start()
            for number in range(3):
                fire(server, "OnReceiveRealData", "005930", "주식우선호가", f"{number}\t5")
            wait_until(lambda: arrived == ["0\t5"])
            assert client.call("GetCommRealData", "005930", 28) == "5"
            assert other.call("GetCommRealData", "005930", 28) == ""  # it is in no event
            asked.put(listening())
            wait_until(lambda: arrived == ["0\t5", "1\t5"])
            assert client.call("GetCommRealData", "005930", 27) == "1"
            asked.put(listening())
            wait_until(lambda: len(arrived) == 3)
            asked.put(listening("stop_listen_request"))
            reader.join(HANGS_AFTER)
            assert not reader.is_alive()

    def test_an_event_that_is_never_acknowledged_blocks_no_other_stream_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listen_rpc, "ACKNOWLEDGED_WITHIN", 0.05)
        with canned_server({}) as server, KoapyClient(server.address) as client:
            asked = RequestQueue()
            asked.put(message("BidirectionalListenRequest")(listen_request={"slots": ["OnReceiveMsg"]}))
            stream = client.bidirectional_listen(iter(asked))
            wait_until(heard(server))
            for number in range(3):
                fire(server, "OnReceiveMsg", "0001", "이름", "", str(number))
            assert [next(stream).arguments[3].string_value for _ in range(3)] == ["0", "1", "2"]
            stream.cancel()

    def test_a_chejan_event_can_be_read_while_it_is_handled(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            server.control.chejan = FILL
            asked = RequestQueue()
            asked.put(
                message("BidirectionalListenRequest")(listen_request={"slots": ["OnReceiveChejanData"]})
            )
            stream = client.bidirectional_listen(iter(asked))
            wait_until(heard(server))
            fire(server, "OnReceiveChejanData", "0", len(FILL), ";".join(map(str, FILL)))
            assert next(stream).arguments[0].string_value == "0"
            assert client.call("GetChejanData", 9203) == "0000001"
            assert client.call("GetChejanData", 900) == ""
            stream.cancel()

    def test_its_first_request_says_what_to_listen_to(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            asked = RequestQueue()
            asked.put(listening())
            with pytest.raises(grpc.RpcError) as error:
                next(client.bidirectional_listen(iter(asked)))
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("second", "said"),
        [
            ({"listen_request": {"slots": ["x" * 20_000]}}, "slots has 20,000 letters"),
            ({"listen_request": {"slots": ["OnReceiveMsg"]}}, "handled and stop"),
            ({}, "handled and stop"),
        ],
    )
    def test_a_second_request_that_is_wrong_ends_the_stream_with_the_reason(
        self, second: dict[str, object], said: str
    ) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            asked = RequestQueue()
            asked.put(message("BidirectionalListenRequest")(listen_request={"slots": ["OnReceiveMsg"]}))
            stream = client.bidirectional_listen(iter(asked))
            wait_until(heard(server))
            fire(server, "OnReceiveMsg", "0001", "이름", "", "1")
            fire(server, "OnReceiveMsg", "0001", "이름", "", "2")
            next(stream)
            asked.put(message("BidirectionalListenRequest")(**second))
            next(stream)  # what had happened before
            with pytest.raises(grpc.RpcError) as error:
                next(stream)
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
            assert said in error.value.details()  # type: ignore[attr-defined]


class TestOrderListen:
    def test_hears_of_anybodys_orders_and_of_nothing_else(self) -> None:
        with canned_server(INFO) as server, KoapyClient(server.address) as client:
            server.control.chejan = FILL
            stream = client.order_listen()
            wait_until(heard(server))
            client.call("SetInputValue", "종목코드", "005930")
            client.call("CommRqData", "기본", "opt10001", 0, "0101")
            fire(server, "OnEventConnect", 0)
            fire(server, "OnReceiveChejanData", "0", len(FILL), ";".join(map(str, FILL)))
            event = next(stream)
        assert event.name == "OnReceiveChejanData"
        assert event.single_data.values[1] == "0000001"
