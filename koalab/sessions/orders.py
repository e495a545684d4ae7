"""Session methods for orders, and the account's orders and positions as state."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Final, Literal, TypedDict, Unpack, overload

import pandas as pd

from koalab.dates import Day, bounds, seoul
from koalab.errors import BadInput, NoAnswer, NotConnected, OrderRejected
from koalab.frames import accounts as frames
from koalab.inputs.arguments import flag, flag_or_none, whole_number
from koalab.inputs.text import shown
from koalab.orders.audit import AuditLog, default_folder
from koalab.orders.credit import find_credit, loan_date_of
from koalab.orders.desk import OrderDesk
from koalab.orders.follower import OrderFollower
from koalab.orders.guards import Guards
from koalab.orders.order import Order
from koalab.orders.preview import OrderPreview
from koalab.orders.quote_types import find_quote_type
from koalab.orders.record import brief
from koalab.orders.reports import Lists, OrderReport, order_rows, position_rows
from koalab.orders.state import AccountState
from koalab.orders.state_frames import StateFrames
from koalab.progress import Progress
from koalab.sessions.accounts import AccountMethods
from koalab.sessions.core import Codes, exchange_sessions

_READ_WITHIN: Final = 30.0
_MOST: Final = 10**9
_REPORTED_WITHIN: Final = 3.0
"""Seconds in which the report of a fill comes that a refused cancellation met."""


class OrderOptions(TypedDict, total=False):
    """Options of ``buy`` and ``sell``."""

    type: str | None
    credit: str | None
    loan_date: Day | None
    account: str | None
    confirm: bool | None


class OrderMethods(AccountMethods):
    """Orders, and what an account has, kept in step by the broker's events."""

    @cached_property
    def _follower(self) -> OrderFollower:
        return OrderFollower(self._link, self._read_lists, _trading_day)

    @cached_property
    def _chosen(self) -> dict[tuple[str, str | None], str]:
        """Account numbers by user and what was asked for."""
        return {}

    @cached_property
    def _made_frames(self) -> dict[str, StateFrames]:
        return {}

    @cached_property
    def _desk(self) -> OrderDesk:
        return OrderDesk(
            self._link,
            self.guards,
            exchange_sessions,
            self._audit,
        )

    @cached_property
    def _audit(self) -> AuditLog:
        def broker() -> str:
            simulation = "모의투자" if self._link.last_status().simulation else "실서버"
            return "simulated" if self._link.simulated else simulation

        return AuditLog(default_folder(), broker, self._link.transport.target)

    @property
    def guards(self) -> Guards:
        """What this session's orders may be: ``kw.guards`` shows it, ``kw.guards.max_value = …`` changes it."""
        return self._guards

    @cached_property
    def _guards(self) -> Guards:
        return Guards()

    @overload
    def buy(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        dry_run: Literal[False] = False,
        **options: Unpack[OrderOptions],
    ) -> Order: ...

    @overload
    def buy(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        dry_run: bool,
        **options: Unpack[OrderOptions],
    ) -> Order | OrderPreview: ...

    def buy(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        type: str | None = None,
        credit: str | None = None,
        loan_date: Day | None = None,
        account: str | None = None,
        confirm: bool | None = None,
        dry_run: bool = False,
    ) -> Order | OrderPreview:
        """Sends an order to buy (SendOrder 신규매수), and waits for its number.

        Args:
            code: code or name of one issue.
            quantity: shares.
            price: KRW; left out: at market.
            type: 거래구분 by name or code: 지정가, 시장가, 최유리, 최우선, 지정가IOC …; None: 지정가 with a price,
                시장가 without.
            credit: 신용구분 of an order on credit (SendOrderCredit): ``"자기융자"`` (03), where the account has it;
                None: with cash.
            loan_date: of a sale only.
            account: its number; None for the first of ``kw.accounts``.
            confirm: whether you are asked before it is sent; None: on the real server, not on 모의투자.
            dry_run: nothing is sent: an ``OrderPreview`` with fee and tax is returned, if the guards let it pass.

        Returns:
            An ``Order``, whose ``status`` follows the broker's events.

        Raises:
            BadInput, UnknownCode: before anything is sent.
            OrderGuarded: before anything is sent: a guard (``kw.guards``) stopped it, or it was not confirmed.
            OrderRejected: the broker refuses; the text is its message.
            Forbidden: the server does not take this session's orders.
        """
        return self._send("매수", code, quantity, price, type, credit, loan_date, account, confirm, dry_run)

    @overload
    def sell(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        dry_run: Literal[False] = False,
        **options: Unpack[OrderOptions],
    ) -> Order: ...

    @overload
    def sell(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        dry_run: bool,
        **options: Unpack[OrderOptions],
    ) -> Order | OrderPreview: ...

    def sell(
        self,
        code: str,
        quantity: int,
        price: int | None = None,
        *,
        type: str | None = None,
        credit: str | None = None,
        loan_date: Day | None = None,
        account: str | None = None,
        confirm: bool | None = None,
        dry_run: bool = False,
    ) -> Order | OrderPreview:
        """Sends an order to sell (SendOrder 신규매도); arguments, result and errors as for ``buy``.

        Args:
            credit: ``"자기융자"`` (33) sells shares of one loan and repays it, ``"자기융자합"`` (99) those of several,
                the oldest first, five at most; None: shares bought with cash.
            loan_date: 대출일 of the loan, as ``kw.positions`` has it; may be left out where the issue has one loan.
        """
        return self._send("매도", code, quantity, price, type, credit, loan_date, account, confirm, dry_run)

    def audit(self, day: Day | None = None) -> pd.DataFrame:
        """The log of this user's orders on a day: all sessions and processes of this machine. No TR, no server.

        Args:
            day: a day of this machine's clock, in Seoul; None for today.

        Returns:
            A row an order sent or stopped, and each change of it: index ``time`` (this machine's, Asia/Seoul);
            ``event`` (``sent``, ``accepted``, ``partly filled``, ``filled``, ``rejected``, ``unknown`` …, ``guarded``
            where it was stopped before), ``order`` (the broker's number), ``code name side action type credit``,
            ``quantity filled left volume`` (shares), ``price fill_price`` (KRW), ``original message``, ``entry``
            (the same for all lines of an order), ``broker`` (실서버, 모의투자, simulated), ``target`` (the server)
            and ``broker_time`` (its clock, Asia/Seoul). ``attrs["file"]`` is the file, ``attrs["lost"]`` counts the
            lines of this session that could not be written, ``attrs["unreadable"]`` those that cannot be read.

        Raises:
            BadInput: that is no day, or the file cannot be read.
        """
        return self._audit.read(self._audit.today() if day is None else _day(day, self._audit.today()))

    def order(self, number: str | int, *, account: str | None = None) -> Order:
        """One of today's orders by its number, also of another program.

        Raises:
            BadInput: there is no such order.
        """
        state = self._state(account)
        text = f"{number:07d}" if isinstance(number, int) and not isinstance(number, bool) else number
        record = state.orders.get(text.strip().zfill(7)) if isinstance(text, str) else None
        if record is None:
            with state.changed:
                known = ", ".join(sorted(state.orders)[-5:]) or "none"
            raise BadInput(f"no order {shown(number)} today; the newest are {known}")
        return Order(record, state, self._desk)

    def cancel_all(self, code: Codes | None = None, *, account: str | None = None) -> list[Order]:
        """Cancels all open orders, or those of some issues; returns them.

        Raises:
            OrderRejected: the broker refused some, which are open still; the others are cancelled, or were filled
                before their cancellation came.
        """
        state = self._state(account)
        codes = None if code is None else self._codes(code)[0]
        with state.changed:
            records = [
                one
                for one in state.orders.values()
                if not one.done
                and one.left
                and one.action != "cancel"
                and (codes is None or one.code in codes)
            ]
        orders = [Order(record, state, self._desk) for record in records]
        refused: list[OrderRejected] = []
        for order in orders:
            try:
                order.cancel()
            except BadInput:  # done in the meantime
                continue
            except OrderRejected as error:
                if not _done_soon(order):
                    refused.append(error)
        if refused:
            raise OrderRejected(
                f"{len(refused)} of {len(orders)} orders could not be cancelled: {refused[0]}"
            )
        return orders

    @property
    def positions(self) -> pd.DataFrame:
        """The positions of the first account, kept in step by the broker's events. No TR after the first use.

        Returns:
            Index ``code``; ``name``, ``quantity`` and ``sellable`` (shares), ``average_price``, ``cost``, ``price``
            (KRW, the last that an event of the account had); ``credit`` (자기융자 …, blank with cash) and ``loan_date``
            (대출일): an issue has a row for each of its loans. ``attrs["stale"]`` says since when and why events may
            be missing; it is blank otherwise.
        """
        frames, trs = self._frames_and_cost(None)
        return frames.positions(trs)

    @property
    def open_orders(self) -> pd.DataFrame:
        """The open orders of the first account, kept in step by the broker's events. No TR after the first use.

        Returns:
            Index ``order`` (the broker's number); ``code name side type status``, ``quantity filled left`` (shares),
            ``price`` (KRW, 0 at market), ``credit``, ``original``, ``entered`` (Asia/Seoul). ``kw.order(number)`` gives
            one to modify or cancel. ``attrs`` as for ``positions``.
        """
        frames, trs = self._frames_and_cost(None)
        return frames.open_orders(trs)

    def _known_open_orders(self) -> dict[str, str]:
        """The open orders of the accounts that are followed, by number, as texts. No TR, no call, no wait."""
        if "_follower" not in self.__dict__:
            return {}
        found: dict[str, str] = {}
        for state in self._follower.known().values():
            for one in list(state.orders.values()):
                if one.number and one.left and not one.done and one.action != "cancel":
                    found[one.number] = brief(one.side, one.name, one.left, one.price)
        return found

    def close(self) -> None:
        """Ends the session; open orders stay at the broker."""
        self._follower.close()
        super().close()

    def _send(
        self,
        side: str,
        code: str,
        quantity: int,
        price: int | None,
        kind: str | None,
        credit: str | None,
        loan_date: Day | None,
        account: str | None,
        confirm: bool | None,
        dry_run: bool,
    ) -> Order | OrderPreview:
        confirm, dry_run = flag_or_none("confirm", confirm), flag("dry_run", dry_run)
        whole_number("quantity", quantity, 1, _MOST)
        if price is not None:
            price = whole_number("price", price, 1, _MOST)
        quote = find_quote_type(kind, price)
        on_credit = None if credit is None else find_credit(credit, side)
        if on_credit is None and loan_date is not None:
            raise BadInput('loan_date= is of a sale on credit: give credit="자기융자" too, or leave it out')
        codes, several = self._codes(code)
        if several or len(codes) != 1:
            raise BadInput("an order is for one issue: give one code or name")
        name, loan = self._name(codes[0]), ""
        if on_credit is not None:
            positions = self._state(account).positions() if on_credit.side == "매도" else []
            loan = loan_date_of(on_credit, loan_date, codes[0], name, positions)
        record = self._desk.new_record(
            self._number(account),
            side,
            codes[0],
            name,
            int(quantity),
            price,
            quote,
            "" if on_credit is None else on_credit.code,
            loan,
        )
        if dry_run:
            return self._desk.preview(record, quote)
        return self._desk.send(record, self._state(account), quote, confirm)

    def _number(self, account: str | None) -> str:
        """The account's number. It is asked for once: that costs two calls, of a server that may be away."""
        if account is not None and not isinstance(account, str):
            return self._accounts.choose(account)  # which refuses it
        asked = (self._link.last_status().user_id, account)
        if asked not in self._chosen:
            self._chosen[asked] = self._accounts.choose(account)
        return self._chosen[asked]

    def _state(self, account: str | None) -> AccountState:
        return self._follower.state(self._number(account), _READ_WITHIN)

    def _frames(self, account: str | None) -> StateFrames:
        state = self._state(account)
        if state.account not in self._made_frames:
            self._made_frames[state.account] = StateFrames(state)
        return self._made_frames[state.account]

    def _frames_and_cost(self, account: str | None) -> tuple[StateFrames, int]:
        """The frames, and the TRs that this call has spent on the account's lists: those of the first use."""
        followed = self._follower.follows(self._number(account))
        frames = self._frames(account)
        return frames, 0 if followed else self._state(account).trs

    def _read_lists(self, account: str) -> Lists:
        """On the follower's thread: opt10075 of all orders and of the open ones, then opw00018."""
        numbers, before = {"계좌번호": account}, self._link.trs_here
        inputs = {"전체종목구분": "0", "매매구분": "0", "종목코드": "", **numbers}
        password = {"비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "2"}
        open_numbers = None
        with Progress("", show=False) as quiet:
            all_orders = self._listed_orders(account, {**inputs, "체결구분": "0"}, quiet)
            if any(one.left for one in all_orders):
                still_open = self._listed_orders(account, {**inputs, "체결구분": "1"}, quiet)
                open_numbers = {one.number for one in still_open}
            pages = self._accounts.pages("opw00018", {**numbers, **password}, quiet)
        until = pages[-1].received_at
        positions = list(position_rows(frames.balances(pages), account, until))
        return Lists(all_orders, open_numbers, positions, until, self._link.trs_here - before)

    def _listed_orders(self, account: str, inputs: dict[str, str], progress: Progress) -> list[OrderReport]:
        pages = self._accounts.pages("opt10075", inputs, progress)
        at = pages[-1].received_at

        def dated(clocks: list[str]) -> pd.DatetimeIndex:
            return self._accounts.dated(clocks, at)

        return list(order_rows(frames.orders("opt10075", pages, dated), account, at))


def _done_soon(order: Order) -> bool:
    """Whether the order is done, or is reported to be within a moment: it was filled while it was to be cancelled."""
    try:
        order.wait(_REPORTED_WITHIN)
    except (NoAnswer, NotConnected):
        return False
    return True


def _trading_day(at: float) -> date:
    """The trading day of a moment: the last one, on a day without trading."""
    found, sessions = seoul(at).date(), exchange_sessions()
    index = sessions.index_at_or_before(found)
    return found if index < 0 else sessions.dates[index].item()


def _day(given: Day, today: date) -> date:
    if isinstance(given, str) and given == "today":
        return today
    first, last = bounds(given)
    if first.astype("datetime64[D]") != last.astype("datetime64[D]"):
        raise BadInput(f"{shown(given)} is longer than a day")
    found: date = first.astype("datetime64[D]").item()
    return found
