"""What can be chosen about the simulated broker, and what is not known about the real one.

Behaviour that nobody has recorded is a setting here and no constant elsewhere: its default is a guess, and
a program that works only with one of the choices has found a place where it trusts a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kernel_server.simulated.faults import PlannedFault


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """An account: ten digits, its holder, and its product (위탁종합, 선물옵션 …)."""

    number: str = field(repr=False)
    name: str = "모의투자"
    product: str = "위탁종합"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Times are in seconds of the clock. Whatever is marked "guess" has not been observed.

    Attributes:
        user_id, user_name, accounts: what GetLoginInfo answers.
        module_path: what GetAPIModulePath answers.
        server_gubun: what GetServerGubun answers: ``1`` is 모의투자, anything else the real server. Nothing but this
            answer changes with it.
        login_delay: from CommConnect to OnEventConnect, at least 0.3: the window has to open first.
        login_result: OnEventConnect's code, 0 or one of the negative ones.
        latency: from CommRqData to OnReceiveTrData.
        limited: whether requests are counted at all; off for benchmarks.
        requests_a_second, requests_an_hour: what is answered; beyond it -200.
        window: ``fixed`` counts anew with every second of the clock, ``sliding`` looks one second back.
        overruns, overrun_seconds: so many refused requests in a row within that time, and everything
            is refused with -209 until the next login. The numbers are a guess.
        not_connected: what a request returns before login (guess).
        bad_screen: what a request with a screen number that is not 0001 to 9999 returns (guess).
        no_screen_left: what SetRealReg returns for the 201st screen (guess).
        parse_result: what CommRqData returns where inputs are missing or in a wrong order (guess).
        input_order: ``declared`` wants inputs in the TR's order, ``any`` packs them itself.
        rejected_query: after the message of a rejected query, OnReceiveTrData without rows comes
            (``empty``) or does not (``silent``). Both have been reported.
        lost_continuation: a next page that the module has no key for starts at the first row
            (``restart``) or fails like a request that cannot be parsed (``fail``). Guess.
        last_page: sPrevNext of the last page of a quote TR, ``0`` or blank.
        unknown_codes: in CommKwRqData a code that is not listed gives a blank row (``blank``) or
            none (``skipped``). Guess.
        padding, field_width: GetCommData fills a value with blanks on that side up to so many bytes (guess).
        minute_days: depth of the minute charts in sessions (guess).
        minute_sign: minute prices are coloured against the previous close of the bar's own ``day``
            or of ``today`` (guess).
        period_date: 일자 of a week, month or year bar is its ``first`` or ``last`` session (guess).
        collateral_rate: 대용가 as a percentage of 기준가; one recorded value fits 78 (guess).
        fundamentals_seed: seed of PER, EPS and their like; None leaves them blank, as given data must.
        trade_fields: so many of the 43 fields of a 주식체결 are sent; a server of 2022 sent 42.
        volume_pace: FID 851 of a 주식체결, 전일 동시간 거래량 비율; how it is computed is not known.
        no_quote: the price of a level of the book where nobody waits (guess).
        level_change: 호가직전대비 of a level compares with what waited at the same ``price`` before or in
            the same ``place`` (guess).
        market_key: sRealKey of 장시작시간 (guess).
        interruption_flag: FID 9068 of VI발동/해제 says whether a VI has begun (1) or ended (2) (``state``), or which
            ``way`` the price went (1 up, 2 down), as FID 9069 does (guess).
        interruption_code: FID 9001 of VI발동/해제 is the code alone (``plain``) or behind an A, a Q for an ETN
            (``prefixed``): programs in use take such a letter off (guess).
        after_hours: who trades outside the session besides clients: somebody drawn from the seed (``drawn``), or
            nobody (``clients``). None: somebody in a synthetic market, nobody over given prices.
        evening_types: whether the ECN types of 시간외 단일가 come. Programs have seen them, though Kiwoom says that
            OpenAPI+ does not support them.
        early_orders: what is left of a 장전 시간외종가 order (61) at 08:40 is not cancelled, says the guide: it
            stays open, in vain, to the session's end (``kept``), or is void all the same (``void``). Guess.
        evening_price: a 시간외 단일가 order (62) without a price is refused (``given``), as the guide wants one,
            or stands at the close (``close``), as one answer of Kiwoom's can be read.
        early_notices: whether 장시작시간 tells of 장전 시간외종가 as well (a at 08:30, b at 08:40). Guess.
        evening_ticks: whether the tick chart goes on with 장후 시간외종가, as opt10003 does. Guess.
        condition_period: a live condition is looked at again every so many seconds of a session (guess).
        condition_failure: what SendCondition returns where it fails: ``zero``, as documented, or the
            ``code`` (-11, -12, -13) that the table of errors has for it.
        index_close: how the last bar of a session is timed in the tick and minute charts of an index:
            its ``time``, or ``888888``, which has been seen.
        index_tick_days: depth of the tick charts of an index in sessions (guess).
        flow_signs: opt10059 and opt10060 write what was bought with a plus and what was sold with a minus
            (``signed``), or both plainly (``plain``). Guess; a net amount is signed in any case.
        deposit: what each account begins with, KRW (guess).
        fee_rate: of a trade's amount, in thousandths of a percent; cut below 10 won.
        taxed: whether sales are taxed at all; by which rates says ``data/account_tax.tsv`` (guess).
        tax_unit: each tax of a sale is cut below so many won (guess).
        orders_a_second: what is taken; beyond it -308. A counter of its own, windows as for requests.
        order_size_checks: whether SendOrder refuses by ``data/order_size.tsv`` (guess for 모의투자).
        password_saved: whether the account window has the password; without it SendOrder returns -301.
        quote_types: the sHogaGb that are traded; the real server knows all of ``data/order_quote.tsv``.
        restricted: codes whose orders are refused as 매매금지.
        order_answer: which of an order's OnReceiveMsg (``message``) and OnReceiveTrData (``data``) comes first.
        chejan_first: whether an order's first Chejan events come before both of them.
        rejected_order: after the message of a rejected order OnReceiveTrData with a blank number comes
            (``blank``) or does not (``silent``). Guess.
        chejan_fills: 체결가 and 체결량 (910, 911) are the order's so far (``total``) or the fill's (``fill``). Guess.
        first_order, first_fill: the first order and fill numbers of a session.
        account_rows: rows of a page of the account TRs that leave it open (guess).
        planned_faults: what goes wrong every day at a set time; ``faults.NIGHTLY`` is the broker's own check.
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
    after_hours: Literal["drawn", "clients"] | None = None
    evening_types: bool = True
    early_orders: Literal["kept", "void"] = "kept"
    evening_price: Literal["given", "close"] = "given"
    early_notices: bool = False
    evening_ticks: bool = False
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
    rejected_order: Literal["silent", "blank"] = "silent"
    chejan_fills: Literal["total", "fill"] = "total"
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
        if not 1 <= self.trade_fields <= 43:
            raise ValueError(f"trade_fields must be 1 to 43, not {self.trade_fields}")
        if self.condition_period <= 0 or self.index_tick_days < 1:
            raise ValueError("condition_period must be positive and index_tick_days at least 1")
