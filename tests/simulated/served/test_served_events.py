"""What the simulated broker tells, as a client of the older wire hears it through a real server."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import grpc
import pytest

from kernel_server import reference
from kernel_server.simulated import BrokerSettings
from kernel_server.wire import EXPECTED_WAIT_KEY, kernel_pb2, kernel_pb2_grpc
from tests.support.koapy_client import plain
from tests.support.served import ACCOUNT, Served, served
from tests.support.waiting import HANGS_AFTER, wait_until

BLUE_CHIPS = ("대형 저평가 우량주", 0)


class TestOrders:
    def test_a_market_order_is_followed_to_its_balance(self) -> None:
        with served() as broker, broker.client() as client, broker.running():
            events = list(client.order(code="005930", quantity=3, quote_type="03", request_name="매수"))
        names = [event.name for event in events]
        assert names == ["OnReceiveMsg", "OnReceiveTrData", *["OnReceiveChejanData"] * 3]
        assert plain(events[0].arguments) == [
            "0101",
            "매수",
            "KOA_NORMAL_BUY_KP_ORD",
            "[100000] 모의투자 매수주문완료",
        ]
        assert re.fullmatch(r"\d{7}", events[1].single_data.values[0])
        fields = [
            dict(zip(event.single_data.names, event.single_data.values, strict=True)) for event in events[2:]
        ]
        assert [found.get("주문상태") for found in fields] == ["접수", "체결", None]
        assert fields[0]["화면번호"] == "0101"
        assert fields[2]["보유수량"] == "3"

    def test_chejan_before_the_number_changes_nothing(self) -> None:
        early = BrokerSettings(chejan_first=True)
        with served(settings=early) as broker, broker.client() as client, broker.running():
            events = list(client.order(code="005930", quantity=3, quote_type="03"))
        assert sorted(event.name for event in events) == sorted(
            ["OnReceiveMsg", "OnReceiveTrData", *["OnReceiveChejanData"] * 3]
        )

    @pytest.mark.parametrize("answer", ["silent", "blank"])
    def test_a_refusal_is_told_in_the_brokers_words(self, answer: str) -> None:
        settings = BrokerSettings(rejected_order=answer)  # type: ignore[arg-type]
        with (
            served(settings=settings) as broker,
            broker.client() as client,
            broker.running(),
            pytest.raises(grpc.RpcError) as error,
        ):
            list(client.order(code="005930", quantity=1_000_000, quote_type="03"))
        assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[attr-defined]
        assert "[RC4025]" in error.value.details()  # type: ignore[attr-defined]

    def test_a_cancel_ends_itself_and_the_order_it_cancels(self) -> None:
        with served() as broker, broker.client() as client, broker.client() as other:
            price = _far_below(client)
            buy = client.order(code="005930", quantity=3, price=price)
            number = next(event for event in buy if event.name == "OnReceiveTrData").single_data.values[0]
            with broker.running():
                cancel = list(other.order(code="005930", quantity=3, order_type=3, original_order_no=number))
                rest = list(buy)
        states = [
            dict(zip(event.single_data.names, event.single_data.values, strict=True)).get("주문상태")
            for event in cancel
            if event.name == "OnReceiveChejanData"
        ]
        assert "확인" in states
        assert rest[-1].single_data.values[-1] == "1"  # 819: nothing of it is open any more


class TestConditions:
    def test_are_loaded_and_searched_once_with_what_the_watch_list_tells_of_them(self) -> None:
        with served() as broker, broker.client() as client:
            (loaded,) = client.load_conditions()
            assert plain(loaded.arguments)[0] == 1
            events = list(client.condition(*BLUE_CHIPS, with_info=True))
        assert [event.name for event in events] == ["OnReceiveTrCondition", "OnReceiveTrData"]
        screen, listed, name, index, following = plain(events[0].arguments)
        assert (screen, name, index, following) == ("0102", *BLUE_CHIPS, 0)
        codes = listed.rstrip(";").split(";")
        assert list(events[1].multi_data.names) == list(reference.tr("OPTKWFID").multi_names)
        assert [row.values[0] for row in events[1].multi_data.values] == codes

    def test_go_on_being_told_while_they_are_live_and_leave_nothing_behind(self) -> None:
        with served("2026-11-20 09:30") as broker, broker.client() as client, broker.running(10.0):
            stream = client.condition("장중 급등주", 5, 1, timeout=HANGS_AFTER)
            assert next(stream).name == "OnReceiveTrCondition"
            change = next(stream)
            assert change.name == "OnReceiveRealCondition"
            assert plain(change.arguments)[1] in ("I", "D")
            assert plain(change.arguments)[2:] == ["장중 급등주", "5"]
            stream.cancel()
            wait_until(lambda: broker.on_thread(broker.control._conditions.live) == {})

    def test_searched_again_within_the_minute_wait_for_it_and_say_so(self) -> None:
        with served() as broker, broker.client() as client:
            first = plain(next(client.condition(*BLUE_CHIPS)).arguments)
            since = broker.clock.now()
            again = client.condition(*BLUE_CHIPS)
            told = dict(again.initial_metadata())
            assert 0 < int(told[EXPECTED_WAIT_KEY]) <= 60_000
            assert plain(next(again).arguments)[2:] == first[2:]
            assert broker.clock.now() - since >= int(told[EXPECTED_WAIT_KEY]) / 1000

    def test_the_same_one_again_waits_until_its_minute_is_over_for_any_client(self) -> None:
        with served() as broker, broker.client() as client, broker.client() as other:
            times = []
            for asking in (client, other, client):
                assert next(asking.condition(*BLUE_CHIPS)).name == "OnReceiveTrCondition"
                times.append(broker.clock.now())
            # An answer is read a little after it was sent, and the clock leaps in between.
            assert all(58 <= later - earlier < 70 for earlier, later in pairwise(times))
            client.call("EnsureConditionLoaded")
            assert client.call("RateLimitedSendCondition", "0103", *BLUE_CHIPS, 0) == 1
            assert 58 <= broker.clock.now() - times[-1] < 70

    def test_an_unknown_one_is_refused_with_those_that_there_are(self) -> None:
        with served() as broker, broker.client() as client, pytest.raises(grpc.RpcError) as error:
            next(client.condition("없는 조건", 0))
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
        assert BLUE_CHIPS[0] in error.value.details()  # type: ignore[attr-defined]


class TestRealTime:
    def test_trades_and_books_come_with_their_fields(self) -> None:
        with served() as broker, broker.client() as client, broker.running():
            stream = client.real(["005930", "000660"], [10, 41], infer_fids=True)
            seen: dict[str, object] = {}
            for event in stream:
                code, realtype, data = plain(event.arguments)
                assert code in ("005930", "000660")
                assert list(event.single_data.values) == data.split("\t")
                seen[realtype] = event
                if {"주식체결", "주식호가잔량"} <= seen.keys():
                    break
            stream.cancel()

    def test_a_lost_connection_is_told_and_the_registrations_are_restored_after_the_login(self) -> None:
        with served() as broker, broker.client() as client, broker.running():
            stream = client.real(["005930"], [10])
            assert next(stream).name == "OnReceiveRealData"
            broker.on_thread(broker.control.lose_connection)
            names = []
            for event in stream:
                names.append(
                    (event.name, *[value for value in plain(event.arguments) if isinstance(value, int)])
                )
                if names[-1] == ("OnReceiveRealData",) and ("OnEventConnect", 0) in names:
                    break
            stream.cancel()
        told = [entry for entry in names if entry[0] == "OnEventConnect"]
        assert told == [("OnEventConnect", -106), ("OnEventConnect", 0)]


class TestConveniences:
    def test_answer_as_koapys_server_does(self) -> None:
        with served() as broker, broker.client() as client:
            assert client.call("IsConnected") is True
            assert client.call("EnsureConnected") is True
            assert client.call("IsConditionLoaded") is False
            assert client.call("EnsureConditionLoaded") == 1
            assert client.call("IsConditionLoaded") is True
            assert client.call("LoadCondition") == 1
            heard = client.listen("OnReceiveTrData")
            client.call("SetInputValue", "종목코드", "005930")
            assert client.call("RateLimitedCommRqData", "기본", "opt10001", 0, "0101") == 0
            assert next(heard).arguments[1].string_value == "기본"
            assert client.call("RateLimitedSendCondition", "0103", *BLUE_CHIPS, 0) == 1

    def test_ensure_connected_logs_in(self) -> None:
        from tests.support.koapy_client import KoapyClient

        with served() as broker, KoapyClient(broker.server.address) as client:
            assert client.call("IsConnected") is False
            assert client.call("EnsureConnected") is True
            assert client.call("GetConnectState") == 1


HANDLER = """
class Prices(EventHandler):
    def on_enter(self):
        self.control.SetRealReg("0777", "005930", "10", "0")
    def OnReceiveRealData(self, code, realtype, data):
        if realtype == "주식체결":
            response = ListenResponse(name="price")
            response.arguments.add(string_value=self.control.GetCommRealData(code, 10))
            self.observer.on_next(response)
            self.observer.on_completed()
    def on_exit(self):
        self.control.DisconnectRealData("0777")
"""


OLDER_HANDLER = """
import time
from koapy.backend.kiwoom_open_api_plus.core.KiwoomOpenApiPlusEventHandler import (
    KiwoomOpenApiPlusEventHandler,
)

class Trades(KiwoomOpenApiPlusEventHandler):
    def __init__(self, control, request, context):
        super().__init__(control)
        self._request = request

    def on_enter(self):
        self.add_callback(self.control.DisconnectRealData, "0777")
        assert self.control.SetRealReg("0777", "005930", "10", "0") == 0

    def OnReceiveRealData(self, code, realtype, realdata):
        from koapy.backend.kiwoom_open_api_plus.grpc import KiwoomOpenApiPlusService_pb2

        if realtype == "주식체결":
            response = KiwoomOpenApiPlusService_pb2.ListenResponse()
            response.name = "OnReceiveRealData"
            response.arguments.add().string_value = code
            response.arguments.add().string_value = realtype
            self.observer.on_next(response)
            self.observer.on_completed()
"""


class TestCustomHandlers:
    def test_run_on_the_server_where_it_allows_them(self) -> None:
        with served(custom_code=True) as broker, broker.client() as client, broker.running():
            (event,) = client.custom_listen(HANDLER, "Prices")
        assert event.name == "price"
        assert re.fullmatch(r"[+-]?\d+", event.arguments[0].string_value)

    def test_that_were_written_for_koapys_server_run_as_they_are(self) -> None:
        with served(custom_code=True) as broker, broker.client() as client, broker.running():
            (event,) = client.custom_listen(OLDER_HANDLER, "Trades")
            assert plain(event.arguments)[:2] == ["005930", "주식체결"]
            wait_until(lambda: not broker.control.registry.codes("0777"))

    def test_are_refused_otherwise(self) -> None:
        with served() as broker, broker.client() as client:
            for stream in (
                client.custom_listen(HANDLER, "Prices"),
                client.custom_call_and_listen("GetConnectState", code=HANDLER, class_name="Prices"),
            ):
                with pytest.raises(grpc.RpcError) as error:
                    next(stream)
                assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED  # type: ignore[attr-defined]

    def test_that_fail_are_reported_and_harm_no_other_client(self) -> None:
        with served(custom_code=True) as broker, broker.client() as client, broker.running():
            for code, name, word in (
                ("this is no python", "X", "SyntaxError"),
                ("class Y: pass", "X", "KeyError"),
                (HANDLER.replace("response = ", "response = missing + "), "Prices", "NameError"),
            ):
                with pytest.raises(grpc.RpcError) as error:
                    next(client.custom_listen(code, name))
                assert word in error.value.details()  # type: ignore[attr-defined]
            assert client.call("GetConnectState") == 1

    def test_without_code_the_call_is_made_and_every_event_after_it_is_told(self) -> None:
        with served() as broker, broker.client() as client:
            stream = client.custom_call_and_listen("GetConditionLoad")
            assert next(stream).call_response.return_value.long_value == 1
            assert next(stream).listen_response.name == "OnReceiveConditionVer"
            stream.cancel()


def test_the_log_level_of_the_server_is_set() -> None:
    import logging

    logger = logging.getLogger("kernel_server")
    before = logger.level
    try:
        with served() as broker, broker.client() as client:
            client.set_log_level(logging.DEBUG)
            assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(before)


@pytest.mark.parametrize(
    "narrow",
    [{"requests_a_second": 1}, {"requests_a_second": 3, "window": "sliding"}, {"requests_an_hour": 30}],
)
def test_a_broker_that_takes_less_than_its_limits_refuses_a_few_times_and_does_not_ban(
    narrow: dict[str, Any],
) -> None:
    with served(settings=BrokerSettings(**narrow)) as broker, broker.client() as client:
        for number in range(60):
            (page,) = client.transaction("opt10001", {"종목코드": "005930"}, request_name=f"{number}")
            assert page.single_data.values[0] == "005930"


def test_more_than_a_hundred_codes_of_the_watch_list_are_asked_for_in_turn() -> None:
    with served() as broker, broker.client() as client:
        codes = str(client.call("GetCodeListByMarket", "0")).split(";")[:230]
        pages = list(client.transaction("OPTKWFID", {"종목코드": ";".join(codes)}))
    assert [len(page.multi_data.values) for page in pages] == [100, 100, 30]
    assert [row.values[0] for page in pages for row in page.multi_data.values] == codes


def test_a_row_of_prices_comes_as_single_data_and_as_rows() -> None:
    with served() as broker, broker.client() as client:
        (prices,) = client.transaction("opt10007", {"종목코드": "005930"})
        (book,) = client.transaction("opt10004", {"종목코드": "005930"})
    for page in (prices, book):
        assert list(page.single_data.names) == list(page.multi_data.names)
        assert [list(row.values) for row in page.multi_data.values] == [list(page.single_data.values)]
    found = dict(zip(prices.single_data.names, prices.single_data.values, strict=True))
    assert found["종목명"] == "삼성전자"
    assert int(found["총매도잔량"]) > int(found["매도1호가잔량"]) > 0


def test_an_input_that_the_broker_does_not_take_is_refused_with_those_that_it_does() -> None:
    with served() as broker, broker.client() as client, pytest.raises(grpc.RpcError) as error:
        next(client.transaction("opt10081", {"종목코드": "005930", "없는것": "1"}))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
    assert "종목코드, 기준일자, 수정주가구분" in error.value.details()  # type: ignore[attr-defined]


def _far_below(client: object) -> int:
    """A price at which a buy order waits."""
    base = int(str(client.call("GetMasterLastPrice", "005930")))  # type: ignore[attr-defined]
    return base * 8 // 10 // 1000 * 1000


class TestFaults:
    def ask(self, broker: Served, kind: str, **more: object) -> None:
        with grpc.insecure_channel(broker.server.address) as channel:
            stub = kernel_pb2_grpc.KernelStub(channel)  # type: ignore[no-untyped-call]
            stub.Fault(kernel_pb2.FaultRequest(kind=kind, **more), timeout=HANGS_AFTER)  # type: ignore[arg-type]

    def test_a_cut_is_noticed_and_the_server_logs_in_again(self) -> None:
        with served() as broker, broker.client() as client:
            heard = client.listen("OnEventConnect")
            heard.initial_metadata()
            self.ask(broker, "cut", code=-101)
            assert [plain(next(heard).arguments) for _ in range(2)] == [[-101], [0]]
            assert client.call("GetConnectState") == 1

    def test_a_restart_refuses_logins_for_its_time(self) -> None:
        with served() as broker, broker.client() as client:
            heard = client.listen("OnEventConnect")
            heard.initial_metadata()
            before = broker.clock.now()
            self.ask(broker, "restart", seconds=180)
            codes = []
            for event in heard:
                codes += plain(event.arguments)
                if codes[-1] == 0:
                    break
            assert codes[0] == -106
            assert set(codes[1:-1]) == {-101}
            assert 180 <= broker.clock.now() - before < 400

    def test_chejan_comes_first_and_logins_are_refused_and_all_is_well_again(self) -> None:
        with served() as broker, broker.client() as client, broker.running():
            self.ask(broker, "chejan_first")
            everything = client.order_listen()
            everything.initial_metadata()  # from here on it misses nothing
            broker.on_thread(
                lambda: broker.control.call(
                    "SendOrder", ("이름", "0111", ACCOUNT, 1, "005930", 1, 0, "03", "")
                )
            )
            assert next(everything).name == "OnReceiveChejanData"
            self.ask(broker, "recover")

    @pytest.mark.parametrize(
        ("kind", "more", "word"),
        [
            ("storm", {}, "there are cut"),
            ("lose", {"event": "OnNothing"}, "OnNothing"),
            ("slowness", {"extra": -1.0}, "extra"),
            ("cut", {"code": 5}, "negative"),
        ],
    )
    def test_what_there_is_not_is_refused(self, kind: str, more: dict[str, object], word: str) -> None:
        with served() as broker, pytest.raises(grpc.RpcError) as error:
            self.ask(broker, kind, **more)
        assert word in error.value.details()  # type: ignore[attr-defined]
