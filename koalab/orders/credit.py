"""신용구분 (sCreditGb) of orders on credit (SendOrderCredit), by name and code, and the loan that an order repays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from koalab.dates import Day, bounds
from koalab.errors import BadInput
from koalab.inputs.text import folded, shown
from koalab.orders.reports import PositionReport

ALL_DATES: Final = "99991231"
"""대출일 of 자기융자합."""


@dataclass(frozen=True, slots=True)
class CreditType:
    """One 신용구분: its code, its name, and the side of the orders that have it."""

    code: str
    name: str
    side: str


LOAN: Final = CreditType("03", "자기융자", "매수")
REPAYMENT: Final = CreditType("33", "자기융자", "매도")
ALL_LOANS: Final = CreditType("99", "자기융자합", "매도")
_TYPES: Final = (LOAN, REPAYMENT, ALL_LOANS)


def find_credit(given: str, side: str) -> CreditType:
    """The 신용구분 of that name or code for an order of a side (매수, 매도).

    Raises:
        BadInput: there is none.

    >>> find_credit("자기융자", "매수").code, find_credit("자기융자", "매도").code, find_credit("99", "매도").name
    ('03', '33', '자기융자합')
    """
    text = folded(given) if isinstance(given, str) else ""
    for one in _TYPES:
        if one.side == side and text in (one.code, one.name):
            return one
    known = ", ".join(f'"{one.name}" ({one.code})' for one in _TYPES if one.side == side)
    raise BadInput(
        f"no credit {shown(given)} of an order of {side}: there is {known}; OpenAPI+ has no other in its guide"
    )


def credit_name(code: str) -> str:
    """What a code is called; blank without credit, the code itself where its name is not known.

    >>> credit_name("33"), credit_name(""), credit_name("01")
    ('자기융자', '', '01')
    """
    return next((one.name for one in _TYPES if one.code == code), code)


def loan_date_of(
    credit: CreditType, given: Day | None, code: str, name: str, positions: Sequence[PositionReport]
) -> str:
    """대출일 for SendOrderCredit: blank of a purchase, YYYYMMDD of a repayment.

    Args:
        credit: of the order.
        given: as the caller gave it.
        code, name: of the issue.
        positions: of the account; the loans among them are what can be repaid.

    Raises:
        BadInput: it is missing where the account has not just one loan of the issue, or not wanted, or is none of them.
    """
    if credit is not REPAYMENT:
        if given is not None:
            raise BadInput(f"{credit.name} ({credit.code}) takes no loan_date: leave it out")
        return ALL_DATES if credit is ALL_LOANS else ""
    loans = {one.loan_date: one.quantity for one in positions if one.code == code and one.loan_date}
    known = ", ".join(f"{_dashed(date)} ({shares:,}주)" for date, shares in sorted(loans.items()))
    if not loans:
        raise BadInput(f"the account has no loan on {name} to repay: see kw.positions")
    if given is None:
        if len(loans) > 1:
            raise BadInput(
                f'loan_date= says which loan on {name} is repaid: {known}; credit="자기융자합" repays the oldest first'
            )
        return next(iter(loans))
    date = "".join(str(bounds(given)[0].astype("datetime64[D]")).split("-"))
    if date not in loans:
        raise BadInput(f"the account has no loan on {name} of {_dashed(date)}: there is {known}")
    return date


def _dashed(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"
