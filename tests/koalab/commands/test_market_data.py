"""The commands of order books, indices, investors, conditions and accounts give what the methods give."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime

import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from click.testing import Result

from kernel_server.clock import KST
from koalab.cli import program
from koalab.commands import NOTEBOOK, CommandGroup, run
from koalab.sessions.session import Session
from tests.support.session import Market, start

ACCOUNT = "8000000011"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """One for all of these tests, in which three shares have been bought."""
    found = start(tmp_path_factory.mktemp("market"), datetime(2026, 11, 17, 10, 30, tzinfo=KST))
    kw = found.connect()
    assert kw.call.SendOrder("주문", "0101", ACCOUNT, 1, "005930", 3, 0, "03", "") == 0
    while not len(kw.balances()):
        found.clock.advance(1)
    yield found
    found.close()


@pytest.fixture
def koalab(run: Run) -> Run:
    """``koalab`` with a line that succeeds."""

    def ran(line: str) -> Result:
        result = run(*line.split())
        assert result.exit_code == 0, result.output
        return result

    return ran


class FakeRunner:
    """A command runner without a notebook."""

    columns, progress = "en", False

    def __init__(self, session: Session) -> None:
        self._session = session

    def session(self) -> Session:
        return self._session


@pytest.mark.parametrize(
    ("line", "method"),
    [
        ("orderbook 삼성전자", lambda kw: kw.orderbook("005930")),
        ("orderbook 005930 000660 --columns ko", lambda kw: kw.orderbook(["005930", "000660"], columns="ko")),
        ("index", lambda kw: kw.indices()),
        ("index KOSPI --start 2026-11-02", lambda kw: kw.index("001", "2026-11-02")),
        (
            "index 코스닥 KOSPI --interval W --start 2026-10-01 --end 2026-11-01",
            lambda kw: kw.index(["101", "001"], "2026-10-01", "2026-11-01", interval="W"),
        ),
        ("flows 005930 --start 2026-11-02", lambda kw: kw.flows("005930", "2026-11-02")),
        (
            "flows 005930 --start 2026-11-02 --shares --side buy --columns ko",
            lambda kw: kw.flows("005930", "2026-11-02", what="shares", side="buy", columns="ko"),
        ),
        ("conditions", lambda kw: kw.conditions()),
        ("screen 중소형 저평가주", lambda kw: kw.screen(1)),
        ("screen 7 --info", lambda kw: kw.screen(7, info=True)),
        ("balances", lambda kw: kw.balances()),
        (f"balances --account {ACCOUNT} --columns ko", lambda kw: kw.balances(columns="ko")),
        ("orders", lambda kw: kw.orders()),
        ("orders --open", lambda kw: kw.orders(state="open")),
        ("orders 005930 --filled", lambda kw: kw.orders("005930", state="filled")),
        ("fills 삼성전자", lambda kw: kw.fills("005930")),
        ("returns", lambda kw: kw.returns()),
    ],
)
def test_a_command_gives_what_its_method_gives(
    line: str, method: Callable[[Session], pd.DataFrame], kw: Session
) -> None:
    got = run(CommandGroup(NOTEBOOK, name="%kiwoom"), line.split(), FakeRunner(kw), "%kiwoom")  # type: ignore[arg-type]
    wanted = method(kw)
    assert list(got.columns) == list(wanted.columns)
    pd.testing.assert_index_equal(got.index, wanted.index)
    # Between the two the clock has gone on, and prices with it: of days only the last is not over.
    days = got.index.names[-1] in ("date", "일자")
    names = [name for name in got.columns if days or name in ("name", "종목명", "quantity")]
    pd.testing.assert_frame_equal(got[names].iloc[:-1], wanted[names].iloc[:-1])


def test_an_account_is_shown_with_stars_unless_asked_for(koalab: Run) -> None:
    assert koalab("accounts").output == "80******11\n"
    assert koalab("accounts --show").output == f"{ACCOUNT}\n"
    assert ACCOUNT not in koalab("orders --format json").output


def test_they_print_tables(koalab: Run, kw: Session) -> None:
    frame = pd.read_csv(
        io.StringIO(koalab("balances --format csv").output), dtype={"code": str, "credit": str}
    )
    assert frame.loc[0, ["code", "name", "quantity"]].tolist() == ["005930", "삼성전자", 3]
    assert "orderable" in koalab("deposit").output
    assert koalab("orders --open").output.startswith("nothing; columns: order, code, status")
    assert "매도" in koalab("orderbook 005930 --columns ko").output
    moment = pd.read_csv(io.StringIO(koalab("fills --format csv").output))["time"].iloc[0]
    assert moment == kw.fills()["time"].iloc[0].isoformat()


@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        (["index"], "KOS", ["KOSPI", "KOSDAQ", "KOSPI200", "KOSPI100"]),
        (["index", "--interval"], "3", ["3min", "30min"]),
        (["flows", "005930", "--side"], "", ["net", "buy", "sell"]),
        ([], "orde", ["orderbook", "orders"]),
    ],
)
def test_what_can_be_completed(words: list[str], incomplete: str, offered: list[str]) -> None:
    complete = ShellComplete(program, {}, "koalab", "")
    assert [item.value for item in complete.get_completions(words, incomplete)] == offered
