"""The forecast of a load: the server's word, asked seldom, and corrected as TRs go."""

from __future__ import annotations

from typing import Any

import pytest

from koalab.errors import NoAnswer
from koalab.forecast import WaitForecast
from koalab.transport.base import Status
from tests.support.session import Market


class Server:
    """Says that a TR takes 3.6 seconds, and counts how often it was asked."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.asked: list[int] = []
        self.gone = False

    def status(self, trs: int) -> Status:
        self.asked.append(trs)
        if self.gone:
            raise NoAnswer("no answer")
        known: dict[str, Any] = {"version": "", "control": "", "source": "", "user_id": "", "limits": ""}
        return Status(
            **known, connected=True, simulation=True, now=self.now, speed=1.0, expected_wait=3.6 * trs
        )


@pytest.fixture
def server() -> Server:
    return Server()


def of(server: Server) -> WaitForecast:
    return WaitForecast(server.status, lambda: server.now, lambda: server.now)


def test_the_server_is_asked_once_and_the_rest_is_reckoned(server: Server) -> None:
    wait = of(server)
    assert wait(100) == pytest.approx(360.0)
    for done in range(1, 10):
        server.now += 1.0
        # The last TR ends when it ended, whatever has come meanwhile.
        assert wait(100 - done) == pytest.approx(360.0 - done)
    assert server.asked == [100]


def test_after_ten_seconds_it_is_asked_again_since_others_ask_for_something_too(server: Server) -> None:
    wait = of(server)
    wait(100)
    server.now += 10.0
    assert wait(99) == pytest.approx(3.6 * 99)
    assert server.asked == [100, 99]


def test_what_waits_there_already_is_not_counted_twice(server: Server) -> None:
    of(server)(100, queued=8)
    assert server.asked == [92]


def test_more_than_it_was_asked_about_goes_at_the_same_pace_and_then_it_is_asked(server: Server) -> None:
    wait = of(server)
    wait(10)
    assert wait(20) == pytest.approx(72.0)
    server.now += 1.0
    wait(20)
    assert server.asked == [10, 20]


def test_a_server_that_does_not_answer_leaves_what_was_known(server: Server) -> None:
    wait = of(server)
    wait(10)
    server.gone = True
    server.now += 20.0
    assert wait(9) == pytest.approx(16.0)
    assert WaitForecast(server.status, lambda: server.now, lambda: server.now)(9) == 0.0


def test_a_forecast_of_nothing_asks_no_server(server: Server) -> None:
    assert of(server)(0) == 0.0
    assert server.asked == []


def test_over_a_server_it_is_the_schedulers_own_word(market: Market) -> None:
    kw = market.connect()
    for _ in range(5):
        kw.tr("opt10001", 종목코드="005930")
    wait = kw._link.forecast()
    # Five in a second: the first of ten more waits for the second to end, the last of them for one more.
    assert 1.0 < wait(10) <= 2.0
