"""Session methods for accounts: deposit, balances, orders, fills, returns."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import pandas as pd

from koalab.frames import accounts as frames
from koalab.frames.fields import Columns
from koalab.inputs.arguments import one_of
from koalab.loaders import accounts as loader
from koalab.sessions.core import Codes, SessionCore, check_columns, exchange_sessions
from koalab.transport.base import Page

_STATES = {"all": "0", "open": "1", "filled": "2"}
_PASSWORD = {"비밀번호": "", "비밀번호입력매체구분": "00"}
_ANY_SIDE = "0"


class AccountMethods(SessionCore):
    """Accounts of the user who is logged in.

    Results are as of ``attrs["fetched_at"]`` and never cached: each call spends TRs. No frame has an account number.
    """

    @cached_property
    def _accounts(self) -> loader.AccountLoader:
        return loader.AccountLoader(self._link, exchange_sessions)

    @property
    def accounts(self) -> loader.AccountNumbers:
        """The account numbers (GetLoginInfo ACCLIST): a list of str whose repr is masked. No TR."""
        return self._accounts.numbers()

    def deposit(
        self, *, account: str | None = None, columns: Columns = "en", progress: bool = True
    ) -> pd.Series[Any]:
        """Deposit of an account (opw00001, 일반조회): ``deposit``, ``orderable``, ``withdrawable``, ``d2_deposit`` ….

        Args:
            account: its number; None for the first of ``kw.accounts``.
            columns: ``"en"`` or ``"ko"``: 예수금, 주문가능금액, 출금가능금액, d+2추정예수금 ….
            progress: show a bar when it takes longer than a second.

        Returns:
            A Series of int, KRW; ``credit_collateral_ratio`` is a float, in percent.

        Raises:
            BadInput: there is no such account.
            NoAnswer: the broker requires the account's password; the text says where to save it.
        """
        check_columns(columns)
        pages, trs = self._ask_account("opw00001", {"조회구분": "2"}, "예수금", account, progress)
        found = frames.deposit(pages[0], columns)
        found.attrs = self._account_attrs("opw00001", pages, trs)
        return found

    def balances(
        self, *, account: str | None = None, columns: Columns = "en", progress: bool = True
    ) -> pd.DataFrame:
        """The positions of an account (opw00018, 합산).

        Args:
            account: its number; None for the first of ``kw.accounts``.
            columns: ``"en"`` or ``"ko"``.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``code``; ``name``, ``quantity`` and ``sellable`` (shares), ``average_price``, ``price`` and
            ``previous_close`` (KRW), ``cost``, ``value``, ``profit`` (KRW, after charges of a sale),
            ``return_rate`` and ``weight`` (percent), shares bought and sold today and yesterday, fees and tax.
            ``attrs["totals"]`` has the sums: ``total_cost total_value total_profit total_return_rate assets`` ….

        Raises:
            BadInput: there is no such account.
            NoAnswer: the broker requires the account's password; the text says where to save it.
        """
        check_columns(columns)
        pages, trs = self._ask_account("opw00018", {"조회구분": "1"}, "잔고", account, progress)
        found = frames.balances(pages, columns)
        attrs = self._account_attrs("opw00018", pages, trs, empty=not len(found))
        found.attrs = {**attrs, "totals": frames.totals(pages[0])}
        return found

    def orders(
        self,
        code: Codes | None = None,
        *,
        state: Literal["all", "open", "filled"] = "all",
        account: str | None = None,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Today's orders (opt10075), the newest first.

        Args:
            code: only orders for this code or name, or for these.
            state: ``"open"``: with a quantity left to fill; ``"filled"``: with a fill.
            account: its number; None for the first of ``kw.accounts``.
            columns: ``"en"`` or ``"ko"``.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``order`` (the broker's number, text of 7 digits); ``code name``, ``side`` (매수, 매도, 매수정정,
            매도취소 …), ``type`` (보통, 시장가 …), ``status`` (접수, 확인, 체결), ``quantity left filled`` (shares),
            ``order_price`` (KRW; 0 at market), ``fill_price``, ``filled_value`` (KRW), ``original`` (the order that it
            changes; blank), ``time`` (Asia/Seoul), current price and quotes, fee and tax. A missing figure is 0.

        Raises:
            BadInput: there is no such account, code or state.
        """
        inputs = {"전체종목구분": "0", "매매구분": _ANY_SIDE, "종목코드": ""}
        return self._orders(
            "opt10075", inputs, "전체종목구분", "주문", code, state, account, columns, progress
        )

    def fills(
        self,
        code: Codes | None = None,
        *,
        account: str | None = None,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Today's fills (opt10076, 체결): a row an order with a fill, the newest first.

        Arguments as for ``orders``.

        Returns:
            Index ``order``; ``filled`` shares at the average ``fill_price`` (KRW), and the other columns of
            ``orders``; ``time`` is that of the order's entry.
        """
        inputs = {"종목코드": "", "조회구분": "0", "매도수구분": _ANY_SIDE, "비밀번호": "", "주문번호": ""}
        return self._orders(
            "opt10076", inputs, "조회구분", "체결", code, "filled", account, columns, progress
        )

    def returns(
        self, *, account: str | None = None, columns: Columns = "en", progress: bool = True
    ) -> pd.DataFrame:
        """Returns of an account's positions (opt10085).

        Arguments as for ``balances``.

        Returns:
            Index ``code``; ``date``, ``name``, ``price``, ``average_price``, ``cost`` (KRW), ``quantity``,
            ``realized_today``, ``fee`` and ``tax`` of today (KRW), ``settled`` and ``sellable`` (shares), credit. The
            TR has no rate of return: ``profit`` (KRW) and ``return_rate`` (percent) are computed from the current
            price and the cost, before charges; those of ``balances`` are the broker's, after charges.
        """
        check_columns(columns)
        pages, trs = self._ask_account("opt10085", {}, "계좌수익률", account, progress)
        found = frames.returns(pages, columns)
        found.attrs = self._account_attrs("opt10085", pages, trs, empty=not len(found))
        return found

    def _orders(
        self,
        tr: str,
        inputs: dict[str, str],
        single_issue: str,
        label: str,
        code: Codes | None,
        state: str,
        account: str | None,
        columns: Columns,
        progress: bool,
    ) -> pd.DataFrame:
        check_columns(columns)
        one_of("state", state, _STATES)
        codes = None if code is None else self._codes(code)[0]
        inputs["체결구분"] = _STATES[state]
        if codes is not None and len(codes) == 1:
            inputs |= {"종목코드": codes[0], single_issue: "1"}
        pages, trs = self._ask_account(tr, inputs, label, account, progress)

        def dated(clocks: list[str]) -> pd.DatetimeIndex:
            return self._accounts.dated(clocks, pages[-1].received_at)

        found = frames.orders(tr, pages, dated, columns)
        if codes is not None:
            found = found[found["code" if columns == "en" else "종목코드"].isin(codes)]
        found.attrs = self._account_attrs(tr, pages, trs, empty=not len(found))
        return found

    def _ask_account(
        self, tr: str, inputs: dict[str, str], label: str, account: str | None, progress: bool
    ) -> tuple[list[Page], int]:
        """The pages of an account's TR, and the TRs they cost."""
        number = self._accounts.choose(account)
        before = self._link.trs_here
        password = _PASSWORD if tr.startswith("opw") else {}
        with self._progress(label, progress) as shown:
            pages = self._accounts.pages(tr, {"계좌번호": number, **password, **inputs}, shown)
        return pages, self._link.trs_here - before

    def _account_attrs(self, tr: str, pages: list[Page], trs: int, empty: bool = False) -> dict[Any, Any]:
        attrs = self._attrs(tr, pages[-1].received_at, 0, trs)
        messages = list(dict.fromkeys(text for page in pages for text in page.messages))
        return {**attrs, "messages": messages} if empty and messages else attrs
