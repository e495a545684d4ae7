"""Corporate actions that change what a share is: splits, as they stand in ``actions.tsv``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.market.model import Bars

SPLIT = 8
"""Kiwoom's 수정주가구분 for a split (액면분할)."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One corporate action.

    Attributes:
        code: of the issue.
        day: from which on the new shares trade; it has to be a session.
        factor: new shares for an old one, not below 1.
        event: Kiwoom's 수정주가구분 flag.
        halted: how many sessions before ``day`` trading was halted.
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


@cache
def known() -> tuple[CorporateAction, ...]:
    """The well-known actions of the table."""
    return tuple(
        CorporateAction(code, date.fromisoformat(day), float(factor), int(event), int(halted))
        for code, day, factor, event, halted, _what in rows("actions")
    )


def factors(days: Ints, actions: Iterable[CorporateAction], until: int | None = None) -> Floats:
    """How many shares of today, or of the day ``until``, one share of each day has become.

    Args:
        days: since the epoch.
        actions: those of one issue.
        until: days since the epoch; actions after it are left out.
    """
    found = np.ones(len(days))
    for action in actions:
        if until is None or action.epoch_day <= until:
            found[days < action.epoch_day] *= action.factor
    return found


def marks(days: Ints, actions: Iterable[CorporateAction]) -> tuple[Ints, Floats]:
    """Kiwoom's 수정주가구분 and 수정비율 of each day (since the epoch): 0 but on the days of the actions."""
    event, percent = np.zeros(len(days), np.int64), np.zeros(len(days))
    for action in actions:
        effective = days == action.epoch_day
        event[effective] += action.event
        percent[effective] = ratio(action.factor)
    return event, percent


def ratio(factor: float) -> float:
    """Kiwoom's 수정비율 where one share becomes so many: by how many percent the price changes."""
    return round((1 / factor - 1) * 100, 2)


def adjusted(raw: Bars, factor: Floats) -> Bars:
    """Bars at a later scale: prices divided by the factor of their day, volume times it, value as it was."""
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
