"""What an order may be worth at most, from its quote type (sHogaGb) and what the broker's master functions say.

A price in the request is the most that a buying order pays, if its quote type has one. A selling order trades at its
price or above, so it is counted at 기준가 at least. All others are counted at the day's upper limit (상한가): what they
carry as a price means nothing. The master functions cost no TR; they give 기준가, and the limit follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from kernel_server.clock import seoul
from kernel_server.control.seam import Scalar, Value
from kernel_server.reference.short_repr import shown
from kernel_server.tsv import rows

LIMIT_PERCENT: Mapping[str, int] = {
    **dict.fromkeys(("0", "10", "50", "30", "4", "14", "6", "16", "9", "19"), 130),
    **dict.fromkeys(("8", "60"), 160),
}
"""Upper limit of a day in percent of 기준가, by GetStockMarketKind. ETFs and ETNs are taken for leveraged ones.

ELWs and warrants have no limit, so they are not here.
"""
FIRST_DAY_PERCENT = 400
"""The same on the first day of an issue."""

_QUOTE_TYPES = Path(__file__).parent / "data" / "quote_type.tsv"
# The exchanges at which a code is to be traded are appended to it.
_EXCHANGE = re.compile(r"_(NX|AL)\Z")
_LIQUIDATION = "2"  # IsOrderWarningStock: 정리매매, which has no limit


class MasterData(Protocol):
    """Answers the master functions: the control, or a client's copy of its answers."""

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value: ...


class NotValued(ValueError):
    """What an order is worth at most is not known; the message says why, as part of a sentence."""


class Valued(NamedTuple):
    """The most that an order is worth, KRW, its price a share, and how that was found where the request gave none."""

    value: float
    price: float
    counted: str


@cache
def _counted_at() -> Mapping[str, str]:
    return {kind: counted for kind, _name, counted, _why in rows(_QUOTE_TYPES)}


def value(
    control: MasterData, code: str, quantity: int, price: float, quote: str, sells: bool, now: float
) -> Valued:
    """Values an order; on the control thread.

    Args:
        control: asked for 기준가 and the kind of the issue, where they are needed.
        code: 종목코드.
        quantity: shares.
        price: of the request, KRW.
        quote: sHogaGb, as it will be sent.
        sells: whether the order sells.
        now: seconds since the epoch; an issue's first day has other limits.

    Raises:
        NotValued: the quote type is unknown, the quantity is not positive, or the broker does not say enough.
    """
    counted = _counted_at().get(quote)
    if counted is None:
        raise NotValued(f"the server knows no 거래구분 {shown(quote)}")
    if quantity <= 0:
        raise NotValued(f"its quantity is {quantity:,}")
    if counted == "price" and price > 0:
        if not sells:
            return Valued(quantity * price, price, "")
        base = _base(control, code)
        how = ", counted at 기준가, as a selling order may trade above its price" if base > price else ""
        price = max(price, base)
        return Valued(quantity * price, price, how)
    percent = _limit_percent(control, code, now)
    limit = _base(control, code) * percent / 100
    how = f", counted at {percent} % of 기준가, the most that it may trade at" if limit >= price else ""
    price = max(price, limit)
    return Valued(quantity * price, price, how)


def _base(control: MasterData, code: str) -> float:
    text = str(control.call("GetMasterLastPrice", (_plain(code),))).strip()
    if not (text.isascii() and text.isdigit() and int(text)):
        raise NotValued(f"the broker has no 기준가 of {shown(code)}")
    return float(text)


def _limit_percent(control: MasterData, code: str, now: float) -> int:
    code = _plain(code)
    kind = str(control.call("KOA_Functions", ("GetStockMarketKind", code))).strip()
    percent = LIMIT_PERCENT.get(kind)
    if percent is None:
        raise NotValued(f"{shown(code)} is of a kind ({kind or 'unknown'}) without a daily price limit")
    if str(control.call("KOA_Functions", ("IsOrderWarningStock", code))).strip() == _LIQUIDATION:
        raise NotValued(f"{shown(code)} is in 정리매매, where no daily price limit holds")
    listed = str(control.call("GetMasterListedStockDate", (code,))).strip()
    return FIRST_DAY_PERCENT if listed.isdigit() and listed >= f"{seoul(now):%Y%m%d}" else percent


def _plain(code: str) -> str:
    return _EXCHANGE.sub("", code)
