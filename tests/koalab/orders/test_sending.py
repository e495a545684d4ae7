"""Orders on their way: guards, dry runs, confirmation and the log, and what becomes of an order that got no answer."""

from __future__ import annotations

import builtins
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.security.access import Access as ServerAccess
from koalab import AuditIncomplete, BadInput, NoAnswer, OrderGuarded, OrderRejected
from koalab.orders.audit import AuditLog
from koalab.orders.order import Order
from koalab.orders.record import OrderRecord
from koalab.sessions.session import Session
from koalab.transport.access import Access
from tests.support.chaos.failing_server import FailingServer
from tests.support.chaos.order_books import BrokerBooks
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, eventually, wait_until

ACCOUNT = "8000000011"
CODE = "005930"
THIN = "086900"  # a few hundred shares at a price
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    settings = simulated.BrokerSettings(limited=False, accounts=(simulated.AccountSetting(ACCOUNT),))
    found = start(tmp_path_factory.mktemp("market"), MORNING, settings=settings)
    yield found
    found.close()


@pytest.fixture
def kw(trading: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("KOALAB_STATE_DIR", str(tmp_path / "state"))
    session = trading.connect()
    yield session
    session.cancel_all()
    session.close()


def go(market: Market, seconds: float) -> None:
    until = market.clock.now() + seconds
    while market.clock.now() < until:
        market.clock.advance(min(1.0, until - market.clock.now()))
        market.thread.post(lambda: None).result(HANGS_AFTER)


def sent(market: Market) -> int:
    """How many orders the broker has ever got."""
    return market.look(lambda broker: len(broker._brokerage._books.orders))


def low(kw: Session) -> int:
    """A price below the market and within the day's limits."""
    return int(str(kw.call.GetMasterLastPrice(CODE))) * 8 // 10 // 1000 * 1000


def fails_after(
    kw: Session, monkeypatch: pytest.MonkeyPatch, error: BaseException, sends: bool = True
) -> None:
    """The next order reaches the broker, or does not, and its answer is lost."""
    transport = kw._link.transport
    real = transport.order

    def order(*arguments: Any) -> Any:
        monkeypatch.setattr(transport, "order", real)
        if sends:
            real(*arguments)
        raise error

    monkeypatch.setattr(transport, "order", order)


class TestGuards:
    def test_stop_an_order_before_anything_leaves(self, trading: Market, kw: Session) -> None:
        before = sent(trading)
        with pytest.raises(OrderGuarded, match=r"kw\.guards\.max_quantity = 1_000_000 allows it"):
            kw.buy(CODE, 1_000_000, low(kw))
        with pytest.raises(OrderGuarded, match="장후시간외종가 is taken from"):
            kw.buy(CODE, 1, type="장후시간외종가")
        assert sent(trading) == before
        assert list(kw.audit()["event"]) == ["guarded", "guarded"]

    def test_stop_the_second_of_the_same_two(self, trading: Market, kw: Session) -> None:
        before = sent(trading)
        kw.guards.duplicates_within = 600  # the clock leaps over the waits of the server
        kw.buy(CODE, 7, low(kw))
        with pytest.raises(OrderGuarded, match=r"kw\.guards\.duplicates_within = None allows it"):
            kw.buy("삼성전자", 7, low(kw))
        kw.guards.duplicates_within = None
        kw.buy(CODE, 7, low(kw))
        assert sent(trading) == before + 2

    def test_stop_a_modification_but_no_cancellation(self, trading: Market, kw: Session) -> None:
        order = kw.buy(CODE, 3, low(kw))
        before = sent(trading)
        for price, guard in ((low(kw) + 1, "tick_size"), (10 * low(kw), "band")):
            with pytest.raises(OrderGuarded) as refused:
                order.modify(price=price)
            assert refused.value.guard == guard
        kw.guards.max_quantity = 1
        with pytest.raises(OrderGuarded, match="max_quantity"):
            order.modify(price=low(kw) + 1000)
        assert sent(trading) == before
        order.cancel()
        becomes(lambda: order.status, "cancelled")

    def test_are_the_session_s_own(self, trading: Market, kw: Session) -> None:
        kw.guards.max_value = 1
        assert trading.connect("another").guards.max_value == 100_000_000


class TestADryRun:
    def test_passes_the_guards_and_sends_nothing(self, trading: Market, kw: Session) -> None:
        before = sent(trading)
        price = low(kw)
        found = kw.buy("삼성전자", 10, price, dry_run=True)
        assert (found.value, found.total) == (10 * price, 10 * price + found.fee)
        assert found.fee == 10 * price * 35 // 10_000 // 10 * 10  # 모의투자
        assert "보내지 않음: 매수 삼성전자 10주" in repr(found)
        kw.guards.fee_percent = 0.015
        assert kw.sell(CODE, 10, dry_run=True).tax > 0
        with pytest.raises(OrderGuarded):
            kw.buy(CODE, 10**6, price, dry_run=True)
        assert sent(trading) == before
        assert not len(kw.audit())

    def test_takes_true_and_false_only(self, kw: Session) -> None:
        for name in ("dry_run", "confirm"):
            with pytest.raises(BadInput, match="True or False"):
                kw.buy(CODE, 1, **{name: "yes"})  # type: ignore[call-overload]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[str]]:
    """A notebook whose user answers so."""

    def make(answer: Any) -> list[str]:
        questions: list[str] = []

        def ask(question: str = "") -> str:
            questions.append(question)
            if isinstance(answer, BaseException):
                raise answer
            return str(answer)

        monkeypatch.setattr(builtins, "input", ask)
        return questions

    return make


class TestAPrompt:
    def test_is_not_shown_on_모의투자(self, kw: Session, asked: Callable[[Any], list[str]]) -> None:
        questions = asked("n")
        kw.buy(CODE, 1, low(kw))
        assert not questions

    @pytest.mark.parametrize("answer", ["n", "", "ㄴ", EOFError(), NotImplementedError()])
    def test_that_is_not_answered_with_yes_sends_nothing(
        self, trading: Market, kw: Session, asked: Callable[[Any], list[str]], answer: Any
    ) -> None:
        before, questions = sent(trading), asked(answer)
        with pytest.raises(OrderGuarded, match="confirm=False") as refused:
            kw.buy(CODE, 1, low(kw), confirm=True)
        assert refused.value.guard == "confirm"
        assert "매수 삼성전자 (005930) 1주" in questions[0]
        assert sent(trading) == before
        asked("y")
        kw.buy(CODE, 1, low(kw), confirm=True)  # it was not sent, so this is no duplicate
        assert sent(trading) == before + 1

    def test_that_is_interrupted_sends_nothing(
        self, trading: Market, kw: Session, asked: Callable[[Any], list[str]]
    ) -> None:
        before = sent(trading)
        asked(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            kw.buy(CODE, 1, low(kw), confirm=True)
        assert sent(trading) == before

    def test_without_a_terminal_is_an_error_and_no_wait(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        with pytest.raises(OrderGuarded, match="no terminal here"):
            kw.buy(CODE, 1, low(kw), confirm=True)
        monkeypatch.setattr("sys.stdin", None)
        with pytest.raises(OrderGuarded, match="no terminal here"):
            kw.buy(CODE, 1, low(kw), confirm=True)

    def test_in_a_terminal_reads_its_line(self, kw: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("예\n"))
        assert kw.buy(CODE, 1, low(kw), confirm=True).status == "accepted"

    def test_is_the_main_thread_s_alone(self, kw: Session, asked: Callable[[Any], list[str]]) -> None:
        asked("y")
        found: list[BaseException] = []

        def run() -> None:
            try:
                kw.buy(CODE, 1, low(kw), confirm=True)
            except OrderGuarded as error:
                found.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(HANGS_AFTER)
        assert len(found) == 1

    def test_comes_by_itself_on_the_real_server(
        self, tmp_path: Path, asked: Callable[[Any], list[str]]
    ) -> None:
        real = simulated.BrokerSettings(
            limited=False, accounts=(simulated.AccountSetting(ACCOUNT),), server_gubun="0"
        )
        market = start(tmp_path, MORNING, settings=real, access=ServerAccess(allow_real_orders=True))
        try:
            kw = market.connect(access=Access(allow_real_orders=True))
            questions = asked("n")
            with pytest.raises(OrderGuarded):
                kw.buy(CODE, 2, low(kw))
            assert questions[0].startswith("실서버: 매수 삼성전자")
            order = kw.buy(CODE, 2, low(kw), confirm=False)
            with pytest.raises(OrderGuarded):
                order.modify(price=low(kw) + 1000)
            assert "정정" in questions[1]
            order.cancel()
            assert len(questions) == 2
        finally:
            market.close()


class TestTheLog:
    def test_has_a_line_for_each_change(self, trading: Market, kw: Session) -> None:
        order = kw.buy(CODE, 4, low(kw))
        order.cancel()
        becomes(lambda: order.status, "cancelled")
        with pytest.raises(OrderRejected):
            kw.sell("000660", 3)
        found = kw.audit()
        assert [event for event in found.loc[found["quantity"] == 4, "event"] if event != "confirmed"][
            :2
        ] == [
            "sent",
            "accepted",
        ]
        assert {"cancelled", "rejected"} <= set(found["event"])
        rejected = found[found["event"] == "rejected"].iloc[0]
        assert "매도가능수량" in rejected["message"]
        assert set(found["broker"]) == {"simulated"}
        assert found.loc[found["order"] == order.number, "entry"].nunique() == 1
        assert found["broker_time"].iloc[0].date() == date(2026, 11, 17)

    def test_has_no_account_number(self, kw: Session) -> None:
        kw.buy(CODE, 5, low(kw))
        text = Path(kw.audit().attrs["file"]).read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert all(json.loads(line) for line in text.splitlines())
        assert ACCOUNT not in text

    def test_is_private_and_in_the_state_folder(self, kw: Session, tmp_path: Path) -> None:
        kw.buy(CODE, 6, low(kw))
        file = Path(kw.audit().attrs["file"])
        assert file.is_relative_to(tmp_path / "state")
        if os.name == "posix":
            assert file.stat().st_mode & 0o077 == 0

    def test_that_cannot_be_written_stops_no_order_and_is_said(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        price = low(kw)

        def full(handle: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("koalab.orders.audit.os.write", full)
        with pytest.warns(AuditIncomplete, match="No space left"):
            order = kw.buy(CODE, 8, price)
        with pytest.warns(AuditIncomplete, match="cannot be written"):
            order.cancel()
        becomes(lambda: order.status, "cancelled")
        assert kw.audit().attrs["lost"] >= 4

    def test_of_another_day_is_empty(self, kw: Session) -> None:
        assert not len(kw.audit("2020-01-02"))
        with pytest.raises(BadInput, match="longer than a day"):
            kw.audit("2020-01")


class TestTheFile:
    def record(self, message: str = "") -> OrderRecord:
        return OrderRecord(
            ACCOUNT, CODE, "삼성전자", "매수", "new", "지정가", 1, 70_000, "", 0.0, reason=message
        )

    def test_is_written_by_several_at_once_without_a_torn_line(self, tmp_path: Path) -> None:
        def write() -> None:
            log = AuditLog(tmp_path, lambda: "simulated", "here", lambda: 1e9)
            for _ in range(100):
                log.guarded(self.record(), "x" * 500)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANGS_AFTER)
        found = AuditLog(tmp_path, lambda: "simulated", "here", lambda: 1e9)
        frame = found.read(found.today())
        assert (len(frame), frame.attrs["unreadable"]) == (400, 0)
        assert frame["entry"].nunique() == 400

    def test_that_was_cut_off_loses_that_line_only(self, tmp_path: Path) -> None:
        log = AuditLog(tmp_path, lambda: "simulated", "here", lambda: 1e9)
        log.guarded(self.record(), "first")
        with log.file_of(log.today()).open("ab") as file:
            file.write(b'{"time": "2001-09-')
        log.guarded(self.record(), "second")
        frame = log.read(log.today())
        assert list(frame["message"]) == ["first", "second"]
        assert frame.attrs["unreadable"] == 1

    def test_hides_an_account_number_that_a_message_has(self, tmp_path: Path) -> None:
        log = AuditLog(tmp_path, lambda: "simulated", "here", lambda: 1e9)
        log.guarded(self.record(), f"account {ACCOUNT}\nhalf of a letter \ud800")
        text = log.file_of(log.today()).read_text(encoding="utf-8")
        assert ACCOUNT not in text
        assert text.count("\n") == 1


class TestAnOrderWithoutAnAnswer:
    """It is unknown until the broker's own events or lists show it; it is never sent again by itself."""

    def test_that_was_interrupted_is_found(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        price, before = low(kw), sent(trading)
        fails_after(kw, monkeypatch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            kw.buy(CODE, 21, price)
        becomes(lambda: list(kw.open_orders["quantity"]), [21])
        assert sent(trading) == before + 1
        entries = kw.audit().groupby("entry")["event"].agg(list)
        assert "unknown" in entries.iloc[0] or "accepted" in entries.iloc[0]

    def test_is_found_in_the_broker_s_list(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = sent(trading)
        fails_after(kw, monkeypatch, NoAnswer("no number within 30 s"))
        with pytest.warns(UserWarning, match="Do not send it again"):
            order = kw.buy(CODE, 22, low(kw))
        becomes(lambda: order.status, "accepted")
        assert order.number
        assert sent(trading) == before + 1

    def test_that_never_left_is_declared_not_sent(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = sent(trading)
        fails_after(kw, monkeypatch, NoAnswer("no number within 30 s"), sends=False)
        with pytest.warns(UserWarning, match="unknown"):
            order = kw.buy(CODE, 23, low(kw))
        assert order.status == "unknown"
        with pytest.raises(OrderGuarded, match="not known yet"):
            kw.buy(CODE, 23, low(kw))
        assert eventually(lambda: go(trading, 10) or order.status == "rejected")
        assert "was not sent" in order.reason
        assert sent(trading) == before
        kw.buy(CODE, 23, low(kw))
        assert sent(trading) == before + 1


class TestACancelThatRacesAFill:
    def test_is_refused_or_cancels_the_rest_and_the_state_says_which(
        self, trading: Market, kw: Session
    ) -> None:
        order: Order = kw.buy(CODE, 10)
        try:
            order.cancel()
        except (OrderRejected, BadInput) as error:
            refused: Exception | None = error
        else:
            refused = None
        go(trading, 5)
        wait_until(lambda: order.done)
        assert order.status == ("filled" if refused is not None else "cancelled")
        assert order.left == 0

    def test_after_a_fill_of_a_part_cancels_the_rest_and_keeps_that_part(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KOALAB_STATE_DIR", str(tmp_path / "state"))
        account = simulated.AccountSetting(ACCOUNT)
        settings = simulated.BrokerSettings(limited=False, deposit=10**9, accounts=(account,))
        with closing(FailingServer(tmp_path, MORNING, settings)) as server:
            kw = server.connect("cache")
            price = server.look(lambda broker: broker._exchange.depth(THIN)[0][0].price)
            order = kw.buy(THIN, 900, price)  # more than is offered at that price
            becomes(lambda: order.status, "partly filled")
            order.cancel()
            wait_until(lambda: order.done)
            assert (order.status, order.left) == ("cancelled", 0)
            assert 0 < order.filled < order.quantity
            books = server.look(lambda broker: BrokerBooks.read(broker, ACCOUNT))
            assert books.orders[order.number].filled == books.holdings[THIN][0] == order.filled
            becomes(lambda: kw.positions["quantity"].to_dict(), {THIN: order.filled})

    def test_that_comes_after_the_fill_changes_nothing(self, trading: Market, kw: Session) -> None:
        order = kw.buy(CODE, 9)
        record = order._record
        go(trading, 5)
        order.wait(HANGS_AFTER)
        record.status, record.left = "accepted", 9  # as if the fill's event were still on its way
        try:
            with pytest.raises(OrderRejected):
                order.cancel()
        finally:
            record.status, record.left = "filled", 0
        assert order.filled == 9
        assert kw.positions.loc[CODE, "quantity"] >= 9
