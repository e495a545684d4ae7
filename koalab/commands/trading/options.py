"""Arguments and options of orders."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

import click

from koalab import completion
from koalab.errors import BadInput
from koalab.inputs.text import plain, shown

if TYPE_CHECKING:
    from koalab.orders.guards import Guards

Callback = TypeVar("Callback", bound=Callable[..., Any])
_WHOLE: Final = re.compile(r"[0-9]+|[0-9]{1,3}([,_][0-9]{3})+")


class Shares(click.ParamType[int]):
    """A whole number, also with thousands separated: ``170,000`` and ``170_000``."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, _ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = plain(value)
        if not _WHOLE.fullmatch(text) or len(text) > 15:
            what = param.human_readable_name.lower() if param is not None else "it"
            raise BadInput(f"{what} is a whole number like 10 or 170,000, not {shown(value)}")
        return int(text.replace(",", "").replace("_", ""))


class GuardSetting(click.ParamType[tuple[str, object]]):
    """``NAME=VALUE`` of ``kw.guards``: a number, True, False or None."""

    name = "guard"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> tuple[str, object]:
        name, equals, text = plain(value).partition("=")
        try:
            found = ast.literal_eval(text.strip().replace(",", "_").capitalize())
        except (ValueError, SyntaxError):
            found = ...
        if not equals or not isinstance(found, (bool, int, float, type(None))):
            raise BadInput(
                f'a guard is NAME=VALUE, "max_value=200_000_000" or "band=None", not {shown(value)}'
            )
        return name.strip(), found


class Wait(TypedDict):
    """How long a command waits for an order."""

    wait: bool
    timeout: float | None


@contextmanager
def with_guards(guards: Guards, given: Sequence[tuple[str, object]]) -> Iterator[None]:
    """Changes guards for one command.

    Raises:
        BadInput: there is no such guard, or it does not take the value.
    """
    before: dict[str, object] = {}
    try:
        for name, value in given:
            before.setdefault(name, getattr(guards, name, None))
            setattr(guards, name, value)
        yield
    finally:
        for name, value in before.items():
            with suppress(BadInput):  # there is none of that name
                setattr(guards, name, value)


def guard_option(command: Callback) -> Callback:
    """``--guard``."""
    return click.option(
        "--guard",
        "guards",
        type=GuardSetting(),
        multiple=True,
        metavar="NAME=VALUE",
        help="A guard for this order: max_value, max_quantity, band, tick_size, session …",
    )(command)


def wait_options(command: Callback) -> Callback:
    """``--wait`` and ``--timeout``."""
    timeout = click.option("--timeout", type=float, metavar="SECONDS", help="With --wait: at most so long.")
    wait = click.option("--wait", is_flag=True, help="Until it is filled, or ends otherwise.")
    return wait(timeout(command))


def account_option(command: Callback) -> Callback:
    """``--account``."""
    return click.option("--account", metavar="NUMBER", help="Which account; the first where left out.")(
        command
    )


def yes_option(command: Callback) -> Callback:
    """``--yes``."""
    return click.option("--yes", "-y", is_flag=True, help="Send it without being asked.")(command)


def order_arguments(command: Callback) -> Callback:
    """Arguments and options of a new order."""
    for decorate in (
        account_option,
        guard_option,
        wait_options,
        yes_option,
        click.option("--dry-run", is_flag=True, help="Send nothing: show what the guards and fees say."),
        click.option(
            "--type",
            "kind",
            metavar="거래구분",
            help="지정가, 시장가, 최유리, 최우선, IOC …; else 지정가 with a price, 시장가 without.",
            shell_complete=completion.complete_quote_types,
        ),
        click.option(
            "--loan-date",
            metavar="DATE",
            help="With --credit: which loan (대출일) a sale repays, as positions has it.",
        ),
        click.option(
            "--credit",
            metavar="신용구분",
            help="On credit: 자기융자; a sale repays a loan, 자기융자합 the oldest first.",
            shell_complete=completion.complete_credits,
        ),
        click.argument("price", required=False, type=Shares()),
        click.argument("quantity", type=Shares()),
        click.argument("code", shell_complete=completion.complete_codes),
    ):
        command = decorate(command)
    return command
