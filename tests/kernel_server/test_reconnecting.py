"""The server stays logged in: it notices a lost connection and silence, and mends both."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import grpc
import pytest

from kernel_server.reconnecting import ReconnectSettings, usually_open
from tests.fakes.canned_control import CannedControl
from tests.support.canned_server import CannedServer, calls, canned_server, fire
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until


def state(server: CannedServer) -> str:
    return server.server.reconnector.state


def advance(server: CannedServer, seconds: float) -> None:
    """Time goes by, and what came due on the control thread has been done."""
    server.clock.advance(seconds)
    server.thread.post(lambda: None).result(HANGS_AFTER)
    server.thread.post(lambda: None).result(HANGS_AFTER)


def refuse_logins(server: CannedServer, code: int) -> Callable[[], None]:
    """Every login fails, until what comes back is called."""
    usual = server.control.CommConnect

    def refuse() -> int:
        server.control.calls.append(("CommConnect", ()))
        server.control._later(lambda: server.control.fire("OnEventConnect", code))
        return 0

    server.control.CommConnect = refuse  # type: ignore[method-assign]

    def again() -> None:
        server.control.CommConnect = usual  # type: ignore[method-assign]

    return again


def test_a_lost_connection_is_logged_in_again_and_everything_registered_as_before() -> None:
    with canned_server({}) as server, KoapyClient(server.address) as client:
        stream = client.real(["005930"], [10])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        fire(server, "OnEventConnect", -106)
        assert state(server) == "lost"
        assert "lost (-106)" in server.server.reconnector.problems()[0]
        advance(server, 5)
        wait_until(lambda: state(server) == "in")
        assert calls(server, "SetRealReg") == [("5101", "005930", "10", "1")] * 2
        assert server.server.reconnector.problems() == []
        told = [next(stream).arguments[0].long_value for _ in range(2)]
        assert told == [-106, 0]
        stream.cancel()


def test_it_is_tried_again_and_again_but_ever_more_rarely() -> None:
    with canned_server({}) as server:
        wait_until(lambda: state(server) == "in")
        again = refuse_logins(server, -101)
        fire(server, "OnEventConnect", -106)
        tries = []
        for second in range(1, 1000):
            advance(server, 1)
            if len(calls(server, "CommConnect")) > len(tries):
                tries.append(second)
        assert [later - earlier for earlier, later in itertools.pairwise(tries)] == [
            10,
            20,
            40,
            80,
            160,
            300,
            300,
        ]
        again()
        advance(server, 300)
        wait_until(lambda: state(server) == "in")


def test_it_is_still_tried_after_days_without_a_login() -> None:
    with canned_server({}) as server:
        wait_until(lambda: state(server) == "in")
        again = refuse_logins(server, -101)
        fire(server, "OnEventConnect", -106)
        for _ in range(1_100):
            advance(server, 300)
        again()
        advance(server, 300)
        wait_until(lambda: state(server) == "in")


def test_a_server_without_a_first_login_does_not_log_in_by_itself() -> None:
    with canned_server({}, connected=False) as server:
        fire(server, "OnEventConnect", -100)
        advance(server, 600)
        assert state(server) == "never"
        assert not calls(server, "CommConnect")


def test_reconnecting_can_be_switched_off() -> None:
    with canned_server({}, reconnect=ReconnectSettings(again=False)) as server:
        wait_until(lambda: state(server) == "in")
        fire(server, "OnEventConnect", -106)
        advance(server, 600)
        assert state(server) == "lost"
        assert "log in again" in server.server.reconnector.problems()[0]


def test_silence_while_the_market_is_open_has_everything_registered_anew() -> None:
    with canned_server({}, is_open=lambda _: True) as server, KoapyClient(server.address) as client:
        stream = client.real(["005930"], [27])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        advance(server, 61)
        wait_until(lambda: len(calls(server, "SetRealReg")) == 2)
        assert "no real-time event since" in server.server.reconnector.problems()[0]
        fire(server, "OnReceiveRealData", "005930", "주식우선호가", "1\t2")
        assert server.server.reconnector.problems() == []
        stream.cancel()


def test_silence_means_nothing_where_nothing_is_registered_or_the_market_is_closed() -> None:
    with canned_server({}, is_open=lambda _: True) as server:
        advance(server, 600)
        assert server.server.reconnector.problems() == []
    with canned_server({}, is_open=lambda _: False) as server, KoapyClient(server.address) as client:
        stream = client.real(["005930"], [27])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        advance(server, 600)
        assert len(calls(server, "SetRealReg")) == 1
        assert server.server.reconnector.problems() == []
        stream.cancel()


def test_a_registration_that_is_refused_after_the_login_is_tried_again_until_it_is_taken() -> None:
    with canned_server({}) as server, KoapyClient(server.address) as client:
        stream = client.real(["005930"], [10])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        server.control.SetRealReg = lambda *_: -200  # type: ignore[attr-defined]
        fire(server, "OnEventConnect", -106)
        advance(server, 5)
        wait_until(lambda: state(server) == "in")
        assert "could be registered again" in server.server.reconnector.problems()[0]
        del server.control.SetRealReg  # type: ignore[attr-defined]
        advance(server, 5)
        wait_until(lambda: len(calls(server, "SetRealReg")) == 2)
        assert server.server.reconnector.problems() == []
        stream.cancel()


def test_a_registration_that_fails_leaves_those_of_others_for_the_next_login() -> None:
    with canned_server({}) as server, KoapyClient(server.address) as client:
        stream = client.real(["005930"], [10])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        server.control.SetRealReg = lambda *_: -200  # type: ignore[attr-defined]
        with pytest.raises(grpc.RpcError):
            next(client.real(["005930"], [27]))
        del server.control.SetRealReg  # type: ignore[attr-defined]
        fire(server, "OnEventConnect", -106)
        advance(server, 5)
        wait_until(lambda: state(server) == "in")
        assert calls(server, "SetRealReg")[-1] == ("5101", "005930", "10", "1")
        stream.cancel()


def test_a_login_without_an_end_is_tried_again() -> None:
    with canned_server({}) as server:
        wait_until(lambda: state(server) == "in")
        server.control.CommConnect = lambda: 0  # type: ignore[method-assign]
        server.control._connected = False
        fire(server, "OnEventConnect", -106)
        advance(server, 5)
        assert "logging in since" in server.server.reconnector.problems()[0]
        del server.control.CommConnect
        for _ in range(60):
            advance(server, 5)
        wait_until(lambda: state(server) == "in")


def test_without_a_calendar_a_weekday_from_nine_to_the_closing_auction_counts_as_open() -> None:
    noon = 1_790_046_000.0  # Tuesday 2026-09-22 12:00 in Seoul
    assert usually_open(noon)
    assert not usually_open(noon + 4 * 3600)
    assert not usually_open(noon + 4 * 86_400)


class TestALoginAtTheStart:
    def test_needs_no_client(self) -> None:
        with canned_server({}, connected=False, reconnect=ReconnectSettings(at_start=True)) as server:
            advance(server, 0)
            wait_until(lambda: state(server) == "in")
            assert server.server.reconnector.problems() == []

    def test_that_is_refused_is_a_problem_and_is_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(control: CannedControl) -> int:
            control._later(lambda: control.fire("OnEventConnect", -101))
            return 0

        monkeypatch.setattr(CannedControl, "CommConnect", refuse)
        with canned_server({}, connected=False, reconnect=ReconnectSettings(at_start=True)) as server:
            problems = server.server.reconnector.problems
            wait_until(lambda: "not logged in to the broker yet (-101)" in "".join(problems()))
            monkeypatch.undo()
            advance(server, 0)  # it has been noted when to try again
            advance(server, 5)
            wait_until(lambda: state(server) == "in")

    def test_is_left_to_a_client_otherwise(self) -> None:
        with canned_server({}, connected=False) as server:
            advance(server, 600)
            assert calls(server, "CommConnect") == []
            assert state(server) == "never"
