"""Validation of the books as JSON: what passes ``check`` can be restored.

Money is in KRW, days are YYYYMMDD, times HHMMSS; the fields of orders and fills are those of ``BrokerOrder``
and ``Deal``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from msgspec import Meta, Struct, ValidationError, convert

from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.order import ORDER_TYPES, quote_types
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of

T = TypeVar("T")

_LARGEST = 1 << 62
_STATES = ("접수", "확인", "체결", "거부")

Whole = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=_LARGEST)]
Text = Annotated[str, Meta(max_length=200)]
Time = Annotated[str, Meta(pattern=r"\A([01]\d|2[0-3])([0-5]\d){2}\Z")]
LoanDate = Annotated[str, Meta(pattern=r"\A(\d{8})?\Z")]
DayNumber = Annotated[int, Meta(ge=19000101, le=99991231)]


class OrderState(Struct, forbid_unknown_fields=True):
    """An order as JSON; fields as in ``BrokerOrder``."""

    day: DayNumber
    number: Count
    account: Text
    type: Count
    code: Text
    quote: Text
    quantity: Count
    price: Count
    bound: Count
    left: Count
    time: Time
    screen: Text
    original: Count
    state: Text
    entered: Time
    filled: Count
    amount: Count
    fee: Count
    tax: Count
    fill: Count
    fill_price: Count
    fill_volume: Count
    confirmed: Count
    reason: Text
    placed: Count | None
    early: None
    credit: Text = credits.CASH
    loan_date: LoanDate = ""
    venue: Literal["", "_NX"] = ""


class DealState(NamedTuple):
    """A fill as JSON; places as in ``Deal``."""

    day: DayNumber
    time: Text
    order: Count
    number: Count
    code: Text
    side: Literal[-1, 1]
    price: Positive
    quantity: Positive
    fee: Count
    tax: Count
    cost: Count
    bought_fee: Count
    loan: Count = 0
    loan_date: LoanDate = ""


class LoanState(NamedTuple):
    """A holding bought on credit as JSON: its key in ``Account.loans``, then places as in ``Holding``."""

    code: Text
    loan_date: LoanDate
    quantity: Positive
    cost: Count
    fees: Count
    loan: Count


class HoldingState(NamedTuple):
    """A holding as JSON; places as in ``Holding``."""

    quantity: Positive
    cost: Count
    fees: Count


class AccountState(Struct, forbid_unknown_fields=True):
    """An account as JSON. ``worth`` is its ``SessionWorth`` at the start of the session and of the month."""

    deposit: Count
    cash: Whole
    holdings: dict[str, Any]
    deals: list[DealState]
    worth: Annotated[list[tuple[DayNumber, Whole]], Meta(min_length=2, max_length=2)]
    loans: list[LoanState] = []


class BooksState(Struct, forbid_unknown_fields=True):
    """The books as JSON. ``next`` is the next order's number and the next fill's."""

    day: DayNumber
    next: tuple[Positive, Positive]
    orders: list[OrderState]
    past: list[OrderState]
    accounts: dict[str, Any]


class Misfit(ValueError):
    """Some JSON is no books; the text says where and why."""


def check(state: object) -> Mapping[str, Any]:
    """The state, if it is what ``Books.snapshot`` gives and makes sense.

    Raises:
        Misfit: it is not, or does not.
    """
    books = _converted(state, BooksState, "")
    _check_day(books.day, "day")
    seen: set[int] = set()
    for place, order in enumerate(books.orders):
        where = f"orders[{place}]"
        _check_order(order, where, books.accounts, books.day, books.next[0])
        if order.day != books.day:
            raise Misfit(f"{where}.day should be {books.day}, the session's")
        if order.number in seen:
            raise Misfit(f"{where}.number is that of another order too")
        seen.add(order.number)
    for place, order in enumerate(books.past):
        _check_order(order, f"past[{place}]", books.accounts, books.day)
        if order.day >= books.day or order.placed is not None:
            raise Misfit(f"past[{place}] should be an order of an earlier session that is not open any more")
    # By place, as an account number does not belong in a log.
    for place, (number, account) in enumerate(books.accounts.items()):
        own = [order for order in books.orders if order.account == number]
        _check_account(account, f"accounts[{place}]", books.day, own)
    return state  # type: ignore[return-value]  # it has been converted


def _check_order(
    order: OrderState, where: str, accounts: Collection[str], day: int, until: int = _LARGEST
) -> None:
    _check_day(order.day, f"{where}.day")
    for name, known in (
        ("account", accounts),
        ("type", ORDER_TYPES),
        ("quote", quote_types()),
        ("state", _STATES),
        ("credit", (credits.CASH, *credits.NAMES)),
    ):
        if getattr(order, name) not in known:
            raise Misfit(f"{where}.{name} is not one there is")
    if not 0 < order.number < until:
        raise Misfit(f"{where}.number should be above 0 and below the next order's")
    if order.left + order.filled > order.quantity or order.day > day:
        raise Misfit(f"{where} has more shares than it had, or is of a day to come")
    if order.placed is not None and not order.left:
        raise Misfit(f"{where} is open, and nothing is left of it")


def _check_account(value: object, where: str, day: int, orders: Collection[OrderState]) -> None:
    account = _converted(value, AccountState, where)
    shares: dict[str, int] = {
        code: _converted(held, HoldingState, f"{where}.holdings.{code}").quantity
        for code, held in account.holdings.items()
    }
    lent: Counter[str] = Counter()
    for loan in account.loans:
        _check_day(int(loan.loan_date or 0), f"{where}.loans (loan_date)")
        lent[loan.code] += loan.quantity
    offered: Counter[tuple[str, bool]] = Counter()
    for order in orders:
        if order.placed is not None and ORDER_TYPES[order.type].side == Side.SELL:
            offered[order.code, order.credit != credits.CASH] += order.left
    for (code, on_credit), quantity in offered.items():
        if (lent if on_credit else shares).get(code, 0) < quantity:
            raise Misfit(f"{where} offers more shares of {code} than it holds")
    before = 0
    for place, (since, *_) in enumerate(account.deals):
        if since != before:
            _check_day(since, f"{where}.deals[{place}] (day)")
        if not before <= since <= day:
            raise Misfit(
                f"{where}.deals[{place}] should be no earlier than the one before, and of no day to come"
            )
        before = since
    for place, (since, _assets) in enumerate(account.worth):
        _check_day(since, f"{where}.worth[{place}][0]")
        if since > day:
            raise Misfit(f"{where}.worth[{place}] is of a day to come")


def _check_day(number: int, where: str) -> None:
    try:
        day_of(number)
    except ValueError:
        raise Misfit(f"{where} should be YYYYMMDD, not {number}") from None


def _converted(value: object, kind: type[T], where: str) -> T:
    """The value as that type.

    Raises:
        Misfit: it does not fit; ``where`` is its place in the books.
    """
    try:
        return convert(value, kind)
    except ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        place = f"{where}{path.rstrip('`')}".removeprefix(".") or "books"
        place = re.sub(
            r"(?<=deals)(\[\d+\])\[(\d+)\]$", lambda m: f"{m[1]} ({Deal._fields[int(m[2])]})", place
        )
        raise Misfit(f"{place} {_requirement(what, place)}") from None


def _requirement(what: str, place: str) -> str:
    """What should stand there, made of msgspec's message about what does not."""
    if odd := re.match(r"Object (?:missing required|contains unknown) field `(.*)`", what):
        kind = {"books": BooksState, "acc": AccountState}.get(place.partition("ounts[")[0], OrderState)
        return f"should have {', '.join(kind.__struct_fields__)} and nothing else; look at {odd[1]}"
    for pattern, requirement in _REQUIREMENTS:
        if found := re.match(pattern, what):
            return found.expand(requirement)
    return f"does not fit: {what}"


_REQUIREMENTS = (
    (r"Expected `int(?: \| null)?` >= (\d+)", r"should be a whole number from \1 on"),
    (r"Expected `int", "should be a whole number"),
    (r"Invalid enum value", "should be 1 or -1"),
    (r"Expected `str` matching", "should be HHMMSS"),
    (r"Expected `str`", "should be a short text"),
    (r"Expected `array` of at least length (\d+)", r"should be a list of \1 or more"),
    (r"Expected `array` of length (?:[<>]= )?(\d+)", r"should be a list of \1"),
    (r"Expected `array`", "should be a list"),
    (r"Expected `object`", "should be an object"),
    (r"Expected `null`", "should be null"),
)
