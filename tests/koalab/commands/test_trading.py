"""Orders and the state of an account as commands, in a terminal and in a notebook."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from kernel_server import simulated
from kernel_server.clock import KST
from koalab.cli import program
from koalab.commands import NOTEBOOK, CommandGroup
from koalab.commands.output.rendering import render
from koalab.commands.terminal import Terminal
from koalab.completion import suggestions
from koalab.errors import BadInput, NoAnswer, OrderRejected
from koalab.orders.order import Order
from koalab.orders.preview import OrderPreview
from koalab.sessions.session import Session
from tests.koalab.orders.test_sending import fails_after, sent
from tests.support.cache_folder import with_calendar
from tests.support.commands import NotebookRunner, kiwoom
from tests.support.moving_market import moving
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes

CODE = "005930"
LOW = "136,000"
"""A price below the market and within the day's limits."""


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    settings = simulated.BrokerSettings(limited=False, accounts=(simulated.AccountSetting("8000000011"),))
    found = start(
        tmp_path_factory.mktemp("market"), datetime(2026, 11, 17, 10, tzinfo=KST), settings=settings
    )
    found.connect()
    yield found
    found.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_calendar(tmp_path_factory.mktemp("cache") / "terminal")


@pytest.fixture(autouse=True)
def state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path, trading: Market
) -> Iterator[None]:
    monkeypatch.setenv("KOALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(cache))
    monkeypatch.setenv("KOALAB_TARGET", trading.server.address)
    yield
    with contextlib.suppress(
        OrderRejected
    ):  # a command has cancelled it, which this session has not heard yet
        trading.sessions[0].cancel_all()


@pytest.fixture
def koalab(trading: Market) -> Callable[..., Result]:
    """Runs a command while the market goes on."""

    def run(*words: str) -> Result:
        with moving(trading, 1.0):
            return CliRunner().invoke(program, words)

    return run


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[str]]:
    """Answers the questions, or raises; returns them."""

    def make(answer: Any) -> list[str]:
        questions: list[str] = []

        def ask(question: str) -> str:
            questions.append(question)
            if isinstance(answer, BaseException):
                raise answer
            return str(answer)

        monkeypatch.setattr("builtins.input", ask)
        return questions

    return make


def order_of(found: Result) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(found.stdout)
    return order


class TestSending:
    def test_an_order_is_sent_modified_and_cancelled(
        self, koalab: Callable[..., Result], trading: Market
    ) -> None:
        before = sent(trading)
        bought = order_of(koalab("buy", "삼성전자", "10", LOW, "--yes", "--format", "json"))
        assert (bought["name"], bought["side"], bought["type"]) == ("삼성전자", "매수", "지정가")
        assert (bought["status"], bought["quantity"], bought["price"]) == ("accepted", 10, 136_000)
        assert bought["average_price"] is None

        rows = json.loads(koalab("open-orders", "--format", "json").stdout)
        assert [row["order"] for row in rows] == [bought["order"]]

        modified = koalab("modify", bought["order"], "--price", "136,100", "--yes", "--format", "json")
        changed = order_of(modified)
        assert (changed["price"], changed["original"]) == (136_100, bought["order"])

        part = koalab("cancel", changed["order"], "--quantity", "4", "--format", "json")
        assert part.exit_code == 0, part.output
        becomes(lambda: list(trading.sessions[0].open_orders["left"]), [6])
        whole = koalab("cancel", changed["order"].lstrip("0"), "--format", "json")
        assert (whole.exit_code, order_of(whole)["status"]) == (0, "cancelled")
        assert sent(trading) == before + 4
        assert koalab("open-orders").stdout.startswith("nothing; columns: order, code, name")

    def test_one_at_market_is_filled_while_it_waits_and_is_a_position_then(
        self, koalab: Callable[..., Result]
    ) -> None:
        found = koalab("buy", CODE, "3", "--yes", "--wait", "--timeout", "60", "--format", "json")
        assert found.exit_code == 0, found.output
        bought = order_of(found)
        assert (bought["type"], bought["status"], bought["filled"]) == ("시장가", "filled", 3)
        assert bought["average_price"] > 100_000

        held = pd.read_csv(io.StringIO(koalab("positions", "--format", "csv").stdout), dtype={"code": str})
        assert dict(zip(held["code"], held["quantity"], strict=True))[CODE] >= 3

        sold = order_of(koalab("sell", CODE, "3", "--type", "시장가", "--yes", "--wait", "--format", "json"))
        assert (sold["side"], sold["status"]) == ("매도", "filled")
        fills = json.loads(koalab("fills", "--format", "json").stdout)
        assert {row["order"] for row in fills} >= {bought["order"], sold["order"]}

    def test_a_dry_run_sends_nothing_and_asks_nothing(
        self, koalab: Callable[..., Result], trading: Market
    ) -> None:
        before = sent(trading)
        table = koalab("buy", CODE, "10", LOW, "--dry-run")
        assert table.stdout == (
            "<보내지 않음: 매수 삼성전자 10주 지정가, 136,000원: 1,360,000원 + 수수료 4,760원 = 1,364,760원>\n"
        )
        [row] = pd.read_csv(
            io.StringIO(koalab("sell", CODE, "10", LOW, "--dry-run", "--format", "csv").stdout)
        ).to_dict("records")
        assert (row["side"], row["value"], row["fee"]) == ("매도", 1_360_000, 4_760)
        assert sent(trading) == before

    def test_a_guard_is_changed_for_one_order(self, koalab: Callable[..., Result], trading: Market) -> None:
        words = ("buy", CODE, "1000", "--dry-run", "--format", "json")
        assert koalab(*words, "--guard", "max_value=212,420,000").exit_code == 0
        session = trading.sessions[0]
        kiwoom(session, *words[:4], "--guard", "max_value=None")
        assert session.guards.max_value == 100_000_000

    def test_all_orders_or_those_of_an_issue_are_cancelled(self, koalab: Callable[..., Result]) -> None:
        for quantity in ("1", "2"):
            assert koalab("buy", CODE, quantity, LOW, "--yes").exit_code == 0
        assert json.loads(koalab("cancel", "--code", "000660", "--format", "json").stdout) == []
        gone = koalab("cancel", "--code", "삼성전자", "--format", "csv")
        found = pd.read_csv(io.StringIO(gone.stdout), dtype=str)
        assert list(found["status"]) == ["cancelled", "cancelled"]
        assert koalab("cancel", "--all").stdout == "none\n"


class TestBeingAsked:
    def test_a_terminal_asks_once_with_the_cost_and_sends_after_yes(
        self, koalab: Callable[..., Result], trading: Market, answered: Callable[[Any], list[str]]
    ) -> None:
        questions, before = answered("y"), sent(trading)
        assert koalab("buy", CODE, "10", LOW).exit_code == 0
        assert questions == [
            "모의투자: 매수 삼성전자 (005930) 10주 지정가, "
            "136,000원: 1,360,000원 + 수수료 4,760원 = 1,364,760원? [y/N] "
        ]
        assert sent(trading) == before + 1

    @pytest.mark.parametrize(
        ("answer", "code"), [("n", 1), ("", 1), (EOFError(), 1), (KeyboardInterrupt(), 130)]
    )
    def test_any_other_answer_sends_nothing(
        self,
        koalab: Callable[..., Result],
        trading: Market,
        answered: Callable[[Any], list[str]],
        answer: Any,
        code: int,
    ) -> None:
        answered(answer)
        before = sent(trading)
        found = koalab("buy", CODE, "10", LOW)
        assert (found.exit_code, found.stdout) == (code, "")
        assert sent(trading) == before

    @pytest.mark.parametrize(
        "words", [("buy", CODE, "1", LOW), ("sell", CODE, "1"), ("modify", "1", "--price", "1")]
    )
    def test_without_a_terminal_it_needs_yes_and_does_not_even_connect(
        self, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KOALAB_TARGET", "not/a/target")
        found = CliRunner().invoke(program, words, input="y\n")
        assert (found.exit_code, found.stdout) == (1, "")
        assert "--yes sends it without being asked" in found.stderr

    @pytest.mark.skipif(os.name != "posix", reason="terminals are another matter on Windows")
    def test_a_question_stays_out_of_the_output_of_a_script(self, trading: Market) -> None:
        import pty

        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "koalab", "buy", CODE, "2", LOW, "--format", "json"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "PYTHONUTF8": "1"},
        ) as process:
            os.close(theirs)
            shown = ""
            while "[y/N]" not in shown:
                shown += os.read(ours, 4096).decode()
            os.write(ours, b"y\n")
            assert process.stdout is not None
            with moving(trading, 1.0):
                out = process.stdout.read()
            os.close(ours)
        assert (process.wait(HANGS_AFTER), json.loads(out)["quantity"]) == (0, 2)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (("buy", "삼성전지", "1", "--yes"), 1, "삼성전자"),
            (("buy", CODE, "0", LOW, "--yes"), 1, "quantity must be a whole number from 1"),
            (("buy", CODE, "열", "--yes"), 1, "quantity is a whole number like 10"),
            (("buy", CODE, "1", "13,60,00", "--yes"), 1, "price is a whole number like 10 or 170,000"),
            (("buy", CODE, "1", "136,050", "--yes"), 1, "호가단위"),
            (("buy", CODE, "1", "1,000", "--yes"), 1, "기준가"),
            (("buy", CODE, "1", "--type", "지정가", "--yes"), 1, "needs a price"),
            (("buy", CODE, "1", LOW, "--type", "시간외", "--yes"), 1, "시간외단일가"),
            (("buy", CODE, "1", "--type", "장후시간외종가", "--yes"), 1, "is taken from"),
            (("buy", CODE, "1", "--timeout", "5", "--yes"), 1, "give --wait too"),
            (("buy", CODE, "1", "--wait", "--timeout", "0", "--yes"), 1, "--timeout is a number of seconds"),
            (("buy", CODE, "--yes"), 2, "Missing argument 'QUANTITY'"),
            (("sell", CODE, "300", "--yes"), 3, "매도가능수량"),
            (("buy", CODE, "1000", "--yes"), 1, "--guard max_value=212_420_000 allows it"),
            (("buy", CODE, "1", "--guard", "max_value=many", "--yes"), 1, "a guard is NAME=VALUE"),
            (("buy", CODE, "1", "--guard", "max_worth=1", "--yes"), 1, "no guard 'max_worth'"),
            (("buy", CODE, "1", LOW, "--type", "최유리", "--yes"), 1, "takes no price"),
            (("buy", CODE, "1", LOW, "--type", "IOC", "--yes"), 3, "모의투자"),
            (("modify", "7777777", "--price", "1", "--yes"), 1, "no order '7777777' today"),
            (("modify", "1", "--yes"), 1, "what is to be changed"),
            (("cancel",), 1, "one of them"),
            (("cancel", "1", "--all"), 1, "one of them"),
            (("cancel", "--all", "--quantity", "1"), 1, "is of one order"),
            (("cancel", "nonsense"), 1, "no order 'nonsense' today"),
        ],
    )
    def test_is_one_line_with_its_exit_code_and_nothing_is_sent(
        self, words: tuple[str, ...], code: int, says: str, koalab: Callable[..., Result], trading: Market
    ) -> None:
        found = koalab(*words)
        assert (found.exit_code, found.stdout) == (code, ""), found.output
        assert says in found.stderr
        assert found.stderr.count("\n") == 1
        becomes(lambda: len(trading.sessions[0].open_orders), 0)

    def test_what_is_not_filled_in_time_is_written_and_is_code_4(self, koalab: Callable[..., Result]) -> None:
        found = koalab("buy", CODE, "1", LOW, "--yes", "--wait", "--timeout", "0.2", "--format", "json")
        assert found.exit_code == 4
        assert order_of(found)["status"] == "accepted"
        assert "is not done within 0.2 s" in found.stderr

    def test_an_order_whose_answer_was_lost_is_found_before_the_command_ends(
        self, koalab: Callable[..., Result], trading: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = sent(trading)
        monkeypatch.setattr(
            "koalab.commands.terminal.Terminal.session", lambda _: _losing(trading, monkeypatch)
        )
        found = koalab("buy", CODE, "5", LOW, "--yes", "--format", "json")
        assert found.stderr.startswith("koalab: it is not known yet whether the broker has the order")
        assert (found.exit_code, order_of(found)["status"]) == (0, "accepted")
        assert sent(trading) == before + 1


def _losing(trading: Market, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that loses the answer to its first order."""
    session = trading.connect()
    fails_after(session, monkeypatch, NoAnswer("too late"))
    return session


class TestInANotebook:
    def test_a_line_gives_what_the_method_gives(self, trading: Market) -> None:
        session = trading.connect()
        with moving(trading):
            order = kiwoom(session, "buy", "삼성전자", "10", LOW)
            assert isinstance(order, Order)
            assert order.status == "accepted"
            assert isinstance(kiwoom(session, "sell", CODE, "1", LOW, "--dry-run"), OrderPreview)
            assert list(kiwoom(session, "open-orders").index) == [order.number]
            with pytest.raises(NoAnswer, match="not done within"):
                kiwoom(
                    session,
                    "modify",
                    order.number,
                    "--quantity",
                    "5",
                    "--price",
                    "136,100",
                    "--wait",
                    "--timeout",
                    "0.1",
                )
            assert [one.status for one in kiwoom(session, "cancel", "--all")] == ["cancelled"] * 2
        with pytest.raises(BadInput, match="quantity"):
            kiwoom(session, "buy", CODE, "0")
        pd.testing.assert_frame_equal(kiwoom(session, "positions"), session.positions)
        session.close()

    def test_orders_are_rendered_as_rows(self, trading: Market) -> None:
        with moving(trading):
            order = trading.sessions[0].buy(CODE, 1, 136_000)
        assert render(order, "table") == repr(order)
        assert json.loads(render([order], "json"))[0]["order"] == order.number
        assert render([order], "csv").splitlines()[0].startswith("order,code,name,side")


class TestTab:
    def offered(self, table: click.Group, runner: Any, *words: str) -> dict[str, str | None]:
        return {item.value: item.help for item in suggestions(table, runner, words[:-1], words[-1])}

    def test_a_shell_knows_open_orders_and_names_without_a_server(
        self, koalab: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = order_of(koalab("buy", CODE, "7", LOW, "--yes", "--format", "json"))["order"]
        gone = order_of(koalab("buy", CODE, "6", LOW, "--yes", "--format", "json"))["order"]
        koalab("cancel", gone)
        monkeypatch.setattr("koalab.connecting.connect", lambda *_, **__: pytest.fail("it connected"))

        found = self.offered(program, Terminal(), "cancel", "")
        assert found[number] == "매수 삼성전자 7주 136,000원"
        assert gone not in found
        assert number in self.offered(program, Terminal(), "modify", number.lstrip("0"))
        assert "삼성전자" in self.offered(program, Terminal(), "buy", "삼성전")
        assert list(self.offered(program, Terminal(), "buy", CODE, "1", "--type", "최유")) == [
            "최유리지정가",
            "최유리IOC",
            "최유리FOK",
        ]
        elsewhere = Terminal()
        elsewhere.options["target"] = "10.0.0.1"
        assert self.offered(program, elsewhere, "cancel", "") == {}

    def test_conditions_that_were_seen_are_offered_without_a_server(
        self, koalab: Callable[..., Result], trading: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.offered(program, Terminal(), "screen", "") == {}
        koalab("conditions")
        monkeypatch.setattr("koalab.connecting.connect", lambda *_, **__: pytest.fail("it connected"))
        kept = NotebookRunner(trading.connect())
        kept.session().conditions()
        for table, runner in ((program, Terminal()), (CommandGroup(NOTEBOOK), kept)):
            assert list(self.offered(table, runner, "screen", "중소형")) == ["중소형 저평가주"]
            assert list(self.offered(table, runner, "screen", "우량")) == ["대형 저평가 우량주"]  # a part
            assert list(self.offered(table, runner, "screen", "중소형", "저")) == ["저평가주"]
            assert list(self.offered(table, runner, "watch", "--condition", "중소형")) == ["중소형 저평가주"]
            assert list(self.offered(table, runner, "alert", "조건:중")) == ["조건:중소형 저평가주"]

    def test_an_alert_begins_with_an_event_or_an_issue_and_goes_on_with_a_field(self) -> None:
        assert next(iter(self.offered(program, Terminal(), "alert", "체"))) == "체결"
        assert list(self.offered(program, Terminal(), "alert", CODE, "등")) == ["등락률"]

    def test_credit_is_offered_by_side(self) -> None:
        assert list(self.offered(program, Terminal(), "buy", CODE, "1", "--credit", "")) == ["자기융자"]
        assert list(self.offered(program, Terminal(), "sell", CODE, "1", "--credit", "99")) == ["자기융자합"]

    def test_a_damaged_log_or_a_wrong_target_offers_nothing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("KOALAB_TARGET", "not/a/target")
        monkeypatch.setenv("KOALAB_CACHE_DIR", str(tmp_path / "none"))
        assert self.offered(program, Terminal(), "cancel", "") == {}
        assert self.offered(program, Terminal(), "buy", "삼성") == {}

    def test_a_notebook_knows_those_of_its_session_once_they_were_read(self, trading: Market) -> None:
        session = trading.connect()
        table = CommandGroup(NOTEBOOK)
        assert self.offered(table, NotebookRunner(session), "cancel", "") == {}
        with moving(trading, 1.0):
            order = session.buy(CODE, 4, 136_000)
        found = self.offered(table, NotebookRunner(session), "cancel", "")
        assert found == {order.number: "매수 삼성전자 4주 136,000원"}
        session.close()
