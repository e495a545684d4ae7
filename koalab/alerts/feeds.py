"""The feeds of alerts: trades, fills, conditions and the connection. Alerts on the same thing share one.

Occurrences are noticed on the threads of the hub, of the orders and of callbacks; a feed does nothing there that waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from koalab.alerts import message as messages
from koalab.alerts.alert import Alert
from koalab.alerts.grammar import COMPARATORS, PriceRule
from koalab.errors import KoalabError
from koalab.live.condition_watch import ConditionWatch, MemberChange
from koalab.live.decoding.fields import registered_fids
from koalab.live.event_log import Columns
from koalab.live.hub import BROKER_LOST, Hub
from koalab.live.stream import EventStream
from koalab.orders.record import OrderChange, OrderRecord
from koalab.orders.state import AccountState
from koalab.transport.base import TickBatch

log = logging.getLogger(__name__)

_REGISTERED_WITHIN: Final = 20.0
# A type that is registered without a code, and of which hardly an event comes.
_QUIET: Final = "장시작시간"


class SharedFeed(Protocol):
    """A feed of several alerts."""

    def state(self) -> tuple[str, str]: ...

    def add(self, alert: Alert) -> None: ...

    def remove(self, alert: Alert) -> bool:
        """Whether it was the last."""
        ...

    def close(self) -> None:
        """Unregisters what it has registered."""
        ...


class _Alerts:
    """The alerts of a feed: read by its threads without a lock, replaced as a whole."""

    def __init__(self) -> None:
        self.now: tuple[Alert, ...] = ()

    def add(self, alert: Alert) -> None:
        self.now = (*self.now, alert)

    def remove(self, alert: Alert) -> bool:
        self.now = tuple(one for one in self.now if one is not alert)
        return not self.now


class PriceFeed(_Alerts):
    """The trades or best quotes of one issue, compared with the numbers of its alerts.

    An alert fires when its comparison becomes true, and with the first event where it is true already. Every event is
    compared, those too that came together with a later one.

    Args:
        stream: of the issue.
    """

    def __init__(self, stream: EventStream[Any]) -> None:
        super().__init__()
        self._stream = stream
        self._was: dict[Alert, bool] = {}
        stream.listen(self._on_events)

    def state(self) -> tuple[str, str]:
        state = self._stream.state
        return str(state), state.why

    def close(self) -> None:
        self._stream.close()

    def remove(self, alert: Alert) -> bool:
        self._was.pop(alert, None)
        return super().remove(alert)

    def _on_events(self, part: Columns, _start: int) -> None:
        for alert in self.now:
            rule = alert.rule
            assert isinstance(rule, PriceRule)
            values = part[rule.field.column]
            known = values != 0 if rule.field.zero_is_none else np.ones(len(values), bool)
            rows = np.flatnonzero(known)
            if not len(rows):
                continue
            true = np.asarray(COMPARATORS[rule.comparator](values[rows], rule.number), bool)
            before = np.concatenate(([self._was.get(alert, False)], true[:-1]))
            self._was[alert] = bool(true[-1])
            for row in rows[np.flatnonzero(true & ~before)].tolist():
                at = float(part["arrived"][row])
                alert.fire(messages.of_price(rule, values[row].item(), pd.Timestamp(part["time"][row]), at))


class FillFeed(_Alerts):
    """The fills of one account's orders, those of other programs included.

    Args:
        account: its state.
    """

    def __init__(self, account: AccountState) -> None:
        super().__init__()
        self._account = account
        self._seen: dict[int, OrderChange] = {}  # by identity, which holds while they are kept
        account.listen(self._on_change)

    def state(self) -> tuple[str, str]:
        return ("lost", self._account.stale) if self._account.stale else ("live", "")

    def close(self) -> None:
        self._account.unlisten(self._on_change)

    def _on_change(self, record: OrderRecord, change: OrderChange) -> None:
        # An order whose events came before its number has the same changes recorded with it again.
        if not change.volume or id(change) in self._seen:
            return
        self._seen[id(change)] = change
        happened = messages.of_fill(record, change)
        for alert in self.now:
            alert.fire(happened)


class ConditionFeed(_Alerts):
    """The entries and exits of a live condition.

    Args:
        watch: the condition.
    """

    def __init__(self, watch: ConditionWatch) -> None:
        super().__init__()
        self._watch = watch
        watch.on(self._on_change)

    def state(self) -> tuple[str, str]:
        state = self._watch.state
        return str(state), state.why

    def close(self) -> None:
        self._watch.close()

    def _on_change(self, change: MemberChange) -> None:
        happened = messages.of_member(self._watch.condition, change)
        for alert in self.now:
            alert.fire(happened)


class ConnectionFeed(_Alerts):
    """A ``hub.Subscriber`` that notices when server or broker are lost, and when they are back.

    Args:
        hub: the session's.
        now: the broker's time.
    """

    def __init__(self, hub: Hub, now: Callable[[], float]) -> None:
        super().__init__()
        self._hub = hub
        self._now = now
        self._lost: tuple[float, str] | None = None
        self._error: KoalabError | None = None
        self._subscription = hub.subscribe(("",), registered_fids(_QUIET), self)
        try:
            self._subscription.wait(_REGISTERED_WITHIN)
        except BaseException:
            self._subscription.close()
            raise

    def state(self) -> tuple[str, str]:
        lost = self._lost
        if self._error is not None:
            return "closed", str(self._error)
        return ("lost", lost[1]) if lost is not None else ("live", "")

    def close(self) -> None:
        self._subscription.close()

    # -- Subscriber, on the hub's thread

    def on_start(self, at: float) -> None:
        if self._lost is not None:
            (since, _), self._lost = self._lost, None
            self._fire(messages.of_return(at, since))

    def on_batch(self, batch: TickBatch) -> None:
        pass

    def on_progress(self, until: float) -> None:
        pass

    def on_gap(self, since: float, why: str) -> None:
        if why != BROKER_LOST and self._hub.connected:
            return  # events were lost, not the connection
        if self._lost is None:
            self._lost = (since, why)
            self._fire(messages.of_loss(self._now(), why_lost(why)))

    def on_error(self, error: KoalabError) -> None:
        self._error = error
        self._fire(messages.of_loss(self._now(), str(error)))

    def _fire(self, happened: messages.Occurrence) -> None:
        for alert in self.now:
            alert.fire(happened)


def why_lost(why: str) -> str:
    """The hub's reason, for a message."""
    return "증권사와의 연결" if why == BROKER_LOST else f"서버와의 연결 ({why})"
