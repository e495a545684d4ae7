"""kw.alert over the real server: what fires, where its messages go, and what is left registered afterwards."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.wire import kernel_pb2
from koalab import BadInput, NoAnswer, UnknownCode
from koalab.alerts.alert import Alert
from koalab.alerts.delivery import RetryPauses
from koalab.alerts.message import AlertMessage
from koalab.sessions.session import Session
from koalab.transport.base import ConditionChange
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until

ACCOUNT = "8000000011"
CODE, OTHER = "005930", "000660"
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)
SECRET = "s3cr3t-t0ken"


class Trading:
    """A market in its session, in which time passes on request, and a session with it."""

    def __init__(self, folder: Path) -> None:
        settings = simulated.BrokerSettings(limited=False, accounts=(simulated.AccountSetting(ACCOUNT),))
        self.market: Market = start(folder, MORNING, settings=settings)
        self.kw: Session = self.market.connect()
        self.kw._alert_pauses = RetryPauses(0.02, 0.05)

    def go(self, seconds: float, step: float = 5.0) -> None:
        until = self.market.clock.now() + seconds
        while self.market.clock.now() < until:
            self.market.clock.advance(min(step, until - self.market.clock.now()))
            self.market.thread.post(lambda: None).result(HANGS_AFTER)
        self.kw._hub.sync(HANGS_AFTER)

    def fault(self, kind: str, seconds: float) -> None:
        self.kw._link.transport._stub.Fault(kernel_pb2.FaultRequest(kind=kind, seconds=seconds))

    def base(self) -> int:
        return int(str(self.kw.call.GetMasterLastPrice(CODE)))


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path)
    yield found
    found.market.close()
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "koalab-alert"])


class Webhook:
    """A service behind a json:// URL, which answers with ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.attempts = 0
        self.texts: list[str] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.attempts += 1
                if webhook.status == 200:
                    webhook.texts.append(body["message"])
                self.send_response(webhook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:{SECRET}@127.0.0.1:{self._server.server_port}/{SECRET}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.close()


def texts(alert: Alert) -> list[str]:
    return list(alert.messages()["text"])


class TestAComparison:
    def test_that_is_true_already_fires_with_the_first_trade_and_ends(self, trading: Trading) -> None:
        seen: list[AlertMessage] = []
        before = trading.kw.status()["trs"]
        alert = trading.kw.alert("삼성전자 > 1", to=seen.append)
        assert alert.state == "watching"
        trading.go(60)
        alert.wait(HANGS_AFTER)
        assert trading.kw.status()["trs"] == before
        [message] = seen
        assert (message.alert, message.code, message.name) == (1, CODE, "삼성전자")
        assert f"삼성전자({CODE}) 현재가 {message.value:,.0f}원 (> 1원)" == message.text
        assert str(message.time.tz) == "Asia/Seoul"
        assert (alert.state, alert.fired) == ("done", 1)
        becomes(lambda: trading.kw.status()["streams"], 0)

    def test_fires_when_it_becomes_true_and_not_while_it_stays_so(self, trading: Trading) -> None:
        with trading.kw.ticks(CODE) as stream:
            trading.go(60)
            total = stream.to_frame()["total_volume"].iloc[-1]
            wanted = int(total * 1.05)
            seen: list[AlertMessage] = []
            alert = trading.kw.alert(f"{CODE} 거래량 >= {wanted}", to=seen.append, once=False)
            trading.go(1200, step=20)
            frame = stream.to_frame()
        first = frame[frame["total_volume"] >= wanted].iloc[0]
        wait_until(lambda: bool(seen))
        assert [message.value for message in seen] == [first["total_volume"]]
        assert alert.state == "watching"

    def test_sees_every_trade_and_not_only_the_last_of_a_batch(self, trading: Trading) -> None:
        with trading.kw.ticks(CODE) as stream:
            trading.go(120)
            price = int(stream.to_frame()["price"].iloc[-1])
            seen: list[AlertMessage] = []
            trading.kw.alert(f"{CODE} > {price}", to=seen.append, once=False, every=0)
            start_row = stream.received
            trading.go(600, step=30)
            prices = list(stream.to_frame()["price"].iloc[start_row:])
        crossings = [
            now
            for before, now in zip([0, *prices], prices, strict=False)
            if now > price and not before > price
        ]
        assert crossings
        becomes(lambda: [message.value for message in seen], crossings)

    def test_is_not_repeated_within_every_seconds_and_says_how_often_it_was_held_back(
        self, trading: Trading
    ) -> None:
        seen: list[AlertMessage] = []
        with trading.kw.ticks(CODE) as stream:
            trading.go(120)
            price = int(stream.to_frame()["price"].iloc[-1])
        alert = trading.kw.alert(f"{CODE} > {price}", to=seen.append, once=False, every=600)
        trading.go(1800, step=20)
        wait_until(lambda: len(seen) == alert.fired)
        times = [message.time for message in seen]
        assert all((after - before).total_seconds() >= 599 for before, after in itertools.pairwise(times))
        assert alert.held_back or any("그 사이" in message.text for message in seen)

    def test_of_the_best_quote_uses_its_stream(self, trading: Trading) -> None:
        seen: list[AlertMessage] = []
        trading.kw.alert(f"{CODE} 매도호가 > 1", to=seen.append)
        trading.go(60)
        wait_until(lambda: bool(seen))
        assert "매도호가" in seen[0].text

    def test_shares_its_registration_with_others_of_the_issue(self, trading: Trading) -> None:
        alerts = [trading.kw.alert(f"{CODE} > {10**8 + number}") for number in range(5)]
        feeds = trading.kw._board._feeds
        assert len(feeds) == 1
        for alert in alerts:
            alert.stop()
        assert not feeds
        assert [one.state for one in alerts] == ["stopped"] * 5
        becomes(lambda: trading.kw.status()["streams"], 0)
        wait_until(lambda: "koalab-live" not in [one.name for one in threading.enumerate()])

    def test_goes_on_after_a_lost_broker(self, trading: Trading) -> None:
        seen: list[AlertMessage] = []
        alert = trading.kw.alert(f"{CODE} 거래량 > 1", to=seen.append, once=False)
        feed: Any = alert.feed
        trading.fault("cut", 20)
        wait_until(lambda: len(feed._stream.gaps) == 1)

        def fires() -> bool:
            trading.go(20)  # trades go on until the stream has been opened again, whenever that is
            return bool(seen)

        wait_until(fires)
        assert alert.state == "watching"


class TestEvents:
    def test_a_fill_is_one_message_with_side_shares_and_price(self, trading: Trading) -> None:
        seen: list[AlertMessage] = []
        alert = trading.kw.alert("체결", to=seen.append)
        order = trading.kw.buy(CODE, 10)
        trading.go(5, step=1)
        order.wait(HANGS_AFTER)
        wait_until(lambda: sum(_shares(one) for one in seen) == 10)
        assert all(message.text.startswith(f"삼성전자({CODE}) 매수 체결 ") for message in seen)
        assert f"10/10주, 주문 {order.number}" in seen[-1].text
        assert alert.state == "watching"
        feed: Any = alert.feed
        state = trading.kw._state(None)
        assert feed._on_change in state._listeners
        alert.stop()
        assert feed._on_change not in state._listeners

    def test_a_condition_fires_for_entries_and_exits(self, trading: Trading) -> None:
        name = "중소형 저평가주"
        seen: list[AlertMessage] = []
        alert = trading.kw.alert(f"조건:{name}", to=seen.append)
        feed: Any = alert.feed
        code = feed._watch.codes[0]
        for entered in (False, True):
            feed._watch._watched._on_change(ConditionChange(code, entered))
        becomes(
            lambda: [message.text.partition(":")[0] for message in seen],
            [f"조건식 {name} 이탈", f"조건식 {name} 편입"],
        )
        assert all(f"조건식 {name} " in message.text and message.name for message in seen)
        alert.stop()
        becomes(lambda: trading.kw.status()["streams"], 0)

    def test_the_connection_fires_when_it_is_lost_and_when_it_is_back(self, trading: Trading) -> None:
        seen: list[AlertMessage] = []
        alert = trading.kw.alert("연결", to=seen.append)
        trading.fault("cut", 20)
        wait_until(lambda: bool(seen))
        assert seen[0].text == "연결 끊김: 증권사와의 연결"
        trading.go(180)
        wait_until(lambda: len(seen) == 2)
        assert seen[1].text.startswith("다시 연결됨 (")
        assert alert.state == "watching"
        alert.stop()
        becomes(lambda: trading.kw.status()["streams"], 0)


def _shares(message: AlertMessage) -> int:
    return int(message.text.partition(" 체결 ")[2].partition("주")[0].replace(",", ""))


class TestDelivery:
    def test_a_service_gets_the_text_and_the_time(self, trading: Trading, webhook: Webhook) -> None:
        alert = trading.kw.alert(f"{CODE} > 1", to=webhook.url)
        trading.go(60)
        alert.wait(HANGS_AFTER)
        [text] = webhook.texts
        assert text.startswith(texts(alert)[0])
        assert "2026-11-17 10:0" in text

    def test_that_fails_says_so_and_is_tried_again_until_it_works(
        self, trading: Trading, webhook: Webhook, caplog: pytest.LogCaptureFixture
    ) -> None:
        webhook.status = 503
        seen: list[AlertMessage] = []
        alert = trading.kw.alert(f"{CODE} > 1", to=[webhook.url, seen.append])
        trading.go(60)
        becomes(lambda: alert.state, "failing")
        wait_until(lambda: webhook.attempts > 2 and bool(seen))
        assert alert.problem == "json: HTTP 503 Service Unavailable"
        row = trading.kw.alerts.loc[alert.number]
        assert (row["state"], row["waiting"], row["problem"]) == ("failing", 1, alert.problem)
        assert "could not be delivered: json: HTTP 503" in caplog.text
        with pytest.raises(NoAnswer):
            alert.wait(0.01)
        webhook.status = 200
        alert.wait(HANGS_AFTER)
        assert (alert.state, alert.problem, len(webhook.texts), len(seen)) == ("done", "", 1, 1)

    def test_a_service_that_is_not_there_is_no_connection(self, trading: Trading, webhook: Webhook) -> None:
        url = webhook.url
        webhook.close()
        alert = trading.kw.alert(f"{CODE} > 1", to=url)
        trading.go(60)
        becomes(lambda: alert.problem, "json: no connection")
        alert.stop()
        assert alert.state == "stopped"

    def test_a_function_that_raises_is_not_called_again_for_the_message(self, trading: Trading) -> None:
        calls: list[AlertMessage] = []

        def broken(message: AlertMessage) -> None:
            calls.append(message)
            raise RuntimeError("no paper")

        alert = trading.kw.alert(f"{CODE} > 1", to=broken)
        trading.go(60)
        alert.wait(HANGS_AFTER)
        assert len(calls) == 1
        assert (alert.state, alert.undelivered) == ("done", 1)
        assert alert.problem == "broken(): it raised RuntimeError: no paper"

    def test_without_a_target_messages_are_shown(
        self, trading: Trading, capsys: pytest.CaptureFixture[str]
    ) -> None:
        alert = trading.kw.alert(f"{CODE} > 1")
        trading.go(60)
        alert.wait(HANGS_AFTER)
        assert texts(alert)[0] in capsys.readouterr().out

    def test_what_is_on_its_way_when_the_session_ends_is_delivered(
        self, trading: Trading, webhook: Webhook
    ) -> None:
        trading.kw.alert(f"{CODE} > 1", to=webhook.url)
        trading.go(60)
        trading.kw.close()
        assert len(webhook.texts) == 1

    def test_the_end_of_the_session_ends_all_and_names_what_was_not_delivered(
        self, trading: Trading, webhook: Webhook, caplog: pytest.LogCaptureFixture
    ) -> None:
        webhook.status = 500
        failing = trading.kw.alert(f"{CODE} > 1", to=webhook.url)
        quiet = trading.kw.alert(f"{OTHER} > 1억")
        trading.go(60)
        becomes(lambda: failing.state, "failing")
        trading.kw.close()
        assert (failing.state, quiet.state) == ("stopped", "stopped")
        assert "1 messages were not delivered before the session ended" in caplog.text


class TestSecrets:
    def test_stand_in_no_repr_frame_log_or_error(
        self, trading: Trading, webhook: Webhook, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        webhook.status = 403
        alert = trading.kw.alert(f"{CODE} > 1", to=[webhook.url])
        trading.go(60)
        becomes(lambda: alert.state, "failing")
        webhook.status = 200
        alert.wait(HANGS_AFTER)
        gone = trading.kw.alert(f"{CODE} > 2", to=f"json://{SECRET}@127.0.0.1:1/{SECRET}")
        trading.go(60)
        becomes(lambda: gone.state, "failing")
        shown = [repr(alert), repr(gone), repr(vars(alert)), repr(alert._queues[0].__dict__), caplog.text]
        shown += [trading.kw.alerts.to_string(), repr(trading.kw), repr(vars(trading.kw._board))]
        for url in (
            f"discord://{SECRET}",
            f"nonsense://{SECRET}",
            SECRET,
            f"tgram://{SECRET}/",
            f"json://\ud800{SECRET}:x/",
        ):
            with pytest.raises(BadInput) as refused:
                trading.kw.alert(f"{CODE} > 1", to=url)
            shown += [str(refused.value), repr(refused.value.__context__), repr(refused.value.__cause__)]
        assert SECRET not in "\n".join([*shown, caplog.text])
        assert alert.to == ("json",)


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "error", "says"),
        [
            ({"text": "삼성전지 > 80000"}, UnknownCode, "did you mean 삼성전자"),
            ({"text": "삼성전자 시총 > 80000"}, BadInput, "no field"),
            ({"text": "삼성전자"}, BadInput, "compares nothing"),
            ({"text": 5}, BadInput, "an alert is a text"),
            ({"text": "조건:없는 조건"}, UnknownCode, "없는 조건"),
            ({"text": "체결", "to": "nonsense://x"}, BadInput, "no service nonsense://"),
            ({"text": "체결", "to": []}, BadInput, "empty"),
            ({"text": "체결", "to": 5}, BadInput, "not int"),
            ({"text": "체결", "to": [None]}, BadInput, "not NoneType"),
            ({"text": "체결", "every": -1}, BadInput, "every"),
            ({"text": "체결", "once": "yes"}, BadInput, "once"),
            ({"text": "체결", "account": "1"}, BadInput, "account"),
        ],
    )
    def test_before_anything_is_registered(
        self, trading: Trading, arguments: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            trading.kw.alert(**arguments)
        assert not len(trading.kw.alerts)
        assert trading.kw.status()["streams"] == 0

    def test_an_alert_that_does_not_exist_cannot_be_stopped(self, trading: Trading) -> None:
        with pytest.raises(BadInput, match="there is none yet"):
            trading.kw.stop_alert(1)
        trading.kw.alert("연결")
        assert trading.kw.stop_alert(1).state == "stopped"
        with pytest.raises(BadInput, match="1 to 1"):
            trading.kw.stop_alert(2)
        frame = trading.kw.alerts
        assert list(frame["text"]) == ["연결"]
        assert str(frame["last"].dtype) == "datetime64[us, Asia/Seoul]"
