"""ConditionCall over a control that finds whatever it is told to: turns, screens, and who gives up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from kernel_server.rpc import condition
from kernel_server.scheduler import Limits, Window
from kernel_server.wire import kernel_pb2
from tests.support.canned_server import CannedServer, calls, canned_server
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import wait_until

NAMES = [f"조건{number}" for number in range(12)]


@contextmanager
def searching() -> Iterator[CannedServer]:
    """A control with twelve conditions, of which each finds 005930."""
    once_a_minute = Limits("once a minute", {"condition": (Window(1, 60.0),)})
    with canned_server({}, limits=once_a_minute) as server:
        control = server.control

        def load() -> int:
            control.calls.append(("GetConditionLoad", ()))
            server.thread.hand_over(lambda: control.fire("OnReceiveConditionVer", 1, ""))
            return 1

        def send(screen: str, name: str, index: int, search: int) -> int:
            control.calls.append(("SendCondition", (screen, name, index, search)))
            server.thread.hand_over(
                lambda: control.fire("OnReceiveTrCondition", screen, "005930;", name, index, 0)
            )
            return 1

        listed = "".join(f"{index}^{name};" for index, name in enumerate(NAMES))
        for name, method in (
            ("GetConditionLoad", load),
            ("SendCondition", send),
            ("GetConditionNameList", lambda: listed),
        ):
            setattr(control, name, method)
        yield server


def test_a_search_is_sent_on_a_screen_of_the_servers_and_told_under_the_clients() -> None:
    with searching() as server, KoapyClient(server.address) as client:
        (event,) = client.condition(NAMES[3], 3)
        assert plain(event.arguments) == ["0102", "005930;", NAMES[3], 3, 0]
        ((screen, *rest),) = calls(server, "SendCondition")
        assert rest == [NAMES[3], 3, 0]
        wait_until(lambda: calls(server, "SendConditionStop") == [(screen, NAMES[3], 3)])


def test_the_same_condition_is_sent_once_a_minute_and_others_in_between() -> None:
    with searching() as server, KoapyClient(server.address) as client, KoapyClient(server.address) as other:
        assert len(list(client.condition(NAMES[0], 0))) == 1
        again = other.condition(NAMES[0], 0)
        wait_until(lambda: server.clock.next_foreground_due() is not None)
        assert len(list(client.condition(NAMES[1], 1))) == 1
        server.clock.advance(59)
        assert [arguments[1] for arguments in calls(server, "SendCondition")] == NAMES[:2]
        server.clock.advance(1)
        assert len(list(again)) == 1
        assert [arguments[1] for arguments in calls(server, "SendCondition")] == [*NAMES[:2], NAMES[0]]


def test_who_gives_up_waiting_for_a_turn_is_not_searched_for() -> None:
    with searching() as server, KoapyClient(server.address) as client:
        assert len(list(client.condition(NAMES[0], 0))) == 1
        again = client.condition(NAMES[0], 0)
        wait_until(lambda: server.clock.next_foreground_due() is not None)
        again.cancel()
        wait_until(lambda: server.clock.next_foreground_due() is None)
        server.clock.advance(120)
        assert client.call("GetConnectState") == 1
        assert len(calls(server, "SendCondition")) == 1


def test_a_search_that_the_control_refuses_has_not_used_up_the_minute() -> None:
    with searching() as server, KoapyClient(server.address) as client:
        served = server.control.SendCondition  # type: ignore[attr-defined]
        server.control.SendCondition = lambda *_: 0  # type: ignore[attr-defined]
        with pytest.raises(grpc.RpcError) as error:
            next(client.condition(NAMES[0], 0))
        assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        server.control.SendCondition = served  # type: ignore[attr-defined]
        assert len(list(client.condition(NAMES[0], 0))) == 1


def test_ten_live_conditions_are_no_reason_to_wait_and_an_eleventh_is_refused() -> None:
    with searching() as server, KoapyClient(server.address) as client:
        live = [client.condition(NAMES[index], index, 1) for index in range(10)]
        for stream in live:
            assert next(stream).name == "OnReceiveTrCondition"
        with pytest.raises(grpc.RpcError) as error:
            next(client.condition(NAMES[10], 10, 1))
        assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert len(list(client.condition(NAMES[10], 10))) == 1
        live[0].cancel()

        def again() -> bool:
            live[0] = client.condition(NAMES[11], 11, 1)
            try:
                return bool(next(live[0]).name == "OnReceiveTrCondition")
            except grpc.RpcError:
                return False

        wait_until(again)
        for stream in live:
            stream.cancel()


@pytest.mark.parametrize(("found", "followed"), [(100, True), (101, False)])
def test_a_condition_of_more_than_a_hundred_issues_is_searched_once_and_refused_live(
    found: int, followed: bool
) -> None:
    listed = "".join(f"{number:06d};" for number in range(found))
    with searching() as server, KoapyClient(server.address) as client:

        def send(screen: str, name: str, index: int, search: int) -> int:
            server.thread.hand_over(
                lambda: server.control.fire("OnReceiveTrCondition", screen, listed, name, index, 0)
            )
            return 1

        server.control.SendCondition = send  # type: ignore[attr-defined]
        (event,) = client.condition(NAMES[0], 0)
        assert plain(event.arguments)[1] == listed
        live = client.condition(NAMES[1], 1, 1)
        if followed:
            assert plain(next(live).arguments)[1] == listed
            live.cancel()
            return
        with pytest.raises(grpc.RpcError, match="has 101 issues, and the broker follows"):
            next(live)
        assert live.code() is grpc.StatusCode.FAILED_PRECONDITION
        wait_until(lambda: len(calls(server, "SendConditionStop")) == 2)


def test_a_search_whose_answer_is_lost_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "FOUND_WITHIN", 0.1)
    with searching() as server, KoapyClient(server.address) as client:
        server.control.SendCondition = lambda *_: 1  # type: ignore[attr-defined]
        with pytest.raises(grpc.RpcError) as error:
            next(client.condition(NAMES[0], 0))
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        wait_until(lambda: len(calls(server, "SendConditionStop")) == 1)


def test_a_live_condition_may_be_quiet_for_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    with searching() as server, KoapyClient(server.address) as client:
        live = client.condition(NAMES[0], 0, 1)
        assert next(live).name == "OnReceiveTrCondition"
        monkeypatch.setattr(condition, "FOUND_WITHIN", 0.1)  # its list has come, however slow this machine is
        fire = server.control.fire
        for pause in (0.0, 0.3):
            threading.Event().wait(pause)
            server.thread.hand_over(lambda: fire("OnReceiveRealCondition", "000660", "I", NAMES[0], "0"))
            assert next(live).name == "OnReceiveRealCondition"
        live.cancel()


class TestTheConditionsThereAre:
    def test_are_downloaded_once_a_login(self) -> None:
        with searching() as server:
            for _ in range(2):
                found = server.stub.Conditions(kernel_pb2.ConditionsRequest())
                assert [(one.index, one.name) for one in found.conditions] == list(enumerate(NAMES))
            assert loads(server) == 1

    def test_are_downloaded_again_on_request(self) -> None:
        with searching() as server:
            for _ in range(2):
                server.stub.Conditions(kernel_pb2.ConditionsRequest(reload=True))
            assert loads(server) == 2

    def test_without_a_login_are_an_error(self) -> None:
        with searching() as server:
            server.control.GetConnectState = lambda: 0  # type: ignore[attr-defined]
            with pytest.raises(grpc.RpcError) as error:
                server.stub.Conditions(kernel_pb2.ConditionsRequest())
            assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def loads(server: CannedServer) -> int:
    """How often the conditions have been downloaded."""
    return len([name for name, _ in server.control.calls if name == "GetConditionLoad"])
