"""Corporate actions that change what a share is (splits), and adjustment of prices to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.model import Bars

SPLIT = 8
"""Kiwoom's 수정주가구분 for a split (액면분할)."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A corporate action.

    Attributes:
        code: of the issue.
        day: first session in which the new shares trade.
        factor: new shares per old share, at least 1.
        event: Kiwoom's 수정주가구분 flag.
        halted: number of sessions before ``day`` in which trading is halted.
    """

    code: str
    day: date
    factor: float
    event: int = SPLIT
    halted: int = 0

    @property
    def epoch_day(self) -> int:
        """``day`` in days since the epoch."""
        return self.day.toordinal() - _EPOCH_DAY


KNOWN_ACTIONS = (
    CorporateAction("005930", date(2018, 5, 4), 50.0, SPLIT, halted=3),  # 5,000 KRW to 100 KRW
    CorporateAction("005935", date(2018, 5, 4), 50.0, SPLIT, halted=3),  # 5,000 KRW to 100 KRW
    CorporateAction("035420", date(2018, 10, 12), 5.0, SPLIT, halted=3),  # 500 KRW to 100 KRW
    CorporateAction("035720", date(2021, 4, 15), 5.0, SPLIT, halted=3),  # 500 KRW to 100 KRW
    CorporateAction("090430", date(2015, 5, 8), 10.0, SPLIT, halted=10),  # 5,000 KRW to 500 KRW
    CorporateAction("002790", date(2015, 5, 8), 10.0, SPLIT, halted=10),  # 5,000 KRW to 500 KRW
    CorporateAction("267250", date(2021, 4, 12), 5.0, SPLIT, halted=3),  # 5,000 KRW to 1,000 KRW
    CorporateAction("086520", date(2024, 4, 25), 5.0, SPLIT, halted=10),  # 500 KRW to 100 KRW
)
"""Well-known splits."""


def adjustment_factors(days: Ints, actions: Iterable[CorporateAction], until: int | None = None) -> Floats:
    """Number of shares that one share of each day has become by today, or by the day ``until``.

    Args:
        days: days since the epoch.
        actions: of one issue.
        until: days since the epoch; later actions are left out.
    """
    found = np.ones(len(days))
    for action in actions:
        if until is None or action.epoch_day <= until:
            found[days < action.epoch_day] *= action.factor
    return found


def event_columns(days: Ints, actions: Iterable[CorporateAction]) -> tuple[Ints, Floats]:
    """Kiwoom's 수정주가구분 and 수정비율 of each day (days since the epoch): 0 except on the days of the actions."""
    event, percent = np.zeros(len(days), np.int64), np.zeros(len(days))
    for action in actions:
        effective = days == action.epoch_day
        event[effective] += action.event
        percent[effective] = ratio(action.factor)
    return event, percent


def ratio(factor: float) -> float:
    """Kiwoom's 수정비율 of a split: the change of the price in percent."""
    return round((1 / factor - 1) * 100, 2)


def adjust(raw: Bars, factor: Floats) -> Bars:
    """Adjusted bars: prices divided by their day's factor, volume multiplied by it, value unchanged."""
    if (factor == 1).all():
        return raw
    return Bars(
        time=raw.time,
        open=_scaled(raw.open, 1 / factor),
        high=_scaled(raw.high, 1 / factor),
        low=_scaled(raw.low, 1 / factor),
        close=_scaled(raw.close, 1 / factor),
        volume=np.rint(raw.volume * factor).astype(np.int64),
        value=raw.value,
        event=raw.event,
        ratio=raw.ratio,
    )


def _scaled(prices: Ints, scale: Floats) -> Ints:
    return np.maximum(np.rint(prices * scale), 1.0).astype(np.int64)
