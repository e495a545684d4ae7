"""What can be seen of a server: its log, its metrics, its health."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import example, given
from hypothesis import strategies as st

from kernel_server.clock import KST
from kernel_server.observe import logs, masking
from kernel_server.observe.health import HealthMonitor, HealthSettings
from kernel_server.observe.metrics import Metrics
from kernel_server.observe.phase import seconds_behind
from kernel_server.scheduler import BackOff
from kernel_server.security import tokens
from kernel_server.wire import kernel_pb2, openapi_pb2
from tests.fakes.canned_control import CannedControl
from tests.kernel_server.security.test_access import ORDER, call
from tests.support.canned_server import NOW, CannedServer, canned_server, daily_rows, official, stepping
from tests.support.waiting import HANGS_AFTER, wait_until

DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
PAGES = {
    "opt10081": [({"종목코드": "005930"}, daily_rows(600, 20261119 - 600 * number)) for number in range(3)]
}
QUICK = HealthSettings(every=0.01, patience=30.0)
# A machine that has much else to do must not look like a control that is stuck.
IMPATIENT = HealthSettings(every=0.01, patience=1.0)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def lines() -> Iterator[Any]:
    """What the server logs, as it would be written in JSON: a call gives the lines so far."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LineFormatter("json"))
    logger = logging.getLogger("kernel_server")
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.setLevel(before)
    logger.removeHandler(handler)


def rpcs(lines: Any, method: str) -> list[dict[str, Any]]:
    return [line for line in lines() if line["event"] == "rpc" and line["method"] == method]


class TestTheLog:
    def test_has_one_line_an_rpc(self, lines: Any) -> None:
        with canned_server(PAGES) as server:
            server.stub.Status(kernel_pb2.StatusRequest())
            server.pages("opt10081", DAILY)
            with pytest.raises(grpc.RpcError):
                server.pages("opt10081", {"없는입력": "1"})
        (status,) = rpcs(lines, "Kernel/Status")
        assert status["status"] == "OK"
        assert status["client"].startswith("ipv4:127.0.0.1:")
        assert status["seconds"] >= 0
        whole, failed = rpcs(lines, "Kernel/Pages")
        assert (whole["tr"], whole["pages"], whole["rows"], whole["status"]) == ("opt10081", 3, 1800, "OK")
        assert failed["status"] == "INVALID_ARGUMENT"

    def test_tells_what_was_ordered_and_what_came_of_it(self, lines: Any) -> None:
        with canned_server({}) as server:
            server.control.SendOrder = lambda *_: -307  # type: ignore[attr-defined]
            server.stub.Call(call("SendOrder", *ORDER))
        (line,) = rpcs(lines, "Kernel/Call")
        wanted = {"action": "buy", "code": "005930", "quantity": 10, "price": "70000", "result": -307}
        assert wanted.items() <= line.items()
        assert line["account"] == "80****11"

    def test_tells_who_was_refused_and_why(self, lines: Any, tmp_path: Any) -> None:
        from kernel_server.security.access import Access
        from kernel_server.security.rights import Right

        token = tokens.add(tmp_path / "tokens.tsv", "robot", Right.READ)
        with canned_server({}, access=Access(tokens=tmp_path / "tokens.tsv", refusal_delay=0.0)) as server:
            with pytest.raises(grpc.RpcError):
                server.stub.Call(call("SendOrder", *ORDER), metadata=[("authorization", f"Bearer {token}")])
            with pytest.raises(grpc.RpcError):
                server.stub.Call(call("SendOrder", *ORDER))
        known, stranger = rpcs(lines, "Kernel/Call")
        assert (known["caller"], known["status"], known["level"]) == ("robot", "PERMISSION_DENIED", "WARNING")
        assert known["action"] == "buy"
        assert (stranger["status"], "caller" in stranger) == ("UNAUTHENTICATED", False)
        assert "token" in stranger["reason"]

    def test_tells_of_a_client_that_went_away(self, lines: Any) -> None:
        with canned_server({"opt10081": PAGES["opt10081"] * 3}, official()) as server:
            stream = server.stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY))
            for _ in range(5):
                next(stream)
            stream.cancel()
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).streams == 0)
        (line,) = rpcs(lines, "Kernel/Pages")
        assert (line["status"], line["pages"]) == ("CANCELLED", 5)

    def test_is_not_filled_by_those_who_look_after_the_server(self, lines: Any) -> None:
        with canned_server({}) as server:
            channel = grpc.insecure_channel(server.address)
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            channel.close()
        (line,) = rpcs(lines, "Health/Check")
        assert line["level"] == "DEBUG"

    def test_goes_quiet_and_loud_by_request(self) -> None:
        logger = logging.getLogger("kernel_server.transactions")
        try:
            logs.set_level("debug", "kernel_server.transactions")
            assert logger.isEnabledFor(logging.DEBUG)
            logs.set_level(30)
            assert logging.getLogger("kernel_server").level == logging.WARNING
        finally:
            logger.setLevel(logging.NOTSET)
            logging.getLogger("kernel_server").setLevel(logging.NOTSET)

    @pytest.mark.parametrize(
        ("level", "logger"),
        [
            ("loud", ""),
            (-1, ""),
            (101, ""),
            (10, "root"),
            (10, "kernel_server.nothing"),
            (10, "kernel_serverx"),
        ],
    )
    def test_takes_no_level_or_logger_that_there_is_not(self, level: int | str, logger: str) -> None:
        with pytest.raises(ValueError):
            logs.set_level(level, logger)
        assert "kernel_server.nothing" not in logging.root.manager.loggerDict


def record(message: str, **fields: object) -> logging.LogRecord:
    found = logging.LogRecord("kernel_server.test", logging.INFO, "x.py", 1, message, (), None)
    found.fields = fields
    return found


class TestALine:
    @given(st.text(), st.dictionaries(st.sampled_from(["code", "tr", "reason"]), st.text()))
    def test_is_one_line_for_any_text_that_clients_send(self, message: str, fields: dict[str, str]) -> None:
        text = logs.LineFormatter("json").format(record(message, **fields))
        assert len(text.splitlines()) == 1
        json.loads(text)
        plain = logs.LineFormatter("text").format(record("rpc", **fields))
        assert len(plain.splitlines()) == 1

    def test_reads_as_names_and_values(self) -> None:
        text = logs.LineFormatter("text").format(
            record("rpc", method="Kernel/Call", reason="two words", rows=3)
        )
        assert text.endswith('INFO kernel_server.test: rpc method=Kernel/Call reason="two words" rows=3')

    def test_keeps_the_trace_of_an_error_without_what_is_secret_in_it(self) -> None:
        token = tokens.new_token()
        for kind in logs.FORMATS:
            one = record("it failed")
            try:
                raise RuntimeError(f"account 8000000011, {token}")
            except RuntimeError as error:
                one.exc_info = (type(error), error, error.__traceback__)
            text = logs.LineFormatter(kind).format(one)
            assert "RuntimeError" in text
            assert "80****11" in text
            assert "8000000011" not in text
            assert token not in text

    @example("8000000011", "\U000116c0")  # a digit, and no part of an account number
    @given(st.from_regex(r"[0-9]{10}", fullmatch=True), st.from_regex(r"[^0-9.]*", fullmatch=True))
    def test_shows_of_an_account_its_ends_only(self, number: str, around: str) -> None:
        assert number not in masking.masked(f"{around}{number}{around}")
        assert masking.account(number) in masking.masked(f"{around}{number};")

    @given(st.from_regex(r"[0-9]{1,9}|[0-9]{11,15}", fullmatch=True))
    def test_leaves_other_numbers_alone(self, number: str) -> None:
        assert masking.masked(f"거래량 {number} 주") == f"거래량 {number} 주"

    def test_shows_no_token(self) -> None:
        token = tokens.new_token()
        assert token not in masking.masked(f"with {token} in it")
        assert "secret" not in masking.masked("authorization: bearer secret")


def scraped(server: CannedServer) -> dict[str, float]:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{server.server.metrics_port}/metrics", timeout=HANGS_AFTER
    ) as answer:
        text = answer.read().decode()
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


class TestTheMetrics:
    def test_count_rpcs_by_method_and_status(self) -> None:
        with canned_server(PAGES, metrics_port=0) as server:
            for _ in range(3):
                server.stub.Status(kernel_pb2.StatusRequest())
            with pytest.raises(grpc.RpcError):
                server.pages("opt10081", {"없는입력": "1"})
            failed = 'koalab_rpcs_total{method="Kernel/Pages",status="INVALID_ARGUMENT"}'
            wait_until(lambda: failed in scraped(server))  # the caller is told first
            found = scraped(server)
        assert found['koalab_rpcs_total{method="Kernel/Status",status="OK"}'] == 3
        assert found[failed] == 1
        assert found['koalab_rpc_seconds_count{method="Kernel/Status"}'] == 3

    def test_count_trs_and_how_long_their_answers_took(self) -> None:
        with canned_server(PAGES, metrics_port=0) as server:
            server.pages("opt10081", DAILY)
            server.stub.Call(call("SetInputValue", "종목코드", "005930"))
            server.stub.Call(call("CommRqData", "일봉", "opt10081", 0, "0101"))
            found = scraped(server)
        assert found['koalab_trs_total{tr="opt10081"}'] == 4
        assert found["koalab_tr_answer_seconds_count"] == 3

    def test_count_orders_refusals_and_events(self) -> None:
        with canned_server(PAGES, back_off=BackOff(attempts=2), metrics_port=0) as server:
            server.stub.Call(call("SendOrder", *ORDER))
            server.control.CommRqData = lambda *_: -200  # type: ignore[method-assign]
            with stepping(server.clock), pytest.raises(grpc.RpcError):
                server.pages("opt10081", DAILY)
            done = threading.Event()
            for name in ("OnReceiveMsg", "OnReceiveMsg", "OnReceiveChejanData"):
                server.thread.hand_over(lambda name=name: server.control.fire(name, "", "", "", ""))  # type: ignore[misc]
            server.thread.hand_over(done.set)
            assert done.wait(HANGS_AFTER)
            found = scraped(server)
        assert found['koalab_orders_total{action="buy",code="0"}'] == 1
        assert found['koalab_refusals_total{code="-200",kind="tr"}'] == 2
        assert found['koalab_events_total{event="OnReceiveMsg"}'] == 2
        assert found['koalab_events_total{event="OnReceiveChejanData"}'] == 1

    def test_show_what_waits_and_what_is_open(self) -> None:
        with canned_server(
            {"opt10081": PAGES["opt10081"] * 3}, official(), metrics_port=0, health=QUICK
        ) as server:
            stream = server.stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY))
            for _ in range(5):
                next(stream)
            wait_until(lambda: scraped(server).get('koalab_queue_length{kind="tr"}') == 1)
            found = scraped(server)
            stream.cancel()
        assert found['koalab_rpcs_open{method="Kernel/Pages"}'] == 1
        assert found["koalab_connected"] == 1

    def test_do_not_grow_with_names_that_clients_make_up(self) -> None:
        with canned_server({}, metrics_port=0) as server:
            channel = grpc.insecure_channel(server.address)
            server.control.CommRqData = lambda *_: 0  # type: ignore[method-assign]
            for number in range(5):
                server.stub.Call(call("CommRqData", "이름", f"tr{number}", 0, "0101"))
                with pytest.raises(grpc.RpcError):
                    channel.unary_unary(f"/made.up/Method{number}")(b"", timeout=HANGS_AFTER)
            channel.close()
            found = scraped(server)
        assert not any("made.up" in name or "tr1" in name for name in found)
        assert found['koalab_trs_total{tr="other"}'] == 5

    def test_of_two_servers_in_one_process_do_not_mix(self) -> None:
        with canned_server({}, metrics_port=0) as one, canned_server({}, metrics_port=0) as other:
            one.stub.Status(kernel_pb2.StatusRequest())
            name = 'koalab_rpcs_total{method="Kernel/Status",status="OK"}'
            assert scraped(one)[name] == 1
            assert name not in scraped(other)

    def test_tell_how_far_the_markets_phases_lag(self) -> None:
        ninth = datetime(2026, 11, 20, 9, 0, 0, tzinfo=KST).timestamp()
        with canned_server({}, metrics_port=0) as server:
            server.clock.advance(ninth + 1.5 - NOW)
            done = threading.Event()
            server.thread.hand_over(
                lambda: server.control.fire("OnReceiveRealData", "09", "장시작시간", "3\t090000\t000000")
            )
            server.thread.hand_over(done.set)
            assert done.wait(HANGS_AFTER)
            assert scraped(server)["koalab_market_phase_lag_seconds"] == pytest.approx(1.5)

    @given(st.floats(-40_000, 40_000), st.integers(1_500_000_000, 2_000_000_000))
    def test_take_the_nearest_time_of_day_as_the_one_meant(self, lag: float, moment: int) -> None:
        said = datetime.fromtimestamp(moment, KST)
        found = seconds_behind(f"{said:%H%M%S}", (said + timedelta(seconds=lag)).timestamp())
        assert found == pytest.approx(lag, abs=1e-3)

    def test_heed_no_time_that_is_none(self) -> None:
        assert seconds_behind("888888", NOW) is None
        assert seconds_behind("", NOW) is None

    def test_are_not_served_by_default(self) -> None:
        with canned_server({}) as server:
            assert server.server.metrics_port == 0

    def test_on_a_port_that_is_taken_keep_the_server_from_starting(self) -> None:
        with canned_server({}, metrics_port=0) as server:
            again = canned_server({}, metrics_port=server.server.metrics_port)
            with pytest.raises(OSError, match="metrics"):
                again.__enter__()

    def test_are_described_each(self) -> None:
        for metric in Metrics().registry.collect():
            assert metric.documentation.endswith(".")
            assert metric.name.startswith("koalab_")


class Health:
    """What the health service says, as it changes."""

    def __init__(self, server: CannedServer) -> None:
        self._channel = grpc.insecure_channel(server.address)
        self._stub = health_pb2_grpc.HealthStub(self._channel)
        self._stream = self._stub.Watch(health_pb2.HealthCheckRequest(service="koalab.kernel.v1.Kernel"))

    def next(self) -> int:
        return int(next(self._stream).status)

    def now(self, service: str = "") -> int:
        return int(self._stub.Check(health_pb2.HealthCheckRequest(service=service)).status)

    def becomes(self, status: int) -> None:
        """Waits until it says that; what it said before may have been a machine that stood still for a while."""
        wait_until(lambda: self.now() == status)

    def __enter__(self) -> Health:
        while self.next() != SERVING:
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.cancel()
        self._channel.close()


class Calm:
    """A control thread that answers, and a scheduler with nothing to do."""

    async def run(self, work: Callable[[Any], int]) -> int:
        return work(CannedControl({}, lambda _: None))

    def ban(self) -> int:
        return 0

    def lengths(self) -> dict[str, int]:
        return {}


def problems(server: CannedServer) -> str:
    return "; ".join(server.stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER).problems)


def stuck(server: CannedServer) -> threading.Event:
    """The control thread is stuck until the event is set, and the ping behind it has no answer."""
    began, over = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        over.wait(HANGS_AFTER)

    server.thread.hand_over(wait)
    assert began.wait(HANGS_AFTER)
    wait_until(lambda: server.thread._work.qsize() > 0)
    return over


class TestTheHealth:
    def test_falls_when_the_control_thread_is_stuck_and_comes_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("kernel_server.rpc.status.PATIENCE", 0.05)
        with canned_server({}, health=IMPATIENT) as server, Health(server) as health:
            server.stub.Status(kernel_pb2.StatusRequest())
            over = stuck(server)
            health.becomes(NOT_SERVING)
            for name in ("", "koapy.backend.kiwoom_open_api_plus.grpc.KiwoomOpenApiPlusService"):
                assert health.now(name) == NOT_SERVING
            # Status still answers, with how things stood, and says what is wrong.
            status = server.stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
            assert status.connected
            assert "control thread has not answered since" in status.problems[0]
            over.set()
            health.becomes(SERVING)
            wait_until(lambda: problems(server) == "")

    def test_falls_when_the_connection_to_the_broker_is_lost(self) -> None:
        with (
            canned_server({}, connected=False, health=QUICK, metrics_port=0) as server,
            Health(server) as health,
        ):
            assert problems(server) == ""  # nobody has logged in yet: that is no fault
            list(server.stub.Login(openapi_pb2.LoginRequest(), timeout=HANGS_AFTER))
            wait_until(lambda: scraped(server).get("koalab_connected") == 1)
            server.control._connected = False
            assert health.next() == NOT_SERVING
            assert "logged in" in problems(server)
            list(server.stub.Login(openapi_pb2.LoginRequest(), timeout=HANGS_AFTER))
            assert health.next() == SERVING

    def test_falls_when_the_broker_refuses_everything(self) -> None:
        with canned_server(PAGES, health=QUICK) as server, Health(server) as health:
            ask, server.control.CommRqData = server.control.CommRqData, lambda *_: -209  # type: ignore[method-assign]
            with pytest.raises(grpc.RpcError):
                server.pages("opt10081", DAILY)
            assert health.next() == NOT_SERVING
            assert "-209" in problems(server)
            server.control.CommRqData = ask  # type: ignore[method-assign]
            list(server.stub.Login(openapi_pb2.LoginRequest(), timeout=HANGS_AFTER))
            assert health.next() == SERVING

    def test_falls_when_the_control_fails(self) -> None:
        def broken() -> int:
            raise OSError("COM has gone")

        with canned_server({}, health=QUICK) as server, Health(server) as health:
            works, server.control.GetConnectState = server.control.GetConnectState, broken  # type: ignore[method-assign]
            assert health.next() == NOT_SERVING
            server.control.GetConnectState = works  # type: ignore[method-assign]
            assert health.next() == SERVING

    def test_is_told_in_the_log_once_and_not_every_second(self, lines: Any) -> None:
        with canned_server(PAGES, health=QUICK) as server, Health(server) as health:
            server.control.CommRqData = lambda *_: -209  # type: ignore[method-assign]
            with pytest.raises(grpc.RpcError):
                server.pages("opt10081", DAILY)
            assert health.next() == NOT_SERVING
            for _ in range(20):
                threading.Event().wait(QUICK.every)
        told = [line for line in lines() if line["event"] == "problem" and "-209" in str(line)]
        assert len(told) == 1
        assert [line["serving"] for line in lines() if line["event"] == "health"] == [False]

    async def test_goes_on_being_looked_after_though_a_look_has_failed(self, lines: Any) -> None:
        answers: Iterator[list[str] | None] = itertools.chain(
            [None], itertools.repeat(["something is wrong"])
        )

        def further() -> list[str]:
            answer = next(answers)
            if answer is None:
                raise OSError("a look that failed")
            return answer

        watch = HealthMonitor(Calm(), Calm(), Metrics(), None, QUICK, more_problems=further)  # type: ignore[arg-type]
        task = asyncio.ensure_future(watch.run())
        while not any(line["event"] == "problem" for line in lines()):
            await asyncio.sleep(0)
        task.cancel()
        assert any("a look that failed" in line.get("trace", "") for line in lines())

    def test_piles_nothing_up_on_a_stuck_control_thread(self) -> None:
        with (
            canned_server({}, health=HealthSettings(every=0.001, patience=0.01)) as server,
            Health(server) as health,
        ):
            over = stuck(server)
            health.becomes(NOT_SERVING)
            threading.Event().wait(0.1)
            assert server.thread._work.qsize() <= 2  # a ping and a look at the connection
            over.set()
            health.becomes(SERVING)

    @pytest.mark.parametrize(
        ("left", "said"),
        [
            (timedelta(days=31), ""),
            (timedelta(days=29, hours=1), "in 29 days"),
            (timedelta(seconds=-1), "expired"),
        ],
    )
    def test_stays_while_problems_tell_of_a_certificate_that_expires(
        self, left: timedelta, said: str
    ) -> None:
        today = datetime(2026, 11, 20, tzinfo=timezone.utc)

        watch = HealthMonitor(
            None,
            Calm(),
            Metrics(),
            None,
            HealthSettings(),
            expires=lambda: today + left,
            today=lambda: today,  # type: ignore[arg-type]
        )
        assert watch.faults() == []
        found = watch.problems()
        assert re.search(said, found[0]) if said else found == []
