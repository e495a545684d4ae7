"""``OrderRecord``: the state of one order, and the changes that led to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from koalab.orders.credit import credit_name
from koalab.orders.reports import Action, OrderReport

OrderStatus = Literal[
    "sent",
    "accepted",
    "partly filled",
    "filled",
    "cancelled",
    "replaced",
    "confirmed",
    "rejected",
    "unknown",
]
"""``replaced``: by a modification, which is an order with another number; ``confirmed``: a cancellation is."""
DONE: Final = frozenset({"filled", "cancelled", "replaced", "confirmed", "rejected"})
"""States that an order leaves only if the broker reports a fill of it after all."""


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A change of an order at ``at`` (server time): its status after it, and the fill or message that it was."""

    at: float
    status: OrderStatus
    filled: int
    left: int
    volume: int = 0
    price: int = 0
    message: str = ""


@dataclass(slots=True)
class OrderRecord:
    """The state of one order; read it with the state's lock held.

    Attributes:
        number: the broker's; blank while it is not known.
        quantity, left, filled: shares; ``value`` KRW of the fills.
        price: KRW, 0 at market.
        entered: server time, seconds since the epoch: when it was sent, or its first event.
        ours: whether this session sent it.
        credit, loan_date: 신용구분 and 대출일 (YYYYMMDD) of an order on credit; blank of others.
        first_seen: counts the orders of the account in the order in which they were sent or first reported.
        unsure: a report of a fill was missed, so ``filled`` may be too small until the next list.
        entry: identifies it in the log of orders, also before it has a number.
        reported: an event or a list of the broker's had it.
    """

    account: str
    code: str
    name: str
    side: str
    action: Action
    type: str
    quantity: int
    price: int
    original: str
    entered: float
    number: str = ""
    status: OrderStatus = "sent"
    left: int = 0
    filled: int = 0
    value: int = 0
    clock: str = ""
    reason: str = ""
    ours: bool = False
    first_seen: int = 0
    unsure: bool = False
    entry: str = ""
    reported: bool = False
    credit: str = ""
    loan_date: str = ""
    changes: list[OrderChange] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def offered(self) -> int:
        """Shares that it sells or has sold; a fill takes as many of these as of the position."""
        return self.left + self.filled if self.side == "매도" and self.action != "cancel" else 0

    @property
    def reserved(self) -> int:
        """``offered`` as far as positions that the broker reports can know of it."""
        return self.offered if self.reported else 0

    @property
    def same_if(self) -> tuple[object, ...]:
        """What makes another order the same."""
        return (
            self.account,
            self.code,
            self.side,
            self.action,
            self.type,
            self.quantity,
            self.price,
            self.original,
            self.credit,
            self.loan_date,
        )

    @property
    def offered_of(self) -> tuple[str, str]:
        """Code and 대출일 of the position that it sells of."""
        return self.code, self.loan_date

    @property
    def kind(self) -> str:
        """거래구분, and 신용구분 of an order on credit."""
        return " ".join(filter(None, (self.type, credit_name(self.credit))))

    @property
    def average_price(self) -> float:
        """KRW a share of the fills so far; NaN before the first."""
        return self.value / self.filled if self.filled else float("nan")


def same_order(record: OrderRecord, other: OrderReport | OrderRecord) -> bool:
    """Whether both may be one order: a simulated broker that was set up anew gives its numbers again."""
    return (record.code, record.side, record.action) == (other.code, other.side, other.action)


def brief(side: str, name: str, left: int, price: int) -> str:
    """An open order in a few words.

    >>> brief("매수", "삼성전자", 10, 170_000)
    '매수 삼성전자 10주 170,000원'
    """
    return f"{side} {name} {left:,}주" + (f" {price:,}원" if price else "")
