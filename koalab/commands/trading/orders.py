"""``buy``, ``sell``, ``modify`` and ``cancel``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import click

from koalab import completion
from koalab.commands.runner import CommandRunner
from koalab.commands.trading.options import (
    Shares,
    Wait,
    account_option,
    guard_option,
    order_arguments,
    wait_options,
    with_guards,
    yes_option,
)
from koalab.commands.trading.outcome import await_cancelled, check_wait, settle
from koalab.errors import BadInput

if TYPE_CHECKING:
    from koalab.orders.order import Order
    from koalab.orders.preview import OrderPreview
    from koalab.sessions.session import Session

order_argument = click.argument("order", metavar="ORDER", shell_complete=completion.complete_orders)


@click.command()
@order_arguments
@click.pass_obj
def buy(runner: CommandRunner, /, **given: Any) -> Order | OrderPreview:
    """Send an order to buy, and wait for its number (SendOrder).

    Without a PRICE it is one at market. A terminal asks before it sends; a notebook on the real server. The guards of
    kw.guards hold.

    \b
    buy 삼성전자 10 170,000
    buy 005930 10 --dry-run
    buy 005930 10 --type 최유리 --yes --wait --timeout 60
    buy 005930 10 170,000 --credit 자기융자
    """
    return _send(runner, lambda session: session.buy, **given)


@click.command()
@order_arguments
@click.pass_obj
def sell(runner: CommandRunner, /, **given: Any) -> Order | OrderPreview:
    """Send an order to sell, and wait for its number (SendOrder).

    Without a PRICE it is one at market. A terminal asks before it sends; a notebook on the real server. The guards of
    kw.guards hold.

    \b
    sell 삼성전자 10 170,000
    sell 005930 10 --wait
    sell 005930 10 --credit 자기융자 --loan-date 2026-11-02
    """
    return _send(runner, lambda session: session.sell, **given)


@click.command()
@order_argument
@click.option("--price", type=Shares(), help="KRW; as it is where left out.")
@click.option("--quantity", type=Shares(), help="Shares of what is open; all where left out.")
@yes_option
@wait_options
@guard_option
@account_option
@click.pass_obj
def modify(
    runner: CommandRunner,
    order: str,
    price: int | None,
    quantity: int | None,
    yes: bool,
    guards: Sequence[tuple[str, object]],
    account: str | None,
    **waiting: Unpack[Wait],
) -> Order:
    """Modify price or quantity of an open ORDER (정정): another order with another number takes its place.

    \b
    modify 0000012 --price 170,100
    """
    check_wait(**waiting)
    if price is None and quantity is None:
        raise BadInput("give --price, or --quantity too: what is to be changed?")
    confirm = runner.confirm(yes)
    session = runner.account_session()
    with with_guards(session.guards, guards):
        modified = session.order(order, account=account).modify(
            price=price, quantity=quantity, confirm=confirm
        )
    return settle(runner, modified, **waiting)


@click.command()
@click.argument("order", metavar="[ORDER]", required=False, shell_complete=completion.complete_orders)
@click.option("--quantity", type=Shares(), help="Shares of the order; all that is open where left out.")
@click.option("--all", "all_of_them", is_flag=True, help="All open orders.")
@click.option(
    "--code", metavar="CODE", help="All open orders of an issue.", shell_complete=completion.complete_codes
)
@account_option
@click.pass_obj
def cancel(
    runner: CommandRunner,
    order: str | None,
    quantity: int | None,
    all_of_them: bool,
    code: str | None,
    account: str | None,
) -> Order | list[Order]:
    """Cancel what is open of an ORDER, of all, or of those of an issue. It never asks, and no guard stops it.

    \b
    cancel 0000012
    cancel 0000012 --quantity 4
    cancel --code 삼성전자
    cancel --all
    """
    if [order is not None, all_of_them, code is not None].count(True) != 1:
        raise BadInput("give the number of an order, --code CODE, or --all: one of them")
    if quantity is not None and order is None:
        raise BadInput("--quantity is of one order: give its number")
    session = runner.account_session()
    if order is None:
        cancelled = session.cancel_all(code, account=account)
        for one in cancelled:
            await_cancelled(runner, one)
        return cancelled
    found = session.order(order, account=account)
    found.cancel(quantity)
    if not found.left or quantity is None:
        await_cancelled(runner, found)
    return found


def _send(
    runner: CommandRunner,
    method: Callable[[Session], Callable[..., Order | OrderPreview]],
    *,
    code: str,
    quantity: int,
    price: int | None,
    kind: str | None,
    credit: str | None,
    loan_date: str | None,
    dry_run: bool,
    yes: bool,
    guards: Sequence[tuple[str, object]],
    account: str | None,
    **waiting: Unpack[Wait],
) -> Order | OrderPreview:
    check_wait(**waiting)
    from koalab.orders.preview import OrderPreview

    confirm = None if dry_run else runner.confirm(yes)
    session = runner.account_session()
    with with_guards(session.guards, guards):
        sent = method(session)(
            code,
            quantity,
            price,
            type=kind,
            credit=credit,
            loan_date=loan_date,
            account=account,
            confirm=confirm,
            dry_run=dry_run,
        )
    return sent if isinstance(sent, OrderPreview) else settle(runner, sent, **waiting)
