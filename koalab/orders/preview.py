"""``OrderPreview``: what ``dry_run=True`` returns in place of an order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from kernel_server.reference.charges import fee, taxes
from kernel_server.security.order_value import NotValued
from koalab.orders.checks import most_worth
from koalab.orders.credit import credit_name
from koalab.orders.issue_facts import IssueFacts
from koalab.orders.quote_types import QuoteType
from koalab.orders.record import OrderRecord

_PAPER_FEE: Final = 0.35
_REAL_FEE: Final = 0.015
_RATE_UNITS: Final = 1000  # of a percent, in ``charges``


@dataclass(frozen=True, slots=True)
class OrderPreview:
    """An order that has passed the guards and was not sent, with what it is expected to cost.

    Attributes:
        code, name: of the issue.
        side: 매수 or 매도.
        type: 거래구분; ``credit`` is 신용구분 of an order on credit, blank of others.
        quantity: shares.
        price: KRW a share that ``value`` is counted at.
        at: which price that is: 지정가, or 기준가 where the order has none.
        value: KRW, quantity × price.
        most: KRW that the order may be worth at most, as the guard counts it; None where that is not known.
        fee: the broker's, KRW.
        tax: 거래세 and 농특세 of a sale, KRW; 0 of a purchase.
        total: KRW that a purchase costs, or that a sale brings; on credit the part that is lent or paid back, which the
            broker alone knows, is in it.
        attrs: of ``summary()``.
    """

    code: str
    name: str
    side: str
    type: str
    quantity: int
    price: int
    at: str
    value: int
    most: int | None
    fee: int
    tax: int
    total: int
    credit: str = ""
    attrs: Mapping[Hashable | None, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def costs(self) -> str:
        """Value, fee, tax and total, in words."""
        sells = self.side == "매도"
        sign = "-" if sells else "+"
        tax = f" - 세금 {self.tax:,}원" if sells else ""
        price = f"{self.price:,}원" if self.at == "지정가" else f"{self.at} {self.price:,}원"
        most = f", 최대 {self.most:,}원" if self.most is not None and self.most > self.value else ""
        return f"{price}: {self.value:,}원 {sign} 수수료 {self.fee:,}원{tax} = {self.total:,}원{most}"

    def summary(self) -> pd.Series[Any]:
        """The attributes as one row; ``attrs`` as those of every frame."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "attrs"}
        found = pd.Series(values, dtype=object, name="preview")
        found.attrs = dict(self.attrs)
        return found

    def __repr__(self) -> str:
        kind = " ".join(filter(None, (self.type, self.credit)))
        return f"<보내지 않음: {self.side} {self.name} {self.quantity:,}주 {kind}, {self.costs}>"


def preview(
    record: OrderRecord,
    quote: QuoteType,
    facts: IssueFacts,
    simulation: bool,
    fee_percent: float | None,
    attrs: Mapping[Hashable | None, Any] = MappingProxyType({}),
) -> OrderPreview:
    """What the order is expected to cost.

    Args:
        record: the order.
        quote: its 거래구분.
        facts: the issue's.
        simulation: whether the broker is 모의투자, whose fee is higher.
        fee_percent: the fee; None for the usual one.
        attrs: of its ``summary()``.
    """
    price = record.price or facts.base
    worth = record.quantity * price
    percent = fee_percent if fee_percent is not None else _PAPER_FEE if simulation else _REAL_FEE
    charged = fee(worth, percent * _RATE_UNITS)
    sells = record.side == "매도"
    # Kinds without a board (ELW, funds) pay no tax on a sale.
    tax = taxes(worth, facts.day, facts.board, 1) if sells and facts.board is not None else 0
    try:
        most: int | None = round(most_worth(record, quote, facts).value)
    except NotValued:
        most = None
    return OrderPreview(
        code=record.code,
        name=record.name,
        side=record.side,
        type=record.type,
        quantity=record.quantity,
        price=price,
        at="지정가" if record.price else "기준가",
        value=worth,
        most=most,
        fee=charged,
        tax=tax,
        total=worth - charged - tax if sells else worth + charged,
        credit=credit_name(record.credit),
        attrs=attrs,
    )
