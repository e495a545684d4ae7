"""Number formats of Kiwoom's fields.

A price has a sign that stands for its colour: ``+`` above 기준가, ``-`` below it, none at it. Changes and rates have
real signs. Rates have two decimals. Rates, and amounts in larger units, are rounded half away from zero, as in all
recordings.
"""

from __future__ import annotations

import operator
from typing import Literal

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints

_SIGNS = ("", "+", "-")  # indexed by a comparison: 0, 1, -1


def price(value: int, base: int) -> str:
    """A price, signed against ``base``.

    >>> price(77000, 77500), price(77600, 77500), price(77500, 77500)
    ('-77000', '+77600', '77500')
    """
    return f"{_SIGNS[(value > base) - (value < base)]}{value}"


def prices(values: Ints, bases: Ints | int) -> list[str]:
    """A column of prices, each signed against its base."""
    signs = map(_SIGNS.__getitem__, np.sign(values - bases).tolist())
    return list(map(operator.add, signs, map(str, values.tolist())))


def plain_numbers(values: Ints) -> list[str]:
    """A column of plain whole numbers."""
    return list(map(str, values.tolist()))


def millions_column(won: Ints) -> list[str]:
    """A column of 거래대금."""
    return plain_numbers((won + 500_000) // 1_000_000)


def adjustment_flags(values: Ints) -> list[str]:
    """A column of 수정주가구분: blank for 0."""
    if not values.any():
        return [""] * len(values)
    return [str(value) if value else "" for value in values.tolist()]


def adjustment_ratios(values: Floats, events: Ints) -> list[str]:
    """A column of 수정비율: two decimals on rows with an event, blank on the others."""
    if not events.any():
        return [""] * len(values)
    pairs = zip(values.tolist(), events.tolist(), strict=True)
    return [f"{value:.2f}" if event else "" for value, event in pairs]


def signed(value: int) -> str:
    """A change: ``-500``, ``+150``, ``0``."""
    return f"{value:+d}" if value else "0"


def twice_signed(value: int) -> str:
    """An amount in the TRs about investors that write a colour sign before the number's own sign.

    >>> twice_signed(693), twice_signed(-714), twice_signed(0)
    ('+693', '--714', '0')
    """
    return f"--{-value}" if value < 0 else signed(value)


def divide_rounded(value: int, unit: int) -> int:
    """``value / unit``, rounded half away from zero."""
    rounded = (abs(value) * 2 + unit) // (unit * 2)
    return rounded if value >= 0 else -rounded


def decimal(value: int, unit: int, places: int = 2) -> str:
    """``value / unit`` with that many decimals and no plus sign. ``unit`` is positive.

    >>> decimal(77000, 3841)
    '20.05'
    """
    scale = int(10**places)
    whole, part = divmod(abs(divide_rounded(value * scale, unit)), scale)
    minus = "-" if value < 0 and (whole or part) else ""
    return f"{minus}{whole}.{part:0{places}d}"


def rate(change: int, base: int) -> str:
    """``change`` in percent of ``base``, signed; 0.00 without a base.

    >>> rate(-500, 77500), rate(150, 49400), rate(0, 1225)
    ('-0.65', '+0.30', '0.00')
    """
    if base <= 0:
        return "0.00"
    text = decimal(change * 100, base)
    return f"+{text}" if change > 0 and text != "0.00" else text


def percentage(value: float) -> str:
    """A percentage with two decimals, signed.

    >>> percentage(1.005), percentage(-12.5), percentage(0.004)
    ('+1.00', '-12.50', '0.00')
    """
    text = decimal(round(value * 100), 100)
    return f"+{text}" if value > 0 and text != "0.00" else text


def percent_of_previous(value: int, before: int) -> str:
    """``value`` in percent of ``before``; the sign is ``-`` below 100 percent, else ``+``. 0.00 without ``before``.

    >>> percent_of_previous(7715780, 8785122)
    '-87.83'
    """
    if before <= 0:
        return "0.00"
    return f"{'-' if value < before else '+'}{decimal(value * 100, before)}"


def change_sign(last: int, base: int, upper: int, lower: int) -> str:
    """전일대비기호: 1 상한, 2 상승, 3 보합, 4 하한, 5 하락."""
    if last == base:
        return "3"
    if last > base:
        return "1" if last >= upper else "2"
    return "4" if last <= lower else "5"


def millions(won: int) -> int:
    """Won in 백만원, rounded: 거래대금."""
    return divide_rounded(won, 1_000_000)


def eok(won: int) -> int:
    """Won in 억원, rounded: 시가총액, 자본금."""
    return divide_rounded(won, 100_000_000)


def thousands(shares: int) -> int:
    """Shares in 천주, rounded: 상장주식, 유통주식, 주식수."""
    return divide_rounded(shares, 1000)


def padded(value: str, side: Literal["none", "left", "right"], width: int) -> str:
    """The value padded with blanks to ``width`` bytes of CP949; an empty value stays empty."""
    if side == "none" or not value:
        return value
    size = len(value) if value.isascii() else len(value.encode("cp949", "replace"))
    blanks = " " * (width - size)
    return blanks + value if side == "left" else value + blanks
