"""Texts of NAVs, of how the price and the index lie to them, and of the index.

The forms are those of the REST service's documentation, whose TRs have the same fields: a NAV has two decimals and the
sign of its change, 괴리율 is price less NAV in percent of the price, an index is in hundredths of a point. What is
unknown is blank, an index that this market does not have 0.
"""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.trs.etf.values import FundDays

_CENTS = 100
TAXED = "보유기간과세"


def nav_text(nav: int, base: int) -> str:
    if not nav:
        return ""
    sign = "+" if nav > base else "-" if nav < base else ""
    return sign + kiwoom_format.decimal(nav, _CENTS)


def premium_text(price: int, nav: int) -> str:
    """NAV/ETF괴리율."""
    return kiwoom_format.rate(price * _CENTS - nav, price * _CENTS) if nav else ""


def index_gap_text(nav: int, implied: int) -> str:
    """NAV/지수괴리율: the NAV over what the index gives from the day before."""
    if not nav:
        return ""
    return kiwoom_format.rate(nav - implied, implied)


def index_fields(names: tuple[str, str, str], value: int, base: int) -> dict[str, str]:
    """An index, its change and its direction, under those names."""
    if not value:
        return dict(zip(names, ("0", "0", "3"), strict=True))
    sign = "3" if value == base else "2" if value > base else "5"
    texts = (kiwoom_format.price(value, base), kiwoom_format.signed(value - base), sign)
    return dict(zip(names, texts, strict=True))


def price_fields(
    names: tuple[str, str, str, str], last: int, base: int, upper: int, lower: int
) -> dict[str, str]:
    """A price, its direction, change and rate, under those names."""
    texts = (
        kiwoom_format.price(last, base),
        kiwoom_format.change_sign(last, base, upper, lower),
        kiwoom_format.signed(last - base),
        kiwoom_format.rate(last - base, base),
    )
    return dict(zip(names, texts, strict=True))


def head_fields(days: FundDays) -> dict[str, str]:
    """The single block of opt40002 and opt40006."""
    return {
        "종목명": days.issue.name,
        "ETF대상지수명": days.fund.index_name if days.fund else "",
        "원주가격": "",
        "ETF과세유형": TAXED,
        "ETN과세유형": TAXED,
    }
