"""``kw.guards``: what an order may be, checked before it is sent. Shown by its repr, set by its attributes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Final, NamedTuple

from koalab.errors import BadInput
from koalab.inputs.arguments import flag, seconds, whole_number
from koalab.inputs.text import shown

_MOST: Final = 10**15


class _Setting(NamedTuple):
    default: Any
    check: Callable[[str, object], Any]
    optional: bool
    meaning: str


def _whole(name: str, given: object) -> int:
    return whole_number(name, given, 1, _MOST)


def _percent(most: float) -> Callable[[str, object], float]:
    def check(name: str, given: object) -> float:
        number = float(given) if isinstance(given, Real) and not isinstance(given, bool) else math.nan
        if not 0 <= number <= most:
            raise BadInput(f"{name} is a percentage from 0 to {most:g}, not {shown(given)}")
        return number

    return check


_SETTINGS: Final[Mapping[str, _Setting]] = {
    "max_value": _Setting(
        100_000_000,
        _whole,
        True,
        "KRW that one order may be worth; without a price it counts at the upper limit",
    ),
    "max_quantity": _Setting(100_000, _whole, True, "shares of one order"),
    "band": _Setting(
        30.0, _percent(30), True, "percent that a price may be away from 기준가; 30: the exchange's limits"
    ),
    "tick_size": _Setting(True, flag, False, "whether a price must be a multiple of 호가단위"),
    "session": _Setting(True, flag, False, "whether the exchange must be taking orders of that 거래구분"),
    "exchange": _Setting(
        True, flag, False, "whether orders are for the Korea Exchange alone, not _NX or _AL"
    ),
    "duplicates_within": _Setting(5.0, seconds, True, "seconds in which the same order is sent once"),
    "fee_percent": _Setting(
        None, _percent(5), True, "of a dry run; None: 0.35 on 모의투자, 0.015 on the real server"
    ),
}


class Guards:
    """The guards of a session's orders. They are on; each attribute changes one, None or False turns it off.

    Cancellations are never stopped. Orders by ``kw.call.SendOrder`` do not pass here.

    Attributes:
        max_value: KRW that one order may be worth; an order without a price counts at the day's upper limit, and one
            that sells at 기준가 at least, as for the server's ``--max-order-value``. None: no limit.
        max_quantity: shares of one order. None: no limit.
        band: percent that a price may be away from 기준가 (GetMasterLastPrice); 30 stands for the exchange's own limits
            of the issue and day. None: any price.
        tick_size: whether a price must be a multiple of 호가단위.
        session: whether the exchange must be taking orders of that 거래구분 now.
        exchange: whether an order for ``005930_NX`` or ``005930_AL`` is stopped: how OpenAPI+ takes orders for Nextrade
            is not known, and 모의투자 took none.
        duplicates_within: seconds in which the same order is sent once. An order whose fate is unknown is never sent
            again by itself. None: any number of times.
        fee_percent: the broker's fee for ``dry_run``, in percent of the value; None: 0.35 on 모의투자, else 0.015.
    """

    max_value: int | None
    max_quantity: int | None
    band: float | None
    tick_size: bool
    session: bool
    exchange: bool
    duplicates_within: float | None
    fee_percent: float | None

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Sets all of them as they are at first."""
        for name, setting in _SETTINGS.items():
            object.__setattr__(self, name, setting.default)

    def __setattr__(self, name: str, value: object) -> None:
        setting = _SETTINGS.get(name)
        if setting is None:
            near = difflib.get_close_matches(name, _SETTINGS, 1, 0.4)
            raise BadInput(
                f"no guard {shown(name)}: {'did you mean' if near else 'there are'} {', '.join(near or _SETTINGS)}?"
            )
        if value is None and setting.optional:
            object.__setattr__(self, name, None)
            return
        try:
            object.__setattr__(self, name, setting.check(f"kw.guards.{name}", value))
        except BadInput as error:
            off = "; None turns it off" if setting.optional and setting.default is not None else ""
            raise BadInput(f"{error}{off}") from None

    def __repr__(self) -> str:
        lines = [
            f"  {name:<18}{_text(getattr(self, name)):>12}   {setting.meaning}"
            for name, setting in _SETTINGS.items()
        ]
        return "\n".join(["guards of orders: kw.guards.NAME = VALUE changes one, None turns it off", *lines])


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
