"""Login: before it, in it, after it, and when the connection is cut."""

from __future__ import annotations

import queue
import threading

import pytest

from kernel_server.clock import SteppedClock
from kernel_server.control.seam import Event
from kernel_server.control.thread import PlainThread
from kernel_server.simulated.control import SimulatedControl
from kernel_server.simulated.settings import AccountSetting, BrokerSettings
from tests.support.simulated_broker import SimulatedBroker, moment, small_market
from tests.support.waiting import HANGS_AFTER


def test_login_comes_as_an_event_well_after_the_call() -> None:
    rig = SimulatedBroker(small_market())
    assert rig.call("GetConnectState") == 0
    assert rig.call("CommConnect") == 0
    rig.settle(0.3)
    assert rig.events == []
    assert rig.call("GetConnectState") == 0
    states = []
    rig.control.listen(lambda event: states.append((event, rig.call("GetConnectState"))))
    rig.settle(0.2)
    assert states == [(Event("OnEventConnect", (0,)), 1)]


def test_the_login_delay_leaves_time_for_a_listener() -> None:
    with pytest.raises(ValueError, match=r"0\.3"):
        BrokerSettings(login_delay=0.2)


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("CommRqData", ("요청", "opt10001", 0, "0101"), -100),
        ("CommKwRqData", ("005930", 0, 1, 0, "요청", "0101"), -100),
        ("SetRealReg", ("0101", "005930", "10", "0"), -100),
        ("GetLoginInfo", ("USER_ID",), ""),
        ("GetCodeListByMarket", ("0",), ""),
        ("GetMasterCodeName", ("005930",), ""),
        ("GetMasterListedStockCnt", ("005930",), 0),
        ("KOA_Functions", ("GetServerGubun", ""), ""),
        ("GetConditionLoad", (), 0),
        ("SendCondition", ("0101", "조건", 0, 0), 0),
        ("SetRealRemove", ("ALL", "ALL"), None),
        ("GetAPIModulePath", (), r"C:\OpenAPI"),
        ("GetCommDataEx", ("opt10081", ""), None),
    ],
)
def test_before_login(name: str, arguments: tuple[str | int, ...], answer: object) -> None:
    rig = SimulatedBroker(small_market())
    assert rig.call(name, *arguments) == answer
    rig.settle()
    assert rig.events == []


def test_login_info() -> None:
    accounts = (AccountSetting("8000000011", "홍길동"), AccountSetting("7000000031", "홍길동", "선물옵션"))
    rig = SimulatedBroker(small_market(), accounts=accounts, user_id="hong", user_name="홍길동").login()
    wanted = {
        "ACCOUNT_CNT": "2",
        "ACCNO": "8000000011;7000000031;",
        "ACCLIST": "8000000011;7000000031;",
        "ACCTLIST_DETAIL": "8000000011,홍길동,위탁종합;7000000031,홍길동,선물옵션",
        "USER_ID": "hong",
        "USER_NAME": "홍길동",
        "GetServerGubun": "1",
        "KEY_BSECGB": "0",
        "FIREW_SECGB": "0",
        "NO_SUCH_TAG": "",
    }
    assert {tag: rig.call("GetLoginInfo", tag) for tag in wanted} == wanted
    assert rig.call("KOA_Functions", "GetServerGubun", "") == "1"
    assert rig.call("KOA_Functions", "ShowAccountWindow", "") == ""


def test_account_numbers_stay_out_of_a_repr() -> None:
    assert "8000000011" not in repr(BrokerSettings())


def test_a_cut_loses_answers_registrations_and_pages() -> None:
    rig = SimulatedBroker(small_market()).login()
    inputs = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
    rig.page("opt10081", **inputs)
    rig.call("SetRealReg", "0200", "005930", "10", "0")
    assert rig.send("opt10001", 종목코드="005930") == 0
    rig.control.lose_connection()
    assert rig.events[-1] == Event("OnEventConnect", (-106,))
    assert rig.call("GetConnectState") == 0
    assert rig.control.registry.screens() == ()
    rig.login()
    assert len(rig.pages) == 1
    assert rig.page("opt10081", 2, **inputs).rows == rig.pages[0].rows


def test_nothing_is_fired_after_close() -> None:
    rig = SimulatedBroker(small_market()).login()
    assert rig.send("opt10001", 종목코드="005930") == 0
    rig.control.close()
    rig.settle()
    assert rig.call("CommConnect") == 0
    rig.settle()
    assert rig.events == []
    assert rig.call("GetConnectState") == 0


def test_what_it_is() -> None:
    control = SimulatedBroker(small_market()).control
    assert (control.kind, control.source) == ("simulated", "simulated:hand")


def test_orders_for_derivatives_are_refused_with_a_message() -> None:
    rig = SimulatedBroker(small_market()).login()
    future = ("선물", "0303", "8000000011", "101V9000", 1, "2", "1", 1, "300.00", "")
    assert rig.call("SendOrderFO", *future) == -307
    rig.settle()
    assert [event.name for event in rig.events] == ["OnReceiveMsg"]
    assert rig.events[0].arguments[:2] == ("0303", "선물")
    assert all("주문" in text for text in rig.messages())


def test_on_a_separate_control_thread() -> None:
    thread = PlainThread()
    clock = SteppedClock(moment("2022-01-18 14:22"), jump=True)
    seen: queue.SimpleQueue[tuple[str, str, object]] = queue.SimpleQueue()

    def make() -> SimulatedControl:
        control = SimulatedControl(small_market(), clock, BrokerSettings(), thread.hand_over)

        def listen(event: Event) -> None:
            name = control.call("GetCommData", ("opt10001", "", 0, "종목명"))
            seen.put((event.name, threading.current_thread().name, name))

        control.listen(listen)
        return control

    def ask() -> object:
        control.call("SetInputValue", ("종목코드", "005930"))
        return control.call("CommRqData", ("요청", "opt10001", 0, "0101"))

    try:
        control = thread.post(make).result(HANGS_AFTER)
        assert thread.post(lambda: control.call("CommConnect", ())).result(HANGS_AFTER) == 0
        assert seen.get(timeout=HANGS_AFTER) == ("OnEventConnect", "control", "")
        assert thread.post(ask).result(HANGS_AFTER) == 0
        name, where, value = seen.get(timeout=HANGS_AFTER)
        assert (name, where, str(value).strip()) == ("OnReceiveTrData", "control", "삼성전자")
    finally:
        clock.close()
        thread.stop()
