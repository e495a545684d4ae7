"""Accounts as their owner sees them: what the frames say is what the broker's books hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import koalab as kl
from kernel_server import reference, simulated
from kernel_server.clock import KST
from koalab.dates import seoul
from koalab.frames import accounts as frames
from koalab.frames import typed
from koalab.loaders.accounts import AccountLoader, AccountNumbers
from koalab.sessions.core import exchange_sessions
from koalab.sessions.session import Session
from koalab.transport.base import Page
from tests.support.session import Market, start
from tests.support.waiting import becomes

FIRST, SECOND = "8000000011", "8000000028"
TEXT = pd.StringDtype(na_value=np.nan)
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Market]:
    """Ten in the morning, with two accounts."""
    settings = simulated.BrokerSettings(
        limited=False, accounts=(simulated.AccountSetting(FIRST), simulated.AccountSetting(SECOND))
    )
    found = start(tmp_path, MORNING, settings=settings)
    yield found
    found.close()


@pytest.fixture
def kw(trading: Market) -> Session:
    return trading.connect()


def order(kw: Session, kind: int, code: str, quantity: int, price: int = 0, of: str = "") -> None:
    """Sends an order of the first account: 1 매수, 2 매도, 3 매수취소; without a price at market."""
    quote = "00" if price or of else "03"
    assert kw.call.SendOrder("주문", "0101", FIRST, kind, code, quantity, price, quote, of) == 0


def books(market: Market) -> Any:
    """The first account in the broker's own books."""
    return market.look(lambda broker: broker._brokerage._books.accounts[FIRST])


@pytest.fixture
def traded(trading: Market, kw: Session) -> Session:
    """Seven bought, two of them sold, and three of another waiting far below the market."""
    order(kw, 1, "005930", 7)
    becomes(lambda: books(trading).holding("005930").quantity, 7)
    order(kw, 2, "005930", 2)
    becomes(lambda: books(trading).holding("005930").quantity, 5)
    order(kw, 1, "000660", 3, int(kw.quotes("000660")["lower_limit"].iloc[0]))
    becomes(lambda: len(books(trading).open_orders), 1)
    return kw


class TestTheNumbers:
    def test_are_there_and_are_not_shown(self, kw: Session) -> None:
        found = kw.accounts
        assert found == [FIRST, SECOND]
        assert isinstance(found, list)
        assert f"{found!r} {found} {found!s}" == " ".join(["['80******11', '80******28']"] * 3)

    def test_choose_an_account_however_they_are_written(self, traded: Session) -> None:
        assert list(traded.balances(account="8000-0000-11").index) == ["005930"]
        assert len(traded.balances(account=SECOND)) == 0
        assert traded.deposit(account=SECOND)["orderable"] == 10_000_000

    @pytest.mark.parametrize("wrong", ["1234567890", "", " ", 8000000011, ["8000000011"]])
    def test_that_there_are_not_cost_no_tr_and_are_not_repeated(self, kw: Session, wrong: Any) -> None:
        before = kw.status()["trs"]
        for method in (kw.deposit, kw.balances, kw.orders, kw.fills, kw.returns):
            with pytest.raises(kl.BadInput) as error:
                method(account=wrong)
            assert not any(number in str(error.value) for number in ("1234567890", FIRST, SECOND))
        assert kw.status()["trs"] == before

    def test_are_in_no_frame_and_no_attrs(self, traded: Session) -> None:
        for frame in (traded.balances(), traded.orders(), traded.fills(), traded.returns(), traded.deposit()):
            assert FIRST not in f"{frame.reset_index().to_dict()} {frame.attrs}"

    def test_are_not_in_what_is_said_of_a_bad_input(self, kw: Session) -> None:
        with pytest.raises(kl.BadInput, match="at most") as error:
            kw.tr("opt10085", 계좌번호=FIRST * 3)
        assert FIRST not in str(error.value)

    def test_fit_into_every_tr_that_takes_one(self, kw: Session) -> None:
        answer = kw.tr("opt10012", 계좌번호=FIRST)
        assert list(answer.multi.columns) == list(reference.tr("opt10012").multi_names)


class TestBalances:
    def test_are_those_of_the_books(self, trading: Market, traded: Session) -> None:
        frame, account = traded.balances(), books(trading)
        held = account.holding("005930")
        position = trading.look(lambda broker: broker._brokerage._valuation.positions(account)[0])
        assert list(frame.index) == ["005930"]
        row = frame.loc["005930"]
        assert row["name"] == "삼성전자"
        assert (row["quantity"], row["sellable"]) == (held.quantity, account.sellable("005930")) == (5, 5)
        assert (row["average_price"], row["cost"]) == (held.average_price, held.cost)
        assert (row["price"], row["value"]) == (position.last, position.last * 5)
        assert (row["profit"], row["tax"]) == (position.profit, position.tax)
        assert row["fees"] == row["buy_fee"] + row["sell_fee"]
        assert row["return_rate"] == pytest.approx(position.profit / held.cost * 100, abs=0.005)
        assert (row["bought_today"], row["sold_today"], row["weight"]) == (7, 2, 100.0)

    def test_come_with_their_sums(self, trading: Market, traded: Session) -> None:
        frame = traded.balances()
        totals = frame.attrs["totals"]
        assert (totals["total_cost"], totals["total_value"]) == (frame["cost"].sum(), frame["value"].sum())
        assert totals["total_profit"] == frame["profit"].sum()
        account = books(trading)
        assert totals["assets"] == trading.look(lambda broker: broker._brokerage._valuation.assets(account))

    def test_say_when_they_were_true_and_are_asked_for_each_time(
        self, trading: Market, traded: Session
    ) -> None:
        first = traded.balances().attrs
        trading.clock.advance(60)
        second = traded.balances().attrs
        assert (first["tr"], first["trs"], second["trs"]) == ("opw00018", 1, 1)
        assert pd.Timestamp(second["fetched_at"]) >= pd.Timestamp(first["fetched_at"]) + pd.Timedelta("60s")

    def test_of_nothing_are_an_empty_frame_of_the_same_kind(self, kw: Session, traded: Session) -> None:
        nothing, something = kw.balances(account=SECOND), traded.balances()
        assert len(nothing) == 0
        pd.testing.assert_series_equal(nothing.dtypes, something.dtypes)
        assert nothing.index.dtype == something.index.dtype == TEXT
        assert "조회내역이 없습니다" in nothing.attrs["messages"][0]

    def test_have_the_brokers_own_names_where_asked_for(self, traded: Session) -> None:
        frame = traded.balances(columns="ko")
        names = reference.tr("opw00018").multi_names
        assert list(frame.columns) == [name for name in names if name != "종목번호"]
        assert frame.loc["005930", "보유수량"] == 5
        with pytest.raises(kl.BadInput):
            traded.balances(columns="kr")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("text", "rate"), [("-1.23", -1.23), ("-00000000123", -1.23), ("000000000000", 0.0)]
    )
    def test_have_rates_in_percent_whether_or_not_the_point_is_written(self, text: str, rate: float) -> None:
        """모의투자 writes the point, the real server leaves it out."""
        entry = reference.tr("opw00018")
        row = {"종목번호": "A005930", "수익률(%)": text}
        page = Page(
            ["", "", "", text, *[""] * 5], [row.get(name, "0") for name in entry.multi_names], 1, "", [], 0.0
        )
        assert frames.balances([page])["return_rate"].tolist() == [rate]
        assert frames.totals(page)["total_return_rate"] == rate


class TestDeposit:
    def test_is_the_money_of_the_books(self, trading: Market, traded: Session) -> None:
        found, account = traded.deposit(), books(trading)
        assert found["deposit"] == 10_000_000
        assert found["d2_deposit"] == account.cash
        assert found["stock_margin"] == account.reserved > 0
        assert found["orderable"] == account.orderable == account.cash - account.reserved
        assert found["d2_bought"] - found["d2_sold"] == 10_000_000 - account.cash
        assert all(isinstance(value, (int, float)) for value in found)
        assert (found.attrs["tr"], found.attrs["trs"]) == ("opw00001", 1)

    def test_has_the_brokers_own_names_where_asked_for(self, kw: Session) -> None:
        found = kw.deposit(columns="ko")
        assert found["예수금"] == 10_000_000
        assert list(found.index) == [n for n in reference.tr("opw00001").single_names if n != "출력건수"]


class TestOrders:
    def test_are_those_of_the_books(self, trading: Market, traded: Session) -> None:
        frame = traded.orders()
        mine = trading.look(lambda broker: dict(broker._brokerage._books.orders))
        assert list(frame.index) == [f"{number:07d}" for number in sorted(mine, reverse=True)]
        for number, row in frame.iterrows():
            held = mine[int(number)]
            assert (row["code"], row["quantity"], row["left"]) == (held.code, held.quantity, held.left)
            assert (row["filled"], row["fill_price"]) == (held.filled, held.average_price)
            assert row["filled_value"] == held.filled * held.average_price
            assert row["status"] == held.state
            assert f"{row['time']:%H%M%S}" == held.time
        assert list(frame["side"]) == ["매수", "매도", "매수"]
        assert list(frame["type"]) == ["보통", "시장가", "시장가"]
        assert list(frame["name"]) == ["SK하이닉스", "삼성전자", "삼성전자"]
        assert list(frame["original"]) == ["", "", ""]

    def test_have_moments_and_whole_numbers(self, traded: Session) -> None:
        frame = traded.orders()
        assert str(frame["time"].dtype) == "datetime64[us, Asia/Seoul]"
        assert set(frame["time"].dt.strftime("%Y-%m-%d")) == {"2026-11-17"}
        kinds = {str(kind) for kind in frame.drop(columns="time").dtypes}
        assert kinds == {"int64", "str"}
        pd.testing.assert_series_equal(frame.dtypes, traded.orders(account=SECOND).dtypes)

    def test_are_those_asked_for(self, traded: Session) -> None:
        assert list(traded.orders(state="open")["code"]) == ["000660"]
        assert list(traded.orders(state="filled")["side"]) == ["매도", "매수"]
        assert list(traded.orders("SK하이닉스")["code"]) == ["000660"]
        assert len(traded.orders(["005930", "SK하이닉스"])) == 3
        assert len(traded.orders("카카오")) == 0
        with pytest.raises(kl.BadInput, match="'open'"):
            traded.orders(state="new")  # type: ignore[arg-type]
        with pytest.raises(kl.UnknownCode):
            traded.orders("카카우오")

    def test_that_change_others_name_them(self, trading: Market, traded: Session) -> None:
        (waiting,) = traded.orders(state="open").index
        order(traded, 3, "000660", 3, of=waiting)
        becomes(lambda: len(books(trading).open_orders), 0)
        newest = traded.orders().iloc[0]
        assert (newest["side"], newest["original"]) == ("매수취소", waiting)
        assert len(traded.orders(state="open")) == 0

    def test_of_friday_are_of_friday_on_saturday(self, trading: Market, traded: Session) -> None:
        loader = traded._accounts
        expected = {
            "2026-11-21T12:00": "2026-11-20T10:00",  # on Saturday
            "2026-11-23T10:00": "2026-11-23T10:00",  # on Monday, at once
            "2026-11-23T08:30": "2026-11-20T10:00",  # on Monday, too early for Monday's
            "2026-11-23T09:55": "2026-11-23T10:00",  # clocks differ a little
        }
        for now, wanted in expected.items():
            received = pd.Timestamp(now, tz="Asia/Seoul").timestamp()
            found = loader.dated(["10:00:00", "", "xx"], received)
            assert found[0] == pd.Timestamp(wanted, tz="Asia/Seoul")
            assert list(found.isna()) == [False, True, True]


class TestFills:
    def test_are_the_orders_that_were_filled(self, trading: Market, traded: Session) -> None:
        frame, deals = traded.fills(), books(trading).deals
        assert list(frame["side"]) == ["매도", "매수"]
        assert list(frame["filled"]) == [2, 7]
        assert (frame["filled"] * frame["fill_price"]).sum() == sum(deal.amount for deal in deals)
        assert list(frame["fee"]) == [deal.fee for deal in reversed(deals)]
        assert list(frame["tax"]) == [deal.tax for deal in reversed(deals)]
        assert (frame.attrs["tr"], list(frame.index.names)) == ("opt10076", ["order"])

    def test_are_those_asked_for(self, traded: Session) -> None:
        assert list(traded.fills("005930")["code"]) == ["005930"] * 2
        assert len(traded.fills("000660")) == 0
        assert list(traded.fills(columns="ko")["체결량"]) == [2, 7]


def test_returns_are_reckoned_from_cost_and_price(trading: Market, traded: Session) -> None:
    row, account = traded.returns().loc["005930"], books(trading)
    held = account.holding("005930")
    assert (row["quantity"], row["cost"]) == (5, held.cost)
    assert row["profit"] == row["price"] * 5 - held.cost
    assert row["return_rate"] == pytest.approx(row["profit"] / held.cost * 100)
    assert row["realized_today"] == sum(deal.profit for deal in account.deals)
    assert row["date"] == pd.Timestamp("2026-11-17")
    nothing = traded.returns(account=SECOND)
    assert len(nothing) == 0
    pd.testing.assert_series_equal(nothing.dtypes, traded.returns().dtypes)


def test_a_broker_that_wants_the_password_is_told_of_with_what_to_do(
    kw: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = reference.tr("opw00018")
    said = "[42] 계좌비밀번호를 입력하여 주십시요."
    page = Page([""] * len(entry.single), [], 0, "", [said], 0.0)
    monkeypatch.setattr(kw._link, "pages", lambda *_arguments, **_more: iter([page]))
    with pytest.raises(kl.NoAnswer, match="ShowAccountWindow") as error:
        kw.balances()
    assert said in str(error.value)


def test_a_login_without_an_account_is_told_of(kw: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kw._link, "in_one_connection", lambda _ask: [""])
    assert kw.accounts == []
    with pytest.raises(kl.NotConnected, match="no account"):
        kw.deposit()


def test_short_numbers_are_all_stars() -> None:
    assert repr(AccountNumbers(["12", "12345"])) == "['**', '12*45']"


SESSIONS = exchange_sessions()
SECONDS = st.integers(int(datetime(2024, 1, 3, tzinfo=KST).timestamp()), int(MORNING.timestamp()))


@given(SECONDS, st.lists(st.times(), max_size=5))
def test_an_order_is_of_the_newest_session_that_it_can_be_of(now: int, clocks: list[clock]) -> None:
    moment = seoul(now)
    texts = [f"{one:%H:%M:%S}" for one in clocks]
    found = AccountLoader(None, exchange_sessions).dated(texts, now)  # type: ignore[arg-type]
    latest = moment + pd.Timedelta("10min")
    for one, text in zip(found, texts, strict=True):
        assert f"{one:%H:%M:%S}" == text
        assert SESSIONS.is_session(one.date())
        assert one <= latest
        later = SESSIONS.between(one.date() + timedelta(days=1), moment.date())
        assert all(pd.Timestamp(f"{day} {text}", tz="Asia/Seoul") > latest for day in later.dates)


@given(st.from_regex(r"[0-9]{8,14}", fullmatch=True))
def test_what_is_shown_of_a_number_says_only_its_ends(number: str) -> None:
    shown = AccountNumbers([number]).masked()[0]
    assert len(shown) == len(number)
    assert (shown[:2], set(shown[2:-2]), shown[-2:]) == (number[:2], {"*"}, number[-2:])


@given(st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=9), st.booleans())
def test_rates_are_the_same_with_and_without_their_point(hundredths: list[int], zeros: bool) -> None:
    plain = "\n".join(f"{one:013d}" if zeros else str(one) for one in hundredths)
    pointed = "\n".join(f"{one / 100:.2f}" for one in hundredths)
    wanted = [one / 100 for one in hundredths]
    assert typed.column("implied", plain, len(hundredths)).tolist() == wanted
    assert typed.column("implied", pointed, len(hundredths)).tolist() == wanted
