"""Fast formatting of the parts of real-time strings.

The formats are those of ``kiwoom_format``, made faster: texts that depend on a price alone are cached by price, and
ratios use integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.simulated.base import kiwoom_format

_TWO_DIGITS = [f"{number:02d}" for number in range(100)]


def percent_of(part: int, whole: int) -> str:
    """``part`` in percent of ``whole``, two decimals, no sign; both non-negative; 0.00 if ``whole`` is 0.

    >>> percent_of(2944634, 4817707), percent_of(1, 0)
    ('61.12', '0.00')
    """
    if not whole:
        return "0.00"
    hundredths = (20_000 * part + whole) // (2 * whole)
    return f"{hundredths // 100}.{_TWO_DIGITS[hundredths % 100]}"


def signed_percent_of(part: int, whole: int) -> str:
    """``percent_of`` with the sign of ``part`` - ``whole``.

    >>> signed_percent_of(7884712, 8785122), signed_percent_of(3, 2), signed_percent_of(3, 0)
    ('-89.75', '+150.00', '0.00')
    """
    if not whole:
        return "0.00"
    return ("-" if part < whole else "+") + percent_of(part, whole)


class PriceTexts(dict[int, str]):
    """Cache of an issue's prices as text, with the sign of their change from the base price.

    >>> PriceTexts(77500)[77000]
    '-77000'
    """

    def __init__(self, base: int) -> None:
        super().__init__()
        self._base = base

    def __missing__(self, price: int) -> str:
        text = kiwoom_format.price(price, self._base)
        self[price] = text
        return text


FIXED_FIELDS: Mapping[str, Mapping[int, str]] = {
    "주식체결": {
        691: "0",  # KO접근도: as recorded; it is about ELWs
        852: "0",  # 대주거래비용: not in the recorded strings
    },
    "주식호가잔량": {216: "0"},  # 투자자별티커: never seen
    "VI발동/해제": {9075: "1"},  # 장전구분: the regular session, as seen on the sibling REST feed
}
"""Constant values by type and FID, for lack of better knowledge."""

_ROUNDINGS: dict[str, Callable[[int], int]] = {
    "down": lambda millionths: millionths // 1_000_000,
    "up": lambda millionths: -(-millionths // 1_000_000),
    "nearest": lambda millionths: kiwoom_format.divide_rounded(millionths, 1_000_000),
}


_PER_PRICE: Mapping[int, tuple[Callable[[int], int], int]] = {  # rounding, millionths of the price
    # 거래비용: gives the one recorded value, 201, at 77,000 and at 77,100; meaning not established
    32: (_ROUNDINGS["up"], 2_600),
    1497: (_ROUNDINGS["down"], 400_000),  # CFD증거금: as recorded of one issue
    1498: (_ROUNDINGS["down"], 320_000),  # 유지증거금: as recorded of one issue
    # CFD거래비용: gives the recorded 410 at 77,000 and 411 at 77,100; meaning not established
    732: (_ROUNDINGS["nearest"], 5_330),
}


def per_price(fid: int, price: int) -> int:
    """Value of a FID that is a fraction of the price.

    >>> per_price(1498, 77100)
    24672
    """
    rounding, value = _PER_PRICE[fid]
    return rounding(price * value)
