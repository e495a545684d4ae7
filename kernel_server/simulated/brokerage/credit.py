"""신용구분 (sCreditGb) of orders and holdings: shares bought with the broker's money, and their repayment.

The guide has 자기융자 only. A loan is a holding apart, by issue and 대출일; what is unknown about it is in
``BrokerSettings``. Interest is not charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of

CASH = "00"
LOAN = "03"  # 신용매수 자기융자
REPAYMENT = "33"  # 신용매도 자기융자 상환, of one loan
ALL_LOANS = "99"  # 자기융자 합: the oldest loans first
NO_DATE = "00000000"
ALL_DATES = "99991231"
MOST_LOANS = 5
"""How many loans one order of 자기융자 합 repays."""

NAMES: Mapping[str, str] = {LOAN: "자기융자", REPAYMENT: "자기융자상환", ALL_LOANS: "자기융자합"}
"""Names of the codes in account TRs (guess)."""


def fits(action: str, side: Side, credit: str, loan_date: str) -> bool:
    """Whether SendOrderCredit takes 신용구분 and 대출일; a modification or cancellation may repeat either."""
    if action != "new":
        return credit in NAMES
    if side == Side.BUY:
        return credit == LOAN
    if credit == ALL_LOANS:
        return loan_date == ALL_DATES
    return credit == REPAYMENT and is_day(loan_date)


def is_day(text: str) -> bool:
    """Whether the text is a day, YYYYMMDD."""
    if len(text) != len(NO_DATE) or not (text.isascii() and text.isdigit()):
        return False
    try:
        day_of(int(text))
    except ValueError:
        return False
    return True


def expiry(loan_date: str, days: int) -> str:
    """만기일 of a loan, YYYYMMDD; ``NO_DATE`` without one."""
    return f"{day_of(int(loan_date)) + timedelta(days):%Y%m%d}" if loan_date else NO_DATE
