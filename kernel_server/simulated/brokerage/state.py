"""The books as plain JSON, and whether some JSON is books: whatever passes ``check`` can be restored.

Money is in KRW, days are YYYYMMDD, times HHMMSS; the fields of orders and fills are those of ``BrokerOrder``
and ``Deal``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, quotes
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of

_LARGEST = 1 << 62
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d){2}")
_STATES = ("접수", "확인", "체결", "거부")
_TEXTS = ("account", "code", "quote", "time", "screen", "state", "entered", "reason")
_ORDER = tuple(field.name for field in fields(BrokerOrder))
_ACCOUNT = ("deposit", "cash", "holdings", "deals", "worth")


class Misfit(ValueError):
    """Some JSON is no books; the text says where and why."""


values: Callable[[BrokerOrder], tuple[Any, ...]] = attrgetter(*_ORDER)
"""What an order is at the moment; quicker than a copy of it."""


def plain(values: tuple[Any, ...]) -> dict[str, Any]:
    """An order as JSON. Fills that it has not been told of yet have no place there."""
    return dict(zip(_ORDER, values, strict=True)) | {"early": None}


def order_of(found: Mapping[str, Any]) -> BrokerOrder:
    return BrokerOrder(**found)


def deal_of(found: list[Any]) -> Deal:
    deal = Deal(*found)
    return deal._replace(side=Side(deal.side))


def check(state: object) -> Mapping[str, Any]:
    """The state, if it is what ``Books.snapshot`` gives and makes sense.

    Raises:
        Misfit: it is not, or does not.
    """
    found = _map(state, "books", ("day", "next", "orders", "past", "accounts"))
    day = _day(found["day"], "day")
    numbers = _list(found["next"], "next", 2)
    for place, number in enumerate(numbers):
        _whole(number, f"next[{place}]", 1)
    accounts = found["accounts"]
    if not isinstance(accounts, dict):
        raise Misfit("accounts should be an object")
    seen: set[int] = set()
    for place, order in enumerate(_list(found["orders"], "orders")):
        _order(order, f"orders[{place}]", accounts, day, numbers[0])
        if order["day"] != day:
            raise Misfit(f"orders[{place}].day should be {day}, the session's")
        if order["number"] in seen:
            raise Misfit(f"orders[{place}].number is that of another order too")
        seen.add(order["number"])
    for place, order in enumerate(_list(found["past"], "past")):
        _order(order, f"past[{place}]", accounts, day)
        if order["day"] >= day or order["placed"] is not None:
            raise Misfit(f"past[{place}] should be an order of an earlier session that is not open any more")
    # By place, as account numbers are nobody's business who reads a log.
    for place, (number, account) in enumerate(accounts.items()):
        _account(account, f"accounts[{place}]", day, [o for o in found["orders"] if o["account"] == number])
    return found


def _order(value: object, where: str, accounts: Collection[str], day: int, until: int = _LARGEST) -> None:
    order = _map(value, where, _ORDER)
    for name in _ORDER:
        if name in _TEXTS:
            _text(order[name], f"{where}.{name}")
        elif name == "placed":
            if order[name] is not None:
                _whole(order[name], f"{where}.{name}", 0)
        elif name == "early":
            if order[name] is not None:
                raise Misfit(f"{where}.early should be null")
        else:
            _whole(order[name], f"{where}.{name}", 0)
    _day(order["day"], f"{where}.day")
    for name, known in (
        ("account", accounts),
        ("type", ORDER_TYPES),
        ("quote", quotes()),
        ("state", _STATES),
    ):
        if order[name] not in known:
            raise Misfit(f"{where}.{name} is not one there is")
    for name in ("time", "entered"):
        if not _TIME.fullmatch(order[name]):
            raise Misfit(f"{where}.{name} should be HHMMSS, not {order[name]!r}")
    if not 0 < order["number"] < until:
        raise Misfit(f"{where}.number should be above 0 and below the next order's")
    if order["left"] + order["filled"] > order["quantity"] or order["day"] > day:
        raise Misfit(f"{where} has more shares than it had, or is of a day to come")
    if order["placed"] is not None and not order["left"]:
        raise Misfit(f"{where} is open, and nothing is left of it")


def _account(value: object, where: str, day: int, orders: list[Mapping[str, Any]]) -> None:
    account = _map(value, where, _ACCOUNT)
    _whole(account["deposit"], f"{where}.deposit", 0)
    _whole(account["cash"], f"{where}.cash")
    holdings = account["holdings"]
    if not isinstance(holdings, dict):
        raise Misfit(f"{where}.holdings should be an object")
    for code, held in holdings.items():
        for place, number in enumerate(_list(held, f"{where}.holdings.{code}", 3)):
            _whole(number, f"{where}.holdings.{code}[{place}]", 0 if place else 1)
    offered: dict[str, int] = {}
    for order in orders:
        if order["placed"] is not None and ORDER_TYPES[order["type"]].side == Side.SELL:
            offered[order["code"]] = offered.get(order["code"], 0) + order["left"]
    for code, shares in offered.items():
        if code not in holdings or holdings[code][0] < shares:
            raise Misfit(f"{where} offers more shares of {code} than it holds")
    before = 0
    for place, deal in enumerate(_list(account["deals"], f"{where}.deals")):
        before = _deal(deal, f"{where}.deals[{place}]", before, day)
    for place, worth in enumerate(_list(account["worth"], f"{where}.worth", 2)):
        since, assets = _list(worth, f"{where}.worth[{place}]", 2)
        if _day(since, f"{where}.worth[{place}][0]") > day:
            raise Misfit(f"{where}.worth[{place}] is of a day to come")
        _whole(assets, f"{where}.worth[{place}][1]")


def _deal(value: object, where: str, before: int, last: int) -> int:
    """A fill, of a day from ``before`` to ``last``; its day."""
    deal = _list(value, where, len(Deal._fields))
    for name, each in zip(Deal._fields, deal, strict=True):
        if name in ("time", "code"):
            _text(each, f"{where} ({name})")
        elif name == "side":
            if each not in (-1, 1) or not isinstance(each, int):
                raise Misfit(f"{where} (side) should be 1 or -1")
        else:
            _whole(each, f"{where} ({name})", 1 if name in ("price", "quantity") else 0)
    day = _day(deal[0], f"{where} (day)")
    if not before <= day <= last:
        raise Misfit(f"{where} should be no earlier than the one before, and of no day to come")
    return day


def _map(value: object, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misfit(f"{where} should be an object")
    if odd := sorted(set(names) ^ set(value)):
        raise Misfit(f"{where} should have {', '.join(names)} and nothing else; look at {odd[0]}")
    return value


def _list(value: object, where: str, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise Misfit(f"{where} should be a list{'' if length is None else f' of {length}'}")
    return value


def _whole(value: object, where: str, least: int = -_LARGEST) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
        raise Misfit(f"{where} should be a whole number{'' if least < 0 else f' from {least} on'}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise Misfit(f"{where} should be a short text")
    return value


def _day(value: object, where: str) -> int:
    number = _whole(value, where, 19000101)
    try:
        day_of(number)
    except ValueError:
        raise Misfit(f"{where} should be YYYYMMDD, not {number}") from None
    return number
