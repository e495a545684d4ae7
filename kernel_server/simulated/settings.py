"""Settings of the simulated broker, including all that is unknown about the real one.

Behaviour without a recording is a setting here, not a constant elsewhere: its default is a guess, and a program that
works with only one of the choices depends on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kernel_server.simulated.faults import PlannedFault


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """An account: ten digits, its holder, its product (위탁종합, 선물옵션 …), and whether it takes orders on credit."""

    number: str = field(repr=False)
    name: str = "모의투자"
    product: str = "위탁종합"
    credit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Times are in seconds of the broker's clock. "Guess" marks behaviour that has not been observed.

    Attributes:
        user_id, user_name, accounts: results of GetLoginInfo.
        module_path: result of GetAPIModulePath.
        server_gubun: result of GetServerGubun: ``1`` is 모의투자, anything else the real server. Nothing else depends
            on it.
        login_delay: from CommConnect to OnEventConnect, at least 0.3, as the login window has to open first.
        login_result: OnEventConnect's code, 0 or a negative one.
        latency: from CommRqData to OnReceiveTrData.
        limited: whether requests are rate-limited; off for benchmarks.
        requests_a_second, requests_an_hour: rate limits; requests beyond them return -200.
        window: ``fixed`` counts anew with each second of the clock, ``sliding`` counts the last second.
        overruns, overrun_seconds: after that many consecutive refused requests within that time all requests return
            -209 until the next login. The numbers are a guess.
        not_connected: result of a request before login (guess).
        bad_screen: result of a request with a screen number outside 0001 to 9999 (guess).
        no_screen_left: result of SetRealReg for the 201st screen (guess).
        parse_result: result of CommRqData if inputs are missing or in a wrong order (guess).
        input_order: ``declared`` requires inputs in the TR's order, ``any`` accepts any order.
        rejected_query: after the message of a rejected query, OnReceiveTrData without rows comes (``empty``) or does
            not (``silent``). Both have been reported.
        lost_continuation: a next page without a continuation key starts at the first row (``restart``) or fails like a
            request that cannot be parsed (``fail``). Guess.
        last_page: sPrevNext of the last page of a quote TR, ``0`` or blank.
        unknown_codes: an unlisted code in CommKwRqData gives a blank row (``blank``) or none (``skipped``). Guess.
        padding, field_width: GetCommData pads a value with blanks on that side to that many bytes (guess).
        minute_days: depth of the minute charts in sessions (guess).
        minute_sign: minute prices are signed against the previous close of the bar's own ``day`` or of ``today``
            (guess).
        period_date: 일자 of a week, month or year bar is its ``first`` or ``last`` session (guess).
        collateral_rate: 대용가 as a percentage of 기준가; one recorded value fits 78 (guess).
        fundamentals_seed: seed of PER, EPS and their like; None leaves them blank, as recorded data requires.
        trade_fields: number of the 43 fields of 주식체결 that are sent; a server of 2022 sent 42.
        volume_pace: FID 851 of 주식체결, 전일 동시간 거래량 비율, whose computation is unknown.
        no_quote: price of an empty level of the order book (guess).
        level_change: 호가직전대비 of a level compares with the previous volume at the same ``price`` or in the same
            ``place`` (guess).
        market_key: sRealKey of 장시작시간 (guess).
        interruption_flag: FID 9068 of VI발동/해제 is 1 for the begin and 2 for the end of a VI (``state``), or 1 for an
            upward and 2 for a downward move (``way``), like FID 9069 (guess).
        interruption_code: FID 9001 of VI발동/해제 is the code alone (``plain``), or has an A before it, a Q for an ETN
            (``prefixed``), which programs in use strip (guess).
        trade_size: how much larger generated trades are than recorded ones, and how many times fewer; 20 makes a quiet
            market that costs little.
        after_hours: off-hours trading with random background order flow (``drawn``) or by clients alone
            (``clients``). None: background order flow in a synthetic market, clients alone over recorded prices.
        evening_types: whether the ECN types of 시간외 단일가 are sent. Programs have seen them, though Kiwoom says that
            OpenAPI+ does not support them.
        early_orders: the rest of a 장전 시간외종가 order (61) at 08:40 is not cancelled, according to the guide: it
            stays open, in vain, to the session's end (``kept``), or is void (``void``). Guess.
        evening_price: a 시간외 단일가 order (62) without a price is rejected (``given``), as the guide requires one, or
            gets the close (``close``), as an answer of Kiwoom's can be read.
        early_notices: whether 장시작시간 has notices of 장전 시간외종가 too (a at 08:30, b at 08:40). Guess.
        after_market_notices: codes (FID 215) with which 장시작시간 announces the beginning and the end of 애프터마켓.
            Those of the exchange are not recorded; these are NXT's (guess).
        after_market_orders: whether orders are accepted in the after-market (애프터마켓). 모의투자 refused them with
            ``[RC4058] 모의투자 장종료`` on 2026-09-15; accepted here, so that they can be tried.
        nextrade_notices: whether 장시작시간 announces the hours of Nextrade too (P to V). Programs know these codes;
            whether every client gets them is a guess.
        nextrade_orders: orders for ``005930_NX`` and ``005930_AL`` are ``refused``, as by 모의투자 of the REST service
            (RC9000), or ``traded``: at Nextrade, or where the price is better. How the control takes such orders is not
            known; that the code says it is a guess.
        evening_ticks: whether the tick chart includes 장후 시간외종가 and the after-market, as opt10003 does. Guess.
        evening_minutes: whether the minute chart includes the after-market, 16:00 to 19:59. Guess.
        evening_bar: what the newest daily bar has of the after-market from its beginning on, in addition to volume and
            value: its last trade as the close, and its extremes (``wide``), that close alone (``close``), or nothing
            (``regular``). Guess, as another broker shows it.
        evening_bar_until: hour of the next day from which on the bar has the regular session's prices (guess).
        condition_period: seconds of a session between two evaluations of a live condition (guess).
        condition_failure: result of a failed SendCondition: ``zero``, as documented, or the ``code`` (-11, -12, -13) of
            the error table.
        index_close: label of a session's last bar in the tick and minute charts of an index: its ``time``, or
            ``888888``, which has been seen.
        index_tick_days: depth of the tick charts of an index in sessions (guess).
        flow_signs: opt10059 and opt10060 write purchases with a plus and sales with a minus (``signed``), or both
            without a sign (``plain``). Guess; net amounts are signed in any case.
        deposit: initial deposit of each account, KRW (guess).
        fee_rate: of a trade's amount, in thousandths of a percent; the fee is cut to 10 won.
        taxed: whether sales are taxed, at the rates of ``kernel_server/reference/data/sale_tax.tsv`` (guess).
        tax_unit: each tax on a sale is cut to that many won (guess).
        orders_a_second: rate limit of orders; those beyond it return -308. Counted separately, with the same window.
        order_size_checks: whether SendOrder rejects by size (guess for 모의투자).
        password_saved: whether the account window has the password; without it SendOrder returns -301.
        quote_types: accepted sHogaGb; the real server accepts all of ``brokerage/data/order_quote.tsv``.
        restricted: codes whose orders are rejected as 매매금지.
        order_answer: which of an order's OnReceiveMsg (``message``) and OnReceiveTrData (``data``) comes first.
        chejan_first: whether an order's first Chejan events come before both of them.
        rejected_order: after the message of a rejected order, OnReceiveTrData with a blank number comes (``blank``) or
            does not (``silent``).
        chejan_fills: 체결가 and 체결량 (910, 911) are the order's totals (``total``) or the fill's (``fill``). Guess.
        credit_margin: percentage of a purchase on credit (SendOrderCredit, 자기융자) that is paid in cash; the rest is
            lent, without interest (guess).
        loan_date: 대출일 of such a purchase is the day of the ``trade`` or of its ``settlement`` (guess).
        loan_days: from 대출일 to 만기일 (guess).
        credit_changes: an order on credit is modified and cancelled by SendOrderCredit and SendOrder alike (``any``),
            or by SendOrderCredit alone (``same``). Guess.
        first_order, first_fill: first order and fill numbers of a session.
        account_rows: rows of a page in account TRs whose page size is not documented (guess).
        planned_faults: daily faults at a set time; ``faults.NIGHTLY`` is the broker's own check.
    """

    user_id: str = "koalab"
    user_name: str = "모의투자"
    accounts: tuple[AccountSetting, ...] = (AccountSetting("8000000011"),)
    module_path: str = r"C:\OpenAPI"
    server_gubun: str = "1"
    login_delay: float = 0.4
    login_result: int = 0
    latency: float = 0.13
    limited: bool = True
    requests_a_second: int = 5
    requests_an_hour: int = 1000
    window: Literal["fixed", "sliding"] = "fixed"
    overruns: int = 5
    overrun_seconds: float = 10.0
    not_connected: int = -100
    bad_screen: int = -105
    no_screen_left: int = -10
    parse_result: int = 0
    input_order: Literal["declared", "any"] = "declared"
    rejected_query: Literal["empty", "silent"] = "empty"
    lost_continuation: Literal["restart", "fail"] = "restart"
    last_page: Literal["0", ""] = "0"
    unknown_codes: Literal["blank", "skipped"] = "blank"
    padding: Literal["none", "left", "right"] = "right"
    field_width: int = 20
    minute_days: int = 160
    minute_sign: Literal["day", "today"] = "day"
    period_date: Literal["first", "last"] = "first"
    collateral_rate: int = 78
    fundamentals_seed: int | None = None
    trade_fields: int = 43
    volume_pace: str = "0"
    no_quote: str = "0"
    level_change: Literal["price", "place"] = "price"
    market_key: str = "09"
    interruption_flag: Literal["state", "way"] = "state"
    interruption_code: Literal["plain", "prefixed"] = "plain"
    trade_size: float = 1.0
    after_hours: Literal["drawn", "clients"] | None = None
    evening_types: bool = True
    early_orders: Literal["kept", "void"] = "kept"
    evening_price: Literal["given", "close"] = "given"
    early_notices: bool = False
    after_market_notices: tuple[str, str] = ("U", "V")
    after_market_orders: bool = True
    nextrade_notices: bool = False
    nextrade_orders: Literal["refused", "traded"] = "refused"
    evening_ticks: bool = False
    evening_minutes: bool = False
    evening_bar: Literal["wide", "close", "regular"] = "wide"
    evening_bar_until: float = 5.0
    condition_period: float = 20.0
    condition_failure: Literal["zero", "code"] = "zero"
    index_close: Literal["time", "888888"] = "time"
    index_tick_days: int = 5
    flow_signs: Literal["signed", "plain"] = "signed"
    deposit: int = 10_000_000
    fee_rate: int = 350
    taxed: bool = True
    tax_unit: int = 1
    orders_a_second: int = 5
    order_size_checks: bool = True
    password_saved: bool = True
    quote_types: tuple[str, ...] = ("00", "03")
    restricted: tuple[str, ...] = ()
    order_answer: Literal["message", "data"] = "message"
    chejan_first: bool = False
    rejected_order: Literal["silent", "blank"] = "blank"
    chejan_fills: Literal["total", "fill"] = "total"
    credit_margin: int = 45
    loan_date: Literal["trade", "settlement"] = "trade"
    loan_days: int = 90
    credit_changes: Literal["any", "same"] = "any"
    first_order: int = 1
    first_fill: int = 1
    account_rows: int = 20
    planned_faults: tuple[PlannedFault, ...] = ()

    def __post_init__(self) -> None:
        if self.login_delay < 0.3:
            raise ValueError(f"login_delay must be at least 0.3 s, not {self.login_delay}")
        if self.latency < 0:
            raise ValueError(f"latency must not be negative, as {self.latency} is")
        if self.login_result > 0:
            raise ValueError(f"login_result is 0 or an error code, not {self.login_result}")
        for name in ("deposit", "fee_rate"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, as {getattr(self, name)} is")
        least_one = ("requests_a_second", "requests_an_hour", "overruns", "minute_days")
        for name in (*least_one, "tax_unit", "orders_a_second", "first_order", "first_fill", "account_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.credit_margin <= 100 or self.loan_days < 0:
            raise ValueError("credit_margin is a percentage, and loan_days must not be negative")
        if not 0 <= self.evening_bar_until <= 8:
            raise ValueError(f"evening_bar_until must be 0 to 8, not {self.evening_bar_until}")
        if self.trade_size <= 0:
            raise ValueError(f"trade_size must be positive, not {self.trade_size}")
        if not 1 <= self.trade_fields <= 43:
            raise ValueError(f"trade_fields must be 1 to 43, not {self.trade_fields}")
        if self.condition_period <= 0 or self.index_tick_days < 1:
            raise ValueError("condition_period must be positive and index_tick_days at least 1")
