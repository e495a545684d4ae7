"""Orders on credit: sent, followed, shown and repaid by a session, and refused where the account has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from kernel_server import simulated
from kernel_server.simulated.brokerage.account import Holding
from koalab import BadInput, OrderGuarded, OrderRejected
from koalab.cli import program
from koalab.sessions.session import Session
from tests.koalab.orders.test_orders import ACCOUNT, CODE, MORNING, books, go, limits
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes

TODAY = pd.Timestamp("2026-11-17")
EARLIER = "2026-10-30"

Open = Callable[..., Market]


@pytest.fixture
def at_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setenv("KOALAB_STATE_DIR", str(tmp_path / "state"))
    made: list[Market] = []

    def make(credit: bool = True, **settings: Any) -> Market:
        account = simulated.AccountSetting(ACCOUNT, credit=credit)
        made.append(
            start(
                tmp_path,
                MORNING,
                settings=simulated.BrokerSettings(limited=False, accounts=(account,), **settings),
            )
        )
        return made[-1]

    yield make
    for market in made:
        market.close()


@pytest.fixture
def market(at_broker: Open) -> Market:
    return at_broker()


@pytest.fixture
def kw(market: Market) -> Session:
    return market.connect()


def lend(market: Market, date: str, shares: int) -> None:
    """Shares bought on credit on an earlier day."""
    cost = shares * 70_000
    loan = Holding(shares, cost, 0, cost // 2)
    market.look(lambda broker: broker._brokerage._books.accounts[ACCOUNT].loans.update({(CODE, date): loan}))


def held(kw: Session) -> list[tuple[Any, ...]]:
    frame = kw.positions
    return list(zip(frame["quantity"], frame["credit"], frame["loan_date"], strict=True))


class TestAPurchase:
    def test_is_a_position_with_its_loan_beside_the_one_bought_with_cash(
        self, market: Market, kw: Session
    ) -> None:
        kw.buy(CODE, 3)
        order = kw.buy(CODE, 10, credit="자기융자")
        go(market, 5)
        order.wait(HANGS_AFTER)
        assert (order.credit, order.loan_date) == ("자기융자", "")
        assert "시장가 자기융자" in repr(order)
        assert list(kw.positions.index) == [CODE, CODE]
        becomes(lambda: [row[:2] for row in held(kw)], [(3, ""), (10, "자기융자")])
        assert pd.isna(held(kw)[0][2])
        assert held(kw)[1][2] == TODAY
        assert not kw.positions.attrs["stale"]
        assert set(kw.audit()["credit"]) == {"", "자기융자"}
        assert books(market).accounts[ACCOUNT].borrowed > 0

    def test_is_the_same_when_the_account_is_read_again(self, market: Market, kw: Session) -> None:
        kw.buy(CODE, 3)
        order = kw.buy(CODE, 10, credit="03")
        go(market, 5)
        order.wait(HANGS_AFTER)
        before, after = (one.positions.drop(columns="price") for one in (kw, market.connect()))
        pd.testing.assert_frame_equal(after, before)

    def test_is_modified_and_cancelled_on_credit(self, at_broker: Open) -> None:
        kw = at_broker(credit_changes="same").connect()
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low, credit="자기융자")
        assert list(kw.open_orders["credit"]) == ["자기융자"]
        other = order.modify(price=low + 1000)
        becomes(lambda: (order.status, other.status), ("replaced", "accepted"))
        assert other.credit == "자기융자"
        other.cancel()
        becomes(lambda: other.status, "cancelled")

    def test_of_another_program_is_changed_on_credit_too(self, at_broker: Open) -> None:
        market = at_broker(credit_changes="same")
        one, other = market.connect(), market.connect()
        assert not len(other.open_orders)
        low, _ = limits(one)
        number = one.buy(CODE, 10, low, credit="자기융자").number
        becomes(lambda: list(other.open_orders["credit"]), ["자기융자"])
        order = other.order(number)
        order.cancel()
        becomes(lambda: order.status, "cancelled")

    def test_is_refused_where_the_account_has_no_credit(self, at_broker: Open) -> None:
        kw = at_broker(credit=False).connect()
        with pytest.raises(OrderRejected, match="신용거래 계좌가 아닙니다"):
            kw.buy(CODE, 10, credit="자기융자")

    def test_passes_the_guards(self, kw: Session) -> None:
        kw.guards.max_quantity, kw.guards.duplicates_within = 5, 600
        with pytest.raises(OrderGuarded, match="max_quantity"):
            kw.buy(CODE, 10, credit="자기융자")
        kw.buy(CODE, 1, credit="자기융자")
        kw.buy(CODE, 1)  # with cash it is another order
        with pytest.raises(OrderGuarded, match="duplicates_within"):
            kw.buy(CODE, 1, credit="자기융자")

    def test_is_shown_and_not_sent_by_a_dry_run(self, market: Market, kw: Session) -> None:
        preview = kw.buy(CODE, 10, credit="자기융자", dry_run=True)
        assert preview.credit == "자기융자"
        assert "시장가 자기융자" in repr(preview)
        assert not books(market).orders


class TestARepayment:
    def test_of_the_only_loan_needs_no_date(self, market: Market, kw: Session) -> None:
        lend(market, "20261030", 10)
        order = kw.sell(CODE, 4, credit="자기융자")
        go(market, 5)
        order.wait(HANGS_AFTER)
        assert order.loan_date == "20261030"
        becomes(lambda: held(kw), [(6, "자기융자", pd.Timestamp(EARLIER))])
        assert not kw.positions.attrs["stale"]

    def test_of_one_of_several_names_its_date(self, market: Market, kw: Session) -> None:
        lend(market, "20261030", 10)
        lend(market, "20261102", 7)
        with pytest.raises(BadInput, match=r"2026-10-30 \(10주\), 2026-11-02 \(7주\)"):
            kw.sell(CODE, 4, credit="자기융자")
        with pytest.raises(BadInput, match="no loan on 삼성전자 of 2026-11-03"):
            kw.sell(CODE, 4, credit="자기융자", loan_date="2026-11-03")
        order = kw.sell(CODE, 4, credit="자기융자", loan_date="2026-11-02")
        go(market, 5)
        order.wait(HANGS_AFTER)
        becomes(lambda: [row[0] for row in held(kw)], [10, 3])

    def test_of_all_loans_begins_with_the_oldest(self, market: Market, kw: Session) -> None:
        lend(market, "20261030", 10)
        lend(market, "20261102", 7)
        order = kw.sell(CODE, 12, credit="자기융자합")
        go(market, 5)
        order.wait(HANGS_AFTER)
        becomes(lambda: held(kw), [(5, "자기융자", pd.Timestamp("2026-11-02"))])
        go(market, 10)
        assert not kw.positions.attrs["stale"]

    def test_leaves_its_shares_sellable_again_once_it_is_cancelled(self, market: Market, kw: Session) -> None:
        lend(market, "20261030", 10)
        _, base = limits(kw)
        order = kw.sell(CODE, 4, base * 12 // 10 // 1000 * 1000, credit="자기융자")
        becomes(lambda: list(kw.positions["sellable"]), [6])
        order.cancel()
        becomes(lambda: list(kw.positions["sellable"]), [10])

    def test_needs_a_loan(self, kw: Session) -> None:
        with pytest.raises(BadInput, match="no loan on 삼성전자"):
            kw.sell(CODE, 1, credit="자기융자")

    def test_is_not_sold_as_shares_of_cash(self, market: Market, kw: Session) -> None:
        lend(market, "20261030", 10)
        with pytest.raises(OrderRejected, match="매도가능수량"):
            kw.sell(CODE, 1)


@pytest.mark.parametrize(
    ("side", "options", "why"),
    [
        ("buy", {"credit": "유통융자"}, '"자기융자" \\(03\\)'),
        ("buy", {"credit": "33"}, "no credit"),
        ("sell", {"credit": "03"}, '"자기융자" \\(33\\), "자기융자합" \\(99\\)'),
        ("buy", {"credit": "자기융자", "loan_date": EARLIER}, "takes no loan_date"),
        ("sell", {"credit": "자기융자합", "loan_date": EARLIER}, "takes no loan_date"),
        ("sell", {"loan_date": EARLIER}, "on credit"),
        ("buy", {"credit": 3}, "no credit 3"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    kw: Session, side: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        getattr(kw, side)(CODE, 1, **options)


def test_a_terminal_sends_them_too(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALAB_TARGET", market.server.address)
    run = CliRunner().invoke
    bought = run(program, ["buy", CODE, "10", "--credit", "자기융자", "--yes", "--format", "json"])
    assert bought.exit_code == 0, bought.output
    assert '"credit": "자기융자"' in bought.output
    go(market, 5)
    shown = run(program, ["positions", "--format", "csv"])
    assert "자기융자,2026-11-17" in shown.output
    sold = run(program, ["sell", CODE, "10", "--credit", "자기융자", "--loan-date", "2026-11-17", "--yes"])
    assert sold.exit_code == 0, sold.output
