"""What the broker's master functions say of an issue before an order for it: no TR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from kernel_server.reference.price_rules import BOARDS, PriceRules, rules
from kernel_server.security.order_value import FIRST_DAY_PERCENT, LIMIT_PERCENT
from koalab.dates import seoul
from koalab.inputs.issue_codes import venue_of
from koalab.link import Link
from koalab.transport.base import Scalar

_KOA: Final = "KOA_Functions"
_LIQUIDATION: Final = "2"
_FIRST_DAY_LOWEST: Final = 60


@dataclass(frozen=True)
class IssueFacts:
    """An issue's master data, as of ``now`` (broker's time, seconds since the epoch).

    It answers the master functions as the control does, so that the server's valuation can ask it.
    """

    code: str
    now: float
    answers: Mapping[tuple[str, tuple[Scalar, ...]], str] = field(repr=False)

    @classmethod
    def read(cls, link: Link, code: str, now: float) -> IssueFacts:
        """Asks the broker, in one RPC."""
        code = code.removesuffix(venue_of(code))  # an issue is the same at every exchange
        asked: list[tuple[str, tuple[Scalar, ...]]] = [
            ("GetMasterLastPrice", (code,)),
            (_KOA, ("GetStockMarketKind", code)),
            (_KOA, ("IsOrderWarningStock", code)),
            ("GetMasterListedStockDate", (code,)),
        ]
        answers = link.in_one_connection(lambda call_many: call_many(asked))
        return cls(
            code,
            now,
            {
                one: "" if found is None else str(found).strip()
                for one, found in zip(asked, answers, strict=True)
            },
        )

    def call(self, name: str, arguments: Sequence[Scalar]) -> str:
        own = tuple(one.removesuffix(venue_of(one)) if isinstance(one, str) else one for one in arguments)
        return self.answers.get((name, own), "")

    @property
    def day(self) -> date:
        return seoul(self.now).date()

    @property
    def base(self) -> int:
        """기준가, KRW; 0 where the broker has none."""
        text = self.call("GetMasterLastPrice", (self.code,))
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def kind(self) -> str:
        """GetStockMarketKind."""
        return self.call(_KOA, ("GetStockMarketKind", self.code))

    @property
    def board(self) -> str | None:
        """The board whose ticks and taxes apply; None for kinds of which the tables have none."""
        return BOARDS.get(self.kind)

    @property
    def rules(self) -> PriceRules | None:
        """Tick sizes and price limit today."""
        return None if self.board is None else rules(self.day, self.board)

    @property
    def limits(self) -> tuple[int, int] | None:
        """Lowest and highest price today, KRW; None where there is no limit, or it is not known."""
        found, percent = self.rules, LIMIT_PERCENT.get(self.kind)
        liquidation = self.call(_KOA, ("IsOrderWarningStock", self.code)) == _LIQUIDATION
        if not self.base or found is None or percent is None or liquidation:
            return None
        listed = self.call("GetMasterListedStockDate", (self.code,))
        if listed.isdigit() and listed >= f"{self.day:%Y%m%d}":
            return self.base * _FIRST_DAY_LOWEST // 100, self.base * FIRST_DAY_PERCENT // 100
        if self.board == "ETP":  # leveraged ones have a multiple, and nothing says which they are
            room = percent - 100
            return self.base * (100 - room) // 100, self.base * (100 + room) // 100
        upper, lower = found.limits(self.base)
        return lower, upper
