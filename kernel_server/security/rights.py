"""The right that each RPC and each control function requires."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path

from kernel_server.tsv import rows

_DATA = Path(__file__).parent / "data"


class Right(IntEnum):
    """A right, which includes the ones below it. ``OPEN`` needs no token."""

    OPEN = 0
    READ = 1
    TRADE = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


# Their second argument is a TR code.
_TR_FUNCTIONS = frozenset({"CommRqData", "RateLimitedCommRqData"})
_ORDER_TR = "KOA"

TOKEN_RIGHTS = {str(right): right for right in (Right.READ, Right.TRADE, Right.ADMIN)}
"""The rights that a token may have, by name."""


@cache
def methods() -> Mapping[str, Right]:
    """The right for each RPC, by its path."""
    return {method: Right[right.upper()] for method, right, _why in rows(_DATA / "method.tsv")}


@cache
def functions() -> Mapping[tuple[str, str], Right]:
    """The right for each control function, by its name and first argument (blank: any other)."""
    return {(name, first): Right[right.upper()] for name, first, right, _why in rows(_DATA / "function.tsv")}


def of_method(method: str) -> Right:
    """The right for an RPC; admin for one that is not in the table.

    >>> of_method("/koalab.kernel.v1.Kernel/Status"), of_method("/new.Service/Method")
    (<Right.READ: 1>, <Right.ADMIN: 3>)
    """
    return methods().get(method, Right.ADMIN)


def is_order_tr(code: str) -> bool:
    """Whether a TR is an order (KOA_NORMAL_…, KOA_CREDIT_…), however it is spelled: a control may strip what it gets.

    >>> is_order_tr("KOA_CREDIT_BUY_KP_ORD"), is_order_tr(" koa_normal_buy_kp_ord"), is_order_tr("opt10001")
    (True, True, False)
    """
    letters = "".join(letter for letter in unicodedata.normalize("NFKC", code) if letter.isalnum())
    return letters.upper().startswith(_ORDER_TR)


def of_function(name: str, arguments: Sequence[object] = ()) -> Right:
    """The right for a call of a control function; admin for one that is not in the table.

    >>> of_function("SendOrder"), of_function("KOA_Functions", ["ShowAccountWindow", ""])
    (<Right.TRADE: 2>, <Right.ADMIN: 3>)
    """
    if name in _TR_FUNCTIONS and len(arguments) > 1 and is_order_tr(str(arguments[1])):
        return Right.TRADE
    known = functions()
    first = str(arguments[0]) if arguments else ""
    found = known.get((name, first))
    return known.get((name, ""), Right.ADMIN) if found is None else found
