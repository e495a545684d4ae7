"""Waiting for a turn, as a client on the wire sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from kernel_server.scheduler import BackOff, StateTaken
from kernel_server.wire import (
    AHEAD_KEY,
    EXPECTED_START_KEY,
    EXPECTED_WAIT_KEY,
    ORIGIN_KEY,
    PROBLEM_KEY,
    WAITED_KEY,
    kernel_pb2,
)
from tests.support.canned_server import NOW, CannedServer, canned_server, daily_rows, official
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until

PAGES = {"opt10081": [({}, daily_rows(2))] * 9}
DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
ASK = ("CommRqData", "이름", "opt10081", 0, "0101")
SEARCH = ("SendCondition", "0201", "골든크로스", 0, 0)


def ours(metadata: Any) -> dict[str, str]:
    others = (PROBLEM_KEY, ORIGIN_KEY)
    return {key: value for key, value in metadata if key.startswith("koalab-") and key not in others}


def problem(error: Any) -> kernel_pb2.Problem:
    return kernel_pb2.Problem.FromString(dict(error.trailing_metadata())[PROBLEM_KEY])


def status(server: CannedServer, trs: int = 0) -> kernel_pb2.StatusResponse:
    return server.stub.Status(kernel_pb2.StatusRequest(trs=trs))


def answer(call: Any) -> int:
    return int(next(call).return_value.long_value)


def waits(server: CannedServer, count: int) -> None:
    wait_until(lambda: status(server).queued == count)


def searching(server: CannedServer, *codes: int) -> None:
    """Conditions answer, with these codes and then with success."""
    left = list(codes)
    server.control.SendCondition = lambda *_: left.pop(0) if left else 1  # type: ignore[attr-defined]


def test_a_call_that_has_to_wait_says_at_once_how_long_and_in_the_end_how_long_it_was() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        for _ in range(5):
            assert client.call(*ASK) == 0
        call = client.start(*ASK)
        assert ours(call.initial_metadata()) == {
            AHEAD_KEY: "0",
            EXPECTED_WAIT_KEY: "1000",
            EXPECTED_START_KEY: str(round((NOW + 1) * 1000)),
        }
        assert not call.done()
        server.clock.advance(1.0)
        assert answer(call) == 0
        assert ours(call.trailing_metadata()) == {WAITED_KEY: "1000"}


def test_a_page_that_has_to_wait_behind_others_of_its_request_comes_all_the_same() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        stream = client.transaction("opt10081", DAILY)
        for _ in range(5):
            next(stream)
        waits(server, 1)
        server.clock.advance(1.0)
        assert len(list(stream)) == 4
        assert ours(stream.trailing_metadata()) == {WAITED_KEY: "1000"}  # type: ignore[attr-defined]


def test_those_that_wait_are_told_who_is_before_them() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        calls = [client.start(*ASK) for _ in range(12)]
        wait_until(lambda: len(server.control.asked) == 5)
        waits(server, 7)
        late = client.start(*ASK)
        told = ours(late.initial_metadata())
        assert (told[AHEAD_KEY], told[EXPECTED_WAIT_KEY]) == ("7", "2000")
        server.clock.advance(1.0)
        waits(server, 3)
        server.clock.advance(1.0)
        assert [answer(call) for call in [*calls, late]] == [0] * 13
        assert ours(late.trailing_metadata()) == {WAITED_KEY: "2000"}


def test_a_call_that_goes_at_once_says_that_it_did_not_wait() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        call = client.start(*ASK)
        assert answer(call) == 0
        assert ours(call.initial_metadata()) == {}
        assert ours(call.trailing_metadata()) == {WAITED_KEY: "0"}


def test_what_the_broker_does_not_count_says_nothing_of_waiting() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        call = client.start("GetConnectState")
        assert answer(call) == 1
        assert ours(call.initial_metadata()) == ours(call.trailing_metadata()) == {}


def test_a_tr_tells_of_its_first_page_in_the_beginning_and_of_all_pages_in_the_end() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        for _ in range(5):
            client.call(*ASK)
        pages = client.transaction("opt10081", DAILY)
        assert ours(pages.initial_metadata())[EXPECTED_WAIT_KEY] == "1000"
        server.clock.advance(1.0)
        for _ in range(5):
            next(pages)
        waits(server, 1)
        server.clock.advance(1.0)
        assert sum(1 for _ in pages) == 4
        assert ours(pages.trailing_metadata()) == {WAITED_KEY: "2000"}


def test_our_client_hears_at_once_how_long_a_page_waits() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        for _ in range(5):
            client.call(*ASK)
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY, max_pages=1)
        pages = server.stub.Pages(request, timeout=HANGS_AFTER)
        first = next(pages)
        assert (first.waiting.ahead, first.waiting.expected_wait) == (0, 1.0)
        server.clock.advance(1.0)
        assert [page.rows for page in pages if not page.HasField("waiting")] == [2]


def test_a_second_search_waits_for_its_minute_while_everything_else_goes_on() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        searching(server)
        assert client.call(*SEARCH) == 1
        again = client.start(*SEARCH)
        assert ours(again.initial_metadata())[EXPECTED_WAIT_KEY] == "60000"
        assert client.call("SendCondition", "0202", "데드크로스", 1, 0) == 1
        assert client.call(*ASK) == 0
        assert not again.done()
        server.clock.advance(60.0)
        assert answer(again) == 1


def test_a_search_that_failed_may_be_tried_again_at_once() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        searching(server, 0)
        assert [client.call(*SEARCH), client.call(*SEARCH)] == [0, 1]


def test_a_second_search_fails_at_once_where_the_server_is_set_so() -> None:
    with canned_server(PAGES, official(), back_off=BackOff(when_full="fail")) as server:
        with KoapyClient(server.address) as client:
            searching(server)
            assert client.call(*SEARCH) == 1
            with pytest.raises(grpc.RpcError) as error:
                client.call(*SEARCH)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        found = problem(error.value)
        assert (found.kind, found.code, found.retry_at) == ("RateLimited", 0, NOW + 60.0)
        assert "condition:0:골든크로스" in found.message


def test_account_queries_that_are_refused_hold_up_no_other_tr() -> None:
    inputs = ("계좌번호", "8000000011"), ("조회구분", "1")
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        send, refused = server.control.CommRqData, [-211]

        def comm_rq_data(name: str, code: str, prev_next: int, screen: str) -> int:
            if code == "opw00018":
                return refused.pop(0) if refused else 0
            return send(name, code, prev_next, screen)

        server.control.CommRqData = comm_rq_data  # type: ignore[method-assign]
        for name, value in inputs:
            client.call("SetInputValue", name, value)
        account = client.start("CommRqData", "잔고", "opw00018", 0, "0301")
        waits(server, 1)
        wait_until(lambda: not refused)
        assert client.call(*ASK) == 0
        assert not account.done()
        server.clock.advance(1.0)
        assert answer(account) == 0


def test_a_caller_that_gives_up_leaves_the_queue_and_is_never_called() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        for _ in range(5):
            client.call(*ASK)
        calls = [client.start(*ASK) for _ in range(4)]
        waits(server, 4)
        for call in calls[:3]:
            call.cancel()
        waits(server, 1)
        server.clock.advance(1.0)
        assert answer(calls[3]) == 0
        assert len(server.control.asked) == 6


def test_the_status_says_what_waits_and_how_long_more_would_take() -> None:
    with canned_server(PAGES, official()) as server, KoapyClient(server.address) as client:
        searching(server)
        client.call(*SEARCH)
        for _ in range(4):
            client.call(*ASK)
        calls = [client.start(*ASK), client.start(*ASK), client.start(*SEARCH)]
        bulk = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY, priority=kernel_pb2.BULK)
        calls.append(server.stub.Pages(bulk))
        waits(server, 4)
        found = status(server, trs=8)
        waiting = [(one.kind, one.priority, one.calls) for one in found.waiting]
        assert waiting == [("tr", "interactive", 3), ("tr", "bulk", 1)]
        # Two calls, the bulk work and seven of the eight go before the last; five go in a second.
        assert found.expected_wait == pytest.approx(3.0)
        assert status(server).expected_wait == 0.0
        (minute,) = [one for one in found.quotas if one.kind.startswith("condition")]
        assert (minute.kind, minute.limit, minute.allowed, minute.used, minute.next_free) == (
            "condition:0:골든크로스",
            1,
            1,
            1,
            60.0,
        )
        for call in calls:
            call.cancel()


def test_two_servers_cannot_keep_their_calls_in_one_folder(tmp_path: Path) -> None:
    with (
        canned_server(PAGES, official(), state_dir=tmp_path) as server,
        KoapyClient(server.address) as client,
    ):
        for _ in range(5):
            client.call(*ASK)
        with (
            pytest.raises(StateTaken, match="--state-dir"),
            canned_server(PAGES, official(), state_dir=tmp_path),
        ):
            pass
    with canned_server(PAGES, official(), state_dir=tmp_path) as server:
        (hour,) = (one for one in status(server).quotas if one.seconds == 3600.0)
        assert hour.used == 5
