"""What can be chosen about the simulated broker, and what is not known about the real one.

Behaviour that nobody has recorded is a setting here and no constant elsewhere: its default is a guess, and
a program that works only with one of the choices has found a place where it trusts a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Account:
    """An account: ten digits, its holder, and its product (위탁종합, 선물옵션 …)."""

    number: str = field(repr=False)
    name: str = "모의투자"
    product: str = "위탁종합"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times are in seconds of the clock. Whatever is marked "guess" has not been observed.

    Attributes:
        user_id, user_name, accounts: what GetLoginInfo answers.
        module_path: what GetAPIModulePath answers.
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
    """

    user_id: str = "koalab"
    user_name: str = "모의투자"
    accounts: tuple[Account, ...] = (Account("8000000011"),)
    module_path: str = r"C:\OpenAPI"
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

    def __post_init__(self) -> None:
        if self.login_delay < 0.3:
            raise ValueError(f"login_delay must be at least 0.3 s, not {self.login_delay}")
        if self.latency < 0:
            raise ValueError(f"latency must not be negative, as {self.latency} is")
        if self.login_result > 0:
            raise ValueError(f"login_result is 0 or an error code, not {self.login_result}")
        for name in ("requests_a_second", "requests_an_hour", "overruns", "minute_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
